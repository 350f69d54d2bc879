# SPDX-License-Identifier: MIT
"""What the test_fault_* files share: short leases, many jobs, a server of one's
own, processes to stop and kill, and the times of recovery."""

import contextlib
import os
import random
import signal
import time

import psycopg
import pytest

from lib.cluster import Cluster, make_template
from lib.proxy import Proxy
from lib.target import outcome
from lib.wait import wait_for

LEASE = 3
# Settings that a fault test wants short; a slow machine must not look like a dead one.
QUICK = {'lease': f'{LEASE}s', 'poll_interval': '30s', 'retry_backoff': '0',
         'cancel_grace': '2s', 'workers': 2}
# The export that the invariant checker can tell the run by.
RUN_ID = "select :'run_id' as run_id"


def gated_run_id(key=1):
    return (f"select :'run_id' as run_id from "
            f'(select pg_advisory_xact_lock_shared({key})) gate')


def sleeping(seconds):
    return f"select :'run_id' as run_id from (select pg_sleep({seconds})) nap"


@pytest.fixture(scope='module')
def private_cluster():
    """Imported as `cluster`: a server that a module may stop and pause."""
    cluster = Cluster()
    yield cluster
    cluster.remove()


@pytest.fixture(scope='module')
def private_template(cluster):
    """Imported as `template`, with private_cluster."""
    return make_template(cluster)


@pytest.fixture
def proxy(cluster):
    proxy = Proxy(cluster.host)
    yield proxy
    proxy.remove()


@pytest.fixture
def engine_of(daemon):
    """The fixture `daemon` with quick settings."""
    def start(sections=None, **more):
        return daemon(sections, **{**QUICK, **more})
    return start


@pytest.fixture
def behind(db, proxy, engine_of):
    """behind() is a daemon whose queue is behind the proxy; its reports read
    the server directly."""
    def start(sections=None, timeout='1s', **more):
        return engine_of({'queue': {'conninfo': proxy.conninfo(db), 'timeout': timeout},
                          'source.default': {'conninfo': db.conninfo},
                          **(sections or {})}, **more)
    return start


@pytest.fixture
def tell(capsys, request):
    """tell('recovery', seconds) prints a figure, captured or not."""
    def say(what, figure, unit='s'):
        figure = f'{figure:.2f}' if isinstance(figure, float) else figure
        with capsys.disabled():
            print(f'\n    {request.node.name}: {what} {figure} {unit}')
    return say


class Stopwatch:
    def __init__(self):
        self.start = time.monotonic()

    def __call__(self):
        return time.monotonic() - self.start


def submit_many(db, count, export_sql=RUN_ID, max_retries=3,
                path='many/{config_id}.csv', prep_sql=None, source='default'):
    """Reports many-1, many-2...; their config_ids."""
    return [row[0] for row in db.query(
        'insert into reportd.report_config (report_name, export_sql, prep_sql, '
        '    max_retries, output_path, source) '
        "select 'many-' || i, %s, %s, %s, %s, %s from generate_series(1, %s) i "
        'returning config_id', export_sql, prep_sql, max_retries, path, source,
        count)]


def count(db, status):
    return db.value('select count(*) from reportd.report_config where status = %s',
                    status)


def wait_all(db, *statuses, timeout=60):
    """Waits until every report has one of these."""
    wait_for(lambda: db.value('select count(*) from reportd.report_config '
                              'where status <> all (%s)', list(statuses)) == 0,
             timeout, f'all reports to be {" or ".join(statuses)}', interval=0.05)


def run_of(db, config_id, status):
    """The one run of a report with this status."""
    run, = db.query('select * from reportd.report_run where config_id = %s '
                    'and status = %s', config_id, status)
    return run


def statuses(db, config_id):
    """Those of its attempts, in order: a run that was given back is none. The answer to a
    claim may come too late on a busy machine, and its runs are given back then."""
    return [row[0] for row in db.query(
        "select status from reportd.report_run where config_id = %s and status <> 'RELEASED' "
        'order by run_id', config_id)]


def stop(pids):
    """SIGSTOP, and they have stopped."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    for pid in pids:
        wait_for(lambda: state(pid) in 'TZ', 5, f'process {pid} to stop')


def state(pid):
    with open(f'/proc/{pid}/stat', encoding='utf-8', errors='replace') as f:
        return f.read().rpartition(')')[2].split()[0]


def connected_workers(one):
    """Workers with a socket beside the one to their supervisor."""
    def sockets(pid):
        return sum(os.readlink(fd.path).startswith('socket:')
                   for fd in os.scandir(f'/proc/{pid}/fd'))
    return [pid for pid in one.workers() if sockets(pid) > 1]


def go_on(pids):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def beat(db, one):
    """Waits for the daemon's next heartbeat."""
    old = heartbeat(db, one)
    wait_for(lambda: heartbeat(db, one) not in (old, None), LEASE + 2, 'a heartbeat')


def heartbeat(db, one):
    return db.value('select heartbeat_at from reportd.report_worker '
                    'where pid = %s', one.pid)


def backends(db, like='reportd run %'):
    """Server processes that work on reports."""
    return db.value('select count(*) from pg_stat_activity '
                    'where datname = current_database() '
                    'and application_name like %s', like)


def no_backends(db, timeout=10, like='reportd run %'):
    wait_for(lambda: backends(db, like) == 0, timeout,
             'the backends of the reports to end')


def again(action, timeout=30):
    """Repeats what a lost connection broke, until the server is back."""
    def attempt():
        with contextlib.suppress(psycopg.OperationalError):
            return action(), True
    return wait_for(attempt, timeout, 'the server')[0]


def kill(victim, daemon, start):
    """Kills the worker at its job, or the daemon, which another one follows."""
    if victim == 'worker':
        os.kill(daemon.workers()[0], signal.SIGKILL)
        return
    daemon.kill()
    start()


def loaded_at_the_second_attempt(db, target, config_id):
    """The table s.t has its one row, and the ledger one load."""
    assert outcome(db, config_id)[:2] == ('COMPLETED', 1)
    assert statuses(db, config_id) in (['FAILED', 'COMPLETED'], ['LOST', 'COMPLETED'])
    assert target.rows('select * from s.t order by 1') == [(1, 'x')]
    assert len(target.ledger()) == 1


def kill_until_done(db, start, wanted, seconds):
    """Runs two daemons of two workers, made by `start`, until `wanted` reports have
    COMPLETED, and kills a worker or a daemon after every three of them. Returns how often;
    waits this many seconds for the next three."""
    dice = random.Random(7)
    daemons = [start() for _ in range(2)]
    kills = 0

    def done():
        return db.value("select count(*) from reportd.report_config where status = 'COMPLETED'")
    while (before := done()) < wanted:
        at = dice.randrange(2)
        workers = daemons[at].workers()
        if dice.random() < 0.25:
            daemons[at].kill()
            daemons[at] = start()
        elif workers:
            try:
                os.kill(dice.choice(workers), signal.SIGKILL)
            except ProcessLookupError:
                continue
        kills += 1
        wait_for(lambda: done() >= min(before + 3, wanted), seconds)
    return kills
