# SPDX-License-Identifier: MIT
"""reportd with its HTTP server: a port, a login, roles and their tokens."""

import hashlib
import http.client
import json
import secrets
import socket

import psycopg
from psycopg import sql

from lib.ports import free_port

LOGIN = 'reportd_http'
# Roles of the tokens, and what they are members of.
ROLES = {'web_ann': 'reportd_submitter', 'web_bob': 'reportd_submitter',
         'web_olga': 'reportd_operator', 'web_vera': 'reportd_viewer'}


def make_roles(db):
    """Makes the roles; they stay, as roles belong to the whole server."""
    def make(name, options):
        if not db.value('select 1 from pg_roles where rolname = %s', name):
            db.execute(sql.SQL('create role {} ' + options).format(sql.Identifier(name)))
    make(LOGIN, 'login noinherit')
    for name, group in ROLES.items():
        make(name, 'nologin')
        db.execute(sql.SQL('grant {} to {}').format(*map(sql.Identifier, (group, name))))
        db.execute(sql.SQL('grant {} to {}').format(*map(sql.Identifier, (name, LOGIN))))


class Answer:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = response.headers
        self.body = body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f'<{self.status} {self.body[:300]!r}>'


class Server:
    """The HTTP server of a daemon that a test starts with `sections`."""

    def __init__(self, db, folder, **keys):
        make_roles(db)
        self.port = free_port()
        self.tokens = {role: secrets.token_hex(16) for role in ROLES}
        self.file = folder / 'tokens'
        self.write_tokens()
        conninfo = psycopg.conninfo.make_conninfo(db.conninfo, user=LOGIN)
        self.sections = {'server': {
            'listen': f'127.0.0.1:{self.port}', 'conninfo': conninfo,
            'token_file': self.file, 'rate': 0, 'share': 100, **keys}}

    def write_tokens(self):
        self.file.write_text('# role, SHA-256 of the token\n\n' + ''.join(
            f'{role} {hashlib.sha256(token.encode()).hexdigest()}\n'
            for role, token in self.tokens.items()))
        self.file.chmod(0o600)

    def ask(self, method, path, body=None, role=None, headers=None, timeout=20):
        """Sends a request on a connection of its own; a dict becomes JSON."""
        conn = http.client.HTTPConnection('127.0.0.1', self.port, timeout=timeout)
        fields = dict(headers or {})
        if role:
            fields.setdefault('Authorization', f'Bearer {self.tokens[role]}')
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            fields.setdefault('Content-Type', 'application/json')
        try:
            conn.request(method, path, body, fields)
            response = conn.getresponse()
            return Answer(response, response.read())
        finally:
            conn.close()

    def get(self, path, role=None, **how):
        return self.ask('GET', path, role=role, **how)

    def post(self, path, body=None, role=None, **how):
        return self.ask('POST', path, body, role, **how)

    def raw(self, data, timeout=20):
        """Sends bytes and returns all that is answered up to the end."""
        with socket.create_connection(('127.0.0.1', self.port), timeout) as s:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            got = b''
            while part := s.recv(65536):
                got += part
            return got

    def is_ready(self):
        try:
            return self.get('/readyz').status == 200
        except OSError:
            return False
