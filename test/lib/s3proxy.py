# SPDX-License-Identifier: MIT
"""A proxy in front of an S3 server that can fail on demand, at a chosen request.

A request is known by its operation: create, part, complete, abort, put, get, head,
delete, uploads (their list), parts, lifecycle. A fault for the next request of an operation is:

    cut before      the server never gets the request, the connection ends
    cut within      the connection ends after half of the body was read
    cut after       the server has acted, its answer is lost
    hold before     waits until .go is set; then goes on, or is lost with .drop
    hold after      the server has acted; the answer waits for .go
    NUMBER, CODE    an answer with this status and S3's error code instead
    200 error       the answer to complete has status 200 and contains an error
    200, BYTES      an answer with this body instead
    short           the answer ends, with its connection, in the middle of its body

Servers that do not know If-Match at DELETE get it from the proxy, see `compare_at_delete`.
"""

import contextlib
import socket
import socketserver
import threading
import urllib.parse

ERROR = ('<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{}</Code>'
         '<Message>{}</Message><RequestId>TEST</RequestId></Error>')


def operation(method, target):
    query = urllib.parse.parse_qs(target.partition('?')[2], keep_blank_values=True)
    if 'lifecycle' in query:
        return 'lifecycle'
    if 'uploads' in query:
        return 'create' if method == 'POST' else 'uploads'
    if 'uploadId' in query:
        return {'POST': 'complete', 'DELETE': 'abort', 'GET': 'parts',
                'PUT': 'part'}[method]
    return {'PUT': 'put', 'GET': 'get', 'HEAD': 'head', 'DELETE': 'delete',
            'POST': 'post'}[method]


class Fault:
    def __init__(self, op, what, number=None, forever=False):
        self.op, self.what, self.number, self.forever = op, what, number, forever
        self.met = threading.Event()
        self.go = threading.Event()
        self.drop = False

    def wait(self, timeout=30):
        assert self.met.wait(timeout), f'waited {timeout} s for {self.op} ({self.what})'

    def fits(self, op, number):
        return op == self.op and self.number in (None, number)


def read_head(f):
    lines = []
    while (line := f.readline()) not in (b'\r\n', b'\n'):
        if not line:
            return None, {}
        lines.append(line)
    headers = {}
    for line in lines[1:]:
        name, _, value = line.decode('latin-1').partition(':')
        headers[name.strip().lower()] = value.strip()
    return lines, headers


class Handler(socketserver.StreamRequestHandler):
    def setup(self):
        super().setup()
        self.upstream = None
        self.server.owner.clients.add(self.connection)

    def finish(self):
        self.server.owner.clients.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()
        if self.upstream:
            self.upstream.close()

    def handle(self):
        with contextlib.suppress(OSError, EOFError):
            while self.one():
                pass

    def connect(self):
        if self.upstream is None:
            self.upstream = socket.create_connection(self.server.owner.target)
            self.answers = self.upstream.makefile('rb')

    def one(self):
        owner = self.server.owner
        lines, headers = read_head(self.rfile)
        if lines is None:
            return False
        method, target, _ = lines[0].decode('latin-1').split(' ', 2)
        op = operation(method, target)
        query = urllib.parse.parse_qs(target.partition('?')[2])
        number = int(query.get('partNumber', ['0'])[0])
        length = int(headers.get('content-length', 0))
        fault = owner.take(op, number)
        what = fault.what if fault else None
        if what == 'cut within':
            self.rfile.read(length // 2)
            fault.met.set()
            return False
        body = self.rfile.read(length)
        owner.requests.append((op, number, target, headers))
        if what == 'cut before':
            fault.met.set()
            return False
        if what == 'hold before':
            fault.met.set()
            fault.go.wait()
            if fault.drop:
                return False
        if isinstance(what, tuple):
            fault.met.set()
            return self.answer(*what, method)
        if what == '200 error':
            fault.met.set()
            return self.answer(200, 'InternalError', method)
        if op == 'delete' and owner.etag_of and 'if-match' in headers:
            with owner.writes:
                if owner.etag_of(target) != headers['if-match']:
                    return self.answer(412, 'PreconditionFailed', method)
                reply = self.ask(lines, body, method)
        else:
            reply = self.ask(lines, body, method)
        if what == 'short':
            fault.met.set()
            head, blank, content = reply.partition(b'\r\n\r\n')
            self.wfile.write(head + blank + content[:len(content) // 2])
            return False
        if what == 'cut after':
            fault.met.set()
            return False
        if what == 'hold after':
            fault.met.set()
            fault.go.wait()
            if fault.drop:
                return False
        for old, new in owner.rewrites:
            assert len(old) == len(new)
            reply = reply.replace(old, new)
        self.wfile.write(reply)
        return b'connection: close' not in reply.lower()

    def ask(self, lines, body, method):
        self.connect()
        self.upstream.sendall(b''.join(lines) + b'\r\n' + body)
        return self.read_reply(method)

    def answer(self, status, code, method):
        body = code if isinstance(code, bytes) else \
            ERROR.format(code, f'the proxy says {code}').encode()
        if method == 'HEAD':
            body = b''
        self.wfile.write(
            f'HTTP/1.1 {status} Fault\r\nContent-Type: application/xml\r\n'
            f'Content-Length: {len(body)}\r\n\r\n'.encode() + body)
        return True

    def read_reply(self, method):
        while True:
            lines, headers = read_head(self.answers)
            if lines is None:
                raise EOFError
            status = int(lines[0].split()[1])
            if status != 100:
                break
        head = b''.join(lines) + b'\r\n'
        if method == 'HEAD' or status in (204, 304):
            return head
        if 'chunked' in headers.get('transfer-encoding', ''):
            return head + self.read_chunks()
        return head + self.answers.read(int(headers.get('content-length', 0)))

    def read_chunks(self):
        whole = b''
        while True:
            line = self.answers.readline()
            size = int(line.split(b';')[0], 16)
            whole += line + self.answers.read(size + 2)
            if size == 0:
                return whole


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        pass


class S3Proxy:
    """`endpoint` leads through the proxy; `requests` are the requests that arrived."""

    def __init__(self, target):
        self.target = target
        self.requests, self.faults = [], []
        self.rewrites = []  # (old, new) bytes of answers, of equal length
        self.clients = set()
        self.etag_of = None
        self.writes = threading.Lock()
        self.lock = threading.Lock()
        self.server = Server(('127.0.0.1', 0), Handler)
        self.server.owner = self
        self.port = self.server.server_address[1]
        self.endpoint = f'http://127.0.0.1:{self.port}'
        threading.Thread(target=self.server.serve_forever, args=(0.05,),
                         daemon=True).start()

    def take(self, op, number):
        with self.lock:
            for fault in self.faults:
                if fault.fits(op, number):
                    if not fault.forever:
                        self.faults.remove(fault)
                    return fault
        return None

    def at(self, op, what, number=None, forever=False):
        fault = Fault(op, what, number, forever)
        with self.lock:
            self.faults.append(fault)
        return fault

    def compare_at_delete(self, client):
        """Lets DELETE know If-Match, as AWS does. `client` is boto3's; who replaces objects
        meanwhile holds `writes`."""
        def etag_of(target):
            bucket, _, key = urllib.parse.unquote(target.partition('?')[0])[1:].partition('/')
            with contextlib.suppress(client.exceptions.ClientError):
                return client.head_object(Bucket=bucket, Key=key)['ETag']
            return None
        self.etag_of = etag_of

    def clear(self):
        with self.lock:
            for fault in self.faults:
                fault.go.set()
            self.faults.clear()

    def operations(self):
        return [op for op, *_ in self.requests]

    def remove(self):
        self.clear()
        self.server.shutdown()
        self.server.server_close()
        for client in list(self.clients):
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
