# SPDX-License-Identifier: MIT
"""Parameters in SQL and in paths, and where an output may lie."""

import csv
import io
import json
import shutil
import tempfile
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import pytest
from psycopg import errors

from lib import report
from lib.wait import wait_for
from test_engine_shared import (done, ended, engine, failure, file_of,  # noqa: F401
                                files, output)

BOTH = pytest.mark.parametrize('source', ['default', 'typed'])

TEXTS = {
    'plain': 'abc', 'empty': '', 'blank': ' ',
    'quote': "it's", 'quotes': "''", 'double': 'say "hi"',
    'backslash': 'a\\b', 'backslash quote': "\\'", 'at the end': 'x\\',
    'dollar': '$1 $$ $tag$ :x', 'percent': '100% %s', 'unicode': 'Grüße 東京 🎉 e\u0301',
    'lines': 'a\nb\r\nc\td', 'controls': '\x01\x7f\u2028', 'comment': '-- no /* yes */',
    'variable': ":'other' :\"other\" ${HOME} {other}",
    'injection': "'; drop table victim; --", 'injection 2': "\\'; drop table victim; --",
    'injection 3': '"; drop table victim; --', 'injection 4': "x' or '1'='1",
    'long': 'ä' * 50000,
}


@pytest.fixture(scope='module', autouse=True)
def victim(engine):
    engine.db.execute('create table victim (a int); insert into victim values (1); '
                      'create table log (what text, at timestamptz default clock_timestamp())')
    yield
    # Nothing of all this has dropped it.
    assert engine.db.query('select a from victim') == [(1,)]


def cells(data):
    """The second line of a CSV file, parsed."""
    return list(csv.reader(io.StringIO(data.decode(), newline='')))[1]


@BOTH
@pytest.mark.parametrize('name', TEXTS)
def test_a_text_arrives_as_it_is(engine, source, name):
    text = TEXTS[name]
    got = output(engine.db, source=source, parameters={'v': text, 'other': 'wrong'},
                 export_sql="select :'v' as v, length(:'v') as n, :'v' || :'v' as w")
    assert cells(got) == [text, str(len(text)), text * 2]


@BOTH
@pytest.mark.parametrize('name', [n for n in TEXTS if TEXTS[n] and n != 'long'])
def test_an_identifier_arrives_as_it_is(engine, source, name):
    text = TEXTS[name][:15]
    got = output(engine.db, source=source, parameters={'v': text},
                 export_sql='select :"v" from (select 7 as :"v") s')
    assert list(csv.reader(io.StringIO(got.decode(), newline=''))) == [[text], ['7']]


def test_an_identifier_names_a_table_and_nothing_more(engine):
    assert output(engine.db, parameters={'t': 'victim'},
                  export_sql='select * from :"t"') == b'a\n1\n'
    run = failure(engine.db, parameters={'t': 'victim where false'},
                  export_sql='select * from :"t"')
    assert run.error_sqlstate == '42P01'


@BOTH
@pytest.mark.parametrize('value, expected', [
    ('12345678901234567890', '12345678901234567890'),
    ('0.1', '0.1'), ('1.10', '1.10'), ('-0.5', '-0.5'), ('1e2', '100'),
    ('123456789.123456789012345678901234567890', '123456789.123456789012345678901234567890'),
    ('0.' + '1' * 300, '0.' + '1' * 300),
    ('true', 'true'), ('false', 'false'), ('"text"', 'text'), ('""', ''),
    ('[1, 2.50, "x"]', '[1, 2.50, "x"]'), ('{"a": {"b": null}}', '{"a": {"b": null}}'),
])
def test_a_value_of_json_arrives_exactly(engine, source, value, expected):
    config_id = engine.db.value("""
        insert into reportd.report_config (report_name, source, parameters, export_sql)
        values ('exact', %s, jsonb_build_object('v', %s::jsonb), 'select :''v'' as v')
        returning config_id""", source, value)
    run = ended(engine.db, config_id)
    assert cells(file_of(run.output_url).read_bytes()) == [expected]
    assert run.parameters == {'v': expected}


@BOTH
def test_null_is_null(engine, source):
    assert output(engine.db, source=source, parameters={'v': None}, export_sql="""
        select :'v' is null as a, coalesce(:'v', 'none') as b""") == b'a,b\nt,none\n'
    run = failure(engine.db, source=source, parameters={'v': None},
                  export_sql='select 1 as :"v"')
    assert 'null' in run.error_message and ':"v"' in run.error_message


@BOTH
def test_built_in_names(engine, source):
    db = engine.db
    run = done(db, report_name="O'Hara \\ 100%", source=source,
               scheduled_for='2026-03-29 00:59:59+00', time_zone='Europe/Berlin',
               export_sql="""select :'run_id'::bigint as a, :'config_id'::bigint as b,
                   :'report_name' as c, :'scheduled_for'::timestamptz as d,
                   :'scheduled_for' as e""")
    assert cells(file_of(run.output_url).read_bytes()) == [
        str(run.run_id), str(run.config_id), "O'Hara \\ 100%",
        '2026-03-29 01:59:59+01', '2026-03-29T01:59:59+01:00']


def test_parameters_reach_prep_as_well(engine):
    assert output(engine.db, parameters={'t': 'pre "pared"', 'v': "it's"}, prep_sql="""
        create table :"t" as select :'v' as v;
        insert into :"t" values (:'report_name')""", report_name='prepared',
        export_sql='select * from :"t"') == b"v\nit's\nprepared\n"


@pytest.mark.parametrize('columns, name', [
    ({'export_sql': "select :'nobody'"}, 'nobody'),
    ({'export_sql': 'select :"nobody"'}, 'nobody'),
    ({'export_sql': "select :'V'", 'parameters': {'v': 1}}, 'V'),
    ({'prep_sql': "insert into log values ('prep'); select :'nobody'"}, 'nobody'),
    ({'prep_sql': "insert into log values ('prep')",
      'export_sql': "select :'nobody'"}, 'nobody'),
], ids=str)
def test_an_unknown_name_is_an_error_before_anything_runs(engine, columns, name):
    run = failure(engine.db, max_retries=3, **columns)
    assert f":'{name}'" in run.error_message and 'parameters' in run.error_message
    assert run.attempt == 1
    assert engine.db.query('select * from log') == []


@BOTH
def test_what_is_no_parameter(engine, source):
    """Casts, slices, strings, comments, dollar quotes and identifiers."""
    got = output(engine.db, source=source, parameters={'v': 'wrong'}, export_sql="""
        select '1'::int as a, (array[1, 2, 3])[1:2] as b, ':''v''' as c, ':"v"' as d,
            $$:'v'$$ as e, $q$:"v"$q$ as f, /* :'v' */ 1 as ":'v'", -- :'nobody'
            'a'::text::varchar as g, (array[1])[1:1] as h""")
    lines = list(csv.reader(io.StringIO(got.decode())))
    assert lines == [['a', 'b', 'c', 'd', 'e', 'f', ":'v'", 'g', 'h'],
                     ['1', '{1,2}', ":'v'", ':"v"', ":'v'", ':"v"', '1', 'a', '{1}']]


def test_a_parameter_right_after_a_cast_or_a_slice(engine):
    assert output(engine.db, parameters={'t': 'int4', 'n': 2}, export_sql=(
        """select '7':::"t" as a, (array[1, 2, 3])[1: :'n'] as b""")) == b'a,b\n7,"{1,2}"\n'


def test_many_parameters(engine):
    many = {f'p{i}': i for i in range(300)}
    assert output(engine.db, parameters=many,
                  export_sql="select :'p0' as a, :'p299' as b") == b'a,b\n0,299\n'
    assert path_of(engine, parameters=many, output_path='many/{p299}.csv') == 'many/299.csv'


def test_large_parameters(engine):
    large = 'x' * 200_000
    assert output(engine.db, parameters={'v': large},
                  export_sql="select length(:'v') as n") == b'n\n200000\n'
    with pytest.raises(errors.InvalidParameterValue) as e:
        report.submit(engine.db, parameters=json.dumps({'v': 'x' * 262144}))
    assert 'parameters has 262' in str(e.value) and 'at most 262144' in str(e.value)


def test_a_row_too_large_for_a_job_fails_alone(engine):
    """Such as were written before there were limits."""
    db = engine.db
    with db.connect() as conn, conn.transaction():
        conn.execute('alter table reportd.report_config disable trigger a_check_insert')
        bad = [conn.execute(
            'insert into reportd.report_config (report_name, owner, export_sql, parameters) '
            "values (%s, current_role::regrole, 'select 1', jsonb_build_object('v', repeat(%s, %s))) "
            'returning config_id', [f'large {n}', text, size]).fetchone()[0]
            for n, (text, size) in enumerate([('x', 17 << 20), ('\1', 6 << 20), ('\1', 20 << 20)])]
        conn.execute('alter table reportd.report_config enable trigger a_check_insert')
    good = report.submit(db)
    for config_id in bad:
        run = ended(db, config_id, 'FAILED', within=120)
        assert any(why in run.error_message for why in (
            'too large', 'handed to a worker', 'takes too long to be read by a claim'))
    ended(db, good)


# run_now

def run_now(db, config_id, parameters='{}'):
    before = len(report.runs(db, config_id))
    db.value('select reportd.run_now(%s, %s)', config_id, parameters)
    run = ended(db, config_id)
    assert len(report.runs(db, config_id)) == before + 1
    return file_of(run.output_url).read_bytes(), run


def test_parameters_of_run_now_hold_for_one_run(engine):
    db = engine.db
    config_id = report.submit(db, report_name='twice', parameters={'a': 1, 'b': 'own'},
                              export_sql="select :'a' as a, :'b' as b")
    ended(db, config_id)
    data, run = run_now(db, config_id, json.dumps({'a': "it's", 'c': 3}))
    assert data == b"a,b\nit's,own\n"
    assert run.parameters == {'a': "it's", 'b': 'own', 'c': '3'}
    assert report.config(db, config_id).parameters == {'a': 1, 'b': 'own'}
    data, run = run_now(db, config_id)
    assert data == b'a,b\n1,own\n'
    assert run.parameters == {'a': '1', 'b': 'own'}


def test_parameters_of_run_now_may_be_null(engine):
    db = engine.db
    config_id = report.submit(db, parameters={'a': 1}, export_sql="select :'a' is null as n")
    ended(db, config_id)
    assert run_now(db, config_id, '{"a": null}')[0] == b'n\nt\n'


SCHEDULED = {'trigger_type': 'SCHEDULED', 'schedule_expression': '0 0 1 1 *',
             'parameters': {'a': 'own'}, 'export_sql': "select :'a' as a"}


def fires(db, config_id):
    """Lets the schedule fire; the file."""
    count = len(report.runs(db, config_id))
    db.execute('update reportd.report_config set next_run_time = now() '
               'where config_id = %s', config_id)
    wait_for(lambda: len(report.runs(db, config_id)) > count, what='the next run')
    return file_of(ended(db, config_id).output_url).read_bytes()


def test_parameters_of_a_cancelled_run_now_are_forgotten(engine):
    """The next scheduled run has its own again."""
    db = engine.db
    config_id = report.submit(db, report_name='cancelled', **SCHEDULED)
    with db.connect() as conn, conn.transaction():
        conn.execute('select reportd.run_now(%s, %s)', (config_id, '{"a": "once"}'))
        conn.execute('select reportd.cancel(%s)', (config_id,))
    assert report.config(db, config_id).status == 'CANCELLED'
    assert fires(db, config_id) == b'a\nown\n'


def test_retry_of_a_run_now_has_its_parameters(engine):
    """A retry stands for the same run: the same time, the same parameters."""
    db = engine.db
    db.execute('create table gate (open bool)')
    config_id = report.submit(db, report_name='again', max_retries=0,
                              parameters={'a': 'own'}, export_sql="""
        select :'a' as a, 1 / (select count(*) from gate) as b""")
    ended(db, config_id, 'FAILED')
    db.value('select reportd.run_now(%s, %s)', config_id, '{"a": "once"}')
    failed = ended(db, config_id, 'FAILED')
    assert failed.parameters == {'a': 'once'}
    db.execute('insert into gate values (true)')
    db.value('select reportd.retry(%s)', config_id)
    run = ended(db, config_id)
    assert run.scheduled_for == failed.scheduled_for
    assert file_of(run.output_url).read_bytes() == b'a,b\nonce,1\n'
    # ... and no longer than that.
    assert run_now(db, config_id)[0] == b'a,b\nown,1\n'


# Paths.

def path_of(engine, status='COMPLETED', **columns):
    """The path of its output below the root."""
    run = done(engine.db, status, **columns)
    return str(file_of(run.output_url).relative_to(engine.out))


AT = '2026-03-29 00:59:59+00'


def test_the_default_path(engine):
    run = done(engine.db, report_name='Umsätze 2026 – "Q1"', scheduled_for=AT,
               time_zone='Europe/Berlin')
    path = (engine.out / 'Umsätze 2026 – "Q1"' /
            f'Umsätze 2026 – "Q1"_20260329T015959_{run.request_id}.csv')
    assert file_of(run.output_url) == path
    assert path.read_bytes() == b'one\n1\n'
    assert ' ' not in run.output_url and '"' not in run.output_url


def test_names_in_a_path(engine):
    db = engine.db
    run = done(db, report_name='named', parameters={'region': 'Süd', 'n': 1.50},
               scheduled_for=AT, time_zone='America/New_York',
               output_path='{region}/{n}/{report_name}-{config_id}-{run_id}'
                           '-{scheduled_for}.{ext}')
    assert str(file_of(run.output_url).relative_to(engine.out)) == (
        f'Süd/{run.parameters["n"]}/named-{run.config_id}-{run.run_id}'
        '-2026-03-28T20:59:59-04:00.csv')


@pytest.mark.parametrize('zone', ['UTC', 'Europe/Berlin', 'America/St_Johns', 'Asia/Kolkata'])
def test_time_codes_are_of_the_scheduled_time_in_the_zone_of_the_report(engine, zone):
    codes = '%Y %m %d %H %M %S %j %y %b %B %a %A %u %V %G %F %T %z %s %%'
    local = datetime(2026, 3, 29, 0, 59, 59, tzinfo=timezone.utc).astimezone(ZoneInfo(zone))
    expected = local.strftime(codes.replace('%s', '{epoch}')).format(
        epoch=int(local.timestamp()))
    assert path_of(engine, scheduled_for=AT, time_zone=zone,
                   output_path=f'codes/{codes}.csv') == f'codes/{expected}.csv'


@pytest.mark.parametrize('value, becomes', [
    ('a/b', 'a_b'), ('/etc/passwd', '_etc_passwd'), ('../../x', '_._.._x'),
    ('...', '_..'), ('a..b', 'a..b'), ('%Y', '%Y'), ('{report_name}', '{report_name}'),
    ('a\\b', 'a\\b'), ("it's", "it's"), ('*?$HOME', '*?$HOME'), ('東京 é', '東京 é'),
    ('~', '~'), ('.hidden', '_hidden'), ('#a?b', '#a?b'), ('a%2Fb', 'a%2Fb'),
])
def test_a_value_cannot_make_directories(engine, value, becomes):
    assert path_of(engine, parameters={'v': value},
                   output_path='values/{v}/{v}.csv') == f'values/{becomes}/{becomes}.csv'


@pytest.mark.parametrize('value, says', [
    ('..', '".."'), ('.', '"."'), ('', 'empty'), (None, 'empty'),
    ('a\nb', 'control character'), ('a\x01', 'control character'),
    ('\x7f', 'control character'), ('\t', 'control character')])
def test_a_value_that_would_climb_or_break_a_path_is_refused(engine, value, says):
    before = files(engine.out)
    run = failure(engine.db, parameters={'v': value}, max_retries=3,
                  prep_sql="insert into log values ('prep')", export_sql='select 1',
                  output_path='values/{v}/x.csv')
    assert '"{v}"' in run.error_message and says in run.error_message
    assert run.attempt == 1
    assert engine.db.query('select * from log') == []
    assert files(engine.out) == before


def test_values_that_climb_only_together_are_refused(engine):
    for template in ('{a}{a}/x.csv', 'y/{a}./x.csv', 'y/{b}'):
        run = failure(engine.db, parameters={'a': '.', 'b': '..'}, output_path=template)
        assert 'output_path' in run.error_message


def test_a_report_named_dot_dot_stays_inside(engine):
    run = failure(engine.db, report_name='..')
    assert 'report_name' in run.error_message
    assert path_of(engine, report_name='..', output_path='dots-{config_id}.csv')


@pytest.mark.parametrize('shape', ['{out}/inside/x.csv', 'file://{out}/inside/y.csv',
                                   '{out}//inside///z.csv'])
def test_an_absolute_path_inside_the_root(engine, shape):
    run = done(engine.db, output_path=shape.format(out=engine.out))
    assert file_of(run.output_url).resolve() == (
        engine.out / 'inside' / shape.rpartition('/')[2])


@pytest.mark.parametrize('shape', [
    '/tmp/reportd-escaped.csv', 'file:///tmp/reportd-escaped.csv', '{out}-beside/x.csv',
    '{out}x.csv', '{parent}/x.csv', '/x.csv', '//x.csv'])
def test_a_path_outside_of_the_root_is_refused(engine, shape):
    before = files(engine.out.parent)
    try:
        run = failure(engine.db, max_retries=3,
                      output_path=shape.format(out=engine.out, parent=engine.out.parent))
    except errors.InvalidParameterValue:
        run = None
    if run:
        assert 'output_root' in run.error_message
        assert run.attempt == 1
    # The daemon's own log lies there, too, and exists already.
    assert files(engine.out.parent) == before


def test_file_urls_in_upper_case(engine):
    """A scheme is the same in any case."""
    try:
        run = done(engine.db, output_path=f'FILE://{engine.out}/upper.csv')
    except errors.InvalidParameterValue:
        return
    assert file_of(run.output_url) == engine.out / 'upper.csv'


def test_a_symbolic_link_in_place_of_the_output_is_replaced_not_followed(engine, tmp_path):
    outside = tmp_path / 'precious'
    outside.write_text('precious')
    link = engine.out / 'link.csv'
    link.symlink_to(outside)
    done(engine.db, output_path='link.csv')
    assert outside.read_text() == 'precious'
    assert not link.is_symlink() and link.read_bytes() == b'one\n1\n'


def test_a_name_of_255_bytes_and_one_too_long(engine):
    long = 'x' * 251 + '.csv'
    for _ in range(2):
        assert path_of(engine, output_path=long) == long
    run = failure(engine.db, output_path='x' + long, max_retries=3)
    assert 'too long' in run.error_message and run.attempt == 1


def test_a_path_where_a_directory_stands(engine):
    (engine.out / 'taken').mkdir()
    run = failure(engine.db, output_path='taken', max_retries=0)
    assert 'taken' in run.error_message and 'directory' in run.error_message
    done(engine.db, output_path='plain')
    run = failure(engine.db, output_path='plain/x.csv', max_retries=0)
    assert 'plain' in run.error_message and 'directory' in run.error_message.lower()


def test_an_url_that_fills_the_notice_does_not_hold_up_the_results(db, daemon):
    """NOTIFY takes less than 8000 bytes, of which JSON doubles some."""
    root = tempfile.mkdtemp(prefix='r', dir='/tmp')
    try:
        daemon(output_root=root)
        directory = '\\' * 250
        depth = (4094 - len(root) - 6) // 251
        long = report.submit(db, output_path=f'{directory}/' * depth + 'x.csv')
        done(db, within=10)
        run = ended(db, long, within=10)
        assert file_of(run.output_url).is_file()
    finally:
        shutil.rmtree(root)


MIB = 1 << 20


@pytest.mark.parametrize('source', ['default', 'typed'])
@pytest.mark.parametrize('columns', [
    {}, {'output_format': 'JSONL'}, {'output_options': '{"max_rows": 1}'},
    {'output_format': 'PARQUET', 'output_path': '{report_name}/{partition}.{ext}',
     'output_options': '{"partition_by": ["b"], "max_rows": 5}'}])
def test_sql_is_as_long_as_it_may_be_with_its_parameters_and_no_longer(engine, source, columns):
    """Whatever is wrapped around it for the server."""
    times, size = 20, 200_000
    parameters = json.dumps({'long': 'x' * size})
    concatenated = ' || '.join([":'long'"] * times)

    def sql(length):
        text = f'select /**/ length({concatenated}) as a, 1 as b'
        filled = len(text) + times * (size + 2 - len(":'long'"))
        return text.replace('/**/', '/*' + 'x' * (length - filled) + '*/')
    done(engine.db, source=source, export_sql=sql(4 * MIB), parameters=parameters, **columns)
    for length in 4 * MIB + 1, 4 * MIB + 500_000:
        run = failure(engine.db, source=source, export_sql=sql(length), max_retries=3,
                      parameters=parameters, **columns)
        assert run.attempt == 1
        assert 'export_sql: with its parameters the SQL is longer than 4194304 bytes' in (
            run.error_message)


def test_prep_and_a_parameter_that_comes_often_have_the_same_limit(engine):
    part = json.dumps({'x': "'" * 4096})
    done(engine.db, prep_sql="select :'x'", parameters=part)
    run = failure(engine.db, prep_sql="select 1; select " + "|| ".join([":'x'"] * 600),
                  parameters=part)
    assert 'prep_sql: with its parameters the SQL is longer' in run.error_message
