# SPDX-License-Identifier: MIT
"""What Athena writes into the lake, and what it is told of it: UNLOAD and partitions."""

import json

import psycopg
import pytest

from lib import report
from lib.athena import Refused
from lib.wait import wait_for
from test_athena_shared import athena, engine, lake  # noqa: F401
from test_engine_shared import done, failure, output

QUERY = """select n, 'text ' || n as text, n / 2::numeric(12, 2) as half -- a comment
    from generate_series(1, 7) n"""


def unload(engine, lake, sql=QUERY, status='COMPLETED', **more):  # noqa: F811
    more = {'output_format': 'PARQUET', 'output_options': {'unload': True},
            'output_path': f's3://{lake.bucket.name}/out/sales_{{request_id}}.manifest',
            'max_retries': 0, **more}
    return done(engine.db, status, 60, source='lake', export_sql=sql, **more)


def manifest_of(lake, run):  # noqa: F811
    return json.loads(lake.bucket.get(run.output_url.removeprefix(f's3://{lake.bucket.name}/')))


def below(lake, prefix):  # noqa: F811
    return [key for key in lake.bucket.keys() if key.startswith(prefix)]


def test_unload_publishes_a_manifest_of_its_files(engine, athena, lake):  # noqa: F811
    run = unload(engine, lake)
    manifest = manifest_of(lake, run)
    assert run.row_count == 7 and manifest['meta']['record_count'] == 7
    keys = [entry['url'].removeprefix(f's3://{lake.bucket.name}/')
            for entry in manifest['entries']]
    assert sorted(keys) == below(
        lake, run.output_url.removeprefix(f's3://{lake.bucket.name}/') + '.parts/')
    assert len(keys) == 2 and all(f'.parts/{run.run_id}/' in key for key in keys)
    for key, entry in zip(keys, manifest['entries']):
        assert lake.bucket.head(key)['ContentLength'] == entry['meta']['content_length']
        assert lake.bucket.get(key).startswith(b'PAR1')
    assert sum(entry['meta']['record_count'] for entry in manifest['entries']) == 7
    assert 'unloaded' in run.remark and 'into 2 objects' in run.remark


def test_no_rows_are_a_manifest_without_files(engine, athena, lake):  # noqa: F811
    run = unload(engine, lake, 'select 1 as n where false')
    assert manifest_of(lake, run)['entries'] == [] and run.row_count == 0
    run = unload(engine, lake, 'select 1 as n where false',
                 output_options={'unload': True, 'skip_if_empty': True})
    assert run.output_url is None and 'no rows' in run.remark


@pytest.mark.parametrize('skip', [False, True])
def test_files_that_no_list_tells_of_are_not_taken_for_none(engine, athena, lake, skip):  # noqa: F811
    """Athena's answer lacks DataManifestLocation."""
    before = below(lake, 'out/')
    athena.lists = False
    run = unload(engine, lake, status='FAILED',
                 output_options={'unload': True, 'skip_if_empty': skip})
    assert 'objects lie below' in run.error_message, run.error_message
    assert below(lake, 'out/') == before
    assert manifest_of(lake, unload(engine, lake, 'select 1 as n where false'))['entries'] == []


@pytest.mark.parametrize(('more', 'says'), [
    ({'sql': 'show tables'}, 'the statement is no query'),
    ({'output_path': 'local.manifest'}, 'the objects have no place'),
    ({'sql': 'select now() as t'}, 'NOT_SUPPORTED: Unsupported Hive type: timestamp with time zone; '
     'hint: of the types, Athena unloads no time'),
])
def test_what_unload_cannot_do(engine, athena, lake, more, says):  # noqa: F811
    run = unload(engine, lake, status='FAILED', **more)
    assert says in run.error_message, run.error_message


@pytest.mark.parametrize(('more', 'says'), [
    ({'output_format': 'CSV'}, 'source "lake" is of type athena, which cannot write CSV'),
    ({'output_options': {'unload': True, 'max_rows': 5}}, 'cannot do "max_rows"'),
])
def test_what_athena_cannot_unload_is_refused_at_once(engine, lake, more, says):  # noqa: F811
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=says):
        unload(engine, lake, **more)


@pytest.mark.parametrize(('change', 'says'), [
    (lambda urls: urls[:-1], 'objects lie below'),
    (lambda urls: [*urls[:-1], urls[-1] + 'x'], 'is not there'),
    (lambda urls: [*urls, 's3://elsewhere/x'], 'objects lie below'),
])
def test_a_list_of_files_that_lies_fails_the_run(engine, athena, lake, change, says):  # noqa: F811
    before = below(lake, 'out/')
    put = athena.put

    def lying(url, data):
        if url.endswith('-manifest.csv'):
            data = '\n'.join(change(data.decode().split())).encode()
        put(url, data)
    athena.put = lying
    run = unload(engine, lake, status='FAILED')
    assert says in run.error_message, run.error_message
    assert below(lake, 'out/') == before


def test_a_torn_file_fails_the_run(engine, athena, lake):  # noqa: F811
    before = below(lake, 'out/')
    put = athena.put
    athena.put = lambda url, data: put(url, data[:-3] if data[:4] == b'PAR1' else data)
    run = unload(engine, lake, status='FAILED')
    assert 'it is no whole Parquet file' in run.error_message
    assert below(lake, 'out/') == before


def test_an_unload_that_fails_or_is_cancelled_leaves_no_file(engine, athena, lake):  # noqa: F811
    before = below(lake, 'out/')
    athena.fail('unload', Refused('HIVE_WRITER_CLOSE_ERROR', 1, 401))
    assert unload(engine, lake, status='FAILED').error_sqlstate == '58030'
    athena.hold()
    config_id = report.submit(
        engine.db, report_name='held', source='lake', export_sql=QUERY, output_format='PARQUET',
        output_options={'unload': True}, output_path=f's3://{lake.bucket.name}/out/held.manifest')
    wait_for(lambda: 'RUNNING' in athena.states())
    engine.db.execute('select reportd.cancel(%s)', config_id)
    assert report.wait_done(engine.db, config_id).status == 'CANCELLED'
    assert athena.running() == [] and below(lake, 'out/') == before


# Statements of prep_sql.

def test_prep_runs_its_statements_one_by_one(engine, athena, lake):  # noqa: F811
    lake.dwh.execute('drop table if exists made')
    data = output(engine.db, source='lake', prep_sql="""
        create table made with (format = 'PARQUET') as select 5 as n;
        -- nothing
        ; alter table sales add if not exists partition (dt = :'day');
        """, export_sql='select n from made', parameters={'day': '2026-01-02'})
    assert data == b'n\n5\n'
    assert [x.kind for x in athena.executions.values()] == ['DDL', 'DDL', 'DML']
    assert athena.ddl[1] == "alter table sales add if not exists partition (dt = '2026-01-02')"


def test_a_statement_of_prep_that_fails_is_numbered(engine, athena, lake):  # noqa: F811
    lake.dwh.execute('drop table if exists made')
    athena.fail('alter', Refused('FAILED: no such table', 2, 1003))
    run = failure(engine.db, source='lake', export_sql='select 1', prep_sql="""
        create table made as select 1 as n; alter table x drop partition (a = 1); msck x""")
    assert 'prep: statement 2 of 3: FAILED: no such table' in run.error_message
    assert lake.dwh.value('select n from made') == 1


@pytest.mark.parametrize('value', ["it's", 'back\\slash', "\\' or '1' = '1", "'"])
def test_ddl_takes_no_value_that_it_would_read_as_another(engine, athena, value):  # noqa: F811
    run = failure(engine.db, source='lake', export_sql='select 1', parameters={'day': value},
                  prep_sql="alter table sales add partition (dt = :'day') location 's3://b/'")
    assert 'has a quote or a backslash in it' in run.error_message
    assert athena.executions == {}


@pytest.mark.parametrize('sql', ["show tables like 'a''b'", "-- it's\nshow tables"])
def test_quotes_of_ddl(engine, sql):  # noqa: F811
    columns = {'source': 'lake', 'export_sql': sql}
    if "''" in sql:
        assert 'has a quote' in failure(engine.db, **columns).error_message
    else:
        assert output(engine.db, **columns)


# Partitions.

ADD = "alter table lake.sales add if not exists partitions from :'after__KEY__outputs'"


def parent(engine, lake, key, sql, **more):  # noqa: F811
    return report.submit(engine.db, **{
        'report_key': key, 'report_name': key, 'output_format': 'PARQUET', 'export_sql': sql,
        'output_path': f's3://{lake.bucket.name}/{key}/{{partition}}/x.parquet',
        'output_options': {'partition_by': ['dt', 'region']}, **more})


def child(engine, key, prep=ADD):  # noqa: F811
    return report.submit(engine.db, report_name=f'after {key}', trigger_type='AFTER',
                         run_after=[key], source='lake', prep_sql=prep.replace('KEY', key))


def test_outputs_of_a_report_become_partitions(engine, athena, lake):  # noqa: F811
    first = parent(engine, lake, 'daily', """
        select date '2026-01-01' + n / 2 as dt, case when n % 2 = 0 then 'a:b' end as region, n
        from generate_series(0, 3) n order by 1, 2""", is_active=False)
    second = child(engine, 'daily')
    engine.db.execute('update reportd.report_config set is_active = true where config_id = %s',
                      first)
    assert report.wait_done(engine.db, first).status == 'COMPLETED'
    row = report.wait_done(engine.db, second)
    assert row.status == 'COMPLETED', row.error_message
    where = f's3://{lake.bucket.name}/daily'
    [sql] = athena.ddl
    assert sql.startswith('alter table lake.sales add if not exists partition (')
    assert sorted(sql.split(' partition ')[1:]) == sorted(
        f"(`dt` = '{day}', `region` = '{value}') location '{where}/dt={day}/region={folder}/'"
        for day in ('2026-01-01', '2026-01-02')
        for folder, value in (('a%3Ab', 'a:b'),
                              ('__HIVE_DEFAULT_PARTITION__', '__HIVE_DEFAULT_PARTITION__')))


@pytest.mark.parametrize('count', [1, 100, 101, 250])
def test_many_partitions_are_added_in_batches(engine, athena, lake, count):  # noqa: F811
    files = [{'url': f's3://b/t/dt={n}/{part}.parquet'} for n in range(count) for part in 'ab']
    done(engine.db, source='lake', parameters={'files': json.dumps(files)},
         prep_sql="alter table t add if not exists partitions from :'files'")
    assert len(athena.ddl) == -(-count // 100)
    assert sum(sql.count(' partition (') for sql in athena.ddl) == count


@pytest.mark.parametrize(('files', 'says'), [
    ([{'url': 's3://b/t/x.parquet'}], 'in no folder of a partition'),
    ([{'url': 'file:///t/dt=1/x.parquet'}], 'in no folder of a partition'),
    ([{'url': "s3://b/t/dt=it's/x"}], "whose name Athena's DDL takes"),
    ([{'url': "s3://b/t/dt=it%2527s/x"}], "whose name Athena's DDL takes"),
    ([{'url': 's3://b/t/dt=a\\b/x'}], "whose name Athena's DDL takes"),
    ([{'url': 's3://b/t/dt=1/x'}, {'url': 's3://b/t/dt=a%25FF/x'}], "whose name Athena's DDL takes"),
    ([{'url': 's3://b/t/d`t=1/x'}], "whose name Athena's DDL takes"),
    ([{'url': 's3://b/t/=1/x'}], 'in no folder of a partition'),
    ([{'url': 's3://dt=1/x'}], 'in no folder of a partition'),
    ([{}], 'in no folder of a partition'), ({}, 'takes the outputs of another report'),
])
def test_files_that_are_in_no_partition(engine, athena, files, says):  # noqa: F811
    run = failure(engine.db, source='lake', parameters={'files': json.dumps(files)},
                  prep_sql="alter table t add if not exists partitions from :'files'")
    assert says in run.error_message and athena.executions == {}, run.error_message


@pytest.mark.parametrize('files', ['[]', None])
def test_no_files_are_no_statement(engine, athena, files):  # noqa: F811
    done(engine.db, source='lake', parameters={'files': files},
         prep_sql="alter table t add if not exists partitions from :'files'")
    assert athena.executions == {}


# Columns.

CREATE = """create external table if not exists lake.`t 1` columns from :'columns'
    stored as parquet location 's3://b/t/'"""


def test_a_table_takes_its_columns_from_a_value(engine, athena):  # noqa: F811
    kinds = [('id', 'BIGINT'), ('Wort "ä"', 'VARCHAR'), ('price', 'DECIMAL(12,2)'),
             ('seen', 'TIMESTAMP WITH TIME ZONE'), ('raw', 'BLOB'), ('n', 'INTEGER')]
    done(engine.db, source='lake', prep_sql=CREATE, parameters={'columns': json.dumps(kinds)})
    assert athena.ddl == [
        'create external table if not exists lake.`t 1` (`id` bigint, `Wort "ä"` string, '
        '`price` decimal(12,2), `seen` timestamp, `raw` binary, `n` int)\n    '
        "stored as parquet location 's3://b/t/'"]


@pytest.mark.parametrize(('columns', 'says'), [
    ([['a', 'TIME']], 'column "a" is of type TIME, which a table of Athena'),
    ([['a', 'DECIMAL(12,2)) stored as text --']], 'column "a" is of type DECIMAL(12,2)) stored'),
    ([['a`b', 'DATE']], 'a`b is no column'), ([["it's", 'DATE']], "it's is no column"),
    ([['a\\b', 'DATE']], 'is no column'), ([['', 'DATE']], 'is no column'),
    (['a'], 'an element is no column'), ([], 'takes names and types'), (None, 'takes names and types'),
    ('x', 'takes names and types'),
])
def test_what_is_no_column_makes_no_table(engine, athena, columns, says):  # noqa: F811
    run = failure(engine.db, source='lake', prep_sql=CREATE, parameters={
        'columns': columns if columns is None else json.dumps(columns)})
    assert says in run.error_message and athena.executions == {}, run.error_message
