# SPDX-License-Identifier: MIT
"""DuckDB's types: as PostgreSQL writes them, and in every format."""

import csv
import io
import json

import openpyxl
import pytest

from lib import duckdb
from lib.duckdb import DuckDB
from test_engine_shared import done, failure, file_of, output, running_engine


@pytest.fixture(scope='module')
def engine(cluster, template, tmp_path_factory):
    folder = tmp_path_factory.mktemp('duckdb')
    source = {'type': 'duckdb', 'library': str(duckdb.library()), 'folders': str(folder)}
    with running_engine(cluster, template, tmp_path_factory.mktemp('engine'), {
            'source.lake': source}) as engine:
        engine.lake = folder
        yield engine


@pytest.fixture(scope='module')
def duck():
    duck = DuckDB()
    yield duck
    duck.close()


# Types of both databases are written alike: type in PostgreSQL, in DuckDB, and values.
SHARED = {
    ('int2', 'smallint'): ['-32768', '32767'],
    ('int4', 'integer'): ['-2147483648', '2147483647'],
    ('int8', 'bigint'): ['-9223372036854775808', '9223372036854775807'],
    ('numeric(4,1)', 'decimal(4,1)'): ['-999.9', '0', '0.5'],
    ('numeric(9,2)', 'decimal(9,2)'): ['1.5', '-0.01', '1234567.89'],
    ('numeric(18,3)', 'decimal(18,3)'): ['-999999999999999.999', '0.001'],
    ('numeric(38,10)', 'decimal(38,10)'): ['9999999999999999999999999999.9999999999', '-1e-10'],
    ('numeric(39)', 'hugeint'): ['170141183460469231731687303715884105727',
                                 '-170141183460469231731687303715884105728', '0'],
    ('numeric(40)', 'uhugeint'): ['340282366920938463463374607431768211455'],
    ('numeric(20)', 'ubigint'): ['18446744073709551615'],
    ('float8', 'double'): ['0', '-0', '0.1', '1e15', '999999999999999', '123456.789', '1e-4',
                           '1e-5', '5e-324', '1.7976931348623157e308', 'NaN', 'Infinity',
                           '-Infinity', '123456789012345680', '0.3333333333333333', '1e22',
                           '2.2250738585072014e-308', '5.684341886080801e-14', '100'],
    ('float4', 'float'): ['0', '-0', '0.1', '1e6', '123456', '1e-45', '3.4028235e38', 'NaN',
                          '0.33333334', '1.1754944e-38'],
    ('date', 'date'): ['4713-01-01 BC', '0044-03-15 BC', '0001-01-01', '1582-10-10',
                       '2000-02-29', '9999-12-31', 'infinity', '-infinity'],
    ('time', 'time'): ['00:00:00', '24:00:00', '09:30:00.25', '23:59:59.999999'],
    ('timestamp', 'timestamp'): ['0044-03-15 12:00:00 BC', '1900-01-01 00:00:00.000001',
                                 '2026-03-01 09:30:00.12', '294246-12-31 23:59:59.999999',
                                 'infinity', '-infinity'],
    ('timestamptz', 'timestamptz'): [
        '0044-03-15 12:00:00+00 BC', '1890-01-01 00:00:00+00', '1945-06-01 00:00:00+00',
        '2026-03-29 00:59:59.999999+00', '2026-03-29 01:00:00+00', '2026-10-25 00:30:00+00',
        '2026-10-25 01:30:00+00', '9999-06-30 23:59:59+00', 'infinity', '-infinity'],
    ('interval', 'interval'): ['0', '1 year 2 mons 3 days 04:05:06.7', '-1 day 00:00:01',
                               '-1 year -2 mons 3 days -04:05:06.789', '-0.000001 s'],
    ('uuid', 'uuid'): ['00000000-0000-0000-0000-000000000000',
                       'ffffffff-ffff-ffff-ffff-ffffffffffff',
                       '01234567-89ab-cdef-8123-456789abcdef'],
    ('text', 'varchar'): ['', 'x', 'twelve bytes', 'thirteen bytes', 'two\nlines', 'a,"b"',
                          'naïve 東京 🎉', "it's"],
}


def as_duckdb(text, name):
    """A text of PostgreSQL as DuckDB reads it."""
    if name in ('date', 'timestamp', 'timestamptz') and text.endswith(' BC'):
        day, _, rest = text[:-3].partition(' ')
        return f'{day} (BC)' + (f' {rest}' if rest else '')
    if name == 'interval':
        return (text.replace(' mons', ' months').replace(' s', ' seconds')
                if text != '0' else '0 seconds')
    return text


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


@pytest.mark.parametrize('zone', ['Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'UTC'])
def test_what_both_have_is_written_alike(engine, zone):
    pg, dk = [], []
    for (one, other), values in SHARED.items():
        for value in values:
            pg.append(f'select {quoted(value)}::{one}::text as value')
            dk.append(f'{quoted(as_duckdb(value, other))}::{other} as c{len(dk)}')
    want = [row[0] for row in csv.reader(io.StringIO(output(
        engine.db, export_sql=' union all '.join(pg), time_zone=zone,
        output_options={'header': False}).decode()), strict=True)]
    got, = csv.reader(io.StringIO(output(
        engine.db, source='lake', export_sql=f"select {', '.join(dk)}", time_zone=zone,
        output_options={'header': False}).decode()))
    names = [f'{other} {value}' for (_, other), values in SHARED.items() for value in values]
    assert dict(zip(names, got, strict=True)) == dict(zip(names, want, strict=True))


def test_random_floats_and_times_are_written_alike(engine):
    """PostgreSQL writes a file, DuckDB reads it, and the same file comes out."""
    sql = """
        select setseed(0.5);
        select n,
            (('x' || md5(n::text))::bit(64)::bigint / 1e3 * 10 ^ (n % 40 - 20))::float8 as large,
            (random() * 1000)::numeric(12, 2)::float8 as price,
            random() as share, (random() * 1e5)::float4 as single,
            timestamptz '1850-01-01' + random() * interval '300 years' as at,
            timestamp '0001-01-01' + random() * interval '3000 years' as local
        from generate_series(1, 20000) n"""
    want = output(engine.db, export_sql=sql.split(';')[1],
                  time_zone='Europe/Paris')
    (engine.lake / 'random.csv').write_bytes(want)
    got = output(engine.db, source='lake', time_zone='Europe/Paris', export_sql=f"""
        from read_csv('{engine.lake}/random.csv', header = true, columns = {{
            n: 'int', large: 'double', price: 'double', share: 'double', single: 'float',
            'at': 'timestamptz', local: 'timestamp'}})""")
    assert got.decode().splitlines() == want.decode().splitlines()


ALL = """select * replace (replace(varchar, chr(0), ' ') as varchar), '7'::bignum as few,
    ['7'::bignum] as list_of_bignum, '{"a": [1, 2.50]}'::json as json, 'null'::json as json_null,
    {'a': 1.50::decimal(4, 2), 'b "c"': 'x' || chr(10), 'at': timestamptz '2026-03-01 12:00:00+00',
        'ok': true, 'none': null, 'blob': '\\x01\\xff'::blob, 'j': '[1]'::json} as mixed,
    map {1: 'one', 2: null} as numbered, 1::variant as variant, {'a': [1]}::variant as variant_object
    from test_all_types()"""


def test_values_that_are_made_of_others_are_json(engine):
    row = json.loads(output(engine.db, source='lake', export_sql=ALL,
                            output_format='JSONL').decode().splitlines()[1])
    assert row['int_array'] == [42, 999, None, None, -42]
    assert row['double_array'] == [42, 'NaN', 'Infinity', '-Infinity', None, -42]
    assert row['date_array'] == ['1970-01-01', 'infinity', '-infinity', None, '2022-05-12']
    assert row['nested_int_array'][1] == row['int_array']
    assert row['struct'] == {'a': 42, 'b': '🦆🦆🦆🦆🦆🦆'}
    assert row['array_of_structs'] == [{'a': None, 'b': None}, row['struct'], None]
    assert row['map'] == {'key1': '🦆🦆🦆🦆🦆🦆', 'key2': 'goose'}
    assert row['numbered'] == {'1': 'one', '2': None}
    assert row['union'] == {'age': 5}
    assert row['fixed_nested_int_array'] == [[4, 5, 6], [None, 2, 3], [4, 5, 6]]
    assert row['list_of_bignum'] == [7]
    assert row['json'] == {'a': [1, 2.5]}
    assert row['json_null'] is None
    assert row['variant_object'] == {'a': [1]}
    assert row['mixed'] == {'a': 1.5, 'b "c"': 'x\n', 'at': '2026-03-01 12:00:00+00', 'ok': True,
                            'none': None, 'blob': '\\x01ff', 'j': [1]}
    text = output(engine.db, source='lake', export_sql=ALL).decode()
    assert '"{""a"":1.50,""b \\""c\\"""":""x\\u000a""' in text


def test_other_types_are_texts(engine):
    rows = list(csv.DictReader(io.StringIO(
        output(engine.db, source='lake', export_sql=ALL).decode())))
    assert rows[1]['bit'] == '10101'
    assert rows[0]['blob'] == '\\x' + b'thisisalongblob\0withnullbytes'.hex()
    assert rows[1]['small_enum'] == 'GOOSE' and rows[1]['large_enum'] == 'enum_69999'
    assert rows[1]['time_tz'] == '24:00:00-15:59:59'
    assert rows[1]['timestamp_ns'] == '2262-04-11 23:47:16.854775'
    assert len(rows[1]['bignum']) == 309 and rows[1]['few'] == '7'
    assert rows[1]['geometry'].startswith('GEOMETRYCOLLECTION (POINT (1 2)')
    assert set(rows[2].values()) - {'7', '[7]', '1', '', 'null'} == {
        rows[2]['json'], rows[2]['mixed'], rows[2]['numbered'], rows[2]['variant_object']}


def test_parquet_keeps_the_types(engine, duck):
    # Outside of what Parquet can hold: the dates of the first row.
    run = done(engine.db, source='lake', output_format='PARQUET', export_sql=f"""
        select * exclude (date, timestamp, timestamp_s, timestamp_ms, timestamp_tz, time, time_tz,
            time_ns, interval, bignum, hugeint, uhugeint),
            sum(int) over () as total from ({ALL}) limit 3""")
    path = file_of(run.output_url)
    types = dict((row[0], row[1]) for row in duck.query(f"describe from '{path}'"))
    assert {name: types[name] for name in (
        'bool', 'tinyint', 'usmallint', 'uint', 'ubigint', 'dec_4_1', 'dec38_10', 'float', 'double',
        'timestamp_ns', 'uuid', 'varchar', 'blob', 'int_array', 'struct', 'json', 'total')} == {
            'bool': 'BOOLEAN', 'tinyint': 'SMALLINT', 'usmallint': 'INTEGER', 'uint': 'BIGINT',
            'ubigint': 'DECIMAL(20,0)', 'dec_4_1': 'DECIMAL(4,1)', 'dec38_10': 'DECIMAL(38,10)',
            'float': 'FLOAT', 'double': 'DOUBLE', 'timestamp_ns': 'TIMESTAMP', 'uuid': 'UUID',
            'varchar': 'VARCHAR', 'blob': 'BLOB', 'int_array': 'JSON', 'struct': 'JSON',
            'json': 'JSON', 'total': 'DECIMAL(38,0)'}
    assert duck.query(f"select bool, ubigint, dec_4_1, uuid, int_array from '{path}'")[1] == (
        True, '18446744073709551615', '999.9', 'ffffffff-ffff-ffff-ffff-ffffffffffff',
        '[42,999,null,null,-42]')


def test_xlsx_has_numbers_and_dates(engine):
    run = done(engine.db, source='lake', output_format='XLSX', export_sql="""
        select 1.50::decimal(9, 2) as amount, date '2026-03-01' as day, 7::utinyint as few,
            timestamp '2026-03-01 09:30:00' as at, [1, 2] as list, true as ok""")
    header, row = openpyxl.load_workbook(file_of(run.output_url)).active.iter_rows(values_only=True)
    assert header == ('amount', 'day', 'few', 'at', 'list', 'ok')
    assert row[0] == 1.5 and row[2] == 7 and row[4:] == ('[1,2]', True)
    assert row[1].isoformat() == '2026-03-01T00:00:00'
    assert row[3].isoformat() == '2026-03-01T09:30:00'


@pytest.mark.parametrize('format', ['CSV', 'JSON', 'JSONL', 'HTML', 'XLSX', 'PDF'])
def test_every_format_takes_every_type(engine, format):
    run = done(engine.db, source='lake', output_format=format, export_sql=ALL, within=60)
    assert run.row_count == 3


def test_rows_of_many_chunks_keep_their_order(engine):
    text = output(engine.db, source='lake', export_sql="""
        select n, case when n % 3 > 0 then 'row ' || n end as text, [n, n + 1] as pair
        from range(20000) t(n)""").decode()
    rows = list(csv.reader(io.StringIO(text)))[1:]
    assert [(int(n), text, json.loads(pair)) for n, text, pair in rows] == [
        (n, f'row {n}' if n % 3 else '', [n, n + 1]) for n in range(20000)]


def test_a_text_that_is_not_utf8_is_refused(engine):
    (engine.lake / 'latin.csv').write_bytes(b'name\nM\xfcller\n')
    run = failure(engine.db, source='lake', export_sql=f"from '{engine.lake}/latin.csv'")
    assert 'utf' in run.error_message.lower()
    assert output(engine.db, source='lake', export_sql=f"""
        from read_csv('{engine.lake}/latin.csv', encoding = 'latin-1')""").decode() == (
            'name\nMüller\n')
