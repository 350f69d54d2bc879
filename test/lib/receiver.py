# SPDX-License-Identifier: MIT
"""An HTTP(S) server that records webhooks and can fail on demand."""

import collections
import contextlib
import http.server
import json
import ssl
import subprocess
import threading

Taken = collections.namedtuple('Taken', 'path headers body json')


class Receiver:
    """`taken` has all requests in order. `answers` is a list of answers for the next
    requests; `answer` is for all others. An answer is a status, a (status, headers,
    body), 'cut' (reads, then closes), 'half' (200 and a part of a body), 'hang'
    (reads, then does not answer until released), or a function of the request that
    returns one of these."""

    def __init__(self, tls=None, address='127.0.0.1'):
        self.taken = []
        self.answers = []
        self.answer = 200
        self.released = threading.Event()
        self.hanging = threading.Semaphore(0)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'
            disable_nagle_algorithm = True

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
                outer.serve(self, body)

            do_GET = do_PUT = do_POST

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request, client_address):
                pass

        self.server = Server((address, 0), Handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls)
            self.server.socket = context.wrap_socket(self.server.socket,
                                                     server_side=True)
        self.port = self.server.server_address[1]
        self.scheme = 'https' if tls else 'http'
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self.server.serve_forever,
                                       kwargs={'poll_interval': 0.02})
        self.thread.start()

    def url(self, path='/hook', host='127.0.0.1'):
        return f'{self.scheme}://{host}:{self.port}{path}'

    def serve(self, handler, body):
        try:
            parsed = json.loads(body)
        except ValueError:
            parsed = None
        request = Taken(handler.path, dict(handler.headers), body, parsed)
        with self.lock:
            self.taken.append(request)
            answer = self.answers.pop(0) if self.answers else self.answer
        if callable(answer):
            answer = answer(request)
        if answer == 'hang':
            self.hanging.release()
            self.released.wait(120)
            answer = 'cut'
        if answer == 'cut':
            handler.close_connection = True
            with contextlib.suppress(OSError):
                handler.connection.shutdown(2)
            return
        size = None
        if answer == 'half':
            answer, size = (200, {}, 'x' * 1000), 10
        status, headers, text = answer if isinstance(answer, tuple) else (answer, {}, 'ok')
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header('Content-Length', str(len(text.encode())))
        handler.end_headers()
        with contextlib.suppress(OSError):  # the client may have closed already
            handler.wfile.write(text.encode()[:size])
        if size is not None:
            handler.close_connection = True

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def certificate(folder, names=('DNS:localhost', 'IP:127.0.0.1')):
    """Makes a self-signed certificate with its key in one file, which clients can trust
    as a CA."""
    path = folder / 'tls.pem'
    subprocess.run(
        ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
         'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj',
         '/CN=localhost', '-addext', f'subjectAltName={",".join(names)}',
         '-keyout', path, '-out', folder / 'tls.crt'],
        check=True, capture_output=True)
    with open(path, 'a') as pem:
        pem.write((folder / 'tls.crt').read_text())
    return path, folder / 'tls.crt'
