# SPDX-License-Identifier: MIT
"""A server that behaves like Redshift and lets a PostgreSQL server do the work.

It follows Redshift's documentation and reports from drivers' issue trackers. Where
reportd needs nothing, it is stricter than Redshift. It imitates the start of a session
with its few parameters, MD5 passwords, the simple protocol only, literals with
backslashes and without E'', the missing settings and statements, Redshift's type OIDs,
UNLOAD, COPY from a manifest with its tables of errors, and serializable transactions
whose conflicts are error 1023. `Typed` makes the same session with all of PostgreSQL's SQL and types, for
tests of the rows that a source of type redshift sends."""

import contextlib
import csv
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import socket
import struct
import tempfile
import threading

import psycopg

SOCKET = '.s.PGSQL.5432'
START = {'user', 'database', 'client_encoding', 'datestyle', 'timezone',
         'extra_float_digits', 'application_name', 'search_path', 'options'}
SETTINGS = {'datestyle', 'timezone', 'statement_timeout', 'query_group',
            'extra_float_digits', 'search_path', 'client_encoding',
            'enable_result_cache_for_session'}
REFUSED = re.compile(r'''
    ^copy\b.*\b(to\s+stdout|from\s+stdin) | ^(un)?listen\b | ^notify\b | ^discard\b
    | ^(declare|fetch|prepare|execute|deallocate)\b
    | \bskip\s+locked\b | \bfor\s+(update|share)\b | \bpg_(try_)?advisory
    | \bE\'\' | \bU&\'\' | \$[0-9]
    | \bon\s+conflict\b | \breturning\b | \bdistinct\s+on\b | ^do\b | \boverriding\b
    | \badd\s+column\s+if\b | \blateral\b | \bconcat_ws\b | \baclexplode\b | \bto_reg\w+\b
    | \bcreate\s+(unique\s+)?index\b | \bcreate\s+(constraint\s+)?trigger\b
    | ^lock\b.*\bin\b.*\bmode\b
''', re.I | re.S | re.X)
# Types that no column of Redshift has, or not as PostgreSQL has them.
DDL = re.compile(r'''^(create\s.*table|alter\s+table)\b.*(
    \b(jsonb?|uuid|bytea|xml|money|inet|cidr|serial)\b | \w\[\] | \bnumeric\s*[,)]
    | \bvarchar\s*\((7\d{4}|6[6-9]\d{3}|[89]\d{4}|\d{6,})\))''', re.I | re.S | re.X)
# Strings, identifiers and comments, by the rules of servers before 8.1.
QUOTED = re.compile(r"""'(?:[^'\\]|\\.|'')*' | "(?:[^"]|"")*" | --[^\n]*
    | /\*.*?\*/ | \$\$.*?\$\$""", re.S | re.X)
# PostgreSQL's types that stand for Redshift's own: json for SUPER, bytea for VARBYTE
# (without \x), interval for INTERVAL DAY TO SECOND, xml for GEOMETRY.
TYPES = {114: 4000, 3802: 4000, 17: 6551, 1186: 1190, 142: 3000}
STATUS = {'server_version': '8.0.2', 'client_encoding': 'UNICODE',
          'server_encoding': 'UNICODE', 'integer_datetimes': 'on',
          'is_superuser': 'off'}
UNLOAD = re.compile(r"\s*unload\s*\(\s*('(?:[^'\\]|\\.|'')*')\s*\)\s*to\s*"
                    r"('(?:[^'\\]|\\.|'')*')\s*(.*)$", re.I | re.S)
COPY = re.compile(r"\s*copy\s+([\w.\"]+)\s+from\s+('(?:[^'\\]|\\.|'')*')\s*(.*)$",
                  re.I | re.S)
LOAD_FAILED = "Load into table '{}' failed.  Check 'stl_load_errors' system table for details."


def message(kind, body=b''):
    return kind + struct.pack('!I', len(body) + 4) + body


def error(text, code, severity='ERROR', detail=None):
    fields = {'S': severity, 'C': code, 'M': text, 'D': detail,
              'F': '/home/rdsdb/padb/src/pg/error.c', 'L': '1', 'R': 'refuse'}
    return message(b'E', b''.join(k.encode() + v.encode() + b'\0'
                                  for k, v in fields.items() if v) + b'\0')


def close(sock):
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def read(sock, size):
    data = sock.recv(size, socket.MSG_WAITALL)
    if len(data) < size:
        raise OSError('closed')
    return data


def read_message(sock):
    kind = read(sock, 1)
    return kind, read(sock, struct.unpack('!I', read(sock, 4))[0] - 4)


def read_start(sock):
    """Reads the start of a session, after refusing requests for encryption."""
    while True:
        size, code = struct.unpack('!II', read(sock, 8))
        body = read(sock, size - 8)
        if code not in (80877103, 80877104):  # SSL, GSSAPI
            return code, body
        sock.sendall(b'N')


def bare(text):
    """Returns SQL with empty strings and identifiers and without comments."""
    return QUOTED.sub(lambda m: m[0][0] * 2 if m[0][0] in '\'"' else ' ', text).strip()


def split(text):
    """Returns the statements of a message."""
    parts, start = [], 0
    masked = QUOTED.sub(lambda m: ' ' * len(m[0]), text)
    for at in [m.start() for m in re.finditer(';', masked)] + [len(text)]:
        if text[start:at].strip():
            parts.append(text[start:at].strip())
        start = at + 1
    return parts


def strict_csv(text, name):
    """The rows of a CSV, whose values stand in quotes or have none of the special
    characters."""
    field = re.compile(r'"((?:[^"]|"")*)"|([^",\r\n]*)')
    at, row, line = 0, [], 1
    while at < len(text):
        found = field.match(text, at)
        value = found[2] if found[1] is None else found[1].replace('""', '"')
        at, end = found.end(), text[found.end():found.end() + 1]
        row.append(value)
        if end not in (',', '\n'):
            raise LoadError('Invalid quote formatting for CSV', line, '', value, name)
        at += 1
        if end == '\n':
            yield row
            row, line = [], line + 1
    if row:
        raise LoadError('Delimiter not found', line, '', row[-1], name)


def unquote(literal):
    return re.sub(r"\\(.)|''", lambda m: m[1] or "'", literal[1:-1], flags=re.S)


class Link:
    """A client's session, and its session on the PostgreSQL server."""

    def __init__(self, redshift, client):
        self.redshift, self.client, self.server = redshift, client, None
        self.columns = {}
        self.unloaded = self.copied = 0
        self.copying = self.load_error = None
        self.listening = threading.Event()
        self.state = b'I'
        self.ready = threading.Event()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        try:
            with contextlib.suppress(OSError):
                if self.begin():
                    threading.Thread(target=self.downwards, daemon=True).start()
                    self.upwards()
        finally:
            self.close()

    def close(self):
        close(self.client)
        if self.server is not None:
            close(self.server)

    def begin(self):
        code, body = read_start(self.client)
        if code == 80877102:  # cancel: the key is the PostgreSQL server's own
            with self.redshift.connect() as server:
                server.sendall(struct.pack('!II', len(body) + 8, code) + body)
                server.recv(1)
            unloading = self.redshift.unloading.get(body)
            if unloading is not None:
                unloading.cancel()
            return False
        words = body.rstrip(b'\0').decode().split('\0')
        start = dict(zip(words[::2], words[1::2]))
        self.redshift.starts.append(start)
        for name in start:
            if name.lower() not in START:
                self.refuse(f'unrecognized configuration parameter "{name}"', '42704')
                return False
        if not self.login(start['user']):
            self.refuse(f'password authentication failed for user "{start["user"]}"', '28000')
            return False
        self.user, self.database = start['user'], start['database']
        self.greet()
        return True

    def refuse(self, text, code):
        self.client.sendall(error(text, code, 'FATAL'))

    def login(self, user):
        users = self.redshift.users
        if users is None:
            return True
        salt = os.urandom(4)
        self.client.sendall(message(b'R', struct.pack('!I', 5) + salt))
        answer = read_message(self.client)[1].rstrip(b'\0')
        if user not in users:
            return False
        inner = hashlib.md5((users[user] + user).encode()).hexdigest()
        return answer.decode() == 'md5' + hashlib.md5(inner.encode() + salt).hexdigest()

    def greet(self):
        """Reads PostgreSQL's greeting and sends Redshift's."""
        self.server = self.redshift.connect()
        user = self.user if self.redshift.own else self.redshift.cluster.user
        words = {'user': user, 'database': self.database,
                 'client_encoding': 'UTF8', 'extra_float_digits': '0',
                 'options': '-c standard_conforming_strings=off '
                            '-c escape_string_warning=off -c backslash_quote=on '
                            '-c default_transaction_isolation=serializable'}
        body = b''.join(f'{k}\0{v}\0'.encode() for k, v in words.items()) + b'\0'
        self.server.sendall(struct.pack('!II', len(body) + 8, 196608) + body)
        status, answer = dict(STATUS), b''
        while True:
            kind, body = read_message(self.server)
            if kind == b'K':
                self.key = body
            if body == b'is_superuser\0on\0' and self.redshift.own:
                status['is_superuser'] = 'on'
            if kind in b'KZE':
                answer += message(kind, body)
            if kind in b'ZE':
                break
        self.client.sendall(message(b'R', struct.pack('!I', 0)) + b''.join(
            message(b'S', f'{k}\0{v}\0'.encode()) for k, v in status.items()) + answer)

    # Messages from the client.

    def upwards(self):
        while True:
            kind, body = read_message(self.client)
            if kind == b'X':
                return
            if kind != b'Q':
                self.redshift.strays.append(kind.decode())
                self.refuse(f'message {kind}: only simple queries are taken here', '08P01')
                return
            self.query(body.rstrip(b'\0').decode())

    def answer(self, data):
        """Sends an answer without asking the PostgreSQL server."""
        self.client.sendall(data + message(b'Z', self.state))

    def fail(self, text, code, detail=None):
        """Reports an error. An open transaction on the PostgreSQL server fails, too."""
        if self.state == b'I':
            self.answer(error(text, code, detail=detail))
            return
        detail = f", detail = '{detail}'" if detail else ''
        self.pass_on(f"do $$ begin raise exception using errcode = '{code}', "
                     f"message = '{text}'{detail}; end $$")

    def pass_on(self, text):
        self.server.sendall(message(b'Q', text.encode() + b'\0'))

    def query(self, text):
        parts = split(text)
        self.redshift.statements.extend(parts)
        for part in parts:
            fault = self.redshift.take(part)
            wrong = self.wrong(part)
            if fault is not None:
                return self.fail(**fault)
            if wrong is not None:
                return self.fail(wrong, '0A000')
        external = re.match(r'(create|drop|alter)\s+external\s+table', text, re.I)
        if external and self.state != b'I':
            return self.fail(f'{external[0].upper()} cannot run inside a transaction block', '25001')
        if external:
            return self.answer(message(b'C', external[0].upper().encode() + b'\0'))
        if re.match(r'\s*unload\b', text, re.I):
            return self.unload(text)
        if re.match(r'\s*copy\b', text, re.I):
            return self.copy(text)
        if 'pg_last_copy_count()' in text:
            text = f'select {self.copied}::bigint as pg_last_copy_count'
        if 'stl_load_errors' in text and not self.redshift.serverless:
            text = text.replace('pg_catalog.stl_load_errors', self.errors())
        if 'sys_load_error_detail' in text:
            text = text.replace('pg_catalog.sys_load_error_detail', self.errors())
        text = re.sub(r'\bgetdate\(\)', 'pg_catalog.clock_timestamp()', text, flags=re.I)
        if 'pg_last_unload_count()' in text:
            text = f'select {self.unloaded}::bigint as pg_last_unload_count'
        text = re.sub(r'\bset\s+query_group\s+to\b', 'set application_name to', text, flags=re.I)
        self.pass_on(text)

    @staticmethod
    def wrong(part):
        """Returns the reason why Redshift would refuse a statement, or None."""
        text = bare(part)
        refused = REFUSED.search(text)
        if refused:
            return f'syntax error at or near {refused[0][:20].strip()}'.replace("'", '')
        column = DDL.match(text)
        if column:
            return f'unsupported type {column[2]}'
        setting = re.match(r'(?:set|reset|show)\s+(?:local\s+|session\s+)?(\w+)', text, re.I)
        if setting and setting[1].lower() not in SETTINGS | {'all', 'seed'}:
            return f'unrecognized configuration parameter "{setting[1]}"'
        if re.match(r'set\s+(local\s+)?client_encoding', text, re.I) and not re.search(
                'utf8|utf-8|unicode', part, re.I):
            return 'unsupported client_encoding'
        floats = re.match(r'set\s+extra_float_digits\s+(?:to|=)\s+(\d+)', text, re.I)
        if floats and int(floats[1]) > 2:
            return f'{floats[1]} is outside the valid range for parameter (-15 .. 2)'
        if re.match(r'begin\b(?!(\s+(work|transaction))?(\s+isolation\s+level\s+'
                    r'(serializable|repeatable\s+read|read\s+(un)?committed))?'
                    r'(\s+read\s+(only|write))?$)', text, re.I):
            return 'syntax error in begin'
        return None

    # Messages from the server.

    def downwards(self):
        with contextlib.suppress(OSError):
            data = b''
            while more := self.server.recv(1 << 20):
                data = self.forward(data + more)
        self.close()

    def forward(self, data):
        """Passes complete messages on; returns the incomplete rest."""
        at, start, out, size = 0, 0, [], len(data)
        while at + 5 <= size:
            end = at + 1 + int.from_bytes(data[at + 1:at + 5], 'big')
            if end > size:
                break
            kind = data[at]
            # Rows without changes are passed on together with their neighbours.
            if kind != 68 or self.columns:
                out.append(data[start:at])
                out.append(self.translated(data[at:end]))
                start = end
            at = end
        out.append(data[start:at])
        self.client.sendall(b''.join(out))
        return data[at:]

    def translated(self, one):
        kind = one[:1]
        if self.copying and kind in b'GCEZ':
            one = self.copying_says(kind, one)
        if kind == b'E' and b'\0C40001\0' in one:
            return error('1023', 'XX000', detail='Serializable isolation violation on table '
                         'in Redshift')
        if kind in (b'S', b'N'):  # settings that Redshift lacks
            return b''
        if kind == b'T':
            return self.described(one)
        if kind == b'D':
            return self.row(one)
        if kind == b'Z':
            self.state = one[5:6]
        return one

    def described(self, one):
        self.columns, at = {}, 7
        data = bytearray(one)
        for i in range(struct.unpack_from('!H', one, 5)[0]):
            at = one.index(b'\0', at) + 1
            oid = struct.unpack_from('!I', one, at + 6)[0]
            if oid in TYPES:
                struct.pack_into('!I', data, at + 6, TYPES[oid])
            if oid == 17:
                self.columns[i] = oid
            at += 18
        return bytes(data)

    def row(self, one):
        """Removes \\x from bytea: VARBYTE is written as hexadecimal digits only."""
        count, at, fields = struct.unpack_from('!H', one, 5)[0], 7, []
        for i in range(count):
            size = struct.unpack_from('!i', one, at)[0]
            value = one[at + 4:at + 4 + max(size, 0)]
            if i in self.columns and size > 0:
                value = value.removeprefix(b'\\x')
                size = len(value)
            fields.append(struct.pack('!i', size) + value)
            at += 4 + max(struct.unpack_from('!i', one, at)[0], 0)
        return message(b'D', struct.pack('!H', count) + b''.join(fields))

    # UNLOAD.

    def unload(self, text):
        found = UNLOAD.match(text)
        try:
            assert found, 'syntax error in UNLOAD'
            self.unloaded = self.redshift.unload(
                self, unquote(found[1]), unquote(found[2]), found[3])
        except (AssertionError, psycopg.Error) as wrong:
            return self.fail(str(wrong).splitlines()[0].replace("'", ''), getattr(
                wrong, 'sqlstate', None) or '42601')
        notice = f'UNLOAD completed, {self.unloaded} record(s) unloaded successfully.'
        self.answer(message(b'N', f'SINFO\0C00000\0M{notice}\0\0'.encode())
                    + message(b'C', b'UNLOAD\0'))


    # COPY.

    def errors(self):
        """A relation that stands for Redshift's tables of errors of COPY."""
        values = self.load_error or ('', 0, '', '', '')
        literals = ', '.join("'" + str(v).replace('\\', '\\\\').replace("'", "''") + "'"
                             for v in values)
        session = 'pg_backend_pid()' if self.load_error else '0'
        return (f'(select {session} as session, {session} as session_id, now() as starttime, '
                'now() as start_time, f.err_reason as error_message, f.colname as column_name, '
                f'f.filename as file_name, f.* from (values ({literals})) '
                'f (err_reason, line_number, colname, raw_field_value, filename))')

    def copy(self, text):
        """Reads the objects of a manifest and gives their rows to the session's server."""
        found = COPY.match(text)
        self.load_error = None
        try:
            assert found, 'syntax error in COPY'
            table = found[1]
            rows, self.sources = self.redshift.rows(unquote(found[2]), found[3])
        except AssertionError as wrong:
            return self.fail(str(wrong).splitlines()[0].replace("'", ''), 'XX000')
        except LoadError as wrong:
            self.load_error = wrong.args
            return self.fail(LOAD_FAILED.format(table).replace("'", "''"), 'XX000')
        self.copied, self.copying = 0, table
        self.listening.clear()
        self.pass_on(f"copy {table} from stdin (format text, null '\\\\N')")
        self.listening.wait(30)
        if self.copying:
            self.server.sendall(message(b'd', rows) + message(b'c'))

    def copying_says(self, kind, one):
        """Turns the answers to COPY FROM STDIN into those of Redshift's COPY."""
        if kind == b'G':
            self.listening.set()
            return b''
        if kind == b'C':
            self.copied = int(one[5:].rstrip(b'\0').rsplit(b' ', 1)[1])
            return message(b'C', b'COPY\0')
        if kind == b'E':
            fields = {f[:1]: f[1:].decode() for f in one[5:].split(b'\0') if f}
            at = re.search(r'line (\d+)(?:, column ([^:]+))?(?:: "(.*)")?', fields.get(b'W', ''))
            if at is None:
                self.copying = None
                self.listening.set()
                return one
            name, line = self.sources[int(at[1]) - 1]
            self.load_error = (fields[b'M'], line, at[2] or '', at[3] or '', name)
            return error(LOAD_FAILED.format(self.copying), 'XX000')
        self.copying = None
        self.listening.set()
        return one


class LoadError(Exception):
    """(reason, line, column, value, object)"""


class TypedLink(Link):
    """Translates the two statements that PostgreSQL does not accept."""

    def greet(self):
        self.server = self.redshift.connect()
        words = {'user': self.user, 'database': self.database, 'client_encoding': 'UTF8'}
        body = b''.join(f'{k}\0{v}\0'.encode() for k, v in words.items()) + b'\0'
        self.server.sendall(struct.pack('!II', len(body) + 8, 196608) + body)

    def upwards(self):
        while True:
            kind, body = read_message(self.client)
            if kind == b'Q':
                self.query(body.rstrip(b'\0').decode())
            else:
                self.server.sendall(message(kind, body))

    def query(self, text):
        text = re.sub(r'\bset query_group to\b', 'set application_name to', text)
        text = re.sub('^begin read only', 'begin isolation level repeatable read read only', text)
        self.pass_on(text)

    def forward(self, data):
        self.client.sendall(data)
        return b''


class Redshift:
    """Listens in a folder of its own. `users` is {name: password}, or None for any user;
    `starts` and `statements` are what clients sent; `store` takes S3 objects."""

    link = Link

    def __init__(self, cluster, store=None, own=False):
        self.cluster = cluster
        self.store = store
        self.dir = tempfile.mkdtemp(prefix='reportd-redshift-', dir='/tmp')
        self.users = None
        self.starts, self.statements, self.strays, self.faults = [], [], [], []
        self.unloading = {}
        self.parts = 2
        # Sessions are those of the PostgreSQL role of the user's name.
        self.own = own
        self.serverless = False
        self.lock = threading.Lock()
        self.links = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(self.dir, SOCKET))
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def conninfo(self, db, **more):
        return psycopg.conninfo.make_conninfo(
            host=self.dir, port=5432, dbname=db.name, user='awsuser') + ''.join(
                f' {k}={v}' for k, v in more.items())

    def connect(self):
        server = socket.socket(socket.AF_UNIX)
        server.connect(os.path.join(self.cluster.host, SOCKET))
        return server

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.links.append(self.link(self, client))

    def fail_at(self, pattern, text, code, detail=None, times=1):
        """Lets the next statements that match the pattern fail with this error."""
        self.faults.append({'pattern': re.compile(pattern, re.I | re.S), 'times': times,
                            'error': {'text': text, 'code': code, 'detail': detail}})

    def take(self, statement):
        with self.lock:
            for fault in self.faults:
                if fault['times'] > 0 and fault['pattern'].search(statement):
                    fault['times'] -= 1
                    return fault['error']
        return None

    def cut(self):
        for link in self.links:
            link.close()

    def remove(self):
        close(self.listener)
        self.listener.close()
        self.cut()
        shutil.rmtree(self.dir, ignore_errors=True)
        assert not self.strays, f'messages that Redshift is spared: {self.strays}'

    def unload(self, link, query, to, options):
        """Runs the query, writes its parts and the manifest; returns the number of rows."""
        words = bare(options).upper()
        assert re.match(r's3://[^/]+/.+', to), f'invalid S3 path {to}'
        assert "IAM_ROLE ''" in words or 'IAM_ROLE DEFAULT' in words, 'no credentials'
        assert not re.search(r'\blimit\s+\d+\s*$', bare(query), re.I), \
            'Limit clause is not supported'
        assert not re.search(r'HEADER.*(PARQUET|JSON)|(PARQUET|JSON).*HEADER', words), \
            'HEADER is not supported for UNLOAD to PARQUET or JSON'
        left = re.sub(r"IAM_ROLE ''|FORMAT( AS)? (CSV|JSON|PARQUET)|DELIMITER( AS)? ''|"
                      r"NULL( AS)? ''|REGION( AS)? ''|MAXFILESIZE( AS)? \d+ MB|"
                      r"PARALLEL (ON|OFF)|MANIFEST( VERBOSE)?|HEADER|GZIP|ZSTD|"
                      r'ENCRYPTED|ALLOWOVERWRITE|CLEANPATH', '', words).strip()
        assert not left, f'syntax error at or near {left}'
        with psycopg.connect(self.cluster.conninfo(link.database), options=(
                '-c standard_conforming_strings=off -c escape_string_warning=off')) as conn:
            self.unloading[link.key] = conn
            cursor = conn.execute(query)
            del self.unloading[link.key]
            names = [c.name for c in cursor.description]
            types = [str(c.type_code) for c in cursor.description]
            rows = cursor.fetchall()
        entries = []
        for n in range(self.parts):
            part = rows[n::self.parts]
            data = self.encoded(options, words, names, part)
            suffix = '.gz' if 'GZIP' in words else \
                '.parquet' if 'PARQUET' in words else ''
            url = f'{to}{n:04}_part_00{suffix}'
            self.put(url, data, 'ALLOWOVERWRITE' in words)
            entries.append({'url': url, 'meta': {
                'content_length': len(data), 'record_count': len(part)}})
        if 'MANIFEST' in words:
            self.put(f'{to}manifest', self.manifest(
                entries, names, types).encode(), 'ALLOWOVERWRITE' in words)
        return len(rows)

    def fetch(self, url):
        bucket, _, key = url.removeprefix('s3://').partition('/')
        assert self.store is not None, 'S3ServiceException: there is no S3'
        try:
            return self.store.get(bucket, key)
        except KeyError:
            return None

    def rows(self, manifest, options):
        """What COPY FROM STDIN reads instead, and where each row comes from."""
        words = bare(options)
        null = re.search(r"\bnull\s+as\s+'([^']+)'", options, re.I)
        left = re.sub(r"IAM_ROLE\s+(''|DEFAULT)|REGION\s+''|MANIFEST|FORMAT\s+AS\s+CSV|GZIP|"
                      r"NULL\s+AS\s+''|DATEFORMAT\s+''|TIMEFORMAT\s+''|ROUNDEC|"
                      r'COMPUPDATE\s+OFF|STATUPDATE\s+OFF', '', words, flags=re.I).strip()
        assert not left, f'syntax error at or near {left}'
        assert re.search(r"iam_role\s+(''|default)", words, re.I), 'no credentials'
        assert all(re.search(rf'\b{w}\b', words, re.I) for w in ('manifest', 'csv', 'gzip'))
        assert re.match(r's3://[^/]+/.+', manifest), f'invalid S3 path {manifest}'
        listed = self.fetch(manifest)
        assert listed is not None, (
            'S3ServiceException:The specified key does not exist.,Status 404,Error NoSuchKey')
        out, sources = [], []
        for entry in json.loads(listed)['entries']:
            data = self.fetch(entry['url'])
            if data is None:
                assert not entry.get('mandatory'), (
                    'S3ServiceException:The specified key does not exist.,Status 404,'
                    'Error NoSuchKey')
                continue
            size = entry.get('meta', {}).get('content_length', len(data))
            assert size == len(data), (
                f'File size mismatch: content_length {size}, actual {len(data)}')
            try:
                text = gzip.decompress(data).decode()
            except (OSError, EOFError, UnicodeDecodeError) as wrong:
                raise LoadError(str(wrong), 0, '', '', entry['url']) from wrong
            for number, row in enumerate(strict_csv(text, entry['url']), 1):
                assert sum(map(len, row)) <= 4 << 20, 'row longer than 4194304 bytes'
                out.append('\t'.join(
                    '\\N' if value == null[1] else re.sub(
                        r'[\\\t\n\r]', lambda m: {'\\': '\\\\', '\t': '\\t', '\n': '\\n',
                                                 '\r': '\\r'}[m[0]], value)
                    for value in row))
                sources.append((entry['url'], number))
        return ''.join(line + '\n' for line in out).encode(), sources

    def manifest(self, entries, names, types):
        return json.dumps({
            'entries': entries,
            'schema': {'elements': [{'name': n, 'type': {'base': t}}
                                    for n, t in zip(names, types)]},
            'meta': {k: sum(e['meta'][k] for e in entries)
                     for k in ('content_length', 'record_count')},
            'author': {'name': 'Amazon Redshift', 'version': '1.0.0'}}, indent=2)

    @staticmethod
    def encoded(options, words, names, rows):
        if 'PARQUET' in words:
            return b'PAR1' + repr(rows).encode() + b'PAR1'
        if 'JSON' in words:
            data = ''.join(json.dumps(dict(zip(names, r)), default=str) + '\n' for r in rows)
        else:
            delimiter = re.search(r"DELIMITER(?: AS)? '(.)'", options, re.I)
            out = io.StringIO()
            writer = csv.writer(out, delimiter=delimiter[1] if delimiter else ',',
                                lineterminator='\n')
            writer.writerows(([names] if 'HEADER' in words else []) + rows)
            data = out.getvalue()
        return gzip.compress(data.encode()) if 'GZIP' in words else data.encode()

    def put(self, url, data, overwrite):
        bucket, _, key = url.removeprefix('s3://').partition('/')
        assert self.store is not None, 'S3ServiceException: there is no S3'
        assert overwrite or not self.store.exists(bucket, key), \
            'Specified unload destination on S3 is not empty. Consider using a ' \
            'different bucket / prefix, manually removing the target files in S3, or ' \
            'using the ALLOWOVERWRITE option.'
        self.store.put(bucket, key, data)


class Typed(Redshift):
    """PostgreSQL in a session like Redshift's; a context manager that ends it."""

    link = TypedLink

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.remove()

    def source(self, db):
        """Returns the keys of [source.NAME] for this database."""
        return {'type': 'redshift', 'conninfo': psycopg.conninfo.make_conninfo(
            db.conninfo, host=self.dir, port=5432)}
