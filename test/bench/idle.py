# SPDX-License-Identifier: MIT
"""What it costs to wait for work, and how soon a program is there."""

import os
import socket
import statistics
import subprocess
import time

import rig
from rig import Row

POLL = 10      # seconds
INTERVALS = 3
STARTS = 20


def quiet(conn, side):
    """CPU milliseconds of the clients and statements, each a minute."""
    time.sleep(1)
    conn.execute('select pg_stat_statements_reset()')
    before = sum(map(rig.cpu, side.clients()))
    time.sleep(POLL * INTERVALS)
    spent = sum(map(rig.cpu, side.clients())) - before
    statements = conn.execute(
        'select calls, left(query, 60) from pg_stat_statements '
        "where query not like '%pg_stat_statements%' "
        'order by calls desc').fetchall()
    for calls, query in statements:
        print(f'  {side.name}: {calls} x {query.splitlines()[0]}')
    return (spent * 60 / (POLL * INTERVALS),
            sum(calls for calls, _ in statements) / INTERVALS)


def idle(conn):
    out = rig.folder('idle')
    with rig.running(rig.Ours, conn, out, workers=2,
                     poll_interval=f'{POLL}s') as side:
        mine = quiet(conn, side)
        supervisor = rig.memory(side.pid, 'VmRSS')
        workers = [rig.memory(pid, 'VmRSS') for pid in rig.children(side.pid)]
        pss = rig.pss(side)
    with rig.running(rig.Peer, conn, out, concurrency=2, poll=POLL) as side:
        theirs = quiet(conn, side)
        peer = rig.memory(side.pid, 'VmRSS')
    yield Row('idle: RSS of the supervisor; of a worker, MiB',
              f'{supervisor:.1f}; {max(workers):.1f}', f'{peer:.1f}',
              f'{supervisor / peer:.2f}', f'{pss:.0f}; {peer:.0f}')
    yield Row('idle: CPU, ms a minute', f'{mine[0]:.1f}', f'{theirs[0]:.1f}',
              f'{mine[0] / theirs[0]:.2f}')
    yield Row(f'idle: statements in a poll interval ({POLL} s)',
              f'{mine[1]:.1f}', f'{theirs[1]:.1f}',
              f'{mine[1] / theirs[1]:.2f}')


def until_ready(conn, out):
    """Seconds from exec to READY=1, which comes when it may claim."""
    path = str(rig.WORK / 'notify')
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(path)
        notify.settimeout(10)
        os.environ['NOTIFY_SOCKET'] = path
        try:
            begun = time.perf_counter()
            side = rig.Ours(conn, out, workers=2)
            while b'READY=1' not in notify.recv(4096):
                pass
            seconds = time.perf_counter() - begun
        finally:
            del os.environ['NOTIFY_SOCKET']
            os.unlink(path)
        side.stop()
    return seconds


def peer_until_ready(conn, out):
    begun = time.perf_counter()
    side = rig.Peer(conn, out, concurrency=2)
    side.ready()
    seconds = time.perf_counter() - begun
    side.stop()
    return seconds


def command(*args):
    """Seconds that a whole call takes."""
    environment = rig.environ(REPORTD_QUEUE_CONNINFO=rig.CONNINFO,
                              REPORTD_REPORTD_OUTPUT_ROOT=rig.WORK)
    begun = time.perf_counter()
    subprocess.run([rig.BIN / 'reportd', *args], check=True, env=environment,
                   stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def starts(conn):
    out = rig.folder('start')
    mine = [until_ready(conn, out) * 1000 for _ in range(STARTS)]
    theirs = [peer_until_ready(conn, out) * 1000 for _ in range(STARTS // 4)]
    yield Row('start: exec to ready for work, ms',
              f'{statistics.median(mine):.1f}',
              f'{statistics.median(theirs):.1f}',
              f'{statistics.median(mine) / statistics.median(theirs):.2f}')
    for option in '--version', '--check-config':
        times = [command(option) * 1000 for _ in range(STARTS)]
        yield Row(f'start: reportd {option}, ms',
                  f'{statistics.median(times):.1f}')


def run(conn, _):
    yield from idle(conn)
    yield from starts(conn)
