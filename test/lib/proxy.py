# SPDX-License-Identifier: MIT
"""A proxy between libpq and a server's Unix socket that can fail on demand.

It reads the messages that pass through it ("Message Formats" in PostgreSQL's manual), so
that it can fail exactly when a prepared statement is executed."""

import collections
import contextlib
import os
import shutil
import socket
import struct
import tempfile
import threading

SOCKET = '.s.PGSQL.5432'
CANCEL_REQUEST = struct.pack('!I', 80877102)


class Fault:
    """A failure at the next execution of a statement. `met` is set when the execution was
    seen; a fault that waits goes on when `go` is set, and sets `done` at its end."""

    def __init__(self, statement, what):
        self.statement = statement
        self.what = what
        self.met = threading.Event()
        self.go = threading.Event()
        self.done = threading.Event()

    def wait(self, timeout=30):
        assert self.met.wait(timeout), \
            f'waited {timeout} s for a statement {self.statement}'


def close(sock):
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def frames(sock):
    """Yields complete messages, each with its type byte."""
    data = b''
    while more := sock.recv(1 << 20):
        data += more
        while len(data) >= 5:
            size = 1 + struct.unpack_from('!I', data, 1)[0]
            if len(data) < size:
                break
            yield data[:size]
            data = data[size:]


class Link:
    """A client's connection, and the proxy's connection to the server for it."""

    def __init__(self, proxy, client, server):
        self.proxy, self.client, self.server = proxy, client, server
        self.swallows = self.deaf = False
        self.syncs = self.answers = 0
        self.late = self.fault = self.faulty_answer = None
        self.pumps = 2
        proxy.links.append(self)
        for pump in self.upwards, self.downwards:
            threading.Thread(target=self.run, args=(pump,), daemon=True).start()

    def run(self, pump):
        with contextlib.suppress(OSError):
            pump()
        # When messages are swallowed, a closed connection is not passed on. After a late
        # statement it is not passed on either: the server would fail to send a
        # notification and end the statement, too.
        if not (self.swallows or self.deaf):
            self.close()
            self.proxy.forget(self)

    def close(self):
        close(self.client)
        close(self.server)

    def upwards(self):
        # Only the first message of a session has no type byte.
        head = self.client.recv(4, socket.MSG_WAITALL)
        if len(head) < 4:
            return
        size = struct.unpack('!I', head)[0] - 4
        first = self.client.recv(size, socket.MSG_WAITALL)
        self.server.sendall(head + first)
        self.proxy.cancels += first[:4] == CANCEL_REQUEST
        late = b''
        for message in frames(self.client):
            if self.swallows:
                continue
            if message[:1] == b'P':  # Parse: statement, ...
                self.meet(message[5:].split(b'\0', 1)[0].decode())
            elif message[:1] == b'B':  # Bind: portal, statement, ...
                self.meet(message[5:].split(b'\0', 2)[1].decode())
            elif message[:1] == b'Q':  # the text of a simple query stands for its name
                self.meet(message[5:].rstrip(b'\0').decode())
            sync = message[:1] in (b'S', b'Q')
            if self.late:
                late += message
                if not sync:
                    continue
                message = self.hold_back(late)
            self.server.sendall(message)
            self.syncs += sync

    def hold_back(self, message):
        self.deaf = True
        close(self.client)
        self.late.met.set()
        self.late.go.wait()
        return message

    def meet(self, statement):
        self.proxy.seen[statement] += 1
        fault = self.proxy.take(statement)
        if fault is None:
            return
        if fault.what == 'cut before':
            self.close()
            fault.met.set()
        elif fault.what == 'deliver late':
            self.late = fault
        else:
            # The start of a session and each Sync are answered once.
            self.faulty_answer = self.syncs + 2
            self.fault = fault

    def downwards(self):
        answer = b''
        for message in frames(self.server):
            if self.swallows or self.deaf:
                continue
            ready = message[:1] == b'Z'  # ReadyForQuery ends an answer
            self.answers += ready
            if not self.fault or self.answers + (not ready) < self.faulty_answer:
                self.client.sendall(message)
                continue
            answer += message
            if ready or message[:1] == b'G':  # CopyInResponse: the server waits for rows
                self.pass_on(answer)

    def pass_on(self, answer):
        """Handles the answer to the statement, whose transaction is committed."""
        fault, self.fault = self.fault, None
        if fault.what == 'cut after':
            self.close()
        fault.met.set()
        if fault.what != 'cut after':
            fault.go.wait()
            self.client.sendall(answer)
        if fault.what == 'cut behind':
            self.close()
        fault.done.set()


class Proxy:
    """Listens in a folder of its own; `conninfo` connects through it."""

    def __init__(self, host):
        self.target = os.path.join(host, SOCKET)
        self.dir = tempfile.mkdtemp(prefix='reportd-proxy-', dir='/tmp')
        self.links, self.unanswered, self.faults = [], [], []
        self.lock = threading.Lock()
        self.refuses = self.swallows = False
        self.cancels = self.connections = 0
        self.seen = collections.Counter()  # how often each statement was executed
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(self.dir, SOCKET))
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def conninfo(self, db):
        return f'{db.conninfo} host={self.dir}'

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                if self.swallows:
                    self.unanswered.append(client)
                elif self.refuses:
                    client.close()
                else:
                    server.connect(self.target)
                    self.connections += 1
                    Link(self, client, server)
            except OSError:
                client.close()

    def forget(self, link):
        """Both ends of a link have said so: its sockets go."""
        with self.lock:
            link.pumps -= 1
            if link.pumps == 0:
                link.client.close()
                link.server.close()
                self.links.remove(link)

    def take(self, statement):
        with self.lock:
            for fault in self.faults:
                if fault.statement == statement:
                    self.faults.remove(fault)
                    return fault
        return None

    # Failures that a test can ask for.

    def at(self, statement, what):
        """Fails at the next execution of the statement. 'cut before': the server does not
        get it. 'cut after': it is committed, its answer is lost. 'deliver late': the
        connection is lost at once, and the server gets the statement after .go.set().
        'hold answer': the answer waits for .go.set(). 'cut behind': as 'hold answer',
        and the connection is lost after the answer."""
        fault = Fault(statement, what)
        with self.lock:
            self.faults.append(fault)
        return fault

    def cut(self):
        """Ends all connections."""
        for link in list(self.links):
            link.close()

    def swallow(self, new=False):
        """Discards everything that is sent on the present connections, without telling
        either side; with `new`, later connections get no answer either."""
        for link in list(self.links):
            link.swallows = True
        self.swallows = new

    def recover(self):
        """Lets new connections work again."""
        self.refuses = self.swallows = False

    def remove(self):
        close(self.listener)
        self.listener.close()
        self.cut()
        shutil.rmtree(self.dir, ignore_errors=True)
