# SPDX-License-Identifier: MIT
"""Small servers between a client and its target: a proxy, redirects, certificates."""

import contextlib
import http.server
import select
import socket
import subprocess
import threading


class Proxy:
    """An HTTP proxy for CONNECT and for requests with a whole URL. `seen` has the
    requests; with `status`, that is the answer to all of them."""

    def __init__(self):
        self.seen, self.status = [], None
        self.http = http.server.ThreadingHTTPServer(('127.0.0.1', 0), ProxyHandler)
        self.http.daemon_threads = True
        self.http.proxy = self
        self.url = f'http://127.0.0.1:{self.http.server_address[1]}'
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.http.shutdown()
        self.http.server_close()


class ProxyHandler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_CONNECT(self):
        proxy = self.server.proxy
        proxy.seen.append(self.path)
        if proxy.status:
            return self.send_error(proxy.status)
        host, _, port = self.path.rpartition(':')
        with socket.create_connection((host.strip('[]'), int(port))) as server:
            self.send_response(200)
            self.end_headers()
            self.pump(server)
        return None

    def pump(self, server):
        ends = {self.connection: server, server: self.connection}
        with contextlib.suppress(OSError):
            while True:
                for ready in select.select(list(ends), [], [])[0]:
                    data = ready.recv(65536)
                    if not data:
                        return
                    ends[ready].sendall(data)

    def forward(self):
        """Passes a request with a whole URL on, on a connection of its own."""
        proxy = self.server.proxy
        proxy.seen.append(self.path)
        if proxy.status:
            return self.send_error(proxy.status)
        host, slash, path = self.path.removeprefix('http://').partition('/')
        name, _, port = host.partition(':')
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        with socket.create_connection((name, int(port or 80))) as server:
            head = ''.join(f'{key}: {value}\r\n' for key, value in self.headers.items()
                           if key.lower() not in ('connection', 'proxy-connection'))
            server.sendall(f'{self.command} {slash}{path} HTTP/1.1\r\n{head}'
                           'Connection: close\r\n\r\n'.encode() + body)
            while data := server.recv(65536):
                self.wfile.write(data)
        self.close_connection = True
        return None

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = forward


class Site:
    """A web server. `answers` has a (status, headers, body) for each path; `seen` has the
    paths, methods, headers and bodies of the requests."""

    def __init__(self, host='127.0.0.1', tls=None):
        self.seen, self.answers = [], {}
        self.http = http.server.ThreadingHTTPServer((host, 0), SiteHandler)
        self.http.daemon_threads = True
        self.http.site = self
        if tls:
            self.http.socket = tls.wrap_socket(self.http.socket, server_side=True,
                                               do_handshake_on_connect=False)
        self.port = self.http.server_address[1]
        self.url = f'{"https" if tls else "http"}://{host}:{self.port}'
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.http.shutdown()
        self.http.server_close()


class SiteHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *args):
        pass

    def answer(self):
        site = self.server.site
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        site.seen.append((self.command, self.path, self.headers, body))
        status, headers, text = site.answers.get(self.path, (404, {}, b'nothing here'))
        self.send_response(status)
        for name, value in {'Content-Length': str(len(text)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_PUT = do_POST = do_DELETE = answer


def make_certificate(folder, name='127.0.0.1'):
    """Makes a CA and a certificate from it for an address (or a name); returns the paths
    ca.pem, cert.pem and key.pem."""
    kind = 'IP' if name[0].isdigit() else 'DNS'
    run = dict(cwd=folder, check=True, capture_output=True)
    (folder / 'san').write_text(f'subjectAltName={kind}:{name}\n')
    key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    subprocess.run(['openssl', 'req', '-x509', *key, '-keyout', 'ca.key', '-out', 'ca.pem',
                    '-days', '2', '-subj', '/CN=Test CA'], **run)
    subprocess.run(['openssl', 'req', *key, '-keyout', 'key.pem', '-out', 'cert.csr',
                    '-subj', f'/CN={name}'], **run)
    subprocess.run(['openssl', 'x509', '-req', '-in', 'cert.csr', '-CA', 'ca.pem',
                    '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'san',
                    '-out', 'cert.pem'], **run)
    return folder / 'ca.pem', folder / 'cert.pem', folder / 'key.pem'
