# SPDX-License-Identifier: MIT
"""What the parts for one format each share: a report, and a peer's command."""

import statistics
import time

import large
import rig
from rig import Row


MEDIUM = 500_000
MEDIUM_SQL = 'select * from bench.medium'


def setup(conn):
    """The table of the large CSV, and one of its first rows."""
    if not conn.execute("select to_regclass('bench.wide')").fetchone()[0]:
        large.setup(conn)
    if not conn.execute("select to_regclass('bench.medium')").fetchone()[0]:
        conn.execute('create table bench.medium as '
                     f'select * from bench.wide where id <= {MEDIUM} order by id')
        conn.execute('vacuum (freeze, analyze) bench.medium')


def report(conn, out, sql, format, options='{}'):
    """One report of that format, from just before COMMIT to the word that it is
    done. Nothing is synced, and the peer's files are not either."""
    conn.execute('truncate reportd.report_config, reportd.report_run')
    name = f'ours.{format.lower()}'
    with rig.running(rig.Ours, conn, out, workers=1, fsync=False) as side, \
            rig.Listener() as listener:
        before = sum(map(rig.cpu, side.clients()))
        with conn.transaction():
            config_id, = conn.execute(
                'insert into reportd.report_config (report_name, export_sql, '
                'output_format, output_path, output_options) '
                'values (%s, %s, %s, %s, %s) returning config_id',
                ['bench', sql, format, name, options]).fetchone()
            begun = time.time()
        ended = listener.wait(config_id, 600)
        used = sum(map(rig.cpu, side.clients())) - before
        worker, = rig.children(side.pid)
        return {'wall': ended - begun, 'cpu': used / 1000, 'path': out / name,
                'hwm': rig.memory(worker, 'VmHWM')}


def command(path, *words):
    """The same of a program that writes path."""
    return rig.peer(*words) | {'path': path}


def show(names, pair):
    """Tells of one pair and removes its files."""
    print('  ' + '; '.join(
        f'{name} {one["wall"]:.2f} s, CPU {one["cpu"]:.2f}, '
        f'RSS {one["hwm"]:.1f} MiB, {one["path"].stat().st_size / 1e6:.0f} MB'
        for name, one in zip(names, pair)), flush=True)
    for one in pair:
        one['path'].unlink()
    return pair


def rows(name, runs):
    """Wall time and client CPU of pairs, as rows of the table."""
    for what, key in ('s', 'wall'), ('client CPU, s', 'cpu'):
        ours, peer = ([run[side][key] for run in runs] for side in (0, 1))
        yield Row(f'{name}, {what}', f'{statistics.median(ours):.2f}',
                  f'{statistics.median(peer):.2f}', rig.ratio(ours, peer),
                  '; '.join(f'{max(run[side]["hwm"] for run in runs):.1f}'
                            for side in (0, 1)) if key == 'wall' else '')
