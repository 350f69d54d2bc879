# SPDX-License-Identifier: MIT
"""Reports from Snowflake that are cancelled, and workers and daemons that are killed: no
statement is left running there, and nothing is published twice."""

import os
import signal
import subprocess
import threading

import psycopg
import pytest

from lib import process
from lib.report import submit
from lib.snowflakesql import Statement
from lib.wait import wait_for
from test_engine_shared import ended, file_of, files, last_run
from test_snowflake_shared import FAKETIME, account, dwh, engine, snow  # noqa: F401

pytestmark = pytest.mark.waits
SLOW = 'select 1 as one from (select pg_sleep(600)) s'
ROWS = 'select n from generate_series(1, 5000) n order by n'


def running(snow, sql='pg_sleep'):
    """The statements that run, with this in their text."""
    return [s for s in snow.running() if sql in s.sql]


def query_of(snow, kind):
    return [r for r in snow.requests if r[0] == kind]


class State:
    """A report in one state: `reached` says when it is there, `release` lets it go."""

    def __init__(self, snow, name):
        self.snow, self.name, self.hold = snow, name, threading.Event()
        self.columns = {'export_sql': SLOW}
        if name == 'submitted':  # and the answer has not come
            snow.fault('post', hold=self.hold, match='pg_sleep')
        elif name == 'login':  # the roles of the user are asked for
            self.columns = {'export_sql': SLOW, 'source': 'fresh'}
            snow.fault('post', hold=self.hold, match='current_available_roles')
        elif name == 'prep':
            self.columns = {'prep_sql': 'select pg_sleep(600)', 'export_sql': 'select 1'}
        elif name == 'asked':  # whether the statement has ended
            snow.fault('get', hold=self.hold)
        elif name == 'partitions':
            self.columns = {'export_sql': ROWS}
            snow.fault('partition', hold=self.hold, times=9)

    def reached(self):
        if self.name == 'partitions':
            return self.snow.sent('partition')
        if self.name == 'login':
            return self.snow.sent('post')
        if self.name == 'asked':
            return self.snow.sent('get')
        return running(self.snow)

    def release(self):
        self.hold.set()
        self.snow.faults.clear()


STATES = ['login', 'submitted', 'prep', 'running', 'asked', 'partitions']


@pytest.fixture
def state(snow, request):
    state = State(snow, request.param)
    yield state
    state.release()


def none_left(engine, snow):
    wait_for(lambda: not running(snow), 60, 'no statement to run')
    wait_for(lambda: engine.db.value('select count(*) from reportd.report_run '
                                     'where leftovers is not null') == 0, 60,
             'the record of leftovers to be empty')


@pytest.mark.parametrize('state', STATES, indirect=True)
def test_a_cancelled_report_leaves_no_statement(engine, snow, state):
    config_id = submit(engine.db, **{'source': 'snow', **state.columns})
    wait_for(state.reached)
    engine.db.value('select reportd.cancel(%s)', config_id)
    if state.name in ('login', 'submitted'):
        # Its handle is awaited, as it cannot be cancelled without.
        threading.Timer(1, state.release).start()
    ended(engine.db, config_id, 'CANCELLED')
    state.release()
    none_left(engine, snow)
    assert not file_of(f'file://{engine.out}/{config_id}.csv').exists()


@pytest.mark.parametrize('state', STATES, indirect=True)
def test_a_killed_worker_leaves_no_statement(engine, snow, state):
    config_id = submit(engine.db, max_retries=0, **{'source': 'snow', **state.columns})
    wait_for(state.reached)
    for pid in engine.daemon.workers():
        os.kill(pid, signal.SIGKILL)
    state.release()
    ended(engine.db, config_id, 'FAILED')
    none_left(engine, snow)


@pytest.mark.parametrize('state', STATES, indirect=True)
def test_a_killed_worker_is_replaced_and_its_statement_ended(engine, snow, state):
    """The report runs again and is published once."""
    db = engine.db
    config_id = submit(db, max_retries=2, output_path='{config_id}.csv',
                       **{'source': 'snow', **state.columns})
    wait_for(state.reached)
    first = list(snow.statements)
    for pid in engine.daemon.workers():
        os.kill(pid, signal.SIGKILL)
    state.release()
    wait_for(lambda: [h for h in snow.statements if h not in first], 60, 'another statement')
    wait_for(lambda: not any(snow.statements[h].running() for h in first), 60,
             'the first statement to be cancelled')
    if state.name == 'partitions':
        assert ended(db, config_id).row_count == 5000
        assert [f for f in files(engine.out) if f.startswith(f'{config_id}.')] == [
            f'{config_id}.csv']
    else:
        db.value('select reportd.cancel(%s)', config_id)
        ended(db, config_id, 'CANCELLED')
    none_left(engine, snow)


@pytest.mark.parametrize('state', STATES, indirect=True)
def test_a_killed_daemon_leaves_no_statement(engine, snow, state):
    """Another daemon finds the record in the queue."""
    db = engine.db
    config_id = submit(db, max_retries=0, **{'source': 'snow', **state.columns})
    wait_for(state.reached)
    wait_for(lambda: state.name == 'partitions' or last_run(db, config_id).leftovers, 30,
             'the record')
    for pid in engine.daemon.group():
        os.kill(pid, signal.SIGKILL)
    engine.daemon.expected_code = -signal.SIGKILL
    engine.daemon.end()
    engine.daemon = process.Daemon(db, engine.conf)
    engine.daemon.wait_ready()
    state.release()
    ended(db, config_id, 'FAILED', within=60)
    none_left(engine, snow)


def test_a_daemon_that_is_told_to_stop_ends_its_statements(engine, snow):
    config_id = submit(engine.db, source='snow', export_sql=SLOW)
    wait_for(lambda: running(snow))
    engine.daemon.stop(60)
    assert not running(snow)
    engine.daemon = process.Daemon(engine.db, engine.conf)
    engine.daemon.wait_ready()
    wait_for(lambda: running(snow), 60)
    engine.db.value('select reportd.cancel(%s)', config_id)
    ended(engine.db, config_id, 'CANCELLED')
    none_left(engine, snow)


def test_a_cancel_that_is_not_heard_is_repeated_by_the_clean_up(engine, snow):
    snow.fault('cancel', times=4, status=503)
    config_id = submit(engine.db, source='snow', export_sql=SLOW)
    wait_for(lambda: running(snow))
    engine.db.value('select reportd.cancel(%s)', config_id)
    ended(engine.db, config_id, 'CANCELLED')
    none_left(engine, snow)


@pytest.mark.parametrize('told', [{}, {'status': 422, 'code': '000709', 'after': True}],
                         ids=['cancelled', 'unknown'])
def test_a_cancel_that_comes_too_late_publishes_nothing(engine, snow, dwh, told, monkeypatch):
    """The statement has succeeded when it is told to end."""
    with psycopg.connect(dwh.conninfo, autocommit=True) as lock:
        lock.execute('select pg_advisory_lock(8)')

        def succeed(statement):
            lock.execute('select pg_advisory_unlock(8)')
            assert statement.ended.wait(30)
        monkeypatch.setattr(Statement, 'cancel', succeed)
        if told:
            snow.fault('cancel', **told)
        config_id = submit(engine.db, source='snow', export_sql=(
            'select 1 as one from (select pg_advisory_lock_shared(8)) s'))
        held, = wait_for(lambda: running(snow, 'advisory'))
        wait_for(lambda: last_run(engine.db, config_id).leftovers, 30, 'the record')
        engine.db.value('select reportd.cancel(%s)', config_id)
        run = ended(engine.db, config_id, 'CANCELLED')
    assert held.rows == [['1']] and run.leftovers is None
    assert not file_of(f'file://{engine.out}/{config_id}.csv').exists()


def test_a_statement_that_never_ends_is_given_up_at_its_time_limit(engine, snow):
    """202 for ever."""
    snow.fault('get', times=40, status=202, code='333334')
    config_id = submit(engine.db, source='hasty', export_sql='select 1', max_retries=0)
    run = ended(engine.db, config_id, 'FAILED', within=60)
    assert run.error_sqlstate == '57014' and 'its statement_timeout of 1000 ms' in run.error_message
    snow.faults.clear()
    none_left(engine, snow)


@pytest.mark.shipped
def test_a_partition_that_is_never_ready_is_given_up_after_a_minute(engine, snow):
    """The minute passes in two seconds."""
    snow.fault('partition', times=999, status=202, code='333334')
    made = process.reportctl(engine.conf, 'export', '--source', 'snow', '--sql', ROWS, '-o', '-',
                             env={'LD_PRELOAD': str(FAKETIME), 'FAKETIME': '+0 x30'})
    assert made.returncode != 0
    assert ('partition 1 of 5 is not ready though its statement has ended: Snowflake has answered '
            'HTTP 202 for 63 s') in made.stderr


def test_ctrl_c_ends_the_statement_of_an_export(engine, snow):
    command = [process.REPORTCTL, '-c', engine.conf, 'export', '--source', 'snow', '--sql', SLOW,
               '-o', '-']
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as export:
        wait_for(lambda: running(snow))
        export.send_signal(signal.SIGINT)
        export.communicate(timeout=30)
    assert not running(snow)
