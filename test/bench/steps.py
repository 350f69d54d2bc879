# SPDX-License-Identifier: MIT
"""A report that 10,000 others run after: how long the statement takes that ends its run, as one
without children, and how many of the children run in a second, as reports that wait for nobody.

It makes a PostgreSQL server of its own."""

import pathlib
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import rig  # noqa: E402
from lib import process, report  # noqa: E402
from lib.cluster import Cluster, make_template  # noqa: E402
from lib.wait import wait_for  # noqa: E402
from rig import Row  # noqa: E402

ENDS = 100  # of the parent, for the time of one
DONE = "select count(*) from reportd.report_run where status = 'COMPLETED'"


def end_ms(db, parent):
    """Milliseconds of the statement that ends a run of the parent."""
    before = db.value(DONE)
    db.execute('select pg_stat_statements_reset()')
    for _ in range(ENDS):
        db.execute('select reportd.run_now(%s)', parent)
    wait_for(lambda: db.value(DONE) == before + ENDS, 300)
    return db.value('select sum(total_exec_time) / sum(calls) from pg_stat_statements '
                    "where query like '%%with result as materialized%%'")


def speed(db, count, begin):
    """Reports per second, once `begin` is done."""
    before, begun = db.value(DONE), time.monotonic()
    begin()
    wait_for(lambda: db.value(DONE) >= before + count, 600, interval=0.1)
    return count / (time.monotonic() - begun)


def measure(cluster, path, count):
    """((ms of an end with children, without), (children/s, reports/s))"""
    db = cluster.create(make_template(cluster))
    db.execute('create extension pg_stat_statements')
    daemon = process.Daemon(db, process.write_conf(path / 'x.conf', db, log_level='warn'))
    daemon.wait_ready()
    parent = report.submit(db, report_key='parent')
    report.wait_done(db, parent)
    without = end_ms(db, parent)
    insert = ("insert into reportd.report_config (report_name, export_sql, trigger_type, "
              "run_after) select 'x', 'select 1', %s, %s from generate_series(1, %s)")
    alone = speed(db, count, lambda: db.execute(insert, 'ADHOC', None, count))
    db.execute(insert, 'AFTER', ['parent'], count)
    db.execute('vacuum analyze reportd.report_config, reportd.report_dependency')
    ends = end_ms(db, parent), without
    children = speed(db, count, lambda: db.execute(
        'select reportd.run_now(%s, "cascade" => true)', parent))
    daemon.end()
    db.drop()
    print(f'  end {ends[0]:.2f} ms, without children {ends[1]:.2f}; '
          f'{children:.0f} children/s, {alone:.0f} reports/s alone', flush=True)
    return ends, (children, alone)


def run(conn, number, count=10000):
    """A server of its own: `conn` is that of the other parts."""
    cluster = Cluster(shared_preload_libraries='pg_stat_statements')
    try:
        runs = []
        for _ in range(number):
            with tempfile.TemporaryDirectory() as path:
                runs.append(measure(cluster, pathlib.Path(path), count))
    finally:
        cluster.remove()
    for what, index in (('end of a run that 10,000 reports wait for; peer: none waits; '
                         'server time, ms', 0),
                        ('10,000 reports after one; peer: 10,000 that wait for nobody; '
                         'reports/s', 1)):
        ours, peer = zip(*(one[index] for one in runs))
        yield Row(what, f'{statistics.median(ours):.2f}',
                  f'{statistics.median(peer):.2f} (reportd)', rig.ratio(ours, peer), '')
