# SPDX-License-Identifier: MIT
"""Webhooks and Slack: what a receiver gets, and what becomes of its answer."""

import hashlib
import hmac
import json
import re
import socket
import time

import pytest

from lib import report
from lib.manual import says
from lib.outbox import SECTIONS, notices, wait_states
from lib.receiver import Receiver, certificate


@pytest.fixture
def receiver():
    one = Receiver()
    yield one
    one.close()


@pytest.fixture
def tls(tmp_path):
    """A receiver with TLS, and the certificate that has to be trusted for it."""
    pem, ca = certificate(tmp_path)
    one = Receiver(tls=pem)
    one.ca = ca
    yield one
    one.close()


def sections(**more):
    return {name: {**SECTIONS.get(name, {}), **more.get(name, {})}
            for name in {*SECTIONS, *more}}


def signature_holds(request, server, secret='sesame', host='127.0.0.1'):
    signed = b'\n'.join([request.headers['X-Reportd-Timestamp'].encode(),
                         server.url(request.path, host).encode(), request.body])
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return hmac.compare_digest(request.headers['X-Reportd-Signature'],
                               'sha256=' + expected)


def test_completion_is_posted_signed_and_whole(db, drain, receiver):
    config_id = report.submit(
        db, report_name='sales "Ä" <1>', report_type='daily',
        export_sql="select g, :'x' as x from generate_series(1, 1234) g",
        parameters={'x': 'y'}, notify_on_completion=[receiver.url('/a?b=c%20d')],
        notify_on_failure=[receiver.url('/failure')])
    drain(SECTIONS)
    request, = receiver.taken
    run, = report.runs(db, config_id)
    notice, = notices(db)
    assert request.path == '/a?b=c%20d'
    assert request.headers['Content-Type'] == 'application/json'
    assert request.headers['Idempotency-Key'] == str(notice.idempotency_key)
    assert abs(int(request.headers['X-Reportd-Timestamp']) - time.time()) < 60
    assert signature_holds(request, receiver)
    assert request.json == {
        'version': 1, 'event': 'report.completed',
        'key': str(notice.idempotency_key),
        'notification_id': notice.notification_id,
        'report': {'config_id': config_id, 'report_name': 'sales "Ä" <1>',
                   'report_type': 'daily', 'time_zone': 'UTC'},
        'run': {'run_id': run.run_id, 'attempt': 1, 'status': 'COMPLETED',
                'scheduled_for': f'{run.scheduled_for:%Y-%m-%dT%H:%M:%SZ}',
                'started_at': f'{run.started_at:%Y-%m-%dT%H:%M:%S.%f}'[:-3] + 'Z',
                'finished_at': f'{run.finished_at:%Y-%m-%dT%H:%M:%S.%f}'[:-3] + 'Z',
                'rows': 1234, 'bytes': run.byte_count,
                'outputs': [{'url': run.output_url, 'rows': 1234,
                             'bytes': run.byte_count, 'sha256': run.sha256}],
                'output_count': 1, 'inputs': [], 'input_count': 0, 'parameters': {'x': 'y'}, 'remark': None,
                'score': None, 'checks': None},
        'error': None}
    assert (notice.state, notice.attempts, notice.event) == ('SENT', 1, 'COMPLETED')
    assert notice.recipient == f'http://127.0.0.1:{receiver.port}'


def test_failure_goes_to_the_failure_list_with_stage_error_and_hint(db, drain, receiver):
    config_id = report.submit(
        db, report_name='broken', export_sql='select 1/0 as x', max_retries=0,
        notify_on_completion=[receiver.url('/audience')],
        notify_on_failure=[receiver.url('/support')])
    drain(SECTIONS)
    request, = receiver.taken
    assert request.path == '/support'
    assert request.json['event'] == 'report.failed'
    assert request.json['run']['status'] == 'FAILED'
    error = request.json['error']
    assert (error['stage'], error['sqlstate']) == ('export', '22012')
    assert 'division by zero' in error['message']
    assert error['hint'] == ('Correct export_sql of the report, or the rows that it reads, then run it again '
                             f'with `reportctl retry {config_id}`.')


def test_without_a_secret_nothing_is_signed(db, drain, receiver):
    report.submit(db, notify_on_completion=[receiver.url()])
    drain(sections(webhook={'secrets': 'other.example=sesame'}))
    assert 'X-Reportd-Signature' not in receiver.taken[0].headers
    assert 'X-Reportd-Timestamp' in receiver.taken[0].headers


@pytest.mark.parametrize('answer', [500, 503, 429, 408, 'cut'])
def test_what_may_get_better_is_tried_again_with_the_same_key(db, daemon, receiver, answer):
    receiver.answers = [answer, answer]
    report.submit(db, notify_on_completion=[receiver.url()])
    daemon(SECTIONS)
    notice, = wait_states(db, ['SENT'])
    assert notice.attempts == 3
    assert notice.last_error is None
    assert len({r.headers['Idempotency-Key'] for r in receiver.taken}) == 1
    assert len({r.body for r in receiver.taken}) == 1
    assert len(receiver.taken) == 3
    assert all(signature_holds(r, receiver) for r in receiver.taken)


@pytest.mark.parametrize('answer', [200, 201, 204, (200, {}, 'x' * 3000000), 'half'])
def test_2xx_is_taken_whatever_comes_behind_it(db, daemon, receiver, answer):
    receiver.answer = answer
    report.submit(db, notify_on_completion=[receiver.url()])
    daemon(SECTIONS)
    notice, = wait_states(db, ['SENT'])
    assert (notice.attempts, notice.last_error, len(receiver.taken)) == (1, None, 1)


@pytest.mark.parametrize('status', [400, 401, 403, 404, 410, 413])
def test_other_refusals_are_not_tried_again(db, daemon, receiver, status):
    receiver.answer = status, {}, 'no such\nchannel'
    config_id = report.submit(db, notify_on_completion=[receiver.url('/s3cret')])
    one = daemon(SECTIONS)
    notice, = wait_states(db, ['FAILED'])
    assert notice.attempts == len(receiver.taken) == 1
    assert notice.last_error == (f'http://127.0.0.1:{receiver.port} answered with '
                                 f'HTTP {status}: no such channel')
    assert report.config(db, config_id).status == 'COMPLETED'
    assert 's3cret' not in one.log()


def test_it_is_given_up_after_so_many_attempts(db, daemon, receiver):
    receiver.answer = 500
    config_id = report.submit(db, notify_on_completion=[receiver.url()])
    daemon(sections(notify={'attempts': 3}))
    notice, = wait_states(db, ['FAILED'])
    assert notice.attempts == len(receiver.taken) == 3
    assert 'HTTP 500' in notice.last_error
    assert report.config(db, config_id).status == 'COMPLETED'


@pytest.mark.parametrize('form', ['seconds', 'date'])
def test_retry_after_is_honoured(db, daemon, receiver, form):
    def later(_):
        receiver.at = time.time()
        value = '2' if form == 'seconds' else time.strftime(
            '%a, %d %b %Y %H:%M:%S GMT', time.gmtime(receiver.at + 3))
        return 429, {'Retry-After': value}, ''
    receiver.answers = [later]
    report.submit(db, notify_on_completion=[receiver.url()])
    daemon(SECTIONS)
    wait_states(db, ['SENT'])
    sent_at = db.value('select extract(epoch from sent_at) from reportd.report_notification')
    assert 1.5 < float(sent_at) - receiver.at < 6


@pytest.mark.parametrize('target', [
    'http://169.254.169.254/latest/meta-data/', 'http://127.0.0.1:1/', 'itself'])
def test_redirects_are_not_followed(db, daemon, receiver, target):
    receiver.answer = lambda request: (
        307, {'Location': receiver.url('/inside') if target == 'itself' else target}, '')
    report.submit(db, notify_on_completion=[receiver.url('/outside')])
    daemon(SECTIONS)
    notice, = wait_states(db, ['FAILED'])
    assert [r.path for r in receiver.taken] == ['/outside']
    assert 'HTTP 307: redirects are not followed' in notice.last_error


@pytest.mark.parametrize('host', [
    '127.0.0.1', 'localhost', '127.1.2.3', '[::1]', 'tls:127.0.0.1',
    'tls:localhost', 'tls:[::ffff:127.0.0.1]', 'tls:0.0.0.0', 'tls:2130706433',
    'tls:127.1', 'tls:0x7f.1', 'tls:169.254.169.254', 'tls:[fd00:ec2::254]',
    'tls:10.1.2.3', 'tls:172.31.0.1', 'tls:192.168.0.1', 'tls:100.64.0.9', 'tls:[fd12::1]'])
def test_this_machine_and_metadata_are_never_reached(db, daemon, receiver, tls, host):
    server = tls if host.startswith('tls:') else receiver
    report.submit(db, notify_on_completion=[server.url(host=host.removeprefix('tls:'))])
    one = daemon({'http': {'ca_file': tls.ca, 'connect_timeout': '2s'},
            'webhook': {}, 'notify': SECTIONS['notify']})
    notice, = wait_states(db, ['FAILED'])
    assert not receiver.taken and not tls.taken
    assert notice.attempts == 1, notice
    assert notice.last_error == (f'{notice.recipient} could not be reached; '
                                 "the daemon's log says why")
    one.wait_log('[webhook] allow lists networks that are')


def test_errors_are_no_port_scanner(db, daemon, receiver, tls):
    """A closed port, one that speaks no TLS, a certificate that is not trusted, a
    name that is not there, a receiver that hangs up: one sentence."""
    receiver.answer = 'cut'
    with socket.socket() as closed:
        closed.bind(('127.0.0.1', 0))
        urls = [f'https://127.0.0.1:{closed.getsockname()[1]}/', tls.url(),
                receiver.url().replace('http:', 'https:'), receiver.url(),
                'https://nothing.invalid/']
        report.submit(db, notify_on_completion=urls)
        one = daemon(sections(notify={'attempts': 1}))
        told = wait_states(db, ['FAILED'] * len(urls))
    for notice in told:
        assert notice.last_error == (f'{notice.recipient} could not be reached; '
                                     "the daemon's log says why")
    for says in ('no connection to 127.0.0.1', 'is not trusted', 'cannot be resolved'):
        one.wait_log(says)


def test_each_host_has_its_own_secret(db, drain, receiver):
    report.submit(db, notify_on_completion=[receiver.url('/a'),
                                            receiver.url('/b', 'localhost')])
    drain(sections(webhook={'allow': '127.0.0.0/8, ::1',
                            'secrets': 'localhost=${SECOND}, 127.0.0.*=first'}),
          env={'SECOND': 'second=2'})
    first, second = sorted(receiver.taken, key=lambda r: r.path)
    assert signature_holds(first, receiver, 'first')
    assert signature_holds(second, receiver, 'second=2', 'localhost')
    assert not signature_holds(first, receiver, 'second=2')


@pytest.mark.parametrize('what', ['path', 'host', 'timestamp', 'body'])
def test_what_is_signed_for_one_receiver_is_no_proof_to_another(db, drain, receiver, what):
    report.submit(db, notify_on_completion=[receiver.url('/a')])
    drain(SECTIONS)
    request, = receiver.taken
    assert signature_holds(request, receiver)
    changed = {
        'path': request._replace(path='/b'), 'host': request,
        'body': request._replace(body=request.body + b' '),
        'timestamp': request._replace(headers=request.headers | {
            'X-Reportd-Timestamp': str(int(request.headers['X-Reportd-Timestamp']) + 1)}),
    }[what]
    assert not signature_holds(changed, receiver,
                               host='localhost' if what == 'host' else '127.0.0.1')


@says('Empty lists allow nothing.')
def test_without_a_list_no_webhook_goes_anywhere(db, daemon, receiver):
    report.submit(db, notify_on_completion=[receiver.url()])
    daemon(sections(webhook={'hosts': None}))
    notice, = wait_states(db, ['FAILED'])
    assert '[webhook] hosts lists the hosts' in notice.last_error
    assert not receiver.taken


def test_a_name_that_leads_here_is_refused(db, daemon, tls):
    """localhost under other names: the host's own, as its hosts file has it."""
    names = [n for n in {socket.gethostname(), 'ip6-localhost', 'localhost.localdomain'}
             if any(a[4][0].startswith(('127.', '::1')) for a in lookup(n))]
    if not names:
        pytest.skip('no name but localhost leads to loopback here')
    report.submit(db, notify_on_completion=[tls.url(host=names[0])])
    daemon({'http': {'ca_file': tls.ca}, 'notify': SECTIONS['notify']})
    notice, = wait_states(db, ['FAILED'])
    assert not tls.taken, notice


def lookup(name):
    try:
        return socket.getaddrinfo(name, 443)
    except OSError:
        return []


def test_hosts_that_are_not_listed_are_refused(db, daemon, receiver):
    receiver.answer = 200
    report.submit(db, notify_on_completion=[receiver.url(), receiver.url(host='localhost')])
    daemon(sections(webhook={'hosts': 'LOCALHOST, *.example.org'}))
    refused, sent = wait_states(db, ['FAILED', 'SENT'])
    assert refused.last_error == ('the settings do not allow notices to 127.0.0.1; '
                                  '[webhook] hosts lists the hosts')
    assert len(receiver.taken) == 1


def test_tls_is_verified(db, daemon, tls):
    report.submit(db, notify_on_completion=[tls.url()])
    one = daemon(SECTIONS)
    notice, = wait_states(db, ['FAILED'])
    assert notice.attempts == 1
    one.wait_log('certificate')
    assert not tls.taken


def test_tls_with_a_ca_file(db, drain, tls):
    report.submit(db, notify_on_completion=[tls.url()])
    drain(sections(http={'ca_file': tls.ca}))
    assert notices(db)[0].state == 'SENT', notices(db)
    assert signature_holds(tls.taken[0], tls)


def test_proxy_that_is_down_is_tried_again(db, daemon, receiver):
    with socket.socket() as closed:
        closed.bind(('127.0.0.1', 0))
        port = closed.getsockname()[1]
    report.submit(db, notify_on_completion=['https://hooks.example.org/a/s3cret'])
    one = daemon(sections(http={'proxy': f'http://127.0.0.1:{port}'},
                          notify={'attempts': 2}))
    notice, = wait_states(db, ['FAILED'])
    assert notice.attempts == 2
    assert 's3cret' not in notice.last_error + one.log()


@pytest.mark.parametrize('url, message', [
    ('http://example.org/x', 'is not encrypted'),
    ('https://user:pw@example.org/', 'has a user or password'),
    ('https://', 'has no sound host'),
    ('https://ex ample.org/', 'has no sound host'),
    ('https://example.org/a b', 'holds a blank'),
    ('https://example.org/\r\nX: y', 'holds a line break'),
    ('ftp://example.org/', 'has no known scheme'),
    ('slack:hooks.slack.com/services', 'has no sound host'),
    ('slack:http://hooks.slack.com/services', 'is not encrypted'),
    ('slack:https://hooks.slack.com', 'has no path'),
    ('slack:https://hooks.slack.com/', 'has no path'),
    ('slack:https://hooks.slack.com/?a=b/c', 'has no path'),
    ('slack:https://hooks.slack.com?/services', 'has no path'),
    ('', 'is empty'), ('ops@example.org', 'has no known scheme')])
@pytest.mark.parametrize('column', ['notify_on_completion', 'notify_on_failure'])
def test_wrong_addresses_are_refused_by_the_insert(db, column, url, message):
    with pytest.raises(Exception) as refused:
        report.submit(db, **{column: ['https://fine.example.org/', url]})
    assert column in str(refused.value) and message in str(refused.value)
    assert refused.value.diag.message_hint
    config_id = report.submit(db)
    with pytest.raises(Exception, match=message):
        db.execute(f'update reportd.report_config set {column} = %s', [url])
    assert report.config(db, config_id)[report.config(db, config_id)._fields.index(column)] is None


# ---- Slack ----

def slack(receiver, path='/services/T0/B0/s3cret'):
    return 'slack:' + receiver.url(path)


SLACK = sections(slack={'hosts': '127.0.0.1'})


def texts(blocks):
    """The texts of blocks, code between `."""
    found = []
    for one in blocks:
        if isinstance(one.get('text'), dict):
            found.append(one['text']['text'])
        elif 'text' in one:
            found.append('`{}`'.format(one['text']) if one.get('style') else one['text'])
        found.append(texts(one.get('elements', [])))
    return ''.join(found)


def test_slack_gets_blocks_that_people_read(db, drain, receiver):
    config_id = report.submit(db, report_name='sales & <costs> `x`',
                              export_sql='select generate_series(1, 12345)',
                              notify_on_completion=[slack(receiver)])
    drain(SLACK)
    message = receiver.taken[0].json
    run, = report.runs(db, config_id)
    assert message['text'] == "sales &amp; &lt;costs&gt; 'x' is ready: 12,345 rows."
    header, *rest = message['blocks']
    assert header == {'type': 'header', 'text': {
        'type': 'plain_text', 'text': 'sales & <costs> `x` is ready: 12,345 rows.'}}
    assert f'Report {config_id}, run {run.run_id}' in texts(rest)
    assert 'Saved as `/' in texts(rest) and 'file:' not in texts(rest)
    assert rest[-1]['type'] == 'context'
    assert 'Idempotency-Key' not in receiver.taken[0].headers


def test_slack_failure_within_its_limits(db, drain, receiver):
    report.submit(db, report_name='n' * 200, max_retries=0,
                  export_sql="select ('<&>`' || repeat('ü<&>', 600))::int",
                  notify_on_failure=[slack(receiver)])
    drain(SLACK)
    blocks = receiver.taken[0].json['blocks']
    assert len(blocks[0]['text']['text']) <= 150
    before, quote, after = blocks[2]['elements']
    assert quote['type'] == 'rich_text_quote'
    assert '<&>`ü<&>ü' in texts([quote]) and texts([quote]).endswith('…')
    assert len(texts([quote])) <= 1500
    assert re.search(r'`reportctl retry \d+`', texts([after]))
    assert not any(b.get('fields') for b in blocks)


def test_slack_shows_signs_of_its_markup(db, daemon, drain, receiver):
    """In mrkdwn the name would lose its _, and the URL would be a link."""
    text = '_new_ *b* ~c~ https://x.org <!channel>'
    report.submit(db, report_name=text, export_sql=f'select 1 as "{text}", nothing',
                  max_retries=0, notify_on_failure=[slack(receiver)])
    report.submit(db, export_sql=f"select '{text}\x1b[31m'::int", max_retries=0,
                  notify_on_failure=[slack(receiver)])
    drain(SLACK)
    for request in receiver.taken:
        assert 'mrkdwn' not in request.body.decode()
    told = ''.join(texts(request.json['blocks']) for request in receiver.taken)
    assert f'{text} failed.' in told and f'"{text}<U+001B>[31m"' in told


def test_slack_shows_what_turns_text_round(db, drain, receiver):
    name, told = 'a\u202ecod.exe', []
    for columns in {}, {'export_sql': f"select '{name}'::int", 'max_retries': 0}:
        report.submit(db, report_name=name, output_path='{report_name}.{ext}', **columns,
                      notify_on_completion=[slack(receiver)], notify_on_failure=[slack(receiver)])
    drain(SLACK)
    for request in receiver.taken:
        text = json.dumps(request.json, ensure_ascii=False)
        assert '\u202e' not in text
        assert text.count('U+202E') >= 2, text
        told.append(text)
    assert len(told) == 2 and 'Saved as' in ''.join(told) and 'a_cod.exe.csv' in ''.join(told)


def test_slack_only_where_the_settings_allow(db, daemon, receiver):
    report.submit(db, notify_on_completion=[slack(receiver)])
    one = daemon(SECTIONS)
    notice, = wait_states(db, ['FAILED'])
    assert '[slack] hosts' in notice.last_error
    assert not receiver.taken
    assert 's3cret' not in notice.last_error + one.log()


def test_slack_says_what_it_refuses_and_its_secret_is_nowhere(db, daemon, ctl, receiver):
    receiver.answer = 404, {}, 'no_service'
    config_id = report.submit(db, notify_on_completion=[slack(receiver)])
    one = daemon(SLACK)
    notice, = wait_states(db, ['FAILED'])
    shown = f'http://127.0.0.1:{receiver.port}'
    assert notice.last_error == f'{shown} answered with HTTP 404: no_service'
    assert notice.recipient == shown
    view = db.row('select * from reportd.v_notifications')
    assert 's3cret' not in one.log() + str(view)
    status = ctl('status', config_id)
    assert 'no_service' in status.stdout


# ---- doctor ----

@pytest.mark.parametrize('webhook, result, says', [
    ({'allow': 'nonsense'}, 'FAILED', 'nonsense'),
    ({'allow': '127.0.0.1/32'}, 'warn', '127.0.0.1/32'),
    ({'hosts': 'a.example.org, *.example.org'}, 'warn', 'a.example.org are not signed'),
    ({'hosts': 'a.org', 'secrets': 'a.org=short'}, 'warn', 'shorter'),
    ({'secrets': '*.org=' + 'x' * 32, 'hosts': 'a.org, *.example.org'}, None, '')])
def test_doctor_looks_at_the_settings_of_webhooks(ctl, webhook, result, says):
    done = ctl('doctor', '--json', sections={'webhook': webhook})
    checks = [c for c in json.loads(done.stdout) if c['what'].startswith('webhook')]
    assert [c['result'] for c in checks] == ([result] if result else [])
    assert says in str(checks)
    assert done.returncode == (result == 'FAILED')
