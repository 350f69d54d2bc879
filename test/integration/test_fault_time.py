# SPDX-License-Identifier: MIT
"""Schedules with several daemons, dead ones, and hosts whose clock is wrong."""

import pathlib
from datetime import timedelta

import pytest

from lib import report
from lib.invariants import check
from lib.report import submit
from lib.wait import wait_for
from test_engine_shared import done, ended, gate, wait_at_gate
from test_fault_shared import (  # noqa: F401: fixtures
    LEASE, RUN_ID, Stopwatch, beat, behind, count, engine_of, gated_run_id, proxy, sleeping,
    statuses, submit_many, tell, wait_all)

FAKETIME = next(pathlib.Path('/usr/lib').glob('*/faketime/libfaketime.so.1'), None)
needs_faketime = pytest.mark.skipif(FAKETIME is None, reason='no libfaketime')


# The environment of a program whose clocks go ten times as fast, where that is possible.
TENFOLD = {'LD_PRELOAD': FAKETIME, 'FAKETIME': '+0 x10'} if FAKETIME else {}


def schedule_many(db, number, at, policy='LATEST'):
    """Schedules that fire at this moment, and not again for a long time."""
    return [row[0] for row in db.query(
        'insert into reportd.report_config (report_name, trigger_type, export_sql, '
        '    schedule_expression, next_run_time, misfire_policy) '
        "select 'schedule ' || i, 'SCHEDULED', %s, '0 0 1 1 *', %s, %s "
        'from generate_series(1, %s) i returning config_id', RUN_ID, at, policy, number)]


def soon(db, seconds):
    return db.value("select now() + %s * interval '1 s'", seconds)


def fired(db, reports):
    return db.value('select count(*) from reportd.report_run where config_id = any (%s) '
                    "and status = 'COMPLETED'", reports)


def test_3_daemons_fire_50_schedules_once_each(db, engine_of, out):
    for _ in range(3):
        engine_of(workers=2)
    at = soon(db, 1)
    reports = schedule_many(db, 50, at)
    wait_for(lambda: fired(db, reports) == 50, what='50 runs')
    assert db.row('select min(scheduled_for) as first, max(scheduled_for) as last, '
                  'count(*) as runs from reportd.report_run') == (at, at, 50)
    late = db.value('select max(started_at) from reportd.report_run') - at
    assert late < timedelta(seconds=3)
    # All have looked again.
    pids = db.query('select pid, heartbeat_at from reportd.report_worker')
    for pid, old in pids:
        wait_for(lambda: db.value('select heartbeat_at > %s from reportd.report_worker '
                                  'where pid = %s', old, pid))
    assert db.value('select count(*) from reportd.report_run') == 50
    check(db, out)


def test_a_daemon_that_was_down_at_the_time_fires_once(db, engine_of, out):
    """And one that dies in the middle of firing leaves the rest to others."""
    one = engine_of(lease='1s')
    at = soon(db, 0.5)
    reports = schedule_many(db, 20, at) + schedule_many(db, 20, at, 'ALL')
    one.kill()
    wait_for(lambda: db.value('select now() > %s', at))
    two = engine_of(lease='1s')
    wait_for(lambda: fired(db, reports) > 3)
    two.kill()
    engine_of(lease='1s')
    wait_for(lambda: fired(db, reports) == 40, what='40 runs')
    wait_all(db, 'COMPLETED')
    assert db.value('select bool_and(scheduled_for = %s) from reportd.report_run', at)
    check(db, out)


def faked(offset, **more):
    return {'LD_PRELOAD': FAKETIME, 'FAKETIME': offset, 'FAKETIME_NO_CACHE': '1', **more}


@pytest.mark.shipped
@pytest.mark.waits
@needs_faketime
def test_questions_gather_while_jobs_stand_in_line(db, proxy, behind):  # noqa: F811
    """The daemon's clock goes so slowly that its jobs take some 3 ms by it: many stand in line,
    and one ends at a time."""
    submit_many(db, 40, sleeping(0.15))
    behind(workers=1, lease='1h', env=faked('+0 x0.02'))
    wait_all(db, 'COMPLETED')
    assert proxy.seen['publish'] <= 20 and proxy.seen['claim'] <= 16


@needs_faketime
@pytest.mark.parametrize('offset', ['+3h', '-3h'])
def test_a_host_whose_clock_is_3_hours_off(db, engine_of, out, offset):
    """All times are the database's: it fires nothing early or late, its lease
    is as long as anybody's, and so are timeouts."""
    wrong = engine_of(workers=1, poll_interval='300ms', env=faked(offset))
    right = engine_of(workers=1, poll_interval='300ms')
    hour = schedule_many(db, 1, soon(db, 3600))[0]
    due = schedule_many(db, 1, soon(db, 1))[0]
    for one in wrong, right:
        beat(db, one)
        beat(db, one)
    assert ended(db, due).attempt == 1
    with gate(db):
        both = submit_many(db, 2, gated_run_id())
        wait_at_gate(db, 2)
        beat(db, wrong)
        beat(db, right)
    for config_id in both:
        run = ended(db, config_id)
        assert run.attempt == 1
        assert abs(db.value('select now() - %s::timestamptz', run.started_at)) < timedelta(
            seconds=30)
    right.stop()
    run = ended(db, submit(db, export_sql='select pg_sleep(60)', timeout='1 s',
                           max_retries=0), 'FAILED')
    assert timedelta(seconds=1) <= run.finished_at - run.started_at < timedelta(seconds=3)
    assert done(db, export_sql=RUN_ID).worker_id == wrong.worker_id
    assert report.runs(db, hour) == []
    # The host's clock is wrong indeed.
    stamp = db.value('select now()') + timedelta(hours=int(offset[:2]))
    assert f'{stamp:%Y-%m-%dT%H}' in wrong.log() or \
        f'{stamp - timedelta(minutes=1):%Y-%m-%dT%H}' in wrong.log()


@needs_faketime
def test_a_host_whose_clock_jumps(db, engine_of, out, tmp_path):
    """Forward and back, with a report running."""
    clock = tmp_path / 'clock'
    clock.write_text('+0')
    one = engine_of(workers=1, poll_interval='300ms', env={
        'LD_PRELOAD': FAKETIME, 'FAKETIME_TIMESTAMP_FILE': clock,
        'FAKETIME_NO_CACHE': '1', 'FAKETIME_DONT_FAKE_MONOTONIC': '1'})
    engine_of(workers=1, poll_interval='300ms')
    with gate(db):
        reports = submit_many(db, 2, gated_run_id(), max_retries=0)
        wait_at_gate(db, 2)
        for jump in '+3h', '-3h', '+0':
            clock.write_text(jump)
            beat(db, one)
            beat(db, one)
    for config_id in reports:
        assert ended(db, config_id).attempt == 1
    check(db, out)
