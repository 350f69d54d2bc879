# SPDX-License-Identifier: MIT
"""A PostgreSQL server over TCP, with TLS or without: it does the handshake itself and
passes everything else on to the Unix socket of a real server."""

import contextlib
import socket
import ssl
import struct
import threading

SSL_REQUEST = struct.pack('!II', 8, 80877103)


class TlsServer:
    """`started` counts the clients that have sent user and database, and so have accepted
    it as their server. Without `pem` it refuses TLS."""

    def __init__(self, path, pem=None):
        self.path, self.started, self.encrypted = path, 0, 0
        self.context = None
        if pem:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(pem)
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with contextlib.suppress(OSError), client:
            first = client.recv(8, socket.MSG_WAITALL)
            while first[4:] == SSL_REQUEST[4:] and not self.context:
                client.sendall(b'N')
                first = client.recv(8, socket.MSG_WAITALL)
            if first == SSL_REQUEST:
                client.sendall(b'S')
                client = self.context.wrap_socket(client, server_side=True)
                self.encrypted += 1
                first = client.recv(8)
            if not first:
                return
            self.started += 1
            server = socket.socket(socket.AF_UNIX)
            server.connect(f'{self.path}/.s.PGSQL.5432')
            server.sendall(first)
            back = threading.Thread(target=self.pump, args=(server, client), daemon=True)
            back.start()
            self.pump(client, server)
            back.join(10)
            server.close()

    @staticmethod
    def pump(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def close(self):
        self.listener.close()
