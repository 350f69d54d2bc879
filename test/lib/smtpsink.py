# SPDX-License-Identifier: MIT
"""A mail server that fails on demand, made with Debian's python3-aiosmtpd. It takes
STARTTLS and a password like a real one. The local part of the recipient selects what
it does; only the part before a `+` or `.` counts:

    rcpt550, rcpt451, rcpt421   refused at RCPT with this code
    data554, data451            refused after the mail
    later3                      451 at RCPT, three times, then taken
    hangrcpt, hangdata          no answer to RCPT, to the mail's last dot
    cutrcpt, cutdata            the connection is cut instead of the answer
    stall                       not a byte of the mail is read until go()
"""

import asyncio
import collections
import email
import email.policy
import re
import socket
import ssl
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

Mail = collections.namedtuple('Mail', 'sender recipient content session')


class Handler:
    def __init__(self, sink):
        self.sink = sink

    async def handle_RCPT(self, server, session, envelope, address, options):
        sink = self.sink
        word = re.split('[@+.]', address)[0]
        sink.asked[address] += 1
        if sink.greedy and sink.taken.get(id(session), 0) >= sink.greedy:
            return '421 4.7.0 enough of you'
        if match := re.fullmatch('rcpt([45][0-9][0-9])', word):
            return f'{match[1]} injected refusal of <{address}>'
        if match := re.fullmatch('later([0-9]+)', word):
            if sink.asked[address] <= int(match[1]):
                return '451 4.2.1 try again later'
        if word == 'hangrcpt':
            await sink.hang()
        if word == 'cutrcpt':
            server.transport.abort()
        envelope.rcpt_tos.append(address)
        return '250 OK'

    async def handle_DATA(self, server, session, envelope):
        address = envelope.rcpt_tos[0]
        word = re.split('[@+.]', address)[0]
        mail = Mail(envelope.mail_from, address, envelope.original_content,
                    id(session))
        if word == 'hangdata':
            self.sink.unanswered.append(mail)
            await self.sink.hang()
        if word == 'cutdata':
            self.sink.unanswered.append(mail)
            server.transport.abort()
            return '250 nobody hears this'
        if match := re.fullmatch('data([45][0-9][0-9])', word):
            return f'{match[1]} injected refusal of the mail'
        self.sink.taken[id(session)] = self.sink.taken.get(id(session), 0) + 1
        self.sink.mails.append(mail)
        return '250 OK'


class Server(SMTP):
    sink = None

    async def smtp_EHLO(self, hostname):
        self.sink.names.append(hostname)
        if self.sink.strict and not re.search(r'\w\.\w', hostname):
            await self.push(f'504 5.5.2 <{hostname}>: need fully-qualified hostname')
        else:
            await super().smtp_EHLO(hostname)

    async def smtp_HELO(self, hostname):
        self.sink.names.append(hostname)
        if self.sink.strict and not re.search(r'\w\.\w', hostname):
            await self.push(f'504 5.5.2 <{hostname}>: need fully-qualified hostname')
        else:
            await super().smtp_HELO(hostname)

    async def smtp_DATA(self, arg):
        if any(a.startswith('stall') for a in self.envelope.rcpt_tos):
            self._reader = Stalled(self._reader, self.sink)
        await super().smtp_DATA(arg)


class Stalled:
    def __init__(self, reader, sink):
        self.reader, self.sink = reader, sink

    async def readuntil(self, *args):
        self.sink.stalled.set()
        while not self.sink.released.is_set():
            await asyncio.sleep(0.02)
        return await self.reader.readuntil(*args)

    def __getattr__(self, name):
        return getattr(self.reader, name)


class Sink(Controller):
    """`mails` are those that it has answered 250 to, `unanswered` those that it received
    completely but never answered."""

    def __init__(self, cert, key, port, user='reporter', password='secret',
                 tls=True, largest=12_000_000, strict=False):
        self.strict = strict  # refuse a name without a dot
        self.names = []       # names that clients sent in EHLO
        self.cert, self.user, self.password = cert, user, password
        self.mails, self.unanswered = [], []
        self.asked = collections.Counter()
        self.logins = []
        self.taken = {}
        self.servers = []
        self.greedy = 0  # most mails per connection; 0: any number
        self.stalled, self.released = threading.Event(), threading.Event()
        context = None
        if tls:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(cert, key)
        super().__init__(Handler(self), hostname='127.0.0.1', port=port,
                         tls_context=context, require_starttls=tls,
                         authenticator=self.login, auth_required=tls,
                         auth_require_tls=tls, data_size_limit=largest)
        self.start()
        # A larger buffer would take a whole mail before the server reads it.
        for sock in self.server.sockets:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)

    def factory(self):
        server = Server(self.handler, **self.SMTP_kwargs)
        server.sink = self
        self.servers.append(server)
        return server

    def login(self, server, session, envelope, mechanism, data):
        self.logins.append(data.password)
        return AuthResult(success=data.login == self.user.encode()
                          and data.password == self.password.encode(),
                          handled=False)

    async def hang(self):
        await asyncio.sleep(600)

    def go(self):
        self.released.set()

    def cut(self):
        """Cuts all connections."""
        for server in self.servers:
            if server.transport is None:
                continue
            self.loop.call_soon_threadsafe(server.transport.abort)

    def settings(self, **keys):
        """Returns the section [smtp] of the settings."""
        return {'host': 'localhost', 'port': self.port, 'user': self.user,
                'password': self.password, 'ca_file': self.cert,
                'from': 'Reports <reports@example.com>', **keys}

    def messages(self):
        """Returns the parsed mails by recipient."""
        return {mail.recipient: email.message_from_bytes(
            mail.content, policy=email.policy.default) for mail in self.mails}
