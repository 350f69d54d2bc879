# SPDX-License-Identifier: MIT
"""A table with every type that the formats know and with difficult values: null, least,
greatest, empty, characters of every plane, a megabyte."""

import random

from psycopg import sql

# Texts that look like the syntax of an output format.
HOSTILE = ['</td></tr></table><h1>', '<script>document.title="pwned"</script>',
           '<img src=x onerror="document.title=1">', '"><svg onload=alert(1)>',
           "' onmouseover='x", '<!-- ', ']]>', '&lt;&amp;&#60;', '<![CDATA[',
           '{"a": "b"}', '\\u0041\\n\\', '"""', '=1+1', '%s %n', '${x}', 'NULL',
           '</script >', '</style>', 'javascript:alert(1)', '\\x41']

# One letter of each plane that has letters, and the last codes of each plane.
PLANES = ''.join(chr(plane << 16 | low) for plane in range(17)
                 for low in (0x0041, 0x1234, 0xfffd, 0xfffe, 0xffff))
CONTROLS = ''.join(map(chr, [*range(1, 0x20), *range(0x7f, 0xa0)]))
SCRIPTS = ('Grüße Øre é e\u0301 \u200b\u200e\u202e\u2028\u2029\ufeff '
           'שלום مرحبا नमस्ते 東京 한국 ไทย 🎉👩‍👩‍👧‍👦🇩🇪')
MEGABYTE = ('naïve "quoted" \\ <b>&amp;</b>\t東京 🎉\n' * 30000)[:600_000]

TYPES = {
    'int2': ['-32768', '32767', '0'],
    'int4': ['-2147483648', '2147483647', '0'],
    'int8': ['-9223372036854775808', '9223372036854775807',
             '9007199254740991', '9007199254740992', '-9007199254740993'],
    'numeric': ['0', '-0.00', '1.50', 'NaN', 'Infinity', '-Infinity',
                '9' * 1000 + '.' + '9' * 500, '-1e-500',
                '123456789012345678901234567890.12345'],
    'numeric(12,2)': ['-9999999999.99', '9999999999.99', '0.1', 'NaN'],
    'float4': ['-3.4028235e38', '3.4028235e38', '1e-45', '0', '-0', 'NaN',
               'Infinity', '-Infinity', '0.1'],
    'float8': ['-1.7976931348623157e308', '1.7976931348623157e308', '5e-324',
               '-0', 'NaN', 'Infinity', '-Infinity', '0.1', '123456789012345680'],
    'bool': ['true', 'false'],
    'text': ['', ' ', ' a ', 'plain', 'two\nlines', 'cr\rhere', 'crlf\r\n', '\n',
             CONTROLS, PLANES, SCRIPTS, MEGABYTE, *HOSTILE],
    'varchar(40)': ['', 'x' * 40, '🎉' * 40],
    'char(5)': ['', 'a', 'é"<&>'],
    'date': ['4713-01-01 BC', '0044-03-15 BC', '0001-01-01', '1582-10-10',
             '1899-12-31', '1900-02-28', '1970-01-01', '2026-03-01', '9999-12-31',
             '5874897-12-31', 'infinity', '-infinity'],
    'time': ['00:00:00', '24:00:00', '09:30:00.25', '23:59:59.999999'],
    'timetz': ['00:00:00+15:59:59', '24:00:00-15:59:59', '09:30:00.25+01',
               '09:30:00-05:30'],
    'timestamp': ['4713-01-01 00:00:00 BC', '0044-03-15 12:00:00 BC',
                  '0001-01-01 00:00:00', '1900-01-01 00:00:00.000001',
                  '2026-03-01 09:30:00', '2026-03-01 09:30:00.123456',
                  '9999-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999',
                  'infinity', '-infinity'],
    'timestamptz': ['4713-01-01 00:00:00+00 BC', '0044-03-15 12:00:00+00 BC',
                    '1890-01-01 00:00:00+00', '2026-03-01 09:30:00+00',
                    '2026-07-01 09:30:00.5+00', '2026-10-25 00:30:00+00',
                    '2026-10-25 01:30:00+00', '9999-06-30 23:59:59.999999+00',
                    '294276-12-31 23:59:59.999999+00', 'infinity', '-infinity'],
    'interval': ['0', '1 year 2 mons 3 days 04:05:06.7', '-1 day +00:00:01',
                 '-1 year -2 mons +3 days -04:05:06.789', '178000000 years',
                 '-178000000 years', '1 mon', '-0.000001 s', '2562047788 hours'],
    'uuid': ['00000000-0000-0000-0000-000000000000',
             'ffffffff-ffff-ffff-ffff-ffffffffffff'],
    'bytea': ['', '\\x00', '\\x' + bytes(range(256)).hex(),
              '\\x3c62', '\\x' + 'ab00ff' * 100_000],
    'json': ['null', '{}', '[1, 2.50, "x"]', '{"a":\n\t{"b": "\\n<&\\u00e9"}}',
             '"é🎉"', '1e400', '{"a": 1, "a": 2}'],
    'jsonb': ['null', '{"b": [1, 2.50, null], "a": "</script>\\u0001"}', '""'],
    'inet': ['10.0.0.0/8', '::1'],
    'int4range': ['[1,5)', 'empty'],
    'money': ['0'],
    'int4[]': ['{}', '{1,NULL,-3}', '{{1,2},{3,NULL}}', '[2:3]={7,8}'],
    'text[]': ['{}', '{"",NULL,"NULL"," a ","{b}","c,d","e\\"f","g\\\\h"}',
               '{{a},{"<b>"}}'],
    'numeric[]': ['{1.50,NaN,NULL}'],
    'float8[]': ['{1e-300,Infinity,-0}'],
    'bool[]': ['{t,f,NULL}'],
    'date[]': ['{2026-03-01,"0044-03-15 BC",infinity}'],
    'timestamptz[]': ['{"2026-03-01 09:30:00+00",NULL}'],
    'interval[]': ['{01:00:00,"1 day"}'],
    'uuid[]': ['{00000000-0000-0000-0000-000000000000}'],
    'bytea[]': ['{"\\\\x00ff",NULL}'],
    'json[]': ['{"{\\"a\\": [1]}",NULL,1}'],
    'jsonb[]': ['{"{\\"a\\": [1]}",NULL,"null"}'],
}

# Types and values that warehouses have, too: Trino and Athena all of them.
WAREHOUSE = {
    'smallint': ['-32768', '32767', '0'],
    'integer': ['-2147483648', '2147483647', '0'],
    'bigint': ['-9223372036854775808', '9223372036854775807', '9007199254740993'],
    'numeric(4,1)': ['-999.9', '0', '0.5'],
    'numeric(12,2)': ['-9999999999.99', '9999999999.99', '0.1', '-0.00'],
    'numeric(38,10)': ['9999999999999999999999999999.9999999999', '-1e-10'],
    'numeric(38,0)': ['99999999999999999999999999999999999999'],
    'real': ['-3.4028235e38', '3.4028235e38', '1e-45', '0', '-0', 'NaN', 'Infinity',
             '-Infinity', '0.1', '123456', '1e6', '1e7', '0.001', '0.0001', '0.33333334'],
    'float8': ['-1.7976931348623157e308', '1.7976931348623157e308', '5e-324', '-0', 'NaN',
               'Infinity', '-Infinity', '0.1', '123456789012345680', '1e15', '1e22', '100',
               '999999999999999', '0.001', '0.0001', '1e-5', '0.3333333333333333', '1e10'],
    'boolean': ['true', 'false'],
    'text': ['', ' ', ' a ', 'plain', 'two\nlines', 'cr\rhere', 'crlf\r\n', '\n', '"', '""',
             ',', '",\n"', 'NULL', CONTROLS, PLANES, SCRIPTS, MEGABYTE, *HOSTILE],
    'varchar(40)': ['', 'x' * 40, '🎉' * 40],
    'char(5)': ['', 'a', 'é"<&>'],
    'bytea': ['', '\\x00', '\\x' + bytes(range(256)).hex(), '\\x' + 'ab00ff' * 1000],
    'date': ['4713-01-01 BC', '0044-03-15 BC', '0001-12-31 BC', '0001-01-01', '1582-10-10',
             '2026-03-01', '9999-12-31', '12345-01-01'],
    'time': ['00:00:00', '09:30:00.25', '23:59:59.999999', '23:59:59'],
    'timetz': ['00:00:00+14', '09:30:00.25+01', '09:30:00-05:30', '23:59:59.999999+00'],
    'timestamp': ['0044-03-15 12:00:00 BC', '0001-01-01 00:00:00', '1900-01-01 00:00:00.000001',
                  '2026-03-01 09:30:00', '2026-03-01 09:30:00.12', '9999-12-31 23:59:59.999999'],
    'timestamptz': ['0044-03-15 12:00:00+00 BC', '1890-01-01 00:00:00+00',
                    '2026-03-01 09:30:00+00', '2026-07-01 09:30:00.5+00',
                    '2026-03-29 00:59:59.999999+00', '2026-03-29 01:00:00+00',
                    '9999-06-30 23:59:59.999999+00'],
    'uuid': ['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff'],
    'json': ['null', '{}', '[1, 2.50, "x"]', '{"a":\n\t{"b": "\\n<&\\u00e9"}}', '"é🎉"'],
}

# Snowflake has neither times with a zone nor UUID, one kind of float, and no blanks after
# a CHAR.
SNOWFLAKE = {name: values for name, values in WAREHOUSE.items()
             if name not in ('timetz', 'uuid', 'real', 'char(5)')}


def create(db, types=TYPES):
    """Creates table `matrix`: n, and a column named after each type. The first row is all
    null; row n has the n-th value of each type, or null after a type's last value."""
    columns = [sql.SQL('{} {}').format(sql.Identifier(name), sql.SQL(name))
               for name in types]
    db.execute(sql.SQL('create table matrix (n int, {})').format(
        sql.SQL(', ').join(columns)))
    insert = sql.SQL('insert into matrix values ({})').format(
        sql.SQL(', ').join([sql.SQL('%s')] * (len(types) + 1)))
    for n in range(1 + max(map(len, types.values()))):
        row = [values[n - 1] if 0 < n <= len(values) else None
               for values in types.values()]
        db.execute(insert, n, *row)


def create_random(db, seed):
    """Creates table `matrix` at random: some types in any order, some values of each, and
    texts of random characters."""
    rng = random.Random(seed)

    def text():
        return ''.join(
            chr(rng.choice([rng.randrange(1, 0x80), rng.randrange(0x80, 0x800),
                            rng.randrange(0x800, 0xd800),
                            rng.randrange(0xe000, 0x110000), *b'"\\<&']))
            for _ in range(rng.choice([0, 1, 7, 8, 9, 30, 3000])))

    pool = TYPES | {'text': [text() for _ in range(20)]}
    types = {name: [rng.choice(pool[name]) for _ in range(rng.randrange(9))]
             for name in rng.sample(sorted(pool), rng.randrange(1, 12))}
    db.execute('drop table if exists matrix')
    create(db, types)
