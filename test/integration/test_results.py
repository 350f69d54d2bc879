# SPDX-License-Identifier: MIT
"""Results of reports, and the parameters by which later runs and other reports read them."""

import json
import re
from datetime import datetime, timedelta, timezone

import pytest
from psycopg import errors
from psycopg.types.json import Jsonb

from lib import process, report
from lib.paths import ROOT
from lib.wait import wait_for
from test_engine_shared import ended, failure, file_of, gate, gated, running_engine, \
    wait_at_gate
from test_steps import ask, requests, run_now, scheduled, wait_requests

Refused = errors.InvalidParameterValue
FAST = {'retry_backoff': '100ms', 'retry_backoff_max': '300ms', 'poll_interval': '200ms'}


@pytest.fixture(scope='module')
def shared(cluster, template, tmp_path_factory):
    with running_engine(cluster, template, tmp_path_factory.mktemp('results'), workers=4,
                        **FAST) as engine:
        yield engine


@pytest.fixture
def db(shared):
    yield shared.db
    shared.db.execute('drop table if exists t')
    while shared.db.value('select count(*) from reportd.report_config'):
        shared.db.execute('delete from reportd.report_config where not has_children')


def result(db, config_id):
    """The result of the report's newest request."""
    return db.value('select result from reportd.v_requests where config_id = %s '
                    'order by request_id desc limit 1', config_id)


def content(run):
    return file_of(run.output_url).read_text().splitlines()


def again(db, config_id, **more):
    """Runs a report once more; its run."""
    request_id = run_now(db, config_id, **more)
    run = ended(db, config_id)
    assert run.request_id == request_id
    return run


# ---- results ----

def test_a_result_is_kept_as_texts_with_the_request(db):
    one = ask(db, 'a', result_sql="select 7 as seven, null as nothing, 'ä\"b' as text, "
                                  "1.50::numeric as money, true as yes")
    ended(db, one)
    assert result(db, one) == {'seven': '7', 'nothing': None, 'text': 'ä"b', 'money': '1.50',
                               'yes': 't'}
    assert requests(db, one, 'request_id', 'status') == [(report.config(db, one).request_id,
                                                          'COMPLETED')]


def test_a_report_may_have_a_result_alone(db):
    one = db.value("insert into reportd.report_config (report_name, result_sql) "
                   "values ('r', 'select 1 as x') returning config_id")
    run = ended(db, one)
    assert (run.row_count, run.output_url, result(db, one)) == (None, None, {'x': '1'})


@pytest.mark.parametrize('sql, message', [
    ('select 1 as x where false', 'the query returns no row; it must return one'),
    ('select * from generate_series(1, 3) x', 'the query returns several rows; it must return one'),
    ("select repeat('x', 66000) as x", 'the result has 66008 bytes; at most 65536 are kept'),
    ('select 1 as "a b"', 'the column "a b" cannot name a parameter'),
    ('select 1 as x, 2 as x', 'two columns are named "x"'),
    ('select 1 as run_id', 'the name of the column "run_id" is taken'),
    ('select 1 / 0 as x', 'division by zero'),
    ('create table never ()', 'cannot execute CREATE TABLE in a read-only transaction'),
])
def test_a_wrong_result_fails_at_its_stage_and_publishes_nothing(db, sql, message):
    run = failure(db, result_sql=sql)
    assert run.error_stage == 'result'
    assert run.error_message.startswith('result: ') and message in run.error_message
    assert result(db, run.config_id) is None


@pytest.mark.parametrize('format', ['CSV', 'JSONL', 'XLSX'])
@pytest.mark.parametrize('prep', [None, 'create temp table mine as select 5 as five'])
def test_the_result_reads_the_snapshot_of_the_export(db, format, prep):
    """A row that is committed while the export runs is in neither of them, and both run in
    one transaction."""
    db.execute('create table t (n int); insert into t values (1)')
    sql = gated(columns='(select count(*) from t) as rows, pg_current_snapshot() as s, now() as n')
    with gate(db):
        one = ask(db, 'a', export_sql=sql, prep_sql=prep, output_format=format,
                  result_sql='select count(*) as rows, pg_current_snapshot() as s, now() as n, '
                             "current_setting('TimeZone') as zone from t",
                  time_zone='Asia/Tokyo')
        wait_at_gate(db)
        db.execute('insert into t values (2)')
    run = ended(db, one)
    found = result(db, one)
    assert found['rows'] == '1' and found['zone'] == 'Asia/Tokyo'
    if format == 'CSV':
        assert content(run)[1].split(',') == [found['rows'], found['s'], found['n']] or \
            content(run)[1].replace('"', '') == f"{found['rows']},{found['s']},{found['n']}"
    if format == 'JSONL':
        row = json.loads(content(run)[0])
        assert (str(row['rows']), row['s']) == (found['rows'], found['s'])


def test_several_statements_and_formats_share_the_snapshot_with_the_result(db):
    one = ask(db, 'a', export_sql='select pg_current_snapshot()::text as a; '
                                  'select pg_current_snapshot()::text as b',
              output_format='JSONL,CSV', output_path='{report_name}_{part}.{ext}',
              result_sql='select pg_current_snapshot()::text as s')
    run = ended(db, one)
    seen = {line.split('"')[-2] if '{' in line else line.replace('"', '') for output in run.outputs
            for line in file_of(output['url']).read_text().splitlines()} - {'a', 'b'}
    assert seen == {result(db, one)['s']}


def test_a_plain_report_is_one_message_and_a_result_comes_after_it(cluster, template, tmp_path):
    """The server's log shows what a report sends."""
    with running_engine(cluster, template, tmp_path, workers=1, **FAST) as engine:
        db = engine.db
        # Counts for connections that begin later: those of the worker.
        db.execute(f"alter database {db.value('select current_database()')} "
                   "set log_statement = 'all'")

        def messages(**columns):
            before = len(cluster.log())
            run = ended(db, report.submit(db, **columns))
            said = cluster.log()[before:].split('statement: ')
            at = next(i for i, text in enumerate(said) if f'reportd run {run.run_id}' in text)
            return [text for text in said[at:] if 'discard all' not in text]
        messages(export_sql='select 1 as warm')
        plain = messages(export_sql='select 1 as plain')
        assert len(plain) == 1 and 'rollback' in plain[0]
        more = messages(export_sql='select 1 as plain', result_sql='select 2 as x')
        assert 'rollback' not in more[0] and 'copy (select' in more[-2] and more[-1].startswith('rollback')


# ---- last__ ----

def test_the_next_run_reads_the_last_result(db):
    one = ask(db, 'a', export_sql="select :'last__n' as before",
              result_sql="select coalesce(:'last__n'::int, 0) + 1 as n")
    assert content(ended(db, one)) == ['before', '""'.replace('""', '')]
    assert [content(again(db, one))[1] for _ in range(3)] == ['1', '2', '3']
    assert result(db, one) == {'n': '4'}


def test_a_run_that_fails_or_has_its_own_parameters_hands_nothing_on(db):
    one = ask(db, 'a', parameters={'step': '1'}, export_sql="select :'last__n' as n", max_retries=0,
              result_sql="select coalesce(:'last__n'::int, 0) + :'step'::int as n")
    ended(db, one)
    run_now(db, one, parameters=Jsonb({'step': 'nonsense'}))
    ended(db, one, 'FAILED')
    again(db, one, parameters=Jsonb({'step': '100'}))
    assert result(db, one) == {'n': '101'}
    assert content(again(db, one))[1] == '1'
    # One run can be given other values than the last.
    assert content(again(db, one, parameters=Jsonb({'last__n': '50'})))[1] == '50'
    assert content(again(db, one, parameters=Jsonb({'last__n': None})))[1] == ''
    assert content(again(db, one))[1] == '2'


def test_a_value_is_quoted_wherever_it_stands(db):
    db.execute("create table t (\"it's\" int); insert into t values (3)")
    one = ask(db, 'a', export_sql="select * from (select :'last__name' as v) v",
              result_sql="select 'it''s \\ $$' as name")
    ended(db, one)
    assert content(again(db, one))[1] == "it's \\ $$"
    two = ask(db, 'b', prep_sql="do $$ begin if exists (select from pg_tables where tablename = "
                                "'nothing') then null; end if; end $$",
              export_sql="select coalesce(:'last__col', 'it''s') as c",
              result_sql="select 'it''s' as col")
    ended(db, two)
    db.execute("select reportd.change(%s, %s)", two,
               Jsonb({'export_sql': "select :\"last__col\" as c from t", 'prep_sql': None}))
    assert content(again(db, two))[1] == '3'


def test_a_name_that_the_result_lacks_is_told_at_the_first_run(db):
    run = failure(db, export_sql="select :'last__hihg' as x", result_sql='select 1 as high')
    assert run.error_message == "result: no column is named \"hihg\", which :'last__hihg' reads"


@pytest.mark.parametrize('columns, message', [
    ({'export_sql': "select :'last__x'"}, "the parameter :'last__x' needs result_sql"),
    ({'export_sql': "select :'last__'", 'result_sql': 'select 1 as x'}, 'names no column'),
    ({'export_sql': "select :'after__a__x'"}, "the parameter :'after__a__x' names no report of run_after"),
    ({'export_sql': "select :'last__horizon'"}, "is never set without :'horizon'"),
    ({'result_sql': 'select 1; select 2'}, 'result_sql holds 2 statements'),
    ({'result_sql': '-- nothing'}, 'result_sql holds 0 statements'),
    ({'result_sql': "select 'x"}, "result_sql: a text ' is not closed"),
    ({'result_sql': 'select 1 --' + 'x' * (1 << 20)}, 'result_sql together are longer than 1 MiB'),
    ({'horizon_overlap': '-1 hour'}, 'horizon_overlap -01:00:00 is longer than 100 years, or has'),
    ({'horizon_overlap': '0'}, 'horizon_overlap must be longer than 0'),
    ({'parameters': {'last__x': '1'}}, 'parameters: "last__x" is built in'),
    ({'parameters': {'horizon': '1'}}, 'parameters: "horizon" is built in'),
])
def test_a_wrong_row_is_refused_at_insert(db, columns, message):
    with pytest.raises(Refused) as e:
        report.submit(db, **columns)
    assert message in str(e.value)


def test_columns_without_a_constraint_are_held_at_insert_and_update(db):
    """report_config has few CHECKs: each of these is refused by the trigger alone."""
    wrong = {
        'trigger_type': 'NOW', 'misfire_policy': 'NONE', 'priority': 6, 'max_retries': 101,
        'timeout': '0', 'wait_timeout': '0', 'horizon_overlap': '0', 'min_score': 101,
        'parameters': Jsonb([]), 'output_options': Jsonb(7), 'inputs': Jsonb(7),
        'checks': Jsonb({})}
    config_id = report.submit(db)
    for column, value in wrong.items():
        with pytest.raises(Refused, match=column):
            report.submit(db, **{column: value})
        with pytest.raises(Refused, match=column):
            db.execute(f'update reportd.report_config set {column} = %s where config_id = %s',
                       value, config_id)


def test_names_in_comments_texts_and_casts_are_no_parameters(db):
    one = report.submit(db, export_sql="""select ':''last__a''' as a, $$ :'last__b' $$ as b,
        E'\\\\\\' :\\'last__c\\'' as c -- :'last__d'
        /* :'after__x__y' /* :'horizon' */ */""")
    assert report.config(db, one).links is None
    assert ended(db, one).status == 'COMPLETED'
    two = report.submit(db, export_sql="select 1::int, :'last__a', :\"last__b\", :'last__a'",
                        result_sql="select 'x'::text as a, 'x' as b", is_active=False)
    assert report.config(db, two).links == ['last__a', 'last__b']
    db.execute('select reportd.change(%s, %s)', two, Jsonb({'export_sql': 'select 1'}))
    assert report.config(db, two).links is None


# ---- after__ ----

def test_a_child_reads_the_result_of_what_it_waited_for(db):
    a = ask(db, 'a', export_sql='select 1 as x union all select 2',
            result_sql="select 'from a' as v, null as none")
    b = ask(db, 'b', 'a', export_sql="select :'after__a__v' as v, :'after__a__none' as none, "
            ":'after__a__output_url' as url, :'after__a__outputs' as outputs, "
            ":'after__a__row_count' as n, :'after__a__run_id' as run", output_format='JSONL')
    run = ended(db, b)
    parent = report.runs(db, a)[0]
    row = json.loads(content(run)[0])
    assert row == {'v': 'from a', 'none': None, 'url': parent.output_url, 'n': '2',
                   'run': str(parent.run_id),
                   'outputs': row['outputs']}
    assert json.loads(row['outputs']) == [{'url': parent.output_url, 'rows': 2}]


def test_a_child_reads_its_own_occurrence_though_the_parent_went_on(db):
    """Three occurrences of the parent end before the first run of the child does."""
    a = ask(db, 'a', result_sql="select coalesce(:'last__n'::int, 0) + 1 as n")
    with gate(db):
        b = ask(db, 'b', 'a', misfire_policy='ALL', export_sql="select :'after__a__n' as n, g.* "
                f'from ({gated()}) g')
        ended(db, a)
        for _ in range(3):
            run_now(db, a, cascade=True)
            ended(db, a)
        wait_at_gate(db)
    wait_requests(db, b, *['COMPLETED'] * 4)
    runs = [r for r in report.runs(db, b) if r.status == 'COMPLETED']
    assert [content(r)[1].split(',')[0] for r in runs] == ['1', '2', '3', '4']


def test_run_now_of_a_child_reads_the_newest(db):
    a = ask(db, 'a', result_sql="select 'one' as v")
    b = scheduled(db, 'b', 'a', export_sql="select :'after__a__v' as v")
    ended(db, a)
    assert content(again(db, b))[1] == 'one'


def test_a_parent_without_the_column_fails_the_child_by_name(db):
    a = ask(db, 'a', result_sql='select 1 as x, 2 as y')
    b = ask(db, 'b', 'a', export_sql="select :'after__a__z' as z", max_retries=0)
    run = ended(db, b, 'FAILED')
    assert run.error_message.endswith(
        f"the result of request {report.config(db, a).request_id} has no column \"z\" for "
        ":'after__a__z'; it has x, y")


def test_a_parent_without_a_result_has_built_in_values_only(db):
    ask(db, 'a')
    with pytest.raises(Refused, match="report \"a\" has no result_sql"):
        ask(db, 'b', 'a', export_sql="select :'after__a__x' as x")
    with pytest.raises(Refused, match='which has a'):
        ask(db, 'b', 'a', export_sql="select :'after__b__x' as x")
    ended(db, ask(db, 'b', 'a', export_sql="select :'after__a__run_id' as x"))


def test_a_result_that_others_read_stays(db):
    a = ask(db, 'a', result_sql='select 1 as x')
    ask(db, 'b', 'a', export_sql="select :'after__a__x' as x")
    with pytest.raises(Refused, match='others read its result: these run after it: b'):
        db.execute('select reportd.change(%s, %s)', a, Jsonb({'result_sql': None}))
    db.execute('select reportd.change(%s, %s)', a, Jsonb({'result_sql': 'select 2 as x'}))


def test_keys_that_end_in_an_underline_are_told_apart(db):
    ask(db, 'k', result_sql='select 1 as x')
    ask(db, 'k_', result_sql='select 2 as x')
    c = scheduled(db, 'c', ['k', 'k_'], export_sql="select :'after__k__x' || :'after__k___x' as v")
    ended(db, db.value("select reportd.id('k')"))
    ended(db, db.value("select reportd.id('k_')"))
    assert content(again(db, c))[1] == '12'


# ---- reportctl ----

def test_reportctl_shows_results_and_horizons(db, shared):
    def ctl(*args):
        done = process.reportctl(shared.conf, *args)
        assert done.returncode == 0, done.stderr
        return done.stdout
    ctl('submit', '--name', 'a', '--key', 'a', '--sql', "select :'horizon' as h",
        '--result', 'select 1 as x, null as y', '--wait')
    run = json.loads(ctl('runs', 'a', '--json'))[0]
    assert run['result_row'] == {'x': '1', 'y': None} and run['horizon'] < run['started_at']
    assert '"x": "1"' in ctl('runs', 'a')
    shown = ctl('show', 'a')
    assert re.search(r'^last result +\{"x":.?"1", ?"y": ?null\}$', shown, re.M), shown
    assert re.search(r'^has read to +20', shown, re.M) and 'select 1 as x, null as y' in shown
    said = ctl('why', 'a')
    assert ' and has read up to 20' in said and 'with the result {"x": "1", "y": null}' in said
    ctl('submit', '--name', 'b', '--key', 'b', '--sql', "select :'after__a__x' as x", '--after', 'a',
        '--wait-timeout', '2 hours', '--horizon-overlap', '1 hour')
    b = report.config(db, db.value("select reportd.id('b')"))
    assert (b.trigger_type, b.run_after, b.wait_timeout, b.horizon_overlap) == (
        'AFTER', ['a'], timedelta(hours=2), timedelta(hours=1))
    ctl('submit', '--name', 'c', '--key', 'c', '--sql', 'select 1', '--after', 'a', '--after', 'b',
        '--schedule', '0 0 1 1 *')
    c = report.config(db, db.value("select reportd.id('c')"))
    assert (c.trigger_type, c.run_after) == ('SCHEDULED', ['a', 'b'])
    done = process.reportctl(shared.conf, 'submit', '--name', 'd', '--sql', 'x', '--after', 'a', '--wait')
    assert done.returncode == 2 and '--after' in done.stderr


# ---- what retention spares ----

def purge(db):
    """Makes all that has ended old, and deletes what is."""
    db.execute("update reportd.report_request set ended_at = ended_at - interval '1 year' "
               "where state = 'ENDED'")
    db.execute("update reportd.report_run set started_at = started_at - interval '1 year' "
               "where status <> 'PROCESSING'")
    query = (ROOT / 'sql/queue/purge.sql').read_text().replace('$1', "'3600000'").replace('$2', '0')
    while db.value(query):
        pass


def test_the_newest_result_outlives_its_run(db):
    one = scheduled(db, 'a', export_sql="select :'last__n' as n",
                    result_sql="select coalesce(:'last__n'::int, 0) + 1 as n")
    for _ in range(3):
        again(db, one)
    # The last one that counts is older than these two.
    again(db, one, parameters=Jsonb({'x': '1'}))
    db.execute('select reportd.change(%s, %s)', one, Jsonb({'max_retries': 0}))
    run_now(db, one, parameters=Jsonb({'last__n': 'nonsense'}))
    ended(db, one, 'FAILED')
    purge(db)
    assert report.runs(db, one) == []
    assert requests(db, one, 'result') == [{'n': '3'}]
    assert content(again(db, one))[1] == '3'


def test_the_results_that_a_waiting_child_needs_outlive_retention(db):
    """The child follows the first of three occurrences, which is not the newest any more, and
    gets its values though the run is gone."""
    a = scheduled(db, 'a', expression='0 * * * *', result_sql="select :'scheduled_for' as at")
    ask(db, 'late')
    late = scheduled(db, 'slow', expression='0 * * * *', is_active=False)
    b = scheduled(db, 'b', ['a', 'slow'], expression='0 * * * *',
                  export_sql="select :'after__a__at' as at, :'after__a__output_url' as url")
    hours = [datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0)
             - timedelta(hours=h) for h in (4, 3, 2)]
    for hour in hours:
        db.execute('select reportd.backfill(%s, %s, %s)', a, hour, hour)
        ended(db, a)
    url = report.runs(db, a)[0].output_url
    db.execute('select reportd.backfill(%s, %s, %s)', b, hours[0], hours[0])
    purge(db)
    assert requests(db, b) == ['WAITING'] and report.runs(db, a) == []
    db.execute("select reportd.change(%s, '{\"is_active\": true}')", late)
    db.execute('select reportd.backfill(%s, %s, %s)', late, hours[0], hours[0])
    wait_requests(db, b, 'COMPLETED')
    at, found = content(report.runs(db, b)[0])[1].split(',')
    assert datetime.fromisoformat(at) == hours[0] and found == url
    # Nobody needs them now, but for the newest.
    purge(db)
    assert requests(db, a, 'scheduled_for') == [hours[2]]


def test_what_a_request_in_hand_has_waited_for_stays(db):
    a = scheduled(db, 'a', expression='0 * * * *', result_sql="select :'request_id' as r")
    hour = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0) \
        - timedelta(hours=3)
    half, ten = hour + timedelta(minutes=30), hour + timedelta(minutes=10)
    with gate(db):
        b = scheduled(db, 'b', 'a', expression='30 * * * *', max_retries=1,
                      prep_sql=f'select 1; {gated()}', export_sql="select :'after__a__r' as r")
        first = db.value('select reportd.backfill(%s, %s, %s)', a, hour, hour)
        db.execute('select reportd.backfill(%s, %s, %s)', b, half, half)
        wait_at_gate(db)
        # A later one, which would satisfy as well.
        db.execute("select reportd.change(%s, '{\"schedule_expression\": \"*/10 * * * *\"}')", a)
        db.execute('select reportd.backfill(%s, %s, %s)', a, ten, ten)
        wait_requests(db, a, 'COMPLETED', 'COMPLETED')
        purge(db)
        assert requests(db, a, 'request_id')[0] == first
        # Its next attempt asks for the values once more.
        db.execute("select pg_terminate_backend(pid) from pg_stat_activity "
                   "where wait_event = 'advisory'")
        wait_for(lambda: len(report.runs(db, b)) == 2)
    assert content(ended(db, b))[1] == str(first)


# ---- the manual ----

def manual(heading):
    page = (ROOT / 'docs/pipelines.md').read_text()
    return re.search(r'```sql\n(.*?)```', page[page.index(heading):], re.S)[1]


def test_what_a_step_hands_on_in_the_manual(db):
    db.execute(manual('## What a step hands on'))
    run_now(db, db.value("select reportd.id('pipe_export')"), cascade=True)
    run = ended(db, db.value("select reportd.id('pipe_export')"))
    receipt = db.value("select reportd.id('pipe_receipt')")
    wait_requests(db, receipt, 'COMPLETED')
    assert content(report.runs(db, receipt)[0]) == ['file,rows,top', f'{run.output_url},3,3']


def test_what_is_new_in_the_manual(db):
    db.execute('create schema app; create schema warehouse; '
               'create table app.rows (id int, amount int, updated_at timestamptz default now()); '
               'create table warehouse.rows (like app.rows, primary key (id))')
    try:
        db.execute('insert into app.rows select i, i from generate_series(1, 10) i')
        db.execute(manual('## Only what is new'))
        one = db.value("select reportd.id('pipe_copy')")

        def copied():
            again(db, one)
            return db.value('select count(*) from warehouse.rows') == 10
        wait_for(copied, interval=0.5)
        again(db, one)
    finally:
        db.execute('drop schema app cascade; drop schema warehouse cascade')


def test_another_mark_in_the_manual(db):
    db.execute('create schema app; create table app.stock as select generate_series(1, 10) as id')
    try:
        db.execute(manual('**Other marks.**'))
        one = db.value("select reportd.id('pipe_stock')")
        db.execute("select reportd.change(%s, '{\"max_retries\": 0}')", one)
        assert again(db, one).row_count == again(db, one).row_count == 10
        db.execute('delete from app.stock where id > 5')
        run_now(db, one)
        assert 'about as many as last time' in ended(db, one, 'FAILED').error_message
    finally:
        db.execute('drop schema app cascade')
