# SPDX-License-Identifier: MIT
"""An inbox is woken, watched and set up: the settings, doctor, and what is told about it."""

import json

import pytest

from lib import process
from lib.wait import wait_for
from test_inbox_shared import account, dwh, inbox, plain, snow  # noqa: F401
from test_reportctl_shared import child  # noqa: F401


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


def test_doctor_measures_what_is_written_back(inbox):
    inbox.alter('alter "STATUS" type varchar(9), alter "ERROR_MESSAGE" type varchar(200)')
    lines = '\n'.join(doctor(inbox))
    for text in ('column "STATUS" of PUBLIC.REPORT_CONFIG holds 9 characters; status may have 10',
                 'column "ERROR_MESSAGE" of PUBLIC.REPORT_CONFIG holds 200 characters; '
                 'error_message may have 1000'):
        assert f'warn    inbox: {text}' in lines
    assert 'has all columns' not in lines and '"OUTPUT_URL"' not in lines


def test_reportctl_lists_inboxes(db, ctl, child):
    db.execute("insert into reportd.report_inbox (inbox, owner, read_at, taken, refused, remark) "
               "values ('warehouse:PUBLIC.REPORT_CONFIG', 'reportd_submitter', "
               "'2026-03-01 07:00Z', 42, 3, 'rows wait: ' || repeat('x', 100)), "
               "('w:t', 'reportd_submitter', null, 0, 0, null)")
    db.execute("insert into reportd.report_inbox_row (inbox, external_id, status) "
               "values ('w:t', 'a', 'FAILED')")
    code, shown = child('inbox', terminal=True).end()
    assert code == 0 and max(map(len, shown.splitlines())) == 80
    lines = ctl('inbox').stdout.splitlines()
    assert lines[0].split() == ['INBOX', 'READ', 'NEXT', 'TAKEN', 'REFUSED', 'PENDING', 'WHY']
    assert [line.split()[0] for line in lines[1:]] == ['w:t', 'warehouse:PUBLIC.REPORT_CONFIG']
    assert ' 42 ' in lines[2] and ' 3 ' in lines[2] and 'rows wait' in lines[2]
    found = json.loads(ctl('inbox', '--json').stdout)
    assert [(i['inbox'], i['taken'], i['refused'], i['untold']) for i in found] == [
        ('w:t', 0, 0, 1), ('warehouse:PUBLIC.REPORT_CONFIG', 42, 3, 0)]
    assert ctl('inbox', 'x').returncode == 2
