# SPDX-License-Identifier: MIT
"""Uploads whose S3 fails, whose run is stopped, whose worker or daemon is killed:
the object is whole or not there, and no upload is left behind."""

import contextlib
import os
import signal
import subprocess
import time

import pytest

from lib import report
from lib.paths import REPORTCTL, environ
from lib.wait import wait_for
from test_s3_shared import (  # noqa: F401: fixtures
    ENVIRONMENT, FAST, THREE_PARTS, bucket, engine, proxy, run, settings, sha256)

WHOLE = 12000 * 1000 + 2
BUSY = (500, 'InternalError')
SLOW_DOWN = (503, 'SlowDown')


def nothing_left(bucket, db, config_id):
    # A clean-up that fails is tried again after a minute.
    wait_for(lambda: bucket.uploads() == [], 90, 'the uploads to be gone')
    wait_for(lambda: not any(r.leftovers for r in report.runs(db, config_id)), 30,
             'their record to be gone')


# One request fails, once

CUTS = ['cut before', 'cut after', BUSY, SLOW_DOWN]


@pytest.mark.parametrize('what', ['cut within', *CUTS], ids=str)
def test_a_put_that_fails_once(run, engine, bucket, what):
    engine.proxy.at('put', what)
    one = run('x.csv')
    assert one.attempt == 1 and bucket.get('x.csv') == b'one\n1\n'


@pytest.mark.parametrize('op, what', [
    *(('create', what) for what in CUTS),
    *(('part', what) for what in ['cut within', *CUTS]),
    *(('complete', what) for what in ['200 error', *CUTS])], ids=str)
def test_a_request_of_an_upload_that_fails_once(run, engine, bucket, op, what):
    engine.proxy.at(op, what, 2 if op == 'part' else None)
    one = run('x.csv', export_sql=THREE_PARTS)
    assert one.attempt == 1
    body = bucket.get('x.csv')
    assert len(body) == WHOLE and sha256(body) == one.sha256
    # Nobody can tell whether a Create that failed has made an upload.
    if op != 'create' or what == SLOW_DOWN:
        assert bucket.uploads() == [] and one.leftovers is None


def test_an_outcome_that_nobody_heard_is_looked_at(run, engine, bucket):
    """The server has completed it and knows it no more when it is asked again."""
    engine.proxy.at('complete', 'cut after')
    engine.proxy.at('complete', (404, 'NoSuchUpload'), forever=True)
    one = run('x.csv', export_sql=THREE_PARTS)
    assert one.attempt == 1 and one.leftovers is None
    assert sha256(bucket.get('x.csv')) == one.sha256


def test_an_upload_that_somebody_ended_is_a_failure(run, engine, bucket):
    """Also when an object stands there, of another run."""
    run('x.csv')
    engine.proxy.at('complete', (404, 'NoSuchUpload'), forever=True)
    one = run('x.csv', 'FAILED', export_sql=THREE_PARTS)
    assert 'NoSuchUpload' in one.error_message
    assert bucket.get('x.csv') == b'one\n1\n'


def test_a_part_that_fails_is_sent_alone_again(run, engine, bucket):
    before = len(engine.proxy.requests)
    engine.proxy.at('part', BUSY, 1)
    engine.proxy.at('part', 'cut after', 3)
    run('x.csv', export_sql=THREE_PARTS)
    numbers = [n for op, n, *_ in engine.proxy.requests[before:] if op == 'part']
    assert sorted(numbers) == [1, 1, 2, 3, 3]


def test_an_expired_token_in_mid_upload(run, engine, bucket):
    engine.proxy.at('part', (400, 'ExpiredToken'), 2)
    assert run('x.csv', export_sql=THREE_PARTS).attempt == 1
    assert len(bucket.get('x.csv')) == WHOLE


# And for good

@pytest.mark.parametrize('op', ['create', 'part', 'complete', 'put'])
def test_what_is_refused_is_not_repeated(run, engine, bucket, op):
    """And its message is told."""
    before = len(engine.proxy.requests)
    engine.proxy.at(op, (400, 'InvalidArgument'), forever=True)
    one = run('x.csv', 'FAILED',
              export_sql='select 1' if op == 'put' else THREE_PARTS)
    assert one.attempt == 1
    assert 'InvalidArgument: the proxy says InvalidArgument' in one.error_message
    assert bucket.keys() == [] and bucket.uploads() == []
    again = [n for o, n, *_ in engine.proxy.requests[before:] if o == op]
    assert len(again) == len(set(again))


def test_a_complete_that_always_fails_with_200(run, engine, bucket):
    engine.proxy.at('complete', '200 error', forever=True)
    one = run('x.csv', 'FAILED', export_sql=THREE_PARTS, max_retries=0)
    assert 'HTTP 200, but the answer is InternalError' in one.error_message
    assert one.error_stage == 'publish'
    assert bucket.keys() == [] and bucket.uploads() == []


def test_an_upload_that_is_refused_for_good_is_not_recorded(run, engine, bucket):
    engine.proxy.at('create', (403, 'AccessDenied'))
    one = run('x.csv', 'FAILED', export_sql=THREE_PARTS, max_retries=0)
    assert 's3:PutObject' in one.error_message and one.leftovers is None


def test_an_abort_that_fails_is_made_up_for(run, engine, bucket):
    engine.proxy.at('part', (400, 'InvalidArgument'), 2)
    abort = engine.proxy.at('abort', (403, 'AccessDenied'))
    one = run('x.csv', 'FAILED', export_sql=THREE_PARTS)
    abort.wait()
    nothing_left(bucket, engine.db, one.config_id)


def test_a_request_that_hangs_is_given_up(db, drain, bucket, proxy):
    fault = proxy.at('part', 'hold before', 2)
    config_id = report.submit(db, output_path=bucket.url('x.csv'),
                              export_sql=THREE_PARTS)
    drain(settings(proxy.endpoint, http={'silence_timeout': '1s'}), env=ENVIRONMENT)
    fault.drop = True
    fault.go.set()
    assert report.config(db, config_id).status == 'COMPLETED'
    assert len(report.runs(db, config_id)) == 1
    assert len(bucket.get('x.csv')) == WHOLE


def test_parts_leave_while_the_source_is_slow(db, drain, bucket, proxy):
    """Nobody writes for longer than S3 may be silent."""
    config_id = report.submit(db, output_path=bucket.url('x.csv'), export_sql="""
        select case when i = 8000 then pg_sleep(4)::text else repeat('x', 999) end as x
        from generate_series(1, 12000) i""")
    drain(settings(proxy.endpoint, http={'silence_timeout': '1s', 'timeout': '2s'}),
          env=ENVIRONMENT)
    assert report.config(db, config_id).status == 'COMPLETED'
    numbers = [n for op, n, *_ in proxy.requests if op == 'part']
    assert sorted(numbers) == [1, 2, 3]


# Stopped

@pytest.mark.parametrize('columns, status, why', [
    ({}, 'CANCELLED', 'cancelled on request'),
    ({'timeout': '2 seconds', 'max_retries': 0}, 'FAILED', 'timed out after 2 s')],
    ids=['cancelled', 'timed out'])
@pytest.mark.parametrize('op', ['create', 'part'])
def test_a_run_that_is_stopped_aborts_its_upload(engine, bucket, op, columns, status,
                                                 why):
    fault = engine.proxy.at(op, 'hold after')
    config_id = report.submit(engine.db, output_path=bucket.url('x.csv'),
                              export_sql=THREE_PARTS, **columns)
    fault.wait()
    if status == 'CANCELLED':
        engine.db.value('select reportd.cancel(%s)', config_id)
    row = report.wait_done(engine.db, config_id)
    fault.drop = True
    fault.go.set()
    assert row.status == status
    one, = report.runs(engine.db, config_id)
    assert why in one.error_message
    assert bucket.keys() == []
    if op == 'part':
        assert one.leftovers is None and bucket.uploads() == []
    engine.proxy.clear()


def test_an_interrupted_reportctl_aborts_its_upload(conf, bucket, proxy):
    fault = proxy.at('part', 'hold after', 2)
    with subprocess.Popen(
            [REPORTCTL, '-c', conf(settings(proxy.endpoint)), 'export', '--sql',
             THREE_PARTS, '-o', bucket.url('x.csv')], env=environ(**ENVIRONMENT),
            stderr=subprocess.DEVNULL) as process:
        fault.wait()
        assert len(bucket.uploads()) == 1
        process.send_signal(signal.SIGINT)
        assert process.wait(20) != 0
    fault.go.set()
    assert bucket.uploads() == [] and bucket.keys() == []


def test_nothing_is_seen_before_all_is_there(engine, bucket):
    bucket.put('x.csv', b'before')
    faults = [engine.proxy.at(op, 'hold before') for op in ('create', 'part', 'complete')]
    config_id = report.submit(engine.db, output_path=bucket.url('x.csv'),
                              export_sql=THREE_PARTS)
    for fault in faults:
        fault.wait()
        assert bucket.get('x.csv') == b'before'
        fault.go.set()
    assert report.wait_done(engine.db, config_id).status == 'COMPLETED'
    assert len(bucket.get('x.csv')) == WHOLE


def test_a_publish_ends_with_the_lease(daemon, db, bucket, proxy):
    """Complete fails on and on; no try of it begins when the lease may be over."""
    times = []
    take = proxy.take
    proxy.take = lambda op, n: times.append((op, time.monotonic())) or take(op, n)
    proxy.at('complete', SLOW_DOWN, forever=True)
    daemon(settings(proxy.endpoint), env=ENVIRONMENT, lease='2s', workers=1)
    config_id = report.submit(db, output_path=bucket.url('x.csv'),
                              export_sql=THREE_PARTS, max_retries=0)
    row = report.wait_done(db, config_id, 60)
    assert row.status == 'FAILED', row
    tries = [t for op, t in times if op == 'complete']
    assert len(tries) > 1 and tries[-1] - tries[0] < 2
    assert bucket.keys() == [] and bucket.uploads() == []


def test_a_slow_publish_brings_no_report_that_nobody_can_run(bucket, proxy, db, daemon):
    """A worker that waits for the end of an upload takes no long job, so none is
    claimed for it."""
    daemon(settings(proxy.endpoint), workers=1, lease='3s', env=ENVIRONMENT, **FAST)
    fault = proxy.at('complete', 'hold before')
    first = report.submit(db, export_sql=THREE_PARTS, output_path=bucket.url('x.csv'))
    fault.wait()
    second = report.submit(db)
    for _ in range(2):
        old = db.value('select heartbeat_at from reportd.report_worker')
        wait_for(lambda: db.value('select heartbeat_at > %s from reportd.report_worker',
                                  old), what='a heartbeat')
    assert report.runs(db, second) == []
    fault.go.set()
    assert report.wait_done(db, first).status == 'COMPLETED'
    assert report.wait_done(db, second).status == 'COMPLETED'
    assert len(report.runs(db, second)) == 1


def test_a_publish_that_is_overdue_does_no_harm_to_the_report_beside_it(
        bucket, proxy, db, daemon):
    """The daemon kills the worker because of the one run; the other one, which
    stands in line there, is given back, uncounted."""
    daemon(settings(proxy.endpoint), workers=1, cancel_grace='100ms', env=ENVIRONMENT,
           **FAST)
    # Short reports, so that more than one is given to a worker.
    for _ in range(20):
        assert report.wait_done(db, report.submit(db)).status == 'COMPLETED'
    fault = proxy.at('put', 'hold before')
    first = report.submit(db, output_path=bucket.url('x.csv'), max_retries=0,
                          timeout='2 s')
    fault.wait()
    second = report.submit(db, max_retries=0)
    row = report.wait_done(db, first)
    assert row.status == 'FAILED'
    assert 'timed out after 2000 ms in stage publish' in row.error_message
    row = report.wait_done(db, second)
    assert row.status == 'COMPLETED', row.error_message
    runs = report.runs(db, second)
    assert [r.status for r in runs[:-1]] == ['RELEASED'] * (len(runs) - 1)
    assert runs[-1].attempt == 1
    fault.drop = True
    fault.go.set()


def test_a_report_that_its_worker_begins_late_has_all_of_its_time(bucket, proxy, db, daemon):
    """The worker publishes another output first, for longer than that time."""
    daemon(settings(proxy.endpoint), workers=1, cancel_grace='100ms', env=ENVIRONMENT,
           **FAST)
    # Short reports, so that more than one is given to a worker.
    for _ in range(20):
        assert report.wait_done(db, report.submit(db)).status == 'COMPLETED'
    fault = proxy.at('put', 'hold before')
    first = report.submit(db, output_path=bucket.url('x.csv'), max_retries=0)
    fault.wait()
    second = report.submit(db, max_retries=0, timeout='1 s')
    wait_for(lambda: db.value("select max(started_at) < clock_timestamp() - interval '2 s' "
                              'from reportd.report_run where config_id = %s', second),
             what='more than the time of the second')
    fault.go.set()
    for config_id in first, second:
        row = report.wait_done(db, config_id)
        assert row.status == 'COMPLETED', row.error_message
        assert len(report.runs(db, config_id)) == 1


# Killed

STEPS = [('create', 'hold before', True), ('create', 'hold after', True),
         ('part', 'hold before', True), ('part', 'hold after', True),
         ('complete', 'hold before', True), ('complete', 'hold before', False),
         ('complete', 'hold after', True), ('put', 'hold before', True),
         ('put', 'hold before', False), ('put', 'hold after', True)]


@contextlib.contextmanager
def killed_at(proxy, db, bucket, op, what, drop):
    """A report that stands at that request; afterwards the request is lost, or (not
    drop) it reaches the server although its sender is dead."""
    fault = proxy.at(op, what, 2 if op == 'part' else None)
    config_id = report.submit(
        db, output_path=bucket.url('x.csv'),
        export_sql='select 1 as one' if op == 'put' else THREE_PARTS)
    fault.wait()
    if op != 'put':  # a few milliseconds later the database knows
        wait_for(lambda: any(u.get('id') or op == 'create'
                             for u in report.runs(db, config_id)[0].leftovers or []),
                 10, 'the record of the upload')
    yield config_id
    fault.drop = drop
    fault.go.set()


def recovered(db, bucket, config_id, op):
    row = report.wait_done(db, config_id, 60)
    assert row.status == 'COMPLETED', row
    one = report.runs(db, config_id)[-1]
    assert one.attempt == 2
    body = bucket.get('x.csv')
    assert sha256(body) == one.sha256 and len(body) == one.byte_count
    assert bucket.keys() == ['x.csv']
    nothing_left(bucket, db, config_id)


KEYS = {'stale_uploads': '1s'}


@pytest.mark.parametrize('op, what, drop', STEPS)
def test_a_worker_is_killed(daemon, db, bucket, proxy, op, what, drop):
    one = daemon(settings(proxy.endpoint, KEYS), env=ENVIRONMENT, workers=1, **FAST)
    with killed_at(proxy, db, bucket, op, what, drop) as config_id:
        os.kill(one.workers()[0], signal.SIGKILL)
        wait_for(lambda: report.runs(db, config_id)[0].status == 'FAILED')
    recovered(db, bucket, config_id, op)


@pytest.mark.parametrize('op, what, drop', STEPS)
def test_daemon_and_worker_are_killed(daemon, db, bucket, proxy, op, what, drop):
    """At once, as when the machine fails."""
    one = daemon(settings(proxy.endpoint, KEYS), env=ENVIRONMENT, workers=1, lease='2s',
                 **FAST)
    with killed_at(proxy, db, bucket, op, what, drop) as config_id:
        for pid in one.workers():
            os.kill(pid, signal.SIGSTOP)
        workers = one.workers()
        one.kill()
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
    daemon(settings(proxy.endpoint, KEYS), env=ENVIRONMENT, workers=1, lease='2s',
           **FAST)
    recovered(db, bucket, config_id, op)


def test_a_daemon_is_killed_and_its_worker_cleans_up(daemon, db, bucket, proxy):
    one = daemon(settings(proxy.endpoint, KEYS), env=ENVIRONMENT, workers=1, lease='2s',
                 **FAST)
    with killed_at(proxy, db, bucket, 'part', 'hold after', True) as config_id:
        one.kill()
        wait_for(lambda: bucket.uploads() == [], 10, 'the abort')
    daemon(settings(proxy.endpoint, KEYS), env=ENVIRONMENT, workers=1, lease='2s',
           **FAST)
    recovered(db, bucket, config_id, 'part')


def test_killed_for_good_an_upload_is_ended_all_the_same(daemon, db, bucket, proxy):
    one = daemon(settings(proxy.endpoint, KEYS), env=ENVIRONMENT, workers=1)
    fault = proxy.at('part', 'hold after', 2)
    config_id = report.submit(db, output_path=bucket.url('x.csv'), max_retries=0,
                              export_sql=THREE_PARTS)
    fault.wait()
    assert len(bucket.uploads()) == 1
    os.kill(one.workers()[0], signal.SIGKILL)
    assert report.wait_done(db, config_id).status == 'FAILED'
    nothing_left(bucket, db, config_id)


def test_an_upload_without_a_known_id_is_left_until_it_is_old(daemon, db, bucket, proxy):
    """Its process may just have begun it. It is ended when it is old enough, not at the
    next try a minute later."""
    one = daemon(settings(proxy.endpoint, {'stale_uploads': '5s'}), env=ENVIRONMENT,
                 workers=1, poll_interval='200ms')
    fault = proxy.at('create', 'hold after')
    began = time.monotonic()
    config_id = report.submit(db, output_path=bucket.url('x.csv'), max_retries=0,
                              export_sql=THREE_PARTS)
    fault.wait()
    wait_for(lambda: report.runs(db, config_id)[0].leftovers, what='the record of the upload')
    os.kill(one.workers()[0], signal.SIGKILL)
    fault.drop = True
    fault.go.set()
    assert report.wait_done(db, config_id).status == 'FAILED'
    assert len(bucket.uploads()) == 1
    nothing_left(bucket, db, config_id)
    assert time.monotonic() - began >= 4  # the record is in whole seconds


def test_uploads_of_others_are_left_alone(daemon, db, bucket, swift, proxy):
    """Also for the same key, at the same time."""
    theirs = [swift.client.create_multipart_upload(Bucket=bucket.name, Key=key)['UploadId']
              for key in ('x.csv', 'x.csv.more', 'x')]
    swift.client.upload_part(Bucket=bucket.name, Key='x.csv', UploadId=theirs[0],
                             PartNumber=1, Body=b'theirs')
    one = daemon(settings(proxy.endpoint, KEYS), env=ENVIRONMENT, workers=1, **FAST)
    with killed_at(proxy, db, bucket, 'create', 'hold after', True) as config_id:
        os.kill(one.workers()[0], signal.SIGKILL)
        wait_for(lambda: report.runs(db, config_id)[0].status == 'FAILED')
    assert report.wait_done(db, config_id, 60).status == 'COMPLETED'
    wait_for(lambda: not any(r.leftovers for r in report.runs(db, config_id)), 30)
    assert sorted(upload for _, upload in bucket.uploads()) == sorted(theirs)


def test_an_earlier_attempt_is_replaced_in_spite_of_create_only(daemon, db, bucket, proxy):
    """The worker dies when the object is there and before anybody knows."""
    one = daemon(settings(proxy.endpoint), env=ENVIRONMENT, workers=1, **FAST)
    fault = proxy.at('complete', 'hold after')
    config_id = report.submit(db, output_path=bucket.url('x.csv'),
                              export_sql=THREE_PARTS,
                              output_options={'s3': {'create_only': True}})
    fault.wait()
    assert bucket.has('x.csv')
    os.kill(one.workers()[0], signal.SIGKILL)
    fault.drop = True
    fault.go.set()
    row = report.wait_done(db, config_id, 60)
    assert row.status == 'COMPLETED', row.error_message
    assert bucket.head('x.csv')['Metadata']['run-id'] == str(row.run_id)
    # Another request replaces nothing, though it is for the same time.
    report.run_for(db, config_id, row.scheduled_for)
    again = report.wait_status(db, config_id, 'FAILED')
    assert 'create_only' in again.error_message
    assert bucket.head('x.csv')['Metadata']['run-id'] == str(row.run_id)
