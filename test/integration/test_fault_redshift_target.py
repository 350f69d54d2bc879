# SPDX-License-Identifier: MIT
"""Each request is loaded once into what behaves as Redshift, and leaves nothing in S3,
whoever dies when. Its rows go through a real S3 server."""

import gzip
import json
import os
import signal
import threading

import pytest

from lib import report
from lib.proxy import Proxy
from lib.report import wait_done
from lib.s3proxy import S3Proxy
from lib.swift import REGION, Shelf
from lib.target import RedshiftTarget, load, outcome
from lib.wait import wait_for
from test_fault_shared import (  # noqa: F401: fixtures
    QUICK, behind, kill, kill_until_done, loaded_at_the_second_attempt, private_cluster as cluster,
    private_template as template, proxy, statuses, tell)
from test_s3_shared import ENVIRONMENT, Bucket

MODES = {'append': {}, 'replace': {'mode': 'replace'},
         'upsert': {'mode': 'upsert', 'key': ['id']}}
ONE = "select 1 as id, 'x' as name"
# Three parts of 64 kB and more.
MANY = ("select g as id, md5(g::text) || md5((g + 7)::text) as name "
        'from generate_series(1, 8000) g')


@pytest.fixture
def bucket(swift):
    return Bucket(swift.client)


@pytest.fixture
def s3(swift):
    proxy = S3Proxy(('127.0.0.1', swift.port))
    yield proxy
    proxy.remove()


@pytest.fixture
def target(cluster, swift, bucket, s3):
    target = RedshiftTarget(cluster, Shelf(swift.client), s3.endpoint, REGION,
                            bucket=bucket.name)
    target.table('create table s.t (id int, name varchar(100))')
    yield target
    target.drop()


@pytest.fixture
def at_target(target):
    """A proxy before the target; .sections names the target behind it."""
    proxy = Proxy(target.redshift.dir)
    proxy.sections = target.sections(conninfo=f'{target.conninfo} host={proxy.dir}',
                                     copy_part_size='64kB')
    yield proxy
    proxy.remove()


@pytest.fixture
def engine_of(daemon):
    """The fixture `daemon` with quick settings and credentials of S3."""
    def start(sections=None, env=None, **more):
        return daemon(sections, env=ENVIRONMENT | (env or {}), **{**QUICK, **more})
    return start


@pytest.fixture
def held(target):
    """held(before) lets the next COPY wait: .met is set when it has come, .go lets it
    go on; before(manifest) may change what lies there."""
    honest = target.redshift.rows

    class Held:
        met, go = threading.Event(), threading.Event()
        before = None

        def rows(self, manifest, options):
            if not self.met.is_set():
                self.met.set()
                if self.before is not None:
                    self.before(manifest)
                else:
                    self.go.wait(60)
            return honest(manifest, options)
    held = Held()
    target.redshift.rows = held.rows
    yield held
    held.go.set()


def rows(target):
    return target.rows('select * from s.t order by 1')


def sessions(target, state):
    return target.rows('select pid, query from pg_stat_activity where usename = '
                       f"'{target.user}' and {state}")


def nothing_left(db, bucket, within=90):
    # A clean-up that fails is tried again after 2 s, then ever more seldom.
    wait_for(lambda: bucket.keys() == [] and bucket.uploads() == [], within, 'the objects to be gone')
    wait_for(lambda: not db.query('select from reportd.report_run where leftovers is not null'),
             30, 'their record to be gone')


@pytest.mark.parametrize('mode', MODES)
@pytest.mark.parametrize(('what', 'ends'), [
    ('cut after', ['COMPLETED']), ('cut before', ['FAILED', 'COMPLETED'])])
def test_a_lost_answer_of_commit_is_asked_for(
        db, target, at_target, engine_of, bucket, mode, what, ends):
    engine_of(at_target.sections)
    fault = at_target.at('commit', what)
    one = load(db, 's.t', ONE, options=MODES[mode], max_retries=3)
    assert fault.met.is_set()
    assert outcome(db, one)[:2] == ('COMPLETED', 1)
    assert statuses(db, one) == ends
    assert rows(target) == [(1, 'x')]
    assert len(target.ledger()) == 1
    nothing_left(db, bucket)


def test_a_commit_that_arrives_late_is_waited_for(db, target, at_target, engine_of):
    """The worker that lost the connection locks the ledger, which waits, and asks it."""
    engine_of(at_target.sections)
    fault = at_target.at('commit', 'deliver late')
    one = load(db, 's.t', ONE, max_retries=0, wait=False)
    fault.wait()
    wait_for(lambda: sessions(target, "wait_event_type = 'Lock'"), what='the question')
    fault.go.set()
    wait_done(db, one)
    assert outcome(db, one) == ('COMPLETED', 1, None)
    assert rows(target) == [(1, 'x')]


@pytest.mark.parametrize('victim', ['worker', 'daemon'])
def test_killed_while_parts_are_written(db, target, at_target, engine_of, bucket, victim):
    """What lies in S3 is removed by a daemon."""
    daemon = engine_of(at_target.sections, workers=1, lease='2s')
    one = load(db, 's.t', f'{MANY}, pg_sleep(case when g = 8000 and '
               '(select count(*) from reportd.report_run) = 1 then 600 else 0 end)',
               max_retries=1, wait=False)
    wait_for(lambda: bucket.keys(), what='a part')
    kill(victim, daemon, lambda: engine_of(at_target.sections, workers=1))
    wait_done(db, one)
    assert statuses(db, one)[-1] == 'COMPLETED' and len(statuses(db, one)) == 2
    assert target.rows('select count(*), count(distinct id) as d from s.t') == [(8000, 8000)]
    nothing_left(db, bucket)


@pytest.mark.parametrize('victim', ['worker', 'daemon'])
def test_killed_during_copy(db, target, at_target, held, engine_of, bucket, victim):
    daemon = engine_of(at_target.sections, workers=1, lease='2s')
    one = load(db, 's.t', ONE, max_retries=3, wait=False)
    assert held.met.wait(30)
    assert len(bucket.keys()) == 2
    kill(victim, daemon, lambda: engine_of(at_target.sections, workers=1))
    wait_done(db, one)
    held.go.set()
    loaded_at_the_second_attempt(db, target, one)
    nothing_left(db, bucket)


@pytest.mark.parametrize('mode', MODES)
@pytest.mark.parametrize('victim', ['worker', 'daemon'])
def test_killed_between_the_merge_and_the_answer(
        db, target, proxy, behind, bucket, monkeypatch, mode, victim):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    daemon = behind(target.sections(), workers=1, lease='2s')
    fault = proxy.at('publish', 'hold answer')
    one = load(db, 's.t', ONE, options=MODES[mode], max_retries=3, wait=False)
    fault.wait()
    wait_for(lambda: sessions(target, "state = 'idle in transaction'"))
    # The rows are in the temporary table: S3 has done its part.
    assert bucket.keys() == []
    kill(victim, daemon, lambda: (fault.go.set(), behind(target.sections(), workers=1)))
    fault.go.set()
    wait_done(db, one)
    loaded_at_the_second_attempt(db, target, one)


def test_after_a_commit_that_nobody_recorded_nothing_runs_again(
        db, target, proxy, behind, monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    daemon = behind(target.sections(), workers=1, lease='2s')
    fault = proxy.at('finish', 'cut before')
    one = load(db, 's.t', ONE, max_retries=3, wait=False, result_sql="select 'é' as mark")
    fault.wait()
    proxy.refuses = True
    daemon.kill()
    proxy.recover()
    behind(target.sections(), workers=1)
    wait_done(db, one)
    status, count, remark = outcome(db, one)
    assert (status, count) == ('COMPLETED', 1)
    assert 'an earlier attempt loaded it' in remark
    assert rows(target) == [(1, 'x')]
    assert db.value('select result from reportd.report_request where config_id = %s',
                    one) == {'mark': 'é'}


def test_a_worker_that_stands_still_is_overtaken(db, target, at_target, held, engine_of, bucket):
    """It and its daemon stop during the COPY, for longer than the lease; when they go on,
    nothing is loaded twice."""
    daemon = engine_of(at_target.sections, workers=1, lease='3s')
    one = load(db, 's.t', ONE, max_retries=3, wait=False)
    assert held.met.wait(30)
    stopped = daemon.group()
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        engine_of(at_target.sections, workers=1)
        wait_done(db, one)
        assert statuses(db, one)[-2:] == ['LOST', 'COMPLETED']
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    held.go.set()
    wait_for(lambda: daemon.wait_ready() != daemon.worker_id, what='a new identity')
    assert rows(target) == [(1, 'x')]
    assert len(target.ledger()) == 1
    nothing_left(db, bucket)


# The object in S3 is not the one that was written.

def gone(shelf, bucket, entries):
    shelf.client.delete_object(Bucket=bucket, Key=entries[1])


def cut(shelf, bucket, entries):
    shelf.put(bucket, entries[1], shelf.get(bucket, entries[1])[:-100])


def shorter(shelf, bucket, entries):
    text = gzip.decompress(shelf.get(bucket, entries[0]))
    shelf.put(bucket, entries[0], gzip.compress(text[:text.index(b'\n') + 1]))


def forgotten(shelf, bucket, entries):
    key = entries[0].rpartition('/')[0] + '/manifest'
    listed = json.loads(shelf.get(bucket, key))
    listed['entries'].pop()
    shelf.put(bucket, key, json.dumps(listed).encode())


def twice(shelf, bucket, entries):
    key = entries[0].rpartition('/')[0] + '/manifest'
    listed = json.loads(shelf.get(bucket, key))
    listed['entries'].append(listed['entries'][0])
    shelf.put(bucket, key, json.dumps(listed).encode())


def no_manifest(shelf, bucket, entries):
    shelf.client.delete_object(Bucket=bucket, Key=entries[0].rpartition('/')[0] + '/manifest')


@pytest.mark.parametrize(('spoil', 'said'), [
    (gone, 'The specified key does not exist'), (cut, 'File size mismatch'),
    (shorter, 'File size mismatch'), (forgotten, 'COPY of Redshift took'),
    (twice, 'COPY of Redshift took'), (no_manifest, 'The specified key does not exist')])
def test_what_was_changed_in_s3_is_not_loaded(
        db, target, at_target, held, engine_of, bucket, spoil, said):
    """The next attempt has a prefix of its own."""
    engine_of(at_target.sections)
    held.before = lambda manifest: spoil(target.redshift.store, bucket.name, sorted(
        k for k in bucket.keys() if k.endswith('.gz')))
    one = load(db, 's.t', MANY, max_retries=1)
    assert statuses(db, one) == ['FAILED', 'COMPLETED']
    assert said in report.runs(db, one)[0].error_message
    assert target.rows('select count(*), count(distinct id) as d from s.t') == [(8000, 8000)]
    assert len(target.ledger()) == 1
    nothing_left(db, bucket)


@pytest.mark.parametrize('what', ['cut before', 'cut within', 'cut after', (503, 'SlowDown')], ids=str)
def test_a_request_of_s3_that_fails_once(db, target, at_target, engine_of, bucket, s3, what):
    engine_of(at_target.sections)
    s3.at('put', what)
    one = load(db, 's.t', MANY)
    assert outcome(db, one)[:2] == ('COMPLETED', 8000)
    assert target.rows('select count(*), count(distinct id) as d from s.t') == [(8000, 8000)]
    nothing_left(db, bucket)


def test_a_place_that_refuses_fails_the_run(db, target, at_target, engine_of, bucket, s3):
    engine_of(at_target.sections)
    s3.at('put', (403, 'AccessDenied'), forever=True)
    one = load(db, 's.t', ONE, max_retries=2)
    status, _, error = outcome(db, one)
    assert status == 'FAILED' and statuses(db, one) == ['FAILED']
    assert f'the credentials need s3:PutObject on s3://{bucket.name}/loads/reportd-load/' in error
    assert rows(target) == [] and target.ledger() == []
    nothing_left(db, bucket)


def test_objects_that_cannot_be_removed_are_removed_later(
        db, target, at_target, engine_of, bucket, s3):
    engine_of(at_target.sections, poll_interval='1s')
    refused = s3.at('delete', (403, 'AccessDenied'), forever=True)
    one = load(db, 's.t', ONE)
    assert outcome(db, one) == ('COMPLETED', 1, None)
    refused.wait()
    left, = db.value('select leftovers from reportd.report_run where config_id = %s', one)
    assert left['place'] == 'table:dwh/s.t'
    assert left['id'].startswith(f's3://{bucket.name}/loads/reportd-load/')
    assert len(bucket.keys()) == 2
    # Objects of others stay.
    bucket.put('loads/reportd-load-of-others')
    s3.clear()
    wait_for(lambda: bucket.keys() == ['loads/reportd-load-of-others'], 90)
    assert rows(target) == [(1, 'x')]


def test_killed_in_a_loop_each_request_is_loaded_once(
        db, target, at_target, engine_of, bucket, tell):
    """Workers and supervisors die at random while 30 reports load one table."""
    target.table('create table s.many (request int, n int, name varchar(40))')
    ids = [load(db, 's.many', f'select {i} as request, g as n, md5(g::text) as name from '
                'generate_series(1, 300) g, pg_sleep(case when g = 150 then 0.02 else 0 end)',
                max_retries=100, wait=False,
                options={} if i % 2 else {'mode': 'upsert', 'key': ['request', 'n']})
           for i in range(30)]
    kills = kill_until_done(db, lambda: engine_of(at_target.sections, workers=2, lease='3s'),
                            30, 90)
    tell('kills', kills, '')
    assert kills > 5
    assert target.rows('select request, count(*) as n, count(distinct n) as d from s.many '
                       'group by 1 order by 1') == [(i, 300, 300) for i in range(30)]
    assert len(target.ledger()) == len(ids)
    nothing_left(db, bucket)
