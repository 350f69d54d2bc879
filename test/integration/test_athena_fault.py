# SPDX-License-Identifier: MIT
"""Whatever dies or is cancelled, no statement goes on at Athena and nothing is published
twice."""

import json
import os
import signal
import uuid

import pytest

from lib import process, report
from lib.wait import wait_for
from test_athena_shared import ENVIRONMENT, athena, lake, sections  # noqa: F401
from test_engine_shared import file_of, files

pytestmark = pytest.mark.waits
SLOW = 'select n from generate_series(1, 3) n'


@pytest.fixture
def start(db, daemon, lake, athena):  # noqa: F811
    """Starts a daemon with the lake, which unloads to a place of this test."""
    lake.unloaded = f'unloaded/{uuid.uuid4()}/'

    def start(**more):
        return daemon(sections(lake, unload_to=f's3://{lake.bucket.name}/{lake.unloaded}'),
                      env=ENVIRONMENT, **{
            'workers': 1, 'lease': '4s', 'retry_backoff': '50ms', 'retry_backoff_max': '50ms',
            'cancel_grace': '20s', 'shutdown_grace': '1s', **more})
    return start


def submit(db, state=None, **more):
    return report.submit(db, **{'report_name': 'rows', 'source': 'lake', 'export_sql': SLOW,
                                **COLUMNS.get(state, {}), **more})


def worker_at(one, db, config_id):
    """The worker that is at the report."""
    wait_for(lambda: report.runs(db, config_id), what='a run')
    return one.workers()[-1]


def nothing_left(db, athena, config_id, state=None):
    wait_for(lambda: athena.running() == [], 60, 'statements to end')
    if state is in_start_before:  # it may still be on its way, for all that a sweep knows
        return
    wait_for(lambda: not any(r.leftovers for r in report.runs(db, config_id)), 60,
             'the record to be empty')


# The states of a statement: what the stand-in is held at.

def in_start_before(lake, athena):  # noqa: F811
    return lake.aws.fault('StartQueryExecution', delay=3, cut='before'), lambda f: f.met


def in_start_after(lake, athena):  # noqa: F811
    """Athena has the statement, the worker not yet its id."""
    athena.hold(SLOW.replace('(', r'\(').replace(')', r'\)'))
    return lake.aws.fault('StartQueryExecution', late=3), lambda f: athena.running()


def in_wait(lake, athena):  # noqa: F811
    athena.hold()
    return None, lambda f: 'RUNNING' in athena.states() and any(
        call['op'] == 'GetQueryExecution' for call in lake.aws.calls)


def in_columns(lake, athena):  # noqa: F811
    return lake.aws.fault('GetQueryResults', delay=3), lambda f: f.met


def in_rows(lake, athena):  # noqa: F811
    return lake.proxy.at('get', 'hold before'), lambda f: f.met.is_set()


def in_prep(lake, athena):  # noqa: F811
    athena.hold('^alter table')
    return None, lambda f: 'RUNNING' in athena.states()


def in_unload(lake, athena):  # noqa: F811
    athena.hold('^unload')
    return None, lambda f: 'RUNNING' in athena.states()


def in_files(lake, athena):  # noqa: F811
    """The objects of an UNLOAD are written, and their list is not read."""
    return lake.proxy.at('get', 'hold before'), lambda f: f.met.is_set()


STATES = [in_start_before, in_start_after, in_wait, in_columns, in_rows, in_prep, in_unload,
          in_files]
UNLOAD = {'output_format': 'PARQUET', 'output_options': {'unload': True}}
COLUMNS = {in_prep: {'prep_sql': 'alter table sales add if not exists partition (a = 1)'},
           in_unload: UNLOAD, in_files: UNLOAD}


def unloaded(lake):  # noqa: F811
    return sorted(key for key in lake.bucket.keys() if key.startswith(lake.unloaded))


def check_published(lake, db, config_id, out, state):  # noqa: F811
    """One file is, and a manifest names what its run has written; other runs left nothing."""
    assert len(files(out)) == 1
    if COLUMNS.get(state) is UNLOAD:
        run = report.runs(db, config_id)[-1]
        manifest = json.loads(file_of(run.output_url).read_text())
        keys = [entry['url'].removeprefix(f's3://{lake.bucket.name}/')
                for entry in manifest['entries']]
        assert len(keys) == 2 and manifest['meta']['record_count'] == 3
        assert sorted(keys) == unloaded(lake)


def release(lake, athena):  # noqa: F811
    lake.proxy.clear()
    for _, event in athena.held:
        event.set()
    athena.held.clear()


@pytest.mark.parametrize('state', STATES, ids=lambda f: f.__name__)
def test_a_cancelled_report_leaves_no_statement(db, start, lake, athena, out, state):  # noqa: F811
    start()
    fault, reached = state(lake, athena)
    config_id = submit(db, state)
    wait_for(lambda: reached(fault), what='the state')
    db.execute('select reportd.cancel(%s)', config_id)
    row = report.wait_done(db, config_id)
    assert row.status == 'CANCELLED', row
    lake.proxy.clear()
    nothing_left(db, athena, config_id, state)
    assert files(out) == [] and unloaded(lake) == []


@pytest.mark.parametrize('state', STATES, ids=lambda f: f.__name__)
def test_a_killed_worker_leaves_no_statement(db, start, lake, athena, out, state):  # noqa: F811
    one = start()
    fault, reached = state(lake, athena)
    config_id = submit(db, state, max_retries=1)
    wait_for(lambda: reached(fault), what='the state')
    os.kill(worker_at(one, db, config_id), signal.SIGKILL)
    lake.proxy.clear()
    first = list(athena.executions)
    wait_for(lambda: not any(athena.executions[x].state in ('QUEUED', 'RUNNING') for x in first),
             60, 'the first statement to end')
    release(lake, athena)
    row = report.wait_done(db, config_id, 60)
    assert row.status == 'COMPLETED', row.error_message
    nothing_left(db, athena, config_id, state)
    check_published(lake, db, config_id, out, state)


@pytest.mark.parametrize('state', STATES, ids=lambda f: f.__name__)
def test_a_killed_daemon_leaves_no_statement(db, start, lake, athena, out, state):  # noqa: F811
    one = start()
    fault, reached = state(lake, athena)
    config_id = submit(db, state, max_retries=1)
    wait_for(lambda: reached(fault), what='the state')
    one.kill()
    first = list(athena.executions)
    other = start()
    wait_for(lambda: not any(athena.executions[x].state in ('QUEUED', 'RUNNING') for x in first),
             60, 'the first statement to end')
    release(lake, athena)
    row = report.wait_done(db, config_id, 60)
    assert row.status == 'COMPLETED', row.error_message
    nothing_left(db, athena, config_id, state)
    check_published(lake, db, config_id, out, state)
    assert other.running()


@pytest.mark.parametrize('state', [in_wait, in_unload], ids=lambda f: f.__name__)
def test_a_cancel_that_comes_too_late_publishes_nothing(  # noqa: F811
        db, start, lake, athena, out, state, monkeypatch):
    """The statement was told to stop and has succeeded."""
    start()
    _, reached = state(lake, athena)
    [(_, event)] = athena.held
    monkeypatch.setattr(athena, 'stop', lambda x: event.set())
    config_id = submit(db, state)
    wait_for(lambda: reached(None), what='the state')
    db.execute('select reportd.cancel(%s)', config_id)
    assert report.wait_done(db, config_id).status == 'CANCELLED'
    assert athena.states() == ['SUCCEEDED']
    nothing_left(db, athena, config_id)
    assert files(out) == [] and unloaded(lake) == []


def test_a_statement_that_does_not_stop_at_once_is_swept(db, start, athena):  # noqa: F811
    start()
    athena.stubborn = 60
    athena.hold()
    config_id = submit(db)
    wait_for(lambda: athena.states() == ['RUNNING'])
    db.execute('select reportd.cancel(%s)', config_id)
    assert report.wait_done(db, config_id).status == 'CANCELLED'
    [execution] = athena.executions.values()
    assert [one['source'] for r in report.runs(db, config_id) for one in r.leftovers] == ['lake']
    athena.stubborn = 0
    nothing_left(db, athena, config_id)
    assert execution.state == 'CANCELLED'


def test_a_daemon_that_stops_gives_the_report_back(db, start, athena, lake, out):  # noqa: F811
    one = start()
    athena.hold()
    config_id = submit(db)
    wait_for(lambda: athena.states() == ['RUNNING'])
    one.stop()
    assert athena.states() == ['CANCELLED']
    assert [r.status for r in report.runs(db, config_id)] == ['RELEASED']
    release(lake, athena)
    start()
    assert report.wait_done(db, config_id).status == 'COMPLETED'
    nothing_left(db, athena, config_id)
    assert len(files(out)) == 1


def test_a_sweep_is_left_to_a_daemon_that_has_the_source(db, daemon, start, athena):  # noqa: F811
    one = start()
    athena.hold()
    config_id = submit(db, max_retries=0)
    wait_for(lambda: athena.states() == ['RUNNING'])
    wait_for(lambda: report.runs(db, config_id)[0].leftovers, what='the record')
    one.signal(signal.SIGSTOP)
    for pid in one.workers():
        os.kill(pid, signal.SIGKILL)
    one.kill()
    other = daemon(workers=1, lease='4s')
    wait_for(lambda: report.runs(db, config_id)[0].status == 'LOST', 30)
    wait_for(lambda: 'with a source that is not in the settings' in other.log())
    assert 'source=lake' in other.log()
    assert athena.states() == ['RUNNING'] and report.runs(db, config_id)[0].leftovers
    other.stop()
    start()
    nothing_left(db, athena, config_id)
    assert athena.states()[0] == 'CANCELLED'
