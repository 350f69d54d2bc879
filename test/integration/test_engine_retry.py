# SPDX-License-Identifier: MIT
"""Errors, retries, timeouts, cancelling."""

from datetime import timedelta

import psycopg
import pytest
from psycopg import errors

from lib import process, report
from lib.manual import says
from lib.wait import wait_for
from test_engine_shared import (done, ended, failure, fails_until, file_of, files, gate,
                                gated, last_run, running_engine, wait_at_gate, waiting)

BOTH = pytest.mark.parametrize('source', ['default', 'typed'])
FAST = {'retry_backoff': '100ms', 'retry_backoff_max': '300ms', 'poll_interval': '1s'}
TRANSIENT = "do $$ begin raise exception 'busy' using errcode = '{}'; end $$"


@pytest.fixture(scope='module')
def engine(cluster, template, tmp_path_factory):
    with running_engine(cluster, template, tmp_path_factory.mktemp('retry'), {
            'source.nowhere': {'conninfo': 'host=/nonexistent dbname=x'}}, **FAST) as engine:
        yield engine


@pytest.fixture
def db(engine):
    return engine.db


def test_an_error_that_may_pass_is_retried(db):
    config_id = report.submit(db, prep_sql=fails_until(2), export_sql='select 1 as a')
    ended(db, config_id)
    runs = report.runs(db, config_id)
    assert [(r.attempt, r.status, r.error_sqlstate) for r in runs] == [
        (1, 'FAILED', '40001'), (2, 'FAILED', '40001'), (3, 'COMPLETED', None)]
    row = report.config(db, config_id)
    assert (row.current_retries, row.error_message, row.error_timestamp) == (2, None, None)
    # All of them stand for the same time.
    assert len({run.scheduled_for for run in runs}) == 1


def test_retries_end_at_max_retries(db):
    config_id = report.submit(db, max_retries=2, prep_sql=TRANSIENT.format('55P03'))
    ended(db, config_id, 'FAILED')
    runs = report.runs(db, config_id)
    assert [(r.attempt, r.status) for r in runs] == [(n, 'FAILED') for n in (1, 2, 3)]
    row = report.config(db, config_id)
    assert (row.current_retries, row.attempt) == (2, 3)
    assert row.error_message == runs[-1].error_message and 'busy' in row.error_message
    assert row.error_timestamp == runs[-1].finished_at == row.last_run_time


def test_the_wait_between_attempts_grows_to_its_limit(db):
    config_id = report.submit(db, max_retries=4, prep_sql=TRANSIENT.format('40P01'))
    ended(db, config_id, 'FAILED')
    runs = report.runs(db, config_id)
    waits = [(b.started_at - a.finished_at).total_seconds() for a, b in zip(runs, runs[1:])]
    # 100, 200, 300, 300 ms, each less up to its half.
    for wait, least in zip(waits, (0.05, 0.1, 0.15, 0.15), strict=True):
        assert least <= wait < least * 2 + 1.5, waits


def test_while_it_waits_for_a_retry_it_is_pending_and_says_why(cluster, template, tmp_path):
    with running_engine(cluster, template, tmp_path, retry_backoff='1h',
                        retry_backoff_max='1h') as one:
        db = one.db
        config_id = report.submit(db, prep_sql=TRANSIENT.format('57P03'))
        row = wait_for(lambda: (r := report.config(db, config_id)).error_message and r)
        assert row.status == 'PENDING' and 'busy' in row.error_message
        assert row.due_at - row.error_timestamp > timedelta(minutes=25)
        assert db.query('select * from reportd.v_pending_reports') == []
        # retry() ends the wait before the next attempt.
        db.value('select reportd.retry(%s)', config_id)
        wait_for(lambda: len(report.runs(db, config_id)) == 2)
        wait_for(lambda: report.config(db, config_id).status == 'PENDING')
        assert db.value('select reportd.cancel(%s)', config_id) == 'CANCELLED'


PERMANENT = {
    'selec 1': '42601', 'select * from nowhere': '42P01', 'select nobody()': '42883',
    'select nowhere from pg_class': '42703', "select 'x'::int": '22P02', 'select 1/0': '22012',
    'select * from missing.t': '42P01', 'select 1 from pg_class group by relname having x': '42703',
}


@BOTH
@pytest.mark.parametrize('sql', PERMANENT)
def test_an_error_that_cannot_get_better_is_not_retried(db, source, sql):
    run = failure(db, source=source, max_retries=3, export_sql=sql)
    assert run.attempt == 1 and run.error_stage == 'export'
    assert run.error_sqlstate == PERMANENT[sql]
    assert run.error_message.startswith('export: ')


@pytest.mark.parametrize('state, retried', [
    ('40001', True), ('40P01', True), ('53300', True), ('55P03', True), ('57014', True),
    ('57P01', True), ('08006', True), ('58030', True), ('XX000', True), ('P0001', True),
    ('23505', True),
    ('42501', False), ('42P01', False), ('22012', False), ('0A000', False), ('28000', False),
    ('3F000', False), ('25006', False), ('P0004', False), ('21000', False)])
def test_which_errors_may_pass(db, state, retried):
    config_id = report.submit(db, max_retries=1, prep_sql=TRANSIENT.format(state))
    run = ended(db, config_id, 'FAILED')
    assert run.error_sqlstate == state
    assert len(report.runs(db, config_id)) == (2 if retried else 1)


def test_permission_denied_is_not_retried(db):
    db.execute('create role reader_without_rights')
    try:
        run = failure(db, max_retries=3, prep_sql='set role reader_without_rights',
                      export_sql='select * from reportd.report_config')
        assert (run.attempt, run.error_sqlstate) == (1, '42501')
        assert 'permission denied' in run.error_message
    finally:
        db.execute('drop role reader_without_rights')


def test_an_unknown_source_is_refused_with_those_that_there_are(db):
    with pytest.raises(psycopg.errors.InvalidParameterValue) as e:
        report.submit(db, source='warehouse')
    assert 'no daemon has a source "warehouse"' in str(e.value)
    assert 'Known: default' in str(e.value)


def test_an_unknown_source_from_before_any_daemon_fails_alone(cluster, template, tmp_path):
    """When nothing is registered yet, nothing can be refused."""
    db = cluster.create(template)
    bad = report.submit(db, source='warehouse', max_retries=3)
    good = report.submit(db)
    conf = process.write_conf(tmp_path / 'x.conf', db)
    one = process.Daemon(db, conf)
    try:
        run = ended(db, bad, 'FAILED')
        assert run.attempt == 1
        assert 'no daemon has a source "warehouse"' in run.error_message
        assert '[source.warehouse]' in run.error_message
        ended(db, good)
    finally:
        one.end()
        db.drop()


def test_nonsense_beside_good_rows(db):
    good, bad = [], []
    for sql in ('\\', 'select,', ')', 'é', 'select $1', 'select :', 'copy',
                '\\copy t to x', 'select 1 into'):
        bad.append(report.submit(db, export_sql=sql))
        good.append(report.submit(db))
        bad.append(report.submit(db, prep_sql=f'select 1; select , {sql}'))
    for config_id in good:
        ended(db, config_id)
    for config_id in bad:
        run = ended(db, config_id, 'FAILED')
        assert run.error_message and run.attempt == 1


@pytest.mark.parametrize('rest', ['/* select 2', "select '2", '$$ select 2', 'select "2'])
def test_sql_that_is_cut_off_is_an_error(db, rest):
    """Its end must not be passed over in silence."""
    for column in 'prep_sql', 'export_sql':
        with pytest.raises(psycopg.errors.InvalidParameterValue, match='is not closed'):
            report.submit(db, **{column: f'insert into cut values (1); {rest}'})


# Timeouts.

def backends(db, run_id):
    return db.query('select pid from pg_stat_activity where application_name = %s',
                    f'reportd run {run_id}')


def at_work(db, run_id):
    """Its backends that execute a statement."""
    return db.value("select count(*) from pg_stat_activity where application_name = %s "
                    "and state = 'active'", f'reportd run {run_id}')


SLOW = {'prep': {'prep_sql': 'select 1; select pg_sleep(3600)', 'export_sql': 'select 1'},
        'export': {'export_sql': 'select i, pg_sleep(3600) from generate_series(1, 2) i'},
        'half': {'export_sql': "select i, pg_sleep(case when i > 5000 then 3600 else 0 end), "
                 "repeat('x', 1000) from generate_series(1, 10000) i"}}


@BOTH
@pytest.mark.parametrize('stage', SLOW)
def test_a_timeout_ends_the_run_and_its_query(engine, source, stage):
    db, before = engine.db, files(engine.out)
    run = failure(db, source=source, timeout='400 ms', **SLOW[stage])
    assert run.error_stage == ('prep' if stage == 'prep' else 'export')
    assert 'timeout' in run.error_message or 'timed out' in run.error_message
    assert timedelta(seconds=0.3) < run.finished_at - run.started_at < timedelta(seconds=5)
    wait_for(lambda: not backends(db, run.run_id), 5, 'its backend to end the query')
    assert files(engine.out) == before


def test_a_timeout_counts_for_the_whole_run_not_for_each_statement(db):
    run = failure(db, timeout='1 s', prep_sql='; '.join(['select pg_sleep(0.4)'] * 10))
    assert 'of 10: timed out after 1 s' in run.error_message
    assert run.finished_at - run.started_at < timedelta(seconds=3)


def test_a_timeout_is_retried_with_the_same_time_again(db):
    config_id = report.submit(db, timeout='300 ms', max_retries=1,
                              prep_sql='select pg_sleep(3600)')
    ended(db, config_id, 'FAILED')
    for run in report.runs(db, config_id):
        assert run.finished_at - run.started_at > timedelta(seconds=0.2)
    assert len(report.runs(db, config_id)) == 2


@pytest.mark.parametrize('timeout', ['6 hours 1 second', '30 days', '10 years'])
def test_a_timeout_beyond_the_settings_is_refused(db, timeout):
    run = failure(db, timeout=timeout, max_retries=3, prep_sql='create table never ()')
    assert 'job_timeout of the settings allows 21600 s' in run.error_message
    assert run.attempt == 1 and db.value("select to_regclass('never')") is None
    done(db, timeout='6 hours')


@pytest.mark.parametrize('timeout', ['30 days', '10 years'])
def test_a_very_long_timeout(cluster, template, tmp_path, timeout):
    """Longer than a statement_timeout may be (2^31 ms, 24 days)."""
    with running_engine(cluster, template, tmp_path, job_timeout='0') as one:
        done(one.db, timeout=timeout, prep_sql='select 1', export_sql='select 1')


@says('`max_output` and `job_timeout` limit each run.')
def test_limits_of_the_settings(cluster, template, tmp_path):
    with running_engine(cluster, template, tmp_path, {
            'source.default': {'statement_timeout': '1s'}}, job_timeout='2s') as one:
        db = one.db
        run = failure(db, export_sql='select pg_sleep(3600)')
        assert run.error_sqlstate == '57014' and 'statement timeout' in run.error_message
        assert 'hint: a statement may take 1 s: statement_timeout of [source.default]' in (
            run.error_message)
        assert run.finished_at - run.started_at < timedelta(seconds=1.9)
        # Each statement is within its limit, the job is not.
        run = failure(db, prep_sql='; '.join(['select pg_sleep(0.2)'] * 100))
        assert timedelta(seconds=1.9) < run.finished_at - run.started_at < timedelta(seconds=20)
        # A report's own limit may be shorter than the settings' for all.
        run = failure(db, timeout='400 ms', prep_sql='; '.join(['select pg_sleep(0.2)'] * 100))
        assert run.finished_at - run.started_at < timedelta(seconds=1.9)


def test_the_query_cannot_lift_its_limit(db):
    """statement_timeout is the session's to change; the worker watches, too."""
    run = failure(db, timeout='500 ms', prep_sql='set statement_timeout = 0; '
                  'select pg_sleep(3600)')
    assert 'timed out after' in run.error_message
    assert 'after 0 s' not in run.error_message
    wait_for(lambda: not backends(db, run.run_id), 5, 'its backend to end the query')


# Cancelling.

def test_cancel_of_a_waiting_report(db):
    config_id = report.submit(db, is_active=False)
    db.execute("update reportd.report_config set due_at = now() + interval '1 hour', "
               'is_active = true where config_id = %s', config_id)
    assert db.value('select reportd.cancel(%s)', config_id) == 'CANCELLED'
    assert report.config(db, config_id).status == 'CANCELLED'
    assert report.runs(db, config_id) == []


@BOTH
@pytest.mark.parametrize('stage', SLOW)
def test_cancel_of_a_running_report_ends_its_query(engine, source, stage):
    db, before = engine.db, files(engine.out)
    config_id = report.submit(db, source=source, **SLOW[stage])
    run = wait_for(lambda: (r := report.runs(db, config_id)) and r[0])
    wait_for(lambda: db.value(
        "select count(*) from pg_stat_activity where application_name = %s "
        "and wait_event = 'PgSleep'", f'reportd run {run.run_id}'), what='its query')
    assert db.value('select reportd.cancel(%s)', config_id) == 'CANCELLING'
    run = ended(db, config_id, 'CANCELLED', within=5)
    assert run.status == 'CANCELLED' and run.output_url is None
    assert not at_work(db, run.run_id)
    assert files(engine.out) == before
    assert report.config(db, config_id).current_retries == 0


@BOTH
def test_a_run_that_fails_between_two_rows_ends_its_query(cluster, template, tmp_path, source):
    """The server has sent rows enough for the limit, and works on the next one."""
    with running_engine(cluster, template, tmp_path, max_output='10kB') as one:
        run = failure(one.db, source=source, output_format='CSV', export_sql="""
            select repeat('x', 30000), pg_sleep(case when i > 12 then 3600 else 0 end)
            from generate_series(1, 13) i""")
        assert 'max_output' in run.error_message
        assert not at_work(one.db, run.run_id)


def test_a_cancelled_report_is_not_retried_and_its_worker_goes_on(db):
    with gate(db, 31):
        config_id = report.submit(db, export_sql=gated(31))
        wait_at_gate(db, key=31)
        db.value('select reportd.cancel(%s)', config_id)
        ended(db, config_id, 'CANCELLED')
    for _ in range(4):
        done(db)
    assert len(report.runs(db, config_id)) == 1


def test_cancel_twice_is_one(db):
    with gate(db, 32):
        config_id = report.submit(db, export_sql=gated(32))
        wait_at_gate(db, key=32)
        with db.connect() as conn, conn.transaction():
            for _ in range(2):
                assert conn.execute('select reportd.cancel(%s)', (config_id,)).fetchone()[0] \
                    == 'CANCELLING'
        ended(db, config_id, 'CANCELLED')


def test_cancel_that_comes_too_late(db):
    config_id = report.submit(db)
    ended(db, config_id)
    with pytest.raises(errors.InvalidParameterValue, match='COMPLETED'):
        db.value('select reportd.cancel(%s)', config_id)
    assert report.config(db, config_id).status == 'COMPLETED'


def test_a_query_that_does_not_listen_to_cancel(cluster, template, tmp_path):
    """The worker is killed after cancel_grace; the others go on."""
    with running_engine(cluster, template, tmp_path, cancel_grace='1s') as one:
        db = one.db
        db.execute("""
            create function stubborn() returns int language plpgsql as $$
            begin
                loop
                    begin
                        perform pg_sleep(10);
                    exception when query_canceled then null;
                    end;
                end loop;
            end $$""")
        config_id = report.submit(db, export_sql='select stubborn()')
        wait_for(lambda: report.config(db, config_id).status == 'PROCESSING')
        run = wait_for(lambda: last_run(db, config_id))
        wait_for(lambda: backends(db, run.run_id))
        db.value('select reportd.cancel(%s)', config_id)
        ended(db, config_id, 'CANCELLED', within=20)
        done(db)
        db.execute('select pg_terminate_backend(pid) from pg_stat_activity '
                   'where application_name = %s', f'reportd run {run.run_id}')


def test_deleting_a_running_report(engine):
    db, before = engine.db, files(engine.out)
    with gate(db, 33):
        config_id = report.submit(db, export_sql=gated(33))
        wait_at_gate(db, key=33)
        run = last_run(db, config_id)
        db.execute('delete from reportd.report_config where config_id = %s', config_id)
        wait_for(lambda: not waiting(db, 33), 10, 'its query to end')
    run = db.row('select * from reportd.report_run where run_id = %s', run.run_id)
    assert run.status == 'CANCELLED' and 'deleted' in run.error_message
    for _ in range(3):
        done(db)
    assert [f for f in files(engine.out) if f not in before
            and f'_{run.request_id}.' in f] == []


def test_a_report_set_to_pending_while_it_runs_publishes_once(engine):
    """The first run has lost its report; only the second may publish."""
    db = engine.db
    with gate(db, 34):
        config_id = report.submit(db, output_path='twice-{run_id}.csv', export_sql=gated(34))
        wait_at_gate(db, key=34)
        db.execute("update reportd.report_config set status = 'PENDING' "
                   'where config_id = %s', config_id)
        wait_for(lambda: len(report.runs(db, config_id)) == 2, what='a second run')
    ended(db, config_id)
    first, second = report.runs(db, config_id)
    assert second.status == 'COMPLETED'
    wait_for(lambda: report.runs(db, config_id)[0].status != 'PROCESSING', 10,
             'the end of the first run')
    first, _ = report.runs(db, config_id)
    assert (first.status, first.error_message) == ('LOST', 'the report was taken from it')
    assert not (engine.out / f'twice-{first.run_id}.csv').exists()
    assert (engine.out / f'twice-{second.run_id}.csv').exists()


def test_a_run_whose_report_is_ended_by_hand_is_lost(engine):
    """It publishes nothing, and its row says so."""
    db = engine.db
    with gate(db, 35):
        config_id = report.submit(db, output_path='ended-{run_id}.csv', export_sql=gated(35))
        wait_at_gate(db, key=35)
        db.execute("update reportd.report_config set status = 'CANCELLED' "
                   'where config_id = %s', config_id)
        wait_for(lambda: report.runs(db, config_id)[0].status == 'LOST', what='the run lost')
    done(db)
    assert report.config(db, config_id).status == 'CANCELLED'
    run, = report.runs(db, config_id)
    assert run.finished_at and 'taken' in run.error_message
    assert not (engine.out / f'ended-{run.run_id}.csv').exists()


# By hand.

def test_retry_runs_a_failed_report_again_for_the_same_time(db):
    db.execute('create table if not exists ready (ok int)')
    config_id = report.submit(db, max_retries=0, output_path='retry/%H%M%S.csv',
                              export_sql='select 1 / (select count(*) from ready) as a')
    failed = ended(db, config_id, 'FAILED')
    db.execute('insert into ready values (1)')
    db.value('select reportd.retry(%s)', config_id)
    run = ended(db, config_id)
    assert (run.attempt, run.scheduled_for) == (1, failed.scheduled_for)
    assert file_of(run.output_url).name == f'{failed.scheduled_for:%H%M%S}.csv'
    row = report.config(db, config_id)
    assert (row.current_retries, row.error_message, row.error_timestamp) == (0, None, None)


def test_retry_runs_a_cancelled_report_again(db):
    with gate(db, 35):
        config_id = report.submit(db, export_sql=gated(35))
        wait_at_gate(db, key=35)
        db.value('select reportd.cancel(%s)', config_id)
        cancelled = ended(db, config_id, 'CANCELLED')
    db.value('select reportd.retry(%s)', config_id)
    assert ended(db, config_id).scheduled_for == cancelled.scheduled_for


def test_run_now_runs_a_completed_report_again(db):
    config_id = report.submit(db, output_path='again-{config_id}.csv',
                              export_sql='select count(*) from reportd.report_run')
    first = ended(db, config_id)
    db.value('select reportd.run_now(%s)', config_id)
    second = ended(db, config_id)
    assert second.run_id > first.run_id and second.attempt == 1
    assert second.scheduled_for > first.scheduled_for
    # The second attempt has replaced its own output.
    assert second.output_url == first.output_url
    assert second.sha256 != first.sha256


def test_a_report_becomes_pending_by_a_plain_update(db):
    config_id = report.submit(db)
    ended(db, config_id)
    db.execute("update reportd.report_config set status = 'PENDING' where config_id = %s",
               config_id)
    wait_for(lambda: len(report.runs(db, config_id)) == 2)
    assert ended(db, config_id).attempt == 1


# Others' locks.

def test_a_locked_row_does_not_hold_up_the_others(db):
    locked = report.submit(db, is_active=False, priority=1)
    with db.connect() as conn, conn.transaction():
        conn.execute('update reportd.report_config set is_active = true '
                     'where config_id = %s', (locked,))
        for _ in range(3):
            done(db, within=5)
    ended(db, locked)


def test_a_waiting_row_that_somebody_locks_is_passed_over(db):
    with gate(db, 36):
        held = [report.submit(db, export_sql=gated(36)) for _ in range(2)]
        wait_at_gate(db, 2, key=36)
        first = report.submit(db, priority=1)
        with db.connect() as conn, conn.transaction():
            conn.execute('select from reportd.report_config where config_id = %s '
                         'for update', (first,))
            db.value('select reportd.cancel(%s)', held[0])
            ended(db, held[0], 'CANCELLED')
            done(db, within=5)
            assert report.config(db, first).status == 'PENDING'
        ended(db, first, within=10)
    ended(db, held[1])


def test_a_running_row_that_somebody_locks_is_recorded_later(db):
    with gate(db, 37) as key:
        slow = report.submit(db, export_sql=gated(37))
        wait_at_gate(db, key=37)
        with db.connect() as conn, conn.transaction():
            conn.execute('select from reportd.report_config where config_id = %s '
                         'for update', (slow,))
            key.execute('select pg_advisory_unlock(37)')
            for _ in range(3):
                done(db, within=5)
            assert report.config(db, slow).status == 'PROCESSING'
        ended(db, slow, within=5)


# Sources that cannot be reached.

def test_a_source_that_is_not_there_is_tried_again(db):
    config_id = report.submit(db, source='nowhere', max_retries=1)
    run = ended(db, config_id, 'FAILED')
    assert len(report.runs(db, config_id)) == 2
    assert 'source "nowhere"' in run.error_message and '/nonexistent' in run.error_message
    assert run.error_stage == 'start'
    done(db)
