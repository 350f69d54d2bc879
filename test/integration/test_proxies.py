# SPDX-License-Identifier: MIT
"""The proxies of the manual, run as it writes them."""

import getpass
import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess

import pytest
from lib.paths import ROOT
from lib.ports import free_port
from lib.server import Server
from lib.web import make_certificate

pytestmark = pytest.mark.shipped

NAME = 'reports.example.com'


def example(language):
    text = (ROOT / 'docs/http.md').read_text()
    return re.search(rf'```{language}\n(.*?)```', text, re.S)[1]


def nginx(folder, port):
    """nginx with the manual's server, as the user of the test."""
    conf = folder / 'nginx.conf'
    user = f'user {getpass.getuser()};' if os.geteuid() == 0 else ''
    conf.write_text(
        f'{user} daemon off; pid {folder}/pid; error_log {folder}/error.log;\n'
        'worker_processes 1; events {}\n'
        f'http {{ access_log off; client_body_temp_path {folder}/body;\n'
        f'proxy_temp_path {folder}/proxy;\n' + example('nginx').replace(
            'listen 443', f'listen 127.0.0.1:{port}') + '}\n')
    return [shutil.which('nginx') or '/usr/sbin/nginx', '-c', conf, '-p', folder]


def caddy(folder, port):
    conf = folder / 'Caddyfile'
    conf.write_text('{\n\tadmin off\n\tauto_https disable_redirects\n}\n' + example(
        'caddy').replace(f'{NAME} {{', f'https://{NAME}:{port} {{\n\tbind 127.0.0.1'))
    return ['caddy', 'run', '--config', conf, '--adapter', 'caddyfile']


@pytest.fixture(params=[nginx, caddy], ids=['nginx', 'caddy'])
def proxied(request, db, tmp_path, daemon, wait_for):
    """ask(method, path, ...) sends a request by TLS to the proxy's name."""
    one = Server(db, tmp_path, hosts=NAME, unlimited='127.0.0.1/32', rate=5)
    daemon(one.sections)
    wait_for(one.is_ready)
    authority, certificate, key = make_certificate(tmp_path, NAME)
    port = free_port()
    folder = tmp_path / 'proxy'
    folder.mkdir()
    command = request.param(folder, port)
    conf = next(path for path in folder.iterdir() if path.is_file())
    conf.write_text(conf.read_text().replace('127.0.0.1:8080', f'127.0.0.1:{one.port}')
                    .replace(f'/etc/ssl/private/{NAME}.key', str(key))
                    .replace(f'/etc/ssl/{NAME}.pem', str(certificate)))
    context = ssl.create_default_context(cafile=authority)

    class Connection(http.client.HTTPSConnection):
        def connect(self):
            self.sock = context.wrap_socket(
                socket.create_connection(('127.0.0.1', port), 20), server_hostname=NAME)

    def ask(method, path, body=None, role=None, **more):
        conn = Connection(NAME, port)
        headers = {'Authorization': f'Bearer {one.tokens[role]}'} if role else {}
        try:
            conn.request(method, path, body, headers, **more)
            response = conn.getresponse()
            return response.status, response.read()
        finally:
            conn.close()

    with open(folder / 'log', 'wb') as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={
            'HOME': str(folder), 'PATH': '/usr/sbin:/usr/bin:/sbin:/bin'})
    try:
        def up():
            assert process.poll() is None, (folder / 'log').read_text()
            try:
                return ask('GET', '/readyz')[0] == 200
            except OSError:
                return False
        wait_for(up, what='the proxy')
        ask.kind = request.param.__name__
        yield ask
    finally:
        process.terminate()
        process.wait(20)


def test_the_manuals_proxy(proxied):
    assert proxied('GET', '/healthz') == (200, b'{"status":"ok"}\n')
    status, page = proxied('GET', '/')
    assert status == 200 and page.startswith(b'<!doctype html>')
    assert proxied('GET', '/api/v1/overview')[0] == 401
    assert proxied('GET', '/api/v1/overview', role='web_ann')[0] == 200
    status, answer = proxied('POST', '/trigger', b'{}', 'web_ann')
    assert status == 200 and b'pending' in answer
    big = b'{"report_name": "' + b'x' * 2_000_000 + b'"}'
    assert proxied('POST', '/api/v1/reports', big, 'web_ann')[0] == 400
    chunks = proxied('POST', '/trigger', iter([b'{', b'}']), 'web_ann', encode_chunked=True)
    assert chunks[0] == (200 if proxied.kind == 'nginx' else 501)


def test_the_proxy_is_not_taken_for_a_client(proxied):
    """Its requests are many, and those of its clients."""
    assert [proxied('GET', '/healthz')[0] for _ in range(25)] == [200] * 25
