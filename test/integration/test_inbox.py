# SPDX-License-Identifier: MIT
"""A table of a warehouse as an inbox: its rows become reports, once each, and are told how
these end. Each test has an inbox of its own, in Snowflake and, where it says so, in a
PostgreSQL."""

import contextlib
import os
import shutil
import signal
import threading
import types

import pytest

from lib import process
from lib.paths import BIN
from lib.wait import wait_for
from test_snowflake_shared import account, dwh, snow  # noqa: F401

COLUMNS = {
    'external_id': 'CONFIG_ID', 'status': 'STATUS', 'error_message': 'ERROR_MESSAGE',
    'output_url': 'OUTPUT_URL', 'report_name': 'REPORT_NAME', 'report_key': 'KEY',
    'trigger_type': 'TRIGGER_TYPE', 'schedule_expression': 'SCHEDULE', 'source': 'SOURCE',
    'export_sql': 'EXPORT_SQL', 'output_path': 'OUTPUT_PATH', 'priority': 'PRIORITY',
    'parameters': 'PARAMETERS', 'notify_on_failure': 'NOTIFY', 'timeout': 'Time limit'}
TABLE = """create schema if not exists "PUBLIC"; create table "PUBLIC"."REPORT_CONFIG" (
    "CONFIG_ID" bigint, "STATUS" varchar default 'PENDING', "ERROR_MESSAGE" varchar,
    "OUTPUT_URL" varchar, "REPORT_NAME" varchar default 'from the inbox', "KEY" varchar,
    "TRIGGER_TYPE" varchar, "SCHEDULE" varchar, "SOURCE" varchar,
    "EXPORT_SQL" varchar default 'select 1 as one', "OUTPUT_PATH" varchar,
    "PRIORITY" int, "PARAMETERS" varchar, "NOTIFY" varchar, "Time limit" varchar,
    "OWNER" varchar, "OTHER" int)"""


class Inbox:
    """The table in the warehouse, the queue, and the daemons that a test starts."""

    def __init__(self, warehouse, db, folder, sections, daemons):
        self.warehouse, self.db, self.folder = warehouse, db, folder
        self.sections, self.daemons = sections, daemons

    def settings(self, name='reportd', inbox=None, **reportd):
        return process.write_conf(self.folder / f'{name}.conf', self.db, {
            **self.sections, 'inbox': {**self.sections['inbox'], **(inbox or {})}}, **reportd)

    def start(self, name='reportd', args=(), inbox=None, program=process.REPORTD, **reportd):
        daemon = process.Daemon(self.db, self.settings(name, inbox, **reportd), args,
                                program=program)
        self.daemons.append(daemon)
        return daemon

    def insert(self, config_id, **columns):
        columns = {'CONFIG_ID': config_id, **columns}
        names = ', '.join(f'"{name}"' for name in columns)
        self.warehouse.execute(
            f'insert into "PUBLIC"."REPORT_CONFIG" ({names}) values '
            f'({", ".join(["%s"] * len(columns))})', *columns.values())

    def set(self, config_id, **columns):
        for name, value in columns.items():
            self.warehouse.execute(f'update "PUBLIC"."REPORT_CONFIG" set "{name}" = %s '
                                   'where "CONFIG_ID" = %s', value, config_id)

    def row(self, config_id):
        return self.warehouse.row(
            'select "STATUS" as status, "ERROR_MESSAGE" as message, "OUTPUT_URL" as url '
            'from "PUBLIC"."REPORT_CONFIG" where "CONFIG_ID" = %s', config_id)

    def statuses(self):
        return dict(self.warehouse.query(
            'select coalesce("STATUS", \'-\'), count(*)::int from "PUBLIC"."REPORT_CONFIG" '
            'group by 1'))

    def becomes(self, config_id, status, timeout=60):
        wait_for(lambda: self.row(config_id).status == status or not self.daemons[-1].running(),
                 timeout, lambda: f'{status}: {self.row(config_id)} {self.state()}')
        row = self.row(config_id)
        assert row.status == status, f'{row}: {self.daemons[-1].log()}'
        return row

    def report(self, config_id):
        return self.db.row('select * from reportd.report_config where external_id = %s',
                           str(config_id))

    def state(self):
        return self.db.row('select * from reportd.report_inbox')


def sections_of(source):
    return {'source.warehouse': source,
            'inbox': {'source': 'warehouse', 'table': 'PUBLIC.REPORT_CONFIG',
                      'owner': 'inbox_sales', 'interval': '1s', 'write_back': '100ms',
                      'timeout': '2s',
                      'columns': ', '.join(f'{k}={v}' for k, v in COLUMNS.items())}}


@contextlib.contextmanager
def opened(warehouse, cluster, template, folder, source):
    db, daemons = cluster.create(template), []
    db.execute("""do $$ begin
        if to_regrole('inbox_sales') is null then create role inbox_sales; end if; end $$;
        grant reportd_submitter to inbox_sales;
        select reportd.register_source('default', 'postgres');
        select reportd.register_source('forbidden', 'postgres');
        select reportd.grant_source('default', 'inbox_sales');
        select reportd.grant_path('sales/', 'inbox_sales')""")
    warehouse.execute('drop table if exists "PUBLIC"."REPORT_CONFIG"')
    warehouse.execute(TABLE)
    try:
        yield Inbox(warehouse, db, folder, sections_of(source), daemons)
    finally:
        for daemon in daemons:
            daemon.end()
        db.drop()


@pytest.fixture
def inbox(dwh, cluster, template, tmp_path, snow):
    """An inbox in Snowflake."""
    with opened(dwh, cluster, template, tmp_path, snow.settings(tmp_path)) as inbox:
        yield inbox


@pytest.fixture
def plain(dwh, cluster, template, tmp_path):
    """An inbox in a PostgreSQL."""
    with opened(dwh, cluster, template, tmp_path, {'conninfo': dwh.conninfo}) as inbox:
        yield inbox


def merges(snow, text=''):
    return [r for r in snow.sent('post') if 'merge into' in r[3]['statement']
            and text in r[3]['statement']]


def reads(snow):
    return [r for r in snow.sent('post') if 'select * from (select nullif' in r[3]['statement']]


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


def test_rows_of_one_id_are_refused_and_rows_without_one_are_told_of(inbox):
    inbox.insert(1)
    inbox.insert(1)
    inbox.insert(None)
    inbox.insert(2)
    inbox.start()
    inbox.becomes(2, 'COMPLETED')
    assert inbox.statuses() == {'FAILED': 2, 'COMPLETED': 1, 'PENDING': 1}
    assert '2 rows have the ID 1' in inbox.row(1).message
    assert 'without an ID' in inbox.state().remark


def test_a_value_that_cannot_be_read_stops_its_row_alone(inbox, snow):
    """A text of Snowflake may hold a zero byte, which PostgreSQL has no place for."""
    for i in range(1, 6):
        inbox.insert(i, REPORT_NAME='poison' if i == 3 else 'sound')

    def poison(answer):
        for row in answer.get('data') or []:
            row[:] = ['a\0b' if cell == 'poison' else cell for cell in row]
        return answer
    for kind in 'post', 'get':
        snow.fault(kind, times=10**6, change=poison)
    inbox.start()
    for i in 1, 2, 4, 5:
        inbox.becomes(i, 'COMPLETED')
    assert 'zero byte' in inbox.becomes(3, 'FAILED').message


def test_a_value_of_a_postgres_that_cannot_be_read_stops_its_row_alone(
        cluster, template, tmp_path):
    """A database without an encoding may hold bytes that are no UTF-8."""
    warehouse = cluster.create(encoding='SQL_ASCII', locale='C')
    try:
        with opened(warehouse, cluster, template, tmp_path,
                    {'conninfo': warehouse.conninfo}) as inbox:
            for i in range(1, 5):
                inbox.insert(i)
            inbox.warehouse.execute("""update "PUBLIC"."REPORT_CONFIG"
                set "KEY" = convert_from('\\xff', 'SQL_ASCII') where "CONFIG_ID" = 2""")
            inbox.start()
            ends = {'1': 'COMPLETED', '2': 'FAILED', '3': 'COMPLETED', '4': 'COMPLETED'}
            rows = 'select external_id, status from reportd.v_inbox_rows where told'
            wait_for(lambda: dict(inbox.db.query(rows)) == ends, 60, lambda: str(inbox.state()))
            assert inbox.statuses() == {b'COMPLETED': 3, b'FAILED': 1}
            assert b'invalid byte sequence' in inbox.row(2).message
    finally:
        warehouse.drop()


def test_any_number_of_rows_without_an_id_ends_the_turn(plain):
    plain.warehouse.execute('alter table "PUBLIC"."REPORT_CONFIG" '
                            'alter "CONFIG_ID" type varchar')
    for config_id in None, '':
        plain.warehouse.execute('insert into "PUBLIC"."REPORT_CONFIG" ("CONFIG_ID") '
                                'select %s from generate_series(1, 101)', config_id)
    plain.insert('1')
    plain.start()
    plain.becomes('1', 'COMPLETED')
    wait_for(lambda: 'without an ID are not taken: at least 1' in (plain.state().remark or ''))


def test_an_id_of_megabytes_is_passed_by(plain):
    plain.warehouse.execute('alter table "PUBLIC"."REPORT_CONFIG" '
                            'alter "CONFIG_ID" type varchar')
    plain.warehouse.execute('insert into "PUBLIC"."REPORT_CONFIG" ("CONFIG_ID") '
                            "select repeat('b', 5 << 20) || n from generate_series(1, 2) n")
    for config_id in 'a', 'c':
        plain.insert(config_id)
    plain.start()
    for config_id in 'a', 'c':
        plain.becomes(config_id, 'COMPLETED')
    assert plain.statuses() == {'COMPLETED': 2, 'PENDING': 2}


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


def test_the_ledger_is_purged_once_an_hour(inbox):
    insert = ("insert into reportd.report_inbox_row (inbox, external_id, status, told, changed_at) "
              "values ('warehouse:PUBLIC.REPORT_CONFIG', %s, 'COMPLETED', 1, '2000-01-01')")
    ledger = 'select string_agg(external_id, \'\') from reportd.report_inbox_row'
    inbox.db.execute(insert, 'a')
    inbox.start(retention='90d')
    wait_for(lambda: inbox.db.value(ledger) is None)
    inbox.db.execute(insert, 'b')
    turn = inbox.state().turn
    wait_for(lambda: inbox.state().turn > turn + 1)
    assert inbox.db.value(ledger) == 'b'
    inbox.db.execute("update reportd.report_inbox set purge_at = now()")
    wait_for(lambda: inbox.db.value(ledger) is None)


def test_a_row_waits_for_the_quota_and_says_so(inbox):
    inbox.db.execute("insert into reportd.report_quota (role, max_pending) "
                     "values ('inbox_sales', 0)")
    inbox.insert(1)
    inbox.insert(2, STATUS='CANCELLED')
    inbox.start()
    wait_for(lambda: 'before' in (inbox.row(2).message or ''))
    wait_for(lambda: 'max_pending 0' in (inbox.state().remark or ''))
    assert inbox.row(1).status == 'PENDING'


@pytest.mark.parametrize('how,text', [
    ({'owner': 'nobody_here'}, 'there is no role "nobody_here"'),
    ({'owner': 'pg_monitor'}, 'pg_monitor may not submit reports'),
    ({'columns': 'external_id=CONFIG_ID, status=STATUS, error_message=ERROR_MESSAGE, '
                 'run_id=OTHER'}, '"run_id" is no column of report_config that a row may set'),
    ({'columns': 'external_id=CONFIG_ID, status=STATUS, error_message=ERROR_MESSAGE, '
                 'report_name=MISSING'}, 'MISSING')])
def test_wrong_settings_take_nothing_and_say_why(inbox, how, text):
    inbox.insert(1)
    inbox.start(inbox=how)
    wait_for(lambda: text in (inbox.state() and inbox.state().error or ''), 30,
             lambda: str(inbox.state()))
    assert inbox.row(1).status == 'PENDING' and inbox.report(1) is None


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


def test_a_trigger_wakes_the_inbox_a_minute_later_at_the_earliest(inbox):
    inbox.start(inbox={'interval': '1d'})
    wait_for(lambda: inbox.state() and inbox.state().read_at)
    wait_for(lambda: inbox.state().held_by is None)
    db = inbox.db
    wake = 'select reportd.wake_inboxes()'
    assert db.value(wake) == 1 and db.value(wake) == 0
    assert db.value('select v.next_at = b.began_at + interval \'1 minute\' '
                    'from reportd.v_inboxes v join reportd.report_inbox b using (inbox)')
    db.execute('delete from reportd.report_inbox_wake')
    db.execute("update reportd.report_inbox set began_at = now() - interval '1 hour', "
               "next_at = now() + interval '1 hour'")
    inbox.insert(1)
    with db.connect(row_factory=None) as conn:
        for role, woken in ('inbox_other', 0), ('inbox_sales', 1):
            conn.execute(f'''do $$ begin if to_regrole('{role}') is null then
                create role {role} in role reportd_submitter; end if; end $$; set role {role}''')
            assert conn.execute(wake).fetchone() == (woken,)
            conn.execute('reset role')
    inbox.becomes(1, 'COMPLETED')
    wait_for(lambda: not db.value('select count(*) from reportd.report_inbox_wake'))


def test_a_transaction_that_stays_open_after_waking_keeps_nobody_waiting(inbox):
    inbox.start(inbox={'interval': '1d'})
    wait_for(lambda: inbox.state() and inbox.state().read_at)
    wait_for(lambda: inbox.state().held_by is None)
    inbox.db.execute("update reportd.report_inbox set began_at = now() - interval '1 hour'")
    inbox.insert(1)
    wake = 'select reportd.wake_inboxes()'
    with inbox.db.connect(autocommit=False, row_factory=None) as conn:
        assert conn.execute(wake).fetchone() == (1,)
        with inbox.db.connect() as other:
            other.execute("set lock_timeout = '5s'")
            other.execute(wake)
        inbox.becomes(1, 'COMPLETED')
        conn.rollback()


def test_an_inbox_that_is_read_once_a_day_or_woken_starts_a_daemon(db):
    """No daemon runs; the scaler asks."""
    demand = 'select reportd.scale_demand()'
    db.execute("insert into reportd.report_inbox (inbox, owner, every, began_at, next_at) "
               "values ('w:t', 'reportd_submitter', '1 day', now() - interval '25 hours', "
               "now() - interval '1 hour')")
    assert db.value(demand) == 1
    db.execute("update reportd.report_inbox set began_at = now() - interval '3 days', "
               "next_at = now() - interval '2 days'")
    assert db.value(demand) == 0
    assert db.value('select reportd.wake_inboxes()') == 1
    assert db.value(demand) == 1


def test_a_daemon_that_was_woken_stays_until_the_table_was_read(plain):
    """A minute after the last reading at the earliest, and longer than it may be idle."""
    plain.start(inbox={'interval': '1d'})
    wait_for(lambda: plain.state() and plain.state().read_at and not plain.state().held_by)
    plain.daemons[-1].stop()
    plain.db.execute("update reportd.report_inbox set began_at = now() - interval '58 seconds'; "
                     'select reportd.wake_inboxes()')
    plain.insert(1)
    one = plain.start('woken', args=['--idle-exit', '100ms'], inbox={'interval': '1d'})
    assert one.wait() == 0
    assert plain.row(1).status == 'COMPLETED', one.log()


def test_a_daemon_keeps_the_interval_for_the_scaler(inbox):
    inbox.start(inbox={'interval': '3h'})
    wait_for(lambda: inbox.state() and inbox.state().read_at)
    assert inbox.db.value("select every = interval '3 hours' from reportd.report_inbox")


def doctor(inbox, **how):
    done = process.reportctl(inbox.settings('doctor', how), 'doctor')
    return [line for line in done.stdout.splitlines() if 'inbox' in line or 'to mend' in line]


def test_doctor_tries_the_inbox(inbox):
    warehouse = inbox.warehouse
    lines = '\n'.join(doctor(inbox))
    assert ('ok      inbox: warehouse:PUBLIC.REPORT_CONFIG has all columns, and may be read and '
            'written back') in lines
    assert 'ok      inbox turns: last read never' in lines
    assert inbox.statuses() == {}
    inbox.warehouse.execute('alter table "PUBLIC"."REPORT_CONFIG" drop column "KEY"')
    lines = '\n'.join(doctor(inbox, owner='nobody_here'))
    assert 'FAILED  inbox: PUBLIC.REPORT_CONFIG has no column "KEY" for report_key' in lines
    assert 'to mend it: alter table PUBLIC.REPORT_CONFIG add column "KEY"' in lines
    assert 'FAILED  inbox owner: [inbox] owner: there is no role "nobody_here"' in lines
    inbox.db.execute("""do $$ begin if to_regrole('inbox_mighty') is null then
        create role inbox_mighty in role reportd_operator; end if; end $$""")
    assert 'warn    inbox owner: inbox_mighty is an operator' in '\n'.join(
        doctor(inbox, owner='inbox_mighty'))
    assert warehouse.value('select count(*) from "PUBLIC"."REPORT_CONFIG"') == 0


def test_doctor_names_the_grant_that_is_missing(plain):
    plain.warehouse.execute("""do $$ begin if to_regrole('inbox_reader') is null then
        create role inbox_reader login; end if; end $$;
        grant usage on schema "PUBLIC" to inbox_reader;
        grant select on "PUBLIC"."REPORT_CONFIG" to inbox_reader""")
    plain.sections['source.warehouse'] = {
        'conninfo': plain.warehouse.conninfo + ' user=inbox_reader'}
    lines = '\n'.join(doctor(plain))
    assert 'FAILED  inbox: PUBLIC.REPORT_CONFIG cannot be written back' in lines
    assert 'to mend it: grant select, update on table PUBLIC.REPORT_CONFIG' in lines


@pytest.mark.parametrize('how,text', [
    ({'owner': None}, '[inbox] owner is missing; write for example owner = sales'),
    ({'source': 'nowhere'}, '[inbox] source = nowhere: there is no [source.nowhere]'),
    ({'columns': 'external_id=A, status=B'}, '[inbox] columns: error_message is missing'),
    ({'columns': 'external_id=A, external_id=B'}, 'external_id stands there twice'),
    ({'columns': 'external_id=A, owner=B'}, 'a row cannot choose its owner')])
def test_wrong_settings_are_refused(inbox, how, text):
    done = process.reportctl(inbox.settings('wrong', how), 'doctor')
    assert done.returncode != 0 and text in done.stderr + done.stdout


def test_ten_thousand_rows_two_daemons_and_kills(inbox, snow):
    """Each row is one report, and says in the end how that ended."""
    inbox.db.execute('delete from reportd.report_quota')
    # A few of them run; of the others it is seen that they were taken, once each.
    inbox.warehouse.execute(
        'insert into "PUBLIC"."REPORT_CONFIG" ("CONFIG_ID", "TRIGGER_TYPE", "SCHEDULE", '
        "\"PRIORITY\") select n, case when n % 50 > 0 then 'SCHEDULED' end, "
        "case when n % 50 > 0 then '0 6 1 1 *' end, case when n % 1000 = 0 then 77 end "
        'from generate_series(1, 10000) n')
    inbox.insert(-1)
    names = ['one', 'two']
    daemons = [inbox.start(name) for name in names]
    taken = 'select count(*)::int from reportd.report_inbox_row'
    for number in range(1, 5):
        wait_for(lambda n=number: inbox.db.value(taken) >= 1500 * n, 600, 'more rows')
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
    wait_for(lambda: inbox.statuses() == {'PROCESSING': 9800, 'COMPLETED': 191, 'FAILED': 10},
             900, lambda: f'the end: {inbox.statuses()} {inbox.state()}')
    assert inbox.db.value('select count(distinct external_id)::int = count(*) '
                          'from reportd.report_config')
    assert inbox.db.value('select count(*)::int from reportd.report_config') == 9991
    assert inbox.db.value("select count(*)::int from reportd.report_run "
                          "where status = 'COMPLETED'") == 191


@contextlib.contextmanager
def held(snow, match='select * from (select cast'):
    """A statement whose answer does not come: yields an event that lets it come."""
    event = threading.Event()
    snow.fault('post', hold=event, match=match)
    try:
        yield event
    finally:
        event.set()


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
