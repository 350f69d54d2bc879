# SPDX-License-Identifier: MIT
"""A proxy in front of a server's Unix socket that changes messages, to imitate a server
that refuses a setting or gives false answers."""

import contextlib
import os
import shutil
import socket
import tempfile
import threading

SOCKET = '.s.PGSQL.5432'


class Meddler:
    """`asked` and `answered` are pairs of byte strings of equal length: the first is
    replaced by the second, on the way to the server and from it. With `open_ends` a
    connection that one end closed stays open for the other one until remove()."""

    def __init__(self, host, asked=(), answered=(), open_ends=False):
        assert all(len(a) == len(b) for a, b in [*asked, *answered])
        self.target = os.path.join(host, SOCKET)
        self.asked, self.answered = asked, answered
        self.told = threading.Event()  # all that a server said before its end is passed on
        self.may_close = threading.Event()
        if not open_ends:
            self.may_close.set()
        self.dir = tempfile.mkdtemp(prefix='reportd-meddler-', dir='/tmp')
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(self.dir, SOCKET))
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def conninfo(self, db):
        return f'{db.conninfo} host={self.dir}'

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self.target)
                for pump in ((client, server, self.asked, threading.Event()),
                             (server, client, self.answered, self.told)):
                    threading.Thread(target=self.pump, args=pump, daemon=True).start()

    def pump(self, source, target, changes, ended):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 20):
                for old, new in changes:
                    data = data.replace(old, new)
                target.sendall(data)
        ended.set()
        self.may_close.wait()
        for end in source, target:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def remove(self):
        self.may_close.set()
        self.listener.close()
        shutil.rmtree(self.dir, ignore_errors=True)
