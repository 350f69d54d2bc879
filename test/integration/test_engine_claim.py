# SPDX-License-Identifier: MIT
"""Who is claimed first, and how many at once."""

import pytest

from lib import report
from lib.wait import wait_for
from test_engine_shared import done, ended, gate, gated, last_run, wait_at_gate


def run_order(db):
    """Names of the reports in the order in which they were claimed."""
    return [row[0] for row in db.query(
        'select report_name from reportd.report_run order by run_id')]


def pending_order(db):
    return [row[0] for row in db.query(
        'select report_name from reportd.v_pending_reports')]


def schedule(db, **columns):
    """A SCHEDULED report that is due; its next time is far away."""
    config_id = report.submit(db, trigger_type='SCHEDULED',
                              schedule_expression='0 0 1 1 *', **columns)
    db.value('select reportd.run_now(%s)', config_id)
    return config_id


def age(db, config_id, interval):
    db.execute('update reportd.report_config set due_at = now() - %s::interval '
               'where config_id = %s', interval, config_id)


def submit_aged(db, name, interval, **columns):
    config_id = report.submit(db, report_name=name, **columns)
    age(db, config_id, interval)
    return config_id


def test_priority_then_adhoc_then_the_time_due(db, drain):
    rows = []
    for priority in (5, 1, 3, 2, 4):
        for kind, minutes in (('s', 9), ('a', 1), ('a', 5), ('s', 7), ('a', 3)):
            name = f'{priority} {kind} {9 - minutes}'
            submit = schedule if kind == 's' else report.submit
            age(db, submit(db, report_name=name, priority=priority), f'{minutes} min')
            rows.append(name)
    assert pending_order(db) == sorted(rows)
    drain(workers=1, ageing='365d')
    assert run_order(db) == sorted(rows)
    assert pending_order(db) == []


def test_equal_reports_run_in_the_order_of_their_ids(db, drain):
    db.execute("insert into reportd.report_config (report_name, export_sql) "
               "select to_char(i, '00'), 'select 1' from generate_series(1, 30) i")
    names = pending_order(db)
    drain(workers=1)
    assert names == run_order(db) == sorted(names) and len(names) == 30


def test_waiting_is_worth_priority(db, drain):
    """Each ageing time of waiting is worth one level."""
    submit_aged(db, 'low, 95 s', '95 s', priority=5)   # 5 - 9
    submit_aged(db, 'low, 41 s', '41 s', priority=5)   # 5 - 4
    submit_aged(db, 'low, new', '0 s', priority=5)     # 5
    submit_aged(db, 'high, new', '0 s', priority=1)    # 1
    submit_aged(db, 'high, 11 s', '11 s', priority=1)  # 1 - 1
    drain(workers=1, ageing='10s')
    assert run_order(db) == ['low, 95 s', 'high, 11 s', 'low, 41 s', 'high, new', 'low, new']


def test_low_priority_does_not_starve(db, daemon):
    """A stream of urgent reports that would occupy the only worker forever."""
    db.execute("""
        create function again() returns trigger language plpgsql as $$
        begin
            insert into reportd.report_config (report_name, priority, prep_sql)
            values ('urgent', 1, 'select 1');
            return null;
        end $$;
        create trigger again after update of status on reportd.report_config
            for each row when (new.status = 'COMPLETED' and new.report_name = 'urgent')
            execute function again()""")
    low = report.submit(db, report_name='low', priority=5)
    for _ in range(2):
        report.submit(db, report_name='urgent', priority=1)
    daemon(workers=1, ageing='1s')
    ended(db, low)
    # The stream alone would have occupied the worker: it still does.
    wait_for(lambda: run_order(db).count('urgent') > 5)
    db.execute('drop trigger again on reportd.report_config')


def after(db, **columns):
    return report.submit(db, trigger_type='AFTER', run_after=['begin'], **columns)


@pytest.mark.parametrize('submit', [schedule, after])
def test_a_worker_is_kept_for_adhoc_reports(db, daemon, submit):
    daemon(workers=3, adhoc_workers=1)
    begin = report.submit(db, report_key='begin')
    ended(db, begin)
    with gate(db):
        scheduled = [submit(db, report_name=f'scheduled {i}', export_sql=gated())
                     for i in range(4)]
        db.value('select reportd.run_now(%s, cascade => true)', begin)
        wait_at_gate(db, 2)
        for i in range(3):
            done(db, report_name=f'adhoc {i}', priority=5)
        assert db.value("select count(*) from reportd.report_config "
                        "where status = 'PROCESSING'") == 2
    for config_id in scheduled:
        ended(db, config_id)


def test_adhoc_reports_may_use_every_worker(db, daemon):
    daemon(workers=3, adhoc_workers=1)
    with gate(db):
        reports = [report.submit(db, export_sql=gated()) for _ in range(4)]
        wait_at_gate(db, 3)
    for config_id in reports:
        ended(db, config_id)


@pytest.mark.parametrize('listen', ['on', 'off'])
def test_max_running_holds_over_all_daemons(db, daemon, listen):
    sections = {'source.small': {'conninfo': db.conninfo, 'max_running': 2},
                'queue': {'listen': listen}}
    for _ in range(2):
        daemon(sections, workers=3, poll_interval='200ms')
    # Each looks around when it starts; the clock of a claim is that of its
    # transaction, which may have waited.
    look = ("select count(*)::int as n from reportd.report_config "
            "where status = 'PROCESSING' and source = 'small'")
    db.execute('create table seen (n int)')
    with gate(db):
        limited = [report.submit(db, source='small', export_sql=gated(),
                                 prep_sql=f'insert into seen {look}')
                   for _ in range(8)]
        wait_at_gate(db, 2)
        # Both daemons have looked at the queue meanwhile.
        for _ in range(6):
            done(db)
        assert db.value(look) == 2
    for config_id in limited:
        ended(db, config_id)
    assert db.row('select count(*), max(n) from seen') == (8, 2)


def test_max_running_does_not_hold_up_other_sources(db, daemon):
    daemon({'source.small': {'conninfo': db.conninfo, 'max_running': 1}}, workers=2)
    with gate(db):
        limited = [report.submit(db, source='small', priority=1, export_sql=gated())
                   for _ in range(100)]
        wait_at_gate(db, 1)
        done(db, priority=5)
        db.execute('delete from reportd.report_config where config_id = any (%s)',
                   limited[1:])
    ended(db, limited[0])


def test_two_daemons_share_a_queue(db, daemon):
    workers = {daemon(workers=2).worker_id for _ in range(2)}
    with gate(db):
        reports = [report.submit(db, export_sql=gated()) for _ in range(4)]
        wait_at_gate(db, 4)
    for config_id in reports:
        assert ended(db, config_id).attempt == 1
    assert {last_run(db, config_id).worker_id for config_id in reports} == workers


def test_each_report_runs_once_however_many_daemons_ask(db, daemon):
    for _ in range(3):
        daemon(workers=3)
    count = 150
    db.execute("insert into reportd.report_config (report_name, export_sql) "
               "select 'r' || i, 'select 1' from generate_series(1, %s) i" % count)
    wait_for(lambda: db.value("select count(*) from reportd.report_config "
                              "where status = 'COMPLETED'") == count)
    assert db.row('select count(*) as runs, count(distinct config_id), max(attempt) '
                  'from reportd.report_run') == (count, count, 1)


def test_sleeping_and_future_reports_are_left_alone(db, drain):
    asleep = report.submit(db, is_active=False)
    later = report.submit(db)
    db.execute("update reportd.report_config set due_at = now() + interval '1 hour' "
               'where config_id = %s', later)
    drain()
    assert pending_order(db) == []
    for config_id in (asleep, later):
        assert report.config(db, config_id).status == 'PENDING'
        assert report.runs(db, config_id) == []
    db.execute('update reportd.report_config set is_active = true '
               'where config_id = %s', asleep)
    drain()
    ended(db, asleep)


def test_a_report_due_in_a_moment_is_not_left_to_the_next_poll(db, daemon):
    daemon(poll_interval='1h', lease='1h')
    db.execute("insert into reportd.report_config (report_name, export_sql, due_at) "
               "values ('soon', 'select 1', now() + interval '500 ms')")
    run = ended(db, db.value('select config_id from reportd.report_config'), within=10)
    assert db.value('select %s::timestamptz - due_at < %s::interval '
                    'from reportd.report_config', run.started_at, '2 s')


@pytest.mark.parametrize('columns', [
    {'due_at': '-infinity'},
    {'scheduled_for': 'infinity'}, {'scheduled_for': '-infinity'},
    {'scheduled_for': '0044-03-15 BC'}, {'scheduled_for': '294276-12-31'},
    {'trigger_type': 'SCHEDULED', 'schedule_expression': '@daily',
     'next_run_time': '-infinity'},
    {'trigger_type': 'SCHEDULED', 'schedule_expression': '@daily',
     'next_run_time': '-infinity', 'misfire_policy': 'ALL'},
    {'trigger_type': 'SCHEDULED', 'schedule_expression': '@daily',
     'next_run_time': 'infinity'},
    {'trigger_type': 'SCHEDULED', 'schedule_expression': '@daily',
     'next_run_time': '4000-01-01 BC', 'misfire_policy': 'SKIP'},
    {'timeout': '178000000 years'}, {'timeout': '1 microsecond'},
], ids=str)
def test_a_strange_row_does_not_stop_the_others(db, daemon, columns):
    """Refused or not, it must not break the statements that serve all rows."""
    one = daemon(poll_interval='200ms')
    try:
        report.submit(db, report_name='strange', priority=1, **columns)
    except Exception as e:
        assert getattr(e, 'sqlstate', None) == '22023', e
    for _ in range(2):
        done(db, within=5)
    # A tick later, too.
    beat = db.value('select heartbeat_at from reportd.report_worker')
    wait_for(lambda: db.value('select heartbeat_at > %s from reportd.report_worker',
                              beat), 5, 'a heartbeat')
    done(db, within=5)
    assert 'failed sqlstate' not in one.log()


# The views.

def test_the_summary_counts_by_trigger_type_and_status(db, drain):
    report.submit(db)
    report.submit(db, export_sql='select nonsense')
    report.submit(db, trigger_type='SCHEDULED', schedule_expression='0 0 1 1 *')
    drain()
    report.submit(db)
    rows = db.query('select trigger_type, status, reports, active, '
                    'oldest_due is not null as due, next_run_time is not null as next '
                    'from reportd.v_report_summary')
    assert rows == [('ADHOC', 'COMPLETED', 1, 1, False, False),
                    ('ADHOC', 'FAILED', 1, 1, False, False),
                    ('ADHOC', 'PENDING', 1, 1, True, False),
                    ('SCHEDULED', 'PENDING', 1, 1, False, True)]


def test_the_metrics_count_runs_rows_and_errors_by_type(db, drain):
    for _ in range(3):
        report.submit(db, report_type='sales', prep_sql='select 1',
                      export_sql='select generate_series(1, 10) as a')
    report.submit(db, report_type='sales', export_sql='select nonsense')
    report.submit(db)
    drain()
    rows = {row.report_type: row for row in
            db.query('select * from reportd.v_report_metrics')}
    assert rows.keys() == {'sales', '(none)'}
    sales = rows['sales']
    assert (sales.runs, sales.failed, float(sales.error_rate)) == (4, 1, 0.25)
    assert (sales.row_count, sales.byte_count) == (30, 3 * 23)
    assert float(sales.runs_per_hour) == 0.17
    for stage in ('prep', 'export', 'run'):
        mean = getattr(sales, f'{stage}_mean').total_seconds()
        p95 = getattr(sales, f'{stage}_p95').total_seconds()
        assert 0 <= mean < 5 and 0 <= p95 < 5
    assert sales.run_mean >= sales.export_mean


def test_owners_whom_nothing_can_be_taken_from_keep_nobody_out(db, daemon, cluster):
    """Twenty owners wait for a source that this daemon has not, or for tomorrow."""
    names = [f'idle_{n}' for n in range(20)] + ['zz_busy']
    for name in names:
        cluster.admin(f'drop role if exists {name}')
        cluster.admin(f'create role {name}')
    db.execute("select reportd.register_source('default', 'postgres')")
    db.execute("select reportd.register_source('other', 'postgres')")
    db.execute("select reportd.grant_source(s, 'public') from unnest('{default,other}'::text[]) s")
    for n, name in enumerate(names[:-1]):
        report.submit(db, owner=name, source='other' if n % 2 else 'default',
                      due_at='now' if n % 2 else 'tomorrow')
    busy = report.submit(db, owner='zz_busy')
    daemon(workers=1)
    assert report.wait_done(db, busy).status == 'COMPLETED'
    for name in names:
        db.execute(f'drop owned by {name}')
        cluster.admin(f'drop role {name}')


def test_a_schedule_that_is_always_due_and_what_waits_take_turns(db, daemon, wait_for):
    config_id = report.submit(db, trigger_type='SCHEDULED', schedule_expression='* * * * *',
                              misfire_policy='ALL', export_sql='select 1 as a')
    db.execute("update reportd.report_config set next_run_time = now() - interval '20 minutes' "
               'where config_id = %s', config_id)
    daemon(workers=1, poll_interval='200ms')
    wait_for(lambda: len(report.runs(db, config_id)) >= 2)
    asked = db.value('select reportd.run_now(%s)', config_id)
    wait_for(lambda: db.value("select status = 'COMPLETED' from reportd.v_requests "
                              'where request_id = %s', asked))
    after = db.value('select count(*) from reportd.report_run r where r.run_id > '
                     '(select run_id from reportd.v_requests where request_id = %s)', asked)
    wait_for(lambda: len(report.runs(db, config_id)) >= 21)
    assert after < 18


def test_local_files_are_read_where_their_folder_is(db, daemon, tmp_path):
    """A daemon without the folder lists, claims and moves nothing of it."""
    landing = tmp_path / 'landing'
    landing.mkdir()
    (landing / 'a.csv').write_text('id\n1\n')
    without = daemon(workers=2, poll_interval='200ms')
    one = report.submit(db, source='default', export_sql="select :'f__url' as f", inputs={
        'f': {'path': f'{landing}/*.csv', 'format': 'csv', 'columns': [['id', 'int']],
              'use': 'all', 'stable_for': '0 s'}})
    # The daemon has looked at the queue: it takes what came later.
    done(db)
    assert report.config(db, one).status == 'PENDING'
    wait_for(lambda: 'no daemon that runs has its folder' in db.value(
        'select reportd.why(%s)', one))
    has = daemon({'inputs': {'folders': landing, 'rescan': '1s'}}, workers=2,
                 poll_interval='200ms')
    ended(db, one)
    assert report.runs(db, one)[-1].worker_id == has.worker_id
    db.value("select reportd.change(%s, '{\"export_sql\": \"select 1 / 0\", \"max_retries\": 0}')",
             one)
    db.value('select reportd.run_now(%s)', one)
    report.wait_status(db, one, 'FAILED')
    has.end()
    db.value('select reportd.retry(%s)', one)
    assert db.value('select reportd.why(%s)', one).endswith(
        f'is PENDING: no daemon that runs with the source "default" has {landing}/ '
        'in folders of [inputs]')
    assert without.running()
