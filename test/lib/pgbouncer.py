# SPDX-License-Identifier: MIT
"""A pgbouncer in front of a server, from Debian's package pgbouncer."""

import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

import psycopg

from lib.ports import free_port
from lib.wait import wait_for

PROGRAM = '/usr/sbin/pgbouncer'

CONF = '''
[databases]
* = host={host} port=5432 user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
max_client_conn = 100
ignore_startup_parameters = extra_float_digits
logfile = {dir}/log
admin_users = {user}
server_round_robin = 0
'''


class Pgbouncer:
    """`mode` is session, transaction or statement; conninfo(db) connects through it."""

    def __init__(self, cluster, mode, size=5):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix='pgbouncer-', dir='/tmp'))
        self.dir.chmod(0o777)
        self.port = free_port()
        self.user = cluster.user
        conf = self.dir / 'pgbouncer.ini'
        conf.write_text(CONF.format(host=cluster.host, user=cluster.user, port=self.port,
                                    mode=mode, size=size, dir=self.dir))
        # pgbouncer refuses to run as root; the server's user can read the server's
        # socket.
        owner = pathlib.Path(cluster.host).owner()
        as_user = ['-u', owner] if os.geteuid() == 0 else []
        self.process = subprocess.Popen([PROGRAM, '-q', *as_user, conf],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.is_up, 15, 'pgbouncer')

    def is_up(self):
        assert self.process.poll() is None, self.log()
        try:
            socket.create_connection(('127.0.0.1', self.port), 1).close()
            return True
        except OSError:
            return False

    def log(self):
        return (self.dir / 'log').read_text(errors='replace')

    def conninfo(self, db, **more):
        return psycopg.conninfo.make_conninfo(
            host='127.0.0.1', port=self.port, user=self.user, dbname=db.name, **more)

    def connect(self, db, **more):
        return psycopg.connect(self.conninfo(db), autocommit=True, prepare_threshold=None, **more)

    def remove(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)
