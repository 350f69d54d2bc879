# SPDX-License-Identifier: MIT
"""JSON and JSONL, read by Python's json and held against the server's own."""

import base64
import json
import subprocess

import pytest

from lib import matrix

ZONE = 'Europe/Berlin'
ALL = 'select * from matrix order by n'

# The expression whose answer is expected for a type; to_json(column) otherwise.
IN_AD = 'isfinite({0}) and extract(year from {0}) between 1 and 9999'
EXPECTED = {
    'timestamp': f'case when {IN_AD} then to_json({{0}}) else to_json({{0}}::text) end',
    # Berlin had an offset with seconds until 1893.
    'timestamptz': f'''case when not ({IN_AD}) then to_json({{0}}::text)
        when {{0}} < '1893-04-01' then to_json(
            to_char({{0}} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
        else to_json({{0}}) end''',
    'bytea': "to_json(translate(encode({0}, 'base64'), E'\\n', ''))",
    'bytea[]': """(select json_agg(translate(encode(b, 'base64'), E'\\n', ''))
        from unnest({0}) b)""",
    'timetz': "to_json(regexp_replace({0}::text, '([+-]\\d\\d)$', '\\1:00'))",
    'json': "translate({0}::text, E'\\r\\n', '  ')::json",
}


class Number(str):
    """Its digits as they stand there."""


def loads(text):
    """Numbers as their digits, objects as lists of pairs: no order, duplicate or
    digit is lost."""
    def constant(name):
        raise ValueError(f'{name} is no JSON')
    return json.loads(text, parse_int=Number, parse_float=Number,
                      parse_constant=constant, object_pairs_hook=list)


def expected_rows(db):
    """The table `matrix` as the server makes JSON of it."""
    with db.connect(row_factory=None) as conn:
        conn.execute(f"set timezone = '{ZONE}'; set intervalstyle = iso_8601")
        names = [column.name for column in
                 conn.execute('select * from matrix limit 0').description]
        fields = ', '.join(
            '({})::text'.format(EXPECTED.get(name, 'to_json({0})').format(
                '"' + name.replace('"', '""') + '"')) for name in names)
        return [[(name, loads(field) if field is not None else None)
                 for name, field in zip(names, row)]
                for row in conn.execute(f'select {fields} from matrix order by n')]


@pytest.fixture
def export(ctl, tmp_path):
    """The bytes of `reportctl export`."""
    def run(format, sql=ALL, *more):
        path = tmp_path / f'out.{format}'
        done = ctl('export', '--sql', sql, '--format', format, '-o', path,
                   '--time-zone', ZONE, *more)
        assert done.returncode == 0, done.stderr
        return path.read_bytes()
    return run


def options(*options):
    return [word for option in options for word in ('--option', option)]


def lines_of(data):
    text = data.decode()
    assert text == '' or text.endswith('\n')
    return text.split('\n')[:-1]


def check(db, export):
    want = expected_rows(db)
    rows = [loads(line) for line in lines_of(export('jsonl'))]
    assert len(rows) == len(want)
    for got, row in zip(rows, want):
        for one, other in zip(got, row):
            assert one == other, f'row {row[0][1]}'
        assert len(got) == len(row)
    assert loads(export('json')) == rows
    arrays = loads(export('json', ALL, *options('shape=arrays')))
    assert arrays == [('columns', [name for name, _ in want[0]]),
                      ('rows', [[value for _, value in row] for row in want])]


def test_every_type_and_value_reads_back(db, export):
    matrix.create(db)
    check(db, export)


@pytest.mark.parametrize('seed', range(12))
def test_random_schemas_and_values_read_back(db, export, seed):
    matrix.create_random(db, seed)
    check(db, export)


def test_a_long_json_text_is_one_line(db, export):
    db.execute("create table t as select json_agg(i)::text::json as j "
               "from generate_series(1, 200000) i")
    line, = lines_of(export('jsonl', 'select * from t'))
    assert json.loads(line) == {'j': list(range(1, 200001))}
    db.execute("update t set j = replace(j::text, ',', E',\r\n')::json")
    line, = lines_of(export('jsonl', 'select * from t'))
    assert json.loads(line) == {'j': list(range(1, 200001))}


def test_no_rows(export):
    assert export('jsonl', 'select 1 as a where false') == b''
    assert json.loads(export('json', 'select 1 as a where false')) == []


def test_values_as_the_options_say(export):
    row, = lines_of(export(
        'jsonl', "select 9007199254740993 as big, 9007199254740991 as most, "
        "1.50 as price, float8 'NaN' as nan, interval '1 day' as i, "
        r"'\x00ff'::bytea as b", *options(
            'big_integers=string', 'decimals=string', 'not_finite=null',
            'intervals=text', 'bytes=hex')))
    assert json.loads(row) == {
        'big': '9007199254740993', 'most': 9007199254740991, 'price': '1.50',
        'nan': None, 'i': '1 day', 'b': '00ff'}


def test_bytes_are_base64(export):
    row, = lines_of(export('jsonl', r"select '\x00ff10'::bytea as b"))
    assert base64.b64decode(json.loads(row)['b'], validate=True) == b'\0\xff\x10'


def test_arrays_of_jsonl_have_their_names_first(export):
    assert export('jsonl', "select 1 as id, 'x' as id", *options('shape=arrays')
                  ) == b'["id","id"]\n[1,"x"]\n'


def test_several_results_are_members(export):
    sql = "select 1 as a; select 'x' as b where false; select 2 as a, 3 as b"
    assert loads(export('json', sql)) == [
        ('result_1', [[('a', '1')]]), ('result_2', []),
        ('result_3', [[('a', '2'), ('b', '3')]])]
    assert [name for name, _ in loads(export(
        'json', sql, *options('sections=["one", "\\"two\\"", "é"]')))] == [
            'one', '"two"', 'é']


@pytest.mark.parametrize('name, program', [('gzip', 'gzip'), ('zstd', 'zstd')])
def test_lines_may_be_compressed(export, name, program):
    sql = "select g, repeat('x', g % 50) as x from generate_series(1, 100000) g"
    packed = export('jsonl', sql, *options(f'compress={name}'))
    plain = export('jsonl', sql)
    assert len(packed) < len(plain) / 3
    assert subprocess.run([program, '-dc'], input=packed, check=True,
                          capture_output=True).stdout == plain


def test_names_of_columns_are_escaped(export):
    name = 'a "b" \\ \t é <c>'
    row, = lines_of(export('jsonl', 'select 1 as "{}"'.format(
        name.replace('"', '""'))))
    assert json.loads(row) == {name: 1}


@pytest.mark.parametrize('sql, more, message', [
    ('select 1 as a, 2 as a', [], 'two columns are named "a"'),
    ('select 1 as a', options('shape=tree'), 'objects|arrays'),
    ('select 1 as a', options('indent=2'), 'no option "indent"'),
])
def test_what_cannot_be_is_refused(ctl, tmp_path, sql, more, message):
    path = tmp_path / 'out.json'
    done = ctl('export', '--sql', sql, '--format', 'json', '-o', path, *more)
    assert done.returncode != 0
    assert message in done.stderr
    assert not path.exists()


def test_a_report_in_jsonl(db, daemon, submit, wait_done, out):
    daemon()
    config_id = submit(
        db, export_sql="select g as id, timestamptz '2026-07-01 10:00Z' as at "
        'from generate_series(1, 3) g', output_format='JSONL',
        output_path='rows.jsonl', time_zone='Asia/Kolkata')
    wait_done(db, config_id)
    assert [json.loads(line) for line in lines_of((out / 'rows.jsonl').read_bytes())] == [
        {'id': n, 'at': '2026-07-01T15:30:00+05:30'} for n in (1, 2, 3)]
