# SPDX-License-Identifier: MIT
"""Runs the benchmarks; see ./run, which starts the server first."""

import argparse
import signal
import subprocess
import sys
import traceback

import psycopg

import claim
import idle
import inputs
import jsonl
import lake
import large
import latency
import load
import mail
import older
import page
import parquet
import pdf
import rig
import s3
import small
import steps
import warehouses
import web
import webpage
import xlsx

PARTS = {'large': large, 'small': small, 'latency': latency, 'idle': idle,
         'claim': claim, 'mail': mail, 'duckdb': lake, 'table': load, 'inputs': inputs,
         'steps': steps,
         'html': webpage, 'jsonl': jsonl, 'parquet': parquet,
         'pdf': pdf, 's3': s3, 'warehouses': warehouses,
         'xlsx': xlsx, 'http': web}


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
    conn = rig.connect()
    conn.execute('create schema bench')
    conn.execute('create extension pg_stat_statements')
    return conn


def main():
    parser = argparse.ArgumentParser(prog='run')
    parser.add_argument('-n', type=int, default=5, help='pairs')
    parser.add_argument('parts', nargs='*', metavar='PART',
                        help=', '.join(PARTS))
    parser.add_argument('-o', metavar='DIR', help='programs of another build, as the peer')
    args = parser.parse_args()
    if wrong := set(args.parts) - set(PARTS):
        parser.error(f'no such part: {", ".join(wrong)}')
    # Told to stop, it ends what it started, as at Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if args.o:
        print('\n' + page.table(list(older.run(args.o, args.n))))
        return
    conn = create_database()
    rows, failed = [], []
    for name in args.parts or PARTS:
        print(f'== {name}', flush=True)
        try:
            rows += PARTS[name].run(conn, args.n)
        except Exception:  # the figures of the other parts took half an hour
            traceback.print_exc(limit=-3)
            failed.append(name)
    print('\n' + page.table(rows))
    if failed:
        sys.exit(f'bench: no figures of {", ".join(failed)}; no page is written')
    if not args.parts:
        page.write(conn, rows, args.n)


if __name__ == '__main__':
    main()
