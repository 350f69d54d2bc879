# SPDX-License-Identifier: MIT
"""Types that are made of others: what they are is asked of pg_type."""

import csv
import io
import json

import pytest

from lib import duckdb, workbook
from lib.meddler import Meddler
from test_engine_shared import file_of, done, running_engine

MADE = """
    create extension if not exists citext;
    create extension if not exists ltree;
    create type mood as enum ('sad', '=cmd|A1');
    create domain shade as mood;
    create domain positive as int check (value > 0);
    create domain amount as numeric(12,2);
    create domain price as amount check (value >= 0);
    create domain flag as bool;
    create domain at as timestamptz;
    create domain raw as bytea;
    create domain doc as jsonb;
    create domain ints as int[];
    create domain more_ints as ints;
    create domain tags as citext[];
    create domain tag_lists as tags[];
    create type pair as (a int, b text);
    create type span as range (subtype = price);
    create table item (a int, b text)"""

# The value, and what an element, or the value itself, is in JSON.
VALUES = {
    "array['sad', '=cmd|A1']::mood[]": ['sad', '=cmd|A1'],
    "array['sad', null]::shade[]": ['sad', None],
    'array[1, 2]::positive[]': [1, 2],
    "'[2:3]={7,8}'::positive[]": [7, 8],
    'array[[1, 2], [3, 4]]::positive[]': [[1, 2], [3, 4]],
    'array[1.5, 2]::amount[]': [1.5, 2.0],
    'array[1.5, 2]::price[]': [1.5, 2.0],
    'array[true, null]::flag[]': [True, None],
    "array['2026-07-01 12:00+00']::at[]": ['2026-07-01T12:00:00+00:00'],
    r"array['\x00ff']::raw[]": ['AP8='],
    """array['{"a": [1]}']::doc[]""": [{'a': [1]}],
    "'{1,2}'::ints": [1, 2],
    "'{1,2}'::more_ints": [1, 2],
    '\'{"{1,2}","{}",null}\'::ints[]': [[1, 2], [], None],
    '\'{"{{1},{2}}"}\'::more_ints[]': [[[1], [2]]],
    """'{A,a,"b,c"}'::tags""": ['A', 'a', 'b,c'],
    r"""'{"{x,\"y,z\"}"}'::tag_lists""": [['x', 'y,z']],
    "array['A', 'a']::citext[]": ['A', 'a'],
    "array['a.b', 'c']::ltree[]": ['a.b', 'c'],
    "array[row(1, 'x,\"y')::pair]": ['(1,"x,""y")'],
    "array[row(1, null)::item]": ['(1,)'],
    "array['[1,3)', 'empty']::int4range[]": ['[1,3)', 'empty'],
    "array['[1.5,2]']::span[]": ['[1.50,2.00]'],
    "array['{[1,3),[5,7)}']::int4multirange[]": ['{[1,3),[5,7)}'],
    "array['((1,1),(0,0))', '((2,2),(0,0))']::box[]": ['(1,1),(0,0)', '(2,2),(0,0)'],
    "array['::1', '10.0.0.0/8']::inet[]": ['::1', '10.0.0.0/8'],
    "array['<a/>']::xml[]": ['<a/>'],
    "array['-1.50']::money[]": ['-$1.50'],
    "array[row(1, 'a')]": ['(1,a)'],
    "array['pg_class']::regclass[]": ['pg_class'],
    "array['1 2']::int2vector[]": ['1 2'],
    "'1 2'::oidvector": '1 2',
    "'a'::name": 'a',
    "'sad'::shade": 'sad',
    "1.5::price": 1.5,
}


@pytest.fixture
def made(db):
    db.execute(MADE)
    db.execute(f"alter database {db.name} set lc_monetary = 'C'")
    return db


@pytest.fixture
def export(ctl, tmp_path):
    def run(format, sql, *more):
        path = tmp_path / f'out.{format}'
        finished = ctl('export', '--sql-file', '-', '--format', format, '-o', path, *more,
                       input=sql)
        assert finished.returncode == 0, finished.stderr
        return path
    return run


@pytest.fixture(scope='module')
def duck():
    duck = duckdb.DuckDB()
    yield duck
    duck.close()


def select(values):
    return 'select ' + ', '.join(f'{value} as "{i}"' for i, value in enumerate(values))


def known(db):
    """The values whose types this server has; PostgreSQL 13 has no multiranges."""
    has = db.value("select to_regtype('int4multirange') is not null")
    return {value: want for value, want in VALUES.items() if has or 'multirange' not in value}


def test_what_a_type_is_made_of_decides_in_json(made, export):
    values = known(made)
    row = json.loads(export('jsonl', select(values)).read_text())
    for value, (want, got) in zip(values, zip(values.values(), row.values(), strict=True)):
        if want == ['-$1.50']:
            got = [got[0].replace('-1.50', '-$1.50')]
        assert got == want, value


def as_duck_says(value):
    return [as_duck_says(v) for v in value] if isinstance(value, list) else (
        str(value) if value is not None else None)


def test_what_a_type_is_made_of_decides_in_parquet(made, export, duck):
    flat = [value for value, want in known(made).items()
            if isinstance(want, list) and not any(isinstance(v, (list, dict)) for v in want)]
    path = export('parquet', select(flat))
    types = [row[1] for row in duck.query(f"describe select * from '{path}'")]
    assert all(type.endswith('[]') for type in types)
    by_value = dict(zip(flat, types))
    assert by_value['array[1.5, 2]::price[]'] == 'DECIMAL(12,2)[]'
    assert by_value['array[1, 2]::positive[]'] == by_value["'{1,2}'::more_ints"] == 'INTEGER[]'
    assert by_value['array[true, null]::flag[]'] == 'BOOLEAN[]'
    assert by_value["array['sad', '=cmd|A1']::mood[]"] == 'VARCHAR[]'
    row = dict(zip(flat, duck.row(f"select * from '{path}'")))
    for value in "array['sad', null]::shade[]", "'{1,2}'::more_ints", \
            "array['[1.5,2]']::span[]", "array['((1,1),(0,0))', '((2,2),(0,0))']::box[]":
        assert row[value] == VALUES[value]


def test_arrays_of_arrays_are_refused_in_parquet(made, ctl):
    refused = ctl('export', '--format', 'parquet', '--sql',
                  'select \'{"{1}"}\'::ints[] as deep')
    assert refused.returncode != 0
    assert 'column "deep" holds arrays of arrays' in refused.stderr


def test_the_catalogue_and_we_agree_on_every_type(made, export, duck):
    """What pg_type counts to the arrays, its arrays being the types of typarray."""
    types = made.query("""
        select format_type(t.oid, null) as name, format_type(a.oid, null) as array
        from pg_type t left join pg_type a on a.oid = t.typarray
        where t.typtype in ('b', 'c', 'd', 'e', 'm', 'r') and t.typcategory not in ('A', 'Z')
            and t.oid not in (select typbasetype from pg_type) and t.typname !~ '^pg_toast'
        order by t.oid""")
    assert len(types) > 200
    columns = [(f'null::{name}', False) for name, _ in types] + [
        (f'null::{array}', True) for _, array in types if array is not None]
    path = export('parquet', select(c for c, _ in columns))
    described = duck.query(f"describe select * from '{path}'")
    domains = {name for name, in made.query(
        "select format_type(oid, null) from pg_type where typtype = 'd' and "
        "(select typcategory from pg_type b where b.oid = typbasetype) = 'A'")}
    for (column, is_array), row in zip(columns, described, strict=True):
        is_array |= column.removeprefix('null::') in domains
        assert row[1].endswith('[]') == is_array, column


GUARDED = {
    "'=cmd|A1'::mood": "'=cmd|A1", "'=1'::citext": "'=1", "'@x'::name": "'@x",
    "'=1'::\"char\"": "'=", "'-1'::bpchar": "'-1", "'+1'::varchar": "'+1",
    "'=cmd|A1'::shade": "'=cmd|A1", "xml '=1'": "'=1", "'-(int4,int4)'::regoperator":
    "'-(integer,integer)", "'-1'::text": "'-1", 'null::mood': '',
    # Numbers and what has a form of its own.
    '-1': '-1', '-1.5::amount': '-1.50', "'-1.5'::float8": '-1.5',
    "interval '-1 day'": '-1 days', "'{=1}'::citext[]": '{=1}', "row('=1')": '(=1)',
}


def test_the_formula_guard_covers_all_text(made, export):
    path = export('csv', select([*GUARDED, "money '-1.50'"]), '--option', 'formula_guard=true')
    header, row = csv.reader(io.StringIO(path.read_text()))
    assert dict(zip(GUARDED, row)) == GUARDED
    assert row[-1].startswith('-') and row[-1].endswith('1.50')


def looked_up(cluster, db, since):
    """How often the catalogue was asked."""
    return sum('with recursive reached' in line for line in cluster.log()[since:].splitlines()
               if f'@{db.name} ' in line)


def test_the_catalogue_is_asked_once_a_connection_and_not_for_plain_types(
        cluster, template, tmp_path):
    with running_engine(cluster, template, tmp_path, workers=1) as one:
        since = len(cluster.log())
        one.db.execute(f"create type mood as enum ('a'); alter database {one.db.name} "
                       "set log_statement = 'all'")

        def run(sql, **columns):
            return file_of(done(one.db, output_format='JSONL', export_sql=sql,
                                **columns).output_url).read_text()

        run("select 1 as a, 'x' as b, now() as c, '{}'::jsonb as d, array[1.5] as e, null as f")
        assert looked_up(cluster, one.db, since) == 0
        for _ in range(3):
            assert run("select array['a']::mood[] as a") == '{"a":["a"]}\n'
        assert looked_up(cluster, one.db, since) == 1
        # Made anew by prep it is another type.
        remade = "drop type mood; create type mood as enum ('b')"
        assert run("select array['b']::mood[] as a", prep_sql=remade) == '{"a":["b"]}\n'
        assert run("show work_mem").startswith('{"work_mem":"')
        assert run("explain select 1").count('\n') == 1


# Values are checked as they are written.

HALF = r"""select 1 as id, '{"x": "a\ud83d", "y": "\ud83d\ude00"}'::json as j,
    array['["\udc00"]'::json, null] as list, e'{"a":\n1}'::json as lines, '"\u0000"'::json as nul"""
MENDED = {'id': 1, 'j': {'x': 'a\ufffd', 'y': '😀'}, 'list': [['\ufffd'], None],
          'lines': {'a': 1}, 'nul': '\0'}


@pytest.fixture(scope='module')
def engine(cluster, template, tmp_path_factory):
    with running_engine(cluster, template, tmp_path_factory.mktemp('types')) as engine:
        yield engine


@pytest.mark.parametrize('format', ['JSON', 'JSONL'])
def test_half_a_surrogate_pair_does_not_make_a_file_unreadable(engine, duck, format):
    run = done(engine.db, output_format=format, export_sql=HALF)
    path = file_of(run.output_url)
    document = json.loads(path.read_text())
    assert document == (MENDED if format == 'JSONL' else [MENDED])
    assert run.remark == (
        format + r': 2 half surrogate pairs (as \ud800) in json became \ufffd')
    # One who refuses halves.
    assert duck.value(f"select j.x from read_json('{path}')") == 'a\ufffd'


def test_half_a_surrogate_pair_in_parquet_and_beside_other_formats(engine, duck):
    run = done(engine.db, output_format='PARQUET,CSV,HTML', export_sql=HALF,
               output_path='{report_name}.{ext}')
    assert r'2 half surrogate pairs' in run.outputs[0]['remark']
    path, text, _ = (file_of(output['url']) for output in run.outputs)
    assert duck.row(f"select j->>'x', list[1]->>0, lines->>'a' from '{path}'") == (
        'a\ufffd', '\ufffd', '1')
    assert r'a\ud83d' in text.read_text(), 'the source has no copy to lose'


@pytest.mark.parametrize('format', ['json', 'jsonl', 'parquet'])
def test_json_without_end_is_refused(ctl, tmp_path, format):
    sql = ("select i as id, (repeat('[', n) || repeat(']', n))::json as deep "
           'from (values (1, 500), (2, {})) as t(i, n)')
    path = tmp_path / 'deep'
    good = ctl('export', '--sql', sql.format(1), '--format', format, '-o', path)
    assert good.returncode == 0, good.stderr
    refused = ctl('export', '--sql', sql.format(501), '--format', format, '-o', path)
    assert refused.returncode != 0
    assert 'json of more than 500 levels' in refused.stderr and '"deep"' in refused.stderr
    assert format == 'parquet' or 'row 2, column "deep"' in refused.stderr


@pytest.fixture
def liar(cluster, db, ctl, tmp_path):
    """Exports from a server that answers other bytes than it should; the process and
    the path."""
    meddlers = []

    def run(sql, answered, format, *more):
        meddlers.append(Meddler(cluster.host, answered=answered))
        path = tmp_path / f'lied.{format}'
        return ctl('export', '--source', 'liar', '--sql', sql, '--format', format, '-o', path,
                   *more, sections={'source.liar': {'conninfo': meddlers[-1].conninfo(db)}}), path
    yield run
    for meddler in meddlers:
        meddler.remove()


NUMBERS = ('int8', 'numeric', 'float8', 'float4')


@pytest.mark.parametrize('type', NUMBERS)
@pytest.mark.parametrize('lie', [b'<b>&</b>', b'1],"x":[', b'=cmd|A1!', b'12\n45678', b'"1","2"8'])
def test_a_number_that_is_none_stays_in_its_place(liar, duck, type, lie):
    sql = f'select 1234567::{type} * 10 + 8 as n, 7 as m'
    answered, text = [(b'12345678', lie)], lie.decode()
    finished, path = liar(sql, answered, 'jsonl')
    assert finished.returncode == 0, finished.stderr
    assert json.loads(path.read_text()) == {'n': text, 'm': 7}
    finished, path = liar(sql, answered, 'xlsx')
    assert finished.returncode == 0, finished.stderr
    if workbook.available():
        sheet = workbook.load(path).active
        assert [cell.value for cell in sheet[2]] == [text, 7]
    finished, path = liar(sql, answered, 'html')
    assert '<b>&</b>' not in path.read_text()
    finished, path = liar(sql, answered, 'csv', '--option', 'formula_guard=true')
    row = list(csv.reader(io.StringIO(path.read_text())))[1]
    assert row == [f"'{text}" if text.startswith('=') else text, '7']
    finished, path = liar(sql, answered, 'parquet')
    assert finished.returncode != 0 and 'column "n"' in finished.stderr


@pytest.mark.parametrize('format', ['json', 'jsonl', 'parquet'])
@pytest.mark.parametrize('lie', [b'{"a":123', b'"a":1234', b'1},{"b":', b'<script>', b'01234567'])
def test_json_that_is_none_is_refused(liar, format, lie):
    finished, path = liar("""select 1 as id, '["a123"]'::json as doc""",
                          [(b'["a123"]', lie)], format)
    assert finished.returncode != 0 and not path.exists()
    assert 'column "doc"' in finished.stderr
    assert f'the source calls json what is none: {lie.decode()}' in finished.stderr
