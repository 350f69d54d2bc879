# SPDX-License-Identifier: MIT
"""Turns of an inbox: one daemon has one at a time, whoever is killed or stopped, and a row is
one report."""

import contextlib
import os
import shutil
import signal
import types

import pytest

from lib import process
from lib.paths import BIN
from lib.wait import wait_for
from test_inbox_shared import account, dwh, held, inbox, merges, reads, snow  # noqa: F401


@pytest.mark.shipped
def test_thousands_of_rows_two_daemons_and_kills(inbox, snow):
    """Each row is one report, and says in the end how that ended."""
    count = int(os.environ.get('INBOX_ROWS', '3000'))  # a multiple of 1,000
    inbox.db.execute('delete from reportd.report_quota')
    # A few of them run; of the others it is seen that they were taken, once each.
    inbox.warehouse.execute(
        'insert into "PUBLIC"."REPORT_CONFIG" ("CONFIG_ID", "TRIGGER_TYPE", "SCHEDULE", '
        "\"PRIORITY\") select n, case when n %% 50 > 0 then 'SCHEDULED' end, "
        "case when n %% 50 > 0 then '0 6 1 1 *' end, case when n %% 1000 = 0 then 77 end "
        'from generate_series(1, %s) n', count)
    inbox.insert(-1)
    names = ['one', 'two']
    daemons = [inbox.start(name) for name in names]
    taken = 'select count(*)::int from reportd.report_inbox_row'
    for number in range(1, 5):
        wait_for(lambda n=number: inbox.db.value(taken) >= count * 3 // 20 * n, 600, 'more rows')
        if number % 2:
            held = inbox.db.value('select w.pid from reportd.report_inbox b '
                                  'join reportd.report_worker w on w.worker_id = b.held_by')
            which = next((d for d in daemons if d.pid == held), daemons[0])
            which.kill()
            daemons[daemons.index(which)] = inbox.start(f'again{number}')
        else:
            for daemon in daemons:
                for pid in daemon.workers():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
    failed, ran = count // 1000, count // 50 - count // 1000 + 1
    wanted = {'PROCESSING': count - count // 50, 'COMPLETED': ran, 'FAILED': failed}
    wait_for(lambda: inbox.statuses() == wanted, 900,
             lambda: f'the end: {inbox.statuses()} {inbox.state()}')
    assert inbox.db.value('select count(distinct external_id)::int = count(*) '
                          'from reportd.report_config')
    assert inbox.db.value('select count(*)::int from reportd.report_config') == count - failed + 1
    assert inbox.db.value("select count(*)::int from reportd.report_run "
                          "where status = 'COMPLETED'") == ran


@pytest.fixture
def barren(tmp_path):
    """A daemon whose worker program ends at once, and what mends that."""
    folder = tmp_path / 'bin'
    folder.mkdir()
    shutil.copy(process.REPORTD, folder)
    worker = folder / 'reportd-worker'
    shutil.copy('/bin/false', worker)

    def mend():
        def written():
            with contextlib.suppress(OSError):  # while one of them is still executed
                worker.write_bytes((BIN / 'reportd-worker').read_bytes())
                return True
            return False
        wait_for(written, what='no process of the program')
    return types.SimpleNamespace(program=folder / 'reportd', mend=mend)


def given_up(inbox):
    """The turn was given back, is no failure, and the next daemon need not wait."""
    return inbox.db.value('select held_by is null and held_until is null and error is null '
                          'and next_at <= now() from reportd.report_inbox')


def test_a_daemon_stops_although_its_turn_does_not_begin(inbox, barren):
    daemon = inbox.start(program=barren.program, shutdown_grace='1h',
                         inbox={'timeout': '1h', 'interval': '1d'})
    wait_for(lambda: inbox.state() and inbox.state().held_by)
    assert daemon.stop() == 0
    assert given_up(inbox)


def test_a_daemon_stops_the_statement_of_its_turn_after_the_grace(inbox, snow):
    inbox.insert(1)
    daemon = inbox.start(shutdown_grace='10ms', inbox={'timeout': '1h', 'interval': '1d'})
    with held(snow):
        wait_for(lambda: reads(snow))
        assert daemon.stop(60) == 0
        assert 'the queue does not answer' not in daemon.log()
        assert given_up(inbox)
    inbox.start('next')
    inbox.becomes(1, 'COMPLETED')


def test_a_write_back_that_was_stopped_holds_the_turn(inbox, snow):
    """Its MERGE may still run."""
    inbox.insert(1)
    daemon = inbox.start(shutdown_grace='10ms', inbox={'timeout': '1h', 'interval': '1d'})
    with held(snow, 'merge into'):
        wait_for(lambda: merges(snow))
        assert daemon.stop(60) == 0
    state = inbox.state()
    assert state.held_by is None and state.error is None
    assert inbox.db.value("select held_until > now() + '1 hour' from reportd.report_inbox")


def test_a_step_that_no_worker_can_begin_is_given_up(inbox, snow, barren):
    inbox.insert(1)
    inbox.start(program=barren.program, inbox={'timeout': '1s'})
    wait_for(lambda: 'could not begin in time' in (inbox.state() and inbox.state().error or ''))
    assert reads(snow) == []
    barren.mend()
    inbox.becomes(1, 'COMPLETED')


def test_a_step_that_comes_late_to_its_worker_sends_nothing(inbox, snow):
    daemon = inbox.start(cancel_grace='1h', inbox={'timeout': '1s', 'interval': '1d'})
    wait_for(lambda: inbox.state() and inbox.state().read_at and not inbox.state().held_by)
    for pid in daemon.workers():
        os.kill(pid, signal.SIGSTOP)
    inbox.db.execute('update reportd.report_inbox set next_at = now(); notify reportd_inbox')
    wait_for(lambda: inbox.db.value("select held_by is not null and now() > began_at + '4 seconds' "
                                    'from reportd.report_inbox'))
    before = len(reads(snow))
    for pid in daemon.workers():
        os.kill(pid, signal.SIGCONT)
    error = wait_for(lambda: inbox.state().error)
    assert 'too late' in error and len(reads(snow)) == before


def test_a_turn_is_free_after_its_hold(inbox, snow):
    inbox.insert(1)
    with held(snow, 'merge into'):
        daemon = inbox.start(inbox={'timeout': '1s'})
        wait_for(lambda: merges(snow))
        daemon.kill()
    until = inbox.state().held_until
    inbox.start('next', inbox={'timeout': '1s'})
    inbox.becomes(1, 'COMPLETED')
    assert inbox.state().began_at >= until


def test_a_drain_does_not_try_again_and_again_while_the_server_fails(inbox, snow):
    inbox.insert(1, EXPORT_SQL='select 1 as one from (select pg_advisory_xact_lock(5)) s')
    snow.fault('post', status=403, times=10**6, match='merge into')
    with inbox.db.connect() as conn:
        conn.execute('select pg_advisory_lock(5)')
        daemon = inbox.start(args=['--drain'], inbox={'write_back': '1h', 'interval': '1d'})
        wait_for(lambda: inbox.state() and inbox.state().error)
        beats = 'select heartbeat_at from reportd.report_worker'
        for _ in range(3):
            beat = inbox.db.value(beats)
            wait_for(lambda b=beat: inbox.db.value(beats) > b, what='a heartbeat')
    assert daemon.wait() == 0
    assert inbox.state().turn == 1


def test_a_reload_to_another_table_drops_what_is_under_way(inbox, snow):
    """The old inbox has a row 1, whose state is not written into the new one's."""
    inbox.warehouse.execute('drop table if exists "PUBLIC"."OTHER"; create table '
                            '"PUBLIC"."OTHER" as select * from "PUBLIC"."REPORT_CONFIG"')
    inbox.insert(1, TRIGGER_TYPE='SCHEDULED', SCHEDULE='0 6 1 1 *')
    with held(snow) as event, inbox.db.connect() as conn:
        daemon = inbox.start()
        wait_for(lambda: reads(snow))
        conn.execute('begin; select from reportd.report_inbox for update')
        event.set()
        wait_for(lambda: inbox.db.value(
            "select count(*) from pg_stat_activity where datname = current_database() "
            "and wait_event_type = 'Lock' and query like '%inbox_step%'"))
        inbox.warehouse.execute(
            'insert into "PUBLIC"."OTHER" ("CONFIG_ID", "STATUS", "REPORT_NAME", "EXPORT_SQL") '
            "values (1, 'KEPT', 'a', 'select 1'), (2, 'PENDING', 'b', 'select 1 as one')")
        inbox.settings(inbox={'table': 'PUBLIC.OTHER'})
        daemon.signal(signal.SIGHUP)
        daemon.wait_log('settings read again')
        conn.execute('rollback')
    other = 'select "STATUS" from "PUBLIC"."OTHER" where "CONFIG_ID" = '
    wait_for(lambda: inbox.warehouse.value(other + '2') == 'COMPLETED')
    assert inbox.warehouse.value(other + '1') == 'KEPT'


def test_a_step_that_cannot_be_recorded_gives_the_turn_back(inbox, snow):
    inbox.insert(1)
    inbox.db.execute('alter function reportd.inbox_read rename to inbox_read_not')
    daemon = inbox.start(inbox={'timeout': '1h', 'interval': '1d'})
    wait_for(lambda: inbox.state() and inbox.state().error)
    assert 'inbox_read' in inbox.state().error
    state = inbox.state()
    assert state.held_by is None and state.held_until is None
    assert 'recording a step of the inbox failed' in daemon.log()
    inbox.db.execute('alter function reportd.inbox_read_not rename to inbox_read; '
                     'update reportd.report_inbox set next_at = now(); notify reportd_inbox')
    inbox.becomes(1, 'COMPLETED')
