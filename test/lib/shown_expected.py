# SPDX-License-Identifier: MIT
"""A table, written by hand, of how a person sees values in a file, and of what a program
finds in it. No entry was copied from an output.

Each `column` is a type with some of its values; NULL is always among them, and is an
empty cell, JSON's null, Parquet's NULL. In `value(input, seen)`, `input` is given to
PostgreSQL, and `seen` is what a person sees on a page (HTML), on paper (PDF) and in a
spreadsheet (XLSX); by default it is the input. Keywords:

    csv       the text in CSV; by default the input
    json      JSON's text in JSON and JSONL; by default a string with the `csv`
              text, unless the column says otherwise
    parquet   DuckDB's text for the value; by default the `csv` text
    html, pdf, xlsx   where one of these formats shows another text
    libre, sheetjs    where a reader of XLSX shows another text: LibreOffice's
              General shows 15 digits, Excel's (and SheetJS's) 11 characters
    print     the sheet as LibreOffice prints it

Times with a zone are shown in Europe/Berlin, money in the C locale."""

import collections

Column = collections.namedtuple('Column', 'kind values parquet json options without since')
Value = collections.namedtuple('Value', 'input seen forms')

NULL = Value(None, '', {})
# JSON's text is the same as CSV's.
BARE = object()
# Parquet lacks such a value, and `out_of_range` replaces it by NULL.
NONE = object()

SETUP = """
    create extension citext;
    create extension hstore;
    create type mood as enum ('sad', 'so, so', 'it''s "fine"', '007');
    create type pair as (n int, t text);
    create domain positive as int check (value > 0);
    create domain small_positive as positive check (value < 100);
    create domain price as numeric(12,2);
    create domain email as text;
    create domain agreed as bool;
    create domain birthday as date;
    create domain moment as timestamptz;
    create domain feeling as mood;
    create domain numbers as int[];
    create domain document as jsonb;
    create domain span as interval;
    create domain stay as daterange;
    create domain couple as pair;
    create domain fee as money;
"""


def value(input, seen=None, **forms):
    return Value(input, input if seen is None else seen, forms)


def column(kind, *values, parquet='VARCHAR', json=None, options=None, without=(),
           since=0):
    """`options` apply to the column in formats for people, `without` names the formats
    that refuse it by design, `since` is the first server version that has it."""
    values = [one if isinstance(one, Value) else value(one) for one in values]
    return Column(kind, [NULL, *values], parquet, json, options or {}, without,
                  since)


# Texts that people may type and that a format could misread as its own syntax.
LONG = 'All work and no play makes Jack a dull boy. ' * 1000

TYPES = [
    column('bool',
           value('t', 'true', json='true', xlsx='TRUE', parquet='true'),
           value('f', 'false', json='false', xlsx='FALSE', parquet='false'),
           parquet='BOOLEAN'),

    # ---- whole numbers ----
    column('int2', '-32768', '32767', '0', '7', parquet='SMALLINT', json=BARE),
    column('int4', '-2147483648', '2147483647', '0', '42',
           parquet='INTEGER', json=BARE),
    # Excel has 15 digits: a longer number is text, with all its digits.
    column('int8', '-9223372036854775808', '9223372036854775807', '0',
           '999999999999999', '1000000000000000', '9007199254740993',
           parquet='BIGINT', json=BARE),
    column('oid', '0', '4294967295', parquet='BIGINT', json=BARE),
    column('positive', '1', '2147483647', parquet='INTEGER', json=BARE),
    column('small_positive', '1', '99', parquet='INTEGER', json=BARE),

    # ---- fractions ----
    column('float4', '0.1', '1.5', value('-0', parquet='-0.0', xlsx='0'),
           value('16777216', '1.6777216e+07', xlsx='16777216',
                 csv='1.6777216e+07', parquet='16777216.0'),
           value('3.4028235e+38', libre='3.4028235E+38', sheetjs='3.40282E+38'),
           value('1e-45', xlsx='1E-45'),
           value('NaN', json='"NaN"', parquet='nan'),
           value('Infinity', json='"Infinity"', parquet='inf'),
           value('-Infinity', json='"-Infinity"', parquet='-inf'),
           parquet='FLOAT', json=BARE),
    column('float8', '0.1', '1234.5678',
           value('0', parquet='0.0'),
           value('-0', parquet='-0.0', xlsx='0'),
           value('0.30000000000000004', xlsx='0.3'),
           value('1e+20', xlsx='1E+20'),
           value('123456789012345680', '1.2345678901234568e+17',
                 csv='1.2345678901234568e+17', libre='1.23456789012346E+17',
                 sheetjs='1.23457E+17', print='1.2345679E+17'),
           value('1.7976931348623157e+308', libre='1.7976931348623157E+308',
                 sheetjs='1.79769E+308', print='1.797693E+308'),
           value('5e-324'),
           value('NaN', json='"NaN"', parquet='nan'),
           value('Infinity', json='"Infinity"', parquet='inf'),
           value('-Infinity', json='"-Infinity"', parquet='-inf'),
           parquet='DOUBLE', json=BARE),
    # Each value keeps its number of decimal places.
    column('numeric',
           value('0', parquet='0.00000000000000000000'),
           value('1.50', parquet='1.50000000000000000000'),
           value('847.93', parquet='847.93000000000000000000'),
           value('-0.05', parquet='-0.05000000000000000000'),
           value('1200', parquet='1200.00000000000000000000'),
           value('1234567890123.45', parquet='1234567890123.45000000000000000000'),
           # As many places as Excel has digits, so that no cell looks exact without being
           # so.
           value('0.33333333333333333333', xlsx='0.333333333333333'),
           value('12345678901234567890', parquet=NONE),
           # Zeros that come from a division and that nobody typed.
           value('847.9300000000000000', '847.93', csv='847.9300000000000000',
                 parquet='847.93000000000000000000'),
           value('-2500.0000000000000000', '-2500', csv='-2500.0000000000000000',
                 parquet='-2500.00000000000000000000'),
           value('0.00000000000000000000', '0', csv='0.00000000000000000000',
                 parquet='0.00000000000000000000'),
           value('0.00001234500000000000', '0.000012345', csv='0.00001234500000000000',
                 parquet='0.00001234500000000000'),
           # Too many digits in any case: all are kept.
           value('852.0167146212566060', xlsx='852.016714621257',
                 parquet='852.01671462125660600000'),
           value('123456789.250000', parquet='123456789.25000000000000000000'),
           value('NaN', json='"NaN"', parquet=NONE),
           value('Infinity', json='"Infinity"', parquet=NONE),
           value('-Infinity', json='"-Infinity"', parquet=NONE),
           parquet='DECIMAL(38,20)', json=BARE),
    column('numeric(12,2)', '847.93', '-0.01', '0.00', '9999999999.99',
           '-9999999999.99', '1234567.50',
           value('NaN', json='"NaN"', parquet=NONE),
           parquet='DECIMAL(12,2)', json=BARE),
    column('numeric(5,0)', '99999', '-1', '0', parquet='DECIMAL(5,0)', json=BARE),
    # DuckDB omits the zero before the point of a number whose scale is its precision.
    column('numeric(3,5)', value('0.00123', parquet='.00123'),
           value('-0.00999', parquet='-.00999'),
           parquet='DECIMAL(5,5)', json=BARE, since=15),
    column('numeric(5,-2)', value('1234567', '1234600', csv='1234600'), '-100',
           parquet='DECIMAL(7,0)', json=BARE, since=15),
    column('price', '847.93', '0.10', parquet='DECIMAL(12,2)', json=BARE),
    column('money', '$0.00', '$1,234.50', '-$0.99', '$847.93',
           '$92,233,720,368,547,758.07', '-$92,233,720,368,547,758.08'),

    column('fee', '$1,234.50'),

    # ---- texts ----
    column('text', '', ' ', ' a ', 'plain', 'NULL', 'null', '007', '1e5', '1/2',
           '2026-03-01', 'TRUE', '=1+1', '+1', '-1', '@x', "'quoted", '"quoted"',
           '#N/A', '50%', '$5', 'a,b;c', 'back\\slash', '\\N', '\\.',
           '<b>&amp;</b>', '<script>1</script>', ']]>', '_x0041_', '__',
           'https://example.com/?a=1&b=2', 'Grüße aus Øre', 'e\u0301',
           'שלום', 'مرحبا', 'abc שלום 123', 'नमस्ते', '東京', '한국',
           'party 🎉', 'a\u00a0b'),
    column('text',
           value('two\nlines'), value('three\n\nlines'),
           value('crlf\r\nend', 'crlf\nend', sheetjs='crlf\r\nend'),
           # The line break of an old Mac.
           value('cr\rend', 'cr\nend', xlsx='cr\rend'),
           value('tab\tend'), value('\nfirst'), value('last\n')),
    column('text',
           # A person sees nothing, or a replacement mark.
           value('bell\x07end'), value('page\x0cend'), value('vt\x0bend'),
           value('\x01\x02\x1f'), value('del\x7fend'), value('nel\x85end'),
           value('SKU_x0041\x01rest'), value('nonchar\ufffeend\uffff'),
           value('zero\u200bwidth'), value('over\u202eride', pdf='overedir', print='overedir'),
           value('line\u2028separator')),
    column('text', value(LONG, xlsx=LONG[:32767]), 'short', without=('print',)),
    column('varchar(5)', '', 'x', '🎉🎉🎉🎉🎉'),
    # Padded with spaces, as PostgreSQL prints it.
    column('char(5)', value('a', 'a    ', csv='a    '), 'abcde'),
    column('name', 'pg_class', 'a b'),
    column('"char"', 'x', '7'),
    column('citext', 'MiXed', '007', '=1+1', ''),
    column('mood', 'sad', 'so, so', 'it\'s "fine"', '007'),
    column('email', 'a@example.com', '@x', ''),
    column('feeling', 'sad', '007'),
    column('agreed',
           value('t', 'true', json='true', xlsx='TRUE', parquet='true'),
           value('f', 'false', json='false', xlsx='FALSE', parquet='false'),
           parquet='BOOLEAN'),
    column('uuid', '00000000-0000-0000-0000-000000000000',
           'ffffffff-ffff-ffff-ffff-ffffffffffff', parquet='UUID'),
    column('bytea',
           value('\\x', json='""', parquet=''),
           value('\\x00ff', json='"AP8="', parquet='\\x00\\xFF'),
           value('\\x616263', json='"YWJj"', parquet='abc'),
           parquet='BLOB'),
    column('bit(3)', '101', '000'),
    column('varbit', '', '1', '0010'),
    column('xml', '<a>b &amp; c</a>', '<a/>'),
    column('tsvector', "'cat':3 'fat':2"),
    column('tsquery', "'fat' & 'rat'"),
    column('hstore', '"a"=>"1", "b"=>NULL', ''),
    column('pair', '(1,"x, y")', '(,)'),
    column('couple', '(1,"x, y")'),

    # ---- dates and times ----
    column('date', '2026-03-01', '1970-01-01', '1900-03-01', '9999-12-31',
           # Dates before Excel's calendar are text.
           '1900-02-28', '1899-12-31', '0001-01-01',
           value('0044-03-15 BC', parquet='0044-03-15 (BC)'),
           '5874897-12-31',
           value('infinity', parquet=NONE), value('-infinity', parquet=NONE),
           parquet='DATE'),
    column('birthday', '2026-03-01', parquet='DATE'),
    # The fraction of a second is cut, not rounded: the day must not end.
    column('time', '00:00:00', '09:30:00',
           value('09:30:00.25', xlsx='09:30:00.250'),
           value('23:59:59.999999', xlsx='23:59:59.999'),
           value('24:00:00', parquet=NONE),
           parquet='TIME'),
    column('timetz',
           value('09:30:00+01', json='"09:30:00+01:00"'),
           value('09:30:00.25-05:30', json='"09:30:00.25-05:30"'),
           # Offsets in JSON have minutes.
           value('00:00:00+15:59:59', json='"00:00:00+15:59:59"')),
    column('timestamp',
           value('2026-03-01 09:30:00', json='"2026-03-01T09:30:00"'),
           value('2026-03-01 09:30:00.123456', json='"2026-03-01T09:30:00.123456"',
                 xlsx='2026-03-01 09:30:00.123'),
           value('1999-12-31 23:59:59.999999', json='"1999-12-31T23:59:59.999999"',
                 xlsx='1999-12-31 23:59:59.999'),
           # SheetJS's calendar ends at the start of that day, Excel's at its end.
           value('9999-12-31 23:59:59', json='"9999-12-31T23:59:59"', sheetjs=''),
           value('1899-12-31 00:00:00', json='"1899-12-31T00:00:00"'),
           value('0044-03-15 12:00:00 BC', json='"0044-03-15 12:00:00 BC"',
                 parquet='0044-03-15 (BC) 12:00:00'),
           value('294276-12-31 23:59:59.999999',
                 json='"294276-12-31 23:59:59.999999"', parquet=NONE),
           value('infinity', parquet=NONE), value('-infinity', parquet=NONE),
           parquet='TIMESTAMP'),
    # People see the time in Berlin; header or footer names the zone once.
    column('timestamptz',
           value('2026-03-01 09:30:00+00', '2026-03-01 10:30:00',
                 csv='2026-03-01 10:30:00+01', json='"2026-03-01T10:30:00+01:00"',
                 parquet='2026-03-01 09:30:00+00'),
           value('2026-07-01 09:30:00.5+00', '2026-07-01 11:30:00.5',
                 xlsx='2026-07-01 11:30:00.500',
                 csv='2026-07-01 11:30:00.5+02', json='"2026-07-01T11:30:00.5+02:00"',
                 parquet='2026-07-01 09:30:00.5+00'),
           value('2026-12-31 23:30:00+00', '2027-01-01 00:30:00',
                 csv='2027-01-01 00:30:00+01', json='"2027-01-01T00:30:00+01:00"',
                 parquet='2026-12-31 23:30:00+00'),
           value('infinity', parquet=NONE), value('-infinity', parquet=NONE),
           parquet='TIMESTAMP WITH TIME ZONE'),
    column('moment',
           value('2026-03-01 09:30:00+00', '2026-03-01 10:30:00',
                 csv='2026-03-01 10:30:00+01', json='"2026-03-01T10:30:00+01:00"',
                 parquet='2026-03-01 09:30:00+00'),
           parquet='TIMESTAMP WITH TIME ZONE'),
    # A spreadsheet adds up an interval as a number of hours. Months have no fixed length,
    # and Excel shows ##### for a negative time: these are text.
    column('interval',
           value('00:00:00', json='"PT0S"'),
           value('04:05:06', json='"PT4H5M6S"'),
           value('04:05:06.789', json='"PT4H5M6.789S"'),
           value('26:30:00', json='"PT26H30M"'),
           value('1 day 02:00:00', json='"P1DT2H"', xlsx='26:00:00'),
           value('3 days', json='"P3D"', xlsx='72:00:00'),
           # LibreOffice shows #FMT from 2^32 seconds on, so longer ones are text.
           value('49709 days 23:59:59.999', json='"P49709DT23H59M59.999S"',
                 xlsx='1193039:59:59.999'),
           value('1193039:59:59', json='"PT1193039H59M59S"'),
           value('49710 days', json='"P49710D"'),
           value('1193040:00:00', json='"PT1193040H"'),
           value('60000 days 01:00:00.5', json='"P60000DT1H0.5S"'),
           value('3000000 days', json='"P3000000D"'),
           value('-00:00:01', json='"PT-1S"'),
           value('-1 days +00:00:01', json='"P-1DT1S"'),
           value('1 mon', json='"P1M"'),
           value('1 year 2 mons 3 days 04:05:06.7', json='"P1Y2M3DT4H5M6.7S"'),
           value('178000000 years', json='"P178000000Y"')),

    column('span', value('1 day 02:00:00', json='"P1DT2H"', xlsx='26:00:00')),

    # ---- the net, places, the server's own ----
    column('inet', '10.0.0.1', '10.0.0.0/8', '::1'),
    column('cidr', '10.0.0.0/8', '::/0'),
    column('macaddr', '08:00:2b:01:02:03'),
    column('macaddr8', '08:00:2b:01:02:03:04:05'),
    column('point', '(1.5,-2)', '(0,0)'),
    column('line', '{1,-1,0}'),
    column('lseg', '[(0,0),(1,1)]'),
    column('box', '(1,1),(0,0)'),
    column('path', '((0,0),(1,1))', '[(0,0),(1,1)]'),
    column('polygon', '((0,0),(1,1),(1,0))'),
    column('circle', '<(0,0),5>'),
    column('regclass', 'pg_class'),
    column('regtype', 'integer', 'mood'),
    column('pg_lsn', '16/B374D848', '0/0'),
    column('xid', '42'),
    column('tid', '(0,1)'),
    column('jsonpath', '$."a"'),
    column('int2vector', '1 2'),

    column('point', value('(Infinity,-Infinity)'), value('(NaN,0)'), '(1e+308,-5e-324)'),
    column('circle', '<(-1e+300,0),Infinity>'),
    column('inet', '255.255.255.255', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/0'),
    column('macaddr', '00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff'),
    column('pg_lsn', 'FFFFFFFF/FFFFFFFF'),
    column('xid8', '18446744073709551615', '0', since=13),
    column('cid', '4294967295'),
    column('oidvector', '1 4294967295'),
    column('refcursor', 'a cursor', '007'),
    column('txid_snapshot', '10:20:10,14,15'),
    column('pg_snapshot', '10:20:10,14,15', since=13),
    column('regproc', 'int4pl', '-'),
    column('regprocedure', 'int4pl(integer,integer)'),
    column('regoperator', '+(integer,integer)'),
    column('regnamespace', 'pg_catalog'),
    column('regrole', '-'),
    column('regcollation', '"C"', since=13),
    column('regconfig', 'simple'),
    column('regdictionary', 'simple'),

    # ---- documents ----
    column('json', 'null', '{"a": 1.50}', '[1, 2]', '"é🎉"', '{}',
           value('{"a":\n 1}', json='{"a": 1}'),
           parquet='JSON', json=BARE),
    column('jsonb', 'null', '{"a": 1.50, "b": [null, "</script>"]}', '""', '7',
           parquet='JSON', json=BARE),
    column('document', '{"a": 1}', parquet='JSON', json=BARE),

    # ---- lists ----
    column('int4[]',
           value('{}', json='[]', parquet='[]'),
           value('{1,NULL,-3}', json='[1, null, -3]', parquet='[1, NULL, -3]'),
           parquet='INTEGER[]'),
    column('numbers', value('{1,2}', json='[1, 2]', parquet='[1, 2]'),
           parquet='INTEGER[]'),
    # Parquet has lists of one dimension only.
    column('int4[][]', value('{{1,2},{3,NULL}}', json='[[1, 2], [3, null]]'),
           value('[2:3]={7,8}', json='[7, 8]'), without=('parquet',)),
    column('mood[][]', value('{{sad,"so, so"},{007,NULL}}',
                             json='[["sad", "so, so"], ["007", null]]'),
           without=('parquet',)),
    column('text[]',
           value('{}', json='[]', parquet='[]'),
           value('{"",NULL,"NULL"," a ","c,d"}', json='["", null, "NULL", " a ", "c,d"]',
                 parquet="['', NULL, 'NULL', ' a ', 'c,d']"),
           value('{a,b}', json='["a", "b"]', parquet='[a, b]'),
           parquet='VARCHAR[]'),
    column('bool[]', value('{t,f,NULL}', json='[true, false, null]',
                           parquet='[true, false, NULL]'), parquet='BOOLEAN[]'),
    column('numeric(12,2)[]', value('{847.93,0.10}', json='[847.93, 0.10]',
                                    parquet='[847.93, 0.10]'),
           parquet='DECIMAL(12,2)[]'),
    column('float8[]', value('{0.5,NaN}', json='[0.5, "NaN"]', parquet='[0.5, nan]'),
           parquet='DOUBLE[]'),
    column('mood[]', value('{sad,"so, so",NULL}', json='["sad", "so, so", null]',
                           parquet="[sad, 'so, so', NULL]"), parquet='VARCHAR[]'),
    column('positive[]', value('{1,NULL}', json='[1, null]', parquet='[1, NULL]'),
           parquet='INTEGER[]'),
    column('price[]', value('{847.93,0.10}', json='[847.93, 0.10]',
                            parquet='[847.93, 0.10]'), parquet='DECIMAL(12,2)[]'),
    column('email[]', value('{a@example.com}', json='["a@example.com"]',
                            parquet='[a@example.com]'), parquet='VARCHAR[]'),
    column('citext[]', value('{MiXed,NULL}', json='["MiXed", null]',
                             parquet='[MiXed, NULL]'), parquet='VARCHAR[]'),
    column('varchar(9)[]', value('{a,b}', json='["a", "b"]', parquet='[a, b]'),
           parquet='VARCHAR[]'),
    column('pair[]', value('{"(1,\\"x, y\\")",NULL}', json='["(1,\\"x, y\\")", null]',
                           parquet='[\'(1,"x, y")\', NULL]'), parquet='VARCHAR[]'),
    column('int4range[]', value('{"[1,5)",empty}', json='["[1,5)", "empty"]',
                                parquet="['[1,5)', empty]"), parquet='VARCHAR[]'),
    column('hstore[]', value('{"\\"a\\"=>\\"1\\""}', json='["\\"a\\"=>\\"1\\""]',
                             parquet='[\'"a"=>"1"\']'), parquet='VARCHAR[]'),
    column('money[]', value('{$1.50,"$1,000.00"}', json='["$1.50", "$1,000.00"]',
                            parquet="[$1.50, '$1,000.00']"), parquet='VARCHAR[]'),
    column('inet[]', value('{10.0.0.1}', json='["10.0.0.1"]', parquet='[10.0.0.1]'),
           parquet='VARCHAR[]'),
    # Boxes are separated by semicolons.
    column('box[]', value('{(1,1),(0,0);(3,3),(2,2)}',
                          json='["(1,1),(0,0)", "(3,3),(2,2)"]',
                          parquet="['(1,1),(0,0)', '(3,3),(2,2)']"),
           parquet='VARCHAR[]'),
    column('date[]', value('{2026-03-01,NULL}', json='["2026-03-01", null]',
                           parquet='[2026-03-01, NULL]'), parquet='DATE[]'),
    column('timestamptz[]',
           value('{"2026-03-01 10:30:00+01"}', json='["2026-03-01T10:30:00+01:00"]',
                 parquet="['2026-03-01 09:30:00+00']"),
           parquet='TIMESTAMP WITH TIME ZONE[]'),
    column('interval[]', value('{01:00:00,"1 day"}', json='["PT1H", "P1D"]',
                               parquet="['01:00:00', 1 day]"), parquet='VARCHAR[]'),
    column('uuid[]', value('{00000000-0000-0000-0000-000000000000}',
                           json='["00000000-0000-0000-0000-000000000000"]',
                           parquet='[00000000-0000-0000-0000-000000000000]'),
           parquet='UUID[]'),
    column('bytea[]', value('{"\\\\x00ff",NULL}', json='["AP8=", null]',
                            parquet='[\\x00\\xFF, NULL]'), parquet='BLOB[]'),
    column('jsonb[]', value('{"{\\"a\\": 1}",NULL}', json='[{"a": 1}, null]',
                            parquet='[{"a": 1}, NULL]'), parquet='JSON[]'),
    column('name[]', value('{a,b}', json='["a", "b"]', parquet='[a, b]'),
           parquet='VARCHAR[]'),
    column('oid[]', value('{1,2}', json='[1, 2]', parquet='[1, 2]'),
           parquet='BIGINT[]'),

    column('int2[]', value('{-32768,32767}', json='[-32768, 32767]',
                           parquet='[-32768, 32767]'), parquet='SMALLINT[]'),
    column('int8[]', value('{-9223372036854775808,NULL}', json='[-9223372036854775808, null]',
                           parquet='[-9223372036854775808, NULL]'), parquet='BIGINT[]'),
    column('float4[]', value('{0.1,-Infinity}', json='[0.1, "-Infinity"]',
                             parquet='[0.1, -inf]'), parquet='FLOAT[]'),
    column('time[]', value('{09:30:00,NULL}', json='["09:30:00", null]',
                           parquet="['09:30:00', NULL]"), parquet='TIME[]'),
    column('timetz[]', value('{09:30:00+01}', json='["09:30:00+01:00"]',
                             parquet="['09:30:00+01']"), parquet='VARCHAR[]'),
    column('timestamp[]', value('{"2026-03-01 09:30:00"}', json='["2026-03-01T09:30:00"]',
                                parquet="['2026-03-01 09:30:00']"), parquet='TIMESTAMP[]'),
    column('char(3)[]', value('{abc}', json='["abc"]', parquet='[abc]'),
           parquet='VARCHAR[]'),
    column('"char"[]', value('{x}', json='["x"]', parquet='[x]'), parquet='VARCHAR[]'),
    column('bit(3)[]', value('{101,NULL}', json='["101", null]', parquet='[101, NULL]'),
           parquet='VARCHAR[]'),
    column('varbit[]', value('{1}', json='["1"]', parquet='[1]'), parquet='VARCHAR[]'),
    column('cidr[]', value('{10.0.0.0/8}', json='["10.0.0.0/8"]', parquet='[10.0.0.0/8]'),
           parquet='VARCHAR[]'),
    column('xml[]', value('{<a/>}', json='["<a/>"]', parquet='[<a/>]'), parquet='VARCHAR[]'),
    column('pg_lsn[]', value('{16/B374D848}', json='["16/B374D848"]',
                             parquet='[16/B374D848]'), parquet='VARCHAR[]'),
    column('regclass[]', value('{pg_class}', json='["pg_class"]', parquet='[pg_class]'),
           parquet='VARCHAR[]'),
    column('json[]', value('{1,NULL}', json='[1, null]', parquet='[1, NULL]'),
           parquet='JSON[]'),

    # Arrays of all other types: lists of their texts.
    *[column(f'{kind}[]', value(f'{{{text},NULL}}', json=f'["{word}", null]',
                                parquet=f'[{listed or word}, NULL]'), parquet='VARCHAR[]', since=since)
      for kind, text, word, listed, since in [
          ('aclitem', 'pg_monitor=r/pg_monitor', 'pg_monitor=r/pg_monitor',
           "'pg_monitor=r/pg_monitor'", 0),
          ('cid', '7', '7', None, 0), ('xid', '7', '7', None, 0), ('xid8', '7', '7', None, 13),
          ('tid', '"(0,1)"', '(0,1)', "'(0,1)'", 0), ('regproc', 'int4pl', 'int4pl', None, 0),
          ('circle', '"<(0,0),5>"', '<(0,0),5>', "'<(0,0),5>'", 0),
          ('line', '"{1,-1,0}"', '{1,-1,0}', "'{1,-1,0}'", 0),
          ('lseg', '"[(0,0),(1,1)]"', '[(0,0),(1,1)]', "'[(0,0),(1,1)]'", 0),
          ('path', '"((0,0),(1,1))"', '((0,0),(1,1))', "'((0,0),(1,1))'", 0),
          ('point', '"(1.5,Infinity)"', '(1.5,Infinity)', "'(1.5,Infinity)'", 0),
          ('polygon', '"((0,0),(1,1))"', '((0,0),(1,1))', "'((0,0),(1,1))'", 0),
          ('macaddr', '08:00:2b:01:02:03', '08:00:2b:01:02:03', "'08:00:2b:01:02:03'", 0),
          ('macaddr8', '08:00:2b:01:02:03:04:05', '08:00:2b:01:02:03:04:05',
           "'08:00:2b:01:02:03:04:05'", 0),
          ('refcursor', 'a', 'a', None, 0), ('regtype', 'integer', 'integer', None, 0),
          ('regrole', 'pg_monitor', 'pg_monitor', None, 0),
          ('regnamespace', 'pg_catalog', 'pg_catalog', None, 0),
          ('regconfig', 'simple', 'simple', None, 0), ('regdictionary', 'simple', 'simple', None, 0),
          ('regoper', '||/', '||/', None, 0), ('jsonpath', '$', '$', None, 0),
          ('regcollation', 'ucs_basic', 'ucs_basic', None, 13),
          ('regprocedure', '"int4pl(integer,integer)"', 'int4pl(integer,integer)',
           "'int4pl(integer,integer)'", 0),
          ('regoperator', '"+(integer,integer)"', '+(integer,integer)', "'+(integer,integer)'", 0),
          ('pg_snapshot', '10:20:10', '10:20:10', "'10:20:10'", 13),
          ('txid_snapshot', '10:20:10', '10:20:10', "'10:20:10'", 0),
          ('int2vector', '"1 2"', '1 2', None, 0), ('oidvector', '"1 2"', '1 2', None, 0),
          ('feeling', 'sad', 'sad', None, 0), ('fee', '$1.50', '$1.50', None, 0),
          ('stay', '"[2026-01-01,2026-02-01)"', '[2026-01-01,2026-02-01)',
           "'[2026-01-01,2026-02-01)'", 0),
          ('int8range', '"[1,5)"', '[1,5)', "'[1,5)'", 0),
          ('numrange', '"[1.50,)"', '[1.50,)', "'[1.50,)'", 0),
          ('daterange', '"[2026-01-01,infinity)"', '[2026-01-01,infinity)',
           "'[2026-01-01,infinity)'", 0),
          ('tsrange', '"(,)"', '(,)', "'(,)'", 0), ('tstzrange', 'empty', 'empty', None, 0),
          ('int4multirange', '"{[1,3)}"', '{[1,3)}', "'{[1,3)}'", 14),
          ('int8multirange', '"{[1,3)}"', '{[1,3)}', "'{[1,3)}'", 14),
          ('nummultirange', '"{[1,3)}"', '{[1,3)}', "'{[1,3)}'", 14),
          ('datemultirange', '"{}"', '{}', "'{}'", 14),
          ('tsmultirange', '"{}"', '{}', "'{}'", 14),
          ('tstzmultirange', '"{}"', '{}', "'{}'", 14)]],
    column('couple[]', value('{"(1,x)",NULL}', json='["(1,x)", null]',
                             parquet="['(1,x)', NULL]"), parquet='VARCHAR[]'),
    column('tsvector[]', value("{'cat':3}", json='["\'cat\':3"]', parquet="['\\'cat\\':3']"),
           parquet='VARCHAR[]'),
    column('tsquery[]', value("{'fat'}", json='["\'fat\'"]', parquet="['\\'fat\\'']"),
           parquet='VARCHAR[]'),
    column('agreed[]', value('{t,NULL}', json='[true, null]', parquet='[true, NULL]'),
           parquet='BOOLEAN[]'),
    column('birthday[]', value('{2026-03-01}', json='["2026-03-01"]', parquet='[2026-03-01]'),
           parquet='DATE[]'),
    column('moment[]', value('{"2026-03-01 10:30:00+01"}', json='["2026-03-01T10:30:00+01:00"]',
                             parquet="['2026-03-01 09:30:00+00']"),
           parquet='TIMESTAMP WITH TIME ZONE[]'),
    column('span[]', value('{01:00:00}', json='["PT1H"]', parquet="['01:00:00']"),
           parquet='VARCHAR[]'),
    column('small_positive[]', value('{1,NULL}', json='[1, null]', parquet='[1, NULL]'),
           parquet='INTEGER[]'),
    column('document[]', value('{"{\\"a\\": 1}"}', json='[{"a": 1}]', parquet='[{"a": 1}]'),
           parquet='JSON[]'),
    column('aclitem', 'pg_monitor=r/pg_monitor'),
    column('regoper', '||/'),

    # ---- ranges ----
    column('int4range', '[1,5)', 'empty', '(,)'),
    column('int4range', '[-2147483648,2147483647)'),
    column('int8range', '[-9223372036854775808,9223372036854775807)'),
    column('tsrange', '["2026-03-01 10:30:00",infinity)'),
    column('datemultirange', '{[2026-01-01,2026-02-01)}', since=14),
    column('nummultirange', '{[1.50,2.25],[3,NaN)}', since=14),
    column('int8multirange', '{(,1),[5,)}', since=14),
    column('tsmultirange', '{["2026-03-01 10:30:00","2026-03-02 00:00:00")}', since=14),
    column('tstzmultirange', '{["2026-03-01 10:30:00+01",)}', since=14),
    column('stay', '[2026-01-01,2026-02-01)'),
    column('numrange', '[1.50,2.25]'),
    column('daterange', '[2026-01-01,2026-02-01)'),
    column('tstzrange', '["2026-03-01 10:30:00+01",)'),
    column('int4multirange', '{[1,3),[5,7)}', '{}', since=14),
]


# ---- with a format set by the user: what Excel shows for it ----

def formatted(kind, code, *values):
    return column(kind, *values, options={'format': code})


FORMATS = [
    formatted('numeric(12,2)', '#,##0.00', value('1234567.5', '1,234,567.50'),
              value('-0.5', '-0.50'), value('0', '0.00'),
              value('9999999999.99', '9,999,999,999.99')),
    formatted('numeric(12,2)', '#,##0.00 "€"', value('1234.5', '1,234.50 €'),
              value('-20.25', '-20.25 €')),
    formatted('numeric', '0.00', value('0.33333333333333333333', '0.33'),
              value('2.5', '2.50'), value('0.005', '0.01'),
              # A value that is rounded to zero has no sign.
              value('-0.004', '0.00'), value('NaN', 'NaN')),
    formatted('numeric', '0.0%', value('0.5', '50.0%'), value('0', '0.0%'),
              value('0.12345678901234567890', '12.3%'), value('-1', '-100.0%')),
    formatted('float8', '0.00', value('0.125', '0.13'), value('0.1', '0.10'),
              value('1e20', '100000000000000000000.00')),
    formatted('float8', '0.00E+00', value('12345', '1.23E+04'), value('0.00012', '1.20E-04'),
              value('0', '0.00E+00')),
    formatted('int4', '#,##0', value('1234567', '1,234,567'), value('0', '0'),
              value('-1000', '-1,000')),
    formatted('int4', '0000', value('42', '0042'), value('12345', '12345')),
    formatted('int4', '#', value('0', ''), value('7', '7')),
    formatted('int4', '0;(0);"-"', value('5', '5'), value('-5', '(5)'), value('0', '-')),
    formatted('int4', '#,##0.0,,"M"', value('1234567', '1.2M'), value('500000', '0.5M')),
    formatted('int4', '000-000', value('123456', '123-456')),
    formatted('int4', '0.0', value('7', '7.0')),
    formatted('int8', '#,##0', value('1234567890123', '1,234,567,890,123'),
              # Excel keeps 15 digits of the number.
              value('9223372036854775807', '9,223,372,036,854,775,807',
                    xlsx='9,223,372,036,854,780,000', libre='9,223,372,036,854,780,000')),
    formatted('numeric', '# ?/?', value('0.5', '1/2'), value('1.25', '1 1/4'),
              value('3', '3')),
    formatted('numeric(12,2)', '[Red]-#,##0.00;[Blue]#,##0.00', value('1234.5', '-1,234.50'),
              value('-1234.5', '1,234.50')),
    formatted('numeric(12,2)', '[>=1000]#,##0,"k";0', value('12345', '12k'),
              value('12', '12')),
    formatted('numeric(12,2)', '_("$"* #,##0.00_);_("$"* \\(#,##0.00\\);_("$"* "-"??_);_(@_)',
              # On paper, a spreadsheet has room between the sign and the number.
              value('1234.5', '$1,234.50', print='$ 1,234.50'),
              value('-20.25', '$(20.25)', print='$ (20.25)'),
              value('0', '$-', print='$ -')),
    formatted('money', '"$"#,##0', value('1234.5', '$1,235'), value('0', '$0')),
    formatted('price', '0.0', value('847.93', '847.9')),
    formatted('date', 'dd.mm.yyyy', value('2026-03-01', '01.03.2026'),
              value('infinity', 'infinity')),
    formatted('date', 'mmm yyyy', value('2026-03-01', 'Mar 2026')),
    formatted('date', 'dddd, d mmmm yyyy', value('2026-03-01', 'Sunday, 1 March 2026')),
    formatted('date', 'd/m/yy', value('2026-03-01', '1/3/26')),
    formatted('birthday', 'dd.mm.yyyy', value('2026-03-01', '01.03.2026')),
    formatted('time', 'hh:mm', value('09:30:00', '09:30'), value('23:59:59.9', '23:59')),
    formatted('time', 'h:mm AM/PM', value('21:05:00', '9:05 PM'),
              value('00:05:00', '12:05 AM')),
    formatted('timestamp', 'yyyy-mm-dd hh:mm',
              value('2026-03-01 23:59:59.999', '2026-03-01 23:59')),
    formatted('timestamp', 'dd/mm/yyyy hh:mm:ss.000',
              value('2026-03-01 09:30:01.25', '01/03/2026 09:30:01.250')),
    formatted('timestamp', 'hh:mm:ss', value('2026-03-01 09:30:01.999999', '09:30:01')),
    formatted('timestamptz', 'd mmm, hh:mm', value('2026-07-01 09:30:00+00', '1 Jul, 11:30')),
    formatted('interval', '[h]:mm', value('26:30:00', '26:30'),
              value('1 day 02:05:59', '26:05')),
    formatted('interval', '[m]', value('01:30:00', '90')),
]


def is_plain(text):
    return text.isascii() and text.isprintable()


def texts():
    """Every type that is shown as its text, with a code that puts something around it."""
    numbers = {column.kind for column in FORMATS} | {'fee'}
    for one in TYPES:
        plain = [v.input for v in one.values if v.input and v.input == v.seen
                 and is_plain(v.seen) and len(v.seen) < 40 and 'xlsx' not in v.forms]
        if plain and one.parquet in TEXTS and one.kind not in numbers:
            yield formatted(one.kind, '0;-0;0;"<"@">"',
                            value(plain[0], f'<{plain[0]}>'))._replace(since=one.since)


# Excel shows a truth value under any code, LibreOffice a number.
BOOL = formatted('bool', '0', value('t', 'true', xlsx='TRUE', libre='1', print='1'))
# The types of Parquet of everything that is no number, date or time.
TEXTS = {'VARCHAR', 'UUID', 'JSON', 'BLOB', 'INTEGER[]', 'VARCHAR[]', 'DATE[]', 'DOUBLE[]',
         'JSON[]'}
FORMATS += [formatted('timetz', 'hh:mm', value('09:30:00+01', '09:30'))]
FORMATS += [*texts(), BOOL]


# ---- with a total below ----

Total = collections.namedtuple('Total', 'kind how values seen xlsx code')


def total(kind, how, values, seen, xlsx=None, code=None):
    """`seen` is the total's text in all formats; any total but a sum has its name in
    front."""
    return Total(kind, how, values, seen, seen if xlsx is None else xlsx, code)


TOTALS = [
    total('numeric(12,2)', 'sum', ['847.93', '0.07', '-1.00'], '847.00'),
    total('numeric(12,2)', 'sum', ['9999999999.99'] * 3, '29999999999.97'),
    total('numeric(12,2)', 'sum', ['1234.50', '-19.50'], '1,215.00 €',
          code='#,##0.00 "€"'),
    total('numeric(12,2)', 'avg', ['1.00', '2.00', '2.00'], 'avg 1.6667'),
    total('numeric(12,2)', 'max', ['1.00', '2.50'], 'max 2.50'),
    total('numeric', 'sum', ['847.93', '1', '0.070'], '849.000'),
    total('numeric', 'avg', ['847.9300000000000000', '-1847.9300000000000000'],
          'avg -500'),
    total('numeric', 'sum', ['847.9300000000000000', '0.0700000000000000'], '848'),
    total('numeric(12,2)', 'avg', ['-1.50', '0.50'], 'avg (0.50)',
          code='#,##0.00;(#,##0.00)'),
    total('numeric(12,2)', 'min', ['-1234.50', '0.50'], 'min -1,234.50 €',
          code='[Red]#,##0.00" €"'),
    total('numeric(12,2)', 'max', ['-2', '0.00'], 'max none', code='0.00;-0.00;"none"'),
    total('price', 'sum', ['1.10', '2.20'], '3.30'),
    total('int4', 'sum', ['2147483647', '2147483647', '1'], '4294967295'),
    total('int4', 'avg', ['1', '2', '4'], 'avg 2.33'),
    total('int4', 'count', ['1', '2'], 'count 2'),
    total('int4', 'min', ['3', '-2'], 'min -2'),
    total('int4', 'sum', ['1000', '2000'], '3,000', code='#,##0'),
    total('int8', 'sum', ['9223372036854775807', '1'], '9223372036854775808'),
    total('float8', 'sum', ['0.1', '0.2'], '0.3'),
    total('numeric', 'avg', ['0.5', '0.25'], 'avg 37.5%', code='0.0%'),
    total('money', 'sum', ['1.50', '2.25'], '$3.75'),
    total('money', 'sum', ['1234.50', '-2000'], '-$765.50'),
    total('interval', 'sum', ['26:00:00', '01:30:00'], '27:30:00'),
    total('interval', 'sum', ['1 day', '02:30:00'], '26:30', code='[h]:mm'),
    # LibreOffice shows no such number of hours.
    total('interval', 'sum', ['49709 days 12:00:00', '11:59:59'], '49709 days 23:59:59',
          xlsx='1193039:59:59'),
    total('interval', 'sum', ['30000 days', '30000 days 01:30:00'], '60000 days 01:30:00'),
    total('interval', 'sum', ['30000 days', '30000 days 00:00:00.25'],
          '60000 days 00:00:00.25'),
    total('interval', 'sum', ['1193039:00:00', '01:30:00'], '1193040:30:00'),
    total('interval', 'sum', ['30000 days', '30000 days'], '1440000:00', xlsx='60000 days',
          code='[h]:mm'),
    total('interval', 'avg', ['40000 days', '60000 days'], 'avg 50000 days'),
    total('interval', 'max', ['60000 days', '1 day'], 'max 60000 days'),
    total('money', 'max', ['1.50', '-2000'], 'max $1.50'),
    total('interval', 'max', ['1 day', '25:00:00'], 'max 25:00:00'),
    total('text', 'count', ['a', '', 'b'], 'count 3'),
    total('bool', 'count', ['t', 'f'], 'count 2'),
    # Sorted by time, not by letters.
    total('date', 'max', ['2026-03-01', '2025-12-31'], 'max 2026-03-01'),
    total('date', 'min', ['2026-03-01', '0044-03-15 BC', '0043-03-15 BC'],
          'min 0044-03-15 BC'),
    total('date', 'max', ['9999-12-31', '10000-01-01'], 'max 10000-01-01'),
    total('date', 'max', ['2026-03-01', 'infinity'], 'max infinity'),
    total('date', 'max', ['2026-03-01', '2025-12-31'], 'max 01.03.2026',
          code='dd.mm.yyyy'),
    total('time', 'max', ['09:30:00', '23:59:59.999999'], 'max 23:59:59.999999',
          xlsx='max 23:59:59.999'),
    total('timestamp', 'min', ['2026-03-01 09:30:00', '2026-03-01 09:30:00.5'],
          'min 2026-03-01 09:30:00'),
    # The hour that October has twice: this 02:30 is before that 02:00.
    total('timestamptz', 'max', ['2026-10-25 00:30:00+00', '2026-10-25 01:00:00+00'],
          'max 2026-10-25 02:00:00'),
    total('numeric', 'max', ['9', '10', 'NaN'], 'max NaN'),
    total('float8', 'min', ['-Infinity', '1'], 'min -Infinity'),
    total('numeric', 'sum', ['1', 'NaN'], 'NaN'),
    total('int8', 'max', ['9007199254740993', '9007199254740992'],
          'max 9007199254740993'),
    total('int4', 'count', [], 'count 0'),
]


def counts():
    """Every type can be counted."""
    for one in TYPES:
        inputs = [v.input for v in one.values if v.input is not None]
        if not (one.since or one.without) and all(map(is_plain, inputs)):
            yield total(one.kind, 'count', inputs, f'count {len(inputs)}')


TOTALS += counts()
