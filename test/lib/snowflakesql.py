# SPDX-License-Identifier: MIT
"""Statements of the stand-in for Snowflake (lib/snowflake.py): SQL that PostgreSQL executes,
with results in the forms of Snowflake's types."""

import contextlib
import re
import threading
import time
import uuid

import psycopg

# A part of SQL in which a semicolon ends nothing.
QUOTED = re.compile(r"""'(?:[^'\\]|\\.|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/
    | \$\$.*?\$\$ | ;""", re.S | re.X)
COPY = re.compile(r"""copy\ into\ '@([\w.]+)/([^']*/)'\ from\ \(
    (select\ object_construct_keep_null\(\*\)\ from\ \()?(.*?)\n\)(?(3)\n?\))?\ file_format\ =\ \((.*)\)
    (\ header\ =\ (?:true|false))?\ include_query_id\ =\ true\ detailed_output\ =\ true
    \ max_file_size\ =\ \d+$""", re.S | re.X)
HUGE = re.compile(r'select huge\((\d+), (\d+), (\d+)\)')

# By the number of PostgreSQL's type: Snowflake's type, and the value's text in SQL.
EPOCH = "trunc(extract(epoch from {0})::numeric, 6)::text || '000'"
TYPES = {
    16: ('boolean', "case when {0} then 'true' else 'false' end"),
    17: ('binary', "upper(encode({0}, 'hex'))"),
    20: ('fixed', '{0}::text', 18, 0), 21: ('fixed', '{0}::text', 4, 0),
    23: ('fixed', '{0}::text', 9, 0),
    25: ('text', '{0}::text'), 1043: ('text', '{0}::text'), 1042: ('text', '{0}::text'),
    114: ('variant', '{0}::text'), 3802: ('object', '{0}::text'),
    700: ('real', '{0}::float8::text'), 701: ('real', '{0}::text'),
    1082: ('date', "({0} - date '1970-01-01')::text"),
    1083: ('time', EPOCH), 1114: ('timestamp_ntz', EPOCH), 1184: ('timestamp_ltz', EPOCH),
}
SPECIAL = {'Infinity': 'inf', '-Infinity': '-inf'}


class Refused(Exception):
    """An answer of another status than 200."""

    def __init__(self, status, code, message, state=None, **more):
        super().__init__(message)
        self.status = status
        self.body = {'code': code, 'message': message, **more}
        if state:
            self.body['sqlState'] = state


def statements_of(sql):
    """The single statements of a text."""
    found, begin = [], 0
    for part in QUOTED.finditer(sql):
        if part.group() == ';':
            found.append(sql[begin:part.start()])
            begin = part.end()
    found.append(sql[begin:])
    return [s.strip() for s in found if re.sub(r'--[^\n]*|/\*.*?\*/', '', s, flags=re.S).strip()]


class Statement:
    """A statement from its submission to its end, in a thread of its own."""

    def __init__(self, server, body, request_id):
        self.server, self.body, self.request_id = server, body, request_id
        self.handle = str(uuid.uuid4())
        self.sql = body['statement']
        self.error = self.rows = self.types = None
        self.many = False
        self.huge = HUGE.match(self.sql)
        self.ended = threading.Event()
        self.cancelled = False
        self.conn = None
        self.begun = time.time()
        if self.huge:
            self.rows_in_all, self.width, self.part_rows = map(int, self.huge.groups())
            self.ended.set()
        else:
            threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        try:
            self.execute()
        except psycopg.Error as e:
            self.error = self.describe(e)
        except Refused as e:
            self.error = e
        finally:
            if self.conn:
                self.conn.close()
            self.ended.set()

    def describe(self, e):
        state = e.diag.sqlstate or '58000'
        text = (e.diag.message_primary or str(e)).strip()
        if state == '57014':
            return Refused(422, '000604', 'SQL execution canceled', '57014')
        if self.many:
            return Refused(422, '100132', 'Execution of multiple statements failed on '
                           f'statement at line 1, position 0. {text}', 'P0000')
        codes = {'42P01': ('002003', '42S02'), '42601': ('001003', '42000')}
        return Refused(422, *(lambda c: (c[0], text, c[1]))(codes.get(state, ('100000', state))))

    def execute(self):
        parts = statements_of(self.sql)
        parameters = self.body.get('parameters', {})
        wanted = parameters.get('MULTI_STATEMENT_COUNT', 1)
        self.many = wanted != 1
        if wanted not in (0, len(parts)):
            raise Refused(422, '000008', f'Actual statement count {len(parts)} did not match the '
                          f'desired statement count {wanted}.', '0A000')
        zone = parameters.get('TIMEZONE', 'America/Los_Angeles')
        self.conn = psycopg.connect(self.server.conninfo, autocommit=True)
        if self.cancelled:
            raise Refused(422, '000604', 'SQL execution canceled', '57014')
        self.conn.execute('set standard_conforming_strings = off; '
                          'set escape_string_warning = off; set backslash_quote = on')
        self.conn.execute("select set_config('timezone', %s, false)", (zone,))
        timeout = self.body.get('timeout', 0)
        self.conn.execute(f'set statement_timeout = {int(timeout) * 1000}')
        for part in parts:
            if self.many:
                self.conn.execute(part)
            else:
                self.fetch(part)
        if self.many:
            self.types = [{'name': 'multiple statement execution', 'type': 'text',
                           'nullable': False}]
            self.rows = [['Multiple statements executed successfully.']]

    def copy_into(self, sql):
        """Writes the files of a stage: CSV of PostgreSQL's, or JSON; a Parquet file is
        not more here than its name."""
        found = COPY.match(sql)
        if not found:
            raise Refused(422, '001003', 'SQL compilation error: syntax error', '42000')
        stage, path, json_, query, format, header = found.groups()
        if stage != self.server.stage[0]:
            raise Refused(422, '002003', f'Stage {stage} does not exist', '02000')
        kind = re.match(r'type = (csv|json|parquet)', format)[1]
        if (kind == 'json') != bool(json_):
            raise Refused(422, '002125', 'COPY statement only supports simple SELECT', '0A000')
        bucket, prefix = self.server.stage[1]
        zoned = kind == 'parquet' and any(c.type_code == 1184 for c in self.conn.execute(
            f'select * from ({query}\n) q limit 0').description)
        if zoned:
            raise Refused(422, '100171', 'Error encountered when unloading to PARQUET: '
                          'TIMESTAMP_TZ and LTZ types are not supported', '22000')
        query = f'select row_to_json(q) as j from ({query}\n) q' if json_ else query
        with self.conn.cursor() as cursor, cursor.copy(
                f'copy ({query}\n) to stdout with (format csv)') as copy:
            rows = [bytes(line) for line in copy]
        self.rows = []
        half = (len(rows) + 1) // 2
        for i, part in enumerate(p for p in (rows[:half], rows[half:]) if p):
            name = f'data_{self.handle}_0_{i}_0.{kind}'
            text = b''.join(part)
            self.server.objects.kept[bucket, f'{prefix}{path}{name}'] = text
            if self.server.forgets:
                continue
            self.rows.append([name, str(len(text) + self.server.lie), str(len(part))])
        self.types = [{'name': n, 'type': t, 'precision': 18, 'scale': 0, 'nullable': True}
                      for n, t in (('FILE_NAME', 'text'), ('FILE_SIZE', 'fixed'),
                                   ('ROW_COUNT', 'fixed'))]

    def fetch(self, sql):
        if re.match('copy into', sql):
            self.copy_into(sql)
            return
        with self.conn.cursor() as cursor:
            cursor.execute(f'select * from ({sql}\n) as q limit 0' if re.match(
                r'(?is)\s*(\(|select|with|values)', sql) else sql)
            columns = cursor.description
            if columns is None:
                self.types = [{'name': 'status', 'type': 'text', 'nullable': True}]
                self.rows = [['Statement executed successfully.']]
                return
            self.types = [self.column(c) for c in columns]
            texts = ', '.join(f'case when c{i} is not null then '
                              f'{self.text(c).format(f"c{i}")} end'
                              for i, c in enumerate(columns))
            names = ', '.join(f'c{i}' for i in range(len(columns)))
            cursor.execute(f'select {texts} from ({sql}\n) as q ({names})')
            self.rows = [[SPECIAL.get(v, v) if t['type'].lower() == 'real' else v
                          for v, t in zip(row, self.types)] for row in cursor.fetchall()]
        marks = self.server.offset_columns
        for row in self.rows:
            for i, t in enumerate(self.types):
                if t['type'].lower() == 'timestamp_tz' and row[i] is not None:
                    row[i] += f' {marks.get(t["name"], 1440)}'

    def text(self, c):
        return TYPES.get(c.type_code, ('', '{0}::text'))[1]

    def column(self, c):
        """In the form that is described, or in the one that accounts send."""
        name, _, *digits = TYPES.get(c.type_code, ('text', ''))
        if c.type_code == 1700:
            name, digits = ('fixed', [c.precision, c.scale]) if c.precision else ('decfloat', [])
        if name == 'timestamp_ltz' and c.name in self.server.offset_columns:
            name = 'timestamp_tz'
        loud = self.server.loud
        made = {'name': c.name, 'type': name.upper() if loud else name, 'nullable': True,
                **dict.fromkeys(('length', 'precision', 'scale'), 0 if loud else None)}
        if not loud:
            made.update(database='', schema='', table='', byteLength=None, collation=None)
        if digits:
            made.update(zip(('precision', 'scale'), digits))
        elif name.startswith('time'):
            made.update(precision=0, scale=9)
        return made

    def cancel(self):
        """PostgreSQL forgets a cancel that comes before the query, so it is repeated."""
        self.cancelled = True
        threading.Thread(target=self.keep_cancelling, daemon=True).start()

    def keep_cancelling(self):
        while not self.ended.wait(0.02):
            with contextlib.suppress(psycopg.Error):
                if self.conn and not self.conn.closed:
                    self.conn.cancel()

    def running(self):
        return not self.ended.is_set()

    # The result in partitions.

    def sizes(self):
        size = self.part_rows if self.huge else self.server.part_rows
        count = self.rows_in_all if self.huge else len(self.rows)
        return [min(size, count - i) for i in range(0, count, size)] or [0]

    def part(self, number):
        begin = sum(self.sizes()[:number])
        return self.rows[begin:begin + self.sizes()[number]]

    def metadata(self):
        types = self.types or [{'name': 'n', 'type': 'fixed', 'precision': 18, 'scale': 0,
                                'nullable': False},
                               {'name': 'filler', 'type': 'text', 'nullable': True}]
        return {'numRows': sum(self.sizes()), 'format': 'jsonv2', 'rowType': types,
                'partitionInfo': [{'rowCount': rows, 'uncompressedSize': 100,
                                   **({'compressedSize': 50} if i else {})}
                                  for i, rows in enumerate(self.sizes())]}

    def answer(self):
        made = {'resultSetMetaData': self.metadata(), 'data': [], 'code': '090001',
                'statementStatusUrl': f'/api/v2/statements/{self.handle}',
                'sqlState': '00000', 'statementHandle': self.handle,
                'message': 'Statement executed successfully.', 'createdOn': 1}
        if not self.server.loud:
            made['requestId'] = self.request_id
            if not self.huge and self.many:
                made['statementHandles'] = [str(uuid.uuid4()) for _ in statements_of(self.sql)]
        return made
