# SPDX-License-Identifier: MIT
"""A table of 5,000,000 rows x 10 columns into a table of another database, beside psql's
\\copy out of the one, piped into \\copy into the other."""

import statistics
import time

import psycopg

import large
import rig
from rig import Row

TARGET = 'bench_target'
LOGIN = 'bench_loader'
MODES = {
    'append': '{}',
    'replace': '{"table": {"mode": "replace"}}',
}


def setup(conn):
    """The rows of the large CSV, and an empty table of the same columns."""
    large.setup(conn)
    conn.execute(f'drop database if exists {TARGET} with (force)')
    conn.execute(f'drop role if exists {LOGIN}')
    conn.execute(f'create role {LOGIN} login')
    conn.execute(f'create database {TARGET} template template0 owner {LOGIN}')
    conn.execute('alter database bench set timezone = "UTC"')
    ddl = conn.execute(
        "select string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' "
        "order by attnum) from pg_attribute where attrelid = 'bench.wide'::regclass "
        'and attnum > 0').fetchone()[0]
    with target() as other:
        other.execute(f'create schema bench authorization {LOGIN}')
        other.execute(f'create table bench.wide ({ddl})')
        other.execute(f'alter table bench.wide owner to {LOGIN}')


def target():
    return psycopg.connect(rig.CONNINFO, dbname=TARGET, autocommit=True)


def empty():
    with target() as other:
        other.execute('truncate bench.wide')
        other.execute('checkpoint')


def count():
    with target() as other:
        return other.execute('select count(*) from bench.wide').fetchone()[0]


def insert(conn, mode):
    with conn.transaction():
        config_id, = conn.execute(
            'insert into reportd.report_config (report_name, export_sql, output_format, '
            "output_path, output_options) values ('load', %s, 'TABLE', "
            "'table:dwh/bench.wide', %s) returning config_id",
            [large.SQL, MODES[mode]]).fetchone()
        return config_id, time.time()


def ours(conn, mode):
    """One report, from just before COMMIT to the word that it is done."""
    empty()
    conn.execute('truncate reportd.report_config, reportd.report_run')
    conninfo = psycopg.conninfo.make_conninfo(rig.CONNINFO, dbname=TARGET, user=LOGIN)
    with rig.running(rig.Ours, conn, rig.folder('load'), workers=1,
                     more={'REPORTD_TARGET_DWH_CONNINFO': conninfo}) as side, \
            rig.Listener() as listener:
        before = sum(map(rig.cpu, side.clients()))
        config_id, begun = insert(conn, mode)
        ended = listener.wait(config_id, 600)
        used = sum(map(rig.cpu, side.clients())) - before
        worker, = rig.children(side.pid)
        hwm = rig.memory(worker, 'VmHWM')
    if count() != large.ROWS:
        raise SystemExit(f'bench: {count()} rows were loaded')
    return {'wall': ended - begun, 'cpu': used / 1000, 'hwm': hwm}


def psql():
    empty()
    return rig.peer('sh', '-c', f"psql -qX -c '\\copy ({large.SQL}) to stdout' bench | "
                    f"psql -qX -c '\\copy bench.wide from stdin' {TARGET}")


def pair(conn, mode):
    mine, theirs = ours(conn, mode), psql()
    print(f'  {mode}: reportd {mine["wall"]:.2f} s, CPU {mine["cpu"]:.2f}, RSS '
          f'{mine["hwm"]:.1f} MiB; psql | psql {theirs["wall"]:.2f} s, CPU '
          f'{theirs["cpu"]:.2f}, RSS {theirs["hwm"]:.1f} MiB', flush=True)
    return mine, theirs


def rows(name, runs):
    for what, key in ('INSERT to COMPLETED, s', 'wall'), ('client CPU, s', 'cpu'):
        one, two = ([run[side][key] for run in runs] for side in (0, 1))
        yield Row(f'{name}: {what}', f'{statistics.median(one):.2f}',
                  f'{statistics.median(two):.2f}', rig.ratio(one, two),
                  '; '.join(f'{max(run[side]["hwm"] for run in runs):.1f}' for side in (0, 1))
                  if key == 'wall' else '')


def run(conn, count):
    setup(conn)
    pair(conn, 'append')  # not counted: warms up
    for mode in MODES:
        yield from rows(f'table, {large.ROWS:,} rows x 10, {mode}; peer psql into psql',
                        [pair(conn, mode) for _ in range(count)])
