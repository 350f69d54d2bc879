# SPDX-License-Identifier: MIT
"""The prep stage, the session that a job finds, and what it leaves behind."""

import csv

import pytest

from lib import process, report
from lib.meddler import Meddler
from lib.wait import wait_for
from test_engine_shared import (done, ended, engine, failure, file_of, gate,  # noqa: F401
                                gated, last_run, output, running_engine, wait_at_gate)

BOTH = pytest.mark.parametrize('source', ['default', 'typed'])


@pytest.fixture
def db(engine):
    """The shared database with empty tables t(a) and log(what)."""
    engine.db.execute('drop table if exists t, log, made cascade; create table t (a int); '
                      'create table log (what text)')
    return engine.db


def test_prep_alone(db):
    run = done(db, prep_sql='insert into t values (1), (2)')
    assert (run.stage, run.row_count, run.byte_count, run.output_url, run.sha256) == (
        'done', None, None, None, None)
    assert run.started_at <= run.prep_finished_at <= run.finished_at
    assert db.query('select a from t') == [(1,), (2,)]


@BOTH
def test_the_export_reads_what_its_prep_has_committed(db, source):
    run = done(db, source=source, prep_sql='insert into t values (1); insert into t values (2)',
               export_sql='select a from t order by a')
    assert file_of(run.output_url).read_bytes() == b'a\n1\n2\n'
    assert run.started_at <= run.prep_finished_at <= run.finished_at


@BOTH
def test_statements_run_in_order_in_one_transaction(db, source):
    assert output(db, source=source, prep_sql="""
        create table made (id xid8, at timestamptz);  -- a comment; with a semicolon
        insert into made values (pg_current_xact_id(), now());;
        /* ; */ insert into made values (pg_current_xact_id(), now());
        """, export_sql='select count(*), count(distinct id) as ids from made') == (
        b'count,ids\n2,1\n')


@BOTH
def test_a_failed_statement_undoes_those_before_it(db, source):
    run = failure(db, source=source, prep_sql="""
        insert into t values (1);
        create table made as select 1;
        insert into t
        values (1 / 0);
        insert into t values (3)""", export_sql='select 1')
    assert (run.error_stage, run.error_sqlstate) == ('prep', '22012')
    assert 'division by zero' in run.error_message
    assert 'statement 3 of 4' in run.error_message
    assert db.query('select * from t') == []
    assert not db.value("select to_regclass('made')")


def test_an_error_in_prep_names_statement_and_line(db):
    run = failure(db, prep_sql='select 1;\nselect 2,\n  nowhere')
    assert 'statement 2 of 2' in run.error_message
    assert '"nowhere"' in run.error_message and 'line 2' in run.error_message
    assert run.prep_finished_at is None


@BOTH
@pytest.mark.parametrize('before', ['', 'select 1; '])
def test_a_procedure_that_commits(db, source, before):
    db.execute("""
        create or replace procedure fill(n int) language plpgsql as $$
        begin
            for i in 1..n loop
                insert into t values (i);
                commit;
            end loop;
        end $$""")
    assert output(db, source=source, prep_sql=f'{before}call fill(3)',
                  export_sql='select a, count(xmin) over () as c from t order by a') == (
        b'a,c\n1,3\n2,3\n3,3\n')
    assert db.value('select count(distinct xmin::text) from t') == 3


@pytest.mark.parametrize('statement', [
    'vacuum t', 'create index concurrently t_a on t (a)', 'reindex table concurrently t',
    'do $$ begin insert into t values (5); commit; insert into t values (6); end $$'])
@pytest.mark.parametrize('frame', ['{}', 'insert into log values ($$once$$); {}; select 1'])
def test_a_statement_that_forbids_a_transaction(db, statement, frame):
    done(db, prep_sql=frame.format(statement))
    assert db.value('select count(*) from log') == frame.count('log')


@pytest.mark.parametrize('script', [
    'insert into t values (1); commit; begin; insert into t values (2); vacuum t',
    'insert into t values (1); commit and chain; insert into t values (2); vacuum t',
    'insert into t values (1); commit; begin; insert into t values (2); '
    'do $$ begin commit; end $$',
    'do $$ begin insert into log values ($_$x$_$); end $$; insert into t values (1); '
    'commit and chain; create index concurrently on t (a)'])
def test_what_a_script_has_committed_is_not_run_twice(db, script):
    """Nor by a retry: no time mends a statement that stands in the wrong place."""
    run = failure(db, max_retries=3, prep_sql=script)
    assert (run.error_stage, run.attempt) == ('prep', 1)
    assert run.error_sqlstate in ('25001', '2D000')
    assert db.query('select a from t') == [(1,)]


@pytest.mark.parametrize('script', [
    'insert into t values (1); select 1; vacuum t',
    'insert into t values (9); rollback; insert into t values (1); vacuum t'])
def test_a_script_that_has_committed_nothing_is_run_apart(db, script):
    done(db, prep_sql=script)
    assert db.query('select a from t') == [(1,)]


def test_a_statement_that_fails_on_its_own_keeps_those_before_it(db):
    run = failure(db, prep_sql='insert into t values (1); vacuum t; insert into t values (1/0)')
    assert 'statement 3 of 3' in run.error_message
    assert db.query('select a from t') == [(1,)]


def test_a_script_with_transactions_of_its_own(db):
    done(db, prep_sql='begin; insert into t values (1); commit; insert into t values (2)')
    assert db.query('select a from t order by a') == [(1,), (2,)]
    done(db, prep_sql='insert into t values (3); rollback')
    assert db.query('select a from t order by a') == [(1,), (2,)]


@BOTH
def test_bodies_of_functions(db, source):
    # PostgreSQL 13 has no bodies that are no text.
    begin, end = ('begin atomic', 'end') if db.cluster.version >= 140000 else ('as $$', '$$')
    assert output(db, source=source, prep_sql=f"""
        create or replace function one() returns text language plpgsql as $body$
        declare x text := 'a;b'; y text := $$c;d$$;
        begin
            return x || y || ':''v''';
        end; $body$;
        create or replace function two() returns int language sql
        {begin}
            select 1;
            select case when true then 2 end;
        {end};
        create or replace rule r as on delete to t do also (select 1; select 2);
        drop rule r on t""", export_sql='select one(), two()') == b"one,two\na;bc;d:'v',2\n"


@BOTH
@pytest.mark.parametrize('statement', ['copy t from stdin', 'copy t from stdin (format binary)'])
def test_copy_from_standard_input_is_refused(db, source, statement):
    run = failure(db, source=source, max_retries=3,
                  prep_sql=f'insert into log values (1); {statement}')
    assert run.error_stage == 'prep' and run.attempt == 1
    assert 'COPY FROM STDIN' in run.error_message and 'no input' in run.error_message
    assert db.query('select * from log') == []
    done(db, source=source, export_sql='select * from t')


@BOTH
def test_copy_to_standard_output_is_refused(db, source):
    run = failure(db, source=source, max_retries=3, prep_sql='copy t to stdout')
    assert 'export_sql' in run.error_message and run.attempt == 1
    done(db, source=source)


def test_rows_of_prep_are_thrown_away(db):
    """However many, in constant memory."""
    run = done(db, prep_sql="select repeat('x', 1000) from generate_series(1, 100000)")
    assert run.output_url is None


def test_copy_from_a_program_of_the_server(db):
    done(db, prep_sql="copy t from program 'echo 7'")
    assert db.query('select a from t') == [(7,)]


# The session.

@BOTH
def test_a_job_is_seen_under_its_name(db, source):
    with gate(db, 21):
        config_id = report.submit(db, source=source, export_sql=gated(21))
        wait_at_gate(db, key=21)
        run = last_run(db, config_id)
        assert db.query("select state, query ~ 'pg_advisory' as ours from pg_stat_activity "
                        'where application_name = %s', f'reportd run {run.run_id}') == [
            ('active', True)]
    ended(db, config_id)


@BOTH
@pytest.mark.parametrize('zone', ['UTC', 'Asia/Kolkata', 'America/New_York'])
def test_times_are_written_in_the_zone_of_the_report(db, source, zone):
    offset = {'UTC': '+00', 'Asia/Kolkata': '+05:30', 'America/New_York': '-04'}[zone]
    local = {'UTC': '12:00', 'Asia/Kolkata': '17:30', 'America/New_York': '08:00'}[zone]
    assert output(db, source=source, time_zone=zone, export_sql="""
        select timestamptz '2026-07-01 12:00+00' as a, date '2026-07-01' as b,
            timestamp '2026-07-01 12:00' as c""") == (
        f'a,b,c\n2026-07-01 {local}:00{offset},2026-07-01,2026-07-01 12:00:00\n'.encode())


ODD = ("datestyle = 'SQL, DMY'", "intervalstyle = 'iso_8601'", "bytea_output = 'escape'",
       "timezone = 'Asia/Tokyo'", "search_path = ''", "statement_timeout = '50s'",
       "default_transaction_isolation = 'serializable'", "client_encoding = 'LATIN1'",
       'extra_float_digits = 0')


@pytest.fixture
def odd(cluster, template):
    """A database whose owner has changed what sessions start with."""
    db = cluster.create(template)
    for setting in ODD:
        db.execute(f'alter database {db.name} set {setting}')
    db.close()
    yield db
    db.drop()


def test_a_source_of_odd_defaults(odd, cluster, template, tmp_path):
    """What the session starts with must not change the file."""
    for setting in ('standard_conforming_strings = off', 'default_transaction_read_only = on'):
        odd.execute(f'alter database {odd.name} set {setting}')
    with running_engine(cluster, template, tmp_path,
                        {'source.odd': {'conninfo': odd.conninfo}}) as one:
        assert output(one.db, source='odd', export_sql=r"""
            select date '2026-07-01' as a, interval '1 day 2 hours' as b, '\x01'::bytea as c,
                'ü' as d, 'a\b' as e, now()::text ~ '\+00$' as f,
                0.1::float8 + 0.2 as g""") == (
            'a,b,c,d,e,f,g\n2026-07-01,1 day 02:00:00,\\x01,ü,a\\b,t,'
            '0.30000000000000004\n'.encode())


FORMS = ('datestyle = german', 'intervalstyle = sql_standard', 'bytea_output = escape',
         'extra_float_digits = 0', 'client_encoding = latin1', "timezone = 'Asia/Tokyo'",
         'standard_conforming_strings = off')
VALUES = r"""select 1 as id, date '2026-07-01' as day, timestamptz '2026-07-01 12:00+00' as at,
    interval '-1 day +02:00' as span, '\x01fe'::bytea as raw, 0.1::float8 + 0.2 as sum,
    'ü€' as text, 'a\b' as path, array[timestamp '2026-07-01 12:00'] as times"""


@pytest.mark.parametrize('format, options', [
    ('CSV', '{}'), ('CSV', '{"columns": {"id": {"label": "nr"}}}'),
    ('CSV', '{"quote": "nonnumeric"}'), ('JSONL', '{}')])
def test_prep_does_not_change_how_values_are_written(db, format, options):
    columns = {'export_sql': VALUES, 'output_format': format, 'output_options': options,
               'time_zone': 'Europe/Berlin'}
    prep = '; '.join(f'set {form}' for form in FORMS)
    changed = output(db, prep_sql=prep, **columns)
    assert changed == output(db, **columns)
    assert b'0.30000000000000004' in changed


@pytest.mark.parametrize('format', ['CSV', 'JSONL', 'HTML'])
def test_a_query_does_not_change_the_encoding_of_its_output(db, format):
    text = output(db, output_format=format, output_options={'columns': {'t': {'label': 't'}}},
                  export_sql="select set_config('client_encoding', 'LATIN1', false) as e, "
                  "'ü€' as t from generate_series(1, 2)")
    assert text.decode().count('ü€') == 2


CHANGES = {'TimeZone': 'Asia/Tokyo', 'DateStyle': 'German', 'IntervalStyle': 'iso_8601',
           'bytea_output': 'escape', 'extra_float_digits': '0'}


@pytest.mark.parametrize('local', ['true', 'false'])
@pytest.mark.parametrize('format, options', [
    ('CSV', {}), ('CSV', {'max_rows': 1}), ('CSV', {'line_ending': 'crlf'}), ('HTML', {})])
def test_a_query_that_changes_how_values_are_written_fails(db, format, options, local):
    for name, value in CHANGES.items():
        run = failure(db, output_format=format, output_options=options, max_retries=3,
                      time_zone='Europe/Berlin', export_sql=f"""
                          select set_config('{name}', '{value}', {local}),
                              timestamptz '2026-07-01 12:00+00' from generate_series(1, 3)""")
        assert f'the query changed {name} while it ran' in run.error_message
        assert f'alter function ... set {name}' in run.error_message
        assert run.attempt == 1


def test_each_statement_is_asked_for_what_it_changed(db):
    run = failure(db, output_format='JSON', export_sql="""
        select set_config('timezone', 'Asia/Tokyo', false);
        select set_config('timezone', 'UTC', false)""")
    assert 'statement 1 of 2: the query changed TimeZone' in run.error_message
    run = failure(db, output_path='{part}', export_sql="""
        select set_config('timezone', 'Asia/Tokyo', false), set_config('datestyle', 'sql', true);
        select set_config('timezone', 'UTC', false), set_config('datestyle', 'iso', true)""")
    assert 'statement 1 of 2: the query changed TimeZone, DateStyle' in run.error_message


@pytest.mark.parametrize('columns', [
    {'output_path': '{part}.csv'}, {'output_format': 'JSON'},
    {'output_path': '{part}.csv', 'output_options': '{"line_ending": "crlf"}'}])
@pytest.mark.parametrize('name, value', [
    ('standard_conforming_strings', 'off'), ('client_encoding', 'LATIN1')])
def test_a_query_after_one_that_changed_how_queries_are_read_fails(db, columns, name, value):
    changes = f"select set_config('{name}', '{value}', true) as a; "
    follows = r"select 'ü\\' as a"
    assert done(db, export_sql=changes, **columns)
    for queries in changes + follows, changes + changes + follows, follows + '; ' + changes + follows:
        run = failure(db, max_retries=3, export_sql=queries, **columns)
        place = queries[:queries.index(changes)].count(';') + 2
        assert f'statement {place} of' in run.error_message
        assert f'a query before this one changed {name}' in run.error_message
        assert run.attempt == 1


@pytest.mark.parametrize('zone', ['UTC', 'europe/berlin', 'Etc/UTC', 'America/New_York'])
def test_a_query_may_set_what_it_leaves_as_it_was(db, zone):
    db.execute("create or replace function tokyo() returns text language sql "
               "set timezone = 'Asia/Tokyo' as $$ select now()::text $$")
    for columns in ({}, {'prep_sql': 'set datestyle = german'}):
        for options in {}, {'line_ending': 'crlf'}:
            text = output(db, time_zone=zone, output_options=options, **columns, export_sql=f"""
                select tokyo() like '%+09' as a, set_config('timezone', '{zone}', false) is null as b,
                    set_config('work_mem', '77MB', false) as c, set_config('a.b', 'x', true) as d""")
            assert text.split() == [b'a,b,c,d', b't,f,77MB,x']


def test_what_prep_sets_otherwise_holds_for_the_export(db):
    assert output(db, prep_sql="create schema if not exists mine; set search_path = mine, public; "
                  "set work_mem = '77MB'; set role pg_monitor; set lc_monetary = 'C'",
                  export_sql="select current_setting('search_path') as a, current_setting('work_mem') as b, "
                  'current_role as c') == (
        b'a,b,c\n"mine, public",77MB,pg_monitor\n')


def test_a_server_that_refuses_an_optional_setting(db, cluster, template, tmp_path):
    meddler = Meddler(cluster.host, [(b'client_connection_check_interval',
                                      b'client_connection_check_intervax')])
    with running_engine(cluster, template, tmp_path) as one:
        one.daemon.end()
        with running_engine(cluster, template, tmp_path, {
                'source.picky': {'conninfo': meddler.conninfo(one.db)}}) as other:
            for columns in ({}, {'prep_sql': 'select 1'}, {}):
                assert output(other.db, source='picky', export_sql='select 7 as a',
                              **columns) == b'a\n7\n'
    meddler.remove()


def test_a_queue_of_odd_defaults(odd, tmp_path):
    odd.execute("set datestyle = 'ISO'; set client_encoding = 'UTF8'")
    one = process.Daemon(odd, process.write_conf(tmp_path / 'odd.conf', odd))
    try:
        one.wait_ready()
        run = done(odd, report_name='über', output_path='{report_name}.csv',
                   export_sql="select 'ü' as a")
        assert file_of(run.output_url) == tmp_path / 'out/über.csv'
        assert file_of(run.output_url).read_text() == 'a\nü\n'
        run = failure(odd, export_sql='select "ü"')
        assert '"ü"' in run.error_message
        wait_for(lambda: odd.value('select heartbeat_at > started_at '
                                   'from reportd.report_worker'))
        assert 'failed' not in one.log()
    finally:
        one.end()


LEAKS = """
    set work_mem = '77MB'; set search_path = leaked; set timezone = 'Asia/Tokyo';
    set statement_timeout = 50; set role pg_monitor;
    create temp table leak (a int); create temp sequence leak_seq;
    prepare leak as select 1; listen leak;
    select pg_advisory_lock(777); select set_config('leak.value', 'x', false);
    declare leak_cursor cursor with hold for select 1"""

CHECK = """
    select current_setting('work_mem') <> '77MB' as work_mem,
        current_setting('search_path') !~ 'leaked' as search_path,
        current_setting('timezone') as zone, current_setting('statement_timeout') as timeout,
        current_role = session_user as role, to_regclass('pg_temp.leak') is null as temp,
        (select count(*) from pg_prepared_statements) as prepared,
        (select count(*) from pg_cursors where is_holdable) as cursors,
        (select count(*) from pg_listening_channels()) as channels,
        (select count(*) from pg_locks where locktype = 'advisory' and objid = 777) as locks,
        coalesce(current_setting('leak.value', true), '') as value,
        current_setting('application_name') as name"""


@pytest.mark.parametrize('fails', [False, True])
def test_nothing_leaks_from_job_to_job(cluster, template, tmp_path, fails):
    """One worker, so that the next job has the same connection."""
    with running_engine(cluster, template, tmp_path, workers=1) as one:
        db = one.db
        pids = 'select pg_backend_pid() as pid'
        before = output(db, export_sql=pids)
        if fails:
            failure(db, prep_sql=LEAKS + '; select 1 / 0')
        else:
            done(db, prep_sql=LEAKS)
        run = done(db, export_sql=CHECK, time_zone='Europe/Berlin')
        got = dict(zip(*csv.reader(file_of(run.output_url).open())))
        assert got == {
            'work_mem': 't', 'search_path': 't', 'zone': 'Europe/Berlin',
            'timeout': '6h', 'role': 't', 'temp': 't', 'prepared': '0', 'cursors': '0',
            'channels': '0', 'locks': '0', 'value': '', 'name': f'reportd run {run.run_id}'}
        assert output(db, export_sql=pids) == before, 'the connection is not kept'


def test_a_dead_connection_is_replaced_unseen(cluster, template, tmp_path):
    with running_engine(cluster, template, tmp_path, workers=1) as one:
        db = one.db
        sql = 'select pg_backend_pid() as pid'
        pid = int(output(db, export_sql=sql).split()[1])
        assert db.value('select pg_terminate_backend(%s)', pid)
        wait_for(lambda: not db.value('select count(*) from pg_stat_activity where pid = %s', pid))
        run = done(db, export_sql=sql)
        assert run.attempt == 1
        assert int(file_of(run.output_url).read_bytes().split()[1]) != pid


def test_the_last_words_of_a_connection_are_heard_before_it_closes(cluster, template, tmp_path):
    """The message that ends a session and the end of its socket arrive apart."""
    meddler = Meddler(cluster.host, open_ends=True)
    try:
        with running_engine(cluster, template, tmp_path, workers=1) as one:
            one.daemon.end()
            with running_engine(cluster, template, tmp_path, {
                    'source.slow': {'conninfo': meddler.conninfo(one.db)}}, workers=1) as other:
                db = other.db
                pid = int(output(db, source='slow',
                                 export_sql='select pg_backend_pid() as pid').split()[1])
                assert db.value('select pg_terminate_backend(%s)', pid)
                assert meddler.told.wait(30)
                assert done(db, source='slow', export_sql='select 1 as a').attempt == 1
    finally:
        meddler.remove()


def test_the_export_may_not_write_even_after_prep_tried_to_allow_it(db):
    run = failure(db, max_retries=3, prep_sql='set default_transaction_read_only = off',
                  export_sql="with x as (insert into t values (1) returning a) select * from x")
    assert (run.error_stage, run.error_sqlstate) == ('export', '25006')
    assert 'put statements that write into prep_sql' in run.error_message
    assert run.attempt == 1
    assert db.query('select * from t') == []


def test_settings_of_prep_hold_for_the_export(db):
    """As in psql: the export goes on in the session of its prep."""
    assert output(db, prep_sql='create temp table mine as select 42 as a',
                  export_sql='select a from mine') == b'a\n42\n'


# Errors that name the remedy.

@pytest.mark.parametrize('columns', [
    {'export_sql': 'select a from t limit :n'},
    {'prep_sql': 'delete from t where a = :n; select 1', 'export_sql': 'select 1'}],
    ids=['export', 'prep'])
@BOTH
def test_a_parameter_without_quotes_is_told_how_to_be_written(db, source, columns):
    run = failure(db, source=source, parameters={'n': 3}, **columns)
    assert run.error_sqlstate == '42601'
    assert """a parameter is written with quotes: :'n' for a value""" in run.error_message


def test_a_syntax_error_of_another_kind_is_told_as_it_is(db):
    run = failure(db, export_sql="select a::int, (array[1])[1:1] form t where a = :'n'",
                  parameters={'n': 3})
    assert run.error_sqlstate == '42601' and 'hint' not in run.error_message


def test_a_stand_by_is_told_from_an_export_that_writes(db):
    run = failure(db, prep_sql='set transaction read only; insert into t values (1)',
                  export_sql='select 1')
    assert (run.error_stage, run.error_sqlstate) == ('prep', '25006')
    assert 'stand-by' in run.error_message and 'prep_sql' not in run.error_message


@BOTH
def test_a_denial_names_who_was_denied(db, engine, source):
    db.execute('drop table if exists secret; create table secret (a int)')
    run = failure(db, source=source, export_sql='select 1',
                  prep_sql='set role pg_monitor; select a from secret')
    assert run.error_sqlstate == '42501' and 'for table secret' in run.error_message
    assert f'logs in as "{engine.db.cluster.user}"' in run.error_message
