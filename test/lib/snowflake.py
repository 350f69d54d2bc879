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

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from lib import snowflakeapi
from lib.snowflakesql import Refused, Statement

ACCOUNT, USER = 'MYORG-REPORTS', 'REPORTER'


@dataclasses.dataclass
class Fault:
    """What goes wrong with the next requests of a kind: `on` is post, get (of a status or
    the first partition), partition (of a later one) or cancel. `status` and `code` answer
    in place of it; `after` does so although the request was carried out; `cut` ends the
    connection before an answer, `cut_at` after this many bytes of its body. `change` gets
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
            # The request of a killed process may be read after the one that asks for it.
            if old and 'retry' not in query and not old.asked_for:
                self.refuse(400, '390142', 'a request was repeated without retry=true')
            if not old:
                old = Statement(self, body, request_id)
                old.asked_for = 'retry' in query
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
        query = urllib.parse.parse_qs(url.query, strict_parsing=bool(url.query),
                                      keep_blank_values=True)
        found = re.fullmatch(
            f'/api/v2/statements(?:/({snowflakeapi.UUID})(/cancel)?)?', url.path)
        if not found:
            self.server_of.refuse(404, '390404', f'no such path: {url.path}')
        handle, _, cancel = found.groups()
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
            body = snowflakeapi.read_body(text) if kind == 'post' else None
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
        except ValueError as e:
            server.wrong.append(f'{self.path}: {e!r}')
            status, answer = 400, {'code': '390142', 'message': repr(e)}
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
