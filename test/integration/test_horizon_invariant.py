# SPDX-License-Identifier: MIT
"""Writers of all kinds on several tables, reads by horizon all the time into tables, files and
S3; workers and daemons are killed meanwhile, also while a COMMIT is answered, requests to S3
fail, the daemon's clock jumps, and both servers restart: at the end the copies agree with the
tables row for row. `make soak` does the same with twenty tables for five minutes."""

import contextlib
import csv
import os
import pathlib
import random
import signal
import threading
import time

import psycopg
import pytest

from lib import process, report
from lib.cluster import Cluster
from lib.proxy import Proxy
from lib.s3proxy import S3Proxy
from lib.target import Target
from lib.wait import wait_for
from test_engine_shared import file_of, running_engine
from test_fault_shared import (  # noqa: F401: fixtures
    again, private_cluster as cluster, private_template as template, tell)
from test_s3_shared import ENVIRONMENT, Bucket, key_of, settings

pytestmark = pytest.mark.shipped

TABLES = int(os.environ.get('COPIED_TABLES', 3))
SECONDS = int(os.environ.get('COPIED_SECONDS', 12))
WRITERS = 6
FAKETIME = next(pathlib.Path('/usr/lib').glob('*/faketime/libfaketime.so.1'))
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
def store(swift):
    """A proxy before S3, with a bucket (.bucket) that is reached without it."""
    proxy = S3Proxy(('127.0.0.1', swift.port))
    proxy.bucket = Bucket(swift.client)
    yield proxy
    proxy.remove()


@pytest.fixture
def target():
    """A database on a server of its own, which has a copy of each table."""
    server = Cluster()
    target = Target(server)
    for t in range(TABLES):
        target.table(f'create table s.t{t} (id bigint primary key, v int, '
                     'updated_at timestamptz)')
    target.proxy = Proxy(server.host)
    yield target
    target.proxy.remove()
    server.remove()


def upsert(into, query):
    return (f'insert into {into} {query} on conflict (id) do update '
            'set v = excluded.v, updated_at = excluded.updated_at')


def make_reports(db, bucket):
    """{config_id: the table that its files are to be put into; None: its prep does}"""
    made = {}
    for t in range(TABLES):
        query = f'select id, v, updated_at from t{t} where {RANGE}'
        made[report.submit(db, report_name=f'prep{t}', max_retries=100, is_active=False,
                           prep_sql=upsert(f'copy.by_prep{t}', query))] = None
        made[report.submit(db, report_name=f'file{t}', max_retries=100, is_active=False,
                           export_sql=query,
                           output_format='CSV' if t else 'JSONL,CSV',
                           output_path=(bucket.url('') if t % 2 else '') +
                           '{report_name}/{request_id}.{ext}')] = f'copy.by_file{t}'
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


def take_file(db, bucket, target, run):
    """As a consumer of the files: the rows of a completed request."""
    outputs = [o['url'] for o in run.outputs or [] if o['format'] == 'CSV'] or [run.output_url]
    data = (bucket.get(key_of(outputs[0])[1]) if outputs[0].startswith('s3:') else
            file_of(outputs[0]).read_bytes())
    for row in list(csv.reader(data.decode().splitlines()))[1:]:
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

    def __init__(self, db, bucket):
        self.db, self.bucket, self.made = db, bucket, make_reports(db, bucket)
        self.taken = {one: 0 for one in self.made}
        self.count = 0

    def tick(self):
        self.count += 1
        for one, target in self.made.items():
            row = report.config(self.db, one)
            if row.status not in ('COMPLETED', 'FAILED'):
                continue
            assert row.status == 'COMPLETED', row.error_message
            for run in report.runs(self.db, one):
                if target and run.run_id > self.taken[one] and run.status == 'COMPLETED':
                    take_file(self.db, self.bucket, target, run)
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


class Faults:
    """Requests to S3 fail, the target's answers to COMMIT are lost or held back, so that
    somebody is killed meanwhile, and the daemon's clock jumps."""

    S3 = ('cut before', 'cut within', 'cut after', (500, 'InternalError'), (503, 'SlowDown'))
    COMMIT = ('cut before', 'cut after', 'hold answer', 'hold answer')

    def __init__(self, store, proxy, clock, chance):
        self.store, self.proxy, self.clock, self.chance = store, proxy, clock, chance
        self.s3, self.commits = [], []
        self.jump('+0')

    def jump(self, to):
        # The clock is read by many processes, and is never half written.
        new = self.clock.with_suffix('.new')
        new.write_text(to)
        new.replace(self.clock)

    def environment(self):
        return {**ENVIRONMENT, 'LD_PRELOAD': str(FAKETIME), 'FAKETIME_NO_CACHE': '1',
                'FAKETIME_TIMESTAMP_FILE': str(self.clock),
                'FAKETIME_DONT_FAKE_MONOTONIC': '1'}

    def more(self):
        if not self.store.faults:
            self.s3.append(self.store.at('put', self.chance.choice(self.S3)))
        if not self.proxy.faults:
            self.commits.append(self.proxy.at('commit', self.chance.choice(self.COMMIT)))
        if self.chance.random() < 0.3:
            self.jump(self.chance.choice(('+0', '+3h', '-3h', '+400d')))

    def held(self):
        """COMMITs whose answer waits."""
        return [one for one in self.commits if one.what == 'hold answer' and
                one.met.is_set() and not one.go.is_set()]

    def met(self):
        return [sum(one.met.is_set() for one in faults) for faults in (self.s3, self.commits)]

    def over(self):
        self.store.clear()
        self.proxy.faults.clear()
        for one in self.commits:
            one.go.set()


def kill_something(engine, faults, chance):
    """A worker, or the daemon with all of them."""
    workers = engine.daemon.workers()
    if workers and chance.random() < 0.5:
        try:
            os.kill(chance.choice(workers), signal.SIGKILL)
        except ProcessLookupError:
            pass
        return
    engine.daemon.kill()
    engine.daemon = process.Daemon(engine.db, engine.conf, env=faults.environment())


def enough(db, ticks, faults):
    """Whether so much has ended and was lost that the comparison means something."""
    counts = dict(again(lambda: db.query('select status, count(*) from reportd.report_run '
                                         'group by 1')))
    return (counts.get('COMPLETED', 0) > 50 and counts.get('LOST', 0) > 3 and
            ticks.count > SECONDS * 2 / 3 and min(faults.met()) > 3)


def disturb(engine, ticks, restarts, faults, chance):
    begin = time.monotonic()
    while (passed := time.monotonic() - begin) < SECONDS or not enough(
            engine.db, ticks, faults):
        assert passed < 10 * SECONDS, f'too little happens: {faults.met()}'
        restarts.go(passed)
        faults.more()
        with contextlib.suppress(psycopg.OperationalError):
            ticks.tick()
        held = faults.held()
        if held or chance.random() < 0.4:
            kill_something(engine, faults, chance)
        for one in held:
            one.go.set()
        time.sleep(min(1, SECONDS / 30))
    faults.over()
    assert not restarts.left


def test_copies_agree_whatever_is_killed(cluster, template, target, store, tmp_path, tell):
    chance = random.Random(7)
    faults = Faults(store, target.proxy, tmp_path / 'clock', chance)
    sections = settings(store.endpoint) | target.sections(
        conninfo=f'{target.conninfo} host={target.proxy.dir}')
    with running_engine(cluster, template, tmp_path, sections, faults.environment(), workers=3,
                        lease='2s', poll_interval='200ms', retry_backoff='100ms',
                        retry_backoff_max='300ms') as engine:
        db = engine.db
        make_tables(db)
        ticks = Ticks(db, store.bucket)
        writers = [Writer(db, seed) for seed in range(WRITERS)]
        try:
            disturb(engine, ticks, Restarts((cluster, target.cluster), chance), faults, chance)
        finally:
            for writer in writers:
                writer.over = True
            for writer in writers:
                writer.join()
        for what, figure in zip(('failed requests to S3', 'COMMITs'), faults.met()):
            tell(what, figure, f'in {ticks.count} ticks')
        assert sum(writer.commits for writer in writers) > 50
        stopped = again(lambda: db.value('select now()'))

        def all_read():
            ticks.tick()
            return all(
                (db.value('select max(horizon) from reportd.v_requests where config_id = %s '
                          "and status = 'COMPLETED'", one) or stopped) > stopped
                for one in ticks.made)
        wait_for(all_read, 60, interval=0.5)
        for one in ticks.made:
            report.wait_done(db, one)
        ticks.tick()
        assert differences(db, target) == []
