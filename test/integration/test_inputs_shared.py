# SPDX-License-Identifier: MIT
"""Two daemons on one landing zone, a folder or a bucket, whose supervisors and workers are
killed while files come and are overwritten, and while requests to S3 fail: each version is read
once, and the last one of each file is. `make soak` does the same with 10,000 files and 2,000
objects."""

import collections
import contextlib
import os
import random
import signal
import time

import pytest

from lib import duckdb, process, report
from lib.s3proxy import S3Proxy
from lib.wait import wait_for
from test_engine_shared import file_of
from test_inputs import put
from test_s3_shared import ENVIRONMENT, Bucket, settings

FILES = int(os.environ.get('LANDED_FILES', 150))
KILLS = 8 + FILES // 500


class Folder:
    def __init__(self, path):
        self.landing, self.old = path / 'in', path / 'old'
        for one in self.landing, self.old:
            one.mkdir()
        self.sections = {'inputs': {'folders': f'{self.landing}, {self.old}'}}

    def put(self, name, text):
        put(self.landing, name, text)

    def names(self):
        return os.listdir(self.landing)

    def archived(self):
        return [path.read_text() for path in self.old.iterdir()]

    def fail(self, dice):
        """Folders do not fail by themselves."""

    def heal(self):
        pass

    def failed(self):
        return 100


class Objects:
    """Requests fail, of each kind about one for each file that comes."""

    FAULTS = ('cut before', 'cut after', (500, 'InternalError'), (503, 'SlowDown'))
    MORE = {'get': ('short',), 'put': ('200 error',)}

    def __init__(self, swift):
        self.bucket = Bucket(swift.client)
        self.proxy = S3Proxy(('127.0.0.1', swift.port))
        self.proxy.compare_at_delete(swift.client)
        self.landing, self.old = self.bucket.url('in'), self.bucket.url('old')
        self.sections = settings(self.proxy.endpoint)
        self.faults = []

    def put(self, name, text):
        with self.proxy.writes:
            self.bucket.put(f'in/{name}', text.encode())

    def fail(self, dice):
        for op in {'get', 'head', 'put', 'delete'} - {fault.op for fault in self.proxy.faults}:
            what = dice.choice(self.FAULTS + self.MORE.get(op, ()))
            self.faults.append(self.proxy.at(op, what))

    def heal(self):
        self.proxy.clear()

    def failed(self):
        return sum(fault.met.is_set() for fault in self.faults)

    def keys(self, prefix):
        pages = self.bucket.client.get_paginator('list_objects_v2').paginate(
            Bucket=self.bucket.name, Prefix=prefix)
        return [one['Key'] for page in pages for one in page.get('Contents', [])]

    def names(self):
        return self.keys('in/')

    def archived(self):
        return [self.bucket.get(key).decode() for key in self.keys('old/')]


@pytest.fixture(params=['folder', 'objects'])
def zone(request, tmp_path):
    """Where files come, with .files of them for the test."""
    if request.param == 'folder':
        zone = Folder(tmp_path)
        zone.files = FILES
        yield zone
    else:
        zone = Objects(request.getfixturevalue('swift'))
        # Each file is listed, read, copied and removed by a request of its own.
        zone.files = max(40, FILES // 5)
        yield zone
        zone.proxy.remove()


def read(db, config_id):
    """How often each line was read by runs that count."""
    seen = collections.Counter()
    for run in report.runs(db, config_id):
        if run.status == 'COMPLETED' and run.output_url:
            seen.update(file_of(run.output_url).read_text().split('\n')[1:-1])
    return seen


def kill_one(daemons, dice, db, conf):
    """Kills a supervisor, which is started again, or a worker."""
    number = dice.randrange(len(daemons))
    if dice.random() < 0.5:
        daemons[number].kill()
        daemons[number].end()
        daemons[number] = process.Daemon(db, conf, env=ENVIRONMENT)
    else:
        for pid in dice.sample(workers := daemons[number].workers(), min(1, len(workers))):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def test_each_version_is_read_once_whoever_dies(db, zone, tmp_path):
    (tmp_path / 'copies').mkdir()
    conf = process.write_conf(tmp_path / 'reportd.conf', db, {
        'source.files': {'type': 'duckdb', 'library': duckdb.library()},
        **zone.sections,
        'inputs': {**zone.sections.get('inputs', {}), 'rescan': '1s',
                   'temp_directory': tmp_path / 'copies'}},
        poll_interval='200ms', lease='2s', retry_backoff='100ms', workers=2)
    dice = random.Random(7)
    daemons = [process.Daemon(db, conf, env=ENVIRONMENT) for _ in range(2)]
    for daemon in daemons:
        daemon.wait_ready()
    config_id = report.submit(
        db, trigger_type='FILE', source='files', export_sql='select id from f', max_retries=50,
        output_path='out_{request_id}.csv', inputs={'f': {
            'path': f'{zone.landing}/*.csv', 'format': 'csv', 'columns': [['id', 'varchar']],
            'stable_for': '0 s', 'batch': max(7, zone.files // 100),
            'archive': f'{zone.old}/'}})
    last, written = {}, set()
    try:
        for turn in range(zone.files):
            for name in {turn, *(dice.randrange(turn + 1) for _ in range(turn % 2))}:
                last[name] = f'{name}.{turn}'
                written.add(last[name])
                zone.put(f'{name}.csv', f'id\n{last[name]}\n')
            zone.fail(dice)
            if turn % (zone.files // KILLS) == zone.files // KILLS // 2:
                kill_one(daemons, dice, db, conf)
            time.sleep(dice.random() * 20 / zone.files)

        def empty():
            if zone.failed() < 12:
                zone.fail(dice)
            else:
                zone.heal()
            # Files whose move failed or was killed are moved again after some time.
            db.execute('update reportd.report_input set move_at = now() '
                       'where move_at > now() and move_by is null')
            return not zone.names()
        wait_for(empty, 150 + zone.files, lambda: (
            zone.names(), db.query('select url, state, reason, move_error from '
                                   'reportd.v_inputs where moved_to is null')), interval=0.5)
        seen = read(db, config_id)
        assert [line for line, n in seen.items() if n > 1] == []
        assert set(last.values()) <= set(seen) <= written
        # The archive has what was read, each version once, but what was overwritten before
        # it was moved.
        kept = collections.Counter(text.split('\n')[1] for text in zone.archived())
        assert [line for line, n in kept.items() if n > 1] == []
        assert set(last.values()) <= set(kept) <= set(seen)
        states = dict(db.query('select state, count(*) from reportd.report_input group by 1'))
        assert set(states) <= {'DONE', 'GONE'} and states['DONE'] == len(seen)
        assert zone.failed() > 5
    finally:
        for daemon in daemons:
            daemon.end()
