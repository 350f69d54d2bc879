# SPDX-License-Identifier: MIT
"""CSV files of an input that go into the table of a target as they are."""

import gzip
import os

import pytest
from psycopg import errors

from lib import report
from lib.manual import says
from lib.target import Target, outcome
from lib.wait import wait_for
from test_engine_shared import running_engine
from test_inputs import FAST, files, put

COLUMNS = [['id', 'bigint'], ['name', 'text']]


@pytest.fixture(scope='module')
def target(cluster):
    target = Target(cluster)
    yield target
    target.drop()


@pytest.fixture(scope='module')
def engine(cluster, template, target, tmp_path_factory):
    path = tmp_path_factory.mktemp('files')
    (path / 'in').mkdir()
    sections = target.sections() | {
        'inputs': {'folders': path / 'in', 'rescan': '1s'},
        # Nobody listens there: files alone need no source.
        'source.nowhere': {'conninfo': 'host=127.0.0.1 port=1 dbname=none'}}
    with running_engine(cluster, template, path, sections, max_output='2MB', **FAST) as engine:
        engine.path = path / 'in'
        yield engine


@pytest.fixture
def db(engine):
    return engine.db


@pytest.fixture
def landing(engine, request):
    path = engine.path / request.node.name.partition('[')[0]
    path.mkdir(exist_ok=True)
    return path


@pytest.fixture
def table(target):
    """Makes the table s.t anew, with these columns."""
    def make(columns):
        target.table(f'drop table if exists s.t; create table s.t ({columns})')
    target.table('drop table if exists s.t')
    yield make
    target.table('drop table if exists s.t')


def submit(db, folder, pattern='*.csv', trigger='FILE', options=None, more=None, **columns):
    spec = {'path': f'{folder}/{pattern}', 'format': 'csv', 'columns': COLUMNS,
            'stable_for': '0 s'} | (more or {})
    spec = {k: v for k, v in spec.items() if v is not None}
    return report.submit(db, **{
        'trigger_type': trigger, 'source': 'nowhere', 'export_sql': None, 'inputs': {'f': spec},
        'output_format': 'TABLE', 'output_path': 'table:dwh/s.t', 'max_retries': 0,
        'output_options': {'table': options or {}}} | columns)


def wait_run(db, config_id, count=1):
    """The outcome of the last run, once this many have ended."""
    def ended():
        runs = report.runs(db, config_id)
        return len([r for r in runs if r.finished_at]) >= count or None
    wait_for(ended, 30, f'{count} runs')
    return outcome(db, config_id)


def test_files_go_into_the_table_with_their_ledger(db, landing, target, table):
    table('id bigint primary key, name text, at timestamptz not null default now()')
    put(landing, 'a.csv', 'id,name\n1,"Ann, A."\n2,"two\nlines"\n')
    put(landing, 'b.csv', 'id,name\n3,\n4,""\n')
    config_id = submit(db, landing)
    assert wait_run(db, config_id) == ('COMPLETED', 4, None)
    assert target.rows('select id, name from s.t order by id') == [
        (1, 'Ann, A.'), (2, 'two\nlines'), (3, None), (4, '')]
    request = db.value('select request_id from reportd.report_run where config_id = %s', config_id)
    assert (request, '"s"."t"', 4) in target.ledger()
    run = report.runs(db, config_id)[0]
    assert (run.output_url, run.byte_count) == ('table:dwh/s.t', 50) and run.sha256
    assert run.stage_ms.keys() == {'fetch', 'copy', 'load', 'publish'}
    wait_for(lambda: files(db, config_id, 'DONE') == ['a.csv', 'b.csv'])


def test_a_wrong_value_names_file_line_and_column_and_nothing_stays(db, landing, target, table):
    table('id bigint, name text')
    put(landing, 'a.csv', 'id,name\n1,good\n')
    put(landing, 'b.csv', 'id,name\n2,"a\nb"\nthree,x\n')
    config_id = submit(db, landing)
    status, _, error = wait_run(db, config_id)
    assert status == 'FAILED'
    assert error.startswith('copy: ') and f'{landing}/b.csv' in error
    assert '; at line 4, column id' in error and '"three"' in error
    assert 'hint' not in error and 'reportd_stage' not in error
    assert target.rows('select id, name from s.t') == []
    wait_for(lambda: files(db, config_id, 'FAILED') == ['a.csv', 'b.csv'])
    advice = f'{error}; its 2 files failed together: `"batch": 1` in inputs finds the one'
    assert db.value('select distinct reason from reportd.v_inputs where config_id = %s',
                    config_id) == advice
    assert advice in db.value('select reportd.why(%s)', config_id)


@pytest.mark.parametrize('mode', ['replace', 'upsert'])
def test_staged_modes(db, landing, target, table, mode):
    table('id bigint primary key, name text')
    target.table("insert into s.t values (1, 'old'), (9, 'old')")
    put(landing, f'{mode}_a.csv', 'id,name\n1,new\n')
    put(landing, f'{mode}_b.csv', 'id,name\n2,new\n')
    options = {'mode': mode} | ({'key': ['id']} if mode == 'upsert' else {})
    config_id = submit(db, landing, f'{mode}*.csv', options=options)
    assert wait_run(db, config_id) == ('COMPLETED', 2, None)
    kept = [(9, 'old')] if mode == 'upsert' else []
    assert target.rows('select id, name from s.t order by 1') == [(1, 'new'), (2, 'new')] + kept


def test_a_table_is_made_with_the_types_that_are_given(db, landing, target, table):
    put(landing, 'a.csv', 'id;amount;day;who\n1;1.50;2026-01-31;x\n2;"";"";""\n')
    config_id = submit(db, landing, options={'create': True}, more={'delimiter': ';', 'columns': [
        ['id', 'int'], ['amount', 'numeric(12,2)'], ['day', 'date'], ['who', 'varchar(20)']]})
    assert wait_run(db, config_id) == ('COMPLETED', 2, None)
    assert target.rows('''select attname::text, format_type(atttypid, atttypmod) from pg_attribute
        where attrelid = 's.t'::regclass and attnum > 0 order by attnum''') == [
        ('id', 'integer'), ('amount', 'numeric(12,2)'), ('day', 'date'), ('who', 'text')]
    # In quotes, nothing is a text; where it cannot be a value, it is null.
    assert target.rows('select amount, day, who from s.t where id = 2') == [(None, None, '')]


def test_names_come_from_the_header_and_columns_are_added(db, landing, target, table):
    table('order_id text')
    put(landing, 'a.csv', '\ufeff Order ID ,Größe in cm,2nd\r\n1,"x",y\r\n')
    put(landing, 'b.csv', '2nd,Order ID,Größe in cm\r\nz,2,\r\n')
    config_id = submit(db, landing, options={'drift': 'add'},
                       more={'columns': None, 'normalize_names': True})
    assert wait_run(db, config_id) == ('COMPLETED', 2, None)
    assert target.rows('select order_id, groe_in_cm, _2nd from s.t order by 1') == [
        ('1', 'x', 'y'), ('2', None, 'z')]


def test_a_column_that_the_table_lacks_is_an_error(db, landing, target, table):
    table('id bigint')
    put(landing, 'a.csv', 'id,name\n1,x\n')
    status, _, error = wait_run(db, submit(db, landing))
    assert status == 'FAILED'
    assert 'the files have a column "name", which the table lacks; add it to the table' in error
    assert 'drift' in error


def test_a_column_that_the_table_generates_is_an_error(db, landing, target, table):
    table("id bigint, name text generated always as ('x') stored")
    put(landing, 'a.csv', 'id,name\n1,x\n')
    status, _, error = wait_run(db, submit(db, landing))
    assert status == 'FAILED'
    assert 'the files have a column "name", which the table generates itself; write an' in error


def test_files_of_other_columns_are_no_one_request(db, landing, target, table):
    table('id text, name text')
    put(landing, 'a.csv', 'id,name\n1,x\n')
    put(landing, 'b.csv', 'id,nome\n1,x\n')
    status, _, error = wait_run(db, submit(
        db, landing, more={'columns': None, 'normalize_names': True}))
    assert status == 'FAILED' and 'b.csv has a column "nome", which' in error
    assert '"batch": 1' in error and target.rows('select id, name from s.t') == []


def test_packed_files_and_files_without_a_header(db, landing, target, table):
    table('id bigint, name text')
    path = put(landing, 'raw')
    path.write_bytes(gzip.compress('\ufeff1,one\n'.encode()) + gzip.compress(b'2,two\n'))
    path.rename(landing / 'a.csv.gz')
    config_id = submit(db, landing, '*.csv.gz', more={'header': False})
    assert wait_run(db, config_id) == ('COMPLETED', 2, None)
    assert target.rows('select id, name from s.t order by 1') == [(1, 'one'), (2, 'two')]


def test_a_packed_file_that_becomes_too_much_loads_nothing(db, landing, target, table):
    """A few kB become 4 MB: `max_output` ends the load."""
    table('id bigint, name text')
    path = put(landing, 'bomb')
    path.write_bytes(gzip.compress(b'id,name\n' + b'1,xxxxxxxxxxxxxx\n' * 250000))
    path.rename(landing / 'a.csv.gz')
    status, _, message = wait_run(db, submit(db, landing, '*.csv.gz'))
    assert status == 'FAILED' and 'max_output' in message
    assert target.rows('select * from s.t') == []


HOSTILE = {
    'nul': (b'id,name\n1,a\0b\n', 'invalid byte sequence for encoding "UTF8": 0x00', 'line 2'),
    'latin': ('id,name\n1,Größe\n'.encode('latin-1'), 'invalid byte sequence', 'line 2'),
    'quote': (b'id,name\n1,"never closed\n2,x\n', 'unterminated CSV quoted field', 'line 4'),
    'wide': (b'id,name\n1,x,y\n', 'extra data after last expected column', 'line 2'),
    'short': (b'id,name\n1\n', 'missing data for column "name"', 'line 2'),
    'breaks': (b'id,name\n1,a\rb\n', 'unquoted carriage return', 'line 2'),
    'day': (b'id,name,day\n1,x,31/01/2026\n', 'date/time field value out of range', 'column day'),
}


@pytest.mark.parametrize('what', HOSTILE)
def test_a_hostile_file_fails_alone_and_says_where(db, landing, target, table, what):
    content, message, where = HOSTILE[what]
    table('id bigint, name text, day date')
    put(landing, what)
    (landing / what).write_bytes(content)
    (landing / what).rename(landing / f'{what}.csv')
    columns = COLUMNS + ([['day', 'date']] if what == 'day' else [])
    status, _, error = wait_run(db, submit(db, landing, f'{what}.csv', more={'columns': columns}))
    assert status == 'FAILED'
    assert f'{what}.csv' in error and message in error and where in error
    assert target.rows('select id, name from s.t') == []


def test_a_line_that_ends_files_for_the_server_loses_no_rows(db, landing, target, table):
    table('name text')
    put(landing, 'a.csv', 'name\nx\n\\.\ny\n')
    put(landing, 'b.csv', 'name\n"\\."\n"\n\\.\n"\n')
    status, _, error = wait_run(db, submit(db, landing, 'a.csv', more={'columns': [['name', 'text']]}))
    if target.db.value('show server_version_num') >= '180000':
        assert status == 'COMPLETED'
        return
    assert status == 'FAILED'
    assert 'line 3 is \\. alone' in error and 'of 3 rows it took 1' in error
    assert target.rows('select name from s.t') == []
    assert wait_run(db, submit(db, landing, 'b.csv', more={'columns': [['name', 'text']]})) == (
        'COMPLETED', 2, None)
    assert target.rows('select name from s.t order by 1 desc') == [('\\.',), ('\n\\.\n',)]


@pytest.mark.parametrize('mode', ['append', 'replace'])
def test_a_trigger_that_leaves_rows_out_fails_the_load(db, landing, target, table, mode):
    table('id bigint, name text')
    target.table('''create or replace function s.skip() returns trigger language plpgsql
        as 'begin return case when new.id <> 2 then new end; end';
        create trigger skip before insert on s.t for each row execute function s.skip()''')
    put(landing, f'{mode}.csv', 'id,name\n1,a\n2,b\n3,c\n')
    status, _, error = wait_run(db, submit(db, landing, f'{mode}.csv', options={'mode': mode}))
    assert status == 'FAILED'
    assert 'of 3 rows the table took 2: a trigger of it left the others out' in error
    assert target.rows('select id, name from s.t') == []


HEADERS = {
    'quotes': ('id,na"me\n1,x\n2,y"z\n', 'a quote that is not around the whole name'),
    'twice': ('Order ID,order_id\n1,2\n', 'two columns of its header are named "order_id"'),
    'many': (','.join(f'c{i}' for i in range(2000)) + '\n1\n', 'column 1601 of its header'),
    'endless': ('c,' * 40000 + '\n1\n', 'two columns of its header are named'),
    'long': ('x' * 64 + '\n1\n', 'more than 63 bytes'),
    'huge': ('x' * 70000 + '\n1\n', 'lies beyond the 65536 bytes'),
}


@pytest.mark.parametrize('what', HEADERS)
def test_a_header_without_names_is_not_whole(db, landing, what):
    content, reason = HEADERS[what]
    put(landing, f'{what}.csv', content)
    config_id = submit(db, landing, f'{what}.csv', more={'columns': None, 'normalize_names': True})
    wait_for(lambda: reason in (db.value(
        'select reason from reportd.v_inputs where config_id = %s', config_id) or '') or None, 30,
        reason)
    run = wait_run(db, config_id)
    assert run[0] == 'COMPLETED' and run[1] is None


@says('Say anything in SQL by a file that goes into a table: its header and the types of its '
      'columns are names of columns and of types, nothing else. A file with quotes, line breaks '
      'or bytes that hide rows fails; `max_output` limits what packed files become.')
def test_names_in_a_header_are_names_only(db, landing, target, table):
    put(landing, 'a.csv', '"x""; drop table s.t; --",y) from stdin; drop table s.t\n1,2\n')
    config_id = submit(db, landing, options={'create': True}, more={'columns': [
        ['x"; drop table s.t; --', 'text'], ['y) from stdin; drop table s.t', 'int']]})
    assert wait_run(db, config_id) == ('COMPLETED', 1, None)
    assert target.rows('table s.t') == [('1', 2)]


def test_a_type_is_a_type_only(db, landing, target, table):
    target.table('create table s.other (id int primary key)')
    put(landing, 'a.csv', 'id\n1\n')
    status, _, error = wait_run(db, submit(db, landing, options={'create': True}, more={
        'columns': [['id', 'int references pg_class']]}))
    assert status == 'FAILED' and 'a type in "columns" of the input' in error
    assert target.db.value("select to_regclass('s.t')") is None


def test_a_torn_file_waits_and_a_wrong_header_fails_while_others_go(db, landing, target, table):
    table('id bigint, name text')
    put(landing, 'good.csv', 'id,name\n1,x\n')
    put(landing, 'torn.csv', 'id,name\n2,x\n3,')
    put(landing, 'wrong.csv', 'id,nome\n4,x\n')
    config_id = submit(db, landing)
    assert wait_run(db, config_id)[:2] == ('COMPLETED', 1)
    assert target.rows('select id, name from s.t') == [(1, 'x')]
    assert files(db, config_id, 'NEW') == ['torn.csv']
    assert files(db, config_id, 'FAILED') == ['wrong.csv']


def test_a_schedule_takes_the_latest_file_and_none_leaves_the_table(db, landing, target, table):
    table('id bigint, name text')
    target.table("insert into s.t values (7, 'old')")
    config_id = submit(db, landing, trigger='ADHOC', options={'mode': 'replace'},
                       more={'use': 'latest', 'required': False})
    assert wait_run(db, config_id) == ('COMPLETED', None, 'no file: nothing was loaded')
    assert target.rows('select id, name from s.t') == [(7, 'old')]
    put(landing, 'a.csv', 'id,name\n1,x\n')
    os.utime(landing / 'a.csv', (1, 1))
    put(landing, 'b.csv', 'id,name\n2,y\n')
    config_id = submit(db, landing, trigger='ADHOC', options={'mode': 'replace'},
                       more={'use': 'latest'})
    assert wait_run(db, config_id) == ('COMPLETED', 1, None)
    assert target.rows('select id, name from s.t') == [(2, 'y')]


def test_files_without_rows(db, landing, target, table):
    table('id bigint, name text')
    target.table("insert into s.t values (7, 'old')")
    put(landing, 'a.csv', 'id,name\n')
    config_id = submit(db, landing, output_options={
        'skip_if_empty': True, 'table': {'mode': 'replace'}})
    assert wait_run(db, config_id) == ('COMPLETED', 0, 'no rows: no output was made')
    assert target.rows('select id, name from s.t') == [(7, 'old')]
    assert wait_run(db, submit(db, landing, options={'mode': 'replace'})) == ('COMPLETED', 0, None)
    assert target.rows('select id, name from s.t') == []


def test_a_file_that_is_replaced_meanwhile_is_not_mixed(db, landing, target, table):
    """The run waits in the target, after it has looked at its files."""
    table('id bigint, name text')
    put(landing, 'first.csv', 'id,name\n0,x\n')
    assert wait_run(db, submit(db, landing, 'first.csv'))[0] == 'COMPLETED'
    put(landing, 'a.csv', 'id,name\n1,old\n')
    put(landing, 'b.csv', 'id,name\n2,x\n')
    with target.db.connect() as conn:
        conn.execute('begin; lock table reportd_target.reportd_load')
        config_id = submit(db, landing, '?.csv', max_retries=3)
        wait_for(lambda: target.rows(
            "select from pg_stat_activity where wait_event_type = 'Lock' "
            f"and usename = '{target.user}'"), 30, 'the ledger')
        put(landing, 'a.csv', 'id,name\n3,longer\n')
    wait_for(lambda: target.rows("select id, name from s.t order by 1") == [
        (0, 'x'), (2, 'x'), (3, 'longer')] or None, 30, 'both files')
    first = report.runs(db, config_id)[0]
    assert first.status == 'FAILED' and 'replaced' in first.error_message
    assert files(db, config_id, 'GONE') == ['a.csv']


@pytest.mark.parametrize('columns, message', [
    ({'inputs': None}, 'there is no export_sql'),
    ({'inputs': {'a': {'path': 's3://xyz/*.json', 'format': 'jsonl'}}}, 'one input of the format csv'),
    ({'inputs': {'a': {'path': 's3://xyz/*.csv'}}}, 'one input of the format csv'),
    ({'inputs': {n: {'path': f's3://xyz/{n}/*.csv', 'format': 'csv', 'normalize_names': True}
                 for n in 'ab'}}, 'one input of the format csv'),
    ({'output_format': 'TABLE,CSV', 'output_path': '{report_name}_{request_id}.{ext}',
      'output_options': {'table': {'into': 'table:dwh/s.t'}}}, 'no rows for files beside'),
    ({'output_options': {'max_rows': 5}}, '"max_rows" is for rows of export_sql'),
    ({'output_path': 'table:lake/s.t'}, 'a target of type redshift takes no files'),
])
def test_what_cannot_go_into_a_table_is_refused(db, engine, columns, message):
    db.execute("insert into reportd.report_target (target, type) values ('lake', 'redshift') "
               'on conflict do nothing')
    inputs = {'a': {'path': f'{engine.path}/*.csv', 'format': 'csv', 'normalize_names': True}}
    given = {'trigger_type': 'ADHOC', 'export_sql': None, 'inputs': inputs,
             'output_format': 'TABLE', 'output_path': 'table:dwh/s.t'} | columns
    with pytest.raises(errors.InvalidParameterValue, match=message):
        report.submit(db, **given)
