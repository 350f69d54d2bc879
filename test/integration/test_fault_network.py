# SPDX-License-Identifier: MIT
"""The connection to the queue is lost at the worst moments, or only seems to
be there. A proxy stands between the daemon and the server."""

import pytest

from lib import report
from lib.invariants import check
from lib.report import submit
from lib.wait import wait_for
from test_engine_shared import done, ended, gate, wait_at_gate
from test_fault_shared import (  # noqa: F401: fixtures
    LEASE, RUN_ID, Stopwatch, backends, beat, behind, count, engine_of,
    gated_run_id, go_on, no_backends, proxy, statuses, stop, submit_many, tell,
    wait_all)

STATEMENTS = ['version', 'register', 'recover', 'tick', 'claim', 'publish', 'finish']
PATIENT = 30  # s: the lease of a daemon that waits for an answer while it is stopped


@pytest.mark.parametrize('moment', ['cut before', 'cut after', 'cut behind'])
@pytest.mark.parametrize('statement', STATEMENTS)
def test_the_server_is_lost_at_a_statement(db, behind, proxy, out, statement, moment):
    """Before the server has it, or when it is committed and the answer is lost,
    or right behind the answer, which the daemon finds together with the end:
    each report is done, at its first attempt."""
    fault = proxy.at(statement, moment)
    # The daemon must not give the connection up before it stands still.
    lease = PATIENT if moment == 'cut behind' else LEASE
    one = behind(workers=2, ready=False, lease=f'{lease}s', timeout=f'{lease // 3}s')
    reports = submit_many(db, 6, max_retries=0)
    if statement == 'recover':  # is sent when the connection is back
        one.wait_log('"registered"')
        proxy.cut()
    fault.wait()
    if moment == 'cut behind':
        stop([one.pid])
        fault.go.set()
        assert fault.done.wait(30)
        go_on([one.pid])
    lost = Stopwatch()
    for config_id in reports:
        run = ended(db, config_id)
        assert run.attempt == 1
        assert statuses(db, config_id) == ['COMPLETED']
    # Reports of a claim whose answer was lost come back at the reconnect, not a lease later.
    assert lost() < lease or statement != 'claim'
    assert one.running()
    check(db, out)


def test_a_result_is_ready_when_the_connection_ends(db, behind, proxy):
    """Nobody has seen the end yet when it is sent."""
    claim = proxy.at('claim', 'cut behind')
    # A grant that was taken back: such a run ends before it begins.
    db.execute("select reportd.register_source('default', 'postgres')")
    db.execute("select reportd.grant_source('default', 'reportd_submitter')")
    config_id = report.submit(db, owner='reportd_submitter', max_retries=0)
    db.execute("select reportd.revoke_source('default', 'reportd_submitter')")
    one = behind(workers=1, ready=False, lease=f'{PATIENT}s', timeout=f'{PATIENT // 3}s')
    claim.wait()
    stop([one.pid])
    claim.go.set()
    assert claim.done.wait(30)
    go_on([one.pid])
    assert 'may not use a source' in ended(db, config_id, 'FAILED').error_message


def test_a_claim_that_is_executed_late_is_noticed(db, behind, proxy, out):
    """The daemon has given the connection up, has seen that nothing was claimed
    and goes on; then the server finds the claim in what it still had to read."""
    claim = proxy.at('claim', 'deliver late')
    one = behind(workers=1)
    with gate(db):
        first, = submit_many(db, 1, gated_run_id(), max_retries=0)
        claim.wait()
        wait_at_gate(db)
        # Its one worker is busy: it wants nothing, but its old claim does.
        second, = submit_many(db, 1, max_retries=0)
        claim.go.set()
        wait_for(lambda: report.config(db, second).status == 'PROCESSING')
    late = Stopwatch()
    assert ended(db, first).attempt == 1
    assert ended(db, second, within=3 * LEASE).attempt == 1
    assert late() < 2 * LEASE
    check(db, out)


def test_a_half_open_connection_is_given_up(db, behind, proxy, out, tell):
    """Packets vanish in both directions, nobody sees an end; the daemon is idle
    and hears of no new work."""
    behind(workers=1)
    done(db, export_sql=RUN_ID)
    proxy.swallow()
    lost = Stopwatch()
    config_id, = submit_many(db, 1, max_retries=0)
    assert ended(db, config_id).attempt == 1
    tell('swallowed to COMPLETED', lost())
    assert lost() < LEASE + 2
    check(db, out)


def test_a_half_open_connection_does_not_lose_results(db, behind, proxy, out, tell):
    behind(workers=2)
    with gate(db):
        reports = submit_many(db, 2, gated_run_id(), max_retries=0)
        wait_at_gate(db, 2)
        proxy.swallow()
        lost = Stopwatch()
    for config_id in reports:
        assert ended(db, config_id).attempt == 1
    tell('swallowed to COMPLETED', lost())
    assert lost() < LEASE + 2
    check(db, out)


def test_a_server_that_answers_nobody_loses_the_lease_and_publishes_nothing(
        db, behind, proxy, engine_of, out):
    """One daemon is cut off from the queue, not from its source; the other does
    the job. The first one's worker is at the gate of publishing then."""
    one = behind(workers=1)
    with gate(db):
        config_id, = submit_many(db, 1, gated_run_id(), max_retries=1)
        wait_at_gate(db)
        proxy.swallow(new=True)
    other = engine_of(workers=1)
    run = ended(db, config_id)
    assert run.worker_id == other.worker_id
    assert statuses(db, config_id) == ['LOST', 'COMPLETED']
    proxy.recover()
    wait_for(lambda: one.wait_ready() != one.worker_id, what='a new identity')
    other.stop()
    assert done(db, export_sql=RUN_ID).worker_id == one.wait_ready()
    check(db, out)


def test_a_half_open_source_is_given_up_at_the_timeout(db, engine_of, proxy, out):
    """The worker cannot even cancel: nobody answers there either."""
    engine_of({'source.far': {'conninfo': proxy.conninfo(db)}}, workers=2,
              cancel_grace='500ms')
    with gate(db):
        config_id = submit(db, source='far', export_sql=gated_run_id(),
                           timeout='1 s', max_retries=0)
        wait_at_gate(db)
        proxy.swallow(new=True)
        done(db, export_sql=RUN_ID)
        run = ended(db, config_id, 'FAILED')
        assert 'timed out after' in run.error_message
    check(db, out)


def test_connections_that_break_all_the_time(db, behind, proxy, out, tell):
    """Only the queue's, so each report is done at its first attempt."""
    one = behind(workers=4)
    submit_many(db, 300, max_retries=0)
    cuts, watch = 0, Stopwatch()
    while (before := count(db, 'COMPLETED')) < 300:
        proxy.cut()
        cuts += 1
        wait_for(lambda: count(db, 'COMPLETED') > before or not one.running(),
                 interval=0.005)
        assert one.running(), one.log()[-2000:]
    tell(f'{cuts} cuts, 300 reports', watch())
    assert cuts > 5
    assert db.value('select max(attempt) from reportd.report_run') == 1
    check(db, out)
