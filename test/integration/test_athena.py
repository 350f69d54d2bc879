# SPDX-License-Identifier: MIT
"""Reports from Athena, or rather from what behaves as it: lib/athena.py."""

import json
import os
import pathlib
import re
import signal
import subprocess

import psycopg
import pytest

from lib import process, report
from lib.athena import Refused, column_info
from lib.paths import REPORTCTL, environ
from lib.wait import wait_for
from test_athena_shared import ENVIRONMENT, athena, engine, export, lake  # noqa: F401
from test_engine_shared import done, failure, output

RESULT_MB = int(os.environ.get('RESULT_MB', 60))


@pytest.fixture(autouse=True)
def clean(athena):  # noqa: F811
    """No statement outlives its test."""
    yield
    assert athena.running() == []


def test_rows_come_from_the_result_file(engine, athena, lake):
    data = output(engine.db, source='lake', export_sql="""
        select 1 as n, 'a,"b"' as text, null::text as nothing, '' as empty
        union all select 2, 'two
lines', 'x', null order by 1""")
    assert data.decode() == 'n,text,nothing,empty\n1,"a,""b""",,""\n2,"two\nlines",x,\n'
    assert lake.aws.ops('GetQueryResults') == ['GetQueryResults']


def test_parameters_are_quoted_for_trino(engine):
    data = output(engine.db, source='lake', export_sql='select :\'text\' as :"name"',
                  parameters={'text': "it's a \\ 'x'", 'name': 'the "name"'})
    assert data.decode() == '"the ""name"""\n' + "it's a \\ 'x'\n"


def test_a_statement_has_a_token_and_a_comment_of_its_own(engine, athena):
    one, two = (done(engine.db, source='lake', export_sql='select 1 as n') for _ in range(2))
    first, second = athena.executions.values()
    assert first.args['ClientRequestToken'] != second.args['ClientRequestToken']
    assert first.text.startswith(
        f'-- reportd run {one.run_id} {first.args["ClientRequestToken"]}\nselect')
    assert f'run {two.run_id} ' in second.text


# The result's file.

def info(*names):
    return [column_info(name, 'varchar') for name in names]


def canned(athena, data, *names):
    """Gives this file as the result of `select x`."""
    athena.canned['select x'] = (info(*(names or ('x',))), data)
    return {'source': 'lake', 'export_sql': 'select x'}


def test_an_empty_line_is_the_null_of_one_column(engine, athena):
    data = output(engine.db, **canned(athena, b'"x"\n"a"\n\n""\n\n'))
    assert data == b'x\na\n\n""\n\n'


@pytest.mark.parametrize(('data', 'says'), [
    (b'', 'has no header line'),
    (b'"x"', 'ends within row 0'),
    (b'"x"\n"a', 'ends within row 1'),
    (b'"x"\n"a"', 'ends within row 1'),
    (b'"x"\n"a\n"b"\n', 'ends within row 1'),
    (b'"x"\n"a","b"\n', 'row 2 of the result'),
    (b'"x"\n"a"b\n', 'is not in the form'),
    (b'"y"\n"a"\n', 'has a column "y" where Athena tells of "x"'),
    (b'"x","y"\n"a","b"\n', 'is not in the form'),
    (b'"a"\n', 'has a column "a" where Athena tells of "x"'),
])
def test_a_file_that_is_not_whole_fails_the_run(engine, athena, data, says):
    run = failure(engine.db, **canned(athena, data))
    assert says in run.error_message, run.error_message


def test_a_short_row_fails_the_run(engine, athena):
    run = failure(engine.db, **canned(athena, b'"x","y"\n"a"\n', 'x', 'y'))
    assert 'is not in the form' in run.error_message


def test_a_file_that_is_missing_fails_the_run(engine, athena, lake):
    athena.canned['select x'] = (info('x'), None)
    athena.canned_at = lake.url + 'none.csv'
    run = failure(engine.db, source='lake', export_sql='select x')
    assert 'Could not find results' in run.error_message


def test_a_file_that_may_not_be_read_fails_the_run(engine, lake):
    lake.proxy.at('get', (403, 'AccessDenied'))
    run = failure(engine.db, source='lake', export_sql='select 1 as n')
    assert 'the result of the statement' in run.error_message
    assert 'AccessDenied' in run.error_message


def test_a_file_that_is_changed_meanwhile_fails_the_run(engine, athena, lake):
    rows = b''.join(b'"%s"\n' % (b'x' * 999) for _ in range(3000))
    held = lake.proxy.at('get', 'hold before', forever=True)
    config_id = report.submit(engine.db, max_retries=0, **canned(athena, b'"x"\n' + rows))
    held.wait()
    lake.proxy.clear()
    second = lake.proxy.at('get', 'hold before')
    held.go.set()
    second.wait()
    [execution] = athena.executions.values()
    athena.put(execution.location, b'"x"\n' + rows.replace(b'x', b'y'))
    second.go.set()
    row = report.wait_done(engine.db, config_id)
    assert row.status == 'FAILED' and 'was changed while it was read' in row.error_message


def test_s3_that_slows_down_is_asked_again(engine, athena, lake):
    for _ in range(2):
        lake.proxy.at('get', (503, 'SlowDown'))
    assert output(engine.db, source='lake', export_sql='select 1 as n') == b'n\n1\n'


def test_rows_of_any_width_come_through(engine, athena, lake):
    sql = """select n, repeat(chr(97 + n % 26) || '"' || chr(10), n * n) as text,
        case when n % 3 = 0 then null when n % 3 = 1 then '' else 'x' end as y
        from generate_series(0, 250) n order by n"""
    with psycopg.connect(lake.dwh.conninfo) as conn, conn.cursor().copy(
            f'copy ({sql}) to stdout with (format csv, header)') as copy:
        wanted = b''.join(bytes(part) for part in copy)
    assert output(engine.db, 60, source='lake', export_sql=sql) == wanted


# Where results are.

def test_a_workgroup_that_enforces_its_place_is_followed(engine, athena, lake):
    athena.workgroups['primary'].update(location=f's3://{lake.bucket.name}/enforced/',
                                        enforce=True)
    with_place = export(engine, 'select 1 as n', source='placed')
    assert with_place.stdout == 'n\n1\n'
    assert any(key.startswith('enforced/') for key in lake.bucket.keys())


def test_managed_results_come_in_pages(engine, athena, lake):
    athena.workgroups['primary'].update(managed=True, location=None)
    sql = """select n, case when n % 2 = 0 then '' end as y, n::text || '"' as text
        from generate_series(1, 2345) n order by n"""
    lines = output(engine.db, source='lake', export_sql=sql).decode().splitlines()
    assert lines[0] == 'n,y,text' and len(lines) == 2346
    assert lines[1] == '1,,"1"""' and lines[2345] == '2345,,"2345"""'
    assert lake.aws.ops('GetQueryResults').count('GetQueryResults') == 5
    assert lake.aws.faults == []


def test_a_header_that_is_missing_in_pages_fails_the_run(engine, athena, lake):
    athena.workgroups['primary'].update(managed=True, location=None)
    lake.aws.fault('GetQueryResults', body=json.dumps({'ResultSet': {
        'ResultSetMetadata': {'ColumnInfo': info('n')}, 'Rows': []}}), status=200)
    lake.aws.fault('GetQueryResults', body=json.dumps({'ResultSet': {
        'Rows': [{'Data': [{'VarCharValue': '1'}]}]}}), status=200)
    run = failure(engine.db, source='lake', export_sql='select 1 as n')
    assert 'does not hold the names of the columns' in run.error_message


@pytest.mark.parametrize('row, next_, says', [
    ([{'VarCharValue': 'x'}], 'page-7', 'a page leads back to itself'),
    ([{'VarCharValue': 7}], None, 'a value is no text'),
    (['x'], None, 'a value is no text'),
    ([], None, 'a row has 0 values, there are 1 columns'),
    ([{}, {}], None, 'a row has 2 values, there are 1 columns'),
])
def test_pages_that_lie_fail_the_run(engine, athena, lake, row, next_, says):
    athena.workgroups['primary'].update(managed=True, location=None)
    row = {'Data': row}
    for rows, more in (([], {}), ([{'Data': [{'VarCharValue': 'n'}]}, row],
                                  {'NextToken': next_ or 'page-1'}), ([row], {'NextToken': next_})):
        lake.aws.fault('GetQueryResults', status=200, body=json.dumps({'ResultSet': {
            'ResultSetMetadata': {'ColumnInfo': info('n')}, 'Rows': rows}, **more}))
    assert says in failure(engine.db, source='lake', export_sql='select 1 as n').error_message


def test_wide_pages_are_asked_for_in_smaller_ones(engine, athena, lake):
    athena.workgroups['primary'].update(managed=True, location=None)
    sql = "select n, repeat('x', 100000) as x from generate_series(1, 120) n order by n"
    assert output(engine.db, source='lake', export_sql=sql).count(b'\n') == 121
    asked = [call['args'].get('MaxResults') for call in lake.aws.calls
             if call['op'] == 'GetQueryResults']
    assert asked[:2] == [1, 100] and max(asked[2:]) < 50


@pytest.mark.parametrize('sql', ['show tables', 'SHOW TABLES;', '-- a comment\nshow tables'])
def test_utility_statements_have_no_header(engine, sql):
    assert output(engine.db, source='lake', export_sql=sql) == b'tab_name\nsales\ncustomers\n'


@pytest.mark.parametrize('sql', ['select 1 as n', 'select 1 / 0 as n'])
def test_results_are_removed_by_option(engine, athena, lake, sql):
    before = lake.bucket.keys()
    report.wait_done(engine.db, report.submit(
        engine.db, report_name='tidy', source='tidy', export_sql=sql, max_retries=0))
    [execution] = athena.executions.values()
    assert execution.location.startswith(lake.url) and lake.bucket.keys() == before


def test_the_rows_of_a_table_are_no_result_to_remove(engine, athena, lake):
    """Athena writes them below the place of results, where CREATE TABLE AS says no other."""
    lake.dwh.execute('drop table if exists made')
    assert output(engine.db, source='tidy', prep_sql='create table made as select 5 as n',
                  export_sql='select n from made') == b'n\n5\n'
    table, query = athena.executions.values()
    keys = [f's3://{lake.bucket.name}/{key}' for key in lake.bucket.keys()]
    assert table.location + '/data' in keys and query.location not in keys


def test_reportctl_exports_and_removes_results(engine, lake):
    before = lake.bucket.keys()
    done = export(engine, "select 'x' as x", source='tidy')
    assert done.stdout == 'x\nx\n' and lake.bucket.keys() == before, done.stderr


def test_settings_become_arguments(engine, athena, lake):
    assert output(engine.db, source='placed', export_sql='select 1 as n') == b'n\n1\n'
    [execution] = athena.executions.values()
    token = execution.args.pop('ClientRequestToken')
    assert re.fullmatch('reportd-[0-9a-f]{32}', token)
    execution.args.pop('QueryString')
    assert execution.args == {
        'ResultConfiguration': {
            'OutputLocation': f's3://{lake.bucket.name}/placed/',
            'ExpectedBucketOwner': '123456789012',
            'EncryptionConfiguration': {'EncryptionOption': 'SSE_KMS', 'KmsKey': 'alias/reports'}},
        'QueryExecutionContext': {'Catalog': 'AwsDataCatalog'},
        'ResultReuseConfiguration': {'ResultReuseByAgeConfiguration': {
            'Enabled': True, 'MaxAgeInMinutes': 90}}}


def test_nothing_is_reused_unless_asked(engine, athena):
    output(engine.db, source='lake', export_sql='select 1 as n')
    [execution] = athena.executions.values()
    assert set(execution.args) == {'QueryString', 'ClientRequestToken', 'QueryExecutionContext'}


# Errors.

def test_an_error_names_the_line_of_the_report(engine):
    run = failure(engine.db, source='lake', export_sql='select 1,\n  nothing\nfrom sales')
    assert 'line 3:6' in run.error_message and run.error_sqlstate == '42000'


def test_advice_for_a_parameter_without_quotes(engine):
    run = failure(engine.db, source='lake', export_sql='select :day')
    assert "hint: a parameter is written with quotes: :'day'" in run.error_message


@pytest.mark.parametrize(('refused', 'sqlstate', 'attempts'), [
    (Refused('Query exhausted resources at this scale factor', 2, 3), '53000', 1),
    (Refused('Query exhausted resources at this scale factor', 1, 3, True), '53000', 2),
    (Refused('GENERIC_INTERNAL_ERROR: no', 1, 200), '58000', 1),
    (Refused('GENERIC_INTERNAL_ERROR: no', 1, 200, True), '58000', 2),
    (Refused('HIVE_CANNOT_OPEN_SPLIT: torn', 2, 1001), '22000', 1),
    (Refused('the result cannot be written', 1, 401, True), '58030', 2),
    (Refused('Query timeout', 1, 210, True), '57014', 2),
])
def test_athena_says_whether_a_retry_helps(engine, athena, refused, sqlstate, attempts):
    athena.fail('select', refused, times=attempts)
    run = done(engine.db, 'FAILED', source='lake', export_sql='select 1', max_retries=attempts - 1
               if attempts > 1 else 3)
    assert (run.error_sqlstate, run.attempt) == (sqlstate, attempts)
    assert refused.reason in run.error_message


@pytest.mark.parametrize('state', ['FAILED', 'CANCELLED'])
def test_a_state_without_an_error(engine, athena, state):
    athena.with_error = False
    athena.fail('select', Refused('no reason'))
    if state == 'FAILED':
        assert done(engine.db, source='lake', export_sql='select 1').attempt == 2
        return
    held = athena.hold()
    config_id = report.submit(engine.db, report_name='ended by hand', source='lake',
                              export_sql='select 1')
    wait_for(lambda: athena.states() == ['RUNNING'])
    [execution] = athena.executions.values()
    execution.reason = 'Bytes scanned limit was exceeded'
    execution.state = 'CANCELLED'
    row = report.wait_done(engine.db, config_id)
    held.set()
    assert row.status == 'FAILED' and row.current_retries == 0
    assert 'was cancelled at Athena: Bytes scanned limit was exceeded' in row.error_message


@pytest.mark.parametrize('op', ['StartQueryExecution', 'GetQueryExecution', 'GetQueryResults'])
def test_a_permission_that_is_missing_is_named(engine, lake, op):
    lake.aws.fault(op, status=400, code='AccessDeniedException', message='not authorized')
    run = failure(engine.db, source='lake', export_sql='select 1')
    assert f'the credentials need athena:{op} on the workgroup' in run.error_message
    assert run.error_sqlstate == '42501'


def test_a_workgroup_that_is_unknown_is_named(engine):
    run = failure(engine.db, source='other', export_sql='select 1')
    assert 'WorkGroup other is not found' in run.error_message


def test_a_place_for_results_that_is_missing_is_named(engine, athena):
    athena.workgroups['primary']['location'] = None
    run = failure(engine.db, source='lake', export_sql='select 1')
    assert 'No output location provided' in run.error_message


def test_crowds_and_throttling_are_waited_for(engine, athena, lake):
    lake.aws.fault('StartQueryExecution', times=6, status=400, code='TooManyRequestsException')
    lake.aws.fault('GetQueryExecution', status=400, code='ThrottlingException')
    lake.aws.fault('GetQueryResults', status=503, code='ServiceUnavailable')
    assert output(engine.db, 120, source='lake', export_sql='select 1 as n') == b'n\n1\n'
    assert len(athena.executions) == 1


@pytest.mark.parametrize('how', [{'status': 400, 'code': 'ThrottlingException'},
                                 {'cut': 'before'}], ids=str)
def test_a_statement_is_waited_for_while_athena_is_busy(engine, athena, lake, how):
    """For longer than one call is repeated: the statement runs, and is billed."""
    fault = lake.aws.fault('GetQueryExecution', times=7, **how)
    assert output(engine.db, 60, source='lake', export_sql='select 1 as n') == b'n\n1\n'
    assert fault.met == 7 and athena.states() == ['SUCCEEDED']


@pytest.mark.parametrize('cut', ['before', 'after', 'inside'])
def test_a_repeated_start_is_the_same_statement(engine, athena, lake, cut):
    fault = lake.aws.fault('StartQueryExecution', cut=cut)
    assert output(engine.db, source='lake', export_sql='select 1 as n') == b'n\n1\n'
    assert fault.met == 1 and len(athena.executions) == 1
    tokens = {call['args']['ClientRequestToken'] for call in lake.aws.calls
              if call['op'] == 'StartQueryExecution' and 'args' in call}
    assert len(tokens) == 1


@pytest.mark.parametrize(('op', 'body', 'says'), [
    ('StartQueryExecution', '{}', 'has no QueryExecutionId'),
    ('GetQueryExecution', '{"QueryExecution": {}}', 'has no state'),
    ('GetQueryExecution', '{"QueryExecution": {"Status": {"State": "SUCCEEDED"}, '
     '"StatementType": "DML", "QueryExecutionId": "x"}}', 'tells of another statement'),
    ('GetQueryResults', '{"ResultSet": {}}', 'describes no columns'),
    ('GetQueryResults', '[]', 'no JSON object'),
])
def test_an_answer_without_sense_fails_the_run(engine, lake, op, body, says):
    lake.aws.fault(op, body=body)
    run = failure(engine.db, source='lake', export_sql='select 1')
    assert says in run.error_message, run.error_message


def test_a_statement_takes_its_time_at_most(engine, athena):
    athena.hold()
    run = failure(engine.db, source='brief', export_sql='select 1')
    assert 'longer than its statement_timeout of 1000 ms' in run.error_message
    assert run.error_sqlstate == '57014' and athena.states() == ['CANCELLED']
    assert run.leftovers is None


# Statements.

@pytest.mark.parametrize('sql', [
    'insert into sales values (1)', 'create table x as select 1', 'drop table sales',
    "unload (select 1) to 's3://x/' with (format = 'PARQUET')", 'delete from sales',
    'explain analyze insert into sales values (1)', 'explain analyze verbose drop table x',
    'prepare x from drop table y', 'execute x', '-- select\ndrop table x',
    'using external function f() returns int lambda \'f\' select f()', 'set session x = 1',
    'msck repair table sales', '/* select */ alter table x drop partition (a = 1)'])
def test_an_export_changes_nothing(engine, athena, sql):
    run = failure(engine.db, source='lake', export_sql=sql)
    assert 'the statement is no query' in run.error_message and run.error_sqlstate == '25006'
    assert athena.executions == {}


@pytest.mark.parametrize('sql', ['select 1 as n', '(select 1 as n)', 'values (1)', 'table one',
                                 'with x as (select 1 as n) select * from x',
                                 'explain select 1', 'explain analyze select 1'])
def test_statements_that_read(engine, lake, sql):
    lake.dwh.execute('create table if not exists one as select 1 as n')
    assert output(engine.db, source='lake', export_sql=sql) != b''


def test_a_statement_of_most_characters(engine):
    text = 'é' * 262000
    assert text in output(engine.db, source='lake',
                          export_sql=f"select '{text}' as x").decode()
    run = failure(engine.db, source='lake', export_sql=f"select '{text}{'x' * 300}'")
    assert 'longer than the 262144 characters that Athena takes' in run.error_message


def test_the_remark_says_what_is_billed(engine, athena):
    """1234 bytes for each statement, also for one that has failed."""
    run = done(engine.db, source='lake', prep_sql='create external table if not exists billed (a int); '
               'drop table if exists billed', export_sql='select 1 as n')
    assert run.remark == 'Athena read 3702 bytes'
    run = failure(engine.db, source='lake', export_sql='select 1 / 0 as n')
    assert run.remark == 'Athena read 1234 bytes'


def test_rows_are_limited_and_partitioned(engine, athena):
    run = done(engine.db, source='lake', output_options={'max_rows': 3},
               export_sql='select n from generate_series(1, 9) n order by n')
    assert run.row_count == 3 and 'cut after 3 rows' in run.remark
    run = done(engine.db, source='lake', output_format='PARQUET', output_path='parts/{partition}/x.parquet',
               output_options={'partition_by': ['day']},
               export_sql='select n % 2 as day, n from generate_series(1, 9) n')
    assert run.row_count == 9
    assert 'order by cast("day" as varchar)' in list(athena.executions.values())[-1].sql


# Reports that ask for abilities that it lacks.

@pytest.mark.parametrize(('columns', 'says'), [
    ({'export_sql': 'select 1; select 2', 'output_format': 'XLSX'}, 'several statements: source "lake" is of type athena'),
    ({'export_sql': 'select 1', 'result_sql': 'select 2 as n'}, 'several statements'),
    ({'export_sql': "select :'horizon' as h"}, 'does not tell the transactions that are open'),
])
def test_what_it_cannot_do_is_refused_at_insert(engine, columns, says):
    with pytest.raises(psycopg.Error, match=re.escape(says)):
        report.submit(engine.db, report_name='no', source='lake', **columns)


# reportctl.

def test_doctor_runs_a_statement(engine, athena):
    told = process.reportctl(engine.conf, 'doctor', env=ENVIRONMENT).stdout
    assert re.search(r'ok +source\.lake: athena, connects and reads in \d+ ms', told), told
    assert 'Athena at 127.0.0.1' in told and 'workgroup primary' in told
    assert re.search(r'source\.other: .*WorkGroup other is not found', told)
    assert 'look at its region, workgroup, database and output_location' in told


def test_reportctl_is_interrupted(engine, athena):
    athena.hold()
    child = subprocess.Popen(
        [REPORTCTL, '-c', engine.conf, 'export', '--source', 'lake', '--sql', 'select 1'],
        env=environ(**ENVIRONMENT), stderr=subprocess.PIPE)
    wait_for(lambda: athena.states() == ['RUNNING'])
    child.send_signal(signal.SIGINT)
    assert b'interrupted' in child.communicate(timeout=30)[1]
    assert athena.states() == ['CANCELLED']


@pytest.mark.shipped
@pytest.mark.parametrize('wide', [120, 40_000])
def test_memory_does_not_follow_the_size_of_the_result(engine, athena, lake, wide, tmp_path):
    rows = RESULT_MB * 1_000_000 // wide
    line = b'"1.5E10","2026-01-02 03:04:05.123","%s"\n' % (b'x' * wide)
    name = 'results/large.csv'
    with open(tmp_path / 'large.csv', 'w+b') as made:
        made.write(b'"f","t","x"\n')
        made.writelines(line for _ in range(rows))
        made.seek(0)
        lake.bucket.put(name, made)
    athena.canned['select x'] = ([column_info('f', 'double'), column_info('t', 'timestamp'),
                                  column_info('x', 'varchar')], None)
    athena.canned_at = lake.bucket.url(name)
    run = done(engine.db, within=120 + RESULT_MB, source='lake', export_sql='select x')
    assert run.row_count == rows
    peaks = [int(re.search(r'VmHWM:\s+(\d+)', pathlib.Path(f'/proc/{pid}/status').read_text())[1])
             for pid in engine.daemon.workers()]
    assert max(peaks) < 64 << 10


# Statements that each read a state of their own.

def test_several_statements_when_no_snapshot_is_wanted(engine, athena):
    run = done(engine.db, source='lake', output_format='XLSX', output_options={'snapshot': False},
               export_sql='select 1 as n; select 2 as m', result_sql='select 3 as last')
    assert run.row_count == 2 and len(athena.executions) == 3
    assert engine.db.value('select result from reportd.report_request where request_id = %s',
                           run.request_id) == {'last': '3'}


def test_checks_ask_the_lake_when_no_snapshot_is_wanted(engine, lake):
    lake.dwh.execute('drop table if exists counted')
    lake.dwh.execute('create table counted as select 1 as n')
    check = json.dumps([{'name': 'rows', 'on': 'counted', 'row_count': {'min': 2}}])
    columns = {'source': 'lake', 'export_sql': 'select n from counted', 'checks': check}
    with pytest.raises(psycopg.Error, match='set "snapshot": false'):
        report.submit(engine.db, report_name='no', **columns)
    run = failure(engine.db, output_options={'snapshot': False}, **columns)
    assert run.error_stage == 'check' and 'rows' in run.error_message
    lake.dwh.execute('insert into counted values (2)')
    assert output(engine.db, output_options={'snapshot': False}, **columns) == b'n\n1\n2\n'


def test_reportctl_exports_several_statements(engine, tmp_path):
    told = export(engine, 'select 1 as n; select 2 as n', '-o', tmp_path / 'x.xlsx')
    assert told.returncode != 0 and '"snapshot": false' in told.stderr
    told = export(engine, 'select 1 as n; select 2 as n', '-o', tmp_path / 'x.xlsx', '--option',
                  'snapshot=false')
    assert told.returncode == 0, told.stderr
