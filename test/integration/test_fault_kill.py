# SPDX-License-Identifier: MIT
"""Workers and supervisors that are killed, stand still or eat memory."""

import os
import random
import signal
import time

import pytest

from lib import report
from lib.invariants import check
from lib.report import submit
from lib.wait import wait_for
from test_engine_shared import done, ended, file_of, gate, last_run, wait_at_gate
from test_fault_shared import (  # noqa: F401: fixtures
    LEASE, QUICK, RUN_ID, Stopwatch, backends, beat, behind, connected_workers, count, engine_of,
    gated_run_id, go_on, no_backends, proxy, run_of, sleeping, statuses, stop,
    submit_many, tell, wait_all)


def active(db, config_id):
    """Its last run, when a worker has begun on it."""
    run, = report.runs(db, config_id)[-1:] or [None]
    return run and backends(db, f'reportd run {run.run_id}') and run


# kill -9

def test_the_query_of_a_killed_worker_ends(db, engine_of):
    """Also one that sends nothing: the server looks whether its client lives."""
    one = engine_of(workers=1)
    config_id = submit(db, export_sql='select pg_sleep(600)', max_retries=0)
    wait_for(lambda: active(db, config_id))
    os.kill(one.workers()[0], signal.SIGKILL)
    ended(db, config_id, 'FAILED')
    no_backends(db)


@pytest.mark.parametrize('lease', [LEASE, 6])
def test_another_daemon_takes_over_when_the_lease_ends(db, engine_of, out, tell, lease):
    """No later than the lease and two seconds, however long its own interval."""
    one = engine_of(lease=f'{lease}s')
    with gate(db):
        config_id = submit(db, export_sql=gated_run_id())
        wait_at_gate(db)
        beat(db, one)
        one.kill()
    dead = Stopwatch()
    # Its ticks come just before the lease ends, and half a lease later.
    engine_of(lease=f'{lease}s')
    run = ended(db, config_id)
    tell(f'lease {lease} s, killed to COMPLETED', dead())
    assert dead() < lease + 2
    assert run.attempt == 2 and statuses(db, config_id) == ['LOST', 'COMPLETED']
    check(db, out)


def test_a_repeat_replaces_what_the_killed_attempt_has_published(db, engine_of, out):
    """In spite of create_only: all are killed when the file is there and before the
    queue knows."""
    one = engine_of()
    db.execute("""create function hold() returns trigger language plpgsql as
        'begin perform pg_advisory_xact_lock_shared(1); return new; end';
        create trigger hold before update on reportd.report_run for each row
        when (new.status = 'COMPLETED') execute function hold()""")
    with gate(db):
        config_id = submit(db, export_sql=RUN_ID, output_path='x.csv',
                           output_options={'file': {'create_only': True}})
        wait_at_gate(db)
        first = (out / 'x.csv').read_text()
        one.kill()
        db.execute("select pg_terminate_backend(pid) from pg_locks "
                   "where locktype = 'advisory' and not granted")
        wait_for(lambda: not db.value("select count(*) from pg_locks where "
                                      "locktype = 'advisory' and not granted"))
    engine_of()
    run = ended(db, config_id)
    assert run.attempt == 2 and statuses(db, config_id) == ['LOST', 'COMPLETED']
    assert (out / 'x.csv').read_text() == f'run_id\n{run.run_id}\n' != first


def test_killed_in_a_loop_nothing_is_lost_or_doubled(db, engine_of, out, tell):
    """Workers and supervisors die at random while 300 reports run. Each has
    yesterday's file to replace: the way of publishing with a temporary name."""
    (out / 'many').mkdir()
    reports = submit_many(db, 300, sleeping(0.03), max_retries=100)
    for config_id in reports:
        (out / f'many/{config_id}.csv').write_text('yesterday\n')
    dice = random.Random(1)
    daemons = [engine_of(workers=4) for _ in range(2)]
    kills = {'worker': 0, 'supervisor': 0}
    while count(db, 'COMPLETED') < 300:
        at = dice.randrange(2)
        workers = daemons[at].workers()
        if dice.random() < 0.3:
            daemons[at].kill()
            daemons[at] = engine_of(workers=4)
            kills['supervisor'] += 1
        elif workers:
            try:
                os.kill(dice.choice(workers), signal.SIGKILL)
                kills['worker'] += 1
            except ProcessLookupError:
                pass
        before = count(db, 'COMPLETED')
        wait_for(lambda: count(db, 'COMPLETED') >= min(before + 10, 300), 30)
    wait_all(db, 'COMPLETED')
    assert kills['worker'] > 5 and kills['supervisor'] > 3, kills
    assert db.value("select count(*) from reportd.report_run "
                    "where status in ('FAILED', 'LOST')") > 5
    check(db, out)


# SIGSTOP

def test_a_daemon_that_stood_still_publishes_nothing(db, engine_of, out, tell):
    """It and its workers stop for longer than the lease, another does the job;
    then they go on where they were."""
    one = engine_of(workers=1)
    with gate(db):
        config_id, = submit_many(db, 1, gated_run_id(), max_retries=1)
        wait_at_gate(db)
        beat(db, one)
        stopped = one.group()
        stop(stopped)
        still = Stopwatch()
        other = engine_of(workers=1)
        wait_at_gate(db, 2)
    run = ended(db, config_id)
    tell('stopped to COMPLETED by the other', still())
    assert still() < LEASE + 2
    path = file_of(run.output_url)
    before = path.stat()
    go_on(stopped)
    one.wait_log('lease lost')
    wait_for(lambda: one.wait_ready() != one.worker_id, what='a new identity')
    # The daemon is sound again, under a new name.
    other.stop()
    assert done(db, export_sql=RUN_ID).worker_id == one.wait_ready()
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert statuses(db, config_id) == ['LOST', 'COMPLETED']
    check(db, out)


def test_leave_to_publish_ends_with_the_lease(db, behind, proxy, engine_of, out):
    """The worker stops with the leave on its way to it, and reads it when the
    report has long been another's."""
    one = behind(workers=1)
    publish = proxy.at('publish', 'hold answer')
    config_id, = submit_many(db, 1, RUN_ID)
    publish.wait()
    worker, = one.workers()
    stop([worker])
    publish.go.set()
    beat(db, one)  # behind the answer: it has been read and passed on
    stop([one.pid])
    engine_of(workers=1)
    run = ended(db, config_id)
    before = file_of(run.output_url).stat()
    go_on([worker, one.pid])
    one.wait_log('lease lost')
    wait_for(lambda: one.wait_ready() != one.worker_id, what='a new identity')
    wait_for(lambda: last_word(one), what='the end of the old run')
    after = file_of(run.output_url).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert statuses(db, config_id) == ['LOST', 'COMPLETED']
    check(db, out)


def last_word(one):
    """No worker is on a job: each waits for its supervisor alone."""
    return all('poll' in open(f'/proc/{pid}/wchan', encoding='utf-8').read()
               for pid in one.workers())


def test_a_report_is_not_claimed_by_a_daemon_that_has_lost_its_lease(
        db, engine_of, out):
    """It wakes up to a notification of new work, and does not know yet."""
    one = engine_of(workers=1)
    stop([one.pid])
    other = engine_of(workers=1)
    wait_for(lambda: db.value('select count(*) from reportd.report_worker') == 1,
             LEASE + 2, 'the first daemon to be given up')
    other.stop()
    reports = submit_many(db, 5, max_retries=0)
    go_on([one.pid])
    for config_id in reports:
        assert ended(db, config_id).attempt == 1
    check(db, out)


def test_a_worker_that_stands_still_does_not_hold_up_the_others(db, engine_of, out):
    """Its supervisor renews the lease; the timeout ends it."""
    one = engine_of(workers=2, cancel_grace='500ms')
    with gate(db):
        config_id = submit(db, export_sql=gated_run_id(), timeout='2 s', max_retries=0)
        wait_at_gate(db)
        stop(connected_workers(one))
        for _ in range(5):
            done(db, export_sql=RUN_ID)
        run = ended(db, config_id, 'FAILED')
    assert 'timed out after' in run.error_message
    assert 'was killed' in run.error_message
    no_backends(db)
    check(db, out)
