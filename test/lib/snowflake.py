# SPDX-License-Identifier: MIT
"""A server that behaves like Snowflake's SQL API, version 2, and lets a PostgreSQL server
do the work.

It follows the manual of the SQL API and its published description (lib/snowflakeapi.py).
Every request is checked: path, query, headers, body, the signature and the claims of its
token; what is wrong is refused as there, and noted in `wrong`, as an own answer is that
nobody would get from Snowflake. A
statement runs in a session of its own, in SQL with backslashes in its literals, and its
values are sent in the forms of Snowflake's types. Faults can be put in: see Fault."""

import base64
import contextlib
import dataclasses
import gzip
import hashlib
import http.server
import itertools
import json
import re
import ssl
import threading
import time
import urllib.parse
import uuid
import zlib

import psycopg
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from lib import snowflakeapi

ACCOUNT, USER = 'MYORG-REPORTS', 'REPORTER'
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


@dataclasses.dataclass
class Fault:
    """What goes wrong with the next requests of a kind: `on` is post, get (of a status or
    the first partition), partition (of a later one) or cancel. `status` and `code` answer
    in place of it; `after` does so although the request was carried out; `cut` ends the
    connection before an answer, `cut_at` after so many bytes of its body. `change` gets
    the JSON object of the answer and returns another one. `hold` is an event that the answer
    waits for, once the request was carried out."""
    on: str
    times: int = 1
    status: int = None
    code: str = '000000'
    headers: dict = None
    after: bool = False
    cut: bool = False
    cut_at: int = None
    change: callable = None
    hold: threading.Event = None
    match: str = ''


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


class Snowflake:
    """The account. `keys` are the public keys of its user, `tokens` what is taken besides:
    token -> type."""

    def __init__(self, conninfo, tls=None):  # file of a key and its certificate
        self.conninfo = conninfo
        self.objects, self.stage = None, (None, None)  # (name, (bucket, prefix))
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.keys = {}
        self.add_key(self.private.public_key())
        self.reset()
        outer = self

        class Handler(RequestHandler):
            server_of = outer

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                """A client that is killed is no error here."""
        self.http = Server(('127.0.0.1', 0), Handler)
        self.url = f'http{"s" if tls else ""}://127.0.0.1:{self.http.server_port}'
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls)
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True,
                                                   do_handshake_on_connect=False)
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def reset(self):
        self.statements, self.by_request = {}, {}
        self.wrong, self.requests, self.faults, self.tokens = [], [], [], {}
        self.part_rows, self.loud = 1000, False  # loud: in the form that is described
        self.offset_columns, self.revoked = {}, set()
        self.gone = {}  # handle: code of a statement that is no longer known
        self.forgets = False  # the list of an unload is empty
        self.lie = 0  # bytes that the list of an unload has too many
        self.closed = False  # no token is good
        self.clock = 0
        self.lock = threading.Lock()

    def close(self):
        self.http.shutdown()
        self.http.server_close()

    def add_key(self, public):
        der = public.public_bytes(serialization.Encoding.DER,
                                  serialization.PublicFormat.SubjectPublicKeyInfo)
        self.keys['SHA256:' + base64.b64encode(hashlib.sha256(der).digest()).decode()] = public

    def pem(self, passphrase=None):
        how = (serialization.BestAvailableEncryption(passphrase.encode()) if passphrase
               else serialization.NoEncryption())
        return self.private.private_bytes(serialization.Encoding.PEM,
                                          serialization.PrivateFormat.PKCS8, how).decode()

    def settings(self, folder, **more):
        """The section of a source that logs in by a key pair."""
        key = folder / 'snowflake.pem'
        key.write_text(self.pem())
        return {'type': 'snowflake', 'account': 'myorg-reports', 'endpoint': self.url,
                'user': 'reporter', 'private_key_file': str(key), 'warehouse': 'REPORTS_WH',
                'database': 'SALES', 'schema': 'PUBLIC', 'role': 'REPORT_READER', **more}

    def fault(self, on, **how):
        self.faults.append(Fault(on, **how))

    def expire(self):
        """Refuses every token that has been seen so far."""
        self.revoked = {h['Authorization'] for *_, h in self.requests}

    def running(self):
        return [s for s in self.statements.values() if s.running()]

    def sent(self, kind):
        return [r for r in self.requests if r[0] == kind]

    # Checks.

    def refuse(self, status, code, message, state=None):
        self.wrong.append(message)
        raise Refused(status, code, message, state)

    def check_token(self, headers):
        kind = headers.get('X-Snowflake-Authorization-Token-Type')
        scheme, _, token = headers.get('Authorization', '').partition(' ')
        if scheme != 'Bearer' or kind not in snowflakeapi.TOKEN_TYPES:
            self.refuse(401, '390101', 'Authorization header not found or of no known type')
        if headers['Authorization'] in self.revoked:
            raise Refused(401, '390144', 'JWT token is invalid. [expired]')
        if kind != 'KEYPAIR_JWT':
            if self.tokens.get(token) != kind:
                raise Refused(401, '390303', 'Invalid OAuth access token.')
            return
        try:
            self.check_jwt(token)
        except (ValueError, KeyError, InvalidSignature) as e:
            raise Refused(401, '390144', f'JWT token is invalid. [{e!r}]') from e

    def check_jwt(self, token):
        def decode(part):
            if re.search('[^A-Za-z0-9_-]', part):
                raise ValueError('no base64url without padding')
            return base64.urlsafe_b64decode(part + '=' * (-len(part) % 4))
        head, claims, signature = token.split('.')
        if json.loads(decode(head)) != {'alg': 'RS256', 'typ': 'JWT'}:
            raise ValueError('header')
        said = json.loads(decode(claims))
        if set(said) != {'iss', 'sub', 'iat', 'exp'}:
            raise ValueError('claims')
        subject = f'{ACCOUNT}.{USER}'
        print_ = said['iss'].removeprefix(subject + '.')
        if said['sub'] != subject or print_ == said['iss']:
            raise ValueError('issuer or subject')
        now = time.time() + self.clock
        if not said['iat'] <= now + 60 or not now < said['exp'] <= said['iat'] + 3600:
            raise ValueError('time')
        if self.closed:
            raise ValueError('key')
        self.keys[print_].verify(decode(signature), f'{head}.{claims}'.encode(),
                                 padding.PKCS1v15(), hashes.SHA256())

    def check_request(self, kind, query, headers, text, body):
        wrong = snowflakeapi.wrong_head(kind, query, headers) or snowflakeapi.wrong_body(
            kind, text, body)
        if wrong:
            self.refuse(400, '390142', wrong)

    def check_answer(self, kind, status, answer):
        wrong = snowflakeapi.wrong_answer(kind, status, answer, strict=self.loud)
        if wrong:
            self.wrong.append(f'the answer {status}: {wrong}')

    # Requests.

    def submit(self, query, body):
        request_id = query.get('requestId', [str(uuid.uuid4())])[0]
        with self.lock:
            old = self.by_request.get(request_id)
            if old and 'retry' not in query:
                self.refuse(400, '390142', 'a request was repeated without retry=true')
            if not old:
                old = Statement(self, body, request_id)
                self.by_request[request_id] = self.statements[old.handle] = old
        if query.get('async', ['false'])[0] != 'true':
            old.ended.wait(45)
        elif not old.huge:
            return 202, self.pending(old)
        return self.state(old, 0)

    @staticmethod
    def pending(statement):
        return {'code': '333334', 'message': 'Asynchronous execution in progress.',
                'statementHandle': statement.handle,
                'statementStatusUrl': f'/api/v2/statements/{statement.handle}'}

    def state(self, statement, part):
        """The status, and the answer or (statement, part) for a partition."""
        if statement.running():
            return 202, self.pending(statement)
        if statement.error:
            statement.error.body['statementHandle'] = statement.handle
            raise statement.error
        if not 0 <= part < len(statement.sizes()):
            raise Refused(400, '390142', 'no such partition')
        return 200, (statement, part)

    def find(self, handle):
        if handle in self.gone:
            raise Refused(422, self.gone[handle], f'Statement {handle} is not kept', '02000')
        if handle not in self.statements:
            raise Refused(404, '390404', f'Statement {handle} not found')
        return self.statements[handle]

    def cancel(self, handle):
        if handle not in self.statements:
            raise Refused(422, '000709', f'Statement {handle} not found', '02000')
        self.statements[handle].cancel()
        return 200, {'statementHandle': handle, 'code': '000000',
                     'message': 'successfully canceled'}


class RequestHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    server_of = None

    def log_message(self, *args):
        pass

    def date_time_string(self, timestamp=None):
        return super().date_time_string((timestamp or time.time()) + self.server_of.clock)

    def do_GET(self):
        self.serve()

    do_POST = do_PUT = do_DELETE = do_GET

    def serve(self):
        with contextlib.suppress(OSError):
            self.serve_one()

    def route(self):
        """The kind of the request, its handle and its query."""
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query, strict_parsing=bool(url.query))
        found = re.fullmatch(r'/api/v2/statements(?:/([0-9a-f-]+)(/cancel)?)?', url.path)
        if not found:
            self.server_of.refuse(404, '390404', f'no such path: {url.path}')
        handle, cancel = found.groups()
        kind = 'cancel' if cancel else 'get' if handle else 'post'
        if self.command != ('GET' if kind == 'get' else 'POST'):
            self.server_of.refuse(405, '390405', 'method')
        return kind, handle, query

    def serve_one(self):
        server = self.server_of
        text = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        fault = kind = handle = None
        try:
            kind, handle, query = self.route()
            part = int(query.get('partition', ['0'])[0])
            named = 'partition' if part > 0 else kind
            body = json.loads(text) if kind == 'post' else None
            server.requests.append((named, handle, query, body, dict(self.headers)))
            fault = self.take_fault(named, (body or {}).get('statement', ''))
            if fault and fault.cut and not fault.after:
                self.close_connection = True
                return
            if fault and fault.status and not fault.after:
                raise Refused(fault.status, fault.code, 'injected')
            server.check_token(self.headers)
            server.check_request(kind, query, self.headers, text, body)
            if kind == 'post':
                if self.headers.get('Content-Type') != 'application/json':
                    server.refuse(415, '390415', 'Content-Type')
                status, answer = server.submit(query, body)
            elif kind == 'cancel':
                status, answer = server.cancel(handle)
            else:
                status, answer = server.state(server.find(handle), part)
            if fault and fault.hold:
                fault.hold.wait(60)
            if fault and fault.cut:
                self.close_connection = True
                return
            if fault and fault.status:
                raise Refused(fault.status, fault.code, 'injected')
        except Refused as e:
            status, answer = e.status, e.body
            if status in (202, 408, 422):
                answer.setdefault('statementHandle', handle or str(uuid.uuid4()))
        self.send(kind, status, answer, fault)

    def take_fault(self, kind, sql):
        server = self.server_of
        with server.lock:
            for fault in server.faults:
                if fault.on == kind and fault.match in sql and fault.times > 0:
                    fault.times -= 1
                    return fault
        return None

    def send(self, kind, status, answer, fault):
        statement = None
        if isinstance(answer, tuple):
            statement, part = answer
            if statement.huge:
                self.send_huge(statement, part)
                return
            answer = statement.answer() if part == 0 else {}
            answer['data'] = statement.part(part)
        if kind:
            self.server_of.check_answer(kind, status, answer)
        if fault and fault.change:
            answer = fault.change(answer)
        body = json.dumps(answer).encode()
        zipped = statement is not None and 'gzip' in self.headers.get('Accept-Encoding', '')
        if zipped:
            body = gzip.compress(body)
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        if zipped:
            self.send_header('Content-Encoding', 'gzip')
        for name, value in ((fault and fault.headers) or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if fault and fault.cut_at is not None:
            body = body[:fault.cut_at]
            self.close_connection = True
        self.wfile.write(body)

    def send_huge(self, statement, part):
        """A partition that is never held: rows of a number and a filler."""
        rows = statement.sizes()[part]
        first = sum(statement.sizes()[:part])
        zipper = zlib.compressobj(1, zlib.DEFLATED, 31)
        head = statement.answer() if part == 0 else {}
        self.server_of.check_answer('get', 200, head)
        head.pop('data', None)
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Encoding', 'gzip')
        self.send_header('Transfer-Encoding', 'chunked')
        self.end_headers()
        filler = 'x' * (statement.width - 10)

        def pieces():
            text = json.dumps(head)[:-1]
            yield text + (', ' if head else '') + '"data":['
            for begin in range(first, first + rows, 1000):
                yield (',' if begin > first else '') + ','.join(
                    f'["{n}","{n:09d} {filler}"]'
                    for n in range(begin, min(begin + 1000, first + rows)))
            yield ']}'
        for piece in itertools.chain(map(str.encode, pieces()), [None]):
            data = zipper.compress(piece) if piece else zipper.flush()
            if data:
                self.wfile.write(b'%x\r\n%s\r\n' % (len(data), data))
        self.wfile.write(b'0\r\n\r\n')
