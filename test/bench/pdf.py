# SPDX-License-Identifier: MIT
"""PDF: 20,000 rows x 10 columns, beside a C program on cairo and pango with one
layout a cell, and reportlab's LongTable; then ten times as many rows."""

import pathlib
import re
import statistics
import subprocess

import formats
import rig
from rig import Row

ROWS = 20_000
SQL = 'select * from bench.pages'
MANY_SQL = 'select * from bench.many_pages'
OPTIONS = '{"font": "DejaVu Sans", "font_size": 7, "orientation": "landscape"}'
PROGRAM = rig.WORK / 'cairotable'
LONGTABLE = [pathlib.Path('/usr/bin/python3'), rig.HERE / 'longtable.py']


def setup(conn):
    formats.setup(conn)
    for table, rows in ('pages', ROWS), ('many_pages', 10 * ROWS):
        conn.execute(f'drop table if exists bench.{table}')
        conn.execute(f'create table bench.{table} as '
                     f'select * from bench.medium where id <= {rows} order by id')
        conn.execute(f'vacuum (freeze, analyze) bench.{table}')
    flags = subprocess.run(['pkg-config', '--cflags', '--libs', 'libpq', 'pangocairo'],
                           check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    subprocess.run(['gcc', '-O2', '-o', PROGRAM, rig.HERE / 'cairotable.c', *flags],
                   check=True)


def check(path, rows=ROWS):
    """Every row is there."""
    text = subprocess.run(['pdftotext', '-layout', path, '-'], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    ids = re.findall(r'^ *(\d+) +\d+ +product ', text, re.M)
    if [*map(int, ids)] != [*range(1, rows + 1)]:
        raise SystemExit(f'bench: {path} has {len(ids)} rows')


def pair(conn, *words, compare=False):
    out = rig.folder('pdf')
    both = (formats.report(conn, out, SQL, 'PDF', OPTIONS),
            formats.command(out / 'peer.pdf', *words, rig.CONNINFO, SQL,
                            out / 'peer.pdf'))
    if compare:
        for one in both:
            check(one['path'])
    return formats.show(['reportd', words[-1].name], both)


def many(conn, compare=False):
    one = formats.report(conn, rig.folder('pdf'), MANY_SQL, 'PDF', OPTIONS)
    if compare:
        check(one['path'], 10 * ROWS)
    return formats.show(['reportd'], [one])[0]


def run(conn, count):
    setup(conn)
    name = f'PDF, {ROWS:,} rows x 10'
    pair(conn, PROGRAM, compare=True)  # not counted: warms up, compares
    runs = [pair(conn, PROGRAM) for _ in range(count)]
    yield from formats.rows(f'{name}; cairo and pango', runs)
    few = statistics.median(run[0]['wall'] for run in runs)
    yield from formats.rows(f'{name}; reportlab',
                            [pair(conn, *LONGTABLE, compare=True)])
    many(conn, compare=True)
    runs = [many(conn) for _ in range(count)]
    wall = statistics.median(run['wall'] for run in runs)
    yield Row(f'PDF, {10 * ROWS:,} rows x 10, s', f'{wall:.2f}', '',
              f'{wall / few:.1f} times {ROWS:,} rows',
              f'{max(run["hwm"] for run in runs):.1f}')
