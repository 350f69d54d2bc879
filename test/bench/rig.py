# SPDX-License-Identifier: MIT
"""What the benchmarks stand on: the daemon, the peer, and what they used."""

import collections
import contextlib
import json
import os
import pathlib
import re
import select
import signal
import statistics
import subprocess
import tempfile
import threading
import time

import psycopg

HERE = pathlib.Path(__file__).resolve().parent
WORK = pathlib.Path(os.environ['BENCH_DIR'])
BIN = pathlib.Path(os.environ['REPORTD_BIN_DIR'])
CONNINFO = psycopg.conninfo.make_conninfo(
    host=os.environ['PGHOST'], port=os.environ['PGPORT'],
    user=os.environ['PGUSER'], dbname='bench')
DB = {'PGDATABASE': 'bench'}
# The source is the queue's own server, by a superuser.
SOURCE = {'REPORTD_SOURCE_DEFAULT_TRUSTED': 'on'}

# A line of the table. Memory is "ours; peer", in MiB.
Row = collections.namedtuple('Row', 'work ours peer ratio memory',
                             defaults=['', '', ''])


def ratio(ours, peer):
    """Of paired runs: the median, and what it lay between."""
    ratios = [a / b for a, b in zip(ours, peer)]
    return (f'{statistics.median(ratios):.2f} '
            f'({min(ratios):.2f} to {max(ratios):.2f})')


def connect(**options):
    return psycopg.connect(CONNINFO, autocommit=True,
                           application_name='bench', **options)


def wait_for(condition, what, timeout=120, interval=0.02):
    deadline = time.monotonic() + timeout
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise SystemExit(f'bench: waited {timeout} s for {what}')
        time.sleep(interval)
    return result


def environ(**extra):
    return os.environ | DB | {k: str(v) for k, v in extra.items()}


def folder(name):
    """A new folder for output. Nothing is deleted before the end: ext4 passes
    over inodes deleted less than 35 s ago, which would slow down both sides."""
    (WORK / 'out').mkdir(exist_ok=True)
    return pathlib.Path(tempfile.mkdtemp(prefix=f'{name}-', dir=WORK / 'out'))


def insert(conn, values, parameters):
    """One report; its id, and the time just before COMMIT was sent."""
    with conn.transaction():
        config_id, = conn.execute(
            'insert into reportd.report_config '
            f'(report_name, export_sql, output_path) values ({values}) '
            'returning config_id', parameters).fetchone()
        return config_id, time.time()


class Listener:
    """Hears reportd_done."""

    def __enter__(self):
        self.conn = connect()
        self.conn.execute('listen reportd_done')
        return self

    def __exit__(self, *_):
        self.conn.close()

    def wait(self, config_id, timeout=60):
        """When the report's end was heard."""
        libpq = self.conn.pgconn
        while True:
            while heard := libpq.notifies():
                now = time.time()
                end = json.loads(heard.extra)
                if end['config_id'] != config_id:
                    continue
                if end['status'] != 'COMPLETED':
                    raise SystemExit(f'bench: a report ended {end["status"]}')
                return now
            if not select.select([libpq.socket], [], [], timeout)[0]:
                raise SystemExit('bench: a report did not end')
            libpq.consume_input()


# ---- processes, as the kernel sees them ----

def children(pid):
    with contextlib.suppress(OSError):
        text = pathlib.Path(f'/proc/{pid}/task/{pid}/children').read_text()
        return [int(word) for word in text.split()]
    return []


def cpu(pid):
    """CPU milliseconds of all threads, from nanosecond counters; with those of
    threads that have ended, from the process's, which tick."""
    total = ended = 0
    for path in pathlib.Path(f'/proc/{pid}/task').glob('*/schedstat'):
        with contextlib.suppress(OSError):
            total += int(path.read_text().split()[0])
    with contextlib.suppress(OSError):
        stat = pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2]
        ended = sum(map(int, stat.split()[11:13])) / os.sysconf('SC_CLK_TCK')
    return max(total / 1e6, ended * 1e3)


def memory(pid, key):
    """A line of status (VmHWM, VmRSS) or smaps_rollup (Pss), in MiB."""
    name = 'smaps_rollup' if key == 'Pss' else 'status'
    text = pathlib.Path(f'/proc/{pid}/{name}').read_text()
    return int(re.search(rf'^{key}:\s+(\d+) kB', text, re.M)[1]) / 1024


def descendants(pid):
    """A process and all below it."""
    return [pid, *(p for child in children(pid) for p in descendants(child))]


def peer(*words):
    """Runs a program to its end: seconds, CPU seconds with all that it started,
    and the peak memory of the processes together. (The kernel's own word on the
    peak at the end is not less than what we had when we forked.)"""
    peaks = {}
    ended = threading.Event()
    begun = time.time()
    # Its own image, and not still ours, once Popen has returned.
    process = subprocess.Popen(words, env=environ())

    def watch():
        while not ended.wait(0.05):
            for pid in descendants(process.pid):
                with contextlib.suppress(OSError, TypeError):
                    peaks[pid] = memory(pid, 'VmHWM')

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.time() - begun
    finally:
        ended.set()
        thread.join()
    if status != 0:
        raise SystemExit(f'bench: {words[0]} failed')
    return {'wall': wall, 'cpu': usage.ru_utime + usage.ru_stime,
            'hwm': sum(peaks.values())}


def backends(conn):
    """(pid, application_name) of the database's clients, oldest first."""
    return conn.execute(
        "select pid, application_name from pg_stat_activity "
        "where backend_type = 'client backend' and pid <> pg_backend_pid() "
        "and datname = current_database() "
        "order by backend_start").fetchall()


def load():
    return os.getloadavg()[0]


# ---- ours and the peer ----

class Ours:
    """The daemon. Settings come from the environment alone: those of [reportd] by name, all
    others as variables in `more`."""

    name = 'reportd'

    def __init__(self, conn, out, workers=8, fsync=True, more=None, **settings):
        settings = {'workers': workers, 'output_root': out,
                    'fsync': 'on' if fsync else 'off', 'log_level': 'warn',
                    'log_target': 'stderr', **settings}
        self.process = subprocess.Popen(
            [BIN / 'reportd'], stdin=subprocess.DEVNULL,
            env=environ(REPORTD_QUEUE_CONNINFO=CONNINFO,
                        # As the units and the image have it.
                        GNUTLS_NO_IMPLICIT_INIT=1,
                        **SOURCE, **(more or {}), **{
                f'REPORTD_REPORTD_{key.upper()}': value
                for key, value in settings.items()}))
        self.pid = self.process.pid
        self.conn = conn

    def ready(self):
        wait_for(lambda: self.conn.execute(
            'select 1 from reportd.report_worker where pid = %s',
            [self.pid]).fetchone() or self.process.poll() is not None,
            'reportd', timeout=10)

    def groups(self, conn):
        """{what: its pids}"""
        # The supervisor connects before any worker does.
        pids = [pid for pid, _ in backends(conn)]
        return {'supervisor': [self.pid], 'workers': children(self.pid),
                'queue backend': pids[:1], 'source backends': pids[1:]}

    def clients(self):
        return [self.pid, *children(self.pid)]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(60) != 0:
            raise SystemExit('bench: reportd ended badly')


class Peer:
    """graphile-worker."""

    name = 'graphile-worker'

    def __init__(self, conn, out, fsync=True, **options):
        options = {'dir': str(out), 'sync': fsync, 'concurrency': 8,
                   'sql': 'select 1', 'prepared': True, **options}
        self.process = subprocess.Popen(
            ['node', HERE / 'graphile.js', json.dumps(options)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
            env=environ(NODE_ENV='production', UV_THREADPOOL_SIZE=16))
        self.pid = self.process.pid

    def ready(self):
        if self.process.stdout.readline() != 'ready\n':
            raise SystemExit('bench: graphile-worker did not start')

    def groups(self, conn):
        groups = {'node': [self.pid], 'queue backends': [],
                  'source backends': []}
        for pid, name in backends(conn):
            groups['queue backends' if name == 'peer'
                   else 'source backends'].append(pid)
        return groups

    def clients(self):
        return [self.pid]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()


def used(side, conn):
    """CPU milliseconds so far, by group."""
    return {group: sum(map(cpu, pids))
            for group, pids in side.groups(conn).items()}


def pss(side):
    return sum(memory(pid, 'Pss') for pid in side.clients())


@contextlib.contextmanager
def running(kind, *args, **options):
    side = kind(*args, **options)
    try:
        side.ready()
        yield side
    finally:
        side.stop()
