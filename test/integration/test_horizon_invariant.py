# SPDX-License-Identifier: MIT
"""Writers of all kinds on several tables, reads by horizon all the time into tables, files and
S3; workers and daemons are killed meanwhile, also while a COMMIT is answered, requests to S3
fail, the clocks of the daemon's host and of the queue's server jump, and both servers restart:
at the end the copies agree with the tables row for row. `make soak` does the same with twenty tables for five minutes."""

import contextlib
import csv
import os
import pathlib
import random
import shutil
import signal
import tempfile
import threading
import time

import psycopg
import pytest

from lib import process, report
from lib.cluster import SERVER, Cluster
from lib.proxy import Proxy
from lib.s3proxy import S3Proxy
from lib.target import Target
from lib.wait import wait_for
from test_engine_shared import file_of, running_engine
from test_fault_shared import again, private_template as template, tell  # noqa: F401: fixtures
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


class Clock:
    """A clock that jumps, for processes that have `env` in their environment."""

    def __init__(self, path):
        self.path = path
        self.env = {'LD_PRELOAD': str(FAKETIME), 'FAKETIME_NO_CACHE': '1',
                    'FAKETIME_TIMESTAMP_FILE': str(path), 'FAKETIME_DONT_FAKE_MONOTONIC': '1'}
        self.jump('+0')

    def jump(self, to):
        # It is read by many processes, and is never half written.
        new = self.path.with_suffix('.new')
        new.write_text(to)
        new.replace(self.path)


@pytest.fixture(scope='module')
def cluster():
    """The queue's server, with a .clock of its own: its pg_ctl sets that for it."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix='reportd-clock-', dir='/tmp'))
    folder.chmod(0o755)
    (folder / 'bin').mkdir()
    programs = pathlib.Path(f'{SERVER}/bin') if SERVER else max(
        pathlib.Path('/usr/lib/postgresql').glob('*/bin'), key=lambda p: float(p.parent.name))
    if SERVER:
        (folder / 'lib').symlink_to(f'{SERVER}/lib')
    clock = Clock(folder / 'clock')
    (folder / 'bin/initdb').symlink_to(programs / 'initdb')
    (folder / 'bin/pg_ctl').write_text(
        '#!/bin/sh\nexec env ' + ' '.join(f'{k}={v}' for k, v in clock.env.items()) +
        f' {programs}/pg_ctl "$@"\n')
    (folder / 'bin/pg_ctl').chmod(0o755)
    cluster = Cluster(folder)
    cluster.clock = clock
    yield cluster
    cluster.remove()
    shutil.rmtree(folder)


@pytest.fixture
def store(swift):
    """A proxy before S3, with a bucket (.bucket) that is reached without it."""
    proxy = S3Proxy(('127.0.0.1', swift.port))
    proxy.bucket = Bucket(swift.client)
    yield proxy
    proxy.remove()


@pytest.fixture
def target():
    """A database with a copy of each table, on another server than the queue's; .source is
    that of the tables, on the same server."""
    server = Cluster()
    target = Target(server)
    for t in range(TABLES):
        target.table(f'create table s.t{t} (id bigint primary key, v int, '
                     'updated_at timestamptz)')
    target.proxy = Proxy(server.host)
    target.source = server.create()
    make_tables(target.source)
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


def take_file(source, bucket, target, run):
    """As a consumer of the files: the rows of a completed request."""
    outputs = [o['url'] for o in run.outputs or [] if o['format'] == 'CSV'] or [run.output_url]
    data = (bucket.get(key_of(outputs[0])[1]) if outputs[0].startswith('s3:') else
            file_of(outputs[0]).read_bytes())
    for row in list(csv.reader(data.decode().splitlines()))[1:]:
        source.execute(upsert(target, 'select %s::bigint, %s::int, %s::timestamptz'), *row)


def differences(target):
    db, found = target.source, []
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

    def __init__(self, db, source, bucket):
        self.db, self.source, self.bucket = db, source, bucket
        self.made = make_reports(db, bucket)
        self.taken = {one: 0 for one in self.made}
        self.count = 0

    def tick(self):
        self.count += 1
        # As people do when the queue's clock was set back.
        self.db.execute("select reportd.retry(config_id) from reportd.report_config where status = "
                        "'PENDING' and attempt > 0 and due_at > now() + interval '1 minute'")
        for one, target in self.made.items():
            row = report.config(self.db, one)
            if row.status not in ('COMPLETED', 'FAILED'):
                continue
            assert row.status == 'COMPLETED', row.error_message
            for run in report.runs(self.db, one):
                if target and run.run_id > self.taken[one] and run.status == 'COMPLETED':
                    take_file(self.source, self.bucket, target, run)
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

    def __init__(self, store, proxy, host, server, chance):
        self.store, self.proxy, self.chance = store, proxy, chance
        self.host, self.server = host, server
        self.s3, self.commits, self.jumps = [], [], set()

    def environment(self):
        return {**ENVIRONMENT, **self.host.env}

    def more(self):
        if not self.store.faults:
            self.s3.append(self.store.at('put', self.chance.choice(self.S3)))
        if not self.proxy.faults:
            self.commits.append(self.proxy.at('commit', self.chance.choice(self.COMMIT)))
        if self.chance.random() < 0.3:
            self.host.jump(self.chance.choice(('+0', '+3h', '-3h', '+400d')))
        if self.chance.random() < 0.2:
            # What is to be tried again waits for its time by this clock.
            self.jumps.add(to := self.chance.choice(('+0', '+10m', '-10m', '+3h')))
            self.server.jump(to)

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
        self.server.jump('+3h')


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
            ticks.count > SECONDS * 2 / 3 and min(faults.met()) > 3 and len(faults.jumps) > 2)


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
    faults = Faults(store, target.proxy, Clock(tmp_path / 'clock'), cluster.clock, chance)
    source = target.source
    sections = settings(store.endpoint) | target.sections(
        conninfo=f'{target.conninfo} host={target.proxy.dir}') | {
            'source.default': {'conninfo': source.conninfo}}
    with running_engine(cluster, template, tmp_path, sections, faults.environment(), workers=3,
                        lease='2s', poll_interval='200ms', retry_backoff='100ms',
                        retry_backoff_max='300ms') as engine:
        db = engine.db
        ticks = Ticks(db, source, store.bucket)
        writers = [Writer(source, seed) for seed in range(WRITERS)]
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
        stopped = again(lambda: source.value('select now()'))

        def all_read():
            ticks.tick()
            return all(
                (db.value('select max(horizon) from reportd.v_requests where config_id = %s '
                          "and status = 'COMPLETED'", one) or stopped) > stopped
                for one in ticks.made)
        wait_for(all_read, 60, lambda: (stopped, db.query(
            'select report_name, status, due_at, now(), error_message, (select max(horizon) from '
            'reportd.v_requests v where v.config_id = c.config_id) from reportd.report_config c '
            )), interval=0.5)
        for one in ticks.made:
            report.wait_done(db, one)
        ticks.tick()
        assert differences(target) == []
