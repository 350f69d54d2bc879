# SPDX-License-Identifier: MIT
"""Reports that DuckDB makes from files: a source of type duckdb."""

import gzip
import json
import os
import pathlib
import re
import subprocess

import psycopg
import pytest

from lib import duckdb, process, report
from lib.duckdb import DuckDB
from lib.paths import ROOT
from lib.wait import wait_for
from test_engine_shared import done, ended, failure, file_of, last_run, output, running_engine


@pytest.fixture(scope='module')
def lake(tmp_path_factory):
    """A folder with the files that reports may read."""
    lake = tmp_path_factory.mktemp('duckdb') / 'lake'
    lake.mkdir()
    (lake / 'sales.csv').write_text(
        'id,customer,amount,day\n1,Ann,12.50,2026-03-01\n2,Bob,,2026-03-02\n')
    (lake / 'sales.jsonl').write_text('{"id": 1, "tags": ["a", "b"]}\n{"id": 2}\n')
    return lake


@pytest.fixture(scope='module')
def engine(cluster, template, tmp_path_factory, lake):
    spill = lake.parent / 'spill'
    spill.mkdir()
    source = {'type': 'duckdb', 'library': str(duckdb.library()), 'folders': str(lake)}
    home = tmp_path_factory.mktemp('engine')
    (home / 'out/lake').mkdir(parents=True)
    with running_engine(cluster, template, home, {
            'source.made': {**source, 'folders': str(home / 'out/lake')},
            'source.lake': {**source, 'temp_directory': str(spill)},
            'source.dry': {**source, 'memory_limit': '32MB'},
            'source.hasty': {**source, 'statement_timeout': '500ms'},
            'source.many': {**source, 'threads': '4', 'temp_directory': str(spill)},
            'source.bare': {'type': 'duckdb', 'library': '/nowhere/libduckdb.so'},
            'source.wrong': {'type': 'duckdb', 'library': 'libz.so.1'},
            'source.gone': {**source, 'folders': str(lake / 'gone')}}) as engine:
        engine.lake = lake
        engine.spill = spill
        yield engine


def csv(engine, sql, **columns):
    return output(engine.db, source='lake', export_sql=sql, **columns).decode()


def test_files_are_read_and_rows_come_out(engine):
    assert csv(engine, f"""
        select s.id, customer, amount::decimal(9, 2) as amount, day, tags
        from '{engine.lake}/sales.csv' s join '{engine.lake}/sales.jsonl' j on s.id = j.id
        order by s.id""") == (
            'id,customer,amount,day,tags\n'
            '1,Ann,12.50,2026-03-01,"[""a"",""b""]"\n2,Bob,,2026-03-02,\n')


def test_a_query_of_each_form_may_run(engine):
    for sql in ('values (7)', 'from (select 7 as a)', '(select 7)', 'with a as (select 7) from a',
                '-- a remark\nselect 7', 'select 7 -- at the end'):
        assert csv(engine, sql).endswith('\n7\n'), sql
    assert 'physical_plan' in csv(engine, 'explain select 7')
    assert 'Total Time' in csv(engine, 'explain analyze select 7')
    assert 'column_name' in csv(engine, 'describe select 7')


def test_parameters_become_literals(engine):
    assert csv(engine, "select :'who' as who, :'nothing' is null as nothing, 1 as :\"name\"",
               parameters={'who': "O'Neil \\ \n'; select 2", 'nothing': None,
                           'name': 'a "name"'}) == (
        'who,nothing,"a ""name"""\n"O\'Neil \\ \n\'; select 2",t,1\n')


# The table of docs/duckdb.md, "How its SQL differs": what DuckDB makes of each.
DIFFERENCES = {
    '7 / 2': '3.5', '7 // 2': '3', 'typeof(1.50::decimal(9, 2) / 3)': 'DOUBLE',
    'typeof(cast(1.50::decimal(9, 2) * 0.5 as decimal(12, 2)))': '"DECIMAL(12,2)"',
    '1 / 0': 'Infinity', 'typeof(sum(1))': 'HUGEINT', 'typeof(avg(1.5::decimal(9, 2)))': 'DOUBLE',
    '(select list(x order by x) from (values (2), (null), (1)) t(x))': '"[1,2,null]"',
    '(select list(x order by x desc) from (values (2), (null), (1)) t(x))': '"[2,1,null]"',
    "(select name from (select 1 as \"Name\"))": '1', 'typeof(1::numeric)': '"DECIMAL(18,3)"',
    "(select count(*) from '{lake}/sales.csv')": '2', "$$it's$$": "it's",
    "E'a\\tb'": 'a\tb', "(interval '1 day')::varchar": '1 day',
    'count(*) filter (where false)': '0', 'row_number() over ()': '1'}


def test_sql_differs_as_the_manual_says(engine):
    columns = ', '.join(f'{what} as c{n}' for n, what in enumerate(DIFFERENCES))
    line = csv(engine, 'select ' + columns.format(lake=engine.lake)).splitlines()[1]
    assert line == ','.join(DIFFERENCES.values())


def test_each_job_has_its_time_zone(engine):
    assert csv(engine, """
        select timestamptz '2026-07-01 12:00:00+00' as at,
            date_trunc('day', timestamptz '2026-07-01 23:00:00+00')::date as day""",
               time_zone='Europe/Berlin') == 'at,day\n2026-07-01 14:00:00+02,2026-07-02\n'


def test_options_shape_the_query(engine):
    run = done(engine.db, source='lake', export_sql='from range(10) t(n) order by n desc',
               output_options={'max_rows': 2})
    assert file_of(run.output_url).read_text() == 'n\n9\n8\n'
    assert run.remark == 'cut after 2 rows by max_rows; there are more'
    run = done(engine.db, source='lake', output_format='PARQUET',
               export_sql="select n % 2 as half, n from range(4) t(n) order by n",
               output_path='parts/{partition}/x.parquet',
               output_options={'partition_by': ['half']})
    assert sorted(pathlib.Path(o['url']).parent.name for o in run.outputs) == [
        'half=0', 'half=1']


@pytest.mark.parametrize('columns, text', [
    ({'prep_sql': 'select 1'}, 'prep_sql: source "lake" is of type duckdb, which cannot show'),
    ({'export_sql': 'select 1; select 2', 'output_format': 'XLSX'},
     'several statements: source "lake" is of type duckdb'),
    ({'result_sql': 'select 1 as a'}, 'several statements: source "lake" is of type duckdb'),
    ({'output_options': {'unload': True}}, 'unload: source "lake" is of type duckdb'),
    ({'export_sql': "select :'horizon'"}, ':\'horizon\': source "lake" is of type duckdb, which does '
     'not tell the transactions that are open'),
])
def test_what_the_type_cannot_do_is_refused_at_insert(engine, columns, text):
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=re.escape(text)):
        report.submit(engine.db, source='lake', **{'export_sql': 'select 1', **columns})
    config_id = report.submit(engine.db, source='lake', export_sql="select ';' as a -- ;")
    ended(engine.db, config_id)


def test_the_worker_asks_for_the_abilities_once_more(engine):
    """A row may be older than its source's type."""
    db = engine.db
    with db.connect() as conn:
        conn.execute("update reportd.report_source set type = 'postgres' where source = 'lake'")
        try:
            run = failure(db, source='lake', prep_sql='select 1', export_sql='select 1')
            assert 'prep_sql: [source.lake] is of type duckdb' in run.error_message
            run = failure(db, source='lake', export_sql='select 1; select 2', output_format='XLSX')
            assert 'several statements: [source.lake] is of type duckdb' in run.error_message
            run = failure(db, source='lake', export_sql="select :'horizon'")
            assert 'the horizon cannot be known: [source.lake] is of type duckdb, which does not ' \
                'tell the transactions that are open; or set horizon_overlap' in run.error_message
        finally:
            conn.execute("update reportd.report_source set type = 'duckdb' where source = 'lake'")


@pytest.mark.parametrize('sql, state, text', [
    ('select 1 +', '42601', 'syntax error at end of input'),
    ('selec 1', '42501', 'only SELECT'),
    ('select\nnothing from range(3)', '42000', '(line 2)'),
    ("select 'x'::int", '22018', "Could not convert string 'x' to INT32"),
    ('select error(\'enough\')', '22023', 'enough'),
    ('select $1', '42P02', "write parameters of the report as :'name'"),
    ('select chr(0) as zero', '22021', 'column "zero" has a text with a zero byte'),
    ('select nosuch(1)', '42704', 'nosuch does not exist'),
    ('select :name', '42601', "a parameter is written with quotes: :'name'"),
    ('select 200::tinyint', '22018', "can't be cast"),
])
def test_errors_have_their_class_and_are_final(engine, sql, state, text):
    run = failure(engine.db, source='lake', export_sql=sql, max_retries=2)
    assert text in run.error_message
    assert run.error_sqlstate == state
    assert '\n' not in run.error_message
    assert run.attempt == 1


def test_a_file_that_is_not_there_may_come(engine):
    run = failure(engine.db, source='lake', export_sql=f"from '{engine.lake}/later.csv'")
    assert run.error_sqlstate == '58030'
    assert 'later.csv' in run.error_message


@pytest.mark.parametrize('source, text', [
    ('bare', "DuckDB's library cannot be loaded (/nowhere/libduckdb.so"),
    ('wrong', 'libz.so.1 is no library of DuckDB'),
    ('gone', 'gone is no folder that this user can reach'),
])
def test_a_source_that_cannot_work_says_why(engine, source, text):
    run = failure(engine.db, source=source, export_sql='select 1')
    assert text in run.error_message
    if source != 'gone':
        assert 'npm package @duckdb/node-bindings-linux-x64' in run.error_message


def export_with(engine, folder, code):
    """What reportctl says of a library made of this code."""
    subprocess.run(['gcc', '-shared', '-fPIC', '-x', 'c', '-', '-o', folder / 'libduckdb.so'],
                   check=True, text=True, input=code)
    conf = process.write_conf(folder / 'other.conf', engine.db, {'source.lake': {
        'type': 'duckdb', 'library': str(folder / 'libduckdb.so')}})
    refused = process.reportctl(conf, 'export', '--source', 'lake', '--sql', 'select 1')
    assert refused.returncode != 0
    return refused.stderr


VERSION = 'const char *duckdb_library_version(void) {{ return "{}"; }}\n'


@pytest.mark.parametrize('version', ['v1.3.2', 'v0.10.0', 'nonsense'])
def test_a_library_that_is_too_old_is_told(engine, tmp_path, version):
    assert f'is DuckDB {version}, which is too old: get libduckdb.so, 1.4 or later' in \
        export_with(engine, tmp_path, VERSION.format(version))


def test_the_oldest_version_reads_the_same(engine, tmp_path):
    """Files of each kind, lists and sums; and no file that a link leads to elsewhere."""
    conf = process.write_conf(tmp_path / 'old.conf', engine.db, {'source.lake': {
        'type': 'duckdb', 'library': duckdb.library(duckdb.OLDEST), 'folders': engine.lake}})
    (tmp_path / 'secret.csv').write_text('id\n1\n')

    def export(sql):
        done = process.reportctl(conf, 'export', '--source', 'lake', '--sql', sql,
                                 '-o', tmp_path / 'x.csv')
        return done.stderr if done.returncode else (tmp_path / 'x.csv').read_text()
    assert export('select version()[:4] as v') == 'v\nv1.4\n'
    sql = f"""select s.id, customer, amount::decimal(9, 2) as amount, day, tags, uuid
        from '{engine.lake}/sales.csv' s left join '{engine.lake}/sales.jsonl' j on s.id = j.id,
            (select sum(i)::varchar as uuid from range(100000) t(i)) order by s.id"""
    assert export(sql) == csv(engine, sql)
    (engine.lake / 'link.csv').symlink_to(tmp_path / 'secret.csv')
    try:
        assert 'link.csv' in export(f"from '{engine.lake}/link.csv'")
    finally:
        (engine.lake / 'link.csv').unlink()


def test_a_library_without_the_streaming_call_is_told(engine, tmp_path):
    header = (ROOT / 'common/source/duckdb/library.h').read_text()
    names = set(re.findall(r'DUCK\([^,]+, (\w+),', header)) - {
        'library_version', 'pending_prepared_streaming'}
    assert len(names) > 40
    code = VERSION.format('v9.0.0') + ''.join(
        f'void duckdb_{name}(void) {{}}\n' for name in names)
    assert '(DuckDB v9.0.0) lacks the function duckdb_pending_prepared_streaming, which ' \
        'reading row by row needs' in export_with(engine, tmp_path, code)


# Stopping.

ENDLESS = 'select count(*) from range(100000000000) a, range(100000) b'


def readers(engine):
    return duckdb.readers(engine.daemon)


def test_a_query_is_cancelled_in_the_middle(engine):
    db = engine.db
    config_id = report.submit(db, source='lake', export_sql=ENDLESS)
    wait_for(lambda: last_run_stage(db, config_id) == 'export')
    assert readers(engine)
    db.execute('select reportd.cancel(%s)', config_id)
    row = report.wait_done(db, config_id, 10)
    assert row.status == 'CANCELLED'
    assert not readers(engine)
    assert not list(engine.spill.iterdir())


def last_run_stage(db, config_id):
    runs = report.runs(db, config_id)
    return runs and runs[-1].stage


def test_time_limits_end_a_query(engine):
    run = failure(engine.db, source='lake', export_sql=ENDLESS, timeout='1 second')
    assert 'timed out after 1 s' in run.error_message
    assert not readers(engine)


def test_statement_timeout_ends_a_statement(engine):
    run = failure(engine.db, source='hasty', export_sql=ENDLESS)
    assert 'took longer than its statement_timeout of 500 ms' in run.error_message
    assert run.error_sqlstate == '57014'
    assert not readers(engine)


def test_a_daemon_that_ends_takes_its_readers_along(engine, db, daemon):
    one = daemon({'source.default': {'trusted': 'on'},
                  'source.lake': {'type': 'duckdb', 'library': str(duckdb.library())}},
                 shutdown_grace='0')
    config_id = report.submit(db, source='lake', export_sql=ENDLESS)
    wait_for(lambda: last_run_stage(db, config_id) == 'export')
    pid, = duckdb.readers(one)
    one.end()
    assert not pathlib.Path(f'/proc/{pid}').exists()
    assert last_run(db, config_id).status == 'RELEASED'


def test_a_reader_that_dies_ends_its_job_alone(engine):
    db = engine.db
    config_id = report.submit(db, source='lake', export_sql=ENDLESS, max_retries=0)
    wait_for(lambda: last_run_stage(db, config_id) == 'export')
    pid, = readers(engine)
    os.kill(pid, 11)
    assert report.wait_done(db, config_id, 10).status == 'FAILED'
    run = last_run(db, config_id)
    assert "DuckDB's process crashed by signal 11" in run.error_message
    assert csv(engine, 'select 7 as a') == 'a\n7\n'


def test_doctor_tells_the_library_and_the_folders(engine):
    found = {check['what']: check for check in json.loads(process.reportctl(
        engine.conf, 'doctor', '--json').stdout)}
    assert found['source.lake']['result'] == 'ok'
    assert found['source.lake connection']['detail'] == (
        f'DuckDB v1.5.6 on this host; folders: {engine.lake}')
    assert found['source.bare']['result'] == 'FAILED'
    assert found['source.bare']['mend'].startswith('look at its library, folders and database')
    assert 'source.lake login' not in found


# Several threads.

def test_threads_keep_the_order_of_files_and_of_the_query(engine):
    path = engine.lake / 'many.parquet'
    duck = DuckDB()
    duck.query(f"copy (select i::int as n, i % 7 as g, repeat('x', 200) as v from range(200000) t(i)) "
               f"to '{path}' (row_group_size 2048)")
    duck.close()
    try:
        assert output(engine.db, source='many', export_sql=f"select n from '{path}'").split() == [
            b'n', *(str(n).encode() for n in range(200000))]
        grouped = output(engine.db, source='many', export_sql=f'''
            select g, count(*) as c, sum(n) as s from '{path}' group by g order by g desc''')
        assert grouped.decode() == 'g,c,s\n' + ''.join(
            f'{g},{len(range(g, 200000, 7))},{sum(range(g, 200000, 7))}\n' for g in range(6, -1, -1))
        # More than memory_limit: sorted on disk, by all threads.
        run = done(engine.db, source='many', export_sql=f'''
            select n, v || n as v from (from '{path}' union all from '{path}') order by v desc, n''')
        assert run.row_count == 400000
        assert not list(engine.spill.iterdir())
    finally:
        path.unlink()


def test_a_query_of_several_threads_is_cancelled(engine):
    db = engine.db
    config_id = report.submit(db, source='many', export_sql=ENDLESS)
    reader = wait_for(lambda: [pid for pid in readers(engine)
                               if len(os.listdir(f'/proc/{pid}/task')) >= 4])
    db.execute('select reportd.cancel(%s)', config_id)
    assert report.wait_done(db, config_id, 10).status == 'CANCELLED'
    assert not pathlib.Path(f'/proc/{reader[0]}').exists()
    assert csv(engine, 'select 7 as a') == 'a\n7\n'


# Rows that are too wide.

@pytest.mark.shipped
def test_very_wide_rows_end_their_report_alone(cluster, template, tmp_path):
    with running_engine(cluster, template, tmp_path, {'source.lake': {
            'type': 'duckdb', 'library': str(duckdb.library())}}, workers=2,
            worker_memory='512MB') as engine:
        beside = report.submit(engine.db, source='lake', export_sql='from range(100000)')
        # One chunk of 2048 rows is 800 MB.
        run = failure(engine.db, source='lake', export_sql="select repeat('x', 400000 + n::int) as v "
                      'from range(1000000) t(n)', max_retries=0)
        assert 'memory' in run.error_message, run.error_message
        assert ended(engine.db, beside).row_count == 100000
        assert csv(engine, 'select 7 as a') == 'a\n7\n'
        assert engine.daemon.running() and not readers(engine)


# The manual.

def manual():
    return re.findall(r'```sql\n(.*?)```', (ROOT / 'docs/duckdb.md').read_text(), re.S)


def test_the_reads_of_the_manual(engine):
    reads, = (block for block in manual() if 'reportd.' not in block)
    duck = DuckDB()
    for name in ('sales.parquet', 'a.parquet', 'b.parquet', 'sales/day=1/x.parquet'):
        (engine.lake / name).parent.mkdir(exist_ok=True, parents=True)
        duck.query(f"copy (select 1 as id) to '{engine.lake / name}'")
    duck.close()
    (engine.lake / 'events.jsonl').write_text(
        '{"id": 1, "seen": "2026-01-01 00:00:00+00", "tags": ["a"]}\n')
    with gzip.open(engine.lake / 'orders_1.csv.gz', 'wt') as file:
        file.write('id;customer;amount\n1;Ann;1.50\n')
    statements = re.split(r'\n(?=from )', re.sub(r' *--.*', '', reads))
    assert len(statements) == 5
    for statement in statements:
        rows = csv(engine, re.sub('/srv/(lake|landing)', str(engine.lake), statement.strip()))
        assert len(rows.splitlines()) in (2, 3), statement


def test_the_reports_of_the_manual(engine, tmp_path):
    db = engine.db
    blocks = [block for block in manual() if 'reportd.' in block]
    assert len(blocks) == 3
    with db.connect() as conn:
        for role in 'finance', 'hr':
            conn.execute(f'create role {role}')
            conn.execute("select reportd.register_source(%s, 'duckdb')", (f'lake_{role}',))
        try:
            for block in blocks:
                conn.execute(block)
            revenue = db.row("select * from reportd.report_config where report_key = 'lake_revenue'")
            assert (revenue.source, revenue.run_after) == ('lake', ['lake_sales'])
        finally:
            conn.execute('drop owned by finance, hr; drop role finance, hr')


# Other ways to a source.

def test_a_step_reads_the_file_of_the_step_before(engine):
    db = engine.db
    parent = report.submit(
        db, report_key='made_file', report_name='file', trigger_type='SCHEDULED',
        schedule_expression='0 5 1 1 *', output_format='PARQUET', output_path='lake/made.parquet',
        export_sql="select n, (n * 1.5)::numeric(9, 2) as amount from generate_series(1, 1000) n")
    child = report.submit(
        db, report_key='made_sum', report_name='sum', trigger_type='AFTER',
        run_after=['made_file'], source='made', export_sql="""
            select count(*) as n, sum(amount) as total
            from read_parquet(:'after__made_file__output_url')""")
    db.execute("select reportd.run_now(%s, cascade => true)", parent)
    run = wait_for(lambda: [r for r in report.runs(db, child) if r.status != 'PROCESSING'])[0]
    assert run.status == 'COMPLETED', run.error_message
    assert file_of(run.output_url).read_text() == 'n,total\n1000,750750.00\n'


def test_reportctl_exports_by_it(engine, tmp_path):
    finished = process.reportctl(
        engine.conf, 'export', '--source', 'lake', '--param', 'n=7', '--time-zone', 'Asia/Tokyo',
        '--sql', "select :'n'::int as n, timestamptz '2026-01-01 00:00:00+00' as at",
        '-o', tmp_path / 'x.csv')
    assert finished.returncode == 0, finished.stderr
    assert (tmp_path / 'x.csv').read_text() == 'n,at\n7,2026-01-01 09:00:00+09\n'
    refused = process.reportctl(engine.conf, 'export', '--source', 'lake', '--sql',
                                'select 1; select 2', '-o', tmp_path / '{part}.csv')
    assert refused.returncode != 0
    assert 'several statements: [source.lake] is of type duckdb' in refused.stderr


def test_a_database_file_is_read_and_not_written(engine, tmp_path):
    path = engine.lake.parent / 'shop.duckdb'
    duck = DuckDB()
    duck.query(f"attach '{path}' as shop")
    duck.query('create table shop.orders as select n, n * 2 as twice from range(3) t(n)')
    duck.query('detach shop')
    duck.close()
    before = path.read_bytes()
    conf = process.write_conf(tmp_path / 'shop.conf', engine.db, {'source.shop': {
        'type': 'duckdb', 'library': str(duckdb.library()), 'database': str(path)}})

    def export(sql):
        return process.reportctl(conf, 'export', '--source', 'shop', '--sql', sql)
    assert export('select sum(twice) as s from orders').stdout == 's\n6\n'
    assert 'Cannot access file' in export(f"from '{engine.lake}/sales.csv'").stderr
    assert 'only SELECT' in export('insert into orders values (1, 2)').stderr
    assert path.read_bytes() == before
    assert not path.with_suffix('.duckdb.wal').exists()
