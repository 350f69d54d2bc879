# SPDX-License-Identifier: MIT
"""Results that Snowflake writes into S3 itself: COPY INTO a stage, by the stand-in."""

import json
import os
import signal
import threading
import types

import psycopg
import pytest

from lib import process, report
from lib.objects import Objects
from lib.wait import wait_for
from test_engine_shared import done, ended, failure, file_of
from test_snowflake_shared import account, dwh, snow  # noqa: F401

QUERY = """select n, 'it''s \\\\ text ' || n as text -- a comment
    from generate_series(1, 10) n order by n"""
KEYS = {'AWS_ACCESS_KEY_ID': 'AKIDTEST', 'AWS_SECRET_ACCESS_KEY': 'testsecret'}
STAGE = 'SALES.PUBLIC.REPORTS'


@pytest.fixture(scope='module')
def objects(account):
    objects = Objects()
    account.objects, account.stage = objects, (STAGE, ('lake', 'unloaded/'))
    yield objects
    objects.remove()


@pytest.fixture(scope='module')
def engine(cluster, template, tmp_path_factory, account, objects):
    db = cluster.create(template)
    home = tmp_path_factory.mktemp('unload')
    source = account.settings(home)
    conf = process.write_conf(home / 'reportd.conf', db, {
        's3': {'endpoint': objects.url, 'region': 'eu-central-1'},
        'source.snow': {**source, 'unload_to': 's3://lake/unloaded/', 'unload_stage': STAGE,
                        'trusted': 'on'},
        'source.stageless': source}, lease='4s', retry_backoff='50ms')
    one = types.SimpleNamespace(db=db, conf=conf, out=home / 'out',
                                daemon=process.Daemon(db, conf, env=KEYS))
    try:
        one.daemon.wait_ready()
        yield one
    finally:
        try:
            one.daemon.end()
        finally:
            db.drop()


@pytest.fixture(autouse=True)
def shelf(objects):
    objects.kept.clear()
    yield objects
    objects.fails.clear()


def unload(engine, **columns):
    options = {'unload': True, **columns.pop('output_options', {})}
    columns.setdefault('export_sql', QUERY)
    return done(engine.db, source='snow', output_options=options, **columns)


def refusal(engine, **columns):
    options = {'unload': True, **columns.pop('output_options', {})}
    columns = {'source': 'snow', 'export_sql': QUERY, **columns}
    return failure(engine.db, output_options=options, **columns).error_message


def statement(snow):
    return snow.sent('post')[-1][3]['statement']


def test_the_manifest_is_the_output(engine, snow, objects):
    run = unload(engine, output_path='sales.{ext}')
    path = file_of(run.output_url)
    assert path.name == 'sales.manifest' and run.row_count == 10
    manifest = json.loads(path.read_text())
    prefix = f'unloaded/{run.config_id}/{run.run_id}/'
    assert len(manifest['entries']) == 2
    assert {e['url'] for e in manifest['entries']} == {
        f's3://lake/{key}' for _, key in objects.kept if key.startswith(prefix)}
    text = b''.join(objects.kept['lake', e['url'].removeprefix('s3://lake/')]
                    for e in manifest['entries']).decode()
    assert text == ''.join(f"{n},it's \\ text {n}\n" for n in range(1, 11))
    assert manifest['meta'] == {'record_count': 10, 'content_length': len(text)}
    assert run.remark == f'CSV: unloaded {len(text)} bytes into 2 objects below s3://lake/{prefix}'


@pytest.mark.parametrize('format, options, clause', [
    ('CSV', {'delimiter': ';', 'header': False, 'null': 'NULL'},
     "field_delimiter = ';' null_if = ('NULL') compression = none) header = false"),
    ('CSV', {'compress': 'gzip'}, 'compression = gzip) header = true'),
    ('JSONL', {'compress': 'zstd'}, 'type = json compression = zstd)'),
    ('PARQUET', {}, 'type = parquet) header = true'),
])
def test_options_become_clauses(engine, snow, format, options, clause):
    run = unload(engine, output_format=format, output_options=options)
    assert clause in statement(snow) and run.row_count == 10


def test_the_manifest_may_lie_beside_the_objects(engine, snow, objects):
    run = unload(engine, output_path='s3://lake/unloaded/day/sales.{ext}')
    manifest = json.loads(objects.kept['lake', 'unloaded/day/sales.manifest'])
    assert all(e['url'].startswith('s3://lake/unloaded/day/sales.manifest.parts/'
                                   f'{run.run_id}/') for e in manifest['entries'])


def test_no_rows_make_an_empty_manifest_or_none(engine, snow):
    empty = 'select 1 as a where false'
    run = unload(engine, export_sql=empty)
    assert json.loads(file_of(run.output_url).read_text())['entries'] == []
    run = unload(engine, export_sql=empty, output_options={'skip_if_empty': True})
    assert run.output_url is None and run.remark == 'no rows: no output was made'


def test_a_list_that_lies_is_refused_and_its_objects_removed(engine, snow, objects):
    snow.lie = 1
    assert 'its manifest says' in refusal(engine)
    assert objects.kept == {}
    snow.lie, snow.forgets = 0, True
    for options in ({}, {'skip_if_empty': True}):
        assert 'are not among those that the source tells of' in refusal(
            engine, output_options=options)
        assert objects.kept == {}


def test_unloaded_rows_are_those_that_are_fetched(engine, snow, objects):
    sql = """select n, n * 1.50::numeric(12, 2) as amount, n % 2 = 0 as even, nullif(n, 3) as hole,
        case when n % 3 = 0 then '' else 'a, "b" \\n' || n end as text, date '2026-01-01' + n as day
        from generate_series(1, 3000) n order by n"""
    fetched = done(engine.db, source='snow', export_sql=sql, output_options={'header': False})
    run = unload(engine, export_sql=sql)
    manifest = json.loads(file_of(run.output_url).read_text())
    text = b''.join(objects.kept['lake', entry['url'].removeprefix('s3://lake/')]
                    for entry in manifest['entries'])
    assert text == file_of(fetched.output_url).read_bytes() and run.row_count == 3000


def test_times_with_a_zone_are_refused_with_advice(engine, snow, objects):
    text = refusal(engine, output_format='PARQUET',
                   export_sql="select timestamptz '2026-01-01' as at")
    assert '(code 100171)' in text and 'cast them to TIMESTAMP_NTZ' in text
    assert 'TIMESTAMP_NTZ' not in refusal(engine, output_format='PARQUET',
                                          export_sql='select 1 / 0 as n')


class Copy:
    """A COPY INTO that is held: while it writes, or when it has written and the answer has
    not come."""

    def __init__(self, snow, dwh, written):
        self.snow, self.written, self.answer = snow, written, threading.Event()
        self.sql = f'select q.* from ({QUERY}) q, (select pg_advisory_lock_shared(7)) s'
        self.lock = psycopg.connect(dwh.conninfo, autocommit=True)
        if written:
            snow.fault('get', hold=self.answer)
        else:
            self.lock.execute('select pg_advisory_lock(7)')

    def reached(self):
        copies = [s for s in self.snow.statements.values() if s.sql.startswith('copy into')
                  and s.running() != self.written]
        return copies if self.snow.sent('get') else None

    def release(self):
        self.snow.faults.clear()
        self.answer.set()
        self.lock.close()


@pytest.fixture(params=['writing', 'written'])
def copy(snow, dwh, request):
    copy = Copy(snow, dwh, request.param == 'written')
    yield copy
    copy.release()


def submit_copy(engine, copy, **more):
    config_id = report.submit(engine.db, source='snow', export_sql=copy.sql,
                              output_path='{config_id}.{ext}', output_options={'unload': True},
                              **more)
    first, = wait_for(copy.reached)
    return config_id, first


def check_published(engine, objects, config_id):
    """The second run has published what it has written, and that alone."""
    run = ended(engine.db, config_id, within=60)
    assert run.row_count == 10 and run.attempt == 2
    manifest = json.loads(file_of(run.output_url).read_text())
    assert sorted(e['url'] for e in manifest['entries']) == sorted(
        f's3://lake/{key}' for _, key in objects.kept if f'/{config_id}/{run.run_id}/' in key)
    assert len(manifest['entries']) == 2
    wait_for(lambda: not any(r.leftovers for r in report.runs(engine.db, config_id)), 60,
             'the record of leftovers to be empty')
    assert {key.split('/')[2] for _, key in objects.kept} == {str(run.run_id)}


def test_a_cancelled_unload_leaves_no_copy_and_no_object(engine, snow, objects, copy):
    config_id, first = submit_copy(engine, copy)
    engine.db.value('select reportd.cancel(%s)', config_id)
    run = ended(engine.db, config_id, 'CANCELLED')
    assert not first.running() and objects.kept == {} and run.leftovers is None
    assert not file_of(f'file://{engine.out}/{config_id}.manifest').exists()


def test_a_killed_worker_leaves_no_copy_and_no_rows_twice(engine, snow, objects, copy):
    config_id, first = submit_copy(engine, copy, max_retries=2)
    for pid in engine.daemon.workers():
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not first.running(), 60, 'the first statement to be cancelled')
    copy.release()
    check_published(engine, objects, config_id)


def test_a_killed_daemon_leaves_no_copy_and_no_rows_twice(engine, snow, objects, copy):
    config_id, first = submit_copy(engine, copy, max_retries=2)
    engine.daemon.kill()
    engine.daemon = process.Daemon(engine.db, engine.conf, env=KEYS)
    engine.daemon.wait_ready()
    wait_for(lambda: not first.running(), 60, 'the first statement to be cancelled')
    copy.release()
    check_published(engine, objects, config_id)


def test_a_worker_that_is_killed_as_it_publishes_leaves_the_objects(engine, snow, objects):
    """The manifest is there, and somebody may be reading it."""
    answer = threading.Event()
    objects.holds.append(('PUT', '/x.manifest', answer))
    try:
        config_id = report.submit(engine.db, source='snow', export_sql=QUERY, max_retries=0,
                                  output_path='s3://lake/unloaded/x.{ext}',
                                  output_options={'unload': True})
        wait_for(lambda: objects.exists('lake', 'unloaded/x.manifest'))
        for pid in engine.daemon.workers():
            os.kill(pid, signal.SIGKILL)
        assert ended(engine.db, config_id, 'FAILED').leftovers is None
    finally:
        objects.holds.clear()
        answer.set()
    manifest = json.loads(objects.get('lake', 'unloaded/x.manifest'))
    assert len(manifest['entries']) == 2
    assert all(objects.exists(*e['url'].removeprefix('s3://').split('/', 1))
               for e in manifest['entries'])


@pytest.mark.parametrize('columns, text', [
    ({'source': 'stageless'}, '[source.stageless] unload_stage is missing'),
    ({'output_path': 's3://lake/elsewhere/x.{ext}'}, 'does not lie below unload_to'),
    ({'export_sql': 'show tables'}, 'the statement is no query'),
])
def test_what_snowflake_cannot_unload_is_refused(engine, snow, columns, text):
    assert text in refusal(engine, **columns)
    assert not snow.statements


def test_options_that_snowflake_lacks_are_refused_at_once(engine):
    with pytest.raises(psycopg.errors.InvalidParameterValue, match='source "snow" is of type '
                       'snowflake, which cannot do "codec" when it writes PARQUET'):
        refusal(engine, output_format='PARQUET', output_options={'codec': 'zstd'})
