# SPDX-License-Identifier: MIT
"""Small files of a landing zone through their checks: files per second, with an empty ledger
and with one of 100,000 files, into a run's parameters, and through a gate on the rows into a
table of a target, 1,000 files in a transaction.

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
from lib.target import Target  # noqa: E402
from lib.wait import wait_for  # noqa: E402
from rig import Row  # noqa: E402

LEDGER = '''insert into reportd.report_input
	(config_id, input, url, version, size, modified_at, seen_at, state, ended_at)
select %s, 'f', %s || '/old_' || i || '.csv', i::text, 5, now(), now(), 'DONE', now()
from generate_series(1, 100000) i'''


PARAMETERS = {'export_sql': "select :'f__files' as files"}
TABLE = {'export_sql': None, 'output_format': 'TABLE', 'output_path': 'table:dwh/s.t',
         'checks': '[{"name": "ids", "at": "target", "range": {"column": "id", "min": 1}}]'}


def measure(db, folder, count, full, what):
    config_id = report.submit(
        db, trigger_type='FILE', is_active=False, **what,
        inputs={'f': {'path': f'{folder}/*.csv', 'format': 'csv', 'columns': [['id', 'bigint']],
                      'stable_for': '0 s'}})
    if full:
        db.execute(LEDGER, config_id, str(folder))
        db.execute('vacuum analyze reportd.report_input')
    for number in range(count):
        (folder / f'{number}.csv').write_text('id\n1\n')
    begun = time.monotonic()
    db.execute("select reportd.change(%s, '{\"is_active\": true}')", config_id)
    wait_for(lambda: db.value(
        "select count(*) from reportd.report_input where config_id = %s and state = 'DONE' "
        'and request_id is not null', config_id) == count, 600, interval=0.2)
    return count / (time.monotonic() - begun)


def files(cluster, path, count, full, name, what):
    """Files per second."""
    folder = path / 'in' / f'{name}{full}'
    folder.mkdir(parents=True)
    db = cluster.create(make_template(cluster))
    target = Target(cluster)
    target.table('create table s.t (id bigint)')
    conf = process.write_conf(path / f'{name}{full}.conf', db, target.sections() | {
        'inputs': {'folders': path / 'in', 'rescan': '1s'}}, log_level='warn')
    daemon = process.Daemon(db, conf)
    daemon.wait_ready()
    speed = measure(db, folder, count, full, what)
    print(f'  {count} files into {name}, {100000 if full else 0} in the ledger: '
          f'{speed:.0f} files/s', flush=True)
    daemon.end()
    if what is TABLE:
        assert target.rows('select count(*) from s.t') == [(count,)]
    target.drop()
    db.drop()
    return speed


def pairs(cluster, number, count, name, what):
    """Speeds with a full ledger and with an empty one, run by run."""
    for _ in range(number):
        with tempfile.TemporaryDirectory() as path:
            yield [files(cluster, pathlib.Path(path), count, full, name, what)
                   for full in (True, False)]


def run(conn, number, count=10000):
    """A server of its own: `conn` is that of the other parts."""
    cluster = Cluster()
    try:
        for name, what in ('parameters', PARAMETERS), ('a table', TABLE):
            full, empty = zip(*pairs(cluster, number, count, name, what))
            yield Row(f'{count:,} small files into {name}, 100,000 in the ledger; '
                      'peer: an empty ledger; files/s', f'{statistics.median(full):.0f}',
                      f'{statistics.median(empty):.0f} (reportd)', rig.ratio(full, empty), '')
    finally:
        cluster.remove()
