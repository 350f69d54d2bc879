# SPDX-License-Identifier: MIT
"""Reports from Redshift, or rather from what behaves as it: lib/redshift.py."""

import json
import re
import socket
import struct
import threading

import openpyxl
import psycopg
import pytest

from lib import process, report
from lib.redshift import Redshift
from lib.wait import wait_for
from test_engine_shared import done, failure, file_of, last_run, output, running_engine

LEAKS = {'PGDATESTYLE': 'German', 'PGTZ': 'Asia/Tokyo', 'PGGEQO': 'off',
         'PGOPTIONS': '-c statement_timeout=1', 'PGCLIENTENCODING': 'LATIN1',
         'PGTARGETSESSIONATTRS': 'read-write', 'PGAPPNAME': 'leak'}


@pytest.fixture(scope='module')
def redshift(cluster):
    redshift = Redshift(cluster)
    yield redshift
    redshift.remove()


@pytest.fixture(scope='module')
def engine(cluster, template, tmp_path_factory, redshift):
    dwh = cluster.create()
    with running_engine(cluster, template, tmp_path_factory.mktemp('redshift'), {
            'source.default': {'conninfo': dwh.conninfo},
            'source.dwh': {'type': 'redshift', 'conninfo': redshift.conninfo(dwh)}}) as engine:
        engine.dwh = dwh
        yield engine
    dwh.drop()


@pytest.fixture
def seen(redshift):
    """The statements of this test."""
    redshift.statements.clear()
    redshift.starts.clear()
    yield redshift.statements
    redshift.faults.clear()


def read_only(statements):
    """Of each transaction: all was read only."""
    return [s for s in statements if re.match('begin', s)]


# Types and formats.

TYPES = """
    select n, n::smallint as small, n * 3000000000 as big, n / 7::numeric as ratio,
        (n * 1.005)::numeric(20, 4) as amount, n % 2 = 0 as even, n / 4.0::float8 as quarter,
        (n / 8.0)::float4 as eighth, date '1999-12-30' + n as day,
        timestamp '2026-03-29 01:59:59.123456' + n * interval '1 hour' as moment,
        timestamptz '2026-03-29 00:30:00+00' + n * interval '1 hour' as instant,
        time '23:59:59.5' as clock, 'Größe "' || n || E'"\\n' as text, 'ab'::char(4) as padded,
        nullif(n, 3) as hole
    from generate_series(1, 2000) n order by n"""
# The form of Redshift instead of E'...'.
TYPES_REDSHIFT = TYPES.replace("E'", "'")


@pytest.mark.parametrize('format', ['CSV', 'JSON', 'JSONL', 'PARQUET'])
def test_every_byte_is_as_from_postgresql(engine, seen, format):
    columns = {'report_name': 'types', 'time_zone': 'Europe/Berlin', 'output_format': format}
    one = output(engine.db, export_sql=TYPES, output_path='{config_id}.a', **columns)
    two = output(engine.db, export_sql=TYPES_REDSHIFT, source='dwh',
                 output_path='{config_id}.b', **columns)
    if format == 'PARQUET':  # the footer names the run
        one, two = (data[:-8 - int.from_bytes(data[-8:-4], 'little')] for data in (one, two))
    assert len(one) > 10_000
    assert one == two


def test_all_formats_at_once(engine, seen):
    run = done(engine.db, export_sql=TYPES_REDSHIFT, source='dwh',
               output_format='CSV,XLSX,PDF,HTML,JSON,JSONL,PARQUET',
               output_path='all/{config_id}.{ext}')
    assert run.row_count == 2000
    sheet = openpyxl.load_workbook(file_of(
        [o['url'] for o in run.outputs if o['format'] == 'XLSX'][0])).active
    assert sheet.max_row == 2001
    assert sheet['A2001'].value == 2000 and sheet['E3'].value == 2.01
    assert [s for s in seen if 'generate_series' in s] == [TYPES_REDSHIFT.strip()]


def test_types_that_only_redshift_has(engine, seen):
    query = r"""
        select '{"a": [1, "x"]}'::json as super, '["\\u00e9"]'::jsonb as super2,
            decode('00ff10', 'hex') as varbyte, interval '1 day 02:03:04' as span,
            null::json as none, xmlparse(content '0101') as geometry"""
    assert output(engine.db, source='dwh', export_sql=query).decode() == (
        'super,super2,varbyte,span,none,geometry\n'
        '"{""a"": [1, ""x""]}","[""é""]",00ff10,1 day 02:03:04,,0101\n')
    assert json.loads(output(engine.db, source='dwh', export_sql=query,
                             output_format='JSONL')) == {
        'super': {'a': [1, 'x']}, 'super2': ['é'], 'varbyte': '00ff10',
        'span': '1 day 02:03:04', 'none': None, 'geometry': '0101'}


def test_floats_are_short_and_exact(engine, seen):
    """Asked for all digits Redshift writes 0.1 as 0.10000000000000001."""
    assert output(engine.db, source='dwh', export_sql='select 0.1::float8 a, 1 / 3::float8 b, '
                  '1e300::float8 c, 0.1::float4 d, 16777217::float4 e') == (
        b'a,b,c,d,e\n0.1,0.3333333333333333,1e+300,0.1,1.6777216e+07\n')
    assert 'set extra_float_digits to 2' in seen


def test_an_empty_result_has_its_header(engine, seen):
    assert output(engine.db, source='dwh', export_sql='select 1 as a where false') == b'a\n'


# The statements that the server gets.

def test_the_start_up_has_nothing_that_redshift_refuses(ctl, cluster, redshift, db, seen):
    done = ctl('export', '--sql', "select 'x' as a, current_setting('timezone') as zone, "
               "date '2026-03-01' as day", '--source', 'dwh', sections={'source.dwh': {
                   'type': 'redshift',
                   'conninfo': redshift.conninfo(db, target_session_attrs='read-only')}},
               env=LEAKS)
    assert done.returncode == 0, done.stderr
    assert done.stdout == 'a,zone,day\nx,UTC,2026-03-01\n'
    assert redshift.starts == [{'user': 'awsuser', 'database': db.name,
                                'client_encoding': 'UTF8', 'application_name': 'leak'}]


@pytest.mark.parametrize('conninfo, env, asks', [
    ('', {}, True),
    ('sslmode=verify-full', {}, True),
    ('sslmode=disable', {}, False),
    ('', {'PGSSLMODE': 'disable'}, False),
])
def test_without_tls_it_tells_nobody_s_name(ctl, conninfo, env, asks):
    """Unless somebody says that it shall."""
    heard = []

    def listen():
        client, _ = listener.accept()
        heard.append(client.recv(8))
        client.sendall(b'N')
        heard.append(client.recv(100))
        client.close()
    with socket.create_server(('127.0.0.1', 0)) as listener:
        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        done = ctl('export', '--sql', 'select 1', '--source', 'dwh', env=env, sections={
            'source.dwh': {'type': 'redshift', 'conninfo': f'host=127.0.0.1 dbname=d user=u '
                           f'port={listener.getsockname()[1]} {conninfo}'}})
        thread.join(10)
    assert done.returncode != 0
    assert (heard[0] == struct.pack('!II', 8, 80877103)) == asks
    assert (b'user' in heard[1]) == (not asks), heard
    assert ('SSL' in done.stderr) == asks, done.stderr


def test_an_export_is_read_only_and_labelled(engine, seen):
    run = done(engine.db, source='dwh', export_sql='select 1 as a')
    assert f"set query_group to 'reportd run {run.run_id}'" in seen
    begun = seen.index('begin read only')
    assert seen[begun + 1:] == ['select 1 as a'] or \
        seen[begun + 1:] == ['select 1 as a', 'rollback']
    run = failure(engine.db, source='dwh', export_sql='select 1 into made')
    assert run.error_sqlstate in ('25006', '42601')


def test_a_session_serves_many_exports(engine, redshift, seen):
    redshift.cut()
    for n in range(6):
        assert output(engine.db, source='dwh', time_zone='Asia/Tokyo' if n % 2 else 'UTC',
                      export_sql="select timestamptz '2026-01-01 00:00+00' as t") == (
            b't\n2026-01-01 09:00:00+09\n' if n % 2 else b't\n2026-01-01 00:00:00+00\n')
    assert len(redshift.starts) <= 2  # workers


def test_what_a_script_leaves_in_its_session_is_gone(engine, redshift, seen):
    done(engine.db, source='dwh', prep_sql='create temp table left_over as select 1 as a')
    assert failure(engine.db, source='dwh', export_sql='select * from left_over') \
        .error_sqlstate == '42P01'


def test_parameters_cannot_break_out(engine, seen):
    for nasty in [r"\'; drop table x; --", r"\\'", "it's", 'back\\', "'", r'\u0041',
                  '"; drop table x', 'é漢\n']:
        assert json.loads(output(
            engine.db, source='dwh', output_format='JSONL', parameters={'p': nasty},
            export_sql='select :\'p\' as p')) == {'p': nasty}
    assert not any(re.search(r"\bE'", s) for s in seen)


def test_several_statements_have_one_transaction(engine, seen):
    run = done(engine.db, source='dwh', output_path='{config_id}-{part}.csv',
               export_sql='select 1 as a; select 2 as a')
    assert [file_of(o['url']).read_bytes() for o in run.outputs] == [b'a\n1\n', b'a\n2\n']
    assert len(read_only(seen)) == 1


def test_the_backslash_in_a_query_is_an_escape(engine, seen):
    assert output(engine.db, source='dwh', export_sql=r"select 'a\\b' as a") == b'a\na\\b\n'


# Scripts.

def test_a_script_is_one_transaction(engine, seen):
    run = failure(engine.db, source='dwh', prep_sql="""
        create table half (a int);
        insert into half values (1);
        select 1 / 0""")
    assert run.error_sqlstate == '22012' and 'statement 3 of 3' in run.error_message
    assert engine.dwh.value("select to_regclass('half')") is None
    run = done(engine.db, source='dwh', prep_sql="""
        create table whole (a int);
        insert into whole select generate_series(1, 3)""",
               export_sql='select count(*) as n from whole')
    assert file_of(run.output_url).read_bytes() == b'n\n3\n'


@pytest.mark.parametrize('statement', [
    'vacuum pg_class', 'create external table spectrum.t (a int) stored as parquet '
    "location 's3://b/p/'", 'call commits()'])
def test_statements_that_want_no_transaction(engine, seen, statement):
    engine.dwh.execute("""create or replace procedure commits() language plpgsql as
        'begin commit; end'""")
    done(engine.db, source='dwh', prep_sql=f'select 1; {statement}; select 2')
    assert seen.count(statement) == 2


def test_a_procedure_that_redshift_wants_at_the_top(engine, redshift, seen):
    redshift.fail_at('^call truncates', 'TRUNCATE cannot be invoked from a procedure that is '
                     'executing in an atomic context.', '0A000')
    engine.dwh.execute("""create or replace procedure truncates() language plpgsql as
        'begin null; end'""")
    done(engine.db, source='dwh', prep_sql='select 1; call truncates()', max_retries=0)


def test_a_script_that_copies_in_is_told_what_to_do(engine, seen):
    run = failure(engine.db, source='dwh', prep_sql='copy pg_class to stdout')
    assert 'syntax error' in run.error_message


# Errors.

def test_a_serializable_violation_is_tried_again(engine, redshift, seen):
    redshift.fail_at('^insert', '1023', 'XX000', 'Serializable isolation violation on table - '
                     '104, transactions forming the cycle are: 1, 2 (pid:3)')
    engine.dwh.execute('create table if not exists fought (a int)')
    config_id = report.submit(engine.db, report_name='fought', source='dwh', max_retries=1,
                              prep_sql='select 1; insert into fought values (1)')
    wait_for(lambda: len(report.runs(engine.db, config_id)) > 0 and report.runs(
        engine.db, config_id)[0].status == 'FAILED')
    run = report.runs(engine.db, config_id)[0]
    assert 'Serializable isolation violation' in run.error_message
    engine.db.execute('update reportd.report_config set due_at = now() where config_id = %s '
                      "and status = 'PENDING'", config_id)
    assert report.wait_done(engine.db, config_id).status == 'COMPLETED'


def test_a_mistake_is_not_tried_again(engine, seen):
    run = failure(engine.db, source='dwh', export_sql='select\n nothing', max_retries=3)
    assert run.error_sqlstate == '42703' and 'line 2' in run.error_message


def test_a_cancel_reaches_the_server(engine, seen):
    config_id = report.submit(engine.db, source='dwh', export_sql='select pg_sleep(60)')
    running = ("select count(*) from pg_stat_activity where query = 'select pg_sleep(60)' "
               "and state = 'active'")
    wait_for(lambda: engine.dwh.value(running) == 1)
    engine.db.execute('select reportd.cancel(%s)', config_id)
    assert report.wait_done(engine.db, config_id).status == 'CANCELLED'
    wait_for(lambda: engine.dwh.value(running) == 0)


def test_a_timeout_reaches_the_server(engine, seen):
    run = failure(engine.db, source='dwh', export_sql='select pg_sleep(60)', timeout='1 second')
    assert 'timeout' in run.error_message or 'timed out' in run.error_message
    assert engine.dwh.value("select count(*) from pg_stat_activity where state = 'active' "
                            "and query = 'select pg_sleep(60)'") == 0


def test_a_cut_connection_fails_the_run_and_not_the_next(engine, redshift, seen):
    config_id = report.submit(engine.db, source='dwh', max_retries=0,
                              export_sql='select pg_sleep(60) as cut')
    wait_for(lambda: any('as cut' in s for s in seen))
    redshift.cut()
    assert report.wait_done(engine.db, config_id).status == 'FAILED'
    assert output(engine.db, source='dwh', export_sql='select 1 as a') == b'a\n1\n'


# Size.

def peak(pid):
    with open(f'/proc/{pid}/status') as status:
        return int(re.search(r'VmHWM:\s+(\d+)', status.read())[1]) / 1024


@pytest.mark.shipped
@pytest.mark.parametrize('format', ['CSV', 'PARQUET'])
def test_two_million_rows_in_constant_memory(daemon, cluster, redshift, db, seen, format):
    one = daemon({'source.dwh': {'type': 'redshift', 'conninfo': redshift.conninfo(db)}},
                 workers=1)
    run = done(db, within=300, source='dwh', output_format=format, export_sql="""
        select n, n * 1.01 as amount, 'some text of a row ' || n as text, now() as t
        from generate_series(1, 2000000) n""")
    assert run.row_count == 2_000_000
    used = max(peak(pid) for pid in one.workers())
    print(f'{format}: {used:.1f} MiB')
    assert used < 64


# reportctl.

def test_doctor_reads_it(ctl, redshift, db, seen):
    done = ctl('doctor', sections={'source.dwh': {
        'type': 'redshift', 'conninfo': redshift.conninfo(db)}})
    assert 'redshift, connects and reads' in done.stdout


# Values that requests hand on.

HORIZON = "select count(*) as n from (select 1 as one) t where '2000-01-01'::timestamp < :'horizon'::timestamp"


def test_a_horizon_needs_an_overlap(engine):
    with pytest.raises(psycopg.errors.InvalidParameterValue,
                       match='is of type redshift, which does not tell the transactions'):
        report.submit(engine.db, source='dwh', export_sql=HORIZON)
    run = done(engine.db, source='dwh', export_sql=HORIZON, horizon_overlap='1 hour')
    assert run.remark.startswith('the horizon is now less horizon_overlap: [source.dwh] is of type')
    assert 3590 < (run.started_at - run.horizon).total_seconds() < 3660


def test_a_result_reads_the_transaction_of_the_export(engine, seen):
    run = done(engine.db, source='dwh', export_sql='select 1 as a', result_sql='select 2 as b')
    assert engine.db.value('select result from reportd.v_requests where request_id = %s',
                           run.request_id) == {'b': '2'}
    assert len(read_only(seen)) == 1
