# SPDX-License-Identifier: MIT
"""This build beside another build of reportd, in pairs, by CPU time: what a change costs.

Both use the same server, each with a database of its own, made by its own reportctl. CPU
time is compared, as other load on the machine changes it less than rates. What an INSERT
costs counts, too: a check may move from one place to another.
"""

import os
import pathlib
import resource
import statistics
import subprocess

import psycopg

import rig
import small
from rig import Row

# The first 400 jobs of a run are slower than the rest, as each worker plans and
# each connection reads the catalogue: a run is long enough not to measure that.
JOBS = 20_000
ROWS = 200_000
FORMATS = ('CSV', 'JSON', 'JSONL', 'HTML', 'XLSX', 'PDF', 'PARQUET')
# A table of the kind that people export: 10 columns of common types.
TABLE = f'''create table bench.sale as
select i as id, 'customer ' || i % 10000 as customer, 'Berlin, ' || i % 97 as city,
	(i * 104729::bigint % 1000000) / 100.0 as amount, (i % 9 + 1)::int as pieces,
	date '2025-01-01' + (i % 365)::int as sold_on,
	timestamptz '2025-01-01 00:00:00+00' + i * interval '7 seconds' as entered_at,
	i % 3 = 0 as is_paid, i / 7.0::float8 as weight,
	case when i % 5 > 0 then 'a remark of some length about sale ' || i end as remark
from generate_series(1, {ROWS}) i'''


class Build:
    """Programs in a folder, and their database."""

    def __init__(self, name, folder):
        self.name, self.folder = name, pathlib.Path(folder)
        server = psycopg.conninfo.make_conninfo(
            host=os.environ['PGHOST'], port=os.environ['PGPORT'],
            user=os.environ['PGUSER'])
        with psycopg.connect(server, dbname='postgres', autocommit=True) as conn:
            conn.execute(f'drop database if exists bench_{name} with (force)')
            conn.execute(f'create database bench_{name} template template0')
        self.conninfo = psycopg.conninfo.make_conninfo(server, dbname=f'bench_{name}')
        self.source = {}
        self.choose()
        if self.knows('TRUSTED'):
            self.source['REPORTD_SOURCE_DEFAULT_TRUSTED'] = 'on'
        subprocess.run([self.folder / 'reportctl', 'init'], check=True,
                       stdout=subprocess.DEVNULL, env=self.environ())
        self.conn = rig.connect()
        self.conn.execute('create schema bench')
        small.setup(self.conn)
        self.conn.execute(TABLE)
        self.conn.execute('vacuum (freeze, analyze) bench.sale')
        tables = {name for name, in self.conn.execute(
            "select tablename from pg_tables where schemaname = 'reportd'")}
        self.clear = 'truncate ' + ', '.join(
            f'reportd.{table}' for table in
            {'report_config', 'report_run', 'report_request'} & tables) + ' cascade'

    def choose(self):
        """What rig starts and asks from now on is this build."""
        rig.BIN, rig.CONNINFO = self.folder, self.conninfo
        rig.DB = {'PGDATABASE': f'bench_{self.name}'}
        rig.SOURCE = self.source

    def environ(self):
        return rig.environ(REPORTD_QUEUE_CONNINFO=self.conninfo,
                           REPORTD_SOURCE_DEFAULT_CONNINFO=self.conninfo, **self.source)

    def knows(self, key):
        """Whether it has this setting of a source."""
        return subprocess.run(
            [self.folder / 'reportd', '--check-config'], capture_output=True,
            env=self.environ() | {'REPORTD_REPORTD_OUTPUT_ROOT': str(rig.WORK / 'out'),
                                  f'REPORTD_SOURCE_DEFAULT_{key}': 'on'}).returncode == 0


def of_jobs(build):
    """CPU milliseconds a job, by kind of process."""
    build.choose()
    small.OURS['clear'] = build.clear
    insert = []

    def work(*args):
        before = rig.cpu(build.conn.info.backend_pid)
        seconds = real(*args)
        insert.append(rig.cpu(build.conn.info.backend_pid) - before)
        return seconds

    real, small.work = small.work, work
    try:
        one = small.one(build.conn, rig.Ours, False, jobs=JOBS)
    finally:
        small.work = real
    cpu = one['cpu'] | {'INSERT': insert[-1] / JOBS}
    return cpu | {'together': sum(cpu.values()), 'jobs/s': one['rate']}


def of_export(build, format):
    """CPU seconds of an export into a file."""
    build.choose()
    path = rig.WORK / f'older.{format.lower()}'
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([build.folder / 'reportctl', 'export', '--sql',
                    'select * from bench.sale order by id', '--format', format,
                    '-o', path], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, env=build.environ())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    path.unlink()
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def paired(builds, count, measure):
    """[(of this build, of the other)]; who begins alternates."""
    pairs = []
    for i in range(count):
        order = builds if i % 2 == 0 else builds[::-1]
        found = {build.name: measure(build) for build in order}
        pairs.append(tuple(found[build.name] for build in builds))
    return pairs


def row(work, pairs, digits):
    one, two = zip(*pairs)
    return Row(work, f'{statistics.median(one):.{digits}f}',
               f'{statistics.median(two):.{digits}f}', rig.ratio(one, two))


def run(folder, count):
    builds = [Build('this', rig.BIN), Build('other', folder)]
    pairs = paired(builds, count, of_jobs)
    for kind in pairs[0][0]:
        unit = '' if kind == 'jobs/s' else ', CPU ms a job'
        yield row(f'small reports: {kind}{unit}',
                  [(one[kind], two[kind]) for one, two in pairs], 0 if not unit else 3)
    for format in FORMATS:
        yield row(f'{format}, {ROWS:,} rows of 10 columns, CPU s',
                  paired(builds, count, lambda build: of_export(build, format)), 2)
