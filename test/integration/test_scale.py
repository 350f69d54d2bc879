# SPDX-License-Identifier: MIT
"""reportctl scale: how many daemons there should be, and tasks of ECS for them."""

import contextlib
import http.server
import importlib.util
import json
import os
import signal
import subprocess
import threading
import time
import uuid

import boto3
import botocore.session
import pytest

from lib import ecs, process
from lib.paths import REPORTCTL, ROOT
from lib.wait import wait_for

HOLDER = '00000000-0000-4000-8000-000000000001'


@pytest.fixture
def scale(db, ctl, aws):
    """scale('--dry-run', key=value of [scale]..., code=) returns the answer."""
    def run(*args, code=0, as_json=True, sections=None, **settings):
        done = ctl('scale', *(['--json'] if as_json else []), *args, env=aws.environ(),
                   sections={**aws.settings(), **aws.ecs.settings(**settings),
                             **(sections or {})})
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout) if as_json and done.stdout else done
    return run


def wait_due(db, submit, count):
    for _ in range(count):
        submit(db)


def register(db, leaving=False):
    return db.value('insert into reportd.report_worker (host, pid, version, workers, lease, '
                    "sources, leaving) values ('h', 1, 'v', 2, '1h', '{default}', %s) "
                    'returning worker_id', leaving)


def test_nothing_due_starts_nothing(aws, scale):
    answer = scale()
    assert (answer['action'], answer['wanted'], answer['started']) == ('enough', 0, 0)
    assert aws.ops('RunTask') == []


def test_a_heartbeat_of_the_future_is_of_no_daemon_that_works(db, ctl, scale, submit):
    """It was written before the clock was set back."""
    worker_id, config_id = register(db), submit(db)
    db.execute("insert into reportd.report_source values ('default', 'postgres')")

    def seen():
        status = json.loads(ctl('status', '--json').stdout)
        return (scale('--dry-run')['daemons'],
                db.value("select daemons from reportd.v_sources where source = 'default'"),
                'no daemon' not in db.value('select reportd.why(%s)', config_id),
                [daemon['state'] for daemon in status['daemons']])
    assert seen() == (1, 1, True, ['alive'])
    db.execute("update reportd.report_worker set heartbeat_at = now() + interval '2 hours' "
               'where worker_id = %s', worker_id)
    assert seen() == (0, 0, False, ['late'])


@pytest.mark.parametrize('due, tasks', [(1, 1), (5, 1), (6, 2), (50, 10), (60, 10)])
def test_one_task_for_five_reports_ten_at_most(db, aws, scale, submit, due, tasks):
    wait_due(db, submit, due)
    answer = scale()
    assert (answer['due'], answer['started'], answer['action']) == (due, tasks, 'started')
    request, = aws.ecs.requests
    assert (request['count'], request['startedBy'], request['launchType']) == (
        tasks, 'reportd', 'FARGATE')
    assert request['networkConfiguration']['awsvpcConfiguration'] == {
        'subnets': ['subnet-1a', 'subnet-1b'], 'securityGroups': ['sg-1'],
        'assignPublicIp': 'DISABLED'}
    # Tasks that start count.
    assert scale()['action'] == 'enough'


def test_more_than_ten_tasks_are_several_requests(db, aws, scale, submit):
    wait_due(db, submit, 23)
    assert scale(per_task=1, max=30)['started'] == 23
    assert [request['count'] for request in aws.ecs.requests] == [10, 10, 3]


def test_settings_of_the_request(db, aws, scale, submit):
    submit(db)
    scale(capacity_provider='FARGATE_SPOT', public_ip='on', task_definition='reportd:7')
    request, = aws.ecs.requests
    assert request['capacityProviderStrategy'] == [{'capacityProvider': 'FARGATE_SPOT'}]
    assert 'launchType' not in request and request['taskDefinition'] == 'reportd:7'
    assert request['networkConfiguration']['awsvpcConfiguration']['assignPublicIp'] == 'ENABLED'


def test_a_dry_run_starts_nothing_and_takes_no_turn(db, aws, scale, submit):
    wait_due(db, submit, 6)
    db.execute('select reportd.scale_take(%s, 5, 10)', HOLDER)
    answer = scale('--dry-run')
    assert (answer['action'], answer['missing']) == ('would start', 2)
    assert aws.ops('RunTask') == []
    done = scale('--dry-run', as_json=False)
    assert done.stdout == ('6 due, 0 running; daemons: 0, tasks: 0 running, 0 starting; '
                           'wanted: 2, missing: 2; would start\n')


def test_what_counts_as_work(db, scale, submit):
    """Schedules whose time has come, and what a daemon that died has left."""
    config_id = submit(db, trigger_type='SCHEDULED', schedule_expression='0 0 1 1 *')
    assert scale('--dry-run')['wanted'] == 0
    db.execute("update reportd.report_config set next_run_time = now() - interval '1 minute' "
               'where config_id = %s', config_id)
    answer = scale('--dry-run')
    assert (answer['due'], answer['wanted']) == (1, 1) and answer['oldest_due_s'] >= 60
    db.execute("update reportd.report_config set next_run_time = now() + interval '1 day', "
               "status = 'PROCESSING', run_id = 1 where config_id = %s", config_id)
    answer = scale('--dry-run')
    assert (answer['due'], answer['running'], answer['wanted']) == (0, 1, 1)


def test_what_a_quota_keeps_waiting_needs_no_daemon(db, scale, submit):
    with db.connect() as conn:
        conn.execute("do $$ begin create role scale_ann; exception when duplicate_object then "
                     "null; end $$")
        conn.execute('grant reportd_submitter to scale_ann')
    db.execute("select reportd.register_source('default', 'postgres')")
    db.execute("select reportd.grant_source('default', 'scale_ann')")
    db.execute("insert into reportd.report_quota (role, max_running) values ('scale_ann', 3)")
    for _ in range(20):
        submit(db, owner='scale_ann')
    answer = scale('--dry-run')
    assert (answer['due'], answer['wanted']) == (20, 1)
    # An operator's are not limited.
    for _ in range(20):
        submit(db)
    assert scale('--dry-run')['wanted'] == 5


@pytest.mark.parametrize('daemons, leaving, running, young, starting, present', [
    (0, 0, 0, 0, 0, 0),
    (1, 0, 0, 0, 0, 1),  # a daemon elsewhere
    (1, 0, 1, 0, 0, 1),
    (0, 0, 1, 0, 0, 0),  # a task whose daemon has ended
    (0, 0, 1, 1, 0, 1),  # a task whose daemon has not registered yet
    (0, 1, 1, 0, 0, 0),  # a daemon that takes no more
    (2, 0, 3, 1, 2, 5),
    (1, 0, 2, 2, 0, 2),
])
def test_what_counts_as_a_daemon(db, aws, scale, submit, daemons, leaving, running, young,
                                 starting, present):
    wait_due(db, submit, 50)
    for number in range(daemons + leaving):
        register(db, leaving=number >= daemons)
    for number in range(running):
        aws.ecs.run(aws.ecs.add(), 5 if number < young else 600)
    for _ in range(starting):
        aws.ecs.add('PENDING')
    answer = scale('--dry-run')
    assert answer['missing'] == 10 - present
    assert (answer['tasks'], answer['starting']) == (running, starting)


def test_a_daemon_whose_heartbeat_is_late_does_not_count(db, scale, submit):
    submit(db)
    register(db)
    assert scale('--dry-run')['missing'] == 0
    db.execute("update reportd.report_worker set heartbeat_at = now() - interval '2 hours'")
    assert scale('--dry-run')['missing'] == 1


def test_only_one_decides_and_a_dead_one_loses_its_turn(db, aws, scale, submit):
    submit(db)
    assert db.value('select reportd.scale_take(%s, 5, 10)', HOLDER)
    assert scale() == {'action': 'busy'}
    assert 'another process decides' in scale(as_json=False).stdout
    db.execute("update reportd.scale_turn set held_until = now() - interval '1 second'")
    assert scale()['started'] == 1
    # Whoever comes late has nothing to decide any more.
    assert db.value('select reportd.scale_plan(%s, 0, 0, 0, 5, 10)', HOLDER) is None
    db.execute('select reportd.scale_release(%s, true)', HOLDER)


def test_deciders_at_once_start_no_more_than_one_would(db, aws, scale, submit):
    wait_due(db, submit, 12)
    slow = aws.fault('ListTasks', times=1, delay=1)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(scale())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert slow.met and len(aws.ecs.tasks) == 3
    assert sorted(answer['action'] for answer in answers)[-1] == 'started'


def test_a_lost_answer_starts_nothing_twice(db, aws, scale, submit):
    """The request is sent again with its token, though ECS does not list the tasks yet."""
    wait_due(db, submit, 6)
    aws.ecs.lag = True
    fault = aws.fault('RunTask', times=99, cut='after')
    answer = scale(code=1)
    assert (answer['action'], answer['started']) == ('failed', 0)
    assert fault.met > 1 and len(aws.ecs.tasks) == 2
    fault.times = 0
    assert scale()['started'] == 2
    assert len(aws.ecs.tasks) == 2
    assert len({call['args']['clientToken'] for call in aws.calls
                if call['op'] == 'RunTask' and 'args' in call}) == 1
    # The next request is another one.
    aws.ecs.unseen.clear()
    wait_due(db, submit, 10)
    assert scale()['started'] == 2 and len(aws.ecs.tasks) == 4


def test_a_request_that_never_arrived_is_made_again(db, aws, scale, submit):
    submit(db)
    fault = aws.fault('RunTask', times=99, cut='before')
    scale(code=1)
    assert not aws.ecs.tasks
    fault.times = 0
    assert scale()['started'] == 1


def test_no_capacity_is_said_and_tried_again(db, aws, scale, submit):
    wait_due(db, submit, 20)
    aws.ecs.room = 1
    answer = scale()
    assert (answer['started'], answer['action']) == (1, 'started')
    assert len(answer['failures']) == 3 and 'Capacity is unavailable' in answer['failures'][0]
    answer = scale(code=1)
    assert (answer['started'], answer['action'], len(answer['failures'])) == (0, 'failed', 3)
    aws.ecs.room = 10
    assert scale()['started'] == 3


@pytest.mark.parametrize('op, words', [
    ('RunTask', ['ecs:RunTask', 'iam:PassRole']), ('ListTasks', ['ecs:ListTasks'])])
def test_a_right_that_is_missing_is_named(db, aws, scale, submit, op, words):
    submit(db)
    aws.denied.add('ecs:' + op)
    done = scale(as_json=False, code=1)
    assert all(word in done.stdout + done.stderr for word in words)
    aws.denied.clear()
    assert scale()['started'] == 1  # the turn was given back


def test_without_settings_it_says_what_to_write(ctl):
    done = ctl('scale')
    assert done.returncode == 1 and 'cluster, task_definition and subnets' in done.stderr


@pytest.mark.parametrize('settings, message', [
    ({'subnets': 'vpc-1'}, '[scale] subnets = vpc-1: must be IDs that begin with subnet-'),
    ({'security_groups': 'sg-1,x'}, '[scale] security_groups'),
    ({'task_definition': None}, '[scale] task_definition is missing'),
    ({'cluster': None}, '[scale] cluster is missing'),
    ({'per_task': 0}, 'from 1 to 1000'),
    ({'max': 101}, 'from 1 to 100'),
])
def test_wrong_settings_are_refused(scale, settings, message):
    assert message in scale(code=3, **settings).stderr


# ---- who may ----

@pytest.mark.parametrize('call', [
    f"scale_take('{HOLDER}', 5, 10)", f"scale_plan('{HOLDER}', 0, 0, 0, 5, 10)",
    f"scale_release('{HOLDER}', true)", f"scale_leave('{HOLDER}')",
    f"scale_may_leave('{HOLDER}')"])
def test_only_the_daemons_role_decides(db, call):
    with db.connect() as conn:
        for role in 'reportd_submitter', 'reportd_operator', 'reportd_viewer':
            conn.execute(f'set role {role}')
            for sql in f'select reportd.{call}', 'select from reportd.scale_turn for update':
                with pytest.raises(Exception) as e:
                    conn.execute(sql)
                assert e.value.sqlstate == '42501', role
        conn.execute('set role reportd_daemon')
        conn.execute(f'select reportd.{call}')


def test_an_open_transaction_of_a_submitter_holds_nothing_up(db, scale, submit):
    db.execute("select reportd.register_source('default', 'postgres')")
    db.execute("select reportd.grant_source('default', 'reportd_submitter')")
    with db.connect(autocommit=False) as conn:
        conn.execute('set role reportd_submitter')
        conn.execute("select reportd.submit('x', 'select 1')")
        submit(db)
        assert scale()['started'] == 1
        conn.rollback()


def test_a_scaler_that_wants_one_number(db, submit):
    """Such as KEDA, by a role that may do nothing else."""
    with db.connect() as conn:
        conn.execute("do $$ begin create role scale_keda; exception when duplicate_object then "
                     "null; end $$")
        conn.execute('grant usage on schema reportd to scale_keda')
        conn.execute('grant execute on function reportd.scale_demand to scale_keda')
        conn.execute('set role scale_keda')
        demand = 'select reportd.scale_demand()'
        assert conn.execute(demand).fetchone()[0] == 0
        submit(db)
        submit(db)
        assert conn.execute(demand).fetchone()[0] == 2
        with pytest.raises(Exception) as e:
            conn.execute('select from reportd.report_config')
        assert e.value.sqlstate == '42501'


# ---- daemons that end by themselves ----

def counts(db):
    """{worker_id: leaving} of the daemons."""
    return dict(tuple(row) for row in db.query(
        'select worker_id, leaving from reportd.report_worker'))


def test_a_daemon_leaves_when_nothing_is_due(db, daemon):
    one = daemon(args=['--idle-exit', '300ms'])
    assert one.wait() == 0
    assert 'why=idle' in one.log() and not counts(db)


def test_work_that_comes_as_a_daemon_leaves_finds_it_gone_or_keeps_it(db, daemon, submit):
    """The decision to leave and the count of daemons are made one after the other."""
    worker = register(db)
    with db.connect(autocommit=False) as other:
        other.execute('select from reportd.scale_turn for update')
        result = []
        def leave():
            with db.connect() as conn:
                row = conn.execute('select reportd.scale_leave(%s)', [worker]).fetchone()
                result.append(row[0])
        thread = threading.Thread(target=leave, daemon=True)
        thread.start()
        wait_for(lambda: db.value("select count(*) from pg_stat_activity "
                                  "where wait_event_type = 'Lock'"))
        submit(db)  # it has begun to leave before, and sees this
        other.commit()
        thread.join()
    assert result == [False] and counts(db) == {worker: False}
    db.execute("select reportd.cancel(config_id) from reportd.report_config")
    assert db.value('select reportd.scale_leave(%s)', worker)
    assert counts(db) == {worker: True}


def test_whoever_counts_waits_for_a_daemon_that_leaves(db, scale, submit):
    """Else it would count one that is gone before the work is seen by anybody."""
    worker = register(db)
    with db.connect(autocommit=False) as leaving:
        assert leaving.execute('select reportd.scale_leave(%s)', [worker]).fetchone()[0]
        submit(db)
        answers = []
        thread = threading.Thread(target=lambda: answers.append(scale()), daemon=True)
        thread.start()
        wait_for(lambda: db.value("select count(*) from pg_stat_activity where "
                                  "wait_event_type = 'Lock' and application_name = 'reportctl'"))
        leaving.commit()
        thread.join()
    assert answers[0]['started'] == 1


def test_a_daemon_stays_while_there_is_more_than_others_are_there_for(db, submit):
    workers = [register(db) for _ in range(3)]
    for _ in range(6):
        submit(db)
    leave = 'select reportd.scale_leave(%s)'
    assert [db.value(leave, worker) for worker in workers] == [True, False, False]
    # By the numbers of the last decision.
    db.execute('select reportd.scale_take(%s, 10, 10)', HOLDER)
    assert db.value(leave, workers[1])


def test_work_is_not_left_to_a_daemon_that_was_killed(db, submit):
    """It counts as one that works until its lease is over."""
    killed, new = register(db), register(db)
    submit(db)
    leave = 'select reportd.scale_leave(%s)'
    assert not db.value(leave, new)
    db.execute('update reportd.report_worker set heartbeat_at = clock_timestamp() '
               'where worker_id = %s', killed)  # it was not
    assert db.value(leave, new)


def test_reports_of_sources_that_a_daemon_lacks_do_not_keep_it(db, submit):
    db.execute("select reportd.register_source('elsewhere', 'postgres')")
    submit(db, source='elsewhere')
    assert db.value('select reportd.scale_leave(%s)', register(db))


def test_a_daemon_that_is_stopped_counts_no_more_while_its_runs_end(db, daemon, submit, scale):
    one = daemon(shutdown_grace='1min')
    config_id = submit(db, export_sql='select pg_sleep(3)')
    wait_for(lambda: db.value("select count(*) from reportd.report_run "
                              "where status = 'PROCESSING'"))
    one.signal(signal.SIGTERM)
    wait_for(lambda: list(counts(db).values()) == [True])
    assert scale('--dry-run')['missing'] == 1
    assert one.wait() == 0
    assert db.value('select status from reportd.report_config where config_id = %s',
                    config_id) == 'COMPLETED'


# ---- Lambda ----

# The event that EventBridge Scheduler sends to a target without an input of its own.
SCHEDULED = json.dumps({
    'version': '0', 'id': '53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa', 'detail-type': 'Scheduled Event',
    'source': 'aws.scheduler', 'account': '123456789012', 'time': '2026-01-01T00:00:00Z',
    'region': 'eu-west-1', 'resources': [
        'arn:aws:scheduler:eu-west-1:123456789012:schedule/default/scale'],
    'detail': '{}'}).encode()


class Runtime(http.server.BaseHTTPRequestHandler):
    """Lambda's runtime interface."""
    protocol_version = 'HTTP/1.1'

    def log_message(self, *args):
        pass

    def answer(self, status, body=b'{}', **headers):
        self.send_response(status)
        for name, value in {**headers, 'Content-Length': str(len(body))}.items():
            self.send_header(name.replace('_', '-'), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        assert self.path == '/2018-06-01/runtime/invocation/next'
        self.server.asked.set()
        if not self.server.waiting.acquire(timeout=60):
            return
        ident = str(uuid.uuid4())
        self.server.given.append(ident)
        self.answer(200, self.server.event, Lambda_Runtime_Aws_Request_Id=ident)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        self.answer(202)
        self.server.told.append((self.path.rsplit('/', 2)[1:], body))


@contextlib.contextmanager
def serving(aws, conf, **settings):
    """A `reportctl scale` that serves invocations. It yields call(event), which returns the
    answer, and whether it is an error's; `log` of it is what the program has logged, once the
    block has ended."""
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Runtime) as server:
        server.daemon_threads = True
        server.waiting, server.asked = threading.Semaphore(0), threading.Event()
        server.given, server.told = [], []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        path = conf({**aws.settings(), **aws.ecs.settings()}, **settings)
        program = subprocess.Popen(
            [REPORTCTL, '-c', path, 'scale'], stderr=subprocess.PIPE, text=True, env={
                **os.environ, **aws.environ(),
                'AWS_LAMBDA_RUNTIME_API': f'127.0.0.1:{server.server_address[1]}'})

        def call(event=SCHEDULED):
            server.event = event
            count = len(server.told) + 1
            server.waiting.release()
            wait_for(lambda: len(server.told) == count)
            (ident, kind), body = server.told[-1]
            assert ident == server.given[-1]
            return body, kind == 'error'
        try:
            assert server.asked.wait(30)
            yield call
        finally:
            program.terminate()
            call.log = program.communicate(timeout=30)[1]
            server.shutdown()


def test_it_serves_invocations_of_lambda(db, aws, conf, submit):
    with serving(aws, conf, log_metrics='team/reportd') as call:
        for due, started in (0, 0), (7, 2):
            wait_due(db, submit, due)
            body, failed = call()
            assert not failed and body['started'] == started
        aws.denied.add('ecs:ListTasks')
        body, failed = call()
        assert failed and 'ecs:ListTasks' in body['errorMessage']
        # The function has no connection to the queue between two invocations.
        wait_for(lambda: not db.value("select count(*) from pg_stat_activity "
                                      "where application_name = 'reportctl'"))
    events = [json.loads(line) for line in call.log.splitlines() if line.startswith('{')]
    assert [event['TasksStarted'] for event in events] == [0, 2]


def gateway(body, **more):
    """The event of an HTTP API, in its payload format 2.0."""
    return json.dumps({'version': '2.0', 'routeKey': 'POST /trigger', 'rawPath': '/trigger',
                       'headers': {'content-type': 'application/json'},
                       'requestContext': {'http': {'method': 'POST', 'path': '/trigger'}},
                       'isBase64Encoded': False, 'body': body, **more}).encode()


def test_an_external_function_wakes_an_inbox_and_starts_a_task(db, aws, conf):
    """No daemon runs, and the inbox is read once a day."""
    db.execute("insert into reportd.report_inbox (inbox, owner, every, began_at, next_at) "
               "values ('w:t', 'reportd_submitter', '1 day', now() - interval '1 hour', "
               "now() + interval '23 hours')")
    with serving(aws, conf) as call:
        assert call()[0]['started'] == 0
        answer, failed = call(gateway('{"data": [[0], [7, "x"]]}'))
        assert not failed and answer['statusCode'] == 200
        assert answer['headers'] == {'Content-Type': 'application/json'}
        (first, value), (second, _) = json.loads(answer['body'])['data']
        assert (first, second, value['started']) == (0, 7, 1)
        assert db.value('select count(*) from reportd.report_inbox_wake') == 1
        answer, _ = call(gateway(None))
        assert answer['statusCode'] == 200 and json.loads(answer['body'])['started'] == 0
        for event, why in [(gateway('[1]'), 'neither empty nor a JSON object'),
                           (gateway('{"data": [["a"]]}'), 'neither empty nor a JSON object'),
                           (gateway('H4sI', isBase64Encoded=True), 'compression = none')]:
            answer, failed = call(event)
            assert not failed and answer['statusCode'] == 400 and why in answer['body']


# ---- the Lambda that starts the first task ----

@pytest.fixture
def wake(aws, monkeypatch):
    """wake(event) calls deploy/wake.py as Lambda does."""
    for name, value in {**aws.environ(), 'AWS_DEFAULT_REGION': aws.region,
                        **aws.ecs.environ()}.items():
        monkeypatch.setenv(name, value)
    session = boto3.session.Session(
        botocore_session=ecs.register(botocore.session.get_session()))
    monkeypatch.setattr(boto3, 'client',
                        lambda name: session.client(name, endpoint_url=aws.url))
    spec = importlib.util.spec_from_file_location('wake', ROOT / 'deploy/wake.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda event=None: module.handler(event or {}, None)['message']


def test_the_first_call_starts_a_task_and_others_none(aws, wake):
    assert wake() == 'a task starts'
    assert wake() == wake({'daemons': 0}) == 'a task is there'
    arn, = aws.ecs.tasks
    aws.ecs.run(arn)
    assert wake({'daemons': 0}) == 'a task is there'  # it has not registered yet
    request, = aws.ecs.requests
    assert (request['count'], request['launchType'], request['startedBy']) == (
        1, 'FARGATE', 'reportd')


def test_a_task_whose_daemon_has_ended_does_not_count(aws, wake):
    wake()
    aws.ecs.tokens.clear()  # another minute
    arn, = aws.ecs.tasks
    aws.ecs.run(arn, ago=600)
    assert wake() == 'a task is there'
    assert wake({'daemons': 0}) == 'a task starts'


def test_calls_that_ecs_does_not_list_yet_start_one_task(aws, wake, monkeypatch):
    monkeypatch.setattr(time, 'time', lambda now=time.time(): now)
    aws.ecs.lag = True
    wake()
    wake()
    assert len(aws.ecs.tasks) == 1


def test_no_capacity_is_an_error_of_the_function(aws, wake):
    aws.ecs.room = 0
    with pytest.raises(RuntimeError, match='Capacity'):
        wake()


def test_the_trigger_that_calls_it(db, submit):
    """deploy/wake.sql, with an aws_lambda that notes what it is asked."""
    script = (ROOT / 'deploy/wake.sql').read_text()
    script = script.replace('create extension if not exists aws_lambda cascade;', '''
        create schema aws_lambda; create schema aws_commons;
        create table aws_lambda.call (arn text, payload json, type text);
        grant all on aws_lambda.call to reportd_owner;
        create function aws_commons.create_lambda_function_arn(a text) returns text
            language sql as 'select a';
        create function aws_lambda.invoke(a text, p json, t text) returns int language sql as
            'insert into aws_lambda.call values (a, p, t) returning 1';''')
    done = subprocess.run(['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-v', 'function=arn:f',
                           db.conninfo], input=script, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    calls = 'select arn, payload::text, type from aws_lambda.call'
    config_id = submit(db)
    assert [tuple(row) for row in db.execute(calls)] == [('arn:f', '{"daemons": 0}', 'Event')]
    db.execute('select reportd.cancel(%s)', config_id)
    db.execute('select reportd.retry(%s)', config_id)
    assert len(list(db.execute(calls))) == 2
    register(db, leaving=True)
    submit(db)
    assert len(list(db.execute(calls))) == 3
    # One call is enough for all reports of a statement.
    db.execute("update reportd.report_config set due_at = now() - interval '1 minute'")
    assert len(list(db.execute(calls))) == 4
    # A heartbeat that was written before the clock was set back is of no daemon that works.
    alive = register(db)
    db.execute("update reportd.report_worker set heartbeat_at = now() + interval '1 day' "
               'where worker_id = %s', alive)
    submit(db)
    assert len(list(db.execute(calls))) == 5
    db.execute('update reportd.report_worker set heartbeat_at = now()')
    submit(db)
    assert len(list(db.execute(calls))) == 5
    # A call that fails does not fail the INSERT.
    db.execute('delete from reportd.report_worker')
    db.execute('drop table aws_lambda.call')
    with contextlib.suppress(Warning):
        submit(db)
    assert db.value('select count(*) from reportd.report_config') == 5


# ---- doctor ----

def checks(done, what):
    return {check['what']: check for check in json.loads(done.stdout)
            if check['what'].startswith(what)}


def test_doctor_counts_the_tasks(aws, ctl):
    def doctor(**settings):
        return checks(ctl('doctor', '--json', env=aws.environ(), sections={
            **aws.settings(), **aws.ecs.settings(**settings)}), 'scale')['scale']
    aws.ecs.add()
    assert doctor()['detail'] == '1 task of reportd in cluster reports'
    said = doctor(cluster='elsewhere')
    assert said['result'] == 'FAILED' and 'ClusterNotFoundException' in said['detail']
    aws.denied.add('ecs:ListTasks')
    assert 'ecs:ListTasks' in doctor()['mend']
