# SPDX-License-Identifier: MIT
"""The server restarts, is away, stands still, throws everybody out."""

import time

import pytest

from lib import report
from lib.invariants import check
from lib.report import submit
from lib.wait import wait_for
from test_engine_shared import done, ended, gate, wait_at_gate
from test_fault_shared import (  # noqa: F401: fixtures
    LEASE, RUN_ID, Stopwatch, again, backends, beat, count, engine_of,
    gated_run_id, private_cluster as cluster, private_template as template,
    sleeping, statuses, submit_many, tell, wait_all)


@pytest.mark.parametrize('mode', ['fast', 'immediate'])
def test_a_restart_of_the_server_is_survived(cluster, db, engine_of, out, tell, mode):
    daemons = [engine_of(workers=2) for _ in range(2)]
    with gate(db):
        running = submit_many(db, 4, gated_run_id())
        wait_at_gate(db, 4)
        waiting = submit_many(db, 20)
        cluster.restart(mode)
        back = Stopwatch()
    again(lambda: db.value('select 1'))
    new = submit(db, export_sql=RUN_ID)
    for config_id in running + waiting + [new]:
        assert ended(db, config_id)
    tell('server up to everything COMPLETED', back())
    assert back() < LEASE + 2
    # The daemons did not give their leases up for that.
    for config_id in running:
        assert set(statuses(db, config_id)[:-1]) <= {'FAILED'}
    for one in daemons:
        assert one.running()
    check(db, out)


def test_a_server_that_is_away_for_longer_than_the_lease(cluster, db, engine_of, out,
                                                        tell):
    engine_of(workers=2)
    with gate(db):
        running = submit_many(db, 2, gated_run_id())
        wait_at_gate(db, 2)
        cluster.stop('immediate')
        away = Stopwatch()
        wait_for(lambda: away() > LEASE + 1)
        cluster.start()
        back = Stopwatch()
    again(lambda: db.value('select 1'))
    for config_id in running:
        ended(db, config_id)
    tell('server up to everything COMPLETED', back())
    assert back() < LEASE + 4.5  # the longest wait between attempts to connect
    check(db, out)


def test_a_server_that_is_down_at_the_start(cluster, db, daemon, engine_of, tell):
    cluster.stop()
    try:
        one = engine_of(ready=False, log_level='debug')
        one.wait_log('queue not reachable')
        wait_for(lambda: one.log().count('queue not reachable') > 3)
    finally:
        cluster.start()
    up = Stopwatch()
    again(one.wait_ready)
    tell('server up to registered', up())
    assert up() < 5
    done(db)


def test_reconnects_are_spread_out(cluster, db, engine_of):
    """A server that is away is asked again and again, but not in a hot loop."""
    one = engine_of()
    cluster.stop()
    try:
        away = Stopwatch()
        wait_for(lambda: away() > 2)
        tries = one.log().count('queue not reachable')
        assert 2 <= tries <= 8
    finally:
        cluster.start()
    again(lambda: done(db))


def test_everybody_is_thrown_out_every_second(db, engine_of, out, tell):
    """pg_terminate_backend of every connection, again and again."""
    for _ in range(2):
        engine_of(workers=2)
    reports = submit_many(db, 80, sleeping(0.2), max_retries=100)
    watch, thrown = Stopwatch(), 0
    while watch() < 5 or thrown <= 20:
        second = Stopwatch()
        thrown += throw_out(db)
        wait_for(lambda: second() >= 1)
        assert watch() < 60, f'{thrown} connections ended'
    again(lambda: wait_all(db, 'COMPLETED'))
    tell(f'{thrown} connections ended, {len(reports)} reports COMPLETED after', watch())
    check(db, out)


def throw_out(db):
    return db.value('select count(pg_terminate_backend(pid)) from pg_stat_activity '
                    'where pid <> pg_backend_pid() and datname = current_database()')


def test_a_server_that_stands_still_for_longer_than_the_lease(cluster, db, engine_of, out,
                                                             tell):
    """With one daemon nobody else can have taken the jobs: they are done at the
    first attempt."""
    one = engine_of(workers=2)
    with gate(db):
        running = submit_many(db, 2, gated_run_id(), max_retries=0)
        wait_at_gate(db, 2)
        waiting = submit_many(db, 5, max_retries=0)
        with cluster.paused():
            still = Stopwatch()
            wait_for(lambda: still() > LEASE + 1)
        back = Stopwatch()
    for config_id in running + waiting:
        assert ended(db, config_id).attempt == 1
    tell('server awake to everything COMPLETED', back())
    assert back() < LEASE + 4.5
    assert one.wait_ready() == one.worker_id
    check(db, out)


def test_daemons_do_not_judge_each_other_when_it_was_the_server(cluster, db, engine_of,
                                                               out):
    """All leases have run out at once; those who held them live."""
    for _ in range(3):
        engine_of(workers=2)
    with gate(db):
        running = submit_many(db, 6, gated_run_id(), max_retries=0)
        wait_at_gate(db, 6)
        with cluster.paused():
            still = Stopwatch()
            wait_for(lambda: still() > LEASE + 1)
        again(lambda: wait_for(lambda: db.value(
            "select min(heartbeat_at) > now() - interval '1 s' "
            'from reportd.report_worker'), LEASE + 5, 'all heartbeats'))
    for config_id in running:
        assert ended(db, config_id).attempt == 1
    check(db, out)


def test_a_daemon_that_was_cut_off_judges_nobody_for_a_lease(cluster, db, engine_of):
    """Another daemon may need longer than the next tick to connect again."""
    one = engine_of()
    db.execute('insert into reportd.report_worker (host, pid, version, workers, lease) '
               f"values ('slow', 1, '1', 1, '{LEASE} s')")
    with cluster.paused():
        still = Stopwatch()
        wait_for(lambda: still() > LEASE + 1)

    def judged():
        waits, there = db.row(
            'select m.judges_from > now(), exists (select from reportd.report_worker '
            "where host = 'slow') from reportd.report_worker m where worker_id = %s",
            one.worker_id)
        assert there or not waits
        seen.append(waits)
        return not there
    seen = []
    again(lambda: wait_for(judged, 3 * LEASE + 5, 'the end of the other'))
    assert any(seen)
