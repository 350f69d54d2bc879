# SPDX-License-Identifier: MIT
"""Parquet: 5,000,000 rows x 10 columns, beside psql's \\copy to CSV and DuckDB's
CSV to Parquet."""

import pathlib
import statistics
import subprocess
import time

import formats
import large
import rig
from rig import Row

SCRIPT = '''
const { DuckDBInstance } = require('@duckdb/node-api');
(async () => {
	const db = await DuckDBInstance.create(':memory:');
	const connection = await db.connect();
	const reader = await connection.runAndReadAll(process.argv[1]);
	if (process.argv[1].startsWith('select'))
		console.log(JSON.stringify(reader.getRowsJson()));
})();
'''
CHECK = ('select count(*)::varchar, sum(id)::varchar, sum(amount)::decimal(38,2)'
         "::varchar, count(note)::varchar, max(product) from '{}'")


def duckdb(sql):
    return subprocess.run(['node', '-e', SCRIPT, sql], check=True, text=True,
                          stdout=subprocess.PIPE, env=rig.environ()).stdout


def peer(out):
    """psql, then DuckDB with its default codec."""
    csv, path = out / 'peer.csv', out / 'peer.parquet'
    begun = time.time()
    first = formats.command(csv, 'psql', '-qX', '-c', f"\\copy ({large.SQL}) to "
                            f"'{csv}' with (format csv, header)", 'bench')
    second = formats.command(path, 'node', '-e', SCRIPT,
                             f"copy (from '{csv}') to '{path}' (format parquet)")
    wall = time.time() - begun
    csv.unlink()
    return {'wall': wall, 'path': path, 'cpu': first['cpu'] + second['cpu'],
            'hwm': max(first['hwm'], second['hwm'])}


def pair(conn, codec, compare=False):
    out = rig.folder('parquet')
    both = (formats.report(conn, out, large.SQL, 'PARQUET',
                           f'{{"codec": "{codec}"}}'), peer(out))
    if compare:
        mine, theirs = (duckdb(CHECK.format(one['path'])) for one in both)
        if mine != theirs:
            raise SystemExit(f'bench: the files differ: {mine} {theirs}')
    for one in both:
        one['size'] = pathlib.Path(one['path']).stat().st_size / 1e6
    return formats.show(['reportd', 'psql and DuckDB'], both)


def run(conn, count):
    formats.setup(conn)
    pair(conn, 'zstd', compare=True)  # not counted: warms up, compares
    for codec in 'zstd', 'snappy':
        name = f'Parquet, {large.ROWS:,} rows x 10, {codec}; psql and DuckDB'
        runs = [pair(conn, codec) for _ in range(count)]
        yield from formats.rows(name, runs)
        sizes = [[run[side]['size'] for run in runs] for side in (0, 1)]
        yield Row(f'{name}, MB', *(f'{statistics.median(s):.0f}' for s in sizes),
                  rig.ratio(*sizes))
