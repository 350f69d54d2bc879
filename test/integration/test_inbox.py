# SPDX-License-Identifier: MIT
"""A table of a warehouse as an inbox: its rows become reports, once each, and are told how
these end. Each test has an inbox of its own, in Snowflake and, where it says so, in a
PostgreSQL."""

import pytest

from lib import report
from lib.wait import wait_for
from test_inbox_shared import account, dwh, inbox, merges, plain, reads, snow  # noqa: F401


def test_a_row_becomes_a_report_and_is_told_its_end(inbox, snow):
    inbox.insert(7, OUTPUT_PATH='sales/seven.csv', PRIORITY=1, PARAMETERS='{"day": "monday"}',
                 EXPORT_SQL="select :'day' as day, 'it''s \\n' as t", **{'Time limit': '10 min'})
    inbox.start()
    row = inbox.becomes(7, 'COMPLETED')
    assert row.url.endswith('/sales/seven.csv') and row.message is None
    report = inbox.report(7)
    assert (report.owner, report.created_by, report.priority, report.parameters) == (
        'inbox_sales', 'inbox warehouse:PUBLIC.REPORT_CONFIG', 1, {'day': 'monday'})
    assert (inbox.folder / 'out/sales/seven.csv').read_text() == "day,t\nmonday,it's \\n\n"


def test_folders_are_watched_beside_it(plain):
    """What waits for new files for minutes keeps nobody else waiting."""
    folder = plain.folder / 'landing'
    folder.mkdir()
    plain.sections['inputs'] = {'folders': str(folder), 'rescan': '1h'}
    config_id = plain.db.value(
        "select reportd.submit('files', null, inputs => jsonb_build_object('f', "
        "jsonb_build_object('path', %s::text, 'stable_for', '0 s')), prep_sql => 'select 1')",
        f'{folder}/*.csv')
    plain.start()
    # It is listed once; from then on its folder is watched.
    wait_for(lambda: plain.db.value('select min(listed_at) from reportd.report_zone'))
    for number in 1, 2:
        plain.insert(number, OUTPUT_PATH=f'sales/{number}.csv')
        plain.becomes(number, 'COMPLETED')
    (folder / 'a.csv').write_text('a\n')
    report.wait_done(plain.db, config_id)


def test_rows_of_a_postgres_become_reports(plain):
    plain.insert(1, OUTPUT_PATH='sales/one.csv', STATUS=None)
    plain.insert(2, EXPORT_SQL='select 1/0 as "it''s broken"')
    plain.set(2, STATUS='pending')
    plain.start()
    assert plain.becomes(1, 'COMPLETED').url.endswith('/sales/one.csv')
    row = plain.becomes(2, 'FAILED')
    assert 'division by zero' in row.message and row.url is None

REFUSED = [
    ({'EXPORT_SQL': 'select 1 as one; -- \n'}, 'COMPLETED', None),
    ({'SOURCE': 'forbidden'}, 'FAILED', 'inbox_sales may not use a source "forbidden"'),
    ({'OUTPUT_PATH': 'finance/x.csv'}, 'FAILED', 'may not write to "finance/x.csv"'),
    ({'OUTPUT_PATH': '../x.csv'}, 'FAILED', '..'),
    ({'REPORT_NAME': ''}, 'FAILED', 'report_name must be a text'),
    ({'TRIGGER_TYPE': 'NEVER'}, 'FAILED', 'unknown trigger_type "NEVER"'),
    ({'TRIGGER_TYPE': 'SCHEDULED', 'SCHEDULE': '61 * * * *'}, 'FAILED', '61'),
    ({'PRIORITY': 9}, 'FAILED', 'priority'),
    ({'PARAMETERS': '{'}, 'FAILED', 'parameters: '),
    ({'PARAMETERS': '[1]'}, 'FAILED', 'parameters'),
    ({'Time limit': 'soon'}, 'FAILED', 'timeout: '),
    ({'KEY': '1 2'}, 'FAILED', '1 2'),
    ({'EXPORT_SQL': "select '" + 'x' * (5 << 18) + "'"}, 'FAILED', 'more than 1.25 MiB'),
    ({'OWNER': 'postgres'}, 'COMPLETED', None)]


def test_what_a_row_may_not_is_said_in_it_and_the_others_go_on(inbox):
    for i, (columns, _, _) in enumerate(REFUSED):
        inbox.insert(i, **columns)
    inbox.insert(99)
    inbox.start()
    inbox.becomes(99, 'COMPLETED')
    for i, (columns, status, text) in enumerate(REFUSED):
        row = inbox.becomes(i, status)
        assert text is None or text in row.message, (columns, row)
    assert inbox.report(13).owner == 'inbox_sales'
    assert inbox.db.value("select count(*) from reportd.report_config "
                          "where owner <> 'inbox_sales'::regrole") == 0


@pytest.mark.parametrize('schedule', [None, '0 6 1 1 *'])
def test_a_cancellation_is_heard_that_comes_before_the_answer(plain, schedule):
    """It is written after the row was read, before it is told that it was taken."""
    plain.insert(1, TRIGGER_TYPE=schedule and 'SCHEDULED', SCHEDULE=schedule,
                 EXPORT_SQL='select 1 as one from (select pg_sleep(600)) s')
    with plain.warehouse.connect() as conn, conn.transaction():
        conn.execute('lock table "PUBLIC"."REPORT_CONFIG" in share mode')
        plain.start(inbox={'timeout': '60s'})
        wait_for(lambda: plain.warehouse.value(
            "select count(*) from pg_locks where not granted "
            "and relation = '\"PUBLIC\".\"REPORT_CONFIG\"'::regclass"))
        conn.execute('update "PUBLIC"."REPORT_CONFIG" set "STATUS" = \'CANCELLED\'')
    wait_for(lambda: plain.row(1).message, 60, lambda: f'{plain.row(1)} {plain.state()}')
    assert plain.row(1).status == 'CANCELLED'
    report = plain.report(1)
    assert not report.is_active if schedule else report.status == 'CANCELLED'


def test_a_row_set_back_is_told_its_state_again_and_runs_once(inbox):
    inbox.insert(1, OUTPUT_PATH='sales/one.csv')
    inbox.start()
    inbox.becomes(1, 'COMPLETED')
    inbox.set(1, STATUS='PENDING', OUTPUT_URL=None)
    assert inbox.becomes(1, 'COMPLETED').url.endswith('one.csv')
    assert inbox.db.value('select count(*) from reportd.report_run') == 1


def test_a_cancelled_row_cancels_its_report(inbox):
    gated = 'select 1 as one from (select pg_sleep(600)) s'
    inbox.insert(1, EXPORT_SQL=gated)
    inbox.insert(2, TRIGGER_TYPE='SCHEDULED', SCHEDULE='0 6 1 1 *')
    inbox.insert(3, STATUS='CANCELLED')
    inbox.start()
    inbox.becomes(1, 'PROCESSING')
    inbox.becomes(2, 'PROCESSING')
    wait_for(lambda: inbox.report(1).status == 'PROCESSING')
    inbox.set(1, STATUS='CANCELLED')
    inbox.set(2, STATUS='CANCELLED')
    for config_id, text in ((1, 'cancelled by inbox'), (2, 'run no more'),
                            (3, 'before it was taken')):
        wait_for(lambda i=config_id: inbox.row(i).message, 60, f'an answer to {config_id}')
        assert inbox.row(config_id).status == 'CANCELLED'
        assert text in inbox.row(config_id).message
    assert inbox.report(1).status == 'CANCELLED' and not inbox.report(2).is_active
    assert inbox.report(3) is None


def test_a_row_that_is_gone_or_changed_lets_its_report_go_on(inbox, snow):
    inbox.insert(1, EXPORT_SQL='select 1 as one from (select pg_advisory_xact_lock(5)) s')
    inbox.insert(2)
    with inbox.db.connect() as conn:
        conn.execute('select pg_advisory_lock(5)')
        inbox.start()
        inbox.becomes(1, 'PROCESSING')
        inbox.warehouse.execute('delete from "PUBLIC"."REPORT_CONFIG" where "CONFIG_ID" = 1')
        inbox.set(2, EXPORT_SQL='select 2/0')
    wait_for(lambda: inbox.report(1).status == 'COMPLETED')
    inbox.becomes(2, 'COMPLETED')
    wait_for(lambda: inbox.db.value('select count(*) from reportd.v_inbox_rows '
                                    'where not told') == 0)


def test_the_end_is_told_when_the_report_was_purged_meanwhile(inbox, snow):
    """The warehouse is away from the taking to the purge."""
    inbox.insert(1, OUTPUT_PATH='sales/one.csv')
    inbox.insert(2, EXPORT_SQL='select 1/0')
    inbox.insert(3, EXPORT_SQL='select 1 from (select pg_sleep(600)) s')
    snow.fault('post', status=403, times=10**6, match='merge into')
    inbox.start()
    wait_for(lambda: inbox.db.value(
        "select count(*) from reportd.report_config where status in ('COMPLETED', 'FAILED')") == 2
        and inbox.report(3).status == 'PROCESSING')
    inbox.db.execute('delete from reportd.report_config')
    wait_for(lambda: inbox.state().error)
    assert inbox.statuses() == {'PENDING': 3}
    snow.faults.clear()
    assert inbox.becomes(1, 'COMPLETED').url.endswith('sales/one.csv')
    assert 'division by zero' in inbox.becomes(2, 'FAILED').message
    assert 'deleted' in inbox.becomes(3, 'CANCELLED').message
    wait_for(lambda: inbox.state().error is None)


def test_changes_are_written_back_by_one_merge_and_nothing_by_none(inbox, snow):
    for i in range(30):
        inbox.insert(i)
    inbox.start(inbox={'write_back': '1h', 'interval': '1d'}, args=['--drain'])
    wait_for(lambda: inbox.statuses() == {'COMPLETED': 30}, 60)
    assert inbox.daemons[-1].wait() == 0
    done = len(merges(snow))
    assert done == 2, 'a MERGE for the taking, and one for the ends of all'
    inbox.start('idle')
    before = len(reads(snow))
    wait_for(lambda: len(reads(snow)) > before + 2)
    assert len(merges(snow)) == done


def test_a_full_quota_lets_rows_wait(inbox):
    inbox.db.execute("insert into reportd.report_quota (role, max_pending, max_running) "
                     "values ('inbox_sales', 5, 1)")
    for i in range(40):
        inbox.insert(i)
    inbox.start()
    wait_for(lambda: inbox.statuses() == {'COMPLETED': 40}, 90, inbox.statuses)
    assert inbox.db.value('select count(*) from reportd.report_run') == 40


def test_schedules_take_no_room_of_those_that_wait(inbox):
    """One turn takes them all."""
    inbox.db.execute("insert into reportd.report_quota (role, max_pending) "
                     "values ('inbox_sales', 5)")
    for i in range(20):
        inbox.insert(i, TRIGGER_TYPE='SCHEDULED', SCHEDULE='0 6 1 1 *')
    inbox.start(inbox={'interval': '1d'})
    wait_for(lambda: inbox.statuses() == {'PROCESSING': 20}, 60,
             lambda: f'{inbox.statuses()} {inbox.state()}')


def test_a_row_waits_for_the_quota_and_says_so(inbox):
    inbox.db.execute("insert into reportd.report_quota (role, max_pending) "
                     "values ('inbox_sales', 0)")
    inbox.insert(1)
    inbox.insert(2, STATUS='CANCELLED')
    inbox.start()
    wait_for(lambda: 'before' in (inbox.row(2).message or ''))
    wait_for(lambda: 'rows wait: inbox_sales has 0 reports and requests waiting' in (
        inbox.state().remark or ''))
    assert inbox.row(1).status == 'PENDING'


def test_a_daemon_writes_under_the_rights_of_its_role(inbox):
    """The login of the daemon needs no rights beside those of reportd_daemon."""
    inbox.db.execute("""do $$ begin if to_regrole('inbox_daemon') is null then
        create role inbox_daemon login in role reportd_daemon; end if; end $$""")
    inbox.sections['queue'] = {'conninfo': inbox.db.conninfo + ' user=inbox_daemon'}
    inbox.sections['source.default'] = {'conninfo': inbox.db.conninfo}
    inbox.insert(1)
    inbox.start()
    inbox.becomes(1, 'COMPLETED')
    assert inbox.report(1).owner == 'inbox_sales'
