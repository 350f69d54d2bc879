# SPDX-License-Identifier: MIT
"""A large CSV: 5,000,000 rows x 10 columns, beside psql's \\copy."""

import filecmp
import os
import statistics
import time

import rig
from rig import Row

ROWS = 5_000_000
SQL = 'select * from bench.wide'
SETUP = f'''
drop table if exists bench.wide;
create table bench.wide as
select i as id, (i * 7919 % 500)::int as store,
	'product ' || lpad((i * 31 % 2000)::text, 4, '0') as product,
	((i * 104729 % 10000000) / 100.0)::numeric(12, 2) as amount,
	date '2020-01-01' + (i * 17 % 2000)::int as sold_on,
	timestamptz '2020-01-01 00:00:00Z' + i * interval '13.57 s' as sold_at,
	i % 3 = 0 as paid,
	i * 0.37::float8 as weight,
	(i * 2654435761 % 4294967296) as voucher,
	case when i % 10 = 0 then 'a "quoted", odd note' when i % 7 > 0
		then 'plain' end as note
from generate_series(1::bigint, {ROWS}) i;
vacuum (freeze, analyze) bench.wide;
checkpoint
'''


def setup(conn):
    for statement in SETUP.split(';'):
        conn.execute(statement)


def ours(conn, out, fsync):
    """One report, from just before COMMIT to the word that it is done."""
    conn.execute('truncate reportd.report_config, reportd.report_run')
    with rig.running(rig.Ours, conn, out, workers=1, fsync=fsync) as side, \
            rig.Listener() as listener:
        before = sum(map(rig.cpu, side.clients()))
        config_id, begun = rig.insert(
            conn, "'large', %s, 'ours.csv'", [SQL])
        ended = listener.wait(config_id, 600)
        used = sum(map(rig.cpu, side.clients())) - before
        worker, = rig.children(side.pid)
        stamped, = conn.execute(
            'select extract(epoch from finished_at - started_at)::float8 '
            "from reportd.report_run where status = 'COMPLETED'").fetchone()
        return {'wall': ended - begun, 'stamped': stamped, 'cpu': used / 1000,
                'hwm': rig.memory(worker, 'VmHWM'),
                'supervisor': rig.memory(side.pid, 'VmHWM')}


def psql(out, fsync):
    """The same, and the fsync of the file when that is the policy."""
    path = out / 'peer.csv'
    used = rig.peer('psql', '-qX', '-c', f"\\copy ({SQL}) to '{path}' "
                    'with (format csv, header)', 'bench')
    if fsync:
        begun, before = time.time(), time.thread_time()
        for name in path, out:
            fd = os.open(name, os.O_RDONLY)
            os.fsync(fd)
            os.close(fd)
        used['cpu'] += time.thread_time() - before
        used['wall'] += time.time() - begun
    return used


def pair(conn, fsync, compare):
    out = rig.folder('large')
    mine, theirs = ours(conn, out, fsync), psql(out, fsync)
    files = out / 'ours.csv', out / 'peer.csv'
    if compare and not filecmp.cmp(*files, shallow=False):
        raise SystemExit(f'bench: {files[0]} and {files[1]} differ')
    size = files[0].stat().st_size
    print(f'  reportd {mine["wall"]:.2f} s (worker {mine["stamped"]:.2f}), '
          f'CPU {mine["cpu"]:.2f}, RSS {mine["hwm"]:.1f} MiB; psql '
          f'{theirs["wall"]:.2f} s, CPU {theirs["cpu"]:.2f}, '
          f'RSS {theirs["hwm"]:.1f} MiB; {size / 1e6:.0f} MB'
          + (', equal' if compare else ''), flush=True)
    for path in files:
        path.unlink()
    return mine, theirs


def rows(name, runs):
    def of(side, key):
        return [run[side][key] for run in runs]

    def row(what, key, mine=None):
        one, two = of(0, mine or key), of(1, key)
        return Row(f'{name}: {what}', f'{statistics.median(one):.2f}',
                   f'{statistics.median(two):.2f}', rig.ratio(one, two))

    yield row('INSERT to COMPLETED, s', 'wall')._replace(
        memory='; '.join(f'{max(of(side, "hwm")):.1f}' for side in (0, 1)))
    yield row("the worker's time alone, s", 'wall', 'stamped')
    yield row('client CPU, s', 'cpu')


def run(conn, count):
    setup(conn)
    pair(conn, False, compare=True)  # not counted: warms up, compares
    for fsync in False, True:
        policy = f'fsync {"on" if fsync else "off"}'
        print(f'  -- {policy}')
        yield from rows(
            f'CSV, {ROWS:,} rows x 10, {policy}',
            [pair(conn, fsync, compare=False) for _ in range(count)])
