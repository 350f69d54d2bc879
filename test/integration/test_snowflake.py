# SPDX-License-Identifier: MIT
"""Reports from Snowflake, or rather from what behaves as it: lib/snowflake.py."""

import json
import re
import signal

import openpyxl
import psycopg
import pytest

from lib import process, report
from lib.seen import seen
from lib.web import Site
from test_engine_shared import done, ended, file_of, output
from test_snowflake_shared import account, csv, dwh, engine, fails, snow  # noqa: F401


def test_a_query_becomes_a_report(engine, snow):
    assert csv(engine, "select 1::int as n, 'a \"b\" ü'::text as t, null::text as hole") == (
        'n,t,hole\n1,"a ""b"" ü",\n')
    (_, _, query, body, headers), = snow.sent('post')
    assert {k: body[k] for k in ('warehouse', 'database', 'schema', 'role')} == {
        'warehouse': 'REPORTS_WH', 'database': 'SALES', 'schema': 'PUBLIC',
        'role': 'REPORT_READER'}
    # Without the formats of outputs, which would change the values.
    assert body['parameters'].keys() == {'QUERY_TAG', 'TIMEZONE', 'MULTI_STATEMENT_COUNT'}
    assert re.fullmatch(r'reportd run \d+', body['parameters']['QUERY_TAG'])
    assert query['async'] == ['true'] and 'retry' not in query
    assert headers['X-Snowflake-Authorization-Token-Type'] == 'KEYPAIR_JWT'


# Types and formats.

TYPES = """
    select n, n::smallint as small, n * 3000000000 as big, (n * 1.005)::numeric(20, 4) as amount,
        (n / 7::numeric)::numeric(38, 10) as ratio, n % 2 = 0 as even,
        case n % 5 when 0 then 'NaN' when 1 then 'Infinity' when 2 then '-Infinity'
            else (n / 3.0)::text end::float8 as real, n * 1e300::float8 as large,
        date '1999-12-30' + n as day, date '0044-03-15 BC' + n as old,
        time '23:59:59.5' - n * interval '1.000001 s' as clock,
        timestamp '2026-03-29 01:59:59.123456' + n * interval '1 hour' as moment,
        timestamp '1969-12-31 23:59:58.5' + n * interval '0.25 s' as before,
        timestamptz '2026-03-29 00:30:00+00' + n * interval '1 hour' as instant,
        timestamptz '1883-11-18 00:00:00+00' + n * interval '1 day' as early,
        'Größe "' || n || E'"\\n\\t\\\\ 😀 ' || chr(1) as text,
        decode(lpad(to_hex(n), 8, '0'), 'hex') as bytes,
        json_build_object('n', n, 't', array['a"', null])::json as variant,
        nullif(n, 3) as hole, nullif('x', 'x') as nothing
    from generate_series(1, 2500) n order by n"""
# Snowflake has no E'...', and takes backslashes in every literal.
TYPES_SNOWFLAKE = TYPES.replace("E'", "'")


@pytest.mark.parametrize('format', ['CSV', 'JSON', 'JSONL', 'PARQUET', 'HTML'])
@pytest.mark.parametrize('loud', [False, True], ids=['lower', 'upper'])
def test_every_byte_is_as_from_postgresql(engine, snow, format, loud):
    snow.loud = loud
    snow.offset_columns = {'instant': 1500}
    columns = {'report_name': 'types', 'time_zone': 'Europe/Berlin', 'output_format': format}
    one = output(engine.db, export_sql=TYPES, output_path='{config_id}.a', **columns)
    two = output(engine.db, export_sql=TYPES_SNOWFLAKE, source='snow',
                 output_path='{config_id}.b', **columns)
    one, two = seen(format, one), seen(format, two)
    assert len(one) > 10_000
    assert one == two


def test_all_formats_at_once(engine, snow):
    run = done(engine.db, export_sql=TYPES_SNOWFLAKE.replace('chr(1)', "''"), source='snow',
               output_format='CSV,XLSX,PDF,HTML,JSON,JSONL,PARQUET',
               output_path='all/{config_id}.{ext}', within=90)
    assert run.row_count == 2500
    sheet = openpyxl.load_workbook(file_of(
        [o['url'] for o in run.outputs if o['format'] == 'XLSX'][0])).active
    assert sheet.max_row == 2501 and sheet['A2501'].value == 2500
    assert len(snow.sent('post')) == 1 and len(snow.sent('partition')) == 2


def test_what_people_see_is_as_from_postgresql(engine, snow):
    """The cells of a workbook with their formats, and the words of a PDF."""
    snow.offset_columns = {'instant': 1500}
    columns = {'report_name': 'types', 'time_zone': 'Europe/Berlin', 'output_format': 'XLSX,PDF'}
    runs = [done(engine.db, output_path=f'seen/{source}.{{ext}}', source=source, within=90,
                 export_sql=sql.replace('chr(1)', "''").replace('2500', '12'), **columns)
            for source, sql in (('default', TYPES), ('snow', TYPES_SNOWFLAKE))]
    (one, one_pdf), (two, two_pdf) = ([file_of(o['url']) for o in run.outputs] for run in runs)
    assert seen('XLSX', one.read_bytes()) == (cells := seen('XLSX', two.read_bytes()))
    assert len(cells) == 13 * 20
    assert seen('PDF', one_pdf.read_bytes()) == (words := seen('PDF', two_pdf.read_bytes()))
    assert len(words) > 200


def one_cell(snow, type, value, **more):
    """Lets the next result be this one value of this type."""
    column = {'name': 'v', 'type': type, 'nullable': True, 'precision': None, 'scale': None, **more}

    def change(answer):
        if 'data' not in answer:  # the statement has not ended
            snow.fault('get', change=change)
            return answer
        answer['resultSetMetaData'].update(
            rowType=[column], numRows=1, partitionInfo=[{'rowCount': 1}])
        answer['data'] = [[value]]
        return answer
    snow.fault('get', change=change)


CELLS = [
    ('fixed', '12', {'precision': 38, 'scale': 0}, '12'),
    ('FIXED', '-99999999999999999999999999999999999999', {'precision': 38, 'scale': 0},
     '-99999999999999999999999999999999999999'),
    ('fixed', '1.5', {'precision': 12, 'scale': 2}, '1.50'),
    ('fixed', '-.05', {'precision': 12, 'scale': 2}, '-0.05'),
    ('real', 'NaN', {}, 'NaN'), ('real', 'inf', {}, 'Infinity'), ('real', '-inf', {}, '-Infinity'),
    ('real', '0.10000000000000001', {}, '0.1'), ('real', '1e300', {}, '1e+300'),
    ('decfloat', '1.23E+5', {}, '123000'), ('decfloat', '1.23E-5', {}, '0.0000123'),
    ('decfloat', '-12.50', {}, '-12.50'),
    ('boolean', 'true', {}, 't'), ('boolean', '0', {}, 'f'),
    ('date', '17982', {}, '2019-03-27'), ('date', '-1', {}, '1969-12-31'),
    ('date', '-719163', {}, '0001-12-31 BC'),
    ('time', '82919.000000000', {'scale': 9}, '23:01:59'),
    ('time', '82919000000000', {'scale': 9}, '23:01:59'),
    ('time', '0.123456789', {'scale': 9}, '00:00:00.123456'),
    ('timestamp_ntz', '-0.000000001', {'scale': 9}, '1969-12-31 23:59:59.999999'),
    ('timestamp_ntz', '-210866803200.0', {'scale': 9}, '4714-11-24 00:00:00 BC'),
    ('timestamp_ntz', '1616173619.000000000', {'scale': 0}, '2021-03-19 17:06:59'),
    ('timestamp_ntz', '1616173619123456789', {'scale': 9}, '2021-03-19 17:06:59.123456'),
    ('timestamp_ltz', '1616173619.500000000', {'scale': 9}, '2021-03-19 18:06:59.5+01'),
    ('timestamp_tz', '1616173619.000000000 960', {'scale': 9}, '2021-03-19 18:06:59+01'),
    ('TIMESTAMP_TZ', '1616173619000000000 1500', {'scale': 9}, '2021-03-19 18:06:59+01'),
    ('binary', '00FF10', {}, '\\x00ff10'), ('binary', '', {}, '\\x'),
    ('variant', 'null', {}, 'null'), ('object', '{"a": [1]}', {}, '"{""a"": [1]}"'),
    ('geography', '{"type":"Point"}', {}, '"{""type"":""Point""}"'),
    ('interval_day_time', '1 02:00:00', {}, '1 02:00:00'),
    ('text', '', {}, '""'), ('text', None, {}, ''),
]


@pytest.mark.parametrize('type, value, more, text', CELLS)
def test_a_value_is_written_as_postgresql_writes_it(engine, snow, type, value, more, text):
    one_cell(snow, type, value, **more)
    assert csv(engine, 'select 1 as v', time_zone='Europe/Berlin') == f'v\n{text}\n'


@pytest.mark.parametrize('type, value, more, text', [
    ('fixed', '1.234', {'precision': 12, 'scale': 2}, 'is no number of its column\'s scale'),
    ('fixed', '12x', {'precision': 12, 'scale': 0}, 'is no number'),
    ('real', 'lots', {}, 'is no floating point number'),
    ('decfloat', '1e99999', {}, 'is no decimal number'),
    ('boolean', 'maybe', {}, 'is no boolean'), ('date', '2026-01-01', {}, 'is no date'),
    ('date', '99999999999', {}, 'is no date'),
    ('time', '86400.000000000', {'scale': 9}, 'is no time of a day'),
    # It might be seconds.
    ('timestamp_ntz', '1616173619', {'scale': 0}, 'is no time of its column\'s scale'),
    ('timestamp_tz', '1616173619.000000000', {'scale': 9}, 'is no timestamp with a time zone'),
    ('timestamp_ntz', '99999999999999.0', {'scale': 9}, 'is no time of the years'),
    ('timestamp_ntz', '-210866803201.0', {'scale': 9}, 'is no time of the years'),
    ('binary', '0', {}, 'is no binary value'), ('binary', 'zz', {}, 'is no binary value'),
    ('text', 'a\0b', {}, 'holds a zero byte'), ('text', '\ud800', {}, 'half of a surrogate pair'),
    ('text', 7, {}, 'where a text or null must be'),
])
def test_a_value_that_is_wrong_is_refused(engine, snow, type, value, more, text):
    for _ in range(6):  # what may be a broken answer is asked for again
        one_cell(snow, type, value, **more)
    assert text in fails(engine, 'select 1 as v').error_message


def test_an_empty_result_has_its_header(engine, snow):
    assert csv(engine, 'select 1 as a where false') == 'a\n'


# SQL.

def test_parameters_become_literals(engine, snow):
    values = {'who': "O'Neil \\ \n'; select 2", 'nothing': None, 'name': 'a "name" \\'}
    assert csv(engine, "select :'who' as who, :'nothing' is null as nothing, 1 as :\"name\"",
               parameters=values) == (
        'who,nothing,"a ""name"" \\"\n"O\'Neil \\ \n\'; select 2",t,1\n')


def test_each_statement_has_the_time_zone_of_its_report(engine, snow):
    assert csv(engine, "select current_setting('timezone') as zone",
               time_zone='Asia/Tokyo') == 'zone\nAsia/Tokyo\n'


def test_options_shape_the_query(engine, snow):
    run = done(engine.db, source='snow', output_options={'max_rows': 2},
               export_sql='select n from generate_series(1, 9) n order by n desc')
    assert file_of(run.output_url).read_text() == 'n\n9\n8\n'
    assert run.remark == 'cut after 2 rows by max_rows; there are more'
    run = done(engine.db, source='snow', output_format='PARQUET',
               export_sql='select n % 2 as half, n from generate_series(1, 4) n order by n',
               output_path='parts/{partition}/x.parquet',
               output_options={'partition_by': ['half']})
    assert len(run.outputs) == 2


def test_prep_is_one_request_and_one_transaction(engine, snow):
    db = engine.dwh
    db.execute('create table if not exists prepared(n int)')
    assert csv(engine, 'select n from prepared order by n', prep_sql="""
        -- two statements; a semicolon in 'a;b'
        delete from prepared; insert into prepared select 1; insert into prepared select 2""") == (
        'n\n1\n2\n')
    script, query = (body for _, _, _, body, _ in snow.sent('post'))
    assert script['parameters']['MULTI_STATEMENT_COUNT'] == 0
    assert script['statement'].startswith('begin transaction;')
    assert query['parameters']['MULTI_STATEMENT_COUNT'] == 1
    run = fails(engine, prep_sql='delete from prepared; select 1 / 0')
    assert run.error_stage == 'prep' and 'division by zero' in run.error_message
    assert run.error_sqlstate == 'P0000'
    assert db.value('select count(*) from prepared') == 2


def test_ddl_runs_without_a_transaction(engine, snow):
    csv(engine, 'select * from made', prep_sql='drop table if exists made; '
        "create table made as select ';' as mark")
    script = snow.sent('post')[0][3]['statement']
    assert 'begin' not in script and 'commit' not in script


def test_a_query_that_writes_is_refused(engine, snow):
    run = fails(engine, 'delete from prepared')
    assert run.error_sqlstate == '25006' and 'belongs into prep_sql' in run.error_message
    assert snow.requests == []


@pytest.mark.parametrize('columns, text', [
    ({'export_sql': 'select 1; select 2', 'output_format': 'XLSX'},
     'several statements: source "snow" is of type snowflake'),
    ({'result_sql': 'select 1 as a'}, 'several statements: source "snow" is of type snowflake'),
])
def test_what_the_type_cannot_do_is_refused_at_insert(engine, snow, columns, text):
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=re.escape(text)):
        report.submit(engine.db, source='snow', **{'export_sql': 'select 1', **columns})


def test_a_horizon_is_asked_of_the_overlap(engine, snow):
    with pytest.raises(psycopg.errors.InvalidParameterValue,
                       match='is of type snowflake, which does not tell the transactions'):
        report.submit(engine.db, source='snow', export_sql="select :'horizon' as h")
    run = done(engine.db, source='snow', export_sql="select :'horizon' as h",
               horizon_overlap='5 min')
    assert 'now less horizon_overlap' in run.remark


# Errors.

@pytest.mark.parametrize('sql, state, text', [
    ('select * from nowhere', '42S02', 'make it transient'),
    ('select 1 +', '42000', 'syntax error'),
    ('select 1 / 0', '22012', 'division by zero'),
])
def test_an_error_keeps_its_sqlstate(engine, snow, sql, state, text):
    run = fails(engine, sql, max_retries=3)
    assert run.error_sqlstate == state and text in run.error_message
    assert run.attempt == 1  # no other attempt can help


def test_a_parameter_without_quotes_is_recognised(engine, snow):
    assert "a parameter is written with quotes: :'n'" in fails(
        engine, 'select :n', parameters={'n': '1'}).error_message


def test_the_time_limit_is_the_servers_own(engine, snow):
    run = fails(engine, 'select pg_sleep(60)', source='hasty')
    assert snow.sent('post')[0][3]['timeout'] == 1
    assert run.error_sqlstate == '57014'


def test_export_needs_no_queue(engine, snow):
    made = process.reportctl(engine.conf, 'export', '--source', 'snow', '--sql',
                             'select 7 as seven', '-o', '-')
    assert made.returncode == 0 and made.stdout == 'seven\n7\n', made.stderr


def test_new_settings_reach_a_session_that_is_kept(engine, snow):
    """The worker makes its HTTP client anew."""
    csv(engine, 'select 1')
    engine.conf.write_text(engine.conf.read_text() + '[http]\nsilence_timeout = 41s\n')
    engine.daemon.signal(signal.SIGHUP)
    engine.daemon.wait_log('settings read again')
    assert csv(engine, 'select 2 as two') == 'two\n2\n'


def test_an_integer_of_any_precision_is_a_number_in_a_sheet(engine, snow):
    """INTEGER is NUMBER(38, 0) in Snowflake."""
    one_cell(snow, 'fixed', '12', precision=38, scale=0)
    run = done(engine.db, source='snow', export_sql='select 1 as v', output_format='XLSX',
               output_options={'columns': {'v': {'total': 'sum'}}})
    sheet = openpyxl.load_workbook(file_of(run.output_url)).active
    assert sheet['A2'].value == 12 and sheet['A2'].number_format == '0'
    one_cell(snow, 'fixed', '12', precision=38, scale=0)
    assert json.loads(output(engine.db, source='snow', export_sql='select 1 as v',
                             output_format='JSONL')) == {'v': 12}


def test_several_statements_when_no_snapshot_is_wanted(engine, snow):
    run = done(engine.db, source='snow', output_format='XLSX', output_options={'snapshot': False},
               export_sql='select 1 as n; select 2 as m', result_sql='select 3 as last')
    assert run.row_count == 2
    assert engine.db.value('select result from reportd.report_request where request_id = %s',
                           run.request_id) == {'last': '3'}


def test_checks_ask_snowflake_when_no_snapshot_is_wanted(engine, snow, dwh):
    dwh.execute('drop table if exists counted')
    dwh.execute('create table counted as select 1 as n')
    sql = 'select n from counted'
    columns = {'output_options': {'snapshot': False},
               'checks': json.dumps([{'name': 'rows', 'on': 'counted', 'row_count': {'min': 2}}])}
    assert fails(engine, sql, **columns).error_stage == 'check'
    dwh.execute('insert into counted values (2)')
    assert csv(engine, sql, **columns) == 'n\n1\n2\n'


# Servers that mean harm.

def test_a_head_that_is_too_long_is_refused(engine, snow):
    """The rows after it are more than the reader holds unread."""
    snow.part_rows = 20000
    snow.fault('partition', times=9, headers={'X-Long': 'x' * 70000})
    text = fails(engine, 'select n, md5(n::text) as text from generate_series(1, 40000) n '
                 'order by n').error_message
    assert 'partition 1 of 2: the head of the reply of 127.0.0.1' in text
    assert 'longer than 65536 bytes' in text


def test_a_redirect_gets_no_token(engine, snow):
    site = Site('127.0.0.2')
    try:
        snow.fault('post', times=9, status=307, headers={'Location': site.url + '/'})
        run = fails(engine, max_retries=1)
    finally:
        site.stop()
    assert 'leads to another one, to which no token is sent: HTTP 307' in run.error_message
    assert site.seen == [] and run.attempt == 1
