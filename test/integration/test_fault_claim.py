# SPDX-License-Identifier: MIT
"""Claims under load: each report once, none forgotten, none dear."""

import re

import pytest

from lib.invariants import check
from lib.report import submit
from lib.wait import wait_for
from test_engine_shared import done, ended, gate, wait_at_gate
from test_fault_shared import (  # noqa: F401: fixtures
    LEASE, RUN_ID, Stopwatch, beat, count, engine_of, gated_run_id, sleeping,
    statuses, submit_many, tell, wait_all)


def most_at_once(db, reports):
    """A claim under a limit starts its runs after the end that made room."""
    return db.value("""
        select max((select count(*) from reportd.report_run o
            where o.config_id = any (%s) and o.started_at <= r.started_at
                and o.finished_at > r.started_at))
        from reportd.report_run r where r.config_id = any (%s)""", reports, reports)


def test_2000_reports_run_exactly_once_on_3_daemons(db, engine_of, out, tell):
    """Each run writes down that it ran: not what the queue says, what it did."""
    db.execute('create table ran (config_id bigint, run_id bigint)')
    for _ in range(3):
        engine_of(workers=4)
    watch = Stopwatch()
    submit_many(db, 2000, prep_sql="insert into ran values (:'config_id', :'run_id')")
    wait_all(db, 'COMPLETED', timeout=120)
    tell('2000 reports with prep and export', watch())
    assert db.row('select count(*) as runs, count(distinct config_id) as reports '
                  'from ran') == (2000, 2000)
    # Claimed ahead and given back is no run.
    assert db.query("select status, count(*) from reportd.report_run "
                    "where status <> 'RELEASED' group by status") == [('COMPLETED', 2000)]
    assert db.value('select count(distinct worker_id) from reportd.report_run') == 3
    check(db, out)


def test_work_is_found_without_notifications(db, engine_of):
    """They are a help; polling is the truth."""
    db.execute('alter table reportd.report_config disable trigger notify_insert, '
               'disable trigger notify_update')
    engine_of(poll_interval='500ms')
    for _ in range(3):
        watch = Stopwatch()
        done(db)
        assert watch() < 5


def test_max_running_survives_the_death_of_a_daemon(db, engine_of, out):
    """What a dead daemon held counts until its lease ends, and not for longer."""
    limited = {'source.small': {'conninfo': db.conninfo, 'max_running': 3}}
    one, two = (engine_of(limited, workers=4) for _ in range(2))
    with gate(db):
        submit_many(db, 1, gated_run_id(), source='small')
        wait_at_gate(db)
        reports = submit_many(db, 60, sleeping(0.05), source='small')
        wait_for(lambda: count(db, 'COMPLETED') >= 10)
        one.kill()
    wait_all(db, 'COMPLETED')
    two.stop()
    assert most_at_once(db, reports) <= 3
    check(db, out)


def test_a_locked_table_holds_up_and_loses_nothing(db, engine_of, out):
    """As long as a lease: every statement of the queue waits, and gives up."""
    engine_of(workers=2)
    with gate(db):
        reports = submit_many(db, 2, gated_run_id(), max_retries=0)
        wait_at_gate(db, 2)
        with db.connect() as conn, conn.transaction():
            conn.execute('insert into reportd.report_config (report_name, export_sql, '
                         "max_retries) values ('new', %s, 0)", (RUN_ID,))
            conn.execute('lock table reportd.report_config in access exclusive mode')
            still = Stopwatch()
            wait_for(lambda: still() > LEASE + 1)
    wait_all(db, 'COMPLETED')
    for config_id in reports:
        assert statuses(db, config_id) == ['COMPLETED']
    # Nothing that had waited for the lock has taken anything since.
    one_more = Stopwatch()
    wait_for(lambda: one_more() > 1)
    check(db, out)


def held_at_the_gate(db, one, sql, **columns):
    """Changes rows under a report right after a heartbeat, so that its end is
    there before the daemon hears of the change."""
    with gate(db):
        config_id = submit(db, max_retries=1, **columns)
        wait_at_gate(db)
        beat(db, one)
        db.execute(sql)
    return config_id


def test_a_result_for_a_run_id_that_was_given_out_twice_is_refused(db, engine_of, out):
    """A fail-over to a server that missed the last claims: the number is now a
    run of another daemon, which is gone here, so the report is repeated."""
    one = engine_of(workers=1)
    config_id = held_at_the_gate(
        db, one, 'update reportd.report_run set worker_id = gen_random_uuid()',
        prep_sql='select pg_advisory_xact_lock_shared(1)')
    ended(db, config_id)
    assert statuses(db, config_id) == ['LOST', 'COMPLETED']
    check(db, out)


def test_a_report_that_was_ended_by_hand_is_refused(db, engine_of, out):
    """Neither its output nor its result counts."""
    one = engine_of(workers=1)
    config_id = held_at_the_gate(
        db, one, "update reportd.report_config set status = 'CANCELLED'",
        export_sql=gated_run_id(), output_path='by-hand.csv')
    done(db)  # its one worker is free again
    assert ended(db, config_id, 'CANCELLED').status != 'COMPLETED'
    assert not (out / 'by-hand.csv').exists()


# The cost of a claim.

FULL = """
    alter table reportd.report_config disable trigger user;
    insert into reportd.report_config (report_name, owner, export_sql, status, attempt,
        run_id, trigger_type, schedule_expression, next_run_time, last_run_time)
    select 'old ' || i, current_user::regrole, 'select 1',
        case i % 10 when 0 then 'FAILED' when 1 then 'CANCELLED' else 'COMPLETED' end,
        1, i, case i % 100 when 0 then 'SCHEDULED' else 'ADHOC' end,
        case i % 100 when 0 then '@daily' end,
        case i % 100 when 0 then now() + i * interval '1 s' end, now()
    from generate_series(1, 100000) i;
    insert into reportd.report_run (config_id, report_name, attempt, scheduled_for,
        status, worker_id, started_at, finished_at)
    select i, 'old ' || i, 1, now(), 'COMPLETED', gen_random_uuid(),
        now() - interval '1 day', now()
    from generate_series(1, 100000) i;
    insert into reportd.report_config (report_name, owner, export_sql, priority, due_at)
    select 'new ' || i, current_user::regrole, 'select 1 from pg_advisory_xact_lock_shared(1)', 1 + i % 5,
        now() - i * interval '1 s'
    from generate_series(1, 10000) i;
    alter table reportd.report_config enable trigger user"""

EXPLAIN = {'session_preload_libraries': 'auto_explain',
           'auto_explain.log_min_duration': '0', 'auto_explain.log_analyze': 'on',
           'auto_explain.log_buffers': 'on', 'auto_explain.log_timing': 'off',
           'auto_explain.log_nested_statements': 'on'}

# A piece of each statement's text, and the pages it may touch for 4 jobs.
COSTS = {'claim': ('numbered as materialized', 600), 'tick': ('with beat as', 220),
         'finish': ('held as materialized', 150)}


def plans(cluster, db, text):
    """What auto_explain wrote about a statement: [(plan, pages touched)]."""
    entries = [entry.split('plan:', 1)[1]
               for entry in re.split(r'\n(?=\d{4}-\d\d-\d\d )', cluster.log())
               if 'plan:' in entry and f'reportd@{db.name} ' in entry and text in entry]
    return [(entry, sum(map(int, re.findall(
        r'(?:hit|read)=(\d+)', re.search('Buffers: (.*)', entry)[1]))))
        for entry in entries]


@pytest.mark.parametrize('statistics', ['none', 'of the empty table', 'fresh'])
def test_a_claim_costs_the_same_however_full_the_table_is(cluster, db, engine_of,
                                                         statistics, tell):
    """100,000 finished reports and 10,000 that wait."""
    for table in 'report_config', 'report_run':
        db.execute(f'alter table reportd.{table} set (autovacuum_enabled = off)')
    if statistics == 'of the empty table':
        db.execute('analyze')
    db.execute(FULL)
    if statistics == 'fresh':
        db.execute('analyze')
    for name, value in EXPLAIN.items():
        db.execute(f"alter database {db.name} set {name} = '{value}'")
    with gate(db):
        one = engine_of(workers=4, shutdown_grace='0')
        wait_at_gate(db, 4)
        beat(db, one)
        assert one.stop() == 0
    for name, (text, limit) in COSTS.items():
        found = plans(cluster, db, text)
        assert found, f'no plan of {name}'
        for plan, pages in found:
            assert not re.search(r'Seq Scan on report_(config|run)', plan), plan
            assert pages < limit, f'{name} touched {pages} pages: {plan}'
            # Rows of a batch are not compared with each other, whatever its size.
            assert name == 'tick' or 'Removed by Join Filter' not in plan, plan
            # A new daemon plans its tick before it hears of the first report.
            assert name != 'tick' or len(re.findall(r' on report_\w+', plan)) < 25, plan
        tell(f'{name} touched', max(pages for _, pages in found), 'pages')
    for text in 'claim_classes(wanted', 'k.source = any (sources)':
        candidates, _ = plans(cluster, db, text)[0]
        assert re.search('Index (Only )?Scan using report_config_due', candidates)
