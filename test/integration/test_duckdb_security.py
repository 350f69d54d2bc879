# SPDX-License-Identifier: MIT
"""A source of type duckdb reads what its settings name, whatever SQL and files it is given."""

import gzip
import json
import os
import pathlib
import subprocess
import time

import pytest

from lib import duckdb, process, report
from lib.manual import says
from lib.paths import BIN
from lib.wait import wait_for
from test_engine_shared import done, ended, failure, file_of, output, running_engine

pytestmark = pytest.mark.shipped

SECRET = 'canary 4711'


@pytest.fixture(scope='module')
def place(tmp_path_factory):
    """lake/ is granted; all beside it is not, and is kept as it is."""
    place = tmp_path_factory.mktemp('place')
    lake = place / 'lake'
    lake.mkdir()
    (lake / 'ok.csv').write_text('a\n1\n')
    (place / 'secret.csv').write_text(f'a\n{SECRET}\n')
    (place / 'lake.csv').write_text(f'a\n{SECRET}\n')
    (place / 'lakeside').mkdir()
    (place / 'lakeside/secret.csv').write_text(f'a\n{SECRET}\n')
    (lake / 'link.csv').symlink_to(place / 'secret.csv')
    (lake / 'hard').mkdir()
    (lake / 'away').symlink_to(place / 'lakeside')
    return place


@pytest.fixture(scope='module')
def engine(cluster, template, tmp_path_factory, place):
    source = {'type': 'duckdb', 'library': str(duckdb.library()), 'folders': str(place / 'lake')}
    spill = tmp_path_factory.mktemp('spill')
    with running_engine(cluster, template, tmp_path_factory.mktemp('engine'), {
            'source.lake': source,
            'source.spill': {**source, 'temp_directory': str(spill)},
            'source.little': {**source, 'temp_directory': str(spill), 'memory_limit': '32MB',
                              'max_temp_directory_size': '1MB'}}, workers=2) as engine:
        engine.lake = place / 'lake'
        engine.spill = spill
        yield engine


def tree(root):
    """All names below a folder, with what they hold."""
    return {str(path.relative_to(root)): os.readlink(path) if path.is_symlink()
            else path.read_bytes() if path.is_file() else None
            for path in sorted(root.rglob('*'))}


# Statements that must fail. {p}: the folder beside the granted one.
OUTSIDE = [
    "from '{p}/secret.csv'",
    "from '{p}/lake.csv'",
    "from '{p}/lakeside/secret.csv'",
    "from '{p}/lake/../secret.csv'",
    "from '{p}/lake/./hard/../../secret.csv'",
    "from '{p}/lake//../secret.csv'",
    "from '{p}/lake/link.csv'",
    "from read_csv('{p}/lake/*.csv')",
    "from '{p}/lake/away/secret.csv'",
    "from read_csv(['{p}/lake/ok.csv', '{p}/secret.csv'])",
    "from read_text('{p}/secret.csv')",
    "from read_blob('{p}/secret.csv')",
    "from read_json('{p}/secret.csv')",
    "from read_csv_auto('{p}/s*.csv')",
    "from glob('{p}/*')",
    "from glob('{p}/lake/../*')",
    "from glob('{p}/lake/away/*')",
    "from sniff_csv('{p}/secret.csv')",
    "from parquet_metadata('{p}/secret.csv')",
    "from read_duckdb('{p}/secret.csv')",
    "from query('from ''{p}/secret.csv''')",
    "from query_table('{p}/secret.csv')",
    "from json_execute_serialized_sql(json_serialize_sql('from ''{p}/secret.csv'''))",
    "from 'file://{p}/secret.csv'",
    "from '/etc/passwd'",
    "from read_text('/etc/passwd')",
    "from read_text('/proc/self/environ')",
    "from read_blob('/proc/self/fd/3')",
    "from read_text('/dev/stdin')",
    "from read_csv('~/.ssh/*')",
    "from 'http://127.0.0.1:1/x.csv'",
    "from read_parquet('https://example.com/x.parquet')",
    "from 's3://bucket/x.parquet'",
    "from read_csv('ftp://example.com/x')",
    "from read_csv('{p}/lake/ok.csv', store_rejects = true, rejects_table = 'x') limit '{p}'",
]
CHANGING = [
    "copy (select 1) to '{p}/lake/new.csv'",
    "copy (select 1) to '{p}/new.csv'",
    "explain analyze copy (select 1) to '{p}/lake/new.csv'",
    "explain copy (select 1) to '{p}/lake/new.csv'",
    "explain (analyze) copy (select 1) to '{p}/lake/new.csv'",
    "/* explain */ explain /* x */ analyze /* select 1 */ copy (select 1) to '{p}/lake/new.csv'",
    "(copy (select 1) to '{p}/lake/new.csv')",
    "with a as (select 1) copy (from a) to '{p}/lake/new.csv'",
    "export database '{p}/lake/new'",
    "explain export database '{p}/lake/new'",
    "import database '{p}/lake'",
    "attach '{p}/lake/new.db'",
    "install httpfs", "force install httpfs", "load httpfs",
    "load '{p}/lake/ok.csv'",
    "pragma database_list", "pragma enable_profiling", "pragma memory_limit='10GB'",
    "pragma import_database('{p}/lake')",
    "call pragma_version()", "call enable_logging(storage = 'file')",
    "set memory_limit = '10GB'", "set global threads = 8", "reset lock_configuration",
    "set variable x = 1", "use memory", "begin", "checkpoint", "vacuum", "analyze",
    "create table t as select 1", "create secret (type s3)", "create macro f() as 1",
    "create temp view v as select 1", "insert into t values (1)", "update t set a = 1",
    "delete from t", "drop table t", "alter table t add column b int", "truncate t",
    "prepare p as select 1", "execute p", "deallocate p", "detach memory",
    "comment on table t is 'x'", "update extensions", "merge into t using t on true",
    "select getenv('HOME')",
]


@says('Read a file of the host by a source of type duckdb that lies outside of its folders, or '
      'change one anywhere: neither as written, nor by `..`, links or patterns, nor by a '
      'statement or a function that writes.')
@pytest.mark.parametrize('sql', OUTSIDE + CHANGING)
def test_a_hostile_statement_gains_nothing(engine, place, sql):
    before = tree(place)
    run = failure(engine.db, source='lake', export_sql=sql.format(p=place))
    assert SECRET not in run.error_message
    # Refused by DuckDB's settings or by us; 58030 would be the kernel's word, by Landlock.
    assert run.error_sqlstate != '58030', run.error_message
    assert 'timed out' not in run.error_message and 'crashed' not in run.error_message
    assert tree(place) == before
    assert not list(engine.out.rglob('*.csv')) or not any(
        SECRET in path.read_text() for path in engine.out.rglob('*.csv'))


@pytest.mark.parametrize('sql', [
    "from enable_logging('QueryLog', storage = 'file', storage_path = '{p}/lake/log.csv')",
    "from enable_logging(level = 'trace', storage = 'file', storage_config = "
    "{{'path': '{p}/lake/logs', 'buffer_size': '1'}})",
    "with a as materialized (select count(*) as n from enable_logging(level = 'trace', "
    "storage = 'file', storage_path = '{p}/lake/logs')) select count(write_log("
    "'evil ' || i || n, level := 'ERROR')) from range(100000) t(i), a",
    "select count(*) from enable_profiling(format = 'json', save_location = '{p}/lake/p.json')",
    "from force_checkpoint()",
    "from enable_peg_parser()",
])
def test_a_function_that_could_write_writes_nothing(engine, place, sql):
    before = tree(place)
    config_id = report.submit(engine.db, source='lake', export_sql=sql.format(p=place),
                              max_retries=0)
    report.wait_done(engine.db, config_id)
    assert tree(place) == before
    assert output(engine.db, source='lake', export_sql="select 7 as a") == b'a\n7\n'


def test_names_within_the_folder_are_listed(engine, place):
    assert output(engine.db, source='lake', export_sql=f"from '{place}/lake/ok.csv'") == b'a\n1\n'
    assert b'ok.csv' in output(engine.db, source='lake',
                               export_sql=f"select * from glob('{place}/lake/*')")


def test_a_parameter_stays_a_text(engine, place):
    run = done(engine.db, source='lake', export_sql="select :'x' as x, 1 as :\"y\"", parameters={
        'x': "'; copy (select 1) to '/tmp/x", 'y': '"; select 2; --'})
    assert file_of(run.output_url).read_text().splitlines()[1] == \
        "'; copy (select 1) to '/tmp/x,1"


def test_a_reader_holds_nothing_of_the_worker(engine):
    config_id = report.submit(
        engine.db, source='lake', max_retries=0,
        export_sql='select count(*) from range(100000000000) a, range(100000) b')
    pid = wait_for(lambda: reader_of(engine))
    wait_for(lambda: report.runs(engine.db, config_id)[-1].stage == 'export')
    try:
        open_files = {os.readlink(path) for path in pathlib.Path(f'/proc/{pid}/fd').iterdir()}
        assert sum(name.startswith('socket:') for name in open_files) <= 2
        assert not any(str(engine.out) in name for name in open_files)
        status = dict(line.split(':\t', 1) for line in
                      pathlib.Path(f'/proc/{pid}/status').read_text().splitlines())
        assert status['NoNewPrivs'].strip() == '1'
        assert status['Threads'].strip() == '1'
        limits = pathlib.Path(f'/proc/{pid}/limits').read_text()
        assert 'Max core file size        0                    0' in limits
    finally:
        engine.db.execute('select reportd.cancel(%s)', config_id)
        report.wait_done(engine.db, config_id)


def reader_of(engine):
    return next(iter(duckdb.readers(engine.daemon)), None)


# Hostile files.

def varint(n):
    out = b''
    while n > 0x7f:
        out += bytes([n & 0x7f | 0x80])
        n >>= 7
    return out + bytes([n])


def thrift(*fields):
    """A struct in Thrift's compact protocol: (id, type, value) each."""
    out, last = b'', 0
    for number, kind, value in fields:
        out += bytes([number - last << 4 | kind])
        last = number
        if kind in (5, 6):
            out += varint(value << 1)
        elif kind == 8:
            out += varint(len(value)) + value
        elif kind == 9:
            element, items = value
            out += bytes([len(items) << 4 | element]) + b''.join(items)
        else:
            out += value
    return out + b'\0'


def parquet(values=10, rows=None, page=None, column=None, data=b''):
    """A file of one column of integers, with these sizes declared."""
    rows = values if rows is None else rows
    header = thrift((1, 5, 0), (2, 5, page or 80), (3, 5, len(data)),
                    (5, 12, thrift((1, 5, values), (2, 5, 0), (3, 5, 3), (4, 5, 3))))
    chunk = thrift((1, 5, 2), (2, 9, (5, [varint(0)])), (3, 9, (8, [b'\1a'])), (4, 5, 1),
                   (5, 6, rows), (6, 6, column or len(data)), (7, 6, len(header) + len(data)),
                   (9, 6, 4))
    footer = thrift(
        (1, 5, 1),
        (2, 9, (12, [thrift((4, 8, b'root'), (5, 5, 1)),
                     thrift((1, 5, 2), (3, 5, 0), (4, 8, b'a'))])),
        (3, 6, rows),
        (4, 9, (12, [thrift((1, 9, (12, [thrift((2, 6, 4), (3, 12, chunk))])),
                            (2, 6, column or len(data)), (3, 6, rows))])))
    return b'PAR1' + header + data + footer + len(footer).to_bytes(4, 'little') + b'PAR1'


def whole():
    """Ten integers, as snappy writes bytes that repeat nothing: a length and a literal."""
    numbers = b''.join(n.to_bytes(8, 'little') for n in range(10))
    return varint(80) + bytes([60 << 2, 79]) + numbers


FILES = {
    'empty.parquet': b'',
    'magic.parquet': b'PAR1PAR1',
    'torn.parquet': parquet(data=whole())[:-20],
    'head.parquet': parquet(data=whole())[:40],
    'footer.parquet': b'PAR1' + b'\xff' * 40 + (10 ** 9).to_bytes(4, 'little') + b'PAR1',
    'page.parquet': parquet(data=whole(), page=2 ** 31 - 1),
    'rows.parquet': parquet(data=whole(), rows=10 ** 12),
    'values.parquet': parquet(data=whole(), values=2 ** 31 - 1),
    'snappy.parquet': parquet(data=varint(2 ** 32 - 1) + whole()[1:]),
    'noise.parquet': b'PAR1' + bytes(n * 7919 % 256 for n in range(5000)) + b'\x40\0\0\0PAR1',
    'torn.csv.gz': gzip.compress(b'a\n' + b'12345\n' * 10000)[:-200],
    'noise.json': b'{"a": [' * 3000,
}


def test_the_sound_file_of_these_is_read(engine):
    for name, column in ('sound.parquet', None), ('ten_gigabytes_declared.parquet', 10 << 30):
        (engine.lake / name).write_bytes(parquet(data=whole(), column=column))
        assert output(engine.db, source='lake', export_sql=f"""
            select sum(a) as s from '{engine.lake}/{name}'""") == b's\n45\n'


@pytest.mark.parametrize('name', FILES)
def test_a_broken_file_fails_its_run_alone(engine, name):
    (engine.lake / name).write_bytes(FILES[name])
    how = 'read_parquet' if name.endswith('parquet') else (
        'read_csv' if '.csv' in name else 'read_json')
    try:
        run = failure(engine.db, source='lake',
                      export_sql=f"select * from {how}('{engine.lake}/{name}')")
    finally:
        (engine.lake / name).unlink()
    assert run.error_message.startswith('export: ')
    assert 'timed out' not in run.error_message
    assert not run.error_message.startswith('export: worker')


def test_a_zip_bomb_is_read_in_flat_memory(engine):
    """256 MB in a quarter of a megabyte, twice the memory limit: of many lines, and of a
    single one."""
    for name, part in ('bomb', b'12345678\n' * 400000), ('line', b'x' * (8 << 20)):
        # A file of several members is one of all their texts.
        (engine.lake / f'{name}.csv.gz').write_bytes(gzip.compress(part, 1) * 32)
    try:
        assert output(engine.db, source='lake', within=120, export_sql=f"""
            select count(*) as n from read_csv('{engine.lake}/bomb.csv.gz', header = false,
                columns = {{a: 'int'}})""") == b'n\n12800000\n'
        run = failure(engine.db, source='lake', within=120,
                      # One dialect: each that DuckDB tries costs it seconds.
                      export_sql=f"from read_csv('{engine.lake}/line.csv.gz', header = false, "
                                 "delim = ',', quote = '\"', escape = '\"')")
        assert run.error_message.startswith('export: ')
    finally:
        (engine.lake / 'bomb.csv.gz').unlink()
        (engine.lake / 'line.csv.gz').unlink()


def test_a_file_of_ten_gigabytes_does_not_fit(engine):
    with open(engine.lake / 'huge.bin', 'wb') as huge:
        huge.truncate(10 << 30)
    try:
        for function in 'read_blob', 'read_text':
            run = failure(engine.db, source='lake', within=60,
                          export_sql=f"from {function}('{engine.lake}/huge.bin')")
            assert run.error_message.startswith('export: ')
            assert 'worker' not in run.error_message.split(';')[0]
    finally:
        (engine.lake / 'huge.bin').unlink()


# Hostile queries.

@pytest.mark.parametrize('sql', [
    "select repeat('x', 4000000000) as x",
    'select list(n) as x from range(10000000000) t(n)',
    'select n, list(m) as x from range(10) t(n), range(100000000) s(m) group by n',
    'select n from range(200000000) t(n) order by hash(n)',
    "with recursive r(a) as (select 'x' union all select a || a from r) select count(*) from r",
    'select ' + '(' * 100000 + '1' + ')' * 100000,
    'select ' + '+'.join(['1'] * 100000),
    'select ' + '[' * 5000 + ']' * 5000,
    'select * from (' * 500 + 'select 1' + ')' * 500 + ' x',
])
def test_a_query_that_wants_too_much_fails_alone(engine, sql):
    config_id = report.submit(engine.db, source='lake', export_sql=sql, max_retries=0)
    row = report.wait_done(engine.db, config_id, 60)
    if row.status != 'COMPLETED':
        assert row.error_message.startswith('export: ')
        assert 'worker' not in row.error_message.split(':')[1]
    assert output(engine.db, source='lake', export_sql='select 7 as a') == b'a\n7\n'


def test_lack_of_memory_says_what_helps(engine):
    run = failure(engine.db, source='lake', export_sql="""
        select n from range(20000000) t(n) order by hash(n)""")
    assert run.error_sqlstate == '53200'
    assert 'raise memory_limit of [source.lake], or give it a temp_directory' in run.error_message


def test_what_does_not_fit_spills_and_leaves_nothing(engine):
    text = output(engine.db, source='spill', within=120, export_sql="""
        select n from range(20000000) t(n) order by hash(n) limit 20000000 offset 19999990""")
    assert len(text.splitlines()) == 11
    assert not list(engine.spill.iterdir())
    run = failure(engine.db, source='little', within=120, export_sql="""
        select n from range(20000000) t(n) order by hash(n)""")
    assert run.error_sqlstate == '53200'
    assert 'hint: raise memory_limit or max_temp_directory_size of [source.little]' in \
        run.error_message
    assert not list(engine.spill.iterdir())


def test_what_a_killed_worker_leaves_is_swept(engine):
    config_id = report.submit(engine.db, source='spill', max_retries=0, export_sql="""
        select count(*) from (select n from range(2000000000) t(n) order by hash(n))""")
    wait_for(lambda: list(engine.spill.glob('*/*')), 60)
    pid = reader_of(engine)
    worker = int(pathlib.Path(f'/proc/{pid}/status').read_text().split('PPid:\t')[1].split()[0])
    os.kill(worker, 9)
    assert report.wait_done(engine.db, config_id).status == 'FAILED'
    wait_for(lambda: not pathlib.Path(f'/proc/{pid}').exists())
    assert list(engine.spill.iterdir())
    assert output(engine.db, source='spill', export_sql='select 7 as a') == b'a\n7\n'
    assert not list(engine.spill.iterdir())


@pytest.mark.shipped
def test_memory_is_flat_for_rows_of_usual_width(engine):
    config_id = report.submit(engine.db, source='lake', export_sql="""
        select n, 'row ' || n as name, n * 0.37 as price, n % 7 = 0 as paid
        from range(3000000) t(n)""")
    pid = wait_for(lambda: reader_of(engine))
    worker = int(pathlib.Path(f'/proc/{pid}/status').read_text().split('PPid:\t')[1].split()[0])
    peak = both = 0
    while (status := pathlib.Path(f'/proc/{pid}/status')).exists():
        try:
            peak = max(peak, int(status.read_text().split('VmHWM:')[1].split()[0]))
            # What they share counts once.
            both = max(both, sum(proportional(one) for one in (pid, worker)))
        except (OSError, IndexError):
            break
        time.sleep(0.02)
    ended(engine.db, config_id)
    assert 0 < peak < 64 << 10
    assert 0 < both < 64 << 10
    held = pathlib.Path(f'/proc/{worker}/status').read_text().split('VmHWM:')[1].split()[0]
    assert int(held) < 64 << 10


def proportional(pid):
    """The proportional set size of a process, kB."""
    return int(pathlib.Path(f'/proc/{pid}/smaps_rollup').read_text()
               .split('\nPss:')[1].split()[0])


def test_very_wide_rows_end_at_the_memory_limit(engine, place):
    with_little = process.write_conf(
        place / 'little.conf', engine.db, {
            'source.lake': {'type': 'duckdb', 'library': str(duckdb.library())}})
    finished = process.run(
        'prlimit', f'--data={200 << 20}', BIN / 'reportctl', 'export', '-c', with_little,
        '--source', 'lake', '--sql',
        "select n, repeat('x', 50000) as wide from range(20000) t(n)", '-o', place / 'wide.csv')
    (place / 'little.conf').unlink()
    assert finished.returncode != 0
    assert 'alloc' in finished.stderr
    assert not (place / 'wide.csv').exists()


# Files that a job brings along.

@pytest.fixture
def call():
    def call(relations, sql, *before):
        finished = subprocess.run(
            [BIN / 'test/unit/duckcall', duckdb.library(), json.dumps(relations), sql, *before],
            text=True, capture_output=True, check=False)
        return finished.stdout or finished.stderr
    return call


def test_files_of_a_job_are_relations(call, tmp_path):
    (tmp_path / "it's 1.csv").write_text('id;name\n1;"a;b"\n2;\n')
    (tmp_path / '2.csv').write_text('id;name\n3;x\n')
    (tmp_path / 'a.jsonl').write_text('{"id": 1, "tags": ["x"]}\n')
    orders = {'name': 'my orders', 'format': 'csv', 'options': {
        'delimiter': ';', 'columns': [['id', 'INTEGER'], ['name', 'VARCHAR']]},
        'paths': [str(tmp_path / "it's 1.csv"), str(tmp_path / '2.csv')]}
    tags = {'name': 'tags', 'format': 'jsonl', 'paths': [str(tmp_path / 'a.jsonl')]}
    assert call([orders, tags], """
        select o.id + 1 as n, o.name, t.tags from "my orders" o left join tags t using (id)
        order by o.id""") == 'n|name|tags\n2|a;b|["x"]\n3|-|-\n4|x|-\n'
    assert 'Cannot access file' in call([tags], f"from '{tmp_path}/2.csv'")
    assert 'Cannot access file' in call([tags], f"from glob('{tmp_path}/*')")


def test_a_result_that_was_left_is_no_answer_to_the_next_question(call):
    assert call([], 'select 7 as a', 'from range(1000000) t(n)') == 'a\n7\n'
    assert call([], 'select 7 as a',
                "select case when n = 900000 then error('late') else 'x' end from range(1000000) t(n)"
                ) == 'a\n7\n'


def test_a_relation_without_files_has_columns(call):
    none = {'name': 'none', 'format': 'csv', 'paths': [],
            'options': {'columns': [['id', 'INTEGER'], ['at', 'TIMESTAMP']]}}
    assert call([none], 'select * from none') == 'id|at\n'
    assert 'there is no file, so its columns are not known' in call(
        [{**none, 'options': {}}], 'select * from none')


@pytest.mark.parametrize('part, value', [
    ('name', 'x as select 1; copy (select 1) to \'{p}/evil\'; --'),
    ('name', '" as select 1; copy (select 1) to \'{p}/evil\'; --'),
    ('paths', ["x'); copy (select 1) to '{p}/evil'; --"]),
    ('options', {'delimiter': "'); copy (select 1) to '{p}/evil'; --"}),
    ('options', {'columns': [["'}}); copy (select 1) to '{p}/evil'; --", 'INTEGER']]}),
    ('options', {'columns': [['a', "INTEGER'}}); copy (select 1) to '{p}/evil'; --"]]}),
    ('format', 'csv\'); copy (select 1) to \'{p}/evil\'; --'),
])
def test_what_describes_a_relation_is_no_sql(call, tmp_path, part, value):
    (tmp_path / 'a.csv').write_text('a\n1\n')
    relation = {'name': 'r', 'format': 'csv', 'paths': [str(tmp_path / 'a.csv')]}
    relation = json.loads(json.dumps({**relation, part: value}).replace('{p}', str(tmp_path)))
    call([relation], 'select 1 as a')
    call([{**relation, 'paths': []}], 'select 1 as a')
    assert [path.name for path in tmp_path.iterdir()] == ['a.csv']


def test_a_name_with_a_pattern_is_refused(call, tmp_path):
    (tmp_path / 'a*.csv').write_text('a\n1\n')
    assert 'takes *, ? and [ in a name for a pattern' in call(
        [{'name': 'r', 'format': 'csv', 'paths': [str(tmp_path / 'a*.csv')]}], 'select 1')
