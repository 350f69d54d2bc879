# SPDX-License-Identifier: MIT
"""Parquet files, read back with DuckDB and, page by page, from their bytes."""

import collections
import random
import struct

import pytest

from lib import duckdb, parquet

pytestmark = pytest.mark.skipif(not duckdb.available(),
                                reason='DuckDB comes from npm')


@pytest.fixture(scope='module')
def duck():
    duck = duckdb.DuckDB()
    duck.query("set timezone = 'UTC'")
    yield duck
    duck.close()


@pytest.fixture
def export(ctl, tmp_path):
    """export(sql, option=value...) writes a file and returns its path."""
    def run(sql, zone='UTC', **options):
        path = tmp_path / f'{len(list(tmp_path.iterdir()))}.parquet'
        done = ctl('export', '--sql-file', '-', '-o', path, '--time-zone', zone,
                   *(f'--option={name}={value}'
                     for name, value in options.items()), input=sql)
        assert done.returncode == 0, done.stderr
        return path
    return run


@pytest.fixture
def refusal(ctl, tmp_path):
    """Why an export is refused; nothing is left of it."""
    def run(sql, **options):
        path = tmp_path / 'refused.parquet'
        done = ctl('export', '--sql', sql, '-o', path,
                   *(f'--option={name}={value}'
                     for name, value in options.items()))
        assert done.returncode != 0 and not path.exists()
        return done.stderr
    return run


# ---- each type: null, least, greatest, empty, odd ----

TEXTS = ['', ' ', 'NULL', '\\N', 'tab\tnew\nline\r', 'quote " \' , ;', 'e\u0301',
         '\u00df\u05d0\u0639\u0928\u6771\uac00', '\x01\x1f\x7f\u0080\u202e\ufeff',
         # a character of every plane, its last one among them
         *(chr(plane << 16 | low) for plane in range(17)
           for low in (0x0800, 0xffff)), 'x' * 64, 'x' * 65, 'long ' * 200_000]

# Name: type, what DuckDB calls it, SQL that makes both sides the same text
# (for PostgreSQL, for DuckDB), values.
Kind = collections.namedtuple('Kind', 'type duck here there values')
SAME = '{}::text', '{}::varchar'
MICROS = 'extract(epoch from {}) * 1000000', 'epoch_us({})'
KINDS = {
    'int2': Kind('int2', 'SMALLINT', *SAME, ['0', '-32768', '32767']),
    'int4': Kind('int4', 'INTEGER', *SAME, ['0', '-2147483648', '2147483647']),
    'int8': Kind('int8', 'BIGINT', *SAME,
                 ['0', '-9223372036854775808', '9223372036854775807']),
    'oid': Kind('oid', 'BIGINT', *SAME, ['0', '4294967295']),
    'decimal 4': Kind('numeric(4,2)', 'DECIMAL(4,2)', *SAME,
                      ['0.00', '-99.99', '99.99', '0.01', '-0.01']),
    'decimal 9': Kind('numeric(9)', 'DECIMAL(9,0)', *SAME,
                      ['0', '-999999999', '999999999']),
    'decimal 18': Kind('numeric(18,4)', 'DECIMAL(18,4)', *SAME,
                       ['0.0000', '-99999999999999.9999',
                        '99999999999999.9999', '-0.0001']),
    'decimal 19': Kind('numeric(19,2)', 'DECIMAL(19,2)', *SAME,
                       ['0.00', '-99999999999999999.99',
                        '99999999999999999.99', '-0.01']),
    'decimal 38': Kind('numeric(38,10)', 'DECIMAL(38,10)', *SAME,
                       ['0.0000000000', f'-{"9" * 28}.{"9" * 10}',
                        f'{"9" * 28}.{"9" * 10}', '-0.0000000001']),
    'decimal': Kind('numeric', 'DECIMAL(38,20)', 'round({}, 20)::text',
                    '{}::varchar',
                    ['0', '1.5', f'-{"9" * 18}.{"9" * 20}',
                     f'{"9" * 18}.{"9" * 20}', '0.00000000000000000001',
                     '1.500000000000000000000000000000']),
    'bool': Kind('bool', 'BOOLEAN', *SAME, ['true', 'false']),
    'text': Kind('text', 'VARCHAR', "md5({}) || length({})",
                 "md5({}) || length({})", TEXTS),
    'varchar': Kind('varchar(20)', 'VARCHAR', *SAME, ['', 'a  ', 'ä,b']),
    'char': Kind('char(5)', 'VARCHAR', 'length({}::text)::text',
                 'length(rtrim({}))::varchar', ['', 'ä']),
    'date': Kind('date', 'DATE', "({} - date '1970-01-01')::text",
                 "({} - date '1970-01-01')::varchar",
                 ['1970-01-01', '4714-11-24 BC', '0001-12-31 BC', '0001-01-01',
                  '1582-10-10', '2000-02-29', '9999-12-31', '5874897-12-31']),
    'time': Kind('time', 'TIME', *SAME,
                 ['00:00:00', '23:59:59.999999', '09:30:00.25']),
    'timestamp': Kind('timestamp', 'TIMESTAMP', '({})::bigint::text'.format(
        MICROS[0]), '{}::varchar'.format(MICROS[1]),
                      ['1970-01-01 00:00:00', '1969-12-31 23:59:59.999999',
                       '4714-11-24 00:00:00 BC', '9999-12-31 23:59:59.999999',
                       '2026-03-29 02:30:00', '0001-12-31 23:59:59 BC']),
    'timestamptz': Kind('timestamptz', 'TIMESTAMP WITH TIME ZONE',
                        '({})::bigint::text'.format(MICROS[0]),
                        '{}::varchar'.format(MICROS[1]),
                        ['1970-01-01 00:00:00Z', '1850-06-01 00:00:00Z',
                         '4714-11-24 00:00:00Z BC', '9999-12-31 12:00:00Z',
                         '2026-10-25 00:30:00Z', '2026-10-25 01:30:00Z',
                         '2026-03-01 09:30:00.123456+05:30']),
    'timetz': Kind('timetz', 'VARCHAR', *SAME, ['09:30:00+05:30', '24:00:00-12']),
    'interval': Kind('interval', 'VARCHAR', *SAME,
                     ['0', '1 year 2 mons -3 days 04:05:06.789012']),
    'uuid': Kind('uuid', 'UUID', *SAME,
                 ['00000000-0000-0000-0000-000000000000',
                  'ffffffff-ffff-ffff-ffff-ffffffffffff',
                  '12345678-9abc-def0-1234-56789abcdef0']),
    'bytea': Kind('bytea', 'BLOB', "upper(encode({}, 'hex'))", 'hex({})',
                  ['', r'\x00', r'\xdeadbeef', r'\x' + 'ff00' * 500_000]),
    'json': Kind('json', 'JSON', *SAME,
                 ['null', '{}', '{"a": [1, "x,\\"y\\"", 1e400], "a": 2}']),
    'jsonb': Kind('jsonb', 'JSON', *SAME,
                  ['null', '"ü\\n"', '{"a": 0.10000000000000000000001}']),
    'inet': Kind('inet', 'VARCHAR', *SAME, ['192.168.0.1/24', '2001:db8::/32']),
    'money': Kind('money', 'VARCHAR', *SAME, ['0', '-1234.5']),
    'bit': Kind('bit varying', 'VARCHAR', *SAME, ['', '0101']),
}


def here(db, sql):
    """Rows of PostgreSQL; no placeholders, any column names."""
    with db.connect(row_factory=None) as conn:
        return conn.execute(sql).fetchall()


@pytest.mark.parametrize('codec', ['zstd', 'snappy', 'none'])
def test_every_type_comes_back(db, duck, export, codec):
    for name, kind in KINDS.items():
        db.execute('drop table if exists t')
        db.execute(f'create table t (n int, v {kind.type})')
        for n, value in enumerate([None, *kind.values, None]):
            db.execute(f'insert into t values (%s, %s::text::{kind.type})',
                       n, value)
        path = export('select * from t order by n', codec=codec)
        assert duck.query(
            f"select column_type from (describe from '{path}') "
            "where column_name = 'v'") == [(kind.duck,)], name
        assert duck.query(
            f'select n, {kind.there.replace("{}", "v")} '
            f"from '{path}' order by n") == here(
            db, f'select n, {kind.here.replace("{}", "v")} '
            'from t order by n'), name


FLOATS = ['0', '-0', '1', '-1.5', '0.1', '0.30000000000000004', '1e22', '1e23',
          '123456789012345680', '9007199254740993', '5e-324', '1e-45',
          '2.2250738585072014e-308', '1.7976931348623157e308', '3.4028235e38',
          'Infinity', '-Infinity', 'NaN']


@pytest.mark.parametrize('size', [4, 8])
def test_floats_come_back_to_the_bit(db, duck, export, size):
    """Two decimal texts are the same float when each reads back as it."""
    fitting = [f for f in FLOATS if size == 8 or f not in
               ('5e-324', '2.2250738585072014e-308', '1.7976931348623157e308')]
    db.execute(f'create table t (n int, v float{size})')
    for n, value in enumerate([None, *fitting]):
        db.execute(f'insert into t values (%s, %s::text::float{size})',
                   n, value)
    path = export('select * from t order by n')
    kind = 'FLOAT' if size == 4 else 'DOUBLE'
    assert duck.value(f"select typeof(v) from '{path}' limit 1") == kind
    for n, text in duck.query(f"select n, v::varchar from '{path}'"):
        assert db.value(
            f"select encode(float{size}send(v), 'hex') is not distinct from "
            f"encode(float{size}send(%s::text::float{size}), 'hex') from t "
            'where n = %s', text, n), (n, text)


def test_arrays_are_lists(db, duck, export):
    db.execute('''
        create table t as
        select n, i, t, d, a, b, s, f, p::numeric(7,2)[] from (values
        (1, '{1,NULL,-9223372036854775808}'::int8[], '{a,"b \\"c",NULL,"",ü}'::text[],
         '{0.10,NULL}'::numeric[], '{2026-03-01,NULL}'::date[], '{t,f,NULL}'::bool[],
         '{1,2}'::int2[], '{1.5,NULL}'::float4[],
         '{1.5,NULL}'::numeric[]),
        (2, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}'),
        (3, null, null, null, null, null, null, null, null),
        (4, '[5:6]={7,8}', '{"NULL"}', '{1}', '{0044-03-15 BC}', '{t}', '{3}', '{0.1}', '{2}')
        ) as v (n, i, t, d, a, b, s, f, p)''')
    path = export('select * from t order by n')
    assert duck.query(
        f"select n, to_json(i)::varchar, to_json(t)::varchar, i is null, "
        f"d::varchar, a::varchar, b::varchar from '{path}' order by n") == [
        (1, '[1,null,-9223372036854775808]', '["a","b \\"c",null,"","ü"]', False,
         '[0.10000000000000000000, NULL]', '[2026-03-01, NULL]',
         '[true, false, NULL]'),
        (2, '[]', '[]', False, '[]', '[]', '[]'),
        (3, None, None, True, None, None, None),
        (4, '[7,8]', '["NULL"]', False, '[1.00000000000000000000]',
         "['0044-03-15 (BC)']", '[true]')]
    assert {name: kind for name, kind in duck.query(
        f"select column_name, column_type from (describe from '{path}')")} == {
        'n': 'INTEGER', 'i': 'BIGINT[]', 't': 'VARCHAR[]',
        'd': 'DECIMAL(38,20)[]', 'a': 'DATE[]', 'b': 'BOOLEAN[]',
        's': 'SMALLINT[]', 'f': 'FLOAT[]', 'p': 'DECIMAL(7,2)[]'}


def test_many_lists_in_many_pages(db, duck, export):
    sql = '''
        select i, case when i % 7 > 0 then array(
            select case when j % 5 > 0 then j * i end
            from generate_series(1, i % 40) j) end as a
        from generate_series(1, 20000) i'''
    path = export(sql)
    assert duck.query(
        'select count(*)::int, count(a)::int, sum(len(a))::int, '
        f"sum(list_count(a))::int, sum(list_sum(a))::varchar from '{path}'"
    ) == here(db, f'''
        select count(*), count(a), sum(cardinality(a))::int,
            sum((select count(x) from unnest(a) x))::int,
            sum((select sum(x) from unnest(a) x))::text
        from ({sql}) v''')
    assert duck.value(f'''
        select count(*)::int from '{path}' where a is distinct from
            case when i % 7 > 0 then list_transform(generate_series(1, i % 40),
            lambda j: case when j % 5 > 0 then j * i end) end''') == 0


# ---- what it cannot hold ----

@pytest.mark.parametrize('value, named', [
    ("date 'infinity'", 'date infinity'),
    ("timestamp '-infinity'", 'timestamp -infinity'),
    ("timestamptz 'infinity'", 'timestamp with time zone infinity'),
    ("timestamp '294276-12-31 23:59:59.999999'",
     'timestamp 294276-12-31 23:59:59.999999'),
    ("time '24:00'", 'time 24:00:00'),
    ("numeric 'NaN'", 'NaN'),
    ("'Infinity'::numeric", 'Infinity'),
    ('1e18::numeric', '1000000000000000000'),
    ('1e-21::numeric', '0.000000000000000000001'),
    ("'{2026-01-01,infinity}'::date[]", 'date infinity'),
])
def test_values_that_parquet_lacks(duck, export, refusal, value, named):
    said = refusal(f'select {value} as odd')
    assert f'column "odd": {named} does not ' in said
    assert 'out_of_range' in said
    path = export(f'select 1 as n, {value} as odd', out_of_range='null')
    found = duck.value(f"select odd::varchar from '{path}'")
    assert found == ('[2026-01-01, NULL]' if '[]' in value else None)


def test_refusals_say_what_to_write(refusal):
    assert 'two columns are named "?column?"' in refusal('select 1, 2')
    assert 'more than one dimension; cast the column to text' in refusal(
        "select '{{1,2},{3,4}}'::int[] as a")
    assert '"decimal" must be "text", "double" or "PRECISION,SCALE"' in refusal(
        'select 1.5::numeric as a', decimal='40,2')
    assert 'zstd, snappy, none' in refusal(
        'select 1 as a', codec='lzo').replace('|', ', ')


def test_numeric_without_precision(duck, export):
    sql = 'select 1.5::numeric as a, 1/3.0 as b, 2::numeric(9,1) as c'
    for option, expected in [
            ('38,20', ('DECIMAL(38,20)', '1.50000000000000000000', '2.0')),
            ('text', ('VARCHAR', '1.5', '2.0')),
            ('double', ('DOUBLE', '1.5', '2.0'))]:
        path = export(sql, decimal=option)
        assert duck.row('select typeof(a), a::varchar, c::varchar '
                        f"from '{path}'") == expected
    path = export('select 12.34::numeric as a', decimal='6,3')
    assert duck.row("select typeof(a), a::varchar "
                    f"from '{path}'") == ('DECIMAL(6,3)', '12.340')
    # More digits than readers take are as without precision.
    path = export('select 12.34::numeric(50,2) as a', decimal='text')
    assert duck.row(f"select typeof(a), a from '{path}'") == ('VARCHAR', '12.34')


def test_the_file_says_of_itself(duck, export):
    path = export("select timestamptz '2026-07-01 12:00:00Z' as t",
                  zone='Asia/Kolkata', title='Ünits sold')
    found = dict(duck.query(
        f"select decode(key), decode(value) from parquet_kv_metadata('{path}')"))
    assert found['reportd.title'] == 'Ünits sold'
    assert found['reportd.time_zone'] == 'Asia/Kolkata'
    assert duck.value(f"select epoch_us(t)::varchar from '{path}'") == str(
        1782907200 * 1000000)
    assert parquet.footer(path.read_bytes())[6].startswith(b'reportd version ')


def test_no_rows_are_a_file_with_columns(duck, export):
    path = export('select 1 as a, now() as b where false')
    assert duck.query(f"select column_name, column_type from "
                      f"(describe from '{path}')") == [
        ('a', 'INTEGER'), ('b', 'TIMESTAMP WITH TIME ZONE')]
    assert duck.query(f"from '{path}'") == []


# ---- pages, row groups, statistics ----

MANY = '''
select i::int4 as i, (i::int8 * 7919 % 500)::int2 as few,
	case when i % 3 > 0 then md5(i::text) end as hash,
	case when i > 100000 then 'x' || i % 10 end as late,
	(i / 7.0)::numeric(12,3) as d, -i * 0.37::float8 as f,
	repeat(md5((i % 50000)::text), 1 + i % 3) as long,
	i % 4 = 0 as b, sha512(i::text::bytea) as raw
from generate_series(1, 300000) i
'''


@pytest.fixture(params=['zstd', 'snappy', 'none'])
def many(export, request):
    return export(MANY, codec=request.param)


def test_every_page_has_its_checksum(many):
    data = many.read_bytes()
    kinds = collections.Counter(
        (number, header[1]) for number, header, _ in parquet.pages(data))
    meta = parquet.footer(data)
    assert len(meta[4]) > 1 and meta[3] == 300000
    assert sum(group[3] for group in meta[4]) == 300000
    # A dictionary for few values, plain pages for all different ones.
    assert kinds[1, 2] == len(meta[4]) and kinds[0, 2] == 0
    for group in meta[4]:
        assert group[6] == sum(chunk[3][7] for chunk in group[1])
        assert group[2] == sum(chunk[3][6] for chunk in group[1])
        assert group[6] < 20 << 20


def test_row_groups_come_back(db, duck, many):
    total = ("count(*)::int, count(hash)::int, count(late)::int, "
             "sum(i)::bigint::{0}, sum(few)::int, sum(d)::{0}, "
             "sum(length(hash))::int, sum(length(long))::int, "
             "(count(*) filter (where b))::int, min(late), max(late), "
             "sum(octet_length(raw))::int, min({1})")
    assert duck.query(f"select {total.format('varchar', 'sha256(raw)')} from '{many}'") == here(
        db, 'select {} from ({}) v'.format(
            total.format('text', "encode(sha256(raw), 'hex')"), MANY))
    assert duck.value(f'''
        select count(*)::int from '{many}' where
            hash is distinct from case when i % 3 > 0 then md5(i::varchar) end
            or late is distinct from case when i > 100000 then 'x' || i % 10 end
            or long <> repeat(md5((i % 50000)::varchar), 1 + i % 3)
            or few <> i * 7919::bigint % 500 or b <> (i % 4 = 0)''') == 0


def test_statistics_lead_to_the_right_rows(db, duck, many):
    groups = duck.query(
        'select row_group_id, stats_min_value::int, stats_max_value::int, '
        f"row_group_num_rows::int from parquet_metadata('{many}') "
        "where path_in_schema = 'i' order by row_group_id")
    at = 1
    for _, least, greatest, rows in groups:
        assert (least, greatest) == (at, at + rows - 1)
        at += rows
    db.execute(f'create table t as {MANY}')
    edges = [edge for group in groups for edge in group[1:3]]
    for edge in [0, *edges, 300001]:
        for where in (f'i = {edge}', f'i > {edge} and i < {edge} + 3',
                      f'f = {-edge * 0.37!r}::float8', f'd = {edge // 7}',
                      f"hash = md5('{edge}')", f"hash > md5('{edge}')",
                      f"long = repeat(md5('{edge % 50000}'), 1 + {edge} % 3)"):
            assert duck.query(
                f"select count(*)::int from '{many}' where {where}"
            ) == here(db, f'select count(*) from t where {where}'), where


def test_null_counts(db, duck, many):
    for column in 'hash', 'late', 'i':
        assert duck.query(
            'select sum(stats_null_count)::int from '
            f"parquet_metadata('{many}') where path_in_schema = '{column}'"
        ) == here(db, f'select count(*) - count({column}) from ({MANY}) v')


def test_nan_leaves_no_bounds(duck, export):
    """Some order NaN above all numbers, so a bound would hide it."""
    path = export("select v from unnest('{1,NaN,2}'::float8[]) v")
    assert duck.value(f"select count(*)::int from '{path}' where v > 5") == 1
    stats = parquet.footer(path.read_bytes())[4][0][1][0][3][12]
    assert 5 not in stats and 6 not in stats and stats[9] == 1
    path = export("select v from unnest('{0,1}'::float8[]) v")
    stats = parquet.footer(path.read_bytes())[4][0][1][0][3][12]
    assert stats[6] == b'\0' * 7 + b'\x80' and stats[9] == 0


def test_a_huge_value_among_small_ones(duck, export):
    path = export("select i, case when i = 5000 then repeat('ü', 10000000) "
                  "else 'small' end as t from generate_series(1, 10000) i")
    assert duck.row(f"select count(*)::int, max(length(t))::int, "
                    f"count(distinct t)::int from '{path}'") == (
        10000, 10000000, 2)
    for _, header, _ in parquet.pages(path.read_bytes()):
        assert header[2] < 21 << 20


def test_many_columns(duck, export):
    """Their row groups make a large footer, which is not kept in memory."""
    path = export('select i, ' + ', '.join(
        f'repeat(md5({n} || i::text), 3) as c{n}' for n in range(1500))
        + ' from generate_series(1, 500) i', codec='none')
    data = path.read_bytes()
    groups = parquet.footer(data)[4]
    assert len(groups) > 3 and sum(group[3] for group in groups) == 500
    assert struct.unpack('<I', data[-8:-4])[0] > 1 << 20
    assert sum(1 for _ in parquet.pages(data)) >= 1501 * len(groups)
    assert duck.row(
        'select count(*)::int, sum(i)::int, '
        "(count(*) filter (where c1499 = repeat(md5('1499' || i), 3)))::int "
        f"from '{path}'") == (500, 125250, 500)


# ---- random tables ----

RANDOM = {
    'int2': lambda r: r.randint(-2**15, 2**15 - 1),
    'int4': lambda r: r.choice([r.randint(-2**31, 2**31 - 1), r.randint(0, 9)]),
    'int8': lambda r: r.randint(-2**63, 2**63 - 1) >> r.randint(0, 63),
    'numeric(7,3)': lambda r: f'{r.randint(-9999999, 9999999) / 1000:.3f}',
    'numeric(25,5)': lambda r: f'{r.randint(-10**19, 10**19)}.{r.randint(0, 99999):05}',
    'float8': lambda r: repr(r.choice([r.gauss(0, 1e9), r.random(), r.randint(-9, 9) / 4])),
    'bool': lambda r: r.choice('tf'),
    'text': lambda r: ''.join(
        r.choice('ab\\"\' \nüд東🎉{},') for _ in range(r.choice([0, 3, 30]))),
    'date': lambda r: f'{r.randint(1, 9999):04}-{r.randint(1, 12):02}-{r.randint(1, 28):02}',
    'timestamp': lambda r: f'{r.randint(1, 9999):04}-{r.randint(1, 12):02}-'
                           f'{r.randint(1, 28):02} {r.randint(0, 23):02}:00:'
                           f'{r.randint(0, 59):02}.{r.randint(0, 999999):06}',
    'uuid': lambda r: f'{r.getrandbits(128):032x}',
    'bytea': lambda r: '\\x' + r.randbytes(r.randint(0, 40)).hex(),
}
# The same text on both sides.
TEXT_HERE = {'float8': "encode(float8send({}), 'hex')", 'bytea': "encode({}, 'hex')",
             'timestamp': '(extract(epoch from {}) * 1000000)::bigint::text'}
TEXT_THERE = {'bytea': 'lower(hex({}))', 'timestamp': 'epoch_us({})::varchar'}


@pytest.mark.parametrize('seed', range(12))
def test_random_tables_come_back(db, duck, export, seed):
    r = random.Random(seed)
    types = [r.choice(list(RANDOM)) for _ in range(r.randint(1, 9))]
    rows = r.choice([1, 7, 300, 3000])
    db.execute('create table t (n int, {})'.format(
        ', '.join(f'c{i} {name}' for i, name in enumerate(types))))
    holes = [r.choice([0, 0.1, 0.9, 1]) for _ in types]
    pools = [[RANDOM[name](r) for _ in range(r.choice([1, 3, rows]))]
             for name in types]
    with db.conn.cursor() as cursor, cursor.copy('copy t from stdin') as copy:
        for n in range(rows):
            copy.write_row([n, *(None if r.random() < hole else r.choice(pool)
                                 for hole, pool in zip(holes, pools))])
    path = export('select * from t order by n',
                  codec=r.choice(['zstd', 'snappy', 'none']))

    def columns(texts, plain):
        return ', '.join(texts.get(name, plain).replace('{}', f'c{i}')
                         for i, name in enumerate(types))
    ours = here(db, f'select {columns(TEXT_HERE, "{}::text")} from t order by n')
    theirs = duck.query(f'select {columns(TEXT_THERE, "{}::varchar")} '
                       f"from '{path}' order by n")
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs):
        for name, one, two in zip(types, mine, other):
            if name == 'float8' and two is not None:
                two = struct.pack('>d', float(two)).hex()
            assert one == two, name
