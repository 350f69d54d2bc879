# SPDX-License-Identifier: MIT
"""Told to stop when stopping is hard."""

import os
import signal

from lib import report
from lib.invariants import check
from lib.wait import wait_for
from test_engine_shared import ended, gate, wait_at_gate
from test_fault_shared import (  # noqa: F401: fixtures
    LEASE, RUN_ID, Stopwatch, beat, behind, connected_workers, count, engine_of,
    gated_run_id, go_on, proxy, run_of, statuses, stop, submit_many, tell, wait_all)


def test_a_third_signal_does_not_wait_for_a_stuck_worker(db, engine_of, out):
    one = engine_of(workers=1, shutdown_grace='1h', cancel_grace='1h')
    with gate(db):
        config_id, = submit_many(db, 1, gated_run_id(), max_retries=0)
        wait_at_gate(db)
        stop(connected_workers(one))
        one.signal(signal.SIGTERM)
        one.wait_log('"stopping"')
        one.signal(signal.SIGTERM)
        one.wait_log('stopping the runs in hand')
        one.signal(signal.SIGTERM)
        assert one.wait(5) == 0
    assert run_of(db, config_id, 'RELEASED').error_message == 'given back: the daemon stops'
    assert report.config(db, config_id).attempt == 0
    engine_of()
    assert ended(db, config_id).attempt == 1
    check(db, out)


def test_what_a_run_that_was_given_back_leaves_is_swept(db, engine_of, out):
    """It is not counted as an attempt, and yet an earlier one."""
    one = engine_of(workers=1, shutdown_grace='0', cancel_grace='300ms')
    with gate(db):
        config_id, = submit_many(db, 1, gated_run_id(), max_retries=0)
        wait_at_gate(db)
        assert one.stop() == 0
    left = out / 'many/.a.csv.reportd-99999-0'
    left.parent.mkdir(exist_ok=True)
    left.write_text('half')
    engine_of()
    assert ended(db, config_id).attempt == 1
    assert run_of(db, config_id, 'RELEASED') and statuses(db, config_id) == ['COMPLETED']
    assert not left.exists()
    check(db, out)


def test_stopped_while_the_queue_is_away(db, behind, proxy, engine_of, out):
    """It does not wait for ever, and says that results are not recorded; the
    next daemon repeats them when the lease is over."""
    one = behind(workers=2, shutdown_grace='300ms', cancel_grace='300ms')
    with gate(db):
        reports = submit_many(db, 2, gated_run_id(), max_retries=1)
        wait_at_gate(db, 2)
        proxy.swallow(new=True)
        one.expected_code = 1
        watch = Stopwatch()
        assert one.stop() == 1
        assert watch() < 5
    assert 'the queue does not answer' in one.log()
    engine_of()
    for config_id in reports:
        assert ended(db, config_id).attempt == 2
        assert statuses(db, config_id) == ['LOST', 'COMPLETED']
    check(db, out)


def test_stopped_in_the_middle_of_a_crowd(db, engine_of, out):
    """Daemons come and go all the time; whatever is given back is not counted,
    so nothing ever runs out of attempts."""
    submit_many(db, 400, max_retries=0)
    while count(db, 'COMPLETED') < 400:
        one, two = (engine_of(workers=3, shutdown_grace='0') for _ in range(2))
        before = count(db, 'COMPLETED')
        wait_for(lambda: count(db, 'COMPLETED') >= min(before + 40, 400))
        for each in one, two:
            each.signal(signal.SIGTERM)
        assert one.wait() == two.wait() == 0
    assert count(db, 'FAILED') == 0
    assert db.value("select count(*) from reportd.report_run "
                    "where status not in ('COMPLETED', 'RELEASED')") == 0
    check(db, out)
