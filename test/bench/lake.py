# SPDX-License-Identifier: MIT
"""DuckDB as a source: a Parquet file of 5,000,000 rows x 10 columns as CSV, and a
sum by 100,000 customers over one, beside psql's \\copy of the same rows in
PostgreSQL."""

import contextlib
import filecmp
import os
import pathlib
import threading
import time

import formats
import large
import parquet
import rig

CUSTOMERS = 100_000
LIBRARY = (pathlib.Path(os.environ['NODE_PATH']) /
           '@duckdb/node-bindings-linux-x64/libduckdb.so')
SUM = ('select customer, sum(amount) as total, count(*) as orders, max(sold_on) as last '
       'from {} group by customer order by customer')


def setup(conn):
    """The rows of the large CSV, and orders of customers, as tables and as files."""
    formats.setup(conn)
    conn.execute('drop table if exists bench.orders')
    conn.execute(f'''create table bench.orders as
        select id, (id * 7919 % {CUSTOMERS})::int as customer, amount, sold_on from bench.wide''')
    conn.execute('vacuum (freeze, analyze) bench.orders')
    conn.execute('checkpoint')
    lake = rig.folder('lake')
    for name, types in (
            ('wide', "columns = {id: 'bigint', store: 'int', product: 'varchar', "
             "amount: 'decimal(12, 2)', sold_on: 'date', sold_at: 'timestamptz', "
             "paid: 'boolean', weight: 'double', voucher: 'bigint', note: 'varchar'}"),
            ('orders', "columns = {id: 'bigint', customer: 'int', amount: 'decimal(12, 2)', "
             "sold_on: 'date'}")):
        csv = lake / f'{name}.csv'
        rig.peer('psql', '-qX', '-c', f"\\copy bench.{name} to '{csv}' with (format csv)", 'bench')
        parquet.duckdb(f"copy (from read_csv('{csv}', header = false, {types})) "
                       f"to '{lake / name}.parquet' (format parquet)")
        csv.unlink()
    return lake


@contextlib.contextmanager
def reader_seen(worker):
    """Watches the process that DuckDB is in, which ends with the report: its CPU
    seconds, and the peak memory of both, counting what they share once."""
    seen = {'pss': 0, 'cpu': 0}
    over = threading.Event()

    def watch():
        while not over.wait(0.05):
            for pid in rig.children(worker):
                with contextlib.suppress(OSError, TypeError):
                    seen['cpu'] = max(seen['cpu'], rig.cpu(pid) / 1000)
                    seen['pss'] = max(seen['pss'], rig.memory(worker, 'Pss')
                                      + rig.memory(pid, 'Pss'))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def ours(conn, out, lake, sql):
    """One report, from just before COMMIT to the word that it is done."""
    conn.execute('truncate reportd.report_config, reportd.report_run')
    os.environ.update(REPORTD_SOURCE_LAKE_TYPE='duckdb', REPORTD_SOURCE_LAKE_FOLDERS=str(lake),
                      REPORTD_SOURCE_LAKE_LIBRARY=str(LIBRARY))
    with rig.running(rig.Ours, conn, out, workers=1, fsync=False) as side, \
            rig.Listener() as listener:
        before = sum(map(rig.cpu, side.clients()))
        worker, = rig.children(side.pid)
        with reader_seen(worker) as reader:
            with conn.transaction():
                config_id, = conn.execute(
                    'insert into reportd.report_config (report_name, source, export_sql, '
                    "output_path) values ('lake', 'lake', %s, 'ours.csv') returning config_id",
                    [sql]).fetchone()
                begun = time.time()
            ended = listener.wait(config_id, 600)
        used = (sum(map(rig.cpu, side.clients())) - before) / 1000
        return {'wall': ended - begun, 'cpu': used + reader['cpu'], 'path': out / 'ours.csv',
                'hwm': reader['pss']}


def psql(out, sql):
    path = out / 'peer.csv'
    return formats.command(path, 'psql', '-qX', '-c', f"\\copy ({sql}) to '{path}' "
                           'with (format csv, header)', 'bench')


def pair(conn, lake, mine, theirs, compare=False):
    out = rig.folder('out')
    both = ours(conn, out, lake, mine), psql(out, theirs)
    if compare and not filecmp.cmp(*(one['path'] for one in both), shallow=False):
        raise SystemExit(f'bench: the files in {out} differ')
    return formats.show(['reportd', 'psql'], both)


def run(conn, count):
    lake = setup(conn)
    for name, mine, theirs in (
            (f'DuckDB, Parquet of {large.ROWS:,} rows x 10 to CSV',
             f"from '{lake}/wide.parquet'", large.SQL),
            (f'DuckDB, sum by {CUSTOMERS:,} customers of a Parquet file',
             SUM.format(f"'{lake}/orders.parquet'"), SUM.format('bench.orders'))):
        pair(conn, lake, mine, theirs, compare=True)  # not counted: warms up, compares
        yield from formats.rows(f'{name}; psql', [pair(conn, lake, mine, theirs)
                                                  for _ in range(count)])
