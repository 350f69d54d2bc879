# SPDX-License-Identifier: MIT
"""/metrics: what Prometheus takes, and that the counters add each run up once."""

import contextlib
import datetime
import os
import signal
import socket
import subprocess

import pytest
from lib.server import Server
from prometheus_client.parser import text_string_to_metric_families
from psycopg.types.json import Jsonb

pytestmark = pytest.mark.shipped

OLGA, VERA, ANN = 'web_olga', 'web_vera', 'web_ann'


@pytest.fixture
def server(db, tmp_path, daemon, wait_for):
    one = Server(db, tmp_path)
    one.daemon = daemon(one.sections)
    wait_for(one.is_ready)
    return one


def text(server, role=VERA):
    answer = server.get('/metrics', role)
    assert answer.status == 200, answer
    assert answer.headers['Content-Type'] == 'text/plain; version=0.0.4; charset=utf-8'
    return answer.body.decode()


def values(text):
    """{(name, labels): value}; each sample stands once, in the family of its name."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = sample.name, tuple(sorted(sample.labels.items()))
            assert key not in found, key
            found[key] = sample.value
    return found


def read(db):
    return {(name, tuple(sorted(labels.items()))): value for name, labels, value in
            db.value('select reportd.metrics()')}


def counters(samples):
    return {key: value for key, value in samples.items()
            if key[0].endswith('_total') or key[0].startswith('stage_')}


def tallied(db):
    """The samples of the database at this moment: {(name, labels): value}. They are the same
    before and after a daemon has added the runs up."""
    before = read(db)
    db.execute('select reportd.tally_runs()')
    after = read(db)
    assert counters(before) == counters(after)
    return after


def runs_of(samples, **labels):
    return sum(v for (name, have), v in samples.items()
               if name == 'runs_total' and labels.items() <= dict(have).items())


def promtool(text):
    return subprocess.run(['promtool', 'check', 'metrics'], input=text, text=True,
                          capture_output=True)


def test_prometheus_takes_it(server, db, submit, wait_done):
    submit(db, report_key='daily', report_type='a "quoted"\\ type', schedule_expression='0 7 * * *',
           trigger_type='SCHEDULED')
    for sql in 'select 1 as one', 'select 1/0':
        wait_done(db, submit(db, export_sql=sql, max_retries=0, report_type='b'))
    body = text(server)
    checked = promtool(body)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    samples = values(body)
    assert samples['reportd_up', ()] == 1
    assert samples['reportd_daemons', ()] == 1 and samples['reportd_workers', ()] == 2
    for stage in 'export', 'run':
        buckets = [(float(dict(labels)['le']), v) for (name, labels), v in samples.items()
                   if name == 'reportd_stage_duration_seconds_bucket'
                   and dict(labels)['stage'] == stage]
        assert [v for _, v in sorted(buckets)] == sorted(v for _, v in buckets)
        assert max(buckets)[0] == float('inf')
        assert max(buckets)[1] == samples[
            'reportd_stage_duration_seconds_count', (('stage', stage),)]
    assert len([key for key in samples if key[0] == 'reportd_queue_due']) == 20


def test_a_check_that_finds_faults():
    assert promtool('reportd_x 1\n').returncode != 0


def test_who_may_read_them(server):
    assert server.get('/metrics').status == 401
    answer = server.get('/metrics', ANN)
    assert (answer.status, answer.json()['sqlstate']) == (403, '42501')
    text(server, OLGA)
    # Figures that were read for one role are not given to another one.
    assert server.get('/metrics', ANN).status == 403


def test_each_run_counts_once(db, drain, submit):
    for _ in range(3):
        submit(db, report_type='a', export_sql='select generate_series(1, 10) as n')
    submit(db, report_type='b', max_retries=1,
           export_sql='select pg_terminate_backend(pg_backend_pid())')
    drain(retry_backoff='0s', retry_backoff_max='0s')
    for _ in range(3):
        samples = tallied(db)
        assert runs_of(samples, report_type='a', status='COMPLETED') == 3
        assert runs_of(samples, report_type='b', status='FAILED') == 2
        assert samples['run_retries_total', ()] == 1
        assert samples['output_rows_total', (('report_type', 'a'),)] == 30
        assert samples['output_bytes_total', (('report_type', 'a'),)] == sum(
            len(f'{n}\n') for n in ['n', *range(1, 11)]) * 3
        assert samples['stage_duration_seconds_count', (('stage', 'run'),)] == 5


def run_row(db, status='COMPLETED', conn=None, **more):
    columns = {'config_id': 1, 'report_name': 'x', 'attempt': 1, 'scheduled_for': 'now',
               'worker_id': '00000000-0000-0000-0000-000000000000', 'status': status,
               'finished_at': None if status == 'PROCESSING' else 'now', **more}
    return (conn or db).execute(
        f'insert into reportd.report_run ({", ".join(columns)}) values '
        f'({", ".join(["%s"] * len(columns))}) returning run_id',
        *([list(columns.values())] if conn else columns.values())).fetchone()[0]


def stages(samples, of):
    """{stage: value} of the histogram's samples with this suffix."""
    return {dict(labels)['stage']: value for (name, labels), value in samples.items()
            if name == f'stage_duration_seconds_{of}'}


def test_each_stage_has_its_histogram(db):
    """By the times in the rows: a run that failed in its export has ended its prep."""
    begun = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)

    def after(seconds):
        return {'started_at': begun, 'finished_at': begun + datetime.timedelta(seconds=seconds)}
    run_row(db, stage_ms=Jsonb({'prep': 400, 'export': 20000, 'publish': 2}), **after(21))
    run_row(db, 'FAILED', stage_ms=Jsonb({'prep': 600}), **after(4000))
    run_row(db, 'LOST', **after(20000))
    for samples in read(db), tallied(db):
        assert stages(samples, 'count') == {'prep': 2, 'export': 1, 'publish': 1, 'run': 3}
        assert stages(samples, 'sum') == {'prep': 1, 'export': 20, 'publish': .002, 'run': 24021}
        assert {dict(labels)['le']: value for (name, labels), value in samples.items()
                if name == 'stage_duration_seconds_bucket' and dict(labels)['stage'] == 'run'} \
            == {'0.1': 0, '0.5': 0, '1': 0, '5': 0, '15': 0, '60': 1, '300': 1, '900': 1,
                '3600': 1, '10800': 2, '+Inf': 3}


def test_each_stage_is_timed(db, submit, drain):
    submit(db, prep_sql='select pg_sleep(0.03)', export_sql='select pg_sleep(0.02)',
           checks=Jsonb([{'name': 'slow', 'sql': 'select 1 from pg_sleep(0.01) where random() < 0'}]),
           result_sql='select 1 as one from pg_sleep(0.04)')
    submit(db, prep_sql='select 1', export_sql='select 1/0', max_retries=0)
    drain()
    good, bad = db.query('select r.*, extract(epoch from r.finished_at - r.started_at) * 1000 '
                         'as took from reportd.report_run r order by r.config_id')
    least = {'prep': 30, 'check': 10, 'export': 20, 'result': 40, 'publish': 0}
    assert good.stage_ms.keys() == least.keys()
    # A clock of whole milliseconds may lose one of each.
    assert all(good.stage_ms[name] >= ms - 1 for name, ms in least.items()), good.stage_ms
    assert sum(good.stage_ms.values()) <= good.took + len(least)
    assert bad.stage_ms.keys() == {'prep'}
    assert stages(tallied(db), 'count') == {**dict.fromkeys(least, 1), 'prep': 2, 'run': 2}


def test_a_run_that_ends_later_counts_when_it_ends(db):
    run_id = run_row(db, 'PROCESSING')
    run_row(db)
    assert runs_of(tallied(db)) == 1
    db.execute("update reportd.report_run set status = 'LOST', finished_at = now() "
               'where run_id = %s', run_id)
    samples = tallied(db)
    assert (runs_of(samples), samples['lease_losses_total', ()]) == (2, 1)
    assert runs_of(tallied(db)) == 2
    assert db.value('select count(*) from reportd.run_open') == 0


def test_a_run_that_is_committed_late_counts_too(db):
    """Its number is lower than those that were counted meanwhile."""
    with db.connect(autocommit=False) as late:
        run_row(db, conn=late)
        run_row(db)
        assert runs_of(tallied(db)) == 1
        late.commit()
    assert runs_of(tallied(db)) == 2


def test_sessions_that_count_at_once(db):
    for _ in range(20):
        run_row(db)
    with db.connect(autocommit=False) as other:
        other.execute('select reportd.tally_runs()')
        assert runs_of(tallied(db)) == 20
        other.commit()
    assert runs_of(tallied(db)) == 20


def test_a_viewers_open_transaction_holds_no_counter(db):
    run_row(db)
    with db.connect(autocommit=False) as viewer:
        viewer.execute('set role reportd_viewer')
        viewer.execute('select reportd.metrics()')
        db.execute("set lock_timeout = '5s'")
        db.execute('select reportd.tally_runs()')
        assert db.value('select runs from reportd.run_tally') == 1
        viewer.execute('set transaction read only')
        viewer.execute('select reportd.metrics()')


def test_labels_of_free_text_are_bounded(db, submit):
    for n in range(120):
        run_row(db, config_id=submit(db, report_type=f'type {n:03}'))
    samples = tallied(db)
    types = {dict(labels)['report_type'] for name, labels in samples if name == 'runs_total'}
    assert len(types) == 101 and 'other' in types
    assert runs_of(samples, report_type='other') == 20 and runs_of(samples) == 120
    run_row(db, config_id=submit(db, report_type='one more'))
    run_row(db, config_id=submit(db, report_type='type 000'))
    samples = tallied(db)
    assert runs_of(samples, report_type='other') == 21
    assert runs_of(samples, report_type='type 000') == 2


def test_history_is_read_once(db):
    """A second look reads no run that was counted before."""
    db.execute('''insert into reportd.report_run (config_id, report_name, attempt,
        scheduled_for, worker_id, status, finished_at)
        select 1, 'x', 1, now(), gen_random_uuid(), 'COMPLETED', now()
        from generate_series(1, 30000)''')
    db.execute('analyze reportd.report_run')
    assert runs_of(read(db)) == 20000
    db.execute('select reportd.tally_runs()')
    assert runs_of(tallied(db)) == 30000
    run_row(db)
    with db.connect(autocommit=False) as conn:
        conn.execute('select reportd.metrics()')
        conn.execute('select reportd.tally_runs()')
        returned, fetched = conn.execute(
            "select pg_stat_get_xact_tuples_returned('reportd.report_run'::regclass), "
            "pg_stat_get_xact_tuples_fetched('reportd.report_run'::regclass)").fetchone()
    assert returned < 200 and fetched < 200


def test_what_waits_and_what_is_late(db, submit):
    submit(db, priority=1)
    submit(db, priority=1, due_at='2026-01-01')
    submit(db, trigger_type='SCHEDULED', schedule_expression='0 7 * * *',
           next_run_time='2026-01-01', priority=5)
    samples = tallied(db)
    assert samples['queue_due', (('priority', '1'), ('trigger_type', 'ADHOC'))] == 2
    assert samples['queue_due', (('priority', '2'), ('trigger_type', 'ADHOC'))] == 0
    assert samples['queue_oldest_due_age_seconds', ()] > 86400
    assert samples['schedules_overdue', ()] == 1
    assert {labels: value for (name, labels), value in samples.items() if name == 'reports'} == {
        (('status', 'PENDING'), ('trigger_type', 'ADHOC')): 2,
        (('status', 'PENDING'), ('trigger_type', 'SCHEDULED')): 1}


def by_label(samples, name):
    """{value of the one label: value of the sample}"""
    return {labels[0][1]: value for (have, labels), value in samples.items() if have == name}


def test_what_runs_and_the_requests_behind_it(db, submit):
    running = submit(db)
    db.execute("update reportd.report_config set status = 'PROCESSING' where config_id = %s",
               running)
    for _ in range(2):
        db.execute('select reportd.run_now(%s)', running)
    submit(db, report_key='parent')
    submit(db, trigger_type='AFTER', run_after=['parent'])
    db.execute('''insert into reportd.report_request (config_id, owner, reason, requested_by,
        scheduled_for, state) select max(config_id), current_user::regrole, 'after', 'x', now(),
        'WAITING' from reportd.report_config''')
    samples = read(db)
    assert samples['workers_busy', ()] == 1
    assert by_label(samples, 'requests_waiting') == {'QUEUED': 2, 'WAITING': 1}


def test_files_and_notices_by_how_they_are(db):
    for number, state in enumerate(['NEW'] * 3 + ['TAKEN'] * 2 + ['FAILED', 'DONE', 'GONE']):
        db.execute('insert into reportd.report_input (config_id, input, url, version, size, '
                   "modified_at, state) values (1, 'f', 'file:///x', %s, 1, now(), %s)",
                   str(number), state)
    run_id = run_row(db)
    for number, (channel, state, age) in enumerate([
            ('mail', 'PENDING', 0), ('mail', 'SENDING', 0), ('mail', 'SENT', 0),
            ('slack', 'FAILED', 1), ('slack', 'FAILED', 25), ('sns', 'FAILED', 23)]):
        db.execute('''insert into reportd.report_notification (run_id, config_id, owner, event,
            channel, recipient, url, state, created_at) values (%s, 1, current_user::regrole,
            'COMPLETED', %s, %s, 'x', %s,
            now() - make_interval(hours => %s))''', run_id, channel, str(number), state, age)
    samples = read(db)
    assert by_label(samples, 'input_files') == {'NEW': 3, 'TAKEN': 2, 'FAILED': 1}
    assert by_label(samples, 'notices_waiting') == {
        'mail': 2, 'sns': 0, 'slack': 0, 'webhook': 0}
    assert by_label(samples, 'notices_failed_last_day') == {
        'mail': 0, 'sns': 1, 'slack': 1, 'webhook': 0}


def test_the_last_success_and_the_horizon_of_a_key(db, submit, drain):
    daily = submit(db, report_key='daily', export_sql="select :'horizon' as up_to")
    submit(db)
    drain()
    # A run that fails later is no success.
    run_row(db, 'FAILED', config_id=daily)
    finished, = db.row('select extract(epoch from finished_at) from reportd.report_run '
                       "where config_id = %s and status = 'COMPLETED'", daily)
    samples = read(db)
    assert by_label(samples, 'last_success_timestamp_seconds') == {
        'daily': pytest.approx(float(finished), abs=.001)}
    db.execute("update reportd.report_request set horizon = now() - interval '2 hours'")
    lag = by_label(read(db), 'horizon_lag_seconds')
    assert lag == {'daily': pytest.approx(7200, abs=600)} and lag['daily'] >= 7200


def test_connections_are_counted(server, wait_for):
    def connections():
        return values(text(server))['reportd_http_connections', ()]
    # The one that asks, alone.
    wait_for(lambda: connections() == 1)
    with socket.create_connection(('127.0.0.1', server.port)) as other:
        other.sendall(b'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
        assert other.recv(9) == b'HTTP/1.1 '
        assert connections() == 2


def test_answers_and_workers_are_counted(server, wait_for):
    before = values(text(server))
    server.get('/api/v1/nothing', VERA)
    victim = next(pid for pid in server.daemon.workers()
                  if open(f'/proc/{pid}/comm').read().strip() != 'reportd-http')
    os.kill(victim, signal.SIGKILL)

    def counted():
        after = values(text(server))
        return (after['reportd_worker_restarts_total', ()] >
                before['reportd_worker_restarts_total', ()] and
                after['reportd_http_requests_total', (('class', '4'),)] >
                before['reportd_http_requests_total', (('class', '4'),)])
    wait_for(counted)


def test_the_database_is_asked_once_in_five_seconds(server, db):
    first = values(text(server))
    db.execute("insert into reportd.report_config (report_name, export_sql, due_at, priority) "
               "select 'x', 'select 1', now() + interval '1 day', 3 from generate_series(1, 5)")
    again = values(text(server))
    reports = {k: v for k, v in first.items() if k[0] == 'reportd_reports'}
    assert reports == {k: v for k, v in again.items() if k[0] == 'reportd_reports'}


def test_one_question_is_under_way_for_all_who_ask(server, db, wait_for):
    waiting = ("select count(*) from pg_stat_activity where wait_event_type = 'Lock' "
               "and application_name = 'reportd-http' and datname = current_database()")
    request = (f'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n'
               f'Authorization: Bearer {server.tokens[VERA]}\r\n\r\n').encode()
    with contextlib.ExitStack() as stack:
        with db.connect(autocommit=False) as conn:
            conn.execute('lock table reportd.tally_turn in access exclusive mode')
            askers = [stack.enter_context(socket.create_connection(
                ('127.0.0.1', server.port), 20)) for _ in range(6)]
            for asker in askers:
                asker.sendall(request)
            wait_for(lambda: db.value(waiting) > 0)
            # Answered after those before it were read.
            assert server.get('/healthz').status == 200
            assert server.get('/healthz').status == 200
            assert db.value(waiting) == 1
        answers = []
        for asker in askers:
            with asker.makefile('rb') as stream:
                answers.append(stream.read())
    assert all(a.startswith(b'HTTP/1.1 200 ') for a in answers), answers
    assert {a[a.index(b'# HELP reportd_daemons '):] for a in answers} == {
        answers[0][answers[0].index(b'# HELP reportd_daemons '):]}


def test_checks_and_scores(db, submit, drain):
    submit(db, report_key='checked', export_sql='select 1 as one', checks=Jsonb([
        {'name': 'there', 'sql': 'select 1 where false'},
        {'name': 'warned', 'sql': 'select 1', 'severity': 'warn'}]))
    drain()
    samples = tallied(db)
    assert samples['checks_total', (('status', 'passed'),)] == 1
    assert samples['checks_total', (('status', 'warned'),)] == 1
    assert samples['last_score', (('report_key', 'checked'),)] == 50
    assert tallied(db)['checks_total', (('status', 'passed'),)] == 1


def test_the_keys_of_one_owner_do_not_take_the_places_of_others(db):
    db.execute("""set session_replication_role = replica;
        insert into reportd.report_config (report_name, report_key, export_sql, status, owner)
        select 'x', case who when 'reportd_viewer' then 'z' else 'a' end || i, 'select 1', 'COMPLETED',
            who::regrole
        from (values ('reportd_submitter', 500), ('reportd_viewer', 1)) o(who, n),
            generate_series(1, n) i;
        insert into reportd.report_run (config_id, report_name, attempt, scheduled_for, status,
            worker_id, finished_at)
        select config_id, 'x', 1, now(), 'COMPLETED', gen_random_uuid(), now()
        from reportd.report_config;
        reset session_replication_role""")
    keys = [labels[0][1] for name, labels in read(db) if name == 'last_success_timestamp_seconds']
    assert 'z1' in keys and len(keys) == 500
