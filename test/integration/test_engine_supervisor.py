# SPDX-License-Identifier: MIT
"""The daemon as a process: wake-ups, signals, lost servers and workers."""

import json
import os
import signal
import socket
import time
from datetime import timedelta

import pytest

from lib import process, report
from lib.cluster import Cluster, apply_schema
from lib.redshift import Typed
from lib.wait import wait_for
from test_engine_shared import (done, ended, file_of, files, gate, gated,
                                last_run, wait_at_gate, waiting)


def beat(db):
    """Waits for the next heartbeat of the only daemon."""
    old = db.value('select heartbeat_at from reportd.report_worker')
    wait_for(lambda: db.value('select heartbeat_at > %s from reportd.report_worker', old),
             what='a heartbeat')


# Waking up.

def test_a_report_starts_at_once_however_seldom_the_daemon_polls(db, daemon):
    daemon(poll_interval='1h', lease='1h')
    for _ in range(5):
        run = done(db, within=5)
        created = db.value('select created_timestamp from reportd.report_config '
                           'where config_id = %s', run.config_id)
        assert run.started_at - created < timedelta(seconds=1)


def test_a_schedule_that_is_added_or_moved_wakes_the_daemon(db, daemon):
    daemon(poll_interval='1h', lease='1h')
    done(db)
    at = db.value("select now() + interval '600 ms'")
    config_id = report.submit(db, trigger_type='SCHEDULED', next_run_time=at,
                              schedule_expression='0 0 1 1 *')
    assert ended(db, config_id, within=5).scheduled_for == at
    db.execute("update reportd.report_config set next_run_time = now() + interval '400 ms' "
               'where config_id = %s', config_id)
    wait_for(lambda: len(report.runs(db, config_id)) == 2, 5, 'the second run')
    ended(db, config_id)


def test_without_listen_it_polls(db, daemon):
    one = daemon({'queue': {'listen': 'off'}}, poll_interval='300ms')
    for _ in range(2):
        done(db, within=5)
    assert not db.value("select count(*) from pg_stat_activity where query ilike 'listen%' "
                        "and pid <> pg_backend_pid() and datname = current_database()")
    with gate(db):
        config_id = report.submit(db, export_sql=gated())
        wait_at_gate(db)
        db.value('select reportd.cancel(%s)', config_id)
        ended(db, config_id, 'CANCELLED', within=5)
    assert 'failed' not in one.log()


@pytest.mark.parametrize('why', ['nothing waits', 'max_running', 'adhoc_workers', 'later'])
def test_a_daemon_that_can_do_nothing_is_quiet(db, daemon, why):
    """One query a poll interval, no CPU; also while what is due may not run."""
    one = daemon({'source.small': {'conninfo': db.conninfo, 'max_running': 1}},
                 workers=2, adhoc_workers=int(why == 'adhoc_workers'),
                 poll_interval='1h', lease='1h')
    with gate(db):
        for _ in range(3):
            if why == 'max_running':
                report.submit(db, source='small', export_sql=gated())
            elif why == 'adhoc_workers':
                db.value('select reportd.run_now(%s)', report.submit(
                    db, trigger_type='SCHEDULED', schedule_expression='@yearly',
                    export_sql=gated()))
            elif why == 'later':
                db.execute("insert into reportd.report_config (report_name, export_sql, due_at) "
                           "values ('later', 'select 1', now() + interval '1 hour')")
        wait_at_gate(db, int(why in ('max_running', 'adhoc_workers')))
        wait_for(lambda: db.value("""
            select now() - query_start > interval '1 s' from pg_stat_activity
            where application_name = 'reportd' and datname = current_database()"""),
            10, 'a second without a query')
        cpu = cpu_seconds(one.pid)
        assert cpu < 1
        db.execute("delete from reportd.report_config where status = 'PENDING'")


def cpu_seconds(pid):
    with open(f'/proc/{pid}/stat') as f:
        fields = f.read().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


# Notices.

def test_the_end_of_each_run_is_told(db, daemon):
    daemon(retry_backoff='100ms', retry_backoff_max='100ms')
    with db.connect() as conn:
        conn.execute('listen reportd_done')
        good = report.submit(db, report_name='a "b" ü')
        bad = report.submit(db, export_sql='select nonsense')
        prep = report.submit(db, prep_sql='select 1')
        again = report.submit(db, max_retries=1, prep_sql='do $$ begin raise exception '
                              "using errcode = '40001'; end $$")
        with gate(db):
            stopped = report.submit(db, export_sql=gated())
            wait_at_gate(db)
            db.value('select reportd.cancel(%s)', stopped)
            told = {}
            for notice in conn.notifies():
                message = json.loads(notice.payload)
                assert message['config_id'] not in told
                told[message.pop('config_id')] = message
                if told.keys() == {good, bad, prep, again, stopped}:
                    break
    for config_id, status in ((good, 'COMPLETED'), (bad, 'FAILED'), (prep, 'COMPLETED'),
                              (again, 'FAILED'), (stopped, 'CANCELLED')):
        run = last_run(db, config_id)
        assert told[config_id] == {'run_id': run.run_id, 'status': status,
                                   'request_id': run.request_id}
    assert len(report.runs(db, again)) == 2


# The heartbeat row.

def test_a_daemon_has_a_row_while_it_lives(db, daemon):
    ids = set()
    for _ in range(2):
        one = daemon(workers=3, lease='8s', poll_interval='200ms')
        row = db.row("select *, lease = interval '8 s' as right from reportd.report_worker")
        assert (row.pid, row.host, row.workers, row.right) == (
            one.pid, socket.gethostname(), 3, True)
        assert row.version in process.run(process.REPORTD, '--version').stdout
        beat(db)
        ids.add(row.worker_id)
        assert one.stop() == 0
        assert db.value('select count(*) from reportd.report_worker') == 0
    assert len(ids) == 2


def test_progress_is_seen_while_it_runs(db, daemon):
    daemon(poll_interval='200ms')
    config_id = report.submit(db, prep_sql='select pg_sleep(1.2)', export_sql="""
        select i, repeat('x', 1000), pg_sleep(case when i % 1000 = 0 then 0.1 else 0 end)
        from generate_series(1, 100000) i""")
    stages = []
    def progress():
        run = last_run(db, config_id) if report.runs(db, config_id) else None
        if run and run.stage not in stages:
            stages.append(run.stage)
        return run if run and run.status == 'PROCESSING' and run.row_count else None
    first = wait_for(progress, what='rows')
    assert first.byte_count > 900 * first.row_count
    assert stages[-2:] == ['prep', 'export']
    second = wait_for(lambda: (run := last_run(db, config_id)).row_count > first.row_count
                      and run, what='more rows')
    assert second.byte_count > first.byte_count
    db.value('select reportd.cancel(%s)', config_id)
    ended(db, config_id, 'CANCELLED')


# The end.

def test_sigterm_waits_for_a_running_report(db, daemon):
    one = daemon(shutdown_grace='30s')
    with gate(db):
        running = report.submit(db, export_sql=gated())
        wait_at_gate(db)
        one.signal(signal.SIGTERM)
        one.wait_log('stopping')
        waiting_one = report.submit(db)
        assert report.config(db, running).status == 'PROCESSING'
    assert one.wait() == 0
    assert ended(db, running).status == 'COMPLETED'
    # The daemon has claimed no more.
    assert report.config(db, waiting_one).status == 'PENDING'
    assert db.value('select count(*) from reportd.report_worker') == 0


@pytest.mark.parametrize('how', ['grace', 'second SIGTERM', 'SIGINT twice'])
def test_what_does_not_end_in_time_is_given_back_uncounted(db, daemon, out, how):
    one = daemon(shutdown_grace='300ms' if how == 'grace' else '1h')
    number = signal.SIGINT if 'SIGINT' in how else signal.SIGTERM
    with gate(db):
        config_id = report.submit(db, max_retries=0, export_sql=gated())
        wait_at_gate(db)
        one.signal(number)
        one.wait_log('stopping')
        if how != 'grace':
            one.signal(number)
        assert one.wait(10) == 0
        assert not waiting(db), 'its query goes on'
        row = report.config(db, config_id)
        assert (row.status, row.attempt, row.current_retries, row.error_message) == (
            'PENDING', 0, 0, None)
        assert last_run(db, config_id).status == 'RELEASED'
        assert files(out) == []
    daemon()
    run = ended(db, config_id)
    assert run.attempt == 1


def test_a_worker_that_does_not_stop_is_killed_at_the_end(db, daemon):
    one = daemon(shutdown_grace='100ms', cancel_grace='300ms')
    with gate(db):
        config_id = report.submit(db, export_sql=gated())
        wait_at_gate(db)
        pid = busy_worker(db, one, config_id)
        os.kill(pid, signal.SIGSTOP)
        try:
            assert one.stop(15) == 0
        finally:
            if os.path.exists(f'/proc/{pid}'):
                os.kill(pid, signal.SIGCONT)
        assert report.config(db, config_id).status == 'PENDING'
        assert last_run(db, config_id).status == 'RELEASED'


def test_idle_exit(db, daemon):
    one = daemon(args=['--idle-exit', '500ms'])
    started = time.monotonic()
    done(db)
    assert one.wait(10) == 0
    assert time.monotonic() - started > 0.4
    assert db.value('select count(*) from reportd.report_worker') == 0


def test_idle_exit_waits_for_running_reports(db, daemon):
    one = daemon(args=['--idle-exit', '200ms'], poll_interval='100ms')
    with gate(db):
        config_id = report.submit(db, export_sql=gated())
        wait_at_gate(db)
        for _ in range(5):
            beat(db)
        assert one.running()
    assert one.wait(10) == 0
    ended(db, config_id)


def test_drain_runs_what_is_due_and_ends(db, drain):
    reports = [report.submit(db) for _ in range(20)]
    reports.append(report.submit(db, export_sql='select nonsense'))
    reports.append(report.submit(db, trigger_type='SCHEDULED', schedule_expression='@monthly',
                                 next_run_time='2026-01-01'))
    drain(codes=[6])
    assert [report.config(db, config_id).status for config_id in reports] == (
        ['COMPLETED'] * 20 + ['FAILED', 'COMPLETED'])
    assert db.value('select count(*) from reportd.report_worker') == 0
    drain(codes=[0])


def test_drain_ends_when_its_last_report_does(db, drain):
    """Not at the next poll."""
    report.submit(db, export_sql='select pg_sleep(0.5)')
    drain(poll_interval='1h', lease='2h')


# The queue's server and schema.

@pytest.fixture(scope='module')
def own(tmp_path_factory):
    """A server that tests of this file may stop."""
    cluster = Cluster()
    yield cluster
    cluster.remove()


@pytest.fixture
def own_db(own):
    db = own.create()
    apply_schema(db)
    yield db
    db.drop()


@pytest.fixture
def own_daemon(own_db, tmp_path):
    started = []

    def start(args=(), **reportd):
        one = process.Daemon(own_db, process.write_conf(
            tmp_path / f'own-{len(started)}.conf', own_db, **reportd), args)
        started.append(one)
        return one
    yield start
    for one in started:
        one.end()


def test_a_server_that_is_down_at_start(own, own_db, own_daemon):
    config_id = report.submit(own_db)
    own_db.close()
    own.stop()
    try:
        one = own_daemon()
        one.wait_log('cannot reach the queue')
        one.wait_log('not reachable')
    finally:
        own.start()
    ended(own_db, config_id)
    # The daemon can also be told to stop while it waits.
    own_db.close()
    own.stop()
    try:
        two = own_daemon()
        two.wait_log('cannot reach the queue')
        assert two.stop(10) == 0
    finally:
        own.start()
    ended(own_db, report.submit(own_db))


@pytest.mark.parametrize('mode', ['fast', 'immediate'])
def test_a_server_that_restarts(own, own_db, own_daemon, mode):
    """Idle and with a report running, which is tried again."""
    one = own_daemon(retry_backoff='100ms', poll_interval='1h', lease='1h')
    worker_id = one.wait_ready()
    own_db.close()
    own.restart(mode)
    # The daemon listens again, too.
    done(own_db, within=15)
    # Not a gate: its lock may be free before the report's own session is ended.
    own_db.execute('create table ready (ok bool)')
    config_id = report.submit(own_db, export_sql="""
        select pg_sleep(case when exists (select from ready) then 0 else 3600 end)""")
    wait_for(lambda: own_db.value("select count(*) from pg_stat_activity "
                                  "where wait_event = 'PgSleep'"), what='a sleeping report')
    own_db.execute('insert into ready values (true)')
    own_db.close()
    own.restart(mode)
    run = ended(own_db, config_id, within=15)
    assert (run.status, run.attempt) == ('COMPLETED', 2)
    first = report.runs(own_db, config_id)[0]
    assert first.status == 'FAILED' and first.error_message
    assert own_db.value('select worker_id from reportd.report_worker') == worker_id
    assert one.running()


def test_a_run_outlives_a_restart_of_the_queue(own, own_db, db, tmp_path):
    """It reads another server; it is published and recorded when the queue is back."""
    conf = process.write_conf(tmp_path / 'two.conf', own_db, {
        'source.default': {'conninfo': db.conninfo}})
    one = process.Daemon(own_db, conf)
    try:
        one.wait_ready()
        with gate(db):
            config_id = report.submit(own_db, export_sql=gated())
            wait_at_gate(db)
            own_db.close()
            own.stop()
        try:
            one.wait_log('queue connection lost')
            # The query has ended, and nothing is published unasked.
            wait_for(lambda: not waiting(db))
            assert files(tmp_path / 'out') == []
        finally:
            own.start()
        run = ended(own_db, config_id)
        assert (run.attempt, run.status) == (1, 'COMPLETED')
        assert file_of(run.output_url).exists()
    finally:
        one.end()


def test_a_server_that_hangs(own, own_db, own_daemon):
    """An unanswered statement is a dead connection; afterwards all goes on."""
    one = own_daemon(lease='2s', poll_interval='200ms')
    one.wait_ready()
    done(own_db)
    with own.paused():
        one.wait_log('queue connection lost')
    done(own_db)


def test_a_connection_that_somebody_ends(db, daemon):
    one = daemon(poll_interval='1h', lease='1h')
    for _ in range(2):
        assert db.value("select bool_and(pg_terminate_backend(pid, 5000)) from pg_stat_activity "
                        "where application_name = 'reportd' and datname = current_database()")
        done(db, within=5)
    assert db.value('select worker_id from reportd.report_worker') == one.worker_id


def test_a_missing_schema(empty_db, tmp_path):
    conf = process.write_conf(tmp_path / 'empty.conf', empty_db)
    for args in ((), ('--drain',)):
        result = process.reportd(conf, *args, timeout=15)
        assert result.returncode == 4, result.stderr
        assert 'reportctl init' in result.stderr and 'no reportd schema' in result.stderr


@pytest.mark.parametrize('version, says', [
    (99, 'install the newer reportd'), (7, 'run `reportctl init`')])
def test_a_schema_of_another_version(db, conf, version, says):
    config_id = report.submit(db)
    db.execute('update reportd.schema_upgrade set version = %s, serves = %s', version, version)
    result = process.reportd(conf(), timeout=15)
    assert result.returncode == 4
    assert says in result.stderr and f'version {version}' in result.stderr
    assert report.config(db, config_id).status == 'PENDING'
    assert db.value('select count(*) from reportd.report_worker') == 0


def test_a_user_without_rights_hears_what_is_missing(db, conf):
    db.execute('create role nobody_at_all login')
    try:
        path = conf({'queue': {'conninfo': db.conninfo.replace(
            f'user={db.cluster.user}', 'user=nobody_at_all')}}, lease='3s')
        result = process.reportd(path, '--idle-exit', '1s', timeout=60)
        assert result.returncode == 5
        assert 'permission denied' in result.stderr
        assert 'grant the role reportd_daemon' in result.stderr
    finally:
        db.execute('drop role nobody_at_all')


# Workers that die.

def busy_worker(db, one, config_id):
    """The worker that runs it: the client of its backend is its child."""
    run = last_run(db, config_id)
    # A Unix socket has no port; ask which child holds a second socket.
    name = f'reportd run {run.run_id}'
    assert db.value('select count(*) from pg_stat_activity where application_name = %s', name)
    busy = [pid for pid in one.workers() if sockets(pid) > 1]
    assert len(busy) == 1, 'one worker with a connection'
    return busy[0]


def sockets(pid):
    count = 0
    for fd in os.listdir(f'/proc/{pid}/fd'):
        try:
            count += os.readlink(f'/proc/{pid}/fd/{fd}').startswith('socket:')
        except FileNotFoundError:
            pass
    return count


@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_worker_that_dies_fails_its_own_run_alone(db, daemon, out, number):
    one = daemon(retry_backoff='100ms', retry_backoff_max='100ms')
    with gate(db, 1), gate(db, 2):
        config_id = report.submit(db, report_name='killed', export_sql=gated(1))
        wait_at_gate(db, key=1)
        victim = busy_worker(db, one, config_id)
        beside = report.submit(db, report_name='beside', export_sql=gated(2))
        wait_at_gate(db, key=2)
        os.kill(victim, number)
        wait_for(lambda: len(report.runs(db, config_id)) == 2, what='the second attempt')
        # That the query of a dead worker ends, see test_fault_kill, takes 5 s.
        assert waiting(db, 2) == 1
    run = ended(db, config_id)
    assert run.attempt == 2
    first = report.runs(db, config_id)[0]
    assert first.status == 'FAILED'
    assert f'worker killed by signal {int(number)}' in first.error_message
    assert ended(db, beside).attempt == 1
    wait_for(lambda: len(one.workers()) == 2, what='a new worker')
    assert len(files(out)) == 2


def test_a_report_that_kills_its_worker_runs_out_of_retries(db, daemon):
    one = daemon(retry_backoff='50ms', retry_backoff_max='50ms')
    with gate(db):
        config_id = report.submit(db, max_retries=1, export_sql=gated())
        for attempt in (1, 2):
            wait_for(lambda: len(report.runs(db, config_id)) == attempt)
            run = last_run(db, config_id)
            wait_for(lambda: db.value(
                'select count(*) from pg_stat_activity where application_name = %s '
                "and wait_event_type = 'Lock'", f'reportd run {run.run_id}'))
            os.kill(busy_worker(db, one, config_id), signal.SIGKILL)
            wait_for(lambda: last_run(db, config_id).status == 'FAILED'
                     or last_run(db, config_id).attempt > attempt)
        run = ended(db, config_id, 'FAILED')
    assert [r.attempt for r in report.runs(db, config_id)] == [1, 2]
    assert 'signal 9' in run.error_message


def test_idle_workers_that_die_are_replaced(db, daemon):
    one = daemon(workers=2)
    done(db)  # by a worker that is ready, and idle then
    wait_for(lambda: len(one.workers()) == 2)
    old = one.workers()
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: len(one.workers()) == 2 and not set(one.workers()) & set(old),
             what='new workers')
    done(db)
    one.wait_log('idle worker gone')


@pytest.fixture
def typed(cluster):
    with Typed(cluster) as typed:
        yield typed


@pytest.mark.shipped
@pytest.mark.parametrize('source', ['default', 'typed'])
def test_a_worker_that_needs_too_much_memory_fails_alone(db, daemon, out, source, typed):
    one = daemon({'source.typed': typed.source(db)},
                 worker_memory='64MB', retry_backoff='10ms', retry_backoff_max='10ms')
    config_id = report.submit(db, max_retries=1, source=source,
                              export_sql="select repeat('x', 100 << 20)")
    beside = report.submit(db)
    run = ended(db, config_id, 'FAILED')
    assert 'memory' in run.error_message
    assert ended(db, beside).attempt == 1
    assert len(files(out)) == 1
    # ... and what is large but streamed needs no memory at all.
    run = done(db, source=source, export_sql="select repeat('x', 1000) as x "
               'from generate_series(1, 100000)')
    assert run.byte_count == 100000 * 1001 + 2
    assert one.running()


def test_a_daemon_that_is_killed_takes_its_workers_along(db, daemon):
    one = daemon(lease='4s', poll_interval='200ms')
    with gate(db):
        config_id = report.submit(db, export_sql=gated())
        wait_at_gate(db)
        one.kill()
        wait_for(lambda: not one.group(), 10, 'the workers to end')
        wait_for(lambda: not waiting(db), 10, 'their queries to end')
    two = daemon(lease='4s', poll_interval='200ms')
    run = ended(db, config_id, within=30)
    assert run.attempt == 2 and run.worker_id == two.worker_id
    first = report.runs(db, config_id)[0]
    assert first.status == 'LOST' and 'lost' in first.error_message
    assert db.value('select count(*) from reportd.report_worker') == 1


def test_jobs_of_a_lost_daemon_run_out_of_retries_and_are_told(db, daemon):
    one = daemon(lease='4s', poll_interval='200ms')
    with db.connect() as conn, gate(db):
        conn.execute('listen reportd_done')
        config_id = report.submit(db, max_retries=0, export_sql=gated())
        wait_at_gate(db)
        one.kill()
        daemon(lease='4s', poll_interval='200ms')
        run = ended(db, config_id, 'FAILED', within=30)
        assert run.status == 'LOST'
        db.execute("notify reportd_done, '{}'")
        notice = json.loads(next(conn.notifies()).payload)
    assert (notice.get('config_id'), notice.get('status')) == (config_id, 'FAILED')


def test_a_daemon_that_stood_still_loses_its_lease_and_publishes_nothing(db, daemon, out):
    first = daemon(lease='4s', poll_interval='200ms')
    with gate(db):
        config_id = report.submit(db, output_path='{run_id}.csv', export_sql=gated())
        wait_at_gate(db)
        pids = [first.pid, *first.workers()]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        second = daemon(lease='4s', poll_interval='200ms')
        wait_for(lambda: len(report.runs(db, config_id)) == 2, what='the rescue')
    run = ended(db, config_id, within=30)
    assert run.worker_id == second.worker_id
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    # The daemon notices, takes a new identity and goes on.
    first.wait_log('lease was lost')
    wait_for(lambda: db.value('select count(*) from reportd.report_worker') == 2)
    for _ in range(4):
        done(db)
    assert files(out)[0] == f'{run.run_id}.csv'
    assert not (out / f'{report.runs(db, config_id)[0].run_id}.csv').exists()


# systemd

def test_systemd_is_told(db, daemon, tmp_path):
    path = str(tmp_path / 'notify')
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(path)
        told.settimeout(20)

        def hears(word):
            """Datagrams up to the one with this word."""
            while True:
                text = told.recv(4096).decode()
                if word in text.splitlines():
                    return text

        one = daemon(env={'NOTIFY_SOCKET': path, 'WATCHDOG_USEC': '400000'})
        hears('READY=1')
        for _ in range(2):
            hears('WATCHDOG=1')
        one.signal(signal.SIGHUP)
        assert 'MONOTONIC_USEC=' in hears('RELOADING=1')
        hears('READY=1')
        assert one.stop() == 0
        hears('STOPPING=1')


def test_the_watchdog_hears_nothing_from_a_daemon_that_hangs(db, daemon, tmp_path):
    path = str(tmp_path / 'notify')
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(path)
        told.settimeout(20)
        one = daemon(env={'NOTIFY_SOCKET': path, 'WATCHDOG_USEC': '200000'})
        while b'WATCHDOG=1' not in told.recv(4096):
            pass
        one.signal(signal.SIGSTOP)
        told.settimeout(0.5)
        with pytest.raises(TimeoutError):
            for _ in range(100):
                told.recv(4096)
        one.signal(signal.SIGCONT)
        told.settimeout(20)
        assert told.recv(4096)


# Retention.

def test_old_runs_are_forgotten(db, drain):
    """A daemon that only drains does so, too."""
    old = [report.submit(db) for _ in range(5)]
    keep = report.submit(db, trigger_type='SCHEDULED', schedule_expression='0 0 1 1 *',
                         next_run_time='2026-01-01')
    drain(retention='0')
    db.execute("update reportd.report_run set started_at = now() - interval '100 days' "
               'where config_id = any (%s)', [*old[:4], keep])
    db.execute("update reportd.report_config set status = 'PENDING', is_active = false "
               'where config_id = %s', old[3])
    drain(retention='0')
    assert db.value('select count(*) from reportd.report_run') == 6
    drain(retention='90d')
    assert [row[0] for row in db.query('select config_id from reportd.report_run '
                                       'order by run_id')] == [old[4]]
    # A finished ADHOC report goes with its runs; a waiting or scheduled one stays.
    assert [row[0] for row in db.query('select config_id from reportd.report_config '
                                       'order by config_id')] == [old[3], old[4], keep]


def test_reports_cancelled_before_they_ran_are_forgotten(db, drain):
    old, young, again = [report.submit(db) for _ in range(3)]
    schedule = report.submit(db, trigger_type='SCHEDULED', due_at='2026-01-01',
                             schedule_expression='0 0 1 1 *')
    db.execute("update reportd.report_config set status = 'CANCELLED'")
    db.execute("update reportd.report_config set updated_timestamp = "
               "now() - interval '100 days' where config_id <> %s", young)
    db.execute('select reportd.retry(%s)', again)
    drain(retention='90d')
    assert {row[0] for row in db.query('select config_id from reportd.report_config')} \
        == {young, again, schedule}


@pytest.mark.waits
def test_runs_are_deleted_though_more_old_ones_are_locked_than_a_clean_up_looks_at(db, daemon):
    """The clean-up looks at ten thousand runs in a minute."""
    config_id = report.submit(db, due_at='2999-01-01')
    db.execute("""insert into reportd.report_run (config_id, owner, report_name, attempt,
            scheduled_for, worker_id, status, started_at)
        select config_id, owner, report_name, 1, now(), gen_random_uuid(), 'FAILED',
            now() - interval '2 days'
        from reportd.report_config, generate_series(1, 10002) where config_id = %s""", config_id)
    db.execute("""insert into reportd.report_notification (run_id, config_id, owner, event,
            channel, recipient, url, state)
        select run_id, config_id, owner, 'FAILED', 'mail', 'x', 'mailto:x', 'FAILED'
        from reportd.report_run order by run_id limit 10001""")
    left = 'select count(*) from reportd.report_run'
    with db.connect(autocommit=False) as conn:
        conn.execute('select from reportd.report_notification for update')
        daemon(retention='1d')
        wait_for(lambda: db.value(left) == 10001, 150)
        conn.rollback()
    wait_for(lambda: db.value(left) == 0, 150)


def test_a_reload_that_changes_the_queue_is_no_incident(db, daemon, conf):
    one = daemon()
    for sections, connects in (({'source.more': {'conninfo': db.conninfo}}, False),
                               ({'queue': {'conninfo': db.conninfo + ' application_name=anew'}}, True)):
        one.conf.write_text(conf(sections).read_text())
        one.signal(signal.SIGHUP)
        one.wait_log('settings read again')
        if connects:
            one.wait_log('connecting to the queue anew')
        assert 'connection lost' not in one.log()
