# SPDX-License-Identifier: MIT
"""Each request is loaded once into a target, whoever dies when."""

import os
import signal

import pytest

from lib import report
from lib.proxy import Proxy
from lib.report import submit, wait_done
from lib.target import load, outcome
from lib.wait import wait_for
from test_fault_shared import (  # noqa: F401: fixtures
    QUICK, again, behind, engine_of, kill, kill_until_done, loaded_at_the_second_attempt,
    private_cluster as cluster, private_template as template, proxy, statuses, tell)

COPY = '''copy "s"."t" ("id", "name") from stdin with (format text, encoding 'UTF8')'''
MODES = {'append': None, 'replace': {'mode': 'replace'},
         'upsert': {'mode': 'upsert', 'key': ['id']}}


@pytest.fixture
def target(target):
    target.table('create table s.t (id int primary key, name text)')
    return target


@pytest.fixture
def at_target(cluster, target):
    """A proxy before the target's server; .sections names the target behind it."""
    proxy = Proxy(cluster.host)
    proxy.sections = {f'target.{target.name}': {
        'conninfo': f'{target.conninfo} host={proxy.dir}'}}
    yield proxy
    proxy.remove()


def sleepers(target, state):
    """Sessions of loads in this state."""
    return target.rows(
        "select pid, query from pg_stat_activity where usename = '{}' and {}".format(
            target.user, state))


def in_transaction(target):
    return sleepers(target, "state = 'idle in transaction'")


def rows(target):
    return target.rows('select * from s.t order by 1')


@pytest.mark.parametrize('mode', MODES)
@pytest.mark.parametrize(('what', 'ends'), [
    ('cut after', ['COMPLETED']), ('cut before', ['FAILED', 'COMPLETED'])])
def test_a_lost_answer_of_commit_is_asked_for(db, target, at_target, engine_of, mode, what, ends):
    engine_of(at_target.sections)
    fault = at_target.at('commit', what)
    one = load(db, 's.t', "select 1 as id, 'x' as name", options=MODES[mode] or {}, max_retries=3)
    assert fault.met.is_set()
    assert outcome(db, one)[:2] == ('COMPLETED', 1)
    assert statuses(db, one) == ends
    assert rows(target) == [(1, 'x')]
    assert len(target.ledger()) == 1


def test_a_commit_that_arrives_late_is_waited_for(db, target, at_target, engine_of):
    """The worker that lost the connection asks the ledger, and waits for the transaction."""
    engine_of(at_target.sections)
    fault = at_target.at('commit', 'deliver late')
    one = load(db, 's.t', "select 1 as id, 'x' as name", max_retries=0, wait=False)
    fault.wait()
    wait_for(lambda: sleepers(target, "wait_event_type = 'Lock'"), what='the question')
    fault.go.set()
    wait_done(db, one)
    assert outcome(db, one) == ('COMPLETED', 1, None)
    assert rows(target) == [(1, 'x')]


@pytest.mark.parametrize('mode', MODES)
def test_a_worker_killed_while_rows_stream_leaves_nothing(db, target, engine_of, mode):
    daemon = engine_of(target.sections(), workers=1)
    one = load(db, 's.t', "select g as id, repeat('x', 100) as name "
               "from generate_series(1, 20000) g, pg_sleep(case when g = 20000 and "
               "(select count(*) from reportd.report_run) = 1 then 600 else 0 end)",
               options=MODES[mode] or {}, max_retries=1, wait=False)
    wait_for(lambda: sleepers(target, "query like 'copy %'"), what='the COPY')
    os.kill(daemon.workers()[0], signal.SIGKILL)
    wait_done(db, one)
    assert statuses(db, one) == ['FAILED', 'COMPLETED']
    assert target.rows('select count(*) from s.t') == [(20000,)]


@pytest.mark.parametrize('mode', MODES)
@pytest.mark.parametrize('victim', ['worker', 'daemon'])
def test_killed_between_the_merge_and_the_answer(db, target, proxy, behind, mode, victim):
    daemon = behind(target.sections(), workers=1, lease='2s')
    fault = proxy.at('publish', 'hold answer')
    one = load(db, 's.t', "select 1 as id, 'x' as name", options=MODES[mode] or {},
               max_retries=3, wait=False)
    fault.wait()
    wait_for(lambda: in_transaction(target))
    kill(victim, daemon, lambda: (fault.go.set(), behind(target.sections(), workers=1)))
    fault.go.set()
    wait_done(db, one)
    loaded_at_the_second_attempt(db, target, one)


@pytest.mark.parametrize('victim', ['worker', 'daemon'])
def test_killed_during_commit(db, target, engine_of, victim):
    """A constraint that is checked at COMMIT takes its time."""
    target.table('''create function s.slow() returns trigger language plpgsql as
        'begin perform pg_sleep(2); return null; end';
        create constraint trigger slow after insert on s.t deferrable initially deferred
        for each row execute function s.slow()''')
    daemon = engine_of(target.sections(), workers=1)
    one = load(db, 's.t', "select 1 as id, 'x' as name", max_retries=5, wait=False)
    wait_for(lambda: sleepers(target, "query = 'commit' and state = 'active'"))
    kill(victim, daemon, lambda: engine_of(target.sections(), workers=1))
    wait_done(db, one)
    assert outcome(db, one)[:2] == ('COMPLETED', 1)
    assert rows(target) == [(1, 'x')]
    assert len(target.ledger()) == 1


def test_after_a_commit_that_nobody_recorded_nothing_runs_again(db, target, proxy, behind):
    """The daemon dies before it records the end; the next one asks the ledger."""
    db.execute('create table public.prepared (at timestamptz)')
    daemon = behind(target.sections(), workers=1, lease='2s')
    fault = proxy.at('finish', 'cut before')
    one = load(db, 's.t', "select 1 as id, 'x' as name", max_retries=3, wait=False,
               prep_sql='insert into public.prepared values (now())',
               result_sql="select count(*) as prepared, 'é' as mark from public.prepared")
    fault.wait()
    proxy.refuses = True
    daemon.kill()
    proxy.recover()
    behind(target.sections(), workers=1)
    wait_done(db, one)
    status, count, remark = outcome(db, one)
    assert (status, count) == ('COMPLETED', 1)
    assert 'an earlier attempt loaded it' in remark
    assert statuses(db, one) == ['LOST', 'COMPLETED']
    assert rows(target) == [(1, 'x')]
    assert db.value('select count(*) from public.prepared') == 1
    assert db.value('select result from reportd.report_request where config_id = %s', one) == {
        'prepared': '1', 'mark': 'é'}


@pytest.mark.parametrize('mode', ['append', 'replace'])
@pytest.mark.parametrize('moment', ['copy', 'finish'])
def test_files_are_loaded_once_whoever_dies(
        db, target, proxy, behind, tmp_path, mode, moment):
    """While the target's COPY waits for a row, and before the queue has recorded the end."""
    folder = tmp_path / 'in'
    folder.mkdir()
    for number in 1, 2:
        (folder / f'{number}.csv').write_text(f'id,name\n{number},x\n')
    sections = target.sections() | {'inputs': {'folders': folder, 'rescan': '1s'}}
    daemon = behind(sections, workers=1, lease='2s')
    fault = proxy.at('finish', 'cut before') if moment == 'finish' else None
    with target.db.connect() as conn:
        conn.execute('begin; lock table s.t' if moment == 'copy' else 'select 1')
        one = submit(db, export_sql=None, trigger_type='FILE', output_format='TABLE',
                     output_path='table:dwh/s.t', output_options={'table': MODES[mode] or {}},
                     max_retries=3, inputs={'f': {
                         'path': f'{folder}/*.csv', 'format': 'csv', 'stable_for': '0 s',
                         'columns': [['id', 'int'], ['name', 'text']]}})
        if moment == 'copy':
            wait_for(lambda: sleepers(target, "wait_event_type = 'Lock'"), what='the COPY')
            os.kill(daemon.workers()[0], signal.SIGKILL)
        else:
            fault.wait()
            proxy.refuses = True
            daemon.kill()
            proxy.recover()
            behind(sections, workers=1)
    wait_for(lambda: statuses(db, one)[-1:] == ['COMPLETED'] or None)
    assert statuses(db, one) == [{'copy': 'FAILED', 'finish': 'LOST'}[moment], 'COMPLETED']
    assert rows(target) == [(1, 'x'), (2, 'x')]
    assert [row[2] for row in target.ledger()] == [2]
    assert db.value("select count(*) from reportd.report_input where state = 'DONE'") == 2


def test_a_worker_that_stands_still_is_overtaken(db, target, engine_of):
    """It and its daemon stop in the middle of the COPY, for longer than the lease. Their
    session would hold the ledger's row; it is ended."""
    daemon = engine_of(target.sections(), workers=1)
    one = load(db, 's.t', "select g as id, repeat('x', 1000) as name "
               'from generate_series(1, 50000) g, pg_sleep(case when g = 1000 and '
               '(select count(*) from reportd.report_run) = 1 then 600 else 0 end)',
               max_retries=3, wait=False)
    wait_for(lambda: sleepers(target, "query like 'copy %'"))
    stopped = daemon.group()
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        engine_of(target.sections(), workers=1)
        wait_done(db, one)
        assert statuses(db, one) == ['LOST', 'COMPLETED']
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    wait_for(lambda: daemon.wait_ready() != daemon.worker_id, what='a new identity')
    assert target.rows('select count(*) from s.t') == [(50000,)]
    assert len(target.ledger()) == 1


@pytest.mark.parametrize('mode', ['fast', 'immediate'])
def test_the_server_restarts_before_the_commit(cluster, db, target, proxy, behind, mode):
    behind(target.sections(), workers=1)
    fault = proxy.at('publish', 'hold answer')
    one = load(db, 's.t', "select 1 as id, 'x' as name", max_retries=3, wait=False)
    fault.wait()
    wait_for(lambda: in_transaction(target))
    cluster.restart(mode)
    fault.go.set()
    again(lambda: db.value('select 1'))
    again(lambda: target.db.value('select 1'))
    wait_done(db, one, 60)
    assert outcome(db, one)[:2] == ('COMPLETED', 1)
    assert rows(target) == [(1, 'x')]


def test_cancelled_before_the_answer_to_copy_was_read(db, target, at_target, engine_of):
    """The server has begun the COPY, and the worker does not know it yet: the worker ends it
    and lives on."""
    daemon = engine_of(at_target.sections, workers=1)
    fault = at_target.at(COPY, 'hold answer')
    one = load(db, 's.t', "select 1 as id, 'x' as name", wait=False)
    fault.wait()
    worker = daemon.workers()
    db.execute('select reportd.cancel(%s)', one)
    wait_for(lambda: at_target.cancels)
    fault.go.set()
    wait_for(lambda: statuses(db, one) == ['CANCELLED'])
    assert daemon.workers() == worker
    assert rows(target) == []


def test_nothing_else_runs_while_a_table_waits_for_the_answer(db, target, proxy, behind):
    """Its worker holds locks of the target, so it takes no other report."""
    daemon = behind(target.sections(), workers=1, poll_interval='200ms')
    load(db, 's.t', "select 1 as id, 'x' as name")
    fault = proxy.at('publish', 'hold answer')
    one = load(db, 's.t', "select 2 as id, 'x' as name", wait=False,
               options={'mode': 'replace'})
    fault.wait()
    wait_for(lambda: in_transaction(target))
    other = submit(db, export_sql='select 1')
    pids = [pid for pid, _ in in_transaction(target)]
    fault.go.set()
    wait_done(db, one)
    wait_done(db, other)
    assert pids
    first, second = (report.runs(db, i)[-1] for i in (one, other))
    assert first.finished_at <= second.finished_at
    assert daemon.running()


def test_killed_in_a_loop_each_request_is_loaded_once(db, target, engine_of, tell):
    """Workers and supervisors die at random while 36 reports append to one table, among
    them some that copy and some that merge."""
    target.table('create table s.many (request int, n int)')
    ids = [load(db, 's.many', f'select {i} as request, g as n from generate_series(1, 500) g, '
                'pg_sleep(case when g = 250 then 0.02 else 0 end)', max_retries=100, wait=False,
                options=None if i % 2 else {'mode': 'append', 'drift': 'add'})
           for i in range(36)]
    kills = kill_until_done(db, lambda: engine_of(target.sections(), workers=2),
                            36, 60)
    tell('kills', kills, '')
    assert kills > 5
    assert target.rows('select request, count(*) as n, count(distinct n) as d from s.many '
                       'group by 1 order by 1') == [(i, 500, 500) for i in range(36)]
    assert len(target.ledger()) == len(ids)
