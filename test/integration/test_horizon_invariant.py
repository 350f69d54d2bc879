# SPDX-License-Identifier: MIT
"""Writers of all kinds on several tables, reads by horizon all the time; workers and daemons
are killed meanwhile, and both servers restart: at the end the copies agree with the tables
row for row. `make soak` does the same with twenty tables for five minutes."""

import contextlib
import csv
import os
import random
import signal
import threading
import time

import psycopg
import pytest

from lib import process, report
from lib.cluster import Cluster
from lib.target import Target
from lib.wait import wait_for
from test_engine_shared import file_of, running_engine
from test_fault_shared import (  # noqa: F401: fixtures
    again, private_cluster as cluster, private_template as template)

pytestmark = pytest.mark.shipped

TABLES = int(os.environ.get('COPIED_TABLES', 3))
SECONDS = int(os.environ.get('COPIED_SECONDS', 12))
WRITERS = 6
RANGE = ("updated_at >= coalesce(:'last__horizon', '-infinity')::timestamptz "
         "and updated_at < :'horizon'")


def make_tables(db):
    db.execute('create schema copy; create function touch() returns trigger language plpgsql as '
               '$$ begin new.updated_at := now(); return new; end $$')
    for t in range(TABLES):
        db.execute(f"""
            create table t{t} (id bigint generated always as identity primary key, v int,
                updated_at timestamptz not null default now());
            create trigger touch before insert or update on t{t}
                for each row execute function touch();
            create index on t{t} (updated_at);
            create table copy.by_prep{t} (id bigint primary key, v int, updated_at timestamptz);
            create table copy.by_file{t} (like copy.by_prep{t} including all);
        """)


@pytest.fixture
def target():
    """A database on a server of its own, which has a copy of each table."""
    server = Cluster()
    target = Target(server)
    for t in range(TABLES):
        target.table(f'create table s.t{t} (id bigint primary key, v int, '
                     'updated_at timestamptz)')
    yield target
    server.remove()


def upsert(into, query):
    return (f'insert into {into} {query} on conflict (id) do update '
            'set v = excluded.v, updated_at = excluded.updated_at')


def make_reports(db):
    """{config_id: the table that its files are to be put into; None: its prep does}"""
    made = {}
    for t in range(TABLES):
        query = f'select id, v, updated_at from t{t} where {RANGE}'
        made[report.submit(db, report_name=f'prep{t}', max_retries=100, is_active=False,
                           prep_sql=upsert(f'copy.by_prep{t}', query))] = None
        made[report.submit(db, report_name=f'file{t}', max_retries=100, is_active=False,
                           export_sql=query,
                           output_format='CSV' if t else 'JSONL,CSV',
                           output_path='{report_name}/{request_id}.{ext}')] = f'copy.by_file{t}'
        made[report.submit(db, report_name=f'table{t}', max_retries=100, is_active=False,
                           export_sql=query, output_format='TABLE',
                           output_path=f'table:dwh/s.t{t}', output_options={
                               'table': {'mode': 'upsert', 'key': ['id']}})] = None
    for one in made:
        db.execute("select reportd.change(%s, '{\"is_active\": true}')", one)
    return made


class Writer(threading.Thread):
    """Transactions of a moment and of seconds, some of which are rolled back."""

    def __init__(self, db, seed):
        super().__init__()
        self.db, self.random, self.over = db, random.Random(seed), False
        self.commits = 0
        self.start()

    def write(self, cur):
        t = self.random.randrange(TABLES)
        if self.random.random() < 0.5:
            cur.execute(f'insert into t{t} (v) select %s from generate_series(1, %s)',
                        (self.random.randrange(1000), self.random.randrange(1, 5)))
        else:
            # No row is waited for, so that writers do not stand in line.
            cur.execute(f'update t{t} set v = v + 1 where id in (select id from t{t} '
                        'where id %% 7 = %s order by id desc limit 3 for update skip locked)',
                        (self.random.randrange(7),))

    def run(self):
        while not self.over:
            with contextlib.suppress(psycopg.OperationalError):
                self.work()

    def work(self):
        with self.db.connect(autocommit=False) as conn:
            while not self.over:
                # Some begin long before they write anything.
                conn.execute('select 1')
                if self.random.random() < 0.3:
                    time.sleep(self.random.random() * 3)
                for _ in range(self.random.randrange(1, 4)):
                    self.write(conn)
                    time.sleep(self.random.random() * 0.2)
                if self.random.random() < 0.2:
                    conn.rollback()
                else:
                    conn.commit()
                    self.commits += 1


def take_file(db, target, run):
    """As a consumer of the files: the rows of a completed request."""
    outputs = [o['url'] for o in run.outputs or [] if o['format'] == 'CSV'] or [run.output_url]
    with open(file_of(outputs[0]), newline='') as file:
        rows = list(csv.reader(file))[1:]
    for row in rows:
        db.execute(upsert(target, 'select %s::bigint, %s::int, %s::timestamptz'), *row)


def differences(db, target):
    found = []
    for t in range(TABLES):
        for copy in (f'copy.by_prep{t}', f'copy.by_file{t}'):
            found += db.query(
                f"select '{copy}' as copy, a::text as a, b::text as b "
                f'from t{t} a full join {copy} b using (id) '
                'where (a.v, a.updated_at) is distinct from (b.v, b.updated_at) limit 3')
        rows, copied = (set(map(tuple, again(
            lambda: one.query(f'select id, v, updated_at from {table}{t}'))))
                        for one, table in ((db, 't'), (target.db, 's.t')))
        found += sorted(rows ^ copied)[:3]
    return found


class Ticks:
    """Asks for a run of each report that has ended, and takes the files of those that ended."""

    def __init__(self, db, made):
        self.db, self.made, self.taken = db, made, {one: 0 for one in made}

    def tick(self):
        for one, target in self.made.items():
            row = report.config(self.db, one)
            if row.status not in ('COMPLETED', 'FAILED'):
                continue
            assert row.status == 'COMPLETED', row.error_message
            for run in report.runs(self.db, one):
                if target and run.run_id > self.taken[one] and run.status == 'COMPLETED':
                    take_file(self.db, target, run)
                    self.taken[one] = run.run_id
            self.db.execute('select reportd.run_now(%s)', one)


class Restarts:
    """Each server restarts once in the first and once in the second half, at odds."""

    def __init__(self, servers, chance):
        self.left = sorted((SECONDS * (half + chance.random() * 0.8) / 2, number, server, mode)
                           for half in (0, 1)
                           for number, (server, mode) in enumerate(
                               zip(servers, ('fast', 'immediate') if half else
                                   ('immediate', 'fast'))))

    def go(self, passed):
        while self.left and self.left[0][0] <= passed:
            _, _, server, mode = self.left.pop(0)
            server.restart(mode)


def kill_something(engine, chance):
    """A worker, or the daemon with all of them."""
    workers = engine.daemon.workers()
    if workers and chance.random() < 0.5:
        try:
            os.kill(chance.choice(workers), signal.SIGKILL)
        except ProcessLookupError:
            pass
        return
    engine.daemon.kill()
    engine.daemon = process.Daemon(engine.db, engine.conf)


def enough(db):
    """Whether so much has ended and was lost that the comparison means something."""
    counts = dict(again(lambda: db.query('select status, count(*) from reportd.report_run '
                                         'group by 1')))
    return counts.get('COMPLETED', 0) > 50 and counts.get('LOST', 0) > 3


def disturb(engine, ticks, restarts, chance):
    begin = time.monotonic()
    while (passed := time.monotonic() - begin) < SECONDS or not enough(engine.db):
        assert passed < 10 * SECONDS, 'too little happens'
        restarts.go(passed)
        with contextlib.suppress(psycopg.OperationalError):
            ticks.tick()
        if chance.random() < 0.4:
            kill_something(engine, chance)
        time.sleep(min(1, SECONDS / 30))
    assert not restarts.left


def test_copies_agree_whatever_is_killed(cluster, template, target, tmp_path):
    chance = random.Random(7)
    with running_engine(cluster, template, tmp_path, target.sections(), workers=3, lease='2s',
                        poll_interval='200ms', retry_backoff='100ms',
                        retry_backoff_max='300ms') as engine:
        db = engine.db
        make_tables(db)
        made = make_reports(db)
        ticks = Ticks(db, made)
        writers = [Writer(db, seed) for seed in range(WRITERS)]
        try:
            disturb(engine, ticks, Restarts((cluster, target.cluster), chance), chance)
        finally:
            for writer in writers:
                writer.over = True
            for writer in writers:
                writer.join()
        assert sum(writer.commits for writer in writers) > 50
        stopped = again(lambda: db.value('select now()'))

        def all_read():
            ticks.tick()
            return all(
                (db.value('select max(horizon) from reportd.v_requests where config_id = %s '
                          "and status = 'COMPLETED'", one) or stopped) > stopped for one in made)
        wait_for(all_read, 60, interval=0.5)
        for one in made:
            report.wait_done(db, one)
        ticks.tick()
        assert differences(db, target) == []
