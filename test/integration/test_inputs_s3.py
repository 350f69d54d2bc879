# SPDX-License-Identifier: MIT
"""Files in S3 that reports read."""

import gzip
import json
import types

import pytest

from lib import process, report
from lib.target import Target, outcome
from lib.wait import wait_for
from test_engine_shared import file_of
from test_inputs import CSV, FAST, files, wait_taken
from test_s3_shared import ENVIRONMENT, Bucket, settings

ROWS = b'id\n1\n'  # a whole file


@pytest.fixture(scope='module')
def target(cluster):
    target = Target(cluster)
    yield target
    target.drop()


@pytest.fixture(scope='module')
def engine(cluster, template, tmp_path_factory, swift, target):
    path = tmp_path_factory.mktemp('inputs')
    db = cluster.create(template)
    conf = process.write_conf(path / 'reportd.conf', db, settings(
        swift.endpoint, inputs={'rescan': '1s'}) | target.sections(), **FAST)
    daemon = process.Daemon(db, conf, env=ENVIRONMENT)
    daemon.wait_ready()
    yield types.SimpleNamespace(db=db, daemon=daemon, conf=conf)
    daemon.end()
    db.drop()


@pytest.fixture
def db(engine):
    return engine.db


@pytest.fixture
def bucket(swift):
    return Bucket(swift.client)


def submit(db, bucket, pattern, trigger='FILE', sql="select :'f__files' as files", more=None,
           **columns):
    return report.submit(db, trigger_type=trigger, export_sql=sql, inputs={
        'f': {**CSV, 'path': bucket.url(pattern), **(more or {})}}, **columns)


def test_new_objects_become_a_request_once(db, bucket):
    for key in 'in/a.csv', 'in/b c+d&e.csv', 'in/x/c.csv', 'in/d.csv.tmp', 'in/é.csv', 'out/e.csv':
        bucket.put(key, ROWS)
    bucket.put('in/', b'')
    bucket.put('in/empty.csv', b'')
    config_id = submit(db, bucket, 'in/*.csv')
    wait_taken(db, config_id, 3)
    assert files(db, config_id, 'DONE') == ['a.csv', 'b c+d&e.csv', 'é.csv']
    assert files(db, config_id, 'NEW') == ['empty.csv']
    bucket.put('in/a.csv', ROWS + b'2\n')
    wait_taken(db, config_id, 4)
    bucket.put('in/a.csv', ROWS + b'2\n')
    zone = "select listed_at from reportd.v_zones where config_id = %s"
    now = db.value('select now()')
    wait_for(lambda: db.value(zone, config_id) > now)
    assert files(db, config_id, 'DONE').count('a.csv') == 2
    config_id = submit(db, bucket, '**/?.csv')
    wait_taken(db, config_id, 4)
    assert sorted(files(db, config_id, 'DONE')) == ['a.csv', 'c.csv', 'e.csv', 'é.csv']


def test_objects_go_into_a_table_as_they_are(db, bucket, target):
    """Also one that is longer than a piece of it, and one that is packed."""
    target.table('create table s.t (id bigint, name text)')
    rows = ''.join(f'{i},"{"x" * 100}"\n' for i in range(100000))
    bucket.put('load/a.csv', ('id,name\n' + rows).encode())
    bucket.put('load/b.csv.gz', gzip.compress(('id,name\n' + rows).encode()))
    config_id = submit(
        db, bucket, 'load/*', sql=None, more={'columns': [['id', 'bigint'], ['name', 'text']]},
        output_format='TABLE', output_path='table:dwh/s.t', max_retries=0)
    wait_for(lambda: len(files(db, config_id, 'DONE', 'FAILED')) == 2 or None, 60, 'both objects')
    assert outcome(db, config_id) == ('COMPLETED', 200000, None)
    assert target.rows('select count(*), count(distinct id) as ids, min(length(name)) from s.t') == [
        (200000, 100000, 100)]


def test_the_latest_object(db, bucket):
    bucket.put('in/b.csv', ROWS)
    bucket.put('in/a.csv', ROWS)
    config_id = submit(db, bucket, 'in/*.csv', 'ADHOC', more={'use': 'all'},
                       sql="select :'f__files' as files")
    assert report.wait_done(db, config_id).status == 'COMPLETED'
    run = report.runs(db, config_id)[-1]
    line = file_of(run.output_url).read_text().split('\n')[1][1:-1].replace('""', '"')
    assert json.loads(line) in (  # within one second
        [bucket.url('in/b.csv'), bucket.url('in/a.csv')],
        [bucket.url('in/a.csv'), bucket.url('in/b.csv')])


def test_the_latest_object_may_be_an_old_one_that_was_put_again(db, bucket):
    bucket.put('in/a.csv', ROWS)
    bucket.put('in/z.csv', ROWS)
    config_id = submit(db, bucket, 'in/*.csv', 'ADHOC', more={'use': 'latest'},
                       sql="select :'f__url' as file")
    assert report.wait_done(db, config_id).status == 'COMPLETED'
    # As if it had been put there an hour before a.csv for the first time.
    db.execute("update reportd.report_input set modified_at = modified_at - interval '1 hour' "
               "where config_id = %s and url like '%%z.csv'", config_id)
    db.execute('select reportd.run_now(%s)', config_id)
    runs = wait_for(lambda: [
        run for run in [report.runs(db, config_id)] if len(run) == 2 and run[1].output_url])[0]
    assert [file_of(run.output_url).read_text() for run in runs] == [
        f"file\n{bucket.url('in/z.csv')}\n"] * 2


def test_a_file_that_a_parent_replaces_is_read_as_the_parent_leaves_it(db, bucket):
    """A request that waits may know an earlier version."""
    bucket.put('made/a.csv', ROWS)
    report.submit(db, report_key='makes', trigger_type='SCHEDULED', schedule_expression='0 0 1 1 *',
                  export_sql='select 2 as id, 3 as more', output_path=bucket.url('made/a.csv'))
    config_id = submit(db, bucket, 'made/*.csv', 'SCHEDULED', schedule_expression='0 0 1 1 *',
                       run_after=['makes'], more={'use': 'latest', 'columns': [
                           ['id', 'int'], ['more', 'int']]})
    db.value("select reportd.backfill(%s, t, t) from reportd.prev_run('0 0 1 1 *', 'UTC', now()) t",
             config_id)
    wait_for(lambda: db.value('select bool_and(listed_at is not null) from reportd.v_zones '
                              'where config_id = %s', config_id))
    db.value("select reportd.run_now(reportd.id('makes'))")
    wait_for(lambda: db.value("select status in ('COMPLETED', 'FAILED') from reportd.v_requests "
                              'where config_id = %s', config_id))
    assert [(r.status, r.error_message) for r in report.runs(db, config_id)] == [('COMPLETED', None)]


def test_more_objects_than_a_page(db, bucket):
    for i in range(1100):
        bucket.put(f'in/{i:05}.csv', ROWS)
    config_id = submit(db, bucket, 'in/*.csv')
    runs = wait_taken(db, config_id, 1100, 60)
    assert sorted(map(len, runs)) == [100, 1000]
    assert len(set(sum(runs, []))) == 1100


def test_a_bucket_that_is_not_there(db):
    config_id = report.submit(db, trigger_type='FILE', export_sql='select 1',
                              inputs={'f': 's3://no-such-bucket/*'})
    why = wait_for(lambda: (w := db.value('select reportd.why(%s)', config_id)) and
                   'cannot be listed' in w and w)
    assert 'NoSuchBucket' in why
