# SPDX-License-Identifier: MIT
"""Reports that load tables of a target."""

import re
import shlex
import signal

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from lib import postfix, report
from lib.paths import ROOT
from lib.ports import free_ports
from lib.proxy import Proxy
from lib.report import submit, wait_done
from lib.target import Target, load, outcome
from lib.wait import wait_for
from test_engine_shared import gate, gated, wait_at_gate


@pytest.fixture
def ready(daemon, target):
    """A daemon that has the target."""
    return daemon(target.sections())


def request_of(db, config_id):
    return db.value('select request_id from reportd.report_config where config_id = %s',
                    config_id)


def test_rows_are_appended_in_one_transaction_with_the_ledger(db, target, ready):
    target.table('create table s.t (id int primary key, name text, at timestamptz default now())')
    first = load(db, 's.t', "select 1 as id, 'a' as name union all select 2, null")
    assert outcome(db, first) == ('COMPLETED', 2, None)
    second = load(db, 's.t', "select 'b' as name, 3 as id")
    assert outcome(db, second)[0] == 'COMPLETED'
    assert target.rows('select id, name, at is not null from s.t order by 1') == [
        (1, 'a', True), (2, None, True), (3, 'b', True)]
    assert target.ledger() == [(request_of(db, first), '"s"."t"', 2),
                               (request_of(db, second), '"s"."t"', 1)]
    run = db.row('select output_url, stage_ms from reportd.report_run order by run_id limit 1')
    assert run.output_url == 'table:dwh/s.t'
    assert run.stage_ms.keys() == {'export', 'load', 'publish'}


@pytest.mark.parametrize('mode', ['append', 'replace'])
def test_bytes_of_the_source_go_into_the_table_as_they_are(db, target, ready, mode):
    """The source's own COPY, in the form that the target's COPY reads: nobody reads values."""
    target.table('create table s.t (id int, name text)')
    with gate(db):
        one = load(db, 's.t', gated(columns="1 as id, 'a' as name"), wait=False,
                   options={'mode': mode})
        wait_at_gate(db)
        asked = db.value("select query from pg_stat_activity where wait_event = 'advisory'")
        assert re.search(r'copy \(.*\) to stdout with \(format text', asked, re.S), asked
    assert wait_done(db, one).status == 'COMPLETED'
    assert target.rows('select * from s.t') == [(1, 'a')]


def test_replace_takes_the_old_rows_away_and_no_rows_empty_the_table(db, target, ready):
    target.table('create table s.t (id int, name text)')
    target.table("insert into s.t values (1, 'old')")
    load(db, 's.t', "select g as id, 'new' as name from generate_series(1, 3) g",
         options={'mode': 'replace'})
    assert target.rows('select * from s.t order by 1') == [(1, 'new'), (2, 'new'), (3, 'new')]
    empty = load(db, 's.t', 'select 1 as id where false', options={'mode': 'replace'})
    assert outcome(db, empty)[:2] == ('COMPLETED', 0)
    assert target.rows('select * from s.t') == []


def test_replace_leaves_tables_that_inherit_alone(db, target, ready):
    target.table('create table s.t (id int); create table s.child () inherits (s.t); '
                 'insert into s.child values (9); insert into s.t values (1)')
    load(db, 's.t', 'select 2 as id', options={'mode': 'replace'})
    assert target.rows('select id from s.t order by 1') == [(2,), (9,)]


def test_upsert_updates_what_is_there_and_inserts_the_rest(db, target, ready):
    target.table("create table s.t (a int, b text, n int, kept text default 'd', unique (b, a)); "
                 "insert into s.t values (1, 'x', 10, 'mine')")
    done = load(db, 's.t', "select 1 as a, 'x' as b, 11 as n union all select 2, 'y', 12",
                options={'mode': 'upsert', 'key': ['a', 'b']})
    assert outcome(db, done) == ('COMPLETED', 2, None)
    assert target.rows('select * from s.t order by 1') == [
        (1, 'x', 11, 'mine'), (2, 'y', 12, 'd')]


def test_an_upsert_of_keys_alone_leaves_what_is_there(db, target, ready):
    target.table('create table s.t (a int primary key, n int default 5); insert into s.t values (1, 7)')
    done = load(db, 's.t', 'select 1 as a union all select 2',
                options={'mode': 'upsert', 'key': ['a']})
    assert outcome(db, done)[0] == 'COMPLETED'
    assert target.rows('select * from s.t order by 1') == [(1, 7), (2, 5)]


def test_an_upsert_without_a_unique_index_names_the_mend(db, target, ready):
    target.table('create table s.t (a int, b int, n int); create unique index on s.t (a, b); '
                 'create unique index on s.t (a) where n > 0')
    done = load(db, 's.t', 'select 1 as a, 2 as n', options={'mode': 'upsert', 'key': ['a']})
    status, _, error = outcome(db, done)
    assert status == 'FAILED'
    assert 'create unique index on "s"."t" ("a")' in error
    assert target.rows('select * from s.t') == []


def test_repeated_keys_are_an_error_with_an_example_unless_order_by_chooses(db, target, ready):
    target.table('create table s.t (id int primary key, name text, at date)')
    query = ("select * from (values (1, 'old', date '2026-01-01'), (1, 'new', '2026-02-01'), "
             "(1, 'none', null), (2, 'only', '2026-01-01')) v (id, name, at)")
    done = load(db, 's.t', query, options={'mode': 'upsert', 'key': ['id']})
    status, _, error = outcome(db, done)
    assert status == 'FAILED'
    assert '3 rows with the key ("id") = (1)' in error and 'order_by' in error
    assert target.rows('select * from s.t') == [] and target.ledger() == []
    done = load(db, 's.t', query, options={
        'mode': 'upsert', 'key': ['id'], 'order_by': ['at desc']})
    status, rows, remark = outcome(db, done)
    assert (status, rows) == ('COMPLETED', 4)
    assert '2 rows were left out' in remark
    assert target.rows('select id, name from s.t order by 1') == [(1, 'new'), (2, 'only')]


def test_a_null_in_the_key_is_refused_with_an_example(db, target, ready):
    target.table('create table s.t (a int, b int, unique (a, b))')
    done = load(db, 's.t', 'select 1 as a, 2 as b union all select 7, null',
                options={'mode': 'upsert', 'key': ['a', 'b']})
    status, _, error = outcome(db, done)
    assert status == 'FAILED'
    assert 'NULL in its key ("a", "b"), beside 7' in error
    assert target.rows('select * from s.t') == []


def test_create_makes_the_table_once(db, target, ready):
    options = {'create': True, 'key': ['id'], 'mode': 'upsert'}
    query = ("select 1 as id, 'a'::varchar(5) as v, 1.50::numeric(8,2) as n, "
             "'{1,2}'::smallint[] as s, '10.0.0.1'::inet as ip, now() as at")
    for _ in range(2):
        done = load(db, 's.made', query, options=options)
        assert outcome(db, done)[0] == 'COMPLETED', outcome(db, done)
    assert target.rows("select attname::text, format_type(atttypid, atttypmod) from pg_attribute "
                       "where attrelid = 's.made'::regclass and attnum > 0 order by attnum") == [
        ('id', 'integer'), ('v', 'text'), ('n', 'numeric(8,2)'), ('s', 'smallint[]'),
        ('ip', 'text'), ('at', 'timestamp with time zone')]
    assert target.rows('select id, n::text, s, ip from s.made') == [(1, '1.50', [1, 2], '10.0.0.1')]


def test_a_load_that_fails_leaves_no_table(db, target, ready):
    done = load(db, 's.made', 'select 1 / g as x from generate_series(1, 0, -1) g',
                options={'create': True})
    assert outcome(db, done)[0] == 'FAILED'
    assert target.rows("select to_regclass('s.made')") == [(None,)]


def test_a_missing_table_names_create(db, target, ready):
    status, _, error = outcome(db, load(db, 's.nothing', 'select 1 as a'))
    assert status == 'FAILED'
    assert 'the target has no such table' in error and '"create": true' in error


def test_drift_is_an_error_or_adds_columns(db, target, ready):
    target.table('create table s.t (id int, kept int default 4)')
    query = "select 1 as id, 'x' as name, 2.5::float4 as f"
    status, _, error = outcome(db, load(db, 's.t', query))
    assert status == 'FAILED'
    assert 'a column "name", which the table lacks' in error and '"drift": "add"' in error
    done = load(db, 's.t', query, options={'drift': 'add'})
    assert outcome(db, done)[0] == 'COMPLETED', outcome(db, done)
    assert target.rows('select * from s.t') == [(1, 4, 'x', 2.5)]


def test_columns_that_the_table_makes_itself(db, target, ready):
    target.table('create table s.t (id int generated always as identity primary key, a int, '
                 'twice int generated always as (a * 2) stored)')
    load(db, 's.t', 'select 5 as a')
    load(db, 's.t', 'select 70 as id, 6 as a')
    assert target.rows('select * from s.t order by a') == [(1, 5, 10), (70, 6, 12)]
    done = load(db, 's.t', 'select 70 as id, 7 as a union all select 71, 8',
                options={'mode': 'upsert', 'key': ['id']})
    assert outcome(db, done)[0] == 'COMPLETED', outcome(db, done)
    assert target.rows('select * from s.t order by a')[1:] == [(70, 7, 14), (71, 8, 16)]
    status, _, error = outcome(db, load(db, 's.t', 'select 1 as a, 2 as twice'))
    assert status == 'FAILED'
    assert 'a column "twice", which the table generates itself' in error


@pytest.mark.parametrize('mode', ['append', 'replace'])
def test_a_trigger_that_drops_rows_fails_the_load(db, target, ready, mode):
    target.table('''create table s.t (id int);
        create function s.drop_odd() returns trigger language plpgsql as
        'begin if new.id % 2 = 1 then return null; end if; return new; end';
        create trigger drop_odd before insert on s.t for each row execute function s.drop_odd()''')
    done = load(db, 's.t', 'select g as id from generate_series(1, 10) g', options={'mode': mode})
    status, _, error = outcome(db, done)
    assert status == 'FAILED'
    assert 'of 10 rows the table took 5: a trigger' in error
    assert target.rows('select * from s.t') == [] and target.ledger() == []


def test_triggers_run_for_each_row(db, target, ready):
    target.table('''create table s.t (id int, note text);
        create function s.mark() returns trigger language plpgsql as
        'begin new.note := coalesce(new.note, ''t''); return new; end';
        create trigger mark before insert on s.t for each row execute function s.mark()''')
    load(db, 's.t', 'select 1 as id')
    assert target.rows('select * from s.t') == [(1, 't')]


@pytest.mark.parametrize(('ddl', 'said'), [
    ('create view s.x as select 1 as id', 'it is a view'),
    ('create materialized view s.x as select 1 as id', 'it is a view'),
    ('create sequence s.x', 'it is no table'),
    ('create table s.x (id int); create rule r as on insert to s.x do also notify x',
     'it has rules'),
    ('create table s.x (id int); alter table s.x enable row level security, '
     'force row level security', 'row-level security holds'),
])
def test_what_is_no_plain_table_is_refused(db, target, ready, ddl, said):
    target.table(ddl)
    status, _, error = outcome(db, load(db, 's.x', 'select 1 as id'))
    assert status == 'FAILED'
    assert said in error


def test_foreign_tables_are_refused_also_as_partitions(db, target, ready):
    target.db.execute('''create extension postgres_fdw;
        create server other foreign data wrapper postgres_fdw;
        create foreign table s.x (id int) server other;
        create table s.p (id int) partition by list (id);
        create foreign table s.p1 partition of s.p for values in (1) server other''')
    for name, said in ('x', 'it is a foreign table'), ('p', 'one of its partitions is a foreign'):
        status, _, error = outcome(db, load(db, f's.{name}', 'select 1 as id'))
        assert status == 'FAILED'
        assert said in error


def test_partitioned_tables_take_every_mode(db, target, ready):
    target.table('create table s.p (id int primary key, n int) partition by range (id); '
                 'create table s.p1 partition of s.p for values from (0) to (10); '
                 'create table s.p2 partition of s.p for values from (10) to (20)')
    load(db, 's.p', 'select g as id, 1 as n from generate_series(1, 19) g')
    load(db, 's.p', 'select 5 as id, 2 as n', options={'mode': 'upsert', 'key': ['id']})
    assert target.rows('select n from s.p where id = 5') == [(2,)]
    load(db, 's.p', 'select 12 as id, 3 as n', options={'mode': 'replace'})
    assert target.rows('select * from s.p') == [(12, 3)]
    load(db, 's.p1', 'select 3 as id, 3 as n')
    status, _, error = outcome(db, load(db, 's.p1', 'select 15 as id, 3 as n'))
    assert status == 'FAILED' and 'partition' in error


@pytest.mark.parametrize(('name', 'sql_name'), [
    ('s."Big Table"', '"Big Table"'), ('S.Folded', 'folded'), ('s."a.b"', '"a.b"'),
    ('s."q""q"', '"q""q"'), ("s.\"it's\"", "\"it's\""), ('s."{x}%d"', '"{x}%d"'),
    ('s."a/b"', '"a/b"'), ('s."ä-ü"', '"ä-ü"'), ('s.größe', 'größe'),
    ('s."x; drop table s.t"', '"x; drop table s.t"'), ('s."select"', '"select"'),
])
def test_names_are_those_of_sql(db, target, ready, name, sql_name):
    target.table(f'create table s.{sql_name} ("a ""b" int, "select" text, "x, y" int)')
    done = load(db, name, 'select 1 as "a ""b", \'t\' as "select", 2 as "x, y"')
    assert outcome(db, done)[0] == 'COMPLETED', outcome(db, done)
    done = load(db, name, 'select 1 as "a ""b", \'t\' as "select", 2 as "x, y"',
                options={'mode': 'replace'})
    assert outcome(db, done)[0] == 'COMPLETED', outcome(db, done)
    assert target.rows(f'select * from s.{sql_name}') == [(1, 't', 2)]


def test_texts_arrive_as_they_are(db, target, ready):
    target.table('create table s.t (id int, v text)')
    texts = ['', '\\N', '\\.', 'a\tb', 'a\nb', 'a\r\nb', '\\', '\\t', "'", '"', 'é€😀', '\x01\x02\b\f\v', 'NULL']
    rows = ', '.join("({}, convert_from('\\x{}', 'UTF8'))".format(i, t.encode().hex())
                     for i, t in enumerate(texts))
    query = f'select * from (values {rows}) v (id, v)'
    load(db, 's.t', query)
    assert [v for _, v in target.rows('select * from s.t order by 1')] == texts
    # By the encoder as well: two formats read typed rows.
    load(db, 's.t', query, output_format='TABLE,CSV', output_path='x.{ext}',
         output_options={'table': {'into': 'table:dwh/s.t', 'mode': 'replace'}})
    assert [v for _, v in target.rows('select * from s.t order by 1')] == texts


def test_permission_denied_names_the_login(db, target, ready):
    target.db.execute('create table s.t (id int)')
    status, _, error = outcome(db, load(db, 's.t', 'select 1 as id'))
    assert status == 'FAILED'
    assert 'permission denied' in error and f'the target logs in as "{target.user}"' in error
    assert error.count('hint: ') == 1 and 'the source' not in error


def test_a_statement_that_the_target_ends_is_its_limit(db, daemon, target):
    daemon(target.sections(statement_timeout='300ms'))
    target.table('create table s.t (id int)')
    with target.db.connect(autocommit=False) as other:
        other.execute('lock table s.t in access exclusive mode')
        status, _, error = outcome(db, load(db, 's.t', 'select 1 as id', max_retries=0))
    assert status == 'FAILED'
    assert 'hint: a statement may take 300 ms: statement_timeout of [target.dwh]' in error


def test_a_value_that_the_table_refuses_is_shown_with_its_row(db, target, ready):
    target.table('create table s.t (id int, n int)')
    status, rows, error = outcome(db, load(
        db, 's.t', "select g as id, case when g = 3 then 'x' else '1' end as n "
        'from generate_series(1, 5) g'))
    assert status == 'FAILED'
    assert 'invalid input syntax for type integer: "x"' in error and 'line 3, column n' in error
    assert target.rows('select * from s.t') == []


def test_the_table_is_published_after_the_files(db, target, ready, out):
    """A constraint that is checked at COMMIT fails the load when the file is there."""
    target.table('create table s.t (id int unique deferrable initially deferred)')
    done = load(db, 's.t', 'select 1 as id union all select 1', output_format='TABLE,CSV',
                output_path='f.{ext}', output_options={'table': {'into': 'table:dwh/s.t'}})
    status, _, error = outcome(db, done)
    assert status == 'FAILED' and 'duplicate key' in error
    assert (out / 'f.csv').exists()
    assert target.rows('select * from s.t') == [] and target.ledger() == []
    done = load(db, 's.t', 'select 1 as id', output_format='CSV,TABLE', output_path='f.{ext}',
                output_options={'table': {'into': 'table:dwh/s.t'}})
    outputs = db.value('select outputs from reportd.report_run order by run_id desc limit 1')
    assert {o['format']: o['url'] for o in outputs}['TABLE'] == 'table:dwh/s.t'
    assert target.rows('select * from s.t') == [(1,)]


def test_skip_if_empty_leaves_the_table(db, target, ready):
    target.table('create table s.t (id int); insert into s.t values (1)')
    load(db, 's.t', 'select 1 as id where false',
         output_options={'skip_if_empty': True, 'table': {'mode': 'replace'}})
    assert target.rows('select * from s.t') == [(1,)]


def test_money_arrives_as_the_amount_that_it_is(db, target, ready):
    """Whatever currency the target's session shows."""
    target.db.execute("alter database {} set lc_monetary = 'C'".format(target.db.name))
    target.table('create table s.t (m money, n numeric, a money[])')
    load(db, 's.t', "select (-1234.5)::numeric::money as m, 7.25::numeric::money as n")
    assert target.rows('select m::numeric, n from s.t')[0] == (-1234.5, 7.25)


def test_two_loads_of_one_table_at_once_end_in_one_of_them(db, target, ready):
    """The second one deletes the rows of the first, which it has to wait for."""
    target.table('''create table s.t (id int, n int);
        create function s.gate() returns trigger language plpgsql as
        'begin perform pg_advisory_xact_lock_shared(1); return null; end';
        create trigger gate before insert on s.t for each statement execute function s.gate()''')
    with target.db.connect() as gate:
        gate.execute('select pg_advisory_lock(1)')
        ids = [load(db, 's.t', f'select g as id, {n} as n from generate_series(1, 20) g',
                    options={'mode': 'replace'}, wait=False) for n in range(2)]
        wait_for(lambda: target.rows(
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' "
            f"and usename = '{target.user}'") == [(2,)], what='both')
    for one in ids:
        wait_done(db, one)
        assert outcome(db, one)[0] == 'COMPLETED', outcome(db, one)
    assert target.rows('select count(*), count(distinct n) as kinds from s.t') == [(20, 1)]


def refused(db, said, **columns):
    with pytest.raises(psycopg.errors.InvalidParameterValue) as e:
        submit(db, **columns)
    assert said in f'{e.value.diag.message_primary} {e.value.diag.message_hint}'


@pytest.mark.parametrize(('columns', 'said'), [
    ({'output_path': 'table:nowhere/s.t'}, 'no daemon has a target "nowhere" Known: dwh'),
    ({'output_path': None}, 'output_path names no table'),
    ({'output_path': 'x.csv'}, '"x.csv" names no table of a target'),
    ({'export_sql': None, 'inputs': {
        'a': {'path': '/in/*.csv', 'format': 'csv', 'normalize_names': True}}, 'checks':
      '[{"name": "c", "at": "target", "range": {"column": "n", "max": ":\'horizon\'"}}]'},
     "the parameter :'horizon' is a time of the source, and nothing of this report reads one"),
    ({'output_path': 'table:dwh/t'}, 'names no table of a target'),
    ({'output_path': 'table:dwh/s.t x'}, 'names no table of a target'),
    ({'output_path': 'table:dwh/s.""'}, 'names no table of a target'),
    ({'output_path': 'table:dwh/pg_catalog.pg_class'}, 'no report loads tables of the schema'),
    ({'output_path': 'table:dwh/reportd.report_config'}, 'no report loads tables of the schema'),
    ({'output_path': 'table:dwh/s.' + 'x' * 64}, 'at most 63 bytes'),
    ({'output_format': 'CSV'}, 'is a table, and output_format is CSV'),
    ({'export_sql': 'select 1; select 2'}, 'the result of one statement'),
    ({'output_format': 'CSV,TABLE'}, 'output_path is for their files'),
    ({'output_format': 'CSV,TABLE', 'output_path': None}, 'no table for TABLE'),
    ({'output_options': {'table': {'mode': 'merge'}}}, '"table.mode" must be one of'),
    ({'output_options': {'table': {'mode': 'upsert'}}}, 'needs "key"'),
    ({'output_options': {'table': {'key': ['a']}}}, '"key" is for the mode upsert'),
    ({'output_options': {'table': {'order_by': ['a']}}}, '"order_by" is for the mode upsert'),
    ({'output_options': {'table': {'into': 'x'}}}, '"table.into" is for TABLE beside'),
    ({'output_options': {'delimiter': ';'}}, 'TABLE has no option "delimiter"'),
    ({'output_format': 'CSV', 'output_path': 'x', 'output_options': {'table': {}}},
     'CSV has no option "table"'),
])
def test_a_wrong_row_is_refused_by_the_insert(db, ready, columns, said):
    refused(db, said, **{'export_sql': 'select 1 as id', 'output_format': 'TABLE',
                         'output_path': 'table:dwh/s.t'} | columns)


def test_a_target_is_granted_by_name(db, target, ready):
    target.table('create table s.t (id int)')
    db.execute("create role ann_t login in role reportd_submitter")
    try:
        db.execute("select reportd.grant_source('default', 'ann_t')")
        with db.connect() as ann:
            ann.execute('set role ann_t')
            insert = ("insert into reportd.report_config (report_name, export_sql, output_format, "
                      "output_path, schedule_expression, trigger_type) values ('r', 'select 1 as id', "
                      "'TABLE', 'table:dwh/s.t', '0 0 1 1 *', 'SCHEDULED') returning config_id")
            with pytest.raises(psycopg.errors.InvalidParameterValue, match='may not load tables of a target "dwh"'):
                ann.execute(insert)
            assert ann.execute('select * from reportd.v_targets').fetchall() == []
            db.execute("select reportd.grant_target('dwh', 'ann_t')")
            assert ann.execute('select target from reportd.v_targets').fetchone()[0] == 'dwh'
            config_id = ann.execute(insert).fetchone()[0]
            ann.execute('select reportd.run_now(%s)', [config_id])
            wait_done(db, config_id)
            assert target.rows('select * from s.t') == [(1,)]
            db.execute("select reportd.revoke_target('dwh', 'ann_t')")
            ann.execute('select reportd.run_now(%s)', [config_id])
        row = wait_done(db, config_id)
        assert row.status == 'FAILED'
        assert 'may not load tables of a target "dwh"' in row.error_message
        with pytest.raises(psycopg.errors.InvalidParameterValue, match='no daemon has told of a target "x"'):
            db.execute("select reportd.grant_target('x', 'ann_t')")
    finally:
        db.execute('drop owned by ann_t; delete from reportd.report_config; drop role ann_t')


def test_a_login_that_sources_share_is_refused(db, daemon, target):
    target.table('create table s.t (id int)')
    # The same login, in other words: the catalogue tells.
    daemon({**target.sections(), 'source.default': {
        'conninfo': target.conninfo.replace('port=5432', "port=5432 options=-cwork_mem=5MB"),
        'trusted': 'off'}})
    status, _, error = outcome(db, load(db, 's.t', 'select 1 as id'))
    assert status == 'FAILED'
    assert 'logs in as source "default" does' in error
    assert target.rows('select * from s.t') == []


def test_a_source_whose_login_reaches_the_ledger_is_refused(db, daemon, target):
    """It may become the target's login by SET ROLE."""
    target.table('create table s.t (id int)')
    reader = f'{target.user}_reader'
    db.execute(f'create role {reader} login in role {target.user}')
    try:
        daemon({**target.sections(), 'source.default': {
            'conninfo': target.conninfo.replace(target.user, reader), 'trusted': 'off'}},
            retry_backoff='100ms', retry_backoff_max='300ms')
        first = load(db, 's.t', 'select 1 as id')
        assert outcome(db, first)[0] == 'COMPLETED'
        # New connections of the source see the ledger.
        for pid, in target.rows("select pg_terminate_backend(pid)::int from pg_stat_activity "
                                f"where usename = '{reader}'"):
            assert pid
        status, _, error = outcome(db, load(db, 's.t', 'select 2 as id', max_retries=2))
        assert status == 'FAILED'
        assert 'a role that works the ledger of a target' in error
    finally:
        db.execute(f'drop role {reader}')


def test_a_superuser_is_no_target_unless_trusted(db, daemon, target, cluster):
    target.table('create table s.t (id int)')
    db.execute(f'alter role {target.user} superuser')
    daemon(target.sections())
    status, _, error = outcome(db, load(db, 's.t', 'select 1 as id'))
    assert status == 'FAILED'
    assert 'is a superuser' in error and 'trusted = on in [target.dwh]' in error


def test_a_ledger_that_others_can_write_is_refused(db, target, ready):
    target.table('create table s.t (id int)')
    assert outcome(db, load(db, 's.t', 'select 1 as id'))[0] == 'COMPLETED'
    target.db.execute('grant insert on reportd_target.reportd_load to public')
    status, _, error = outcome(db, load(db, 's.t', 'select 2 as id'))
    assert status == 'FAILED'
    assert 'the ledger reportd_target.reportd_load can be written by others' in error
    target.db.execute('revoke insert on reportd_target.reportd_load from public; '
                      f'alter table reportd_target.reportd_load owner to {target.db.cluster.user}')
    status, _, error = outcome(db, load(db, 's.t', 'select 2 as id'))
    assert status == 'FAILED' and 'belongs to' in error
    status, _, error = outcome(db, load(db, 'reportd_target.reportd_load', 'select 1 as rows'))
    assert status == 'FAILED'
    assert target.rows('select * from s.t') == [(1,)]


def test_first_loads_at_once_make_one_ledger(db, target, daemon):
    daemon(target.sections(), workers=8)
    target.table('create table s.t (id int)')
    for _ in range(5):
        target.db.execute('drop schema if exists reportd_target cascade')
        ids = [load(db, 's.t', f'select {n} as id', wait=False) for n in range(8)]
        for one in ids:
            wait_done(db, one)
            assert outcome(db, one)[0] == 'COMPLETED', outcome(db, one)
        assert len(target.ledger()) == 8


def test_the_first_run_of_a_request_connects_once(db, cluster, target, daemon):
    target.table('create table s.t (id int)')
    proxy = Proxy(cluster.host)
    try:
        daemon({'target.dwh': {'conninfo': f'{target.conninfo} host={proxy.dir}'}})
        assert outcome(db, load(db, 's.t', 'select 1 as id'))[0] == 'COMPLETED'
        assert proxy.connections == 1
    finally:
        proxy.remove()


def test_a_retried_request_asks_before_anything_runs(db, target, ready):
    """It may have been loaded by a COMMIT whose answer nobody got."""
    target.table('create table s.t (id int)')
    db.execute('create table public.prepared (n int)')
    one = load(db, 's.t', 'select 1 / 0 as id', prep_sql='insert into public.prepared values (1)')
    assert outcome(db, one)[0] == 'FAILED'
    queue = db.value('select queue_id from reportd.queue_identity')
    target.db.execute('insert into reportd_target.reportd_load (queue, request_id, report, '
                      "target_table, rows) values (%s, %s, 'x', 's.t', 7)",
                      queue, request_of(db, one))
    db.execute('select reportd.retry(%s)', one)
    wait_done(db, one)
    status, count, remark = outcome(db, one)
    assert (status, count) == ('COMPLETED', 7) and 'an earlier attempt loaded it' in remark
    assert db.value('select count(*) from public.prepared') == 1


def test_a_login_that_makes_no_schema_is_told_how_to_get_its_ledger(db, target, ready):
    target.table('create table s.t (id int)')
    target.db.execute(f'revoke create on database {target.db.name} from {target.user}')
    status, _, error = outcome(db, load(db, 's.t', 'select 1 as id'))
    assert status == 'FAILED'
    mend = f'create schema reportd_target authorization "{target.user}"'
    assert mend in error
    target.db.execute(mend)
    assert outcome(db, load(db, 's.t', 'select 1 as id'))[0] == 'COMPLETED'


def test_doctor_and_targets_tell_of_a_target(db, ctl, target):
    done = ctl('doctor', sections=target.sections())
    assert f'connects as {target.user}' in done.stdout, done.stdout
    assert 'the ledger is made by the first load' in done.stdout
    done = ctl('targets', '--register', sections=target.sections())
    assert done.returncode == 0 and 'dwh' in done.stdout
    assert db.query('select target, type from reportd.report_target') == [('dwh', 'postgres')]
    bad = {**target.sections(), 'source.other': {'conninfo': target.conninfo}}
    assert 'logs in as source "other" does' in ctl('doctor', sections=bad).stdout
    db.execute(f'alter role {target.user} superuser')
    assert 'is a superuser' in ctl('doctor', sections=target.sections()).stdout
    done = ctl('targets', '--forget', 'dwh')
    assert done.returncode == 0
    assert db.query('select from reportd.report_target') == []


def test_export_of_reportctl_loads_a_table(ctl, target):
    target.table('create table s.t (id int)')
    done = ctl('export', '--sql', 'select 1 as id', '-o', 'table:dwh/s.t',
               '--option', 'table={"mode": "replace"}', sections=target.sections())
    assert done.returncode == 0, done.stderr
    assert target.rows('select * from s.t') == [(1,)]
    assert target.ledger() == []
    done = ctl('export', '--sql', 'select 1 as id', '-o', 'table:no/s.t', sections=target.sections())
    assert 'the settings have no target "no"' in done.stderr
    done = ctl('export', '--sql', 'select 1 as id', '-o', 'x', '--format', 'TABLE')
    assert 'the format TABLE goes to an address that begins with table:' in done.stderr
    done = ctl('export', '--sql', 'select 1 as id', '-o', 'table:dwh/s.t', '--format', 'CSV',
               sections=target.sections())
    assert 'takes the format TABLE, not CSV' in done.stderr


def test_the_ledger_cannot_be_loaded(db, target, ready):
    target.table('create table s.t (id int)')
    load(db, 's.t', 'select 1 as id')
    status, _, error = outcome(db, load(db, 'reportd_target.reportd_load', 'select 1 as rows'))
    assert status == 'FAILED'
    assert 'the schema reportd_target is that of the ledger' in error


# Two values of each type, which differ from their defaults in every part.
TYPES = {
    'bool': ('t', 'f'), 'int2': ('-32768', '7'), 'int4': ('-2147483648', '7'),
    'int8': ('-9223372036854775808', '7'), 'oid': ('4294967295', '7'), 'xid': ('7', '8'),
    'xid8': ('18446744073709551615', '8'), 'cid': ('7', '8'), 'tid': ('(1,2)', '(3,4)'),
    'float4': ('1e-38', 'NaN'), 'float8': ('1.7976931348623157e308', '-Infinity'),
    'numeric': ('0.000000000000000000001', 'NaN'), 'numeric(20,5)': ('123456789012345.12345', '-1'),
    'text': (' a\tb\\n\n', ''), 'varchar(9)': ('x', 'NULL'), 'char(5)': ('a', 'b  c'),
    '"char"': ('x', ''), 'name': ('a"b', 'c'), 'bytea': (r'\x00ff0a5c', r'\x'),
    'date': ('0044-03-15 BC', 'infinity'), 'time': ('24:00:00', '09:30:00.000001'),
    'timetz': ('09:30:00.25+05:30', '00:00:00-15:59:59'),
    'timestamp': ('294276-12-31 23:59:59.999999', '-infinity'),
    'timestamptz': ('0044-03-15 12:00:00+00 BC', '2026-10-25 00:30:00.5+00'),
    'interval': ('-1 year 2 mons -3 days 04:05:06.789', '00:00:00'),
    'uuid': ('00000000-0000-0000-0000-0000000000ff', 'ffffffff-ffff-ffff-ffff-ffffffffffff'),
    'json': ('{"b": 1, "a": [1.0, null], "b": 2}', '"\\u00e9"'), 'jsonb': ('{"a": 1.0}', 'null'),
    'jsonpath': ('$."a"[*]?(@ > 1)', '$'), 'xml': ('<a>é</a>', 'x'),
    'inet': ('::1/64', '10.0.0.1'), 'cidr': ('10.0.0.0/8', '::/0'),
    'macaddr': ('08:00:2b:01:02:03', '00:00:00:00:00:00'),
    'macaddr8': ('08:00:2b:01:02:03:04:05', '00:00:00:00:00:00:00:00'),
    'bit(5)': ('10101', '00000'), 'varbit': ('1', ''),
    'point': ('(1.5,-2)', '(NaN,Infinity)'), 'lseg': ('[(1,2),(3,4)]', '[(0,0),(0,0)]'),
    'path': ('((1,2),(3,4))', '[(1,2),(3,4)]'), 'box': ('(3,4),(1,2)', '(0,0),(0,0)'),
    'polygon': ('((1,2),(3,4),(5,6))', '((0,0))'), 'line': ('{1,2,3}', '{-1,0,5}'),
    'circle': ('<(1,2),3>', '<(0,0),0>'), 'tsvector': ("'a':1A 'it''s':2", ''),
    'tsquery': ("'a' & !( 'b' <-> 'c' )", "'x':*"), 'pg_lsn': ('16/B374D848', '0/0'),
    'txid_snapshot': ('10:20:10,14,15', '1:1:'), 'pg_snapshot': ('10:20:10,14,15', '1:1:'),
    'int4range': ('[1,3)', 'empty'), 'int8range': ('(,5)', '[1,2)'), 'numrange': ('[1.50,2]', '(,)'),
    'daterange': ('[2026-01-01,)', 'empty'), 'tsrange': ('["2026-01-01 00:00:00",)', 'empty'),
    'tstzrange': ('["2026-01-01 00:00:00+00","2026-02-01 00:00:00+00"]', 'empty'),
    'int4multirange': ('{[1,3),[5,7)}', '{}'), 'int8multirange': ('{}', '{[1,2)}'),
    'nummultirange': ('{[1,2]}', '{}'), 'datemultirange': ('{}', '{[2026-01-01,2026-02-01)}'),
    'tsmultirange': ('{}', '{["2026-01-01 00:00:00","2026-01-02 00:00:00")}'),
    'tstzmultirange': ('{}', '{["2026-01-01 00:00:00+00","2026-01-02 00:00:00+00")}'),
    'int2vector': ('1 2', ''), 'oidvector': ('1 2', ''), 'money': ('-$1,234.50', '$0.99'),
    'text[]': ('{"a,b",NULL,"\\"","\\\\",""}', '{}'), 'int4[]': ('[2:3]={1,2}', '{{1,2},{3,4}}'),
    'timestamptz[]': ('{"2026-01-01 00:00:00+00"}', '{infinity}'), 'bytea[]': (r'{"\\x00","\\x5c"}', '{}'),
    'mood': ('sad', "o'k"), 'positive': ('1', '2'), 'pair': ('(1,"a,""b""\\\\")', '(,)'),
    'pair[]': ('{"(1,\\"x y\\")"}', '{}'), 'positive[]': ('{1,2}', '{}'), 'prices': ('{1.50}', '{}'),
    'span': ('[1.5,2]', 'empty'), 'regrole': ('reportd_owner', '-'), 'regtype': ('integer', 'text'),
}
MADE_TYPES = """
    create type public.mood as enum ('sad', 'o''k'); create domain public.positive as int check (value > 0);
    create type public.pair as (a int, b text); create domain public.prices as numeric(8,2)[];
    create type public.span as range (subtype = numeric)"""


def test_every_type_arrives_as_it_was(db, target, ready):
    # PostgreSQL 13 has no multiranges.
    has = db.value("select to_regtype('int4multirange') is not null")
    types = {name: pair for name, pair in TYPES.items() if has or 'multirange' not in name}
    known = {row[0] for row in db.query(
        "select format_type(oid, null) from pg_type where typnamespace = 'pg_catalog'::regnamespace "
        "and typtype in ('b', 'r', 'm') and typelem = 0 and typisdefined "
        # Parameters that cannot be values of a table that is written, or that name an object.
        "and typname !~ '^(reg|pg_(node|ndistinct|dep|mcv|brin|ddl)|aclitem|refcursor|gtsvector)'")}
    listed = {row[0] for row in db.query(
        "select format_type(to_regtype(t), null) from unnest(%s::text[]) t", list(types))}
    assert known <= listed, known - listed
    columns = [f'c{i}' for i in range(len(types))]
    ddl = ', '.join(f'{c} {t}' for c, t in zip(columns, types))
    for one in db, target.db:
        one.execute(MADE_TYPES)
        one.execute(f"set search_path = public; set timezone = 'UTC'")
    db.execute(f'create table public.every (id int, {ddl})')
    marks = ', '.join(['%s'] * len(types))
    for i in range(2):
        db.execute(f'insert into public.every values ({i}, {marks})', *(v[i] for v in types.values()))
    db.execute('insert into public.every (id) values (2)')
    texts = ', '.join(f'{c}::text' for c in columns)
    query = f'select {texts} from {{}}.every order by id'
    expected = [tuple(r) for r in db.query(query.format('public'))]
    target.db.execute(f'create table s.every (id int primary key, {ddl}); '
                      f'alter table s.every owner to {target.user}')

    def arrived(**how):
        done = load(db, 's.every', 'select * from public.every', **how)
        assert outcome(db, done)[0] == 'COMPLETED', outcome(db, done)
        rows = [tuple(r) for r in target.rows(query.format('s'))]
        for name, *pair in zip(types, zip(*rows), zip(*expected)):
            assert pair[0] == pair[1], name
        assert len(rows) == 3
        target.db.execute('truncate s.every')

    # Money keeps the bytes from passing: once with it, and once without.
    arrived()
    arrived(options={'mode': 'upsert', 'key': ['id']})
    arrived(output_format='TABLE,CSV', output_path='x.{ext}',
            output_options={'table': {'into': 'table:dwh/s.every'}})
    money = columns[list(types).index('money')]
    for one, schema in (db, 'public'), (target.db, 's'):
        one.execute(f'alter table {schema}.every alter {money} type numeric using null')
    expected = [tuple(r) for r in db.query(query.format('public'))]
    arrived()
    arrived(options={'mode': 'replace'})


def test_a_mail_about_a_table_names_it(db, daemon, target, tmp_path):
    """There is no file to attach; the files beside it are."""
    smtpsink = pytest.importorskip('lib.smtpsink')
    target.table('create table s.t (id int)')
    port, = free_ports(1)
    sink = smtpsink.Sink(*postfix.make_certificate(tmp_path), port)
    try:
        daemon({**target.sections(), 'smtp': sink.settings()})
        one = load(db, 's.t', 'select 1 as id', notify_on_completion=['mailto:ann@example.com'])
        two = load(db, 's.t', 'select 1 as id', output_format='TABLE,CSV', output_path='x.{ext}',
                   output_options={'table': {'into': 'table:dwh/s.t'}},
                   notify_on_completion=['mailto:bob@example.com'])
        assert {outcome(db, i)[0] for i in (one, two)} == {'COMPLETED'}
        messages = wait_for(lambda: len(sink.messages()) == 2 and sink.messages(), 30)
        ann, bob = messages['ann@example.com'], messages['bob@example.com']
        assert 'table:dwh/s.t' in ann.get_body(('plain',)).get_content()
        assert [part.get_filename() for part in ann.iter_attachments()] == []
        assert [part.get_filename() for part in bob.iter_attachments()] == ['x.csv']
    finally:
        sink.go()
        sink.stop()


def test_a_load_that_is_cancelled_leaves_nothing(db, target, ready):
    target.table('create table s.t (id int)')
    one = load(db, 's.t', 'select g as id from generate_series(1, 100000) g, '
               'pg_sleep(case when g = 100000 then 600 else 0 end)', wait=False)
    wait_for(lambda: target.rows("select from pg_stat_activity where query like 'copy %' "
                                 f"and usename = '{target.user}'"))
    db.execute('select reportd.cancel(%s)', one)
    assert wait_done(db, one).status == 'CANCELLED'
    assert target.rows('select * from s.t') == [] and target.ledger() == []
    wait_for(lambda: not target.rows(
        f"select from pg_stat_activity where usename = '{target.user}'"), what='its session to end')


def test_a_lock_of_others_is_waited_for_up_to_the_timeout(db, target, ready):
    target.table('create table s.t (id int)')
    with target.db.connect(autocommit=False) as other:
        other.execute('lock table s.t in share mode')
        one = load(db, 's.t', 'select 1 as id', timeout='1 second')
    status, _, error = outcome(db, one)
    assert status == 'FAILED' and ('timed out' in error or 'statement timeout' in error)
    assert target.rows('select * from s.t') == []


def test_a_target_in_another_encoding(db, cluster, daemon):
    """Its characters are converted; one that it lacks fails the load."""
    target = Target(cluster, encoding='LATIN1', lc_collate='C', lc_ctype='C')
    try:
        daemon(target.sections())
        target.table('create table s.t (v text, "größe" int)')
        assert outcome(db, load(db, 's.t', "select 'é' as v, 1 as größe"))[0] == 'COMPLETED'
        status, _, error = outcome(db, load(db, 's.t', "select '€' as v"))
        assert status == 'FAILED' and 'LATIN1' in error
        assert target.rows('select v from s.t') == [('é',)]
    finally:
        target.drop()


def test_a_report_waits_for_a_daemon_that_has_its_target(db, daemon, target):
    target.table('create table s.t (id int)')
    db.execute("select reportd.register_target('dwh', 'postgres')")
    daemon({'target.other': {'conninfo': target.conninfo}})
    one = load(db, 's.t', 'select 1 as id', wait=False)
    # Later ones pass it.
    assert wait_done(db, submit(db)).status == 'COMPLETED'
    assert report.config(db, one).status == 'PENDING'
    assert 'no daemon that runs has the target "dwh" and the source "default"' in db.value(
        'select reportd.why(%s)', one)
    daemon(target.sections())
    assert wait_done(db, one).status == 'COMPLETED'
    assert target.rows('select * from s.t') == [(1,)]


def test_sighup_makes_new_targets_known(db, daemon, target):
    one = daemon()
    target.table('create table s.t (id int)')
    with open(one.conf, 'a') as conf:
        conf.write(f'[target.dwh]\nconninfo = {target.conninfo}\n')
    one.signal(signal.SIGHUP)
    wait_for(lambda: db.query('select from reportd.report_target'))
    assert outcome(db, load(db, 's.t', 'select 1 as id'))[0] == 'COMPLETED'
    assert db.value('select targets from reportd.report_worker') == ['dwh']


def test_a_server_that_cannot_be_reached_is_tried_again(db, daemon, target):
    daemon({'target.dwh': {'conninfo': 'host=/nowhere user=x dbname=x'}}, retry_backoff='0')
    one = load(db, 's.t', 'select 1 as id', max_retries=1)
    status, _, error = outcome(db, one)
    assert status == 'FAILED' and 'target "dwh"' in error
    assert db.value('select count(*) from reportd.report_run where config_id = %s', one) == 2


def test_a_report_goes_on_into_its_table_by_its_schedule(db, target, ready):
    """Each request is loaded, also of one report."""
    target.table('create table s.t (request bigint)')
    one = load(db, 's.t', "select :'request_id'::bigint as request")
    for _ in range(2):
        db.execute('select reportd.run_now(%s)', one)
        wait_done(db, one)
    wait_for(lambda: len(target.ledger()) == 3)
    assert [r for r, in target.rows('select * from s.t order by 1')] == [
        request for request, _, _ in target.ledger()]


def test_the_manual_is_right(db, cluster, daemon, ctl):
    """Its statements, in their order, and its command."""
    page = (ROOT / 'docs/targets.md').read_text()
    blocks = re.findall(r'```sql\n(.*?)```', page, re.S)
    setup, = (b for b in blocks if 'create role' in b)
    other = cluster.create()
    try:
        with other.connect() as conn:
            conn.execute(setup)
        sections = {'target.dwh': {'conninfo': make_conninfo(other.conninfo, user='report_loader')}}
        daemon(sections)
        db.execute("create role finance; create schema shop; create table shop.orders as "
                   "select 1::bigint as order_id, 'ann' as customer, 1.5::numeric(12,2) as amount, "
                   'now() as updated_at')
        for statement in (b for b in blocks if b != setup):
            db.execute(statement)
            for one, in db.query('select config_id from reportd.report_config'):
                assert wait_done(db, one).status in ('COMPLETED', 'FAILED')
        # The first append, a duplicate, updated, replaced.
        assert {r.status for r in db.query('select status from reportd.report_run')} == {'COMPLETED'}
        assert other.query('select order_id, customer from sales.orders') == [(1, 'ann')]
        command = re.search(r'^\$ reportctl (export .*)$', page, re.M)[1]
        done = ctl(*shlex.split(command), sections=sections)
        assert done.returncode == 0, done.stderr
    finally:
        other.drop()
        db.execute('drop role if exists finance')
        cluster.admin('drop role report_loader')
