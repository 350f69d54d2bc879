# SPDX-License-Identifier: MIT
"""The API over HTTP: what each role may do by its token, and that every answer is what
docs/openapi.json says."""

import concurrent.futures
import hashlib
import json
import random
import re
import signal
import socket
import time
import urllib.parse

import psycopg
import pytest
from lib import openapi
from lib.paths import ROOT
from lib.process import Daemon, write_conf
from lib.manual import says
from lib.server import LOGIN, Server
from lib.wait import wait_for as until
from psycopg.rows import tuple_row

ANN, BOB, OLGA, VERA = 'web_ann', 'web_bob', 'web_olga', 'web_vera'


class Api(Server):
    """A server whose answers below /api/v1, and those of the trigger, are checked."""

    def ask(self, method, path, *args, **how):
        answer = super().ask(method, path, *args, **how)
        if openapi.template_of(path) and method.lower() in openapi.SPEC['paths'][
                openapi.template_of(path)]:
            openapi.check(method, path, answer)
        return answer


def start(db, folder, **keys):
    one = Api(db, folder, unlimited='127.0.0.0/8', **keys)
    conf = write_conf(folder / 'api.conf', db, one.sections)
    one.daemon = Daemon(db, conf)
    one.db = db
    until(one.is_ready, what='the HTTP server')
    for role in ANN, BOB:
        db.execute("select reportd.grant_source('default', %s), reportd.grant_path('/', %s)",
                   role, role)
    return one


@pytest.fixture(scope='module')
def api(cluster, template, tmp_path_factory):
    db = cluster.create(template)
    one = start(db, tmp_path_factory.mktemp('api'))
    yield one
    try:
        one.daemon.end()
    finally:
        db.drop()


def submit(api, role=ANN, **columns):
    answer = api.post('/api/v1/reports', {
        'report_name': 'report', 'export_sql': 'select 1 as one', **columns}, role)
    assert answer.status == 201, answer
    return answer.json()['config_id']


def report(api, config_id, role=ANN):
    return api.get(f'/api/v1/reports/{config_id}', role).json()


def ended(api, config_id):
    return until(lambda: (r := report(api, config_id))['status'] in (
        'COMPLETED', 'FAILED', 'CANCELLED') and r)


# ---- the file ----

def test_the_file_is_served_and_has_every_endpoint(api):
    assert api.get('/api/v1/openapi.json', ANN).json() == openapi.SPEC
    source = (ROOT / 'daemon/http/endpoints.c').read_text()
    source = source.replace('REPORT "', '"/api/v1/reports/{report}').replace(
        'REPORT,', '"/api/v1/reports/{report}",').replace('API "', '"/api/v1')
    found = {(method.lower(), path) for method, path in re.findall(
        r'\{METHOD_(\w+), "([^"]+)"', source)}
    assert found - {('get', '/metrics'), ('get', '/')} == {
        (method, path) for path, methods in openapi.SPEC['paths'].items()
        for method in methods}


def test_the_file_is_openapi():
    assert openapi.SPEC['openapi'].startswith('3.')
    for path, methods in openapi.SPEC['paths'].items():
        for operation in methods.values():
            known = {p['name'] for p in operation.get('parameters', ()) if p['in'] == 'path'}
            assert known == set(re.findall(r'\{(\w+)\}', path))
    names = set(re.findall(r'#/components/schemas/(\w+)', json.dumps(openapi.SPEC)))
    assert names == set(openapi.SPEC['components']['schemas'])


def test_the_query_parameters_of_the_file_are_those_known(api):
    for path, methods in openapi.SPEC['paths'].items():
        if 'get' not in methods or '{' in path:
            continue
        names = [p['name'] for p in methods['get'].get('parameters', ()) if p['in'] == 'query']
        answer = api.get(path + '?nonsense=1', OLGA)
        if answer.status == 400:
            assert answer.json()['hint'].removeprefix('Known:').split() == names


# ---- tokens ----

@pytest.mark.parametrize('path', ['/api/v1/reports', '/api/v1/openapi.json', '/api/v1/runs/1'])
def test_a_token_is_needed(api, path):
    answer = api.get(path)
    assert (answer.status, answer.headers['WWW-Authenticate']) == (401, 'Bearer realm="reportd"')
    assert 'a token is needed' in answer.json()['message']
    for wrong in ('Bearer x', f'Basic {api.tokens[ANN]}', api.tokens[ANN],
                  f'Bearer {api.tokens[ANN]}x', f'Bearer {api.tokens[ANN][:-1]}',
                  'Bearer ' + hashlib.sha256(api.tokens[ANN].encode()).hexdigest()):
        assert api.get(path, headers={'Authorization': wrong}).status == 401


@says('Tokens are kept as SHA-256 and compared in a time that tells nothing; wrong ones '
      'are slowed down.')
def test_wrong_tokens_are_slowed_down(cluster, template, tmp_path, db, daemon, wait_for):
    one = Server(db, tmp_path, rate=20)
    daemon(one.sections)
    wait_for(one.is_ready)
    statuses = []
    while len(statuses) < 100 and 429 not in statuses:
        guess = {'Authorization': f'Bearer {len(statuses)}'}
        statuses.append(one.get('/api/v1/reports', headers=guess).status)
    assert set(statuses[:-1]) == {401} and statuses[-1] == 429
    # Each counts as eleven, also when the bucket holds fewer: four of forty.
    assert len(statuses) < 8


def test_tokens_are_read_again(api, wait_for):
    old = api.tokens[VERA]
    api.tokens[VERA] = 'another'
    api.write_tokens()
    api.daemon.signal(signal.SIGHUP)
    wait_for(lambda: api.get('/api/v1/reports', VERA).status == 200)
    assert api.get('/api/v1/reports', headers={'Authorization': f'Bearer {old}'}).status == 401
    # A file that is wrong changes nothing.
    text = api.file.read_text()
    api.file.write_text('nonsense')
    api.daemon.signal(signal.SIGHUP)
    api.daemon.wait_log('tokens:1: write a role, a blank and the SHA-256')
    assert api.get('/api/v1/reports', VERA).status == 200
    api.file.write_text(text)
    api.daemon.signal(signal.SIGHUP)


@says('A token of a superuser, of `reportd_owner`, of `reportd_daemon` or of their members '
      'is refused.')
def test_roles_that_may_too_much_are_refused(db, tmp_path, daemon, wait_for):
    one = Api(db, tmp_path)
    superuser = db.value('select current_user')
    for role in ('reportd_owner', 'reportd_daemon', superuser, 'nobody at all', 'pg_monitor'):
        one.tokens[role] = 'token of ' + role
    one.write_tokens()
    one.daemon = daemon(one.sections)
    wait_for(one.is_ready)
    one.daemon.wait_log('a token of the file is refused')
    for role in ('reportd_owner', 'reportd_daemon', superuser):
        answer = wait_for(lambda role=role: one.get('/api/v1/reports', role))
        assert answer.status == 403 and 'may do too much for a token' in answer.json()['message']
    assert 'there is no role' in one.get('/api/v1/reports', 'nobody at all').json()['message']
    assert 'grant pg_monitor to' in one.get('/api/v1/reports', 'pg_monitor').json()['message']


@says('A token of a superuser, of `reportd_owner`, of `reportd_daemon` or of their members '
      'is refused.')
def test_a_role_that_comes_to_may_too_much_is_refused_at_once(db, tmp_path, daemon, wait_for):
    db.execute('drop role if exists web_grown')
    db.execute('create role web_grown nologin in role reportd_viewer')
    db.execute(f'grant web_grown to {LOGIN}')
    try:
        one = Api(db, tmp_path, sessions=1)
        one.tokens['web_grown'] = 'token'
        one.write_tokens()
        one.daemon = daemon(one.sections)
        wait_for(one.is_ready)
        assert one.get('/api/v1/reports', 'web_grown').status == 200
        for more, less in (('alter role web_grown bypassrls', 'alter role web_grown nobypassrls'),
                           ('grant reportd_daemon to web_grown',
                            'revoke reportd_daemon from web_grown')):
            db.execute(more)
            # Another one's request before it leaves no role in the session.
            assert one.get('/api/v1/reports', OLGA).status == 200
            assert one.get('/api/v1/reports', 'web_grown').status == 403
            db.execute(less)
            assert one.get('/api/v1/reports', 'web_grown').status == 200
        db.execute('drop role web_grown')
        answer = one.get('/api/v1/reports', 'web_grown')
        assert answer.status == 403 and 'is not there any more' in answer.json()['hint']
    finally:
        db.execute('drop role if exists web_grown')


@says('Its login may do nothing but act as the roles of the tokens; one that may do more '
      'is refused.')
@pytest.mark.parametrize('how, wrong', [
    ('login superuser', 'is a superuser'),
    ('login in role reportd_viewer', 'may use the schema by itself'),
    ('login noinherit in role reportd_daemon', 'is a member of reportd_owner or reportd_daemon'),
    ('login noinherit createrole', 'has rights of its own'),
])
def test_a_login_with_rights_of_its_own_is_refused(db, tmp_path, daemon, wait_for, how, wrong):
    db.execute('drop role if exists web_wrong')
    db.execute(f'create role web_wrong {how}')
    one = Server(db, tmp_path)
    one.sections['server']['conninfo'] = psycopg.conninfo.make_conninfo(
        db.conninfo, user='web_wrong')
    try:
        started = daemon(one.sections)
        started.wait_log('the login of [server] conninfo is refused')
        wait_for(lambda: wrong in one.get('/readyz').json()['message'])
        assert one.get('/readyz').status == 503
        assert one.get('/api/v1/reports', OLGA).status == 503
        assert one.get('/healthz').status == 200
    finally:
        db.execute('drop role web_wrong')


@says('Its login may do nothing but act as the roles of the tokens; one that may do more '
      'is refused.')
def test_without_set_role_nothing_is_allowed(api):
    """What the login itself may: nothing of the schema."""
    with psycopg.connect(api.sections['server']['conninfo'], autocommit=True) as conn:
        for query in ('select * from reportd.report_config', 'select reportd.cancel(1)',
                      "insert into reportd.report_config (report_name) values ('x')"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(query)


# ---- reports ----

def test_a_report_from_submit_to_delete(api):
    config_id = submit(api, report_name='Sales', report_key='api_sales', priority=2,
                       parameters={'day': '2026-01-31'}, output_options={'header': False},
                       notify_on_failure=['mailto:a@example.com'])
    row = ended(api, config_id)
    assert row['status'] == 'COMPLETED', row
    assert (row['owner'], row['priority'], row['created_by']) == (ANN, 2, LOGIN)
    assert 'COMPLETED' in row['why']
    assert report(api, 'api_sales')['config_id'] == config_id
    assert api.ask('PATCH', '/api/v1/reports/api_sales', {
        'priority': 5, 'report_name': 'Säles €'}, ANN).status == 200
    row = report(api, config_id)
    assert (row['priority'], row['report_name']) == (5, 'Säles €')
    request = api.post('/api/v1/reports/api_sales/run', {'parameters': {'day': 'x'}}, ANN)
    assert request.status == 202
    done = until(lambda: (r := api.get(
        f'/api/v1/requests/{request.json()["request_id"]}', ANN).json())['status']
        == 'COMPLETED' and r)
    assert done['parameters'] == {'day': 'x'} and done['requested_by'] == ANN
    run = api.get(f'/api/v1/runs/{done["run_id"]}', ANN).json()
    assert (run['status'], run['row_count'], run['config_id']) == ('COMPLETED', 1, config_id)
    answer = api.ask('DELETE', '/api/v1/reports/api_sales', role=ANN)
    assert (answer.status, answer.body) == (204, b'')
    assert api.get('/api/v1/reports/api_sales', ANN).status == 404


def test_failures_tell_stage_and_reason(api):
    config_id = submit(api, export_sql='select 1/0', max_retries=0)
    row = ended(api, config_id)
    assert row['status'] == 'FAILED' and 'division by zero' in row['error_message']
    runs = api.get(f'/api/v1/runs?report={config_id}', ANN).json()['items']
    assert [(r['status'], r['error_sqlstate']) for r in runs] == [('FAILED', '22012')]
    failed = api.get('/api/v1/overview', ANN).json()['failed']
    assert config_id in [one['config_id'] for one in failed]
    assert api.post(f'/api/v1/reports/{config_id}/retry', role=ANN).status == 202
    ended(api, config_id)


def test_pause_cancel_resume(api):
    config_id = submit(api, schedule_expression='0 7 * * *')
    assert api.post(f'/api/v1/reports/{config_id}/pause', role=ANN).json() == {
        'config_id': config_id, 'is_active': False}
    refused = api.post(f'/api/v1/reports/{config_id}/run', role=ANN)
    assert refused.status == 400 and 'not active' in refused.json()['message']
    assert 'change' in refused.json()['hint'] and refused.json()['sqlstate'] == '22023'
    assert api.post(f'/api/v1/reports/{config_id}/resume', {}, ANN).json()['is_active'] is True
    assert config_id in [s['config_id'] for s in api.get('/api/v1/schedules', ANN).json()]
    request = api.post(f'/api/v1/reports/{config_id}/backfill', {
        'from': '2026-01-01T00:00:00Z', 'to': '2026-01-03T00:00:00Z'}, ANN)
    assert len(request.json()['request_ids']) == 2
    listed = api.get(f'/api/v1/requests?report={config_id}', ANN).json()['items']
    assert {r['request_id'] for r in listed} >= set(request.json()['request_ids'])
    refused = api.post(f'/api/v1/reports/{config_id}/cancel', {
        'request_id': 1 << 60}, ANN)
    assert refused.status == 400 and 'has no request' in refused.json()['message']
    slow = submit(api, export_sql='select pg_sleep(60)')
    until(lambda: report(api, slow)['status'] == 'PROCESSING')
    running = api.get('/api/v1/overview?watch=1', ANN).json()['running']
    assert slow in [one['config_id'] for one in running]
    assert api.post(f'/api/v1/reports/{slow}/cancel', role=ANN).json()['status'] == 'CANCELLING'
    assert ended(api, slow)['status'] == 'CANCELLED'


def test_reports_that_wait_for_others(api):
    parent = submit(api, report_key='api_parent', schedule_expression='0 7 * * *')
    child = submit(api, report_key='api_child', run_after=['api_parent'])
    nodes = {n['config_id']: n for n in api.get('/api/v1/dependencies', ANN).json()}
    assert nodes[child]['parents'] == [parent] and nodes[parent]['parents'] == []
    assert report(api, parent)['followed_by'] == [child]
    refused = api.ask('DELETE', f'/api/v1/reports/{parent}', role=ANN)
    assert refused.status == 400 and 'run after it' in refused.json()['message']


def test_pages_follow_each_other(api):
    made = [submit(api, report_name=f'paged {n}', schedule_expression='0 7 1 1 *')
            for n in range(7)]
    seen, after = [], ''
    while True:
        page = api.get(f'/api/v1/reports?q=PAGED&limit=3{after}', ANN).json()
        seen += [r['config_id'] for r in page['items']]
        if page['next'] is None:
            break
        after = f'&after={page["next"]}'
    assert seen == made
    seen, before = [], ''
    while True:
        page = api.get(f'/api/v1/requests?limit=2{before}', ANN).json()
        seen += [r['request_id'] for r in page['items']]
        if page['next'] is None:
            break
        before = f'&before={page["next"]}'
    assert seen == sorted(set(seen), reverse=True) and len(seen) > 4


def test_lists_are_narrowed(api):
    config_id = submit(api, report_name='narrow', schedule_expression='0 7 1 1 *')
    def found(**query):
        return config_id in [r['config_id'] for r in api.get(
            '/api/v1/reports?limit=500&' + urllib.parse.urlencode(query), ANN).json()['items']]
    assert found(q='Narr') and not found(q='nothing')
    assert found(trigger_type='scheduled') and not found(trigger_type='ADHOC')
    assert found(is_active='true') and not found(is_active='false')
    assert found(status='pending') and not found(status='FAILED')


def test_the_rest_of_the_lists(api):
    ended(api, submit(api))
    hours = api.get('/api/v1/hours', ANN).json()
    assert len(hours) == 48 and sum(h['completed'] for h in hours) > 0
    points = api.get('/api/v1/points?limit=10', ANN).json()
    assert points and points == sorted(points)
    assert api.get('/api/v1/runs?status=completed&limit=1', ANN).json()['items']


@says('A token sees and does what its role sees and does; what belongs to others is not '
      'there.')
# ---- who sees what ----

def test_others_reports_are_not_there(api):
    config_id = submit(api, report_key='api_secret', export_sql="select 'secret' as secret")
    run_id = ended(api, config_id)['run_id']
    request_id = report(api, config_id)['request_id']
    for path in (f'reports/{config_id}', 'reports/api_secret', f'runs/{run_id}',
                 f'requests/{request_id}'):
        assert api.get('/api/v1/' + path, BOB).status == 404
    for path in ('reports?limit=500', 'runs?limit=500', 'requests?limit=500', 'overview',
                 'points?limit=2000', f'runs?report={config_id}', 'schedules',
                 'dependencies'):
        answer = api.get('/api/v1/' + path, BOB)
        assert answer.status == 200 and b'api_secret' not in answer.body
        assert f'"config_id":{config_id},'.encode() not in answer.body.replace(b' ', b'')
    for verb in ('run', 'retry', 'cancel', 'pause', 'resume'):
        assert api.post(f'/api/v1/reports/{config_id}/{verb}', role=BOB).status == 404
    assert api.ask('DELETE', f'/api/v1/reports/{config_id}', role=BOB).status == 404
    assert api.ask('PATCH', f'/api/v1/reports/{config_id}', {'priority': 1}, BOB).status == 404
    assert sum(h['completed'] for h in api.get('/api/v1/hours', BOB).json()) == 0


def test_viewers_see_all_and_change_nothing(api):
    config_id = submit(api)
    ended(api, config_id)
    assert api.get(f'/api/v1/reports/{config_id}', VERA).status == 200
    for answer in (
            api.post(f'/api/v1/reports/{config_id}/run', role=VERA),
            api.ask('DELETE', f'/api/v1/reports/{config_id}', role=VERA),
            api.post('/api/v1/reports', {'report_name': 'x', 'export_sql': 'select 1'}, VERA)):
        assert (answer.status, answer.json()['sqlstate']) == (403, '42501')


def test_operators_act_on_all(api):
    config_id = submit(api, schedule_expression='0 7 1 1 *')
    assert api.post(f'/api/v1/reports/{config_id}/pause', role=OLGA).status == 200
    assert report(api, config_id)['is_active'] is False


def test_who_asked_is_the_role_of_the_token(api):
    config_id = submit(api)
    ended(api, config_id)
    request = api.post(f'/api/v1/reports/{config_id}/run', role=OLGA).json()['request_id']
    assert api.get(f'/api/v1/requests/{request}', ANN).json()['requested_by'] == OLGA


@says('The role of one request is never that of the next one in the same session.')
def test_the_role_ends_with_the_request(api):
    """Requests of several roles in one session, one after the other and at once."""
    secret = submit(api, report_name='of ann')
    for _ in range(30):
        assert api.get(f'/api/v1/reports/{secret}', ANN).status == 200
        assert api.get(f'/api/v1/reports/{secret}', BOB).status == 404
    head = ('GET /api/v1/reports/%s HTTP/1.1\r\nHost: localhost\r\n'
            'Authorization: Bearer %s\r\n\r\n')
    got = api.raw(''.join(head % (secret, api.tokens[role])
                          for role in (ANN, BOB) * 20).encode())
    assert re.findall(rb'HTTP/1.1 (\d+)', got) == [b'200', b'404'] * 20


# ---- errors ----

@pytest.mark.parametrize('body, message', [
    (b'', 'report_name'),
    (b'[]', 'not a JSON object'),
    (b'{"report_name": "x", "report_name": ', 'not JSON'),
    (b'{"report_name": "x", "export_sq": "select 1"}', '"export_sq" is not known here'),
    (b'{"report_name": "x", "export_sql": "select 1", "checks[]": []}', '"checks[]" is not known'),
    (b'{"report_name": "x", "export_sql": "select 1", "priority": 9}', 'priority'),
    (b'{"report_name": "x", "export_sql": "select 1", "priority": "much"}', 'much'),
    (b'{"report_name": "x", "export_sql": "select 1", "run_after": "a"}', '"run_after" is no array'),
    (b'{"report_name": "x", "export_sql": "select 1", "parameters": 1}', 'is no JSON object'),
    (b'{"report_name": "x", "export_sql": "select 1", "source": "nowhere"}', 'nowhere'),
    (b'{"report_name": "x", "export_sql": "select 1", "schedule_expression": "?"}', ''),
    (b'{"report_name": "x", "export_sql": "select 1", "timeout": "soon"}', 'soon'),
    (b'{"report_name": "a\\u0000b", "export_sql": "select 1"}', ''),
    (b'{"report_name": "\xff", "export_sql": "select 1"}', 'not JSON'),
    (b'{"a":' * 3000 + b'1' + b'}' * 3000, 'not JSON'),
], ids=lambda value: str(value)[:40])
def test_a_wrong_report_is_refused_with_a_sentence(api, body, message):
    answer = api.post('/api/v1/reports', body, ANN)
    assert answer.status in (400, 403), answer
    assert message in answer.json()['message'] and answer.json()['message']


@pytest.mark.parametrize('owner', ['', 'a.b', '"', '1.5', 'no such role', 'x' * 70 + '.x'])
def test_an_owner_that_is_no_role(api, owner):
    config_id = submit(api, schedule_expression='0 7 1 1 *')
    answer = api.ask('PATCH', f'/api/v1/reports/{config_id}', {'owner': owner}, OLGA)
    assert answer.status == 400 and answer.json()['message'].startswith('changes: ')


def test_a_key_that_is_taken(api):
    submit(api, report_key='api_taken', schedule_expression='0 7 1 1 *')
    answer = api.post('/api/v1/reports', {
        'report_name': 'x', 'export_sql': 'select 1', 'report_key': 'api_taken'}, BOB)
    assert answer.status in (400, 409) and 'api_taken' in answer.json()['message']


@pytest.mark.parametrize('path', [
    '/api/v1/reports?limit=x', '/api/v1/reports?nonsense=1', '/api/v1/reports?limit=1&limit=2',
    '/api/v1/reports?q=%zz', '/api/v1/reports?q=%00', '/api/v1/runs?before=99999999999999999999',
    '/api/v1/reports?is_active=perhaps'])
def test_a_wrong_query_is_refused(api, path):
    answer = api.get(path, ANN)
    assert answer.status == 400 and answer.json()['message']


@pytest.mark.parametrize('path', ['/api/v1/reports/99999', '/api/v1/reports/no_such',
                                  '/api/v1/reports/%27%3b--', '/api/v1/runs/0',
                                  '/api/v1/runs/x', '/api/v1/requests/999999999999999999999',
                                  '/api/v1/nothing', '/api', '/api/v1/reports/1/2/3', '//'])
def test_what_is_not_there(api, path):
    answer = Server.ask(api, 'GET', path, role=ANN)
    assert answer.status == 404 and answer.json()['message']


def test_a_body_that_is_too_large(api):
    answer = api.post('/api/v1/reports', b'{"report_name":"' + b'x' * (5 << 20) + b'"}', ANN)
    assert answer.status == 413
    assert api.post('/trigger', b'{"x":"' + b'x' * (70 << 10) + b'"}', ANN).status == 413


def test_sql_of_a_mebibyte_is_taken(api):
    comment = '-- "é\\\n' * (1 << 16) + '--'
    config_id = submit(api, export_sql=f'select 1 as one {comment}',
                       schedule_expression='0 7 1 1 *')
    assert report(api, config_id)['export_sql'] == f'select 1 as one {comment}'


def test_any_request_is_answered_as_the_file_says(api):
    """Random paths, queries and bodies: none ends in an error of the server."""
    seed = random.randrange(1 << 30)
    dice = random.Random(seed)
    words = ['1', '0', '-1', 'x', 'api_sales', "';drop", '%', '', '9' * 30, 'null', 'é', 'true',
             '2026-01-01', '\u202e', 'a' * 300]

    def value(depth=0):
        kind = dice.randrange(7 if depth < 3 else 5)
        if kind < 2:
            return dice.choice(words)
        if kind == 2:
            return dice.choice([0, 1, -1, 1 << 62, 1.5, 1e300])
        if kind < 5:
            return dice.choice([None, True, False])
        if kind == 5:
            return [value(depth + 1) for _ in range(dice.randrange(4))]
        return {dice.choice(words): value(depth + 1) for _ in range(dice.randrange(4))}

    operations = [(method, path, operation) for path, methods in openapi.SPEC['paths'].items()
                  for method, operation in methods.items()]
    for _ in range(400):
        method, path, operation = dice.choice(operations)
        path = re.sub(r'\{\w+\}', lambda m: urllib.parse.quote(
            dice.choice([w for w in words if w]), safe=''), path)
        names = [p['name'] for p in operation.get('parameters', ()) if p['in'] == 'query']
        query = {name: dice.choice(words) for name in names if dice.random() < 0.4}
        body = None
        if method in ('post', 'patch'):
            keys = re.findall(r' (\w+)(?= )', (ROOT / 'daemon/http/endpoints.c').read_text())
            body = json.dumps({dice.choice(keys or words): value()
                               for _ in range(dice.randrange(4))})
        answer = api.ask(method.upper(), path + ('?' + urllib.parse.urlencode(query)
                                                 if query else ''), body,
                         dice.choice([ANN, BOB, VERA, OLGA]))
        assert answer.status < 500, (seed, method, path, query, body, answer)


# ---- the trigger ----

# statement: its parameters. Others read all rows of a table, or call functions.
LISTS = {'requests': [None, None, None], 'request': ['1'], 'report': ['1'],
         'overview': [None], 'runs': [None] * 4, 'one_run': ['1'], 'points': [None, None],
         'schedules': [None], 'dependencies': [], 'reports': [None] * 6}


def test_no_list_reads_all_reports(api):
    """With sequential scans dear, a plan has one only where no index serves."""
    with api.db.connect(autocommit=False, row_factory=tuple_row) as conn:
        conn.execute((ROOT / 'sql/http/act.sql').read_text().replace('$1', "'web_vera'"))
        conn.execute('set local enable_seqscan = off')
        for name, values in LISTS.items():
            text = (ROOT / f'sql/http/{name}.sql').read_text()
            for n, value in enumerate(values, 1):
                text = re.sub(rf'\${n}\b', 'null' if value is None else f"'{value}'", text)
            plan = '\n'.join(row[0] for row in conn.execute('explain ' + text))
            found = re.findall(r'Seq Scan on (report_(?:config|request|run))\b', plan)
            assert not found, f'{name}: {plan}'


def test_a_trigger_wakes_the_daemon(db, tmp_path, daemon, wait_for, submit, wait_done):
    one = Api(db, tmp_path)
    one.daemon = daemon(one.sections, poll_interval='1h', lease='1h')
    wait_for(one.is_ready)
    with db.connect() as conn:
        conn.execute('listen reportd_pending')
        assert one.post('/trigger', role=ANN).json() == {
            'message': 'the daemons look now', 'pending': 0}
        assert next(conn.notifies()).channel == 'reportd_pending'


@pytest.mark.parametrize('body, rows', [
    (None, None), (b'', None), (b'{}', None), (b'{"any": ["thing"]}', None),
    (b'{"data": [[0]]}', [0]), (b'{"data": [[0, "a"], [1, null], [7, 2]]}', [0, 1, 7]),
    (b'{"data": []}', []),
])
def test_a_trigger_is_answered_in_kind(api, body, rows):
    answer = api.post('/trigger', body, ANN)
    assert answer.status == 200
    if rows is None:
        assert set(answer.json()) == {'message', 'pending'}
    else:
        assert [row[0] for row in answer.json()['data']] == rows
        assert all(set(row[1]) == {'message', 'pending'} for row in answer.json()['data'])


@pytest.mark.parametrize('body', [b'[]', b'1', b'x', b'{"data": 1}', b'{"data": [0]}',
                                  b'{"data": [["0"]]}', b'{"data": [[]]}', b'{'])
def test_a_trigger_that_is_none(api, body):
    assert api.post('/trigger', body, ANN).status == 400


def test_a_trigger_wants_a_token(api):
    assert api.post('/trigger').status == 401
    assert api.get('/trigger', ANN).status == 405


# ---- the database ----

def test_a_database_that_is_away(db, tmp_path, daemon, wait_for, cluster):
    one = Api(db, tmp_path, timeout='2s')
    one.daemon = daemon(one.sections)
    wait_for(one.is_ready)
    with cluster.paused():
        answer = one.get('/api/v1/reports', ANN)
        assert answer.status == 503 and answer.json()['message']
        assert one.get('/healthz').status in (200, 503)
    wait_for(lambda: one.get('/api/v1/reports', ANN).status == 200)


def test_a_slow_statement_is_ended(db, tmp_path, daemon, wait_for):
    one = Api(db, tmp_path, timeout='2s', sessions=1)
    one.daemon = daemon(one.sections)
    wait_for(one.is_ready)
    with db.connect(autocommit=False) as other:
        other.execute('lock table reportd.report_request')
        answer = one.get('/api/v1/requests', ANN)
        assert answer.status in (503, 504) and answer.json()['sqlstate'] in ('57014', '55P03')
    assert one.get('/api/v1/requests', ANN).status == 200


@says('The roles of tokens take turns: none keeps others waiting by how much it asks, or by a lock that it holds.')
def test_a_lock_of_one_role_does_not_stop_others(db, tmp_path):
    one = start(db, tmp_path)
    try:
        config_id = submit(one, schedule_expression='0 0 1 1 *')
        with db.connect(autocommit=False) as ann, concurrent.futures.ThreadPoolExecutor(8) as pool:
            ann.execute(f'set role {ANN}')
            ann.execute('select reportd.run_now(%s)', [config_id])
            stuck = [pool.submit(one.post, f'/api/v1/reports/{config_id}/run', {}, ANN) for _ in range(8)]
            until(lambda: db.value("select count(*) from pg_stat_activity where wait_event_type = 'Lock'"))
            for _ in range(5):
                began = time.monotonic()
                assert one.get('/api/v1/overview', BOB).status == 200
                assert time.monotonic() - began < 1
            ann.rollback()
            assert {answer.result().status for answer in stuck} <= {202, 503}
    finally:
        one.daemon.end()


@says('The roles of tokens take turns: none keeps others waiting by how much it asks, or by a lock that it holds.')
def test_a_flood_of_one_role_does_not_stop_others(db, tmp_path):
    """More than may wait, and much longer than anybody is patient."""
    one = start(db, tmp_path, share=1, connections=500)
    text = (f'GET /api/v1/overview HTTP/1.1\r\nHost: 127.0.0.1\r\n'
            f'Authorization: Bearer {one.tokens[ANN]}\r\n\r\n').encode()
    flood = []
    try:
        for _ in range(300):
            flood.append(socket.create_connection(('127.0.0.1', one.port)))
            flood[-1].sendall(text)
        for _ in range(3):
            began = time.monotonic()
            assert one.get('/api/v1/overview', BOB).status == 200
            assert time.monotonic() - began < 2
    finally:
        for s in flood:
            s.close()
        one.daemon.end()
