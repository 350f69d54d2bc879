# SPDX-License-Identifier: MIT
"""What runs read of their inputs: the version that was listed, whole files only, as
relations of DuckDB."""

import gzip
import json
import os
import pathlib
import subprocess

import pytest

from lib import duckdb, process, report
from lib.manual import says
from lib.wait import wait_for
from test_engine_shared import file_of, gate, running_engine, wait_at_gate
from test_inputs import FAST, files, put
from test_inputs_move import another_disk

CSV = {'format': 'csv', 'columns': [['id', 'bigint'], ['name', 'varchar']], 'stable_for': '0 s'}
GATED = ("select :'f__files' as files from (select pg_advisory_xact_lock_shared(1)) gate")


@pytest.fixture(scope='module')
def engine(cluster, template, tmp_path_factory):
    path = tmp_path_factory.mktemp('read')
    for name in 'in', 'copies':
        (path / name).mkdir()
    with running_engine(cluster, template, path, {
            'source.files': {'type': 'duckdb', 'library': duckdb.library()},
            'inputs': {'folders': path / 'in', 'rescan': '1s',
                       'temp_directory': path / 'copies', 'max_bytes': '1MB'}}, **FAST) as engine:
        engine.path = path / 'in'
        engine.copies = path / 'copies'
        yield engine


@pytest.fixture
def db(engine):
    return engine.db


@pytest.fixture
def landing(engine, request):
    path = engine.path / request.node.name.partition('[')[0]
    path.mkdir(exist_ok=True)
    return path


def submit(db, path, trigger='FILE', sql='select * from f', source='files', more=None, **columns):
    return report.submit(db, trigger_type=trigger, export_sql=sql, source=source,
                         inputs={'f': {k: v for k, v in {
                             **CSV, 'path': str(path), **(more or {})}.items()
                             if v is not None}}, **columns)


def content(db, config_id):
    return [file_of(run.output_url).read_text() for run in report.runs(db, config_id)
            if run.output_url]


def put_bytes(folder, name, data):
    path = put(folder, 'bytes')
    path.write_bytes(data)
    path.rename(folder / name)
    return folder / name


def write_parquet(path, query):
    one = duckdb.DuckDB()
    one.query(f"copy ({query}) to '{path}.tmp' (format parquet, row_group_size 2048)")
    one.close()
    os.rename(f'{path}.tmp', path)


def reason(db, config_id):
    return db.value('select string_agg(reason, \'; \') from reportd.v_inputs '
                    'where config_id = %s and reason is not null', config_id)


def test_an_input_is_a_relation(db, landing, engine):
    put(landing, 'a.csv', 'id,name\n1,one\n2,"two, too"\n')
    put_bytes(landing, 'b.csv.gz', gzip.compress(b'id,name\n3,three\n'))
    config_id = submit(db, f'{landing}/*', sql='select id + 1 as next, name from f order by id')
    wait_for(lambda: content(db, config_id))
    assert content(db, config_id) == ['next,name\n2,one\n3,"two, too"\n4,three\n']
    put(landing, 'c.csv', 'id,name\n7,\n')
    wait_for(lambda: len(content(db, config_id)) == 2)
    assert content(db, config_id)[1] == 'next,name\n8,\n'
    wait_for(lambda: os.listdir(engine.copies) == [])


NAMED = {'columns': None, 'normalize_names': True}
ROWS = b'id,name\n1,x\n'


def test_names_of_a_header_are_normalized(db, landing):
    put(landing, 'a.csv', 'Order ID,Größe\n1,x\n')
    config_id = submit(db, f'{landing}/*', 'ADHOC', more=NAMED)
    assert report.wait_done(db, config_id).status == 'COMPLETED'
    assert content(db, config_id) == ['order_id,groe\n1,x\n']


def test_a_column_may_have_any_name(db, landing):
    """Also the one by which errors name the file of a row."""
    rows = 'Reportd File,reportd file_\nx,7\n'
    columns = [['Reportd File', 'varchar'], ['reportd file_', 'bigint']]
    for name, text in ('a.csv', rows), ('b.csv', rows.replace('7', 'y')):
        put(landing, name, text)
        config_id = submit(db, landing / name, 'ADHOC', max_retries=0, more={'columns': columns})
        row = report.wait_done(db, config_id)
        if name == 'a.csv':
            assert row.status == 'COMPLETED', row.error_message
            assert content(db, config_id) == [rows]
    assert 'b.csv: column "reportd file_": "y" is no BIGINT' in row.error_message


def test_an_empty_text_is_no_null(db, landing):
    """As when a file is loaded into a table: "" is an empty text, and null where none may be."""
    put(landing, 'a.csv', 'a,b\n"",x\n,\n"","y"\n')
    put_bytes(landing, 'b.csv.gz', gzip.compress(b'a,b\n,""\n'))
    told = "a is null as none, a = '' as blank, count(*) as n from f group by all order by all"
    config_id = submit(db, f'{landing}/*', 'ADHOC', more=NAMED, sql=f'select {told}')
    assert report.wait_done(db, config_id).status == 'COMPLETED'
    assert content(db, config_id) == ['none,blank,n\nf,t,2\nt,,2\n']


KINDS = ['bigint', 'decimal(12,2)', 'double precision', 'boolean', 'date', 'timestamp',
         'timestamp with time zone', 'time', 'uuid', 'interval', 'json', 'VARCHAR', 'Text',
         'varchar(10)', 'char', 'blob']


def test_an_empty_text_is_null_where_it_is_no_value(db, landing):
    names = [f'the "{i}"' for i in range(len(KINDS))]
    put(landing, 'a.csv', ','.join('"{}"'.format(n.replace('"', '""')) for n in names) + '\n'
        + ','.join('""' for _ in names) + '\n' + ',' * (len(names) - 1) + '\n')
    config_id = submit(db, f'{landing}/*', 'ADHOC', output_format='JSONL',
                       more={'columns': [list(pair) for pair in zip(names, KINDS)]})
    row = report.wait_done(db, config_id)
    assert row.status == 'COMPLETED', row.error_message
    quoted, none = [list(json.loads(line).values()) for line in content(db, config_id)[0].split('\n')[:2]]
    assert quoted == [None] * 11 + [''] * 5
    assert none == [None] * 16


def test_a_value_that_is_none_is_shown_with_its_file_and_column(db, landing):
    put(landing, 'a.csv', 'id,day\n1,2026-01-31\n2,31/01/2026\n')
    config_id = submit(db, f'{landing}/*', 'ADHOC', max_retries=0, more={
        'columns': [['id', 'bigint'], ['day', 'date']]})
    row = report.wait_done(db, config_id)
    assert row.status == 'FAILED'
    assert 'a.csv: column "day": "31/01/2026" is no DATE' in row.error_message


@pytest.mark.parametrize('more', [{}, NAMED], ids=['columns', 'names'])
@pytest.mark.parametrize('body', [
    ROWS + b'2\n3,y\n', ROWS + b'2,y,z\n', ROWS + b'2,"y\n3,z\n', ROWS + b'2,"y"z\n',
    ROWS + b'2,' + b'y' * 2200000 + b'\n\n', gzip.compress(ROWS + b'2,' + b'y' * 2200000 + b'\n'),
    ROWS + b'2,caf\xe9\n', b'made today\n' + ROWS, b'\n\n' + ROWS],
    ids=['short', 'wide', 'open quote', 'torn quote', 'long', 'long and packed',
    'latin 1', 'a line before', 'empty lines'])
def test_a_csv_that_is_torn_within_fails(db, landing, body, more):
    """Nothing is guessed, and no line is left out."""
    put_bytes(landing, 'a.csv.gz' if body[:1] == b'\x1f' else 'a.csv', body)
    config_id = submit(db, f'{landing}/*', 'ADHOC', more=more, max_retries=0,
                       wait_timeout='1 second')
    assert report.wait_done(db, config_id, 30).status == 'FAILED'
    assert content(db, config_id) == []


@pytest.mark.parametrize('body', [
    b'{"y": 1}\n{"y": 2, "na\n{"y": 3}\n', b'{"y": 1}\n{"y": 2}{"y": \n{"y": 3}\n',
    b'{"y": 1}\n2}\n{"y": 3}\n', b'{"y": 1}\n{"y": "caf\xe9"}\n{"y": 3}\n',
    b'{"y": 1}\n{"y": "two"}\n{"y": 3}\n'],
    ids=['an end', 'a beginning', 'a middle', 'latin 1', 'another type'])
def test_a_jsonl_that_is_torn_within_fails(db, landing, body):
    """Its last line is whole, and no line is left out."""
    put_bytes(landing, 'a.jsonl', body)
    config_id = submit(db, f'{landing}/*', 'ADHOC', max_retries=0, more={
        'format': 'jsonl', 'columns': [['y', 'bigint']]})
    row = report.wait_done(db, config_id, 30)
    assert (row.status, content(db, config_id)) == ('FAILED', []), row.error_message
    assert 'a.jsonl' in row.error_message


def test_files_of_other_headers_are_not_mixed(db, landing):
    put(landing, 'a.csv', 'id,name\n1,x\n')
    put(landing, 'b.csv', 'name,id\ny,2\n')
    config_id = submit(db, f'{landing}/*', 'ADHOC', more=NAMED, max_retries=0)
    report.wait_done(db, config_id, 30)
    run = report.runs(db, config_id)[-1]
    assert run.status == 'FAILED' or content(db, config_id) == ['id,name\n1,x\n2,y\n']


def test_a_name_that_is_a_pattern_elsewhere(db, landing, engine):
    put(landing, 'a[1]?.csv', 'id,name\n1,one\n')
    put(landing, 'a1x.csv', 'id,name\n2,two\n')
    config_id = submit(db, f'{landing}/*.csv', sql='select id from f order by id')
    row = wait_for(lambda: [r for r in report.runs(db, config_id) if r.status != 'PROCESSING'])[0]
    assert row.row_count == 2, row.error_message


def test_other_formats_are_relations(db, landing):
    write_parquet(landing / 'a.parquet', 'select unnest([1, 2, 3]) as x')
    put(landing, 'b.jsonl', '{"y": 4}\n{"y": 5}')
    inputs = {'p': {'path': f'{landing}/*.parquet', 'format': 'parquet', 'stable_for': '0 s'},
              'j': {'path': f'{landing}/*.jsonl', 'format': 'jsonl', 'stable_for': '0 s',
                    'columns': [['y', 'bigint']]},
              'none': {'path': f'{landing}/*.none', 'required': False, **CSV}}
    config_id = report.submit(db, inputs=inputs, source='files', export_sql=(
        'select (select sum(x) from p) as x, (select sum(y) from j) as y, '
        '(select count(*) from none) as n'))
    assert report.wait_done(db, config_id).status == 'COMPLETED'
    assert content(db, config_id) == ['x,y,n\n6,9,0\n']


@pytest.fixture(scope='module')
def parquet(tmp_path_factory):
    path = tmp_path_factory.mktemp('parquet') / 'x.parquet'
    write_parquet(path, 'select i as x, i::varchar as y from range(9000) t(i)')
    return path.read_bytes()


def damaged(whole):
    """Files that are not whole, and a part of what is said of each."""
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], 'little')
    zipped = gzip.compress(b'id,name\n' + b'1,one\n' * 1000)
    return {
        'a.parquet': (whole[:-1], 'begin and end with PAR1'),
        'b.parquet': (whole[:-100], 'begin and end with PAR1'),
        'c.parquet': (b'PAR1' + whole[footer:], 'outside of the file'),
        'd.parquet': (whole[:footer] + b'\xff' * 100 + whole[footer + 100:], 'cannot be read'),
        'e.parquet': (whole[:-8] + b'\xff\xff\xff\x7fPAR1', 'its footer would have'),
        'a.csv.gz': (zipped[:-20], 'no whole gzip file'),
        'b.csv.gz': (zipped[:40] + b'\0\0' + zipped[42:], 'no whole gzip file'),
        'c.csv.gz': (zipped[:-5] + b'\0' + zipped[-4:], 'no whole gzip file'),
        'd.csv.gz': (gzip.compress(b'id,name\n1,o'), 'last line does not end'),
        'a.csv': (b'id,name\n1,one', 'last line does not end'),
        'f.csv': (b'id,name\r1,one\r', 'a carriage return alone'),
        'b.csv': (b'name,id\none,1\n', 'column 1 of its header is "name", not "id"'),
        'c.csv': (b'id\n1\n', 'its header has 1 column, and the input 2'),
        'd.csv': (b'id,name,x\n1,a,b\n', 'more than the 2 columns'),
        'e.csv': (b'"id\n', 'column 1 of its header'),
        'g.csv': (b'id,n\xe4me\n1,x\n', 'column 2 of its header is "n?me", not "name"'),
        'h.csv': (b'id,"name"x\n1,x\n', 'column 2 of its header is followed by neither'),
        'i.csv': (b'id,name\0x\n1,x\n', 'column 2 of its header is "name", not'),
        'a.jsonl': (b'{"a": 1}\n{"a": ', 'its last line is no JSON value'),
    }


@pytest.mark.parametrize('name', damaged(b'PAR1' + b'x' * 200 + b'\x10\0\0\0PAR1'))
def test_a_file_that_is_torn_waits(db, landing, parquet, name):
    data, message = damaged(parquet)[name]
    folder = landing / name.replace('.', '_')
    folder.mkdir()
    ending = name.removesuffix('.gz').rpartition('.')[2]
    more = {'format': ending} if ending == 'csv' else {
        'format': ending, 'columns': [['a', 'bigint']]} if ending == 'jsonl' else {
        'format': ending}
    put_bytes(folder, name, data)
    spec = {**CSV, **more, 'path': f'{folder}/*'}
    if ending == 'parquet':
        del spec['columns']
    config_id = report.submit(db, trigger_type='FILE', source='files',
                              export_sql='select count(*) as n from f', inputs={'f': spec})
    wait_for(lambda: reason(db, config_id))
    assert message in reason(db, config_id)
    # Nothing that is added mends a header.
    state = 'FAILED' if 'column' in message else 'NEW'
    assert files(db, config_id, state) == [name]
    run = report.runs(db, config_id)[0]
    assert (run.status, run.output_url) == ('COMPLETED', None) and message in run.remark
    # The whole file is another version.
    put_bytes(folder, name, {'parquet': parquet, 'csv': gzip.compress(b'id,name\n1,one\n')
                             if name.endswith('.gz') else b'id,name\r\n1,one\r\n',
                             'jsonl': b'{"a": 1}'}[ending])
    wait_for(lambda: content(db, config_id))
    assert content(db, config_id) == ['n\n9000\n' if ending == 'parquet' else 'n\n1\n']


def test_a_footer_that_is_too_large_is_said(db, landing):
    path = landing / '.a.parquet'
    one = duckdb.DuckDB()
    one.query(f"copy (select 1 as x) to '{path}' (format parquet, "
              "kv_metadata {note: repeat('x', 17000000)})")
    one.close()
    path.rename(landing / 'a.parquet')
    config_id = submit(db, f'{landing}/*', source='default', sql="select :'f__files' as files",
                       more={'format': 'parquet', 'columns': None})
    wait_for(lambda: files(db, config_id, 'FAILED') == ['a.parquet'])
    assert reason(db, config_id).startswith('its footer has 17000')
    assert 'and 16777216 are read at most' in reason(db, config_id)


def test_a_torn_file_is_looked_at_twice(db, landing):
    """Once when it comes, and once before it is given up: no row of a run for each rescan."""
    put(landing, 'a.csv', 'id,name\n1,o')
    config_id = submit(db, f'{landing}/*', more={'reject_after': '4 s'})
    wait_for(lambda: files(db, config_id, 'FAILED') == ['a.csv'], 60)
    assert [run.status for run in report.runs(db, config_id)] == ['COMPLETED'] * 2


def test_a_change_of_the_input_has_torn_files_looked_at(db, landing):
    put(landing, 'a.csv', 'id,name\n1,one')
    config_id = submit(db, f'{landing}/*', source='default', sql="select :'f__files' as files")
    wait_for(lambda: reason(db, config_id))
    db.execute('select reportd.change(%s, %s)', config_id, json.dumps({'inputs': {
        'f': {'path': f'{landing}/*', 'stable_for': '0 s'}}}))
    wait_for(lambda: files(db, config_id, 'DONE') == ['a.csv'])


def test_the_rest_of_a_batch_goes_on(db, landing):
    put(landing, 'a.csv', 'id,name\n1,one\n')
    put(landing, 'b.csv', 'id,name\n2,tw')
    config_id = submit(db, f'{landing}/*', more={'reject_after': '3 s'})
    wait_for(lambda: content(db, config_id))
    assert content(db, config_id) == ['id,name\n1,one\n']
    # A file that stays torn is given up.
    wait_for(lambda: files(db, config_id, 'FAILED') == ['b.csv'], 60)
    assert files(db, config_id, 'DONE') == ['a.csv']


def test_files_of_another_input_are_given_back(db, landing):
    put(landing, 'a.csv', 'id,name\n1,one\n')
    put(landing, 'b.jsonl', '{"a": ')
    config_id = report.submit(db, trigger_type='FILE', source='files', inputs={
        'f': {**CSV, 'path': f'{landing}/*.csv'},
        'g': {'path': f'{landing}/*.jsonl', 'format': 'jsonl', 'stable_for': '0 s',
              'columns': [['a', 'bigint']]}},
        export_sql='select id, a from f, g')
    wait_for(lambda: report.runs(db, config_id) and files(db, config_id, 'TAKEN') == [])
    assert files(db, config_id, 'NEW') == ['a.csv', 'b.jsonl']
    put(landing, 'b.jsonl', '{"a": 5}\n')
    wait_for(lambda: content(db, config_id) == ['id,a\n1,5\n'])


def test_what_is_replaced_before_it_is_read_comes_as_new(db, landing):
    put(landing, 'a.csv', 'id,name\n1,one\n')
    os.utime(landing / 'a.csv', (1, 1))
    put(landing, 'b.csv', 'id,name\n2,two\n')
    with gate(db):
        config_id = submit(db, f'{landing}/*', source='default', sql=GATED, more={'batch': 1})
        wait_at_gate(db)
        wait_for(lambda: files(db, config_id, 'TAKEN') == ['a.csv', 'b.csv'])
        put(landing, 'b.csv', 'id,name\n3,three\n')
    wait_for(lambda: len(files(db, config_id, 'DONE')) == 2)
    assert files(db, config_id, 'DONE') == ['a.csv', 'b.csv']
    assert files(db, config_id, 'GONE') == ['b.csv']
    assert 'replaced' in reason(db, config_id)
    assert db.value("select version from reportd.v_inputs where config_id = %s and "
                    "state = 'DONE' and url like '%%b.csv'", config_id).endswith('-16')


@says('Read by an input what a link leads to that has taken the place of a file.')
def test_a_link_that_takes_the_place_of_a_file_is_not_read(db, landing, tmp_path):
    put(landing, 'a.csv', 'id,name\n1,one\n')
    os.utime(landing / 'a.csv', (1, 1))
    put(landing, 'sub/b.csv', 'id,name\n2,two\n')
    put(tmp_path, 'b.csv', 'id,name\n9,secret\n')
    with gate(db):
        config_id = submit(db, f'{landing}/**', source='default', sql=GATED, more={'batch': 1})
        wait_at_gate(db)
        wait_for(lambda: files(db, config_id, 'TAKEN') == ['a.csv', 'b.csv'])
        (landing / 'sub').rename(tmp_path / 'moved')
        (landing / 'sub').symlink_to(tmp_path)
    wait_for(lambda: files(db, config_id, 'GONE') == ['b.csv'])


def test_more_bytes_than_the_settings_allow(db, landing):
    put(landing, 'a.csv', 'id,name\n' + '1,x\n' * 300000)
    config_id = submit(db, f'{landing}/*', max_retries=0)
    wait_for(lambda: files(db, config_id, 'FAILED') == ['a.csv'])
    assert 'max_bytes' in reason(db, config_id)


def test_a_disk_without_room_is_said_before_anything_is_copied(db, conf, tmp_path):
    """It may have room later: the run is tried again."""
    (tmp_path / 'in').mkdir()
    put(tmp_path / 'in', 'a.csv', 'id,name\n1,x\n')
    with another_disk(tmp_path / 'full') as small:
        if not os.path.ismount(small):
            pytest.skip('nobody may mount a disk here')
        settings = conf({'source.files': {'type': 'duckdb', 'library': duckdb.library()},
                         'inputs': {'folders': tmp_path / 'in', 'temp_directory': small}}, **FAST)
        one = process.Daemon(db, settings)
        try:
            one.wait_ready()
            config_id = submit(db, f"{tmp_path / 'in'}/*", 'ADHOC', max_retries=99)
            run = wait_for(lambda: [r for r in report.runs(db, config_id) if r.error_message])[0]
            assert 'there is room for 0; see temp_directory in [inputs]' in run.error_message
            subprocess.run(['mount', '-o', 'remount,size=100m', small], check=True)
            assert report.wait_done(db, config_id).status == 'COMPLETED'
            assert content(db, config_id) == ['id,name\n1,x\n']
        finally:
            one.end()


def test_a_run_without_copies_reads_no_more_than_it_must(db, landing):
    """Of a source that reads no files, whole files are only looked at."""
    put(landing, 'a.csv', 'id,name\n' + '1,x\n' * 300000)
    config_id = submit(db, f'{landing}/*', source='default', sql="select :'f__url' as url")
    wait_for(lambda: content(db, config_id) == [f'url\n{landing}/a.csv\n'])


def test_copies_of_a_killed_worker_are_removed(db, landing, engine):
    left = pathlib.Path(engine.copies) / 'reportd-inputs-abcdef'
    left.mkdir(mode=0o700)
    (left / 'copy').write_text('x')
    put(landing, 'a.csv', 'id,name\n1,one\n')
    config_id = submit(db, f'{landing}/*')
    wait_for(lambda: content(db, config_id))
    assert not left.exists()
