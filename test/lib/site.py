# SPDX-License-Identifier: MIT
"""A web server over TLS: files with ETag and time, and answers that tests make."""

import collections
import contextlib
import email.utils
import hashlib
import http.server
import json
import ssl
import threading

Asked = collections.namedtuple('Asked', 'method path headers')


class Site:
    """`files` has the content of paths. `answers` has, for paths without the query, a
    function of the request or a list of answers of which each is given once, the last
    one for ever: (status, headers, body), where the body is bytes, a text, or what
    becomes JSON; or 'cut'. `headers` are added to each file; None leaves one out.
    `asked` are all requests."""

    def __init__(self, pem):
        self.files, self.answers, self.headers, self.asked = {}, {}, {}, []
        self.no_head = self.no_match = False
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'
            disable_nagle_algorithm = True

            def do_GET(self):
                outer.serve(self)

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass

        self.server = Server(('127.0.0.1', 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.base = f'https://localhost:{self.port}'
        self.lock = threading.Lock()
        threading.Thread(target=self.server.serve_forever, kwargs={'poll_interval': 0.02},
                         daemon=True).start()

    def url(self, path):
        return self.base + path

    def queries(self, path):
        """The queries with which a path was asked, in order."""
        return [one.path.partition('?')[2] for one in self.asked
                if one.path.partition('?')[0] == path]

    def serve(self, handler):
        request = Asked(handler.command, handler.path, dict(handler.headers))
        path = handler.path.partition('?')[0]
        with self.lock:
            self.asked.append(request)
            made = self.answers.get(path)
            if isinstance(made, list):
                made = made.pop(0) if len(made) > 1 else made[0]
        if callable(made):
            made = made(request)
        if made is None:
            made = self.file(request, path)
        if made == 'cut':
            handler.close_connection = True
            with contextlib.suppress(OSError):
                handler.connection.shutdown(2)
            return
        status, headers, body = made
        if not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        body = body.encode() if isinstance(body, str) else body
        handler.send_response(status)
        for name, value in {'Content-Length': str(len(body)), **headers}.items():
            if value is not None:
                handler.send_header(name, value)
        handler.end_headers()
        if handler.command != 'HEAD':
            with contextlib.suppress(OSError):
                handler.wfile.write(body)
        if 'Content-Length' in headers:
            handler.close_connection = True

    def file(self, request, path):
        if request.method == 'HEAD' and self.no_head:
            return 405, {}, b''
        if path not in self.files:
            return 404, {}, b'no such file'
        body = self.files[path]
        tag = f'"{hashlib.md5(body).hexdigest()}"'
        if request.headers.get('If-Match', tag) != tag and not self.no_match:
            return 412, {}, b''
        return 200, {'ETag': tag, 'Last-Modified': email.utils.formatdate(usegmt=True),
                     **self.headers}, body

    def close(self):
        self.server.shutdown()
        self.server.server_close()
