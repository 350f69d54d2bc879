# SPDX-License-Identifier: MIT
"""A private PostgreSQL server (scripts/cluster) and databases in it."""

import contextlib
import itertools
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import psycopg
from psycopg import sql
from psycopg.rows import namedtuple_row

from lib.paths import ROOT, environ
from lib.process import children, reportctl, write_conf

SETTINGS = {
    # The data need not survive a crash of the machine.
    'fsync': 'off',
    'max_connections': 200,
    'timezone': 'UTC',
    # As since PostgreSQL 14.
    'password_encryption': 'scram-sha-256',
    'log_line_prefix': '%m [%p] %q%a@%d ',
}


# The folder of another PostgreSQL than the machine's, with bin/ and lib/.
SERVER = os.environ.get('POSTGRES_DIR')


class Cluster:
    """A server in a folder of its own; a test may stop, start and signal it."""

    def __init__(self, folder=SERVER, **settings):
        self.server = {} if not folder else {
            'PG_BINDIR': f'{folder}/bin', 'LD_LIBRARY_PATH': f'{folder}/lib'}
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix='reportd-', dir='/tmp'))
        # As root, the server runs as another user, who needs access to the folder.
        self.dir.chmod(0o755)
        self.settings = SETTINGS | settings
        self.names = itertools.count(1)
        self.start()
        lines = self.script('env').splitlines()
        words = dict(w.split('=', 1) for l in lines if l.startswith('export')
                     for w in l.split()[1:])
        self.host, self.user = words['PGHOST'], words['PGUSER']
        self.version = int(self.admin('show server_version_num').fetchone()[0])

    def script(self, verb, *args):
        return subprocess.run(
            [ROOT / 'scripts/cluster', verb, self.dir, *map(str, args)],
            check=True, stdout=subprocess.PIPE, text=True, env=environ(**self.server),
            stderr=None if verb != 'start' else subprocess.DEVNULL).stdout

    def start(self):
        self.script('start', *(f'{k}={v}' for k, v in self.settings.items()))

    def stop(self, mode='fast'):
        self.script('stop', mode)

    def restart(self, mode='fast'):
        self.script('restart', mode)

    def remove(self):
        self.script('remove')
        shutil.rmtree(self.dir, ignore_errors=True)

    def log(self):
        return (pathlib.Path(self.host) / 'log').read_text(errors='replace')

    def pid(self):
        return int((pathlib.Path(self.host) / 'data/postmaster.pid')
                   .read_text().split()[0])

    @contextlib.contextmanager
    def paused(self):
        """Stops the server and all its backends with SIGSTOP, like a machine that hangs."""
        pids = [self.pid(), *children(self.pid())]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def conninfo(self, dbname, **more):
        return psycopg.conninfo.make_conninfo(
            host=self.host, port=5432, user=self.user, dbname=dbname, **more)

    def create(self, template=None, **options):
        """Creates a database; the options are those of CREATE DATABASE."""
        name = f't{next(self.names)}_{os.getpid()}'
        # Since PostgreSQL 15 the default writes the copy to the log as well: more work.
        if self.version >= 150000:
            options = {'strategy': 'file_copy'} | options
        query = sql.SQL('create database {} template {}').format(
            sql.Identifier(name), sql.Identifier(template or 'template0'))
        for key, value in options.items():
            query += sql.SQL(' {} {}').format(sql.SQL(key), sql.Literal(value))
        self.admin(query)
        return Database(self, name)

    def admin(self, query):
        with psycopg.connect(self.conninfo('postgres'), autocommit=True) as c:
            return c.execute(query)


class Standby(Cluster):
    """A copy of a running server that follows it."""

    def __init__(self, primary):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix='reportd-', dir='/tmp'))
        self.dir.chmod(0o755)
        owner = os.stat(pathlib.Path(primary.host) / 'data')
        self.user, self.host = primary.user, str(self.dir / 'cluster')
        self.server = primary.server
        os.mkdir(self.host, 0o700)
        os.chown(self.host, owner.st_uid, owner.st_gid)
        subprocess.run(
            ['pg_basebackup', '-h', primary.host, '-U', primary.user, '-R',
             '-D', f'{self.host}/data', '-c', 'fast'], check=True, cwd='/',
            env={'PATH': os.environ['PATH']},
            **({'user': owner.st_uid, 'group': owner.st_gid, 'extra_groups': []}
               if os.geteuid() == 0 else {}))
        self.settings = primary.settings | {'unix_socket_directories': self.host}
        self.start()

    def promote(self):
        self.admin('select pg_promote()')


class Database:
    """One database: `query` returns rows, `row` one row, `value` one field."""

    def __init__(self, cluster, name):
        self.cluster = cluster
        self.name = name
        self.conninfo = cluster.conninfo(name)
        self.env = {'PGHOST': cluster.host, 'PGPORT': '5432',
                    'PGUSER': cluster.user, 'PGDATABASE': name}
        self.conn = None

    def connect(self, **options):
        """Opens a new connection: autocommit, with rows as named tuples."""
        options = {'autocommit': True, 'row_factory': namedtuple_row,
                   'application_name': 'test'} | options
        return psycopg.connect(self.conninfo, **options)

    def execute(self, query, *params):
        """Runs a query on a kept connection, which is made anew when it is lost."""
        if self.conn is None or self.conn.closed:
            self.conn = self.connect()
        return self.conn.execute(query, params or None)

    def query(self, query, *params):
        return self.execute(query, *params).fetchall()

    def row(self, query, *params):
        return self.execute(query, *params).fetchone()

    def value(self, query, *params):
        row = self.row(query, *params)
        return row[0] if row else None

    def psql(self, *args, input=None, check=True):
        """Runs psql -X as a person would; returns the completed process."""
        done = subprocess.run(
            ['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', *map(str, args)],
            input=input, text=True, capture_output=True,
            env=environ(**self.env))
        assert not check or done.returncode == 0, done.stderr
        return done

    def close(self):
        if self.conn is not None:
            self.conn.close()

    def drop(self):
        self.close()
        self.cluster.admin(sql.SQL('drop database if exists {} with (force)')
                           .format(sql.Identifier(self.name)))


def apply_schema(db):
    """Creates the schema as `reportctl init` does."""
    with tempfile.TemporaryDirectory() as folder:
        conf = write_conf(pathlib.Path(folder) / 'reportd.conf', db)
        done = reportctl(conf, 'init')
        assert done.returncode == 0, done.stderr


def make_template(cluster):
    """Returns the name of a new database with the schema, a template for CREATE DATABASE."""
    db = cluster.create()
    apply_schema(db)
    db.close()
    return db.name
