# SPDX-License-Identifier: MIT
"""Checks of the data before the export: what each asks, the score, samples, waiting."""

import json
import os
import re
import time

import pytest
from psycopg import errors
from psycopg.types.json import Jsonb

from lib import duckdb, process, report
from lib.manual import says
from lib.paths import ROOT
from lib.receiver import Receiver
from lib.wait import wait_for
from test_engine_shared import ended, failure, file_of, gate, running_engine, wait_at_gate
from test_steps import why

Refused = errors.InvalidParameterValue
FAST = {'retry_backoff': '100ms', 'retry_backoff_max': '300ms', 'poll_interval': '200ms'}


@pytest.fixture(scope='module')
def shared(cluster, template, tmp_path_factory):
    with running_engine(cluster, template, tmp_path_factory.mktemp('checks'), workers=2,
                        **FAST) as engine:
        engine.db.execute("""
            create table public.orders (id int, customer text, amount numeric(9, 2), day date,
                at timestamptz default now());
            insert into public.orders values (1, 'ann@example.com', 10, '2026-03-01'),
                (2, 'bob@example.com', -5, '2026-03-02'), (2, null, 30, '2026-03-03'),
                (3, 'eve@example.com', 40, null), (null, 'dan@example.com', 50, '2027-01-01')""")
        yield engine


@pytest.fixture
def db(shared):
    yield shared.db
    shared.db.execute('drop table if exists t')
    shared.db.execute('delete from reportd.report_config')


def submit(db, *checks, **columns):
    columns.setdefault('report_name', 'checked')
    columns.setdefault('export_sql', 'select 1 as one')
    return report.submit(db, checks=Jsonb(list(checks)), **columns)


def checks(db, run):
    """The answers of a run: {name: (status, failures, total)}."""
    return {name: (status, failures, total) for name, status, failures, total in db.query(
        'select name, status, failures, total from reportd.v_checks where run_id = %s '
        'order by position', run.run_id)}


def one(db, check, status, **columns):
    """The run of a report with this check alone, which must end like this."""
    columns.setdefault('max_retries', 0)
    return ended(db, submit(db, {'name': 'it', **check}, **columns), status)


# ---- the kinds ----

@pytest.mark.parametrize('check, failures, total', [
    ({'sql': 'select * from public.orders where amount < 0; -- ;'}, 1, None),
    ({'sql': 'with x as (select 1 as a, 2 as a) select * from x -- the end'}, 1, None),
    ({'sql': 'values (1), (2)'}, 2, None),
    ({'on': 'public.orders', 'not_null': 'id'}, 1, 5),
    ({'on': 'public.orders', 'not_null': ['id', 'customer']}, 2, 5),
    ({'on': 'public.orders', 'unique': 'id'}, 1, 4),
    ({'on': 'public.orders', 'unique': ['id', 'customer'], 'where': 'amount > 0 -- all'}, 0, 2),
    ({'on': 'public.orders', 'range': {'column': 'amount', 'min': 0}}, 1, 5),
    ({'on': 'public.orders', 'range': {'column': 'amount', 'min': -5, 'max': 49.5}}, 1, 5),
    ({'on': 'public.orders', 'range': {'column': 'day', 'min': ":'from'", 'max': '2026-12-31'}},
     2, 5),
    ({'on': 'public.orders', 'row_count': {'min': 5, 'max': 5}}, 0, 5),
    ({'on': 'public.orders', 'row_count': {'min': 6}}, 1, 5),
    ({'on': 'public.orders', 'row_count': {'max': 2}, 'where': "day >= :'from'"}, 1, 3),
    ({'on': 'public.orders', 'fresh': {'column': 'at', 'max_age': '1 day'}}, 0, 5),
    ({'on': 'public.orders', 'fresh': {'column': 'day', 'max_age': '1 day'},
      'where': "day < '2026-12-31'"}, 1, 3),
    ({'on': 'public.orders', 'fresh': {'column': 'at', 'max_age': '1 day'}, 'where': 'false'},
     1, 0),
    ({'on': 'public.orders', 'schema': {'id': 'integer', 'customer': 'varchar(10)',
                                        'amount': 'numeric', 'day': 'date'}}, 0, 4),
    ({'on': '"public"."orders"', 'schema': {'id': 'bigint', 'amount': 'numeric(9, 3)',
                                            'lost': 'text', 'at': 'timestamp'}}, 4, 4),
    ({'reconcile': ['select sum(amount) from public.orders', 'select 125.0']}, 0, None),
    ({'reconcile': ['select sum(amount) from public.orders;', 'select 124 -- no']}, 2, None),
    ({'reconcile': ['select null::int', 'select null::int']}, 0, None),
])
def test_each_kind_counts_what_fails(db, check, failures, total):
    run = one(db, check, 'FAILED' if failures else 'COMPLETED',
              parameters=Jsonb({'from': '2026-03-02'}))
    assert checks(db, run) == {'it': ('failed' if failures else 'passed', failures, total)}
    assert run.score == (0 if failures else 100)


def test_a_failed_check_publishes_nothing_and_is_not_tried_again(db):
    run = ended(db, submit(db, {'name': 'amounts', 'sql': 'select 1 from generate_series(1, 7)'},
                           {'name': 'fine', 'sql': 'select 1 where false'}, max_retries=3),
                'FAILED')
    assert (run.attempt, run.error_stage, run.output_url) == (1, 'check', None)
    assert run.error_message == 'check: 1 of 2 checks failed: "amounts" (7 rows); score 50'


def test_a_report_may_have_checks_alone(db):
    config_id = submit(db, {'name': 'fine', 'sql': 'select 1 where false'}, export_sql=None)
    run = ended(db, config_id)
    assert (run.row_count, run.output_url, run.score) == (None, None, 100)


def test_the_example_of_the_manual(db):
    page = (ROOT / 'docs/checks.md').read_text()
    db.execute(page.split('```sql\n', 1)[1].split('```', 1)[0])
    run = ended(db, db.value("select reportd.id('checked_orders')"), 'FAILED')
    assert run.error_message in page
    db.execute('drop table public.check_orders')


def test_the_lines_to_copy_are_accepted(db):
    page = (ROOT / 'docs/checks.md').read_text()
    lines = [json.loads(re.search(r'`(\{"name".*\})`', line)[1]) for line in page.splitlines()
             if line.startswith('| ') and '`{"name"' in line]
    assert len(lines) == 11
    submit(db, *lines, inputs=Jsonb({'orders': '/srv/landing/*.csv'}), is_active=False,
           parameters=Jsonb({'day': '2026-03-01', 'from': '2026-03-01'}))


# ---- severity, weights, score ----

def test_what_warns_is_said_and_the_run_goes_on(db):
    run = ended(db, submit(db, {'name': 'few', 'severity': 'warn', 'weight': 3, 'sql': 'select 1'},
                           {'name': 'fine', 'sql': 'select 1 where false'}))
    assert run.output_url is not None and run.score == 25
    assert run.remark == 'checks warned: "few" (1 row); score 25'
    assert checks(db, run)['few'][0] == 'warned'


@pytest.mark.parametrize('least, status', [(70, 'COMPLETED'), (71, 'FAILED')])
def test_a_score_below_the_least_fails(db, least, status):
    run = ended(db, submit(db, {'name': 'few', 'severity': 'warn', 'weight': 0.3,
                                'sql': 'select 1'},
                           {'name': 'fine', 'weight': 0.7, 'sql': 'select 1 where false'},
                           min_score=least), status)
    assert run.score == 70
    if status == 'FAILED':
        assert run.error_message == ('check: warned: "few" (1 row); score 70, below the min_score '
                                     'of 71')


# ---- errors ----

@pytest.mark.parametrize('check, says', [
    ({'sql': 'select * from public.nosuch', 'severity': 'warn'}, 'relation "public.nosuch" does not'),
    ({'sql': 'select 1 where 1 / 0 = 1'}, 'division by zero'),
    ({'on': 'public.orders', 'not_null': 'nosuch'}, 'column "nosuch" does not exist'),
    ({'sql': "select :'nosuch'"}, "unknown parameter :'nosuch'"),
    ({'sql': 'delete from public.orders returning 1'}, 'syntax error'),
    ({'sql': 'with x as (delete from public.orders returning 1) select * from x'},
     'must be at the top level'),
    ({'sql': "select nextval('public.steps')"}, 'cannot execute nextval() in a read-only'),
    ({'sql': 'select 1) x union all select 0, null from (select 1'}, 'it is no query that can stand within'),
    ({'sql': 'select 1) x; delete from public.orders; select * from (select 1'},
     'holds 3 statements'),
    ({'on': 'public.orders', 'schema': {'id': 'nosuchtype'}}, 'type "nosuchtype" does not exist'),
])
def test_a_check_that_cannot_be_asked_is_an_error_and_never_a_pass(db, check, says):
    db.execute('create sequence if not exists public.steps')
    before = db.value('select count(*) from public.orders')
    try:
        run = failure(db, checks=Jsonb([{'name': 'it', **check}]), export_sql='select 1')
    except Refused as e:
        assert says in str(e)
        return
    assert says in run.error_message and run.error_message.startswith('check: "it"')
    if 'unknown parameter' not in says:
        assert checks(db, run) == {'it': ('error', None, None)} and run.score == 0
    assert db.value('select count(*) from public.orders') == before


def test_a_check_has_the_limits_of_the_run(db):
    run = failure(db, checks=Jsonb([{'name': 'slow', 'sql': 'select pg_sleep(60)'}]),
                  export_sql='select 1', timeout='500 ms')
    # The worker's own clock and the server's statement_timeout end at the same time.
    assert ('timed out' in run.error_message or
            'hint: the run may take 500 ms: timeout of the report' in run.error_message)
    assert run.error_stage == 'check'


@says('Write, or read more than the login may, by a check: checks run in the READ ONLY '
      'transaction of the export, those of rows on their way into a table in one of the '
      "target's, which is rolled back before the table is touched.")
def test_checks_can_write_nothing(db):
    db.execute('create or replace function public.writes() returns boolean language plpgsql as '
               "'begin insert into public.orders values (7); return true; end'")
    before = db.value('select count(*) from public.orders')
    run = failure(db, export_sql='select 1',
                  checks=Jsonb([{'name': 'it', 'sql': 'select 1 where public.writes()'}]))
    assert run.error_sqlstate == '25006' and run.error_stage == 'check'
    assert db.value('select count(*) from public.orders') == before


# ---- one snapshot ----

@pytest.mark.parametrize('format', ['CSV', 'XLSX'])
def test_checks_and_export_read_one_snapshot(db, format):
    """What is committed after the check is in neither."""
    db.execute('create table t (n int)')
    with gate(db):
        config_id = submit(db, {'name': 'held', 'sql': "select 1 where pg_advisory_xact_lock_shared(1)::text = 'x'"},
                           {'name': 'empty', 'on': 'public.t', 'row_count': {'max': 0}},
                           export_sql='select count(*) as n from public.t', output_format=format,
                           result_sql='select count(*) as n from public.t')
        wait_at_gate(db)
        db.execute('insert into t values (1)')
    run = ended(db, config_id)
    assert run.score == 100
    assert db.value('select result from reportd.report_request where config_id = %s',
                    config_id) == {'n': '0'}
    if format == 'CSV':
        assert file_of(run.output_url).read_text() == 'n\n0\n'


def test_checks_see_what_prep_has_made(db):
    run = ended(db, submit(db, {'name': 'made', 'on': 'mine', 'row_count': {'min': 3, 'max': 3}},
                           prep_sql='create temp table mine as select generate_series(1, 3) as n',
                           export_sql='select * from mine'))
    assert run.score == 100 and run.row_count == 3


# ---- samples ----

def sample(db, run):
    return db.value('select sample from reportd.v_checks where run_id = %s', run.run_id)


def test_rows_are_kept_only_when_asked_for_and_masked(db):
    check = {'sql': 'select id, customer, null as nothing from public.orders order by amount'}
    assert sample(db, one(db, check, 'FAILED')) is None
    run = one(db, {**check, 'sample': 2, 'mask': 'customer'}, 'FAILED')
    assert sample(db, run) == [{'id': '2', 'customer': '***', 'nothing': None},
                               {'id': '1', 'customer': '***', 'nothing': None}]
    assert 'example.com' not in db.value(
        'select k::text from reportd.report_check k where run_id = %s', run.run_id)


def test_a_mask_that_is_no_column_keeps_the_sample_away(db):
    run = one(db, {'sql': 'select customer from public.orders', 'sample': 5, 'mask': 'Customer'},
              'FAILED')
    assert sample(db, run) is None
    assert 'no sample is kept: no column is named "Customer"' in run.error_message


def test_samples_of_a_run_stay_within_their_limit(db):
    """Wide rows, many of them, in many checks: 64 kB are kept in all."""
    many = [{'name': f'c{i}', 'sample': 20, 'sql':
             "select repeat('ä\"', 700) as a, repeat('x', 2000000) as b, i "
             'from generate_series(1, 100000) i'} for i in range(5)]
    run = ended(db, submit(db, *many, max_retries=0), 'FAILED')
    rows, size, most, largest = db.query("""select count(*), sum(octet_length(sample::text)),
        max(jsonb_array_length(sample)) as most, (select max(octet_length(v.value)) as largest
            from reportd.report_check k, jsonb_array_elements(k.sample) r,
                jsonb_each_text(r.value) v where k.run_id = %s)
        from reportd.report_check where run_id = %s and failures = 100000""",
                                       run.run_id, run.run_id)[0]
    assert rows == 5 and 50000 < size <= 65536 and most <= 20 and largest <= 1010


@says('Fill the queue by checks: their number, their SQL, names, messages and samples have limits, '
      'which hold where they are stored.')
def test_the_limits_hold_where_answers_are_stored(db):
    """Whatever a worker sends."""
    huge = [{'name': 'n' * 200, 'severity': 'odd', 'status': 'fine', 'message': 'ä' * 5000,
             'sample': [{'a': 'x' * 40000}]}, {'name': 'b', 'sample': [{'a': 'x' * 40000}]},
            {'name': 'c', 'status': 'failed', 'sample': [1] * 21}] + [{'name': 'more'}] * 200
    kept = db.query('select place, octet_length(name) as n, severity, status, octet_length(message) as m, '
                    'sample is not null as kept from reportd.kept_checks(%s)', Jsonb(huge))
    assert len(kept) == 100
    assert kept[0] == (1, 63, 'error', 'error', 1000, True)
    assert [k[5] for k in kept[:3]] == [True, False, False]


def test_answers_and_samples_go_with_the_run(db, shared):
    run = one(db, {'sql': 'select 1', 'sample': 1}, 'FAILED')
    db.execute("update reportd.report_run set started_at = now() - interval '200 days' "
               'where run_id = %s', run.run_id)
    # A daemon deletes old runs as it starts, and then once a minute.
    shared.daemon.end()
    shared.daemon = process.Daemon(db, shared.conf)
    shared.daemon.wait_ready()
    wait_for(lambda: not db.query('select from reportd.report_run where run_id = %s', run.run_id))
    assert db.value('select count(*) from reportd.report_check where run_id = %s', run.run_id) == 0


# ---- asking again ----

def test_a_check_that_waits_is_asked_again_and_counts_no_attempt(db):
    db.execute('create table t (n int)')
    config_id = submit(db, {'name': 'loaded', 'on': 'public.t', 'row_count': {'min': 1},
                            'retry': True},
                       {'name': 'fine', 'sql': 'select 1 where false'}, max_retries=0)
    wait_for(lambda: any(r.status == 'RELEASED' for r in report.runs(db, config_id)))
    wait_for(lambda: report.config(db, config_id).status == 'PENDING')
    row = report.config(db, config_id)
    assert row.attempt == 0 and row.error_message is None and row.checks_since is not None
    assert 'waits until' in why(db, config_id) and '"loaded" (0 rows, wanted' in why(db, config_id)
    db.execute('insert into t values (1)')
    run = ended(db, config_id)
    assert (run.attempt, run.score) == (1, 100)
    assert report.config(db, config_id).checks_since is None
    assert {r.status for r in report.runs(db, config_id)} == {'RELEASED', 'COMPLETED'}


def test_the_wait_ends_with_wait_timeout(db):
    config_id = submit(db, {'name': 'never', 'sql': 'select 1', 'retry': True, 'sample': 1},
                       wait_timeout='2 seconds')
    run = ended(db, config_id, 'FAILED')
    assert run.error_stage == 'check' and '1 of 1 checks failed: "never" (1 row)' in run.error_message
    assert 'check: ' in run.error_message and 'waited since' in run.error_message
    assert 2 <= len(report.runs(db, config_id)) <= 4
    assert (run.finished_at - report.runs(db, config_id)[0].started_at).total_seconds() >= 2
    assert db.value('select count(sample) from reportd.v_checks where config_id = %s '
                    'and run_id < %s', config_id, run.run_id) == 0, 'samples while it waits'


def test_another_check_that_fails_for_good_is_not_waited_for(db):
    run = ended(db, submit(db, {'name': 'late', 'sql': 'select 1', 'retry': True},
                           {'name': 'wrong', 'sql': 'select 1'}), 'FAILED')
    assert run.attempt == 1 and '2 of 2 checks failed' in run.error_message


def test_a_wait_can_be_cancelled_and_the_next_request_waits_anew(db):
    config_id = submit(db, {'name': 'never', 'sql': 'select 1', 'retry': True},
                       wait_timeout='1 hour')
    wait_for(lambda: report.config(db, config_id).checks_since is not None)
    wait_for(lambda: report.config(db, config_id).status == 'PENDING')
    first = report.config(db, config_id).checks_since
    db.execute('select reportd.cancel(%s)', config_id)
    wait_for(lambda: report.config(db, config_id).status == 'CANCELLED')
    db.execute('select reportd.run_now(%s)', config_id)
    wait_for(lambda: report.config(db, config_id).checks_since is not None)
    assert report.config(db, config_id).checks_since > first


# ---- who may see ----

@says("See the checks of others' runs, or rows in their samples.")
def test_answers_are_seen_by_members_of_the_owner_alone(db):
    run = one(db, {'sql': 'select 1', 'sample': 1}, 'FAILED')
    db.execute("""do $$ begin
        if to_regrole('check_ann') is null then create role check_ann in role reportd_submitter; end if;
        if to_regrole('check_bob') is null then create role check_bob in role reportd_submitter; end if;
        end $$""")
    db.execute("update reportd.report_check set owner = 'check_ann'::regrole where run_id = %s",
               run.run_id)
    for role, seen in (('check_ann', 1), ('check_bob', 0)):
        with db.connect() as conn:
            conn.execute(f'set role {role}')
            for table in ('report_check', 'v_checks'):
                assert conn.execute(f'select count(*) from reportd.{table} where run_id = %s',
                                    (run.run_id,)).fetchone()[0] == seen, (role, table)
            for sql in ('delete from reportd.report_check', 'update reportd.report_check set name = 1',
                        "select reportd.kept_checks('[]')"):
                with pytest.raises(errors.InsufficientPrivilege):
                    conn.execute(sql)
                conn.rollback()
                conn.execute(f'set role {role}')


# ---- what INSERT refuses ----

@pytest.mark.parametrize('checks, says', [
    ([], 'checks is empty'),
    ({}, 'checks is no array of checks'),
    ([1], 'checks: one is no object'),
    ([{'sql': 'select 1'}], 'checks: one has no name'),
    ([{'name': 'a\nb', 'sql': 'select 1'}], 'checks: one has no name'),
    ([{'name': 'a\u202eb', 'sql': 'select 1'}], 'checks: one has no name'),
    ([{'name': 'ä' * 32, 'sql': 'select 1'}], 'checks: one has no name'),
    ([{'name': 'a'}], 'checks: "a" asks nothing'),
    ([{'name': 'a', 'sql': 'select 1', 'unique': 'id'}], '"a" asks several things: sql, unique'),
    ([{'name': 'a', 'sql': 'select 1', 'severty': 'warn'}], '"a" has no "severty"'),
    ([{'name': 'a', 'sql': 'select 1', 'severity': 'bad'}], '"a" has the severity "bad"'),
    ([{'name': 'a', 'sql': 'select 1', 'weight': 0}], '"a" has the weight 0'),
    ([{'name': 'a', 'sql': 'select 1', 'weight': 10 ** 7}], '"a" has the weight'),
    ([{'name': 'a', 'sql': 'select 1', 'sample': 21}], '"a" keeps a sample of 21 rows'),
    ([{'name': 'a', 'sql': 'select 1', 'sample': 1.5}], '"a" keeps a sample of 1.5 rows'),
    ([{'name': 'a', 'sql': 'select 1', 'mask': 'x'}], '"a" has a "mask" without a "sample"'),
    ([{'name': 'a', 'sql': 'select 1', 'retry': 'yes'}], '"a" has a "retry" that is no boolean'),
    ([{'name': 'a', 'sql': 'select 1; select 2'}], 'checks: "a": sql holds 2 statements'),
    ([{'name': 'a', 'sql': "select '"}], 'checks: "a": sql'),
    ([{'name': 'a', 'sql': 7}], '"a" has a "sql" that is no text'),
    ([{'name': 'a', 'unique': 'id'}], '"a" asks "unique" of no relation'),
    ([{'name': 'a', 'on': 'x; drop', 'unique': 'id'}], '"on" names no relation'),
    ([{'name': 'a', 'on': 'x', 'sql': 'select 1'}], '"a" has "on", which is not for sql'),
    ([{'name': 'a', 'on': 'x', 'not_null': []}], '"a" has "not_null" without names'),
    ([{'name': 'a', 'on': 'x', 'range': {'column': 'y'}}], '"a" has a "range" without "min" and'),
    ([{'name': 'a', 'on': 'x', 'range': {'min': 1}}], '"a" has a "range" without a column'),
    ([{'name': 'a', 'on': 'x', 'range': {'column': 'y', 'low': 1}}], '"a" has no "range.low"'),
    ([{'name': 'a', 'on': 'x', 'row_count': {'min': -1}}], '"a" has a "row_count.min" that is no'),
    ([{'name': 'a', 'on': 'x', 'fresh': {'column': 'y'}}], 'that is no time'),
    ([{'name': 'a', 'on': 'x', 'fresh': {'column': 'y', 'max_age': 'soon'}}], 'that is no time'),
    ([{'name': 'a', 'on': 'x', 'schema': {'y': 'int); drop'}}], 'column "y" has no type'),
    ([{'name': 'a', 'reconcile': ['select 1']}], '"reconcile" is no pair of queries'),
    ([{'name': 'a', 'file': 'orders', 'exists': True}], 'is about the input "orders", which'),
    ([{'name': 'a', 'sql': 'select 1'}] * 2, '"a" is there twice'),
    ([{'name': f'n{i}', 'sql': 'select 1'} for i in range(101)], 'checks has 101 entries'),
    ([{'name': 'a', 'sql': 'select ' + '1,' * 140000 + '1'}], 'at most 262144 are taken'),
    ([{'name': 'a', 'sql': "select :'last__x'"}], "the parameter :'last__x' needs result_sql"),
])
def test_wrong_checks_are_refused_with_a_sentence(db, checks, says):
    with pytest.raises(Refused) as e:
        report.submit(db, checks=Jsonb(checks), report_name='r', export_sql='select 1')
    assert says in str(e.value)


@pytest.mark.parametrize('columns, says', [
    ({'min_score': 50}, 'min_score is set and there are no checks'),
    ({'min_score': 101, 'checks': Jsonb([{'name': 'a', 'sql': 'select 1'}])},
     'min_score 101 is out of range'),
])
def test_a_wrong_score_is_refused(db, columns, says):
    with pytest.raises(Refused, match=says):
        report.submit(db, report_name='r', export_sql='select 1', **columns)


def test_checks_can_be_changed(db):
    config_id = submit(db, {'name': 'a', 'sql': 'select 1'}, is_active=False)
    db.execute('select reportd.change(%s, %s)', config_id, Jsonb(
        {'checks': [{'name': 'b', 'sql': 'select 1 where false'}], 'min_score': 100,
         'is_active': True}))
    run = ended(db, config_id)
    assert list(checks(db, run)) == ['b'] and run.score == 100
    with pytest.raises(Refused, match='asks nothing'):
        db.execute('select reportd.change(%s, %s)', config_id, Jsonb({'checks': [{'name': 'b'}]}))


# ---- other sources ----

def test_redshift_asks_in_its_own_words(db):
    db.execute('create or replace function public.getdate() returns timestamptz '
               "language sql stable as 'select now()'")
    run = ended(db, submit(db, {'name': 'fresh', 'on': 'public.orders',
                                'fresh': {'column': 'at', 'max_age': '1 day'}},
                           {'name': 'unique', 'on': 'public.orders', 'unique': 'id', 'sample': 5,
                            'severity': 'warn'}, source='typed'))
    assert checks(db, run) == {'fresh': ('passed', 0, 5), 'unique': ('warned', 1, 4)}
    assert db.query('select sample from reportd.report_check where run_id = %s and position = 2',
                    run.run_id) == [([{'id': '2', 'occurrences': '2'}],)]


def test_a_long_list_of_columns_ends_with_how_many_more(db):
    run = one(db, {'on': 'public.orders',
                   'schema': {f'column_number_{n}': 'int' for n in range(100)}}, 'FAILED')
    named = run.error_message.count('is missing')
    assert 5 < named < 20 and f', and {100 - named} more' in run.error_message


# ---- files, and DuckDB over them ----

ORDERS = {'format': 'csv', 'columns': [['id', 'bigint'], ['name', 'varchar']],
          'stable_for': '0 s', 'required': False}


@pytest.fixture(scope='module')
def landing(cluster, template, tmp_path_factory):
    path = tmp_path_factory.mktemp('landing')
    (path / 'in').mkdir()
    with running_engine(cluster, template, path, {
            'source.files': {'type': 'duckdb', 'library': duckdb.library()},
            'inputs': {'folders': path / 'in', 'rescan': '1s'}}, **FAST) as engine:
        engine.folder = path / 'in'
        yield engine


def submit_files(engine, folder, *checks, **columns):
    (engine.folder / folder).mkdir(exist_ok=True)
    return submit(engine.db, *checks, source='files', inputs=Jsonb(
        {'orders': {'path': f'{engine.folder}/{folder}/*.csv', 'use': 'all', **ORDERS}}),
        **{'export_sql': 'select count(*) as n from orders', **columns})


def put(engine, folder, name, text, age=0):
    path = engine.folder / folder
    path.mkdir(exist_ok=True)
    (engine.folder / 'new').write_text(text)
    past = time.time() - age
    os.utime(engine.folder / 'new', (past, past))
    (engine.folder / 'new').rename(path / name)


@pytest.mark.parametrize('check, failures, total', [
    ({'exists': True, 'min_size': 4, 'max_age': '2 hours', 'whole': True}, 0, 2),
    ({'min_size': 20}, 1, 2),
    ({'max_age': '1 hour'}, 1, 2),
    ({'min_size': 1000, 'max_age': '1 hour'}, 2, 2),
])
def test_files_are_looked_at_before_anything_runs(landing, check, failures, total):
    put(landing, 'two', 'a.csv', 'id,name\n1,one\n')
    put(landing, 'two', 'b.csv', 'id,name\n2,a much longer name\n', age=5400)
    config_id = submit_files(landing, 'two', {'name': 'files', 'file': 'orders', **check},
                             {'name': 'ids', 'on': 'orders', 'unique': 'id'}, max_retries=0)
    run = ended(landing.db, config_id, 'FAILED' if failures else 'COMPLETED')
    answers = checks(landing.db, run)
    assert answers['files'] == ('failed' if failures else 'passed', failures, total)
    assert ('ids' in answers) == (failures == 0), 'the source is asked only when the files are good'
    if failures:
        assert run.error_stage == 'check' and f'{failures} of 2 files' in run.error_message


def test_a_missing_file_fails(landing):
    config_id = submit_files(landing, 'none', {'name': 'there', 'file': 'orders', 'exists': True},
                             max_retries=0)
    run = ended(landing.db, config_id, 'FAILED')
    assert run.error_message == ('check: 1 of 1 checks failed: "there" (no file is there); '
                                 'score 0')


def test_a_torn_file_is_not_whole(landing):
    put(landing, 'torn', 'a.csv', 'id,name\n1,one\n')
    put(landing, 'torn', 'b.csv', 'id,name\n2,tw')
    config_id = submit_files(landing, 'torn', {'name': 'whole', 'file': 'orders', 'whole': True,
                                               'severity': 'warn'}, max_retries=0)
    run = ended(landing.db, config_id)
    assert checks(landing.db, run) == {'whole': ('warned', 1, 2)}
    assert '; checks warned: "whole" (1 of 2 files)' in run.remark


def test_duckdb_asks_each_kind(landing):
    put(landing, 'kinds', 'a.csv', 'id,name\n1,one\n2,two\n2,\n')
    config_id = submit_files(
        landing, 'kinds',
        {'name': 'sql', 'sql': "select * from orders where id > :'most'::int"},
        {'name': 'not null', 'on': 'orders', 'not_null': 'name', 'severity': 'warn', 'sample': 3},
        {'name': 'unique', 'on': 'orders', 'unique': ['id', 'name']},
        {'name': 'range', 'on': 'orders', 'range': {'column': 'id', 'min': 1, 'max': 2}},
        {'name': 'count', 'on': 'orders', 'row_count': {'min': 3, 'max': 3}},
        {'name': 'schema', 'on': 'orders', 'schema': {'id': 'bigint', 'name': 'varchar'}},
        {'name': 'same', 'reconcile': ['select sum(id) from orders', 'select 5']},
        parameters=Jsonb({'most': 2}))
    run = ended(landing.db, config_id)
    assert {k: v[0] for k, v in checks(landing.db, run).items()} == {
        'sql': 'passed', 'not null': 'warned', 'unique': 'passed', 'range': 'passed',
        'count': 'passed', 'schema': 'passed', 'same': 'passed'}
    assert landing.db.value("select sample from reportd.report_check where run_id = %s "
                            "and name = 'not null'", run.run_id) == [{'id': '2', 'name': None}]


@pytest.mark.parametrize('type', ['timestamp', 'timestamptz', 'date'])
def test_duckdb_knows_what_is_fresh(landing, type):
    at = time.strftime('%Y-%m-%d' if type == 'date' else '%Y-%m-%d %H:%M:%S', time.gmtime())
    put(landing, f'fresh_{type}', 'a.csv', f'seen\n{at}\n')
    fresh = {'on': 'orders', 'severity': 'warn'}
    run = ended(landing.db, submit(
        landing.db, {'name': 'new', **fresh, 'fresh': {'column': 'seen', 'max_age': '2 days'}},
        {'name': 'old', **fresh, 'fresh': {'column': 'seen', 'max_age': '1 day'},
         'where': "seen < '2026-01-01'"}, source='files',
        inputs=Jsonb({'orders': {'path': f'{landing.folder}/fresh_{type}/*.csv', 'format': 'csv',
                                 'columns': [['seen', type]], 'stable_for': '0 s'}})))
    assert checks(landing.db, run) == {'new': ('passed', 0, 1), 'old': ('warned', 1, 0)}


# ---- who is told ----

def test_notices_name_the_checks_without_their_samples(cluster, template, tmp_path):
    receiver = Receiver()
    try:
        with running_engine(cluster, template, tmp_path, {'webhook': {
                'hosts': '127.0.0.1', 'allow': '127.0.0.0/8'}}, **FAST) as engine:
            db = engine.db
            bad = {'name': 'bad', 'sql': "select 'secret' as s", 'sample': 1}
            warns = {'name': 'odd', 'sql': 'select 1', 'severity': 'warn'}
            to = {'notify_on_failure': [receiver.url()],
                  'notify_on_completion': [receiver.url()]}
            ended(db, submit(db, bad, warns, **to), 'FAILED')
            ended(db, submit(db, warns, **to))
            wait_for(lambda: len(receiver.taken) == 2)
            by_event = {r.json['event']: r.json for r in receiver.taken}
            failed, good = by_event['report.failed'], by_event['report.completed']
            assert failed['run']['score'] == 0
            assert failed['run']['checks'] == [
                {'name': 'bad', 'severity': 'error', 'status': 'failed', 'failures': 1,
                 'total': None, 'message': None},
                {'name': 'odd', 'severity': 'warn', 'status': 'warned', 'failures': 1,
                 'total': None, 'message': None}]
            assert failed['error']['message'] == (
                'check: 1 of 2 checks failed: "bad" (1 row); warned: "odd" (1 row); score 0')
            assert 'lists the checks' in failed['error']['hint']
            assert 'secret' not in json.dumps(failed)
            assert good['run']['remark'] == 'checks warned: "odd" (1 row); score 0'
    finally:
        receiver.close()


def test_reportctl_shows_them(db, shared):
    config_id = submit(db, {'name': 'bad one', 'sql': 'select 1', 'sample': 1},
                       {'name': 'fine', 'sql': 'select 1 where false'}, min_score=40)
    ended(db, config_id, 'FAILED')
    shown = process.reportctl(shared.conf, 'show', str(config_id)).stdout
    assert 'bad one' in shown and 'failed' in shown and 'passed' in shown
    listed = process.reportctl(shared.conf, 'runs', str(config_id)).stdout
    assert '"bad one" (1 row); score 50' in listed
    of_json = json.loads(process.reportctl(shared.conf, 'show', str(config_id), '--json').stdout)
    assert of_json['last_checks'][0]['sample'] == [{'?column?': '1'}]
    assert of_json['runs'][0]['score'] == 50
    assert 'is FAILED since' in why(db, config_id) and '"bad one" (1 row)' in why(db, config_id)
