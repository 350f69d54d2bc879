# SPDX-License-Identifier: MIT
"""What Snowflake, its network and its tokens can do to a report: each is told in a
sentence, and nothing is taken for "no rows" unless Snowflake said so."""

import base64
import email.utils
import hashlib
import json
import os
import pathlib
import re
import subprocess
import time

import pytest

from lib import process
from lib.aws import aws, aws_server  # noqa: F401
from test_engine_shared import done, file_of
from test_snowflake_shared import FAKETIME, account, csv, dwh, engine, fails, snow  # noqa: F401

pytestmark = pytest.mark.waits
RESULT_MB = int(os.environ.get('RESULT_MB', 500))
ROWS = 'select n, md5(n::text) as text from generate_series(1, 2500) n order by n'


def expected(count=2500):
    return 'n,text\n' + ''.join(f'{n},{hashlib.md5(str(n).encode()).hexdigest()}\n'
                                for n in range(1, count + 1))


def faulty(snow, on, change, times=6):
    """Changes the answers to a request, also those to its repetitions."""
    snow.fault(on, change=change, times=times)


def with_metadata(**members):
    def change(answer):
        answer['resultSetMetaData'].update(members)
        return answer
    return change


def without(*names):
    return lambda answer: {k: v for k, v in answer.items() if k not in names}


def with_data(edit):
    def change(answer):
        answer['data'] = edit(answer['data'])
        return answer
    return change


# Answers that are no result.

@pytest.mark.parametrize('change, text', [
    (without('data'), 'HTTP 200 without result data'),
    (lambda a: a | {'data': None}, 'HTTP 200 without result data'),
    (lambda a: a | {'code': '391908'}, 'the result is too large for the SQL API'),
    (lambda a: a | {'code': '333334', 'message': 'still at work'},
     'HTTP 200 with code 333334 in place of a result: still at work'),
    (without('resultSetMetaData'), 'no valid resultSetMetaData'),
    (with_metadata(rowType=[]), 'no valid rowType'),
    (with_metadata(rowType=[{'type': 'text'}]), 'a column without a name'),
    (with_metadata(numRows=None), 'no valid numRows'),
    (with_metadata(numRows=9), 'have 2500 rows, and numRows says 9'),
    (with_metadata(numRows=2501), 'have 2500 rows, and numRows says 2501'),
    (with_metadata(partitionInfo=[{'rowCount': 2500}]),
     'partition 0 of 1 has 1000 rows, and its description says 2500'),
    (with_metadata(partitionInfo=[{'rowCount': -1}]), 'no valid partitionInfo'),
    (with_metadata(format='arrowv1'), 'only jsonv2 is known here; hint: the table of a procedure '
     'in Python, Java or Scala comes as Arrow'),
    (with_data(lambda d: d[:-1]), 'partition 0 of 3 has 999 rows, and its description says 1000'),
    (with_data(lambda d: d + d[:1]),
     'partition 0 of 3 has more rows than the 1000 that its description says'),
    (with_data(lambda d: [d[0][:1]] + d[1:]), 'not the 2 values of the columns'),
    (with_data(lambda d: [d[0] + ['x']] + d[1:]), 'not the 2 values of the columns'),
    (with_data(lambda d: ['row'] + d[1:]), 'where an array must be'),
    (lambda a: '<html>no JSON here', 'where an object must be'),
])
def test_an_answer_that_is_no_result_is_an_error(engine, snow, change, text):
    # Also to questions whether it has ended.
    faulty(snow, 'get', lambda a: change(a) if 'data' in a else a, times=99)
    assert text in fails(engine, ROWS).error_message


def test_what_is_no_answer_is_asked_for_once_more(engine, snow):
    snow.fault('post', change=lambda a: '<html>no JSON here')
    assert csv(engine, 'select 1 as one') == 'one\n1\n'
    assert len(snow.sent('post')) == 2 and len(snow.statements) == 1


@pytest.mark.parametrize('change, text', [
    (with_data(lambda d: []), 'partition 1 of 3 has 0 rows, and its description says 1000'),
    (with_data(lambda d: d[1:]), 'partition 1 of 3 has 999 rows'),
    (without('data'), 'partition 1 of 3: Snowflake answers HTTP 200 without result data'),
    (with_data(lambda d: ['row'] + d[1:]), 'partition 1 of 3: the JSON has'),
])
def test_a_partition_that_lacks_rows_is_an_error(engine, snow, change, text):
    faulty(snow, 'partition', lambda a: change(a) if a.get('data') and a['data'][0][0] == '1001'
           else a, times=40)
    assert text in fails(engine, ROWS).error_message


def test_the_description_may_stand_after_the_rows(engine, snow):
    faulty(snow, 'get', lambda a: {'data': a.pop('data'), **a}, times=1)
    assert csv(engine, ROWS) == expected()


def test_a_submission_that_is_answered_at_once_is_a_result(engine, snow):
    """Some answer 200 to a request to run asynchronously."""
    def run_now(answer):
        statement = snow.statements[answer['statementHandle']]
        statement.ended.wait(10)
        return {**statement.answer(), 'data': statement.part(0)}
    snow.fault('post', change=lambda a: run_now(a))
    # The status stays 202, so the client asks once more; it takes the rows of 200.
    assert csv(engine, ROWS) == expected()


def test_an_answer_without_a_handle_is_an_error(engine, snow):
    faulty(snow, 'post', without('statementHandle'), times=1)
    run = fails(engine, ROWS)
    assert 'names no statementHandle' in run.error_message and run.leftovers is None
    assert len(snow.statements) == 1 and not snow.running()


# Results that take their time, and results that are gone.

def test_a_partition_that_is_not_ready_is_waited_for(engine, snow):
    """202 may come at any time, and is no row."""
    snow.fault('partition', times=3, status=202, code='333334')
    assert csv(engine, ROWS) == expected()
    assert len(snow.statements) == 1


def test_a_partition_that_is_never_ready_ends_with_its_report(engine, snow):
    """202 for ever."""
    snow.fault('partition', times=999, status=202, code='333334')
    run = fails(engine, ROWS, timeout='3s', max_retries=0)
    assert 'partition 1 of 3: timed out after 3 s' in run.error_message and run.output_url is None


@pytest.mark.parametrize('code', ['000710', '000709'])
def test_a_result_that_is_gone_in_its_middle_is_made_again(engine, snow, code):
    """It has expired, or nobody knows its handle. No row comes twice."""
    def forget(answer):
        snow.gone = dict.fromkeys(snow.statements, code)
        return answer
    faulty(snow, 'partition', forget, times=1)
    run = done(engine.db, source='snow', export_sql=ROWS, max_retries=1)
    assert file_of(run.output_url).read_text() == expected()
    assert run.attempt == 2 and len(snow.statements) == 2
    gone, = snow.gone
    asked = [part for _, handle, query, *_ in snow.sent('partition') if handle == gone
             for part in query['partition']]
    assert len(asked) == 2  # and not again what is refused


def test_questions_for_the_end_come_ever_more_seldom(engine, snow):
    asked = []
    snow.fault('get', times=5, status=202, code='333334',
               change=lambda a: asked.append(time.monotonic()) or a)
    assert csv(engine, 'select 1 as one') == 'one\n1\n'
    # 0.2 s first; each half as long again as the one before, less a quarter at most.
    for i, (one, two) in enumerate(zip(asked, asked[1:]), 1):
        assert two - one >= 0.2 * 1.5 ** i * 0.74


# Broken connections and busy servers.

@pytest.mark.parametrize('how', [
    {'status': 503}, {'status': 429, 'code': '390505'}, {'status': 500}, {'status': 502},
    {'status': 504}, {'cut': True}, {'status': 503, 'after': True}, {'cut': True, 'after': True},
    {'status': 429, 'code': '390505', 'after': True}, {'cut_at': 20},
], ids=str)
@pytest.mark.parametrize('on', ['post', 'get', 'partition'])
def test_what_passes_is_tried_again(engine, snow, on, how):
    snow.fault(on, times=2, **how)
    assert csv(engine, ROWS) == expected()
    assert len(snow.statements) == 1
    ids = [query['requestId'] for _, _, query, _, _ in snow.sent('post')]
    assert len({i[0] for i in ids}) == 1
    assert ['retry' in query for _, _, query, _, _ in snow.sent('post')] == (
        [False] + [True] * (len(ids) - 1))


@pytest.mark.parametrize('how', [{'status': 429, 'code': '390505'}, {'cut': True}], ids=str)
def test_a_statement_is_waited_for_while_its_server_is_busy(engine, snow, how):
    """For longer than one request is repeated: the statement runs, and is billed."""
    snow.fault('get', times=8, **how)
    assert csv(engine, 'select 1 as one') == 'one\n1\n'
    assert len(snow.statements) == 1 and snow.sent('cancel') == []
    assert [f.times for f in snow.faults] == [0]


def test_a_script_whose_answer_is_lost_runs_once(engine, snow):
    engine.dwh.execute('create table if not exists counted(n int); delete from counted')
    snow.fault('post', times=2, cut=True, after=True)
    assert csv(engine, 'select count(*) as n from counted',
               prep_sql='insert into counted select 1') == 'n\n1\n'


@pytest.mark.parametrize('on', ['post', 'partition'])
def test_a_server_that_stays_busy_is_told(engine, snow, on):
    snow.fault(on, times=99, status=429, code='390505')
    run = fails(engine, ROWS, within=90)
    assert 'too many requests: HTTP 429 390505' in run.error_message
    assert 'max_running' in run.error_message and run.error_sqlstate == '53300'


def test_the_server_says_how_long_to_wait(engine, snow):
    snow.fault('get', status=429, headers={'Retry-After': '1'})
    assert csv(engine, ROWS) == expected()


def test_the_server_says_until_when_to_wait(engine, snow):
    """By its own clock, which is two hours behind."""
    snow.clock = -7200
    asked = []

    class Headers(dict):
        def items(self):
            asked.append(time.monotonic())
            return {'Retry-After': email.utils.formatdate(time.time() - 7200 + 5,
                                                          usegmt=True)}.items()

    def answered(answer):
        asked.append(time.monotonic())
        return answer
    snow.fault('get', status=429, headers=Headers(a=1))
    snow.fault('get', change=answered, times=1)
    assert csv(engine, ROWS) == expected()
    assert asked[1] - asked[0] > 3


@pytest.mark.parametrize('cut_at', [0, 1, 900, 20000])
def test_a_partition_that_breaks_off_is_read_on(engine, snow, cut_at):
    """Not from its beginning: no row comes twice."""
    cuts = [cut_at + 600]

    def cut(answer):
        fault.cut_at = cuts.pop() if 'data' in answer and cuts else None
        return answer
    snow.fault('partition', times=2, cut_at=cut_at)
    faulty(snow, 'get', cut, times=99)
    fault = snow.faults[-1]
    assert csv(engine, ROWS) == expected()
    assert cuts == [] and snow.faults[0].times == 0


def test_a_partition_that_breaks_off_earlier_the_second_time_is_read_on(engine, snow):
    """What the second reading must repeat is all that the first one gave."""
    cuts = [15000, 5000]

    def cut(answer):
        fault.cut_at = cuts.pop(0) if 'data' in answer and cuts else None
        return answer
    faulty(snow, 'get', cut, times=99)
    fault = snow.faults[-1]
    assert csv(engine, ROWS) == expected()
    assert cuts == []


def test_a_partition_that_has_changed_is_refused(engine, snow):
    """The rows before the break are more than the reader holds unread, so that some of
    them were exported when the connection broke."""
    answers = []

    def cut(answer):
        """The first rows break off, and are others when they are read again."""
        rows = 'data' in answer
        fault.cut_at = 1_000_000 if rows and not answers else None
        answers.extend(['rows'] * rows)
        return with_data(lambda d: d[::-1])(answer) if rows and len(answers) > 1 else answer
    faulty(snow, 'get', cut, times=99)
    fault = snow.faults[-1]
    snow.part_rows = 60000
    rows = ROWS.replace('2500', '60000')
    assert 'has other rows when it is fetched again' in fails(engine, rows).error_message


def test_a_connection_that_breaks_again_and_again_is_an_error(engine, snow):
    snow.fault('partition', times=99, cut_at=1000)
    assert 'the connection with 127.0.0.1' in fails(engine, ROWS, within=90).error_message


# Tokens.

def tokens(snow):
    return [headers['Authorization'] for _, _, _, _, headers in snow.requests]


def claims(token):
    part = token.split('.')[1]
    return json.loads(base64.urlsafe_b64decode(part + '=' * (-len(part) % 4)))


def test_a_token_is_made_once_for_many_requests(engine, snow):
    csv(engine, 'select pg_sleep(2)')
    assert len(tokens(snow)) > 4 and len(set(tokens(snow))) == 1
    said = claims(tokens(snow)[0])
    assert said['exp'] - said['iat'] == 59 * 60


def test_a_token_that_ends_in_mid_result_is_renewed(engine, snow):
    done(engine.db, source='snow', export_sql='select 1')
    snow.requests.clear()
    def expire(answer):
        time.sleep(1.1)  # a token of the same second would be the same
        snow.expire()
        return answer
    snow.fault('partition', change=expire)
    assert csv(engine, ROWS) == expected()
    assert len(set(tokens(snow))) == 2


PART = ROWS.replace('2500', '9000')


def export_while_time_passes(snow, conf, clock, moved, **environ):
    """An export, 55 minutes of which pass after its first partition."""
    clock.write_text('+0')

    def pass_time(answer):
        snow.clock = 3300
        moved()
        clock.write_text('+3300')
        return answer
    snow.fault('partition', change=pass_time, times=1)
    return process.reportctl(conf, 'export', '--source', 'snow', '--sql', PART, '-o', '-', env={
        'LD_PRELOAD': str(FAKETIME), 'FAKETIME_TIMESTAMP_FILE': str(clock),
        'FAKETIME_NO_CACHE': '1', 'FAKETIME_DONT_FAKE_MONOTONIC': '1', **environ})


def test_a_token_is_renewed_before_its_end_in_mid_result(engine, snow, tmp_path):
    conf = process.write_conf(tmp_path / 'r.conf', engine.db, {
        'source.snow': {**snow.settings(tmp_path), 'trusted': 'on'}})
    made = export_while_time_passes(snow, conf, tmp_path / 'clock', lambda: None)
    assert made.stdout == expected(9000), made.stderr
    assert len(set(tokens(snow))) == 2
    one, two = (claims(t) for t in dict.fromkeys(tokens(snow)))
    assert two['iat'] - one['iat'] >= 3300 and two['iat'] < one['exp']


def test_the_token_of_a_role_is_renewed_before_its_end_in_mid_result(
        engine, snow, aws, tmp_path):
    snow.tokens.update({f'WIF.AWS.token.of.{aws.key}.{n}': 'WORKLOAD_IDENTITY_FEDERATION'
                        for n in range(9)})
    conf = process.write_conf(tmp_path / 'r.conf', engine.db, {
        **aws.settings(), 'source.snow': {
            'type': 'snowflake', 'account': 'myorg-reports', 'endpoint': snow.url,
            'workload_identity': 'on', 'trusted': 'on'}})
    made = export_while_time_passes(snow, conf, tmp_path / 'clock',
                                    lambda: setattr(aws, 'clock', 3300), **aws.environ())
    assert made.stdout == expected(9000), made.stderr
    assert aws.ops('GetWebIdentityToken') == ['GetWebIdentityToken'] * 2
    assert len(set(tokens(snow))) == 2


def test_a_refused_key_names_itself(engine, snow):
    snow.closed = True
    run = fails(engine)
    assert run.error_sqlstate == '28000' and run.attempt == 1
    assert 'comes from MYORG-REPORTS.REPORTER with key SHA256:' in run.error_message
    assert 'RSA_PUBLIC_KEY_FP' in run.error_message
    assert len(snow.sent('post')) == 2  # one fresh token, and no more


def test_a_wrong_clock_is_mended_by_the_servers(engine, snow):
    snow.clock = -7200
    assert csv(engine, 'select 1 as one') == 'one\n1\n'
    assert len(snow.sent('post')) == 2


def test_a_wrong_clock_is_told(engine, snow):
    snow.clock, snow.closed = 7200, True
    assert re.search(r'clock is 7(199|200|201) s ahead of', fails(engine).error_message)


@pytest.mark.parametrize('source, kind', [
    ('token', 'OAUTH'), ('pat', 'PROGRAMMATIC_ACCESS_TOKEN')])
def test_a_token_in_a_file_is_read_again_when_it_is_refused(engine, snow, source, kind):
    snow.tokens['first'] = kind
    engine.token.write_text('first\n')
    assert csv(engine, 'select 1 as one', source=source) == 'one\n1\n'
    snow.tokens.clear()
    snow.tokens['second'] = kind
    engine.token.write_text('second')
    assert csv(engine, 'select 2 as two', source=source) == 'two\n2\n'
    assert {h['X-Snowflake-Authorization-Token-Type'] for *_, h in snow.requests} == {kind}
    snow.tokens.clear()
    engine.token.write_text('third')
    run = fails(engine, source=source)
    assert f'sent as type {kind}' in run.error_message
    engine.token.write_text('\n')
    assert 'token_file: ' in fails(engine, source=source).error_message
    engine.token.unlink()
    assert 'No such file' in fails(engine, source=source).error_message
    engine.token.mkdir()
    assert 'Is a directory' in fails(engine, source=source).error_message
    engine.token.rmdir()


@pytest.mark.parametrize('status', [401, 403])
def test_a_programmatic_token_that_is_gone_is_told(engine, snow, status):
    snow.tokens['first'] = 'PROGRAMMATIC_ACCESS_TOKEN'
    engine.token.write_text('first\n')
    snow.fault('post', times=9, status=status, code='394400',
               change=lambda a: a | {'message': 'PAT_INVALID'})
    run = fails(engine, source='pat', max_retries=3)
    assert run.error_sqlstate == '28000' and run.attempt == 1
    assert f'HTTP {status} 394400: PAT_INVALID' in run.error_message
    assert 'a network policy must' in run.error_message
    if status == 401:
        assert 'the token, its user or its role is gone' in run.error_message


@pytest.mark.parametrize('status, code, text, permanent', [
    (400, '390142', 'cannot read the request: HTTP 400 390142', True),
    (403, '390422', 'a network policy must let this host in', True),
    (404, '390404', 'no such statement or result', False),
    (405, '390405', 'does not speak the SQL API', True),
    (408, '000630', 'longer than its statement_timeout', False),
    (415, '390415', 'does not speak the SQL API', True),
])
def test_each_refusal_has_its_sentence(engine, snow, status, code, text, permanent):
    snow.fault('post', times=9, status=status, code=code)
    run = fails(engine, max_retries=1)
    assert text in run.error_message
    assert run.attempt == (1 if permanent else 2)


@pytest.mark.parametrize('code, state, attempts', [
    ('000604', '57014', 2), ('000625', '57014', 2), ('000710', '02000', 2),
    ('002003', '02000', 1)])
def test_a_statement_that_is_ended_there_is_told(engine, snow, code, state, attempts):
    """By an administrator, by a queue for a lock that is too long, with its result."""
    for _ in range(2):
        snow.fault('get', status=422, code=code,
                   headers={}, change=lambda a: a | {'sqlState': state})
    run = fails(engine, max_retries=1)
    assert run.error_sqlstate == state and f'(code {code})' in run.error_message
    assert run.attempt == attempts


# Memory.

def peak(pid):
    """The most memory that the process has had, in kB."""
    status = pathlib.Path(f'/proc/{pid}/status').read_text()
    return int((re.search(r'VmHWM:\s*(\d+) kB', status) or [0, 0])[1])


@pytest.mark.shipped
def test_memory_does_not_follow_the_size_of_a_partition(engine, snow, tmp_path):
    """In partitions of a quarter of a gigabyte, as fast as they come."""
    rows = RESULT_MB * 1000
    command = [process.REPORTCTL, '-c', engine.conf, 'export', '--source', 'snow', '--sql',
               f'select huge({rows}, 1000, 250000)', '-o', tmp_path / 'huge.csv']
    most = 0
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as export:
        while export.poll() is None:
            most = max(most, peak(export.pid))
            time.sleep(0.02)
        assert export.returncode == 0, export.stderr.read()
    with open(tmp_path / 'huge.csv', 'rb') as made:
        assert sum(1 for _ in made) == rows + 1
    print(f'peak {most} kB')
    assert 0 < most < 64 << 10
