# SPDX-License-Identifier: MIT
"""Bytes of an export: as psql's \\copy, over COPY and over typed rows."""

import hashlib

import pytest

from lib import process, report
from lib.redshift import Typed
from lib.wait import wait_for
from test_engine_shared import (done, ended, engine, failure, file_of, files,  # noqa: F401
                                output, running_engine)

BOTH = pytest.mark.parametrize('source', ['default', 'typed'])

# Types without input: they only occur in the server's own catalogues.
NO_INPUT = {'pg_node_tree', 'pg_ndistinct', 'pg_dependencies', 'pg_mcv_list',
            'pg_brin_bloom_summary', 'pg_brin_minmax_multi_summary'}

TEXTS = ['', ' ', 'plain', 'a,b', 'a;b', 'a\tb', 'say "hi"', "it's", 'two\nlines',
         'cr\rhere', 'crlf\r\n', '\\', '\\.', '\\N', 'NULL', '"', '""', '-1', '=1+1',
         'Grüße, Øre, 東京, 🎉, e\u0301, \u200b, \u202e', '\x01\x1f\x7f', 'x' * 3000]

SAMPLES = {
    'bool': ['t', 'f'],
    'bytea': ['', r'\x00', r'\xdeadbeef', r'\x22270a0d2c'],
    'char': ['', 'a', ',', '"'],
    'name': ['', 'a name', 'n,"'],
    'int8': ['0', '-9223372036854775808', '9223372036854775807'],
    'int2': ['0', '-32768', '32767'],
    'int4': ['0', '-2147483648', '2147483647'],
    'int2vector': ['', '1 2 -3'],
    'oidvector': ['', '1 2 4294967295'],
    'regproc': ['now', '0'],
    'text': TEXTS,
    'oid': ['0', '4294967295'],
    'tid': ['(0,0)', '(4294967295,65535)'],
    'xid': ['0', '4294967295'],
    'cid': ['0', '4294967295'],
    'json': ['null', '{}', '{"a": [1, "x,\\"y\\""], "a": 2}', '"\\u00fc\\n"'],
    'xml': ['', '<a b="c">d, e</a>', '<é/>'],
    'xid8': ['0', '18446744073709551615'],
    'point': ['(0,0)', '(-1.5,Infinity)'],
    'lseg': ['[(0,0),(1,1)]'],
    'path': ['((0,0),(1,1))', '[(0,0),(1,1)]'],
    'box': ['(1,1),(0,0)'],
    'polygon': ['((0,0),(1,1),(2,0))'],
    'line': ['{1,-1,0}'],
    'float4': ['0', '-0', 'NaN', 'Infinity', '-Infinity', '3.4028235e38',
               '1e-45', '0.1', '16777216'],
    'float8': ['0', '-0', 'NaN', 'Infinity', '-Infinity', '1.7976931348623157e308',
               '5e-324', '0.1', '123456789012345680'],
    'circle': ['<(0,0),1.5>'],
    'money': ['0', '-92233720368547758.08', '92233720368547758.07', '1234.5'],
    'macaddr': ['08:00:2b:01:02:03'],
    'inet': ['0.0.0.0/0', '192.168.0.1', '192.168.0.1/24', '::1', '2001:db8::/32'],
    'cidr': ['0.0.0.0/0', '10.0.0.0/8', '2001:db8::/32'],
    'macaddr8': ['08:00:2b:01:02:03:04:05'],
    'aclitem': ['=r/{user}'],
    'bpchar': ['', 'a  ', 'ä,b'],
    'varchar': TEXTS[:8],
    'date': ['-infinity', 'infinity', '4713-01-01 BC', '5874897-12-31', '2024-02-29'],
    'time': ['00:00', '24:00', '12:34:56.789012'],
    'timestamp': ['-infinity', 'infinity', '4713-01-01 00:00 BC',
                  '294276-12-31 23:59:59.999999', '2024-02-29 12:00:00.1'],
    'timestamptz': ['-infinity', 'infinity', '0044-03-15 12:00+00 BC',
                    '294276-12-31 23:59:59.999999+00', '2024-03-31 01:00+00'],
    'interval': ['0', '-178000000 years', '178000000 years', '1 mon -1 day 00:00:00.000001',
                 '1 year 2 mons 3 days -04:05:06.7'],
    'timetz': ['00:00+15:59', '24:00-15:59', '12:34:56.789+05:30'],
    'bit': ['0', '1'],
    'varbit': ['', '1', '10110111000111'],
    'numeric': ['0', '0.00', 'NaN', 'Infinity', '-Infinity', '1e-200',
                '-' + '9' * 300 + '.' + '1' * 100, '1' + '0' * 1000],
    'refcursor': ['', 'c,1'],
    'regprocedure': ['now()', '0'],
    'regoper': ['0', '||/'],
    'regoperator': ['+(integer,integer)', '0'],
    'regclass': ['pg_class', '0'],
    'regcollation': ['"C"', '0'],
    'regconfig': ['simple', '0'],
    'regdictionary': ['simple', '0'],
    'regtype': ['integer[]', '0'],
    'regrole': ['0', 'pg_monitor'],
    'regnamespace': ['pg_catalog', '0'],
    'uuid': ['00000000-0000-0000-0000-000000000000',
             'FFFFFFFF-ffff-ffff-ffff-ffffffffffff'],
    'pg_lsn': ['0/0', 'FFFFFFFF/FFFFFFFF'],
    'tsvector': ['', "'a,b':1A 'c''d':2,3"],
    'tsquery': ["'a' & !'b,c' | 'd':*"],
    'jsonb': ['null', '{"b": 1.50, "a": ["\\u00fc", null]}', '"a,b"'],
    'jsonpath': ['$."a,b"[*] ? (@ > 1)'],
    'txid_snapshot': ['10:20:10,14'],
    'pg_snapshot': ['10:20:10,14'],
    'int4range': ['empty', '[1,5)', '(,)', '[7,)'],
    'numrange': ['empty', '(1.5,2.50]', '(,)'],
    'tsrange': ['empty', '[2024-01-01,infinity)'],
    'tstzrange': ['empty', '["2024-03-31 01:00+00",)'],
    'daterange': ['empty', '[2024-01-01,2024-12-31)'],
    'int8range': ['empty', '[-9223372036854775808,0)'],
    'int4multirange': ['{}', '{[1,3),[5,9)}'],
    'nummultirange': ['{}', '{[1.5,2.5]}'],
    'tsmultirange': ['{}', '{[2024-01-01,2024-01-02)}'],
    'tstzmultirange': ['{}', '{[2024-01-01,2024-01-02)}'],
    'datemultirange': ['{}', '{[2024-01-01,2024-01-02),[2025-01-01,)}'],
    'int8multirange': ['{}', '{[1,3)}'],
}

# Types of our own, as a user adds them.
OWN = {
    'own_enum': ['plain', 'with, comma', '=formula', ''],
    'own_composite': ['(1,"a,""b""")', '(,)'],
    'own_domain': ['0', '12'],
    'own_text': TEXTS[:6],
    'own_range': ['empty', '[a,"b,c")'],
}


def quote_ident(name):
    return '"' + name.replace('"', '""') + '"'


@pytest.fixture(scope='module')
def every(engine):
    """The table `every`: a column of each type and of its array."""
    db = engine.db
    db.execute('''
        create type own_enum as enum ('plain', 'with, comma', '=formula', '');
        create type own_composite as (a int, "b ""c""" text);
        create domain own_domain as numeric(10, 2) check (value >= 0);
        create domain own_text as text;
        create type own_range as range (subtype = text)''')
    types = [row[0] for row in db.query('''
        select t.typname::text from pg_type t
        where t.typnamespace = 'pg_catalog'::regnamespace
            and t.typtype in ('b', 'r', 'm') and t.typname !~ '^_'
            and t.typname not in ('gtsvector') order by t.oid''')]
    known = SAMPLES.keys() | NO_INPUT
    assert [t for t in types if t not in known] == []
    samples = {t: SAMPLES.get(t, []) for t in types} | OWN
    if db.cluster.version < 140000:
        samples['numeric'] = [value for value in SAMPLES['numeric'] if 'Inf' not in value]
    columns = []
    for name, values in samples.items():
        sql = {'char': '"char"', 'bit': 'bit(1)', 'bpchar': 'bpchar(5)'}.get(
            name, quote_ident(name))
        values = [v.replace('{user}', db.cluster.user) if name == 'aclitem' else v
                  for v in values]
        columns.append((name, sql, values))
        if db.value('select typarray from pg_type where typname = %s', name):
            items = ', '.join(f'({literal(v)})::{sql}' for v in [None, *values])
            columns.append((f'{name}s, "array"', f'{sql}[]', [
                '{}', *([f'array[{items}]'] if name not in NO_INPUT else [])]))
    rows = max(len(values) for _, _, values in columns)
    db.execute('create table every (n int, {})'.format(', '.join(
        f'{quote_ident(name)} {sql}' for name, sql, _ in columns)))
    for i in range(rows):
        db.execute('insert into every values ({}, {})'.format(i, ', '.join(
            cell(values, i, sql) for _, sql, values in columns)))
    # Types that only the server can make a value of.
    db.execute('create statistics every_stat on bool, int4 from every; analyze every')
    db.execute('''
        create table made as select s.stxdndistinct, s.stxddependencies, s.stxdmcv,
            (select adbin from pg_attrdef limit 1) as node
        from pg_statistic_ext_data s''')
    return engine


def literal(value):
    if value is None:
        return 'null'
    return "e'" + value.replace('\\', '\\\\').replace("'", "''") + "'"


def cell(values, i, sql):
    value = values[i] if i < len(values) else None
    if value is not None and value.startswith('array['):
        return f'{value}::{sql}'
    return f'{literal(value)}::{sql}'


def copied(engine, query, options='csv header'):
    """What psql's \\copy writes."""
    path = engine.out.parent / 'copied'
    engine.db.psql('-c', f"\\copy ({query}) to '{path}' with {options}")
    return path.read_bytes()


@BOTH
@pytest.mark.parametrize('table', ['every', 'made'])
def test_every_type_comes_out_as_psql_copies_it(every, source, table):
    query = f'select * from {table}'
    run = done(every.db, export_sql=query, source=source)
    expected = copied(every, query)
    path = file_of(run.output_url)
    assert path.read_bytes() == expected
    assert run.sha256 == hashlib.sha256(expected).hexdigest()
    assert run.byte_count == len(expected)
    assert run.row_count == every.db.value(f'select count(*) from {table}')


@BOTH
def test_single_columns_of_every_type_as_psql_copies_them(every, source):
    """Alone on its line a value has rules of its own."""
    db = every.db
    known = {row[0] for row in db.query(
        "select attname::text from pg_attribute where attrelid = 'every'::regclass")}
    queries = {t: f'select {quote_ident(t)} from every order by n'
               for t in [*SAMPLES, *OWN] if t in known}
    reports = {t: report.submit(db, report_name=t, export_sql=query, source=source)
               for t, query in queries.items()}
    copies = engine_copies(every, queries)
    for t, config_id in reports.items():
        assert file_of(ended(db, config_id).output_url).read_bytes() == copies[t], t


def engine_copies(engine, queries):
    """What psql's \\copy writes for each of them, in one session."""
    directory = engine.out.parent / 'copies'
    directory.mkdir(exist_ok=True)
    engine.db.psql(input=''.join(
        f"\\copy ({query}) to '{directory / name}' with csv header\n"
        for name, query in queries.items()))
    return {name: (directory / name).read_bytes() for name in queries}


@pytest.mark.parametrize('table', ['every', 'made'])
def test_every_type_is_the_same_by_copy_and_by_single_rows(every, table):
    """What our encoder gets: COPY's text format, unescaped, or libpq's rows."""
    rows = {source: output(every.db, export_sql=f'select * from {table}', source=source,
                           output_options={'line_ending': 'crlf'})
            for source in ['default', 'typed']}
    assert rows['default'] == rows['typed']
    assert rows['default'].count(b'\r\n') > every.db.value(
        f'select count(*) from {table}')


@BOTH
def test_many_rows_come_in_order_whatever_their_size(engine, source):
    query = """select n, case n % 3 when 0 then repeat(e'\\\\\t', n % 2000)
        when 1 then 'x' end as t from generate_series(1, 20000) n"""
    run = done(engine.db, export_sql=query, source=source,
               output_options={'line_ending': 'crlf'})
    assert run.row_count == 20000
    assert file_of(run.output_url).read_bytes() == (
        copied(engine, query).replace(b'\n', b'\r\n'))


@BOTH
def test_a_query_that_waits_before_it_starts_can_be_cancelled(engine, source):
    """The server cannot even say its columns while the table is locked."""
    db = engine.db
    db.execute('create table if not exists locked (a int)')
    with db.connect() as conn:
        with conn.transaction():
            conn.execute('lock table locked')
            config_id = report.submit(db, export_sql='select * from locked',
                                      source=source, max_retries=0,
                                      output_options={'line_ending': 'crlf'})
            wait_for(lambda: db.value(
                "select count(*) from pg_locks where not granted and "
                "relation = 'locked'::regclass"), 30, 'the report at the lock')
            db.execute('select reportd.cancel(%s)', config_id)
            assert report.wait_done(db, config_id).status == 'CANCELLED'
            wait_for(lambda: not db.value(
                "select count(*) from pg_locks where not granted and "
                "relation = 'locked'::regclass"), 30, 'the backend to give up')


# The dialect.

# Both paths can make these: the server's COPY and our encoder must agree.
DIALECTS = {
    'semicolon': ({'delimiter': ';'}, "csv header delimiter ';'"),
    'tab': ({'delimiter': '\t'}, "csv header delimiter e'\\t'"),
    'pipe': ({'delimiter': '|'}, "csv header delimiter '|'"),
    'single quote': ({'delimiter': "'"}, "csv header delimiter e'\\''"),
    'backslash': ({'delimiter': '\\'}, "csv header delimiter e'\\\\'"),
    'letter': ({'delimiter': 'a'}, "csv header delimiter 'a'"),
    'no header': ({'header': False}, 'csv'),
    'all quoted': ({'quote': 'all'}, 'csv header force quote *'),
    'minimal quotes': ({'quote': 'minimal'}, 'csv header'),
    'null word': ({'null': 'NULL'}, "csv header null 'NULL'"),
    'null backslash': ({'null': '\\N'}, "csv header null e'\\\\N'"),
    'null one': ({'null': '0'}, "csv header null '0'"),
    'null apostrophe': ({'null': "'"}, "csv header null e'\\''"),
    'null unicode': ({'null': '∅'}, "csv header null '∅'"),
    'all of it': ({'delimiter': ';', 'header': False, 'quote': 'all', 'null': '-'},
                  "csv delimiter ';' null '-' force quote *"),
    'utf-8': ({'encoding': 'utf-8'}, 'csv header'),
    'line_ending lf': ({'line_ending': 'lf'}, 'csv header'),
}


@BOTH
def test_a_dialect_that_copy_knows_is_as_copy_writes_it(every, source):
    db = every.db
    query = 'select * from every order by n'
    reports = {name: report.submit(db, export_sql=query, source=source,
                                   output_options=options)
               for name, (options, _) in DIALECTS.items()}
    for name, (_, copy) in DIALECTS.items():
        path = file_of(ended(db, reports[name]).output_url)
        assert path.read_bytes() == copied(every, query, copy), name


@BOTH
def test_a_byte_order_mark_stands_before_the_rest(every, source):
    query = 'select * from every order by n'
    assert output(every.db, export_sql=query, source=source,
                  output_options={'bom': True}) == (
        b'\xef\xbb\xbf' + copied(every, query))


ENCODED = {
    'LATIN1': 'Grüße ½ × ¿ÿ',
    'latin-1': 'Grüße',
    'LATIN2': 'Příliš žluťoučký kůň',
    'LATIN9': '€ Œ ž',
    'WIN1250': 'žluťoučký „“ €',
    'WIN1251': 'Отчёт № 5',
    'WIN1252': '€ “quotes” – ™ Grüße',
    'Windows-1252': '€',
    'KOI8R': 'Отчёт',
    'ISO_8859_7': 'Αναφορά',
    'SJIS': '売上レポート ﾊﾝｶｸ 表',
    'EUC_JP': '売上レポート ﾊﾝｶｸ',
    'EUC_KR': '매출 보고서',
    'UHC': '매출 보고서 똠방각하',
    'GBK': '销售报告 銷售',
    'GB18030': '销售报告 🎉 é',
    'BIG5': '銷售報告',
}


@BOTH
@pytest.mark.parametrize('encoding', ENCODED)
def test_an_encoding_is_as_the_server_encodes_it(engine, source, encoding):
    text = ENCODED[encoding]
    expected = bytes(engine.db.value('select convert_to(%s, %s)', text, encoding))
    run = done(engine.db, export_sql=f"select '{text}' as a, '\"' as b",
               source=source, output_options={'encoding': encoding})
    got = file_of(run.output_url).read_bytes()
    assert got == b'a,b\n' + expected + b',""""\n'
    assert run.sha256 == hashlib.sha256(got).hexdigest()


@pytest.mark.parametrize('server, encoding, text', [
    ('LATIN1', 'WIN1252', 'Grüße ÿ'), ('LATIN1', 'LATIN9', 'é'),
    ('WIN1251', 'KOI8R', 'Отчёт'), ('WIN1251', 'ISO_8859_5', 'Отчёт'),
    ('LATIN1', 'LATIN1', 'ÿ'), ('LATIN2', 'UTF8', 'kůň')])
def test_a_server_of_another_encoding_is_no_hindrance(cluster, conf, server, encoding, text):
    """It converts its own encoding to few others; ours is in between then."""
    db = cluster.create(encoding=server, lc_collate='C', lc_ctype='C')
    try:
        settings = conf({'source.other': {'conninfo': db.conninfo}})
        done = process.reportctl(settings, 'export', '--source', 'other',
                           '--sql', f"select '{text}' as a", '--option',
                           f'encoding={encoding}', '-o', settings.with_suffix('.csv'))
        assert done.returncode == 0, done.stderr
        codec = {'ISO_8859_5': 'iso8859-5', 'KOI8R': 'koi8-r', 'LATIN9': 'iso8859-15',
                 'WIN1252': 'cp1252'}
        assert settings.with_suffix('.csv').read_bytes() == (
            f'a\n{text}\n'.encode(codec.get(encoding, encoding)))
    finally:
        db.drop()


@BOTH
@pytest.mark.parametrize('encoding, text', [
    ('SJIS', '①②～－∥髙﨑㈱'), ('EUC_JP', '①②～－∥髙﨑㈱')])
def test_characters_of_the_vendors_encodings(engine, source, encoding, text):
    """Numbers in circles, full-width signs: what people there really write. SJIS has
    some twice; these are the ones that Windows writes."""
    expected = bytes.fromhex('87408741816081 7c8161fbfcfab1878a') if encoding == 'SJIS' else bytes(
        engine.db.value('select convert_to(%s, %s)', text, encoding))
    if encoding == 'SJIS':
        assert expected.decode('cp932') == text
    assert output(engine.db, export_sql=f"select '{text}' as a", source=source,
                  output_options={'encoding': encoding}) == b'a\n' + expected + b'\n'


@BOTH
def test_a_character_that_the_encoding_lacks_is_an_error_that_names_it(
        engine, source):
    run = failure(engine.db, source=source, output_options={'encoding': 'LATIN1'},
                  export_sql="select 'price: 5 €'")
    assert run.error_stage == 'export'
    assert 'LATIN1' in run.error_message
    assert 'U+20AC' in run.error_message or '0xe2 0x82 0xac' in run.error_message


MIXED = """
    select 1.5 as "a,b", '1.5'::text as t, -2.25::float8 as f, 3 as i,
        null::text as n, '' as e, 1234.5::numeric(10, 2) as d, true as b,
        date '2024-02-29' as day, array[1.5, 2] as l, 'x;y' as s
    union all
    select 'NaN', 'say "hi"', 'Infinity', -4, 'set', e'two\nlines', -0.05, false,
        null, null, e'cr\rlf\r\n' """


@BOTH
@pytest.mark.parametrize('options, expected', [
    ({'line_ending': 'crlf'},
     b'"a,b",t,f,i,n,e,d,b,day,l,s\r\n'
     b'1.5,1.5,-2.25,3,,"",1234.50,t,2024-02-29,"{1.5,2}",x;y\r\n'
     b'NaN,"say ""hi""",Infinity,-4,set,"two\nlines",-0.05,f,,,"cr\rlf\r\n"\r\n'),
    ({'decimal_comma': True, 'delimiter': ';'},
     b'a,b;t;f;i;n;e;d;b;day;l;s\n'
     b'1,5;1.5;-2,25;3;;"";1234,50;t;2024-02-29;{1.5,2};"x;y"\n'
     b'NaN;"say ""hi""";Infinity;-4;set;"two\nlines";-0,05;f;;;"cr\rlf\r\n"\n'),
    ({'decimal_comma': True, 'delimiter': ';', 'quote': 'all', 'null': '-'},
     b'a,b;t;f;i;n;e;d;b;day;l;s\n'
     b'"1,5";"1.5";"-2,25";"3";-;"";"1234,50";"t";"2024-02-29";"{1.5,2}";"x;y"\n'
     b'"NaN";"say ""hi""";"Infinity";"-4";"set";"two\nlines";"-0,05";"f";-;-;'
     b'"cr\rlf\r\n"\n'),
    ({'quote': 'nonnumeric'},
     b'"a,b",t,f,i,n,e,d,b,day,l,s\n'
     b'1.5,"1.5",-2.25,3,,"",1234.50,"t","2024-02-29","{1.5,2}","x;y"\n'
     b'NaN,"say ""hi""",Infinity,-4,"set","two\nlines",-0.05,"f",,,'
     b'"cr\rlf\r\n"\n'),
    ({'quote': 'nonnumeric', 'bom': True, 'line_ending': 'crlf', 'header': False,
      'delimiter': '\t', 'decimal_comma': True, 'null': 'NULL'},
     b'\xef\xbb\xbf1,5\t"1.5"\t-2,25\t3\tNULL\t""\t1234,50\t"t"\t"2024-02-29"\t'
     b'"{1.5,2}"\t"x;y"\r\n'
     b'NaN\t"say ""hi"""\tInfinity\t-4\t"set"\t"two\nlines"\t-0,05\t"f"\tNULL\t'
     b'NULL\t"cr\rlf\r\n"\r\n'),
], ids=['crlf', 'decimal_comma', 'decimal_comma all', 'nonnumeric', 'everything'])
def test_a_dialect_of_our_own(engine, source, options, expected):
    assert output(engine.db, export_sql=MIXED, source=source,
                  output_options=options) == expected


def test_the_decimal_comma_reaches_every_number(engine):
    """Also one of hundreds of digits."""
    digits = '7' * 300
    got = output(engine.db, output_options={'decimal_comma': True, 'delimiter': ';'},
                 export_sql=f'select {digits}.5 as a, 0.{digits} as b, 1e-300::float8 as c,'
                 '1.5e-300::float8 as d, .5::float4 as e, 1.5::numeric(3,1) as f')
    assert got.decode().splitlines()[1] == (
        f'{digits},5;0,{digits};1e-300;1,5e-300;0,5;1,5')


@BOTH
def test_the_formula_guard_is_for_text_alone(engine, source):
    query = """select * from (values
        ('=1+1', '+x'::varchar, '-1'::char(4), -1.5, '@a'::name, null::text, -1),
        ('@SUM(A1)', e'\tx', e'\rx', -2, 'a=b', '', -2),
        ('a=1', ' =1', '1-1', 3, '-', '-', 3)) v(a, b, c, d, e, f, g)"""
    assert output(engine.db, export_sql=query, source=source,
                  output_options={'formula_guard': True}) == (
        b'a,b,c,d,e,f,g\n'
        b"'=1+1,'+x,'-1  ,-1.5,'@a,,-1\n"
        b"'@SUM(A1),'\tx,\"'\rx\",-2,a=b,\"\",-2\n"
        b"a=1, =1,1-1,3,'-,'-,3\n")


def test_the_formula_guard_covers_domains_over_text(engine):
    engine.db.execute('create domain guarded as text')
    assert output(engine.db, output_options={'formula_guard': True},
                  export_sql="select '=1'::guarded as a") == b"a\n'=1\n"


# Sizes and shapes.

@BOTH
def test_zero_rows_leave_the_header(engine, source):
    run = done(engine.db, export_sql='select 1 as a, 2 as b where false', source=source)
    assert file_of(run.output_url).read_bytes() == b'a,b\n'
    assert run.row_count == 0 and run.byte_count == 4


@BOTH
def test_zero_rows_without_a_header_are_an_empty_file(engine, source):
    run = done(engine.db, export_sql='select 1 as a where false', source=source,
               output_options={'header': False})
    assert file_of(run.output_url).read_bytes() == b''
    assert (run.row_count, run.byte_count) == (0, 0)
    assert run.sha256 == hashlib.sha256(b'').hexdigest()


@BOTH
def test_rows_without_columns(engine, source):
    query = 'select from generate_series(1, 3)'
    run = done(engine.db, export_sql=query, source=source)
    assert file_of(run.output_url).read_bytes() == copied(engine, query)
    assert run.row_count == 3


@BOTH
def test_1600_columns(engine, source):
    columns = ', '.join(f"{i} as c{i}" for i in range(1600))
    query = f'select {columns} from generate_series(1, 3)'
    run = done(engine.db, export_sql=query, source=source)
    line = ','.join(map(str, range(1600)))
    head = ','.join(f'c{i}' for i in range(1600))
    assert file_of(run.output_url).read_text() == f'{head}\n{line}\n{line}\n{line}\n'
    assert run.row_count == 3


@BOTH
def test_a_cell_of_100_mb(engine, source):
    size = 100 << 20
    run = done(engine.db, source=source, within=60,
               export_sql=f"select 1 as a, repeat('x', {size}) as b, '\"' as c")
    path = file_of(run.output_url)
    assert run.byte_count == path.stat().st_size == size + 6 + 2 + 5 + 1
    with path.open('rb') as f:
        assert f.read(12) == b'a,b,c\n1,xxxx'
        f.seek(-8, 2)
        assert f.read() == b'xx,""""\n'
    path.unlink()


@BOTH
def test_many_rows(engine, source):
    query = "select i, repeat(md5(i::text), 3) as t from generate_series(1, 200000) i"
    run = done(engine.db, export_sql=query, source=source)
    expected = copied(engine, query)
    assert run.row_count == 200000
    assert run.sha256 == hashlib.sha256(expected).hexdigest()


@BOTH
def test_headers_are_quoted_where_needed(engine, source):
    names = ['a,b', 'say "hi"', 'two\nlines', ' ', 'ünï', 'a', 'a', '\\.', "it's"]
    query = 'select ' + ', '.join(f'1 as {quote_ident(name)}' for name in names)
    assert output(engine.db, export_sql=query, source=source) == (
        b'"a,b","say ""hi""","two\nlines", ,\xc3\xbcn\xc3\xaf,a,a,\\.,it\'s\n'
        b'1,1,1,1,1,1,1,1,1\n')


# Queries.

@BOTH
@pytest.mark.parametrize('query, expected', [
    ('show timezone', b'TimeZone\nUTC\n'),
    ('values (1, null), (2, $$a$$)', b'column1,column2\n1,\n2,a\n'),
    ('(select 1 as a)', b'a\n1\n'),
    ('select 1 as a;', b'a\n1\n'),
    ('select 1 as a; -- the end', b'a\n1\n'),
    ('select 1 as a -- no line break behind', b'a\n1\n'),
    ('/* what /* it */ is */ select 1 as a', b'a\n1\n'),
    ("select ';' as a", b'a\n;\n'),
    ('with x as (select 1 as a) select * from x', b'a\n1\n'),
    ('WITH x AS MATERIALIZED (SELECT 1 AS a) TABLE x', b'a\n1\n'),
    ('  \n\t select 1 as a \n ', b'a\n1\n'),
], ids=lambda v: v.split()[0] if isinstance(v, str) else '')
def test_what_an_export_may_be(engine, source, query, expected):
    assert output(engine.db, export_sql=query, source=source) == expected


@BOTH
def test_explain_can_be_exported(engine, source):
    lines = output(engine.db, source=source,
                   export_sql='explain (costs off) select 1').decode().splitlines()
    assert lines == ['QUERY PLAN', 'Result']


@BOTH
@pytest.mark.parametrize('query, says', [
    ('select 1) to stdout --', 'syntax error'),
    ('select 1; drop table victim', 'read-only'),
    ('select 1) to stdout; drop table victim; --', 'syntax error'),
    ("select 1) to program 'touch /tmp/reportd-was-here' --", None),
    ('insert into victim values (2) returning a', 'read-only'),
    ('update victim set a = 3 returning a', 'read-only'),
    ('delete from victim returning a', 'read-only'),
    ('with gone as (delete from victim returning a) select * from gone', 'read-only'),
    ('create table more as select 1 as a', None),
    ('select nextval($$counter$$)', 'read-only'),
    ('select * into more from victim', None),
    ('copy victim to stdout', 'query'),
    ('set work_mem = 64', 'no rows'),
    ('drop table victim', 'read-only'),
    ('commit; drop table victim', 'no rows'),
    ('select 1; commit; drop table victim', 'no rows'),
    ('commit', None),
    ('set transaction read write', None),
    ('selec 1', 'syntax error'),
], ids=lambda v: v[:24] if isinstance(v, str) else '')
def test_what_an_export_may_not_be(engine, victim, source, query, says):
    run = failure(engine.db, export_sql=query, source=source, max_retries=3,
                  output_path='{report_name}_{part}.csv')
    assert run.error_stage == 'export', run
    if says:
        assert says in run.error_message
    assert engine.db.query('select a from victim') == [(1,)]
    assert not engine.db.value("select to_regclass('more')")
    # Another attempt would fail in the same way.
    assert run.attempt == 1


@BOTH
def test_a_statement_cannot_make_way_for_one_that_writes(engine, victim, source):
    run = failure(engine.db, source=source, output_path='{report_name}_{part}.csv',
                  export_sql="select set_config('transaction_read_only', 'off', false); "
                  'delete from victim returning a')
    assert 'read-write mode must be set before any query' in run.error_message
    assert engine.db.query('select a from victim') == [(1,)]


@pytest.fixture
def victim(engine):
    engine.db.execute('drop table if exists victim; create table victim (a int); '
                      'insert into victim values (1); '
                      'drop sequence if exists counter; create sequence counter')


@BOTH
def test_a_query_that_fails_after_half_its_rows_leaves_nothing(engine, source):
    before = files(engine.out)
    run = failure(engine.db, source=source, report_name='half', export_sql="""
        select i, repeat('x', 1000) as x, 1 / (50000 - i) as boom
        from generate_series(1, 100000) i""")
    assert run.status == 'FAILED'
    assert (run.error_stage, run.error_sqlstate) == ('export', '22012')
    assert 'division by zero' in run.error_message
    assert files(engine.out) == before


@BOTH
def test_an_error_names_the_line(engine, source):
    run = failure(engine.db, source=source,
                  export_sql='select 1,\n\t2,\n\tnowhere\nfrom pg_class')
    assert run.error_sqlstate == '42703'
    assert 'nowhere' in run.error_message and 'line 3' in run.error_message


# A database that does not know its encoding.

@pytest.fixture(scope='module')
def ascii_engine(cluster, template, tmp_path_factory):
    other = cluster.create(encoding='SQL_ASCII', lc_collate='C', lc_ctype='C')
    with Typed(cluster) as typed, running_engine(
            cluster, template, tmp_path_factory.mktemp('ascii'), {
                'source.default': {'conninfo': other.conninfo},
                'source.typed': typed.source(other)}) as engine:
        engine.source = other
        yield engine
    other.drop()


@BOTH
def test_sound_text_of_a_sql_ascii_database(ascii_engine, source):
    assert output(ascii_engine.db, source=source,
                  export_sql=r"select E'Gr\xc3\xbc\xc3\x9fe' as a, 'x' as b") == (
        'a,b\nGrüße,x\n'.encode())


@BOTH
def test_broken_text_of_a_sql_ascii_database_is_a_clear_error(ascii_engine, source):
    run = failure(ascii_engine.db, source=source, max_retries=3, export_sql=r"""
        select i, case i when 700 then E'Gr\xfc\xdfe' else 'fine' end as a
        from generate_series(1, 1000) i""")
    assert run.error_sqlstate == '22021'
    # Redshift's own databases are all in UTF-8.
    assert ('row 700, column "a": the text is not UTF-8' if source == 'default'
            else 'invalid byte sequence') in run.error_message
    assert run.attempt == 1
    assert files(ascii_engine.out) == [f for f in files(ascii_engine.out)
                                       if f'_{run.config_id}.' not in f]


@pytest.mark.parametrize('columns', [
    {}, {'output_format': 'JSONL'}, {'output_options': {'encoding': 'LATIN1'}}], ids=str)
def test_the_text_that_is_not_utf8_is_named_with_the_way_to_read_it(ascii_engine, columns):
    query = r"""select i as "no", case i when 7 then %s end as "the text"
        from (select i, case i when 7 then E'Gr\xfc\xdfe' else 'fine' end as a
            from generate_series(1, 9) i) t"""
    error = failure(ascii_engine.db, export_sql=query % 'a', **columns).error_message
    assert 'row 7, column "the text": the text is not UTF-8' in error
    mend = error[error.index('convert_from('):].replace('"the text"', 'a')
    made = output(ascii_engine.db, export_sql=query % mend, **columns)
    assert 'Grüße' in made.decode('latin-1' if 'output_options' in columns else 'utf-8')


@pytest.mark.parametrize('options', [{}, {'formula_guard': True}])
def test_encoding_sql_ascii_passes_bytes_as_they_are(ascii_engine, options):
    assert output(ascii_engine.db, output_options={'encoding': 'SQL_ASCII', **options},
                  export_sql=r"select E'Gr\xfc\xdfe' as a, E'\xff,\xfe' as b") == (
        b'a,b\nGr\xfc\xdfe,"\xff,\xfe"\n')


def test_redshift_has_no_other_text_than_utf8(ascii_engine):
    run = failure(ascii_engine.db, source='typed', output_options={'encoding': 'SQL_ASCII'},
                  export_sql='select 1 as a')
    assert '[source.typed] is of type redshift, which gives text in UTF8 only' in run.error_message


@BOTH
def test_nul_never_gets_in(engine, source):
    run = failure(engine.db, source=source, export_sql="select 'a' || chr(0)")
    assert 'null character' in run.error_message
    assert output(engine.db, source=source,
                  export_sql=r"select '\x61006200'::bytea as b") == b'b\n\\x61006200\n'
