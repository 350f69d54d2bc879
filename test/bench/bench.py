# SPDX-License-Identifier: MIT
"""Runs the benchmarks; see ./run, which starts the server first."""

import argparse
import subprocess

import psycopg

import rig
import small


def create_database():
    with psycopg.connect(dbname='postgres', autocommit=True) as conn:
        conn.execute('drop database if exists bench with (force)')
        conn.execute('create database bench template template0')
    subprocess.run([rig.BIN / 'reportctl', 'init'], check=True,
                   stdout=subprocess.DEVNULL,
                   env=rig.environ(REPORTD_QUEUE_CONNINFO=rig.CONNINFO))
    subprocess.run(['npx', '--no-install', 'graphile-worker', '--schema-only'],
                   check=True, cwd=rig.WORK / 'peers',
                   stdout=subprocess.DEVNULL,
                   env=rig.environ(DATABASE_URL='postgres:///bench?host='
                                   + rig.os.environ['PGHOST']))


def show(name, r):
    cpu = ', '.join(f'{g} {ms:.3f}' for g, ms in r['cpu'].items())
    print(f'  {name:8} {r["rate"]:7.0f} jobs/s  load {r["load"]:.1f}  '
          f'PSS {r["pss"]:.1f} MiB, largest {r["hwm"]:.1f}; '
          f'CPU ms a job: {cpu}', flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('-n', type=int, default=5, help='pairs')
    parser.add_argument('parts', nargs='*')
    args = parser.parse_args()
    create_database()
    conn = rig.connect()
    small.setup(conn)
    for fsync in False, True:
        print('small reports, fsync', 'on' if fsync else 'off')
        ratios, ceiling = [], []
        for _ in range(args.n):
            ours = small.one(conn, rig.Ours, fsync)
            show('reportd', ours)
            peer = small.one(conn, rig.Peer, fsync,
                             sql=small.QUERY.format('$1'))
            show('graphile', peer)
            tps = small.pgbench('simple')
            ratios.append(ours['rate'] / peer['rate'])
            ceiling.append(ours['rate'] / tps)
            print(f'  pgbench {tps:.0f}; ours/peer {ratios[-1]:.2f}, '
                  f'ours/pgbench {ceiling[-1]:.2f}', flush=True)
        print(f'  median: {small.median(ratios):.2f} of the peer, '
              f'{small.median(ceiling):.2f} of pgbench')
    print('pgbench prepared', small.pgbench('prepared'))


if __name__ == '__main__':
    main()
