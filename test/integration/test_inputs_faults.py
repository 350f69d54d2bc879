# SPDX-License-Identifier: MIT
"""Files in S3 while requests fail, and what S3 says of objects that cannot be read."""

import os
import signal
import types

import pytest

from lib import process
from lib.s3proxy import S3Proxy
from lib.wait import wait_for
from test_inputs import FAST, files, wait_taken
from test_inputs_move import moved
from test_inputs_s3 import ROWS, submit
from test_s3_shared import ENVIRONMENT, Bucket, settings


@pytest.fixture(scope='module')
def engine(cluster, template, tmp_path_factory, swift):
    path = tmp_path_factory.mktemp('faults')
    db = cluster.create(template)
    proxy = S3Proxy(('127.0.0.1', swift.port))
    conf = process.write_conf(path / 'reportd.conf', db, settings(
        proxy.endpoint, {'sse': 'AES256'}, inputs={'rescan': '1s', 'max_files': 20}), **FAST)
    daemon = process.Daemon(db, conf, env=ENVIRONMENT)
    daemon.wait_ready()
    yield types.SimpleNamespace(db=db, daemon=daemon, proxy=proxy)
    daemon.end()
    proxy.remove()
    db.drop()


@pytest.fixture
def db(engine):
    return engine.db


@pytest.fixture
def proxy(engine):
    yield engine.proxy
    engine.proxy.clear()
    engine.proxy.rewrites.clear()
    engine.proxy.etag_of = None
    engine.db.execute('delete from reportd.report_config')


@pytest.fixture
def bucket(swift):
    return Bucket(swift.client)


def why(db, config_id):
    return db.value('select coalesce(move_error, reason) from reportd.v_inputs where config_id = %s',
                    config_id)


@pytest.mark.parametrize('op, what', [
    ('put', 'cut before'), ('put', 'cut after'), ('put', '200 error'), ('put', (503, 'SlowDown')),
    ('head', 'cut after'), ('head', (500, 'InternalError')), ('delete', 'cut before'),
    ('delete', 'cut after'), ('delete', (503, 'SlowDown'))])
def test_a_move_that_breaks_is_repeated(db, bucket, proxy, op, what):
    """Nothing is copied twice, lost, or left, whichever request fails."""
    bucket.put('in/a.csv', ROWS)
    fault = proxy.at(op, what)
    config_id = submit(db, bucket, 'in/*', more={'archive': bucket.url('old/')})
    wait_for(lambda: moved(db, config_id), 60)
    assert fault not in proxy.faults
    assert bucket.keys() == ['old/a.csv'] and bucket.get('old/a.csv') == ROWS


def test_a_move_whose_worker_dies_is_given_back(db, bucket, proxy, engine):
    """It does not wait as long as a move may take."""
    bucket.put('in/a.csv', ROWS)
    fault = proxy.at('put', 'hold before')
    config_id = submit(db, bucket, 'in/*', more={'archive': bucket.url('old/')})
    fault.wait(60)
    for pid in engine.daemon.workers():
        os.kill(pid, signal.SIGKILL)
    fault.drop = True
    fault.go.set()
    wait_for(lambda: why(db, config_id))
    assert db.value("select move_at < now() + interval '1 min' and move_by is null "
                    'from reportd.report_input where config_id = %s', config_id)
    db.execute('update reportd.report_input set move_at = now() where config_id = %s', config_id)
    wait_for(lambda: moved(db, config_id), 60)
    assert bucket.keys() == ['old/a.csv'] and bucket.get('old/a.csv') == ROWS


@pytest.mark.parametrize('mark, left', [(None, 'old/a.csv'), (0, 'old/ID_a.csv')])
def test_a_repeated_move_knows_its_copy_by_the_mark(db, bucket, proxy, mark, left):
    """The ETag of a copy is another one when its encryption is: here its content is. A copy
    of another version is no copy of this one."""
    bucket.put('in/a.csv', ROWS)
    etag = bucket.head('in/a.csv')['ETag'].strip('"')
    copy = ROWS.replace(b'1', b'9')
    bucket.client.put_object(Bucket=bucket.name, Key='old/a.csv', Body=copy, Metadata={
        'reportd-source-etag': etag if mark is None else str(mark) * 32})
    config_id = submit(db, bucket, 'in/*', more={'archive': bucket.url('old/')})
    names = wait_for(lambda: moved(db, config_id), 60)
    file_id = db.value('select file_id from reportd.v_inputs where config_id = %s', config_id)
    left = left.replace('ID', str(file_id))
    assert names == {'a.csv': bucket.url(left)}
    assert bucket.keys() == sorted({'old/a.csv', left})
    assert bucket.get('old/a.csv') == copy


def test_a_copy_is_described_like_its_source(db, bucket, proxy):
    bucket.client.put_object(Bucket=bucket.name, Key='in/a.csv', Body=ROWS, ContentType='text/csv',
                             CacheControl='no-cache', Metadata={'from': 'a shop'})
    etag = bucket.head('in/a.csv')['ETag'].strip('"')
    config_id = submit(db, bucket, 'in/*', more={'archive': bucket.url('old/')})
    wait_for(lambda: moved(db, config_id), 60)
    copy = bucket.head('old/a.csv')
    assert (copy['ContentType'], copy['CacheControl'], copy['Metadata']) == (
        'text/csv', 'no-cache', {'from': 'a shop', 'reportd-source-etag': etag})
    # S3 encrypts a copy as it is told, not as its source.
    asked = [headers for op, _, target, headers in proxy.requests
             if op == 'put' and target.startswith(f'/{bucket.name}/old/')]
    assert asked[0]['if-none-match'] == '*'
    for headers in asked:
        assert headers['x-amz-server-side-encryption'] == 'AES256'
        assert headers['x-amz-copy-source-if-match'] == f'"{etag}"'


def test_a_server_that_does_not_compare_etags_is_said(db, bucket, proxy):
    bucket.put('in/a.csv', ROWS)
    proxy.at('put', (412, 'PreconditionFailed'), forever=True)
    config_id = submit(db, bucket, 'in/*', more={'archive': bucket.url('old/')})
    wait_for(lambda: 'on the condition that its ETag is' in (why(db, config_id) or ''), 60)
    assert bucket.keys() == ['in/a.csv']


def test_an_object_that_is_replaced_while_it_is_copied_stays(db, bucket, proxy):
    """The copy is of the version that was read, or is not made."""
    bucket.put('in/a.csv', ROWS)
    fault = proxy.at('put', 'hold before')
    config_id = submit(db, bucket, 'in/*', more={'archive': bucket.url('old/')})
    fault.wait(60)
    bucket.put('in/a.csv', ROWS + b'2\n')
    fault.go.set()
    wait_for(lambda: files(db, config_id, 'DONE') == ['a.csv', 'a.csv'])
    wait_for(lambda: bucket.keys() == ['old/a.csv'], 60, bucket.keys)
    assert bucket.get('old/a.csv') == ROWS + b'2\n'


def test_an_object_that_is_replaced_before_it_is_removed_stays(db, bucket, proxy, swift):
    """Its copy is made, and DELETE finds another ETag: the new version is a new file."""
    proxy.compare_at_delete(swift.client)
    bucket.put('in/a.csv', ROWS)
    fault = proxy.at('delete', 'hold before')
    config_id = submit(db, bucket, 'in/*', more={'archive': bucket.url('old/')})
    fault.wait(60)
    bucket.put('in/a.csv', ROWS + b'2\n')
    fault.go.set()
    wait_for(lambda: files(db, config_id, 'DONE') == ['a.csv', 'a.csv'])
    wait_for(lambda: len(bucket.keys()) == 2 and 'in/a.csv' not in bucket.keys(), 60, bucket.keys)
    assert sorted(bucket.get(key) for key in bucket.keys()) == [ROWS, ROWS + b'2\n']


@pytest.mark.parametrize('op, said, left', [
    ('put', None, ['old/a.csv']),
    ('delete', 'does not remove', ['in/a.csv', 'old/a.csv'])])
def test_a_server_that_knows_no_conditions(db, bucket, proxy, op, said, left):
    """It answers 501. A copy is made without, as nothing was there a moment ago; nothing is
    removed without, as that might be another version."""
    bucket.put('in/a.csv', ROWS)
    condition = {'put': 'if-none-match', 'delete': 'if-match'}[op]
    proxy.at(op, (501, 'NotImplemented'), forever=op == 'delete')
    config_id = submit(db, bucket, 'in/*', more={'archive': bucket.url('old/')})
    wait_for(lambda: said in (why(db, config_id) or '') if said else moved(db, config_id), 60)
    assert bucket.keys() == left
    asked = [condition in headers for one, _, target, headers in proxy.requests
             if one == op and target.startswith(f'/{bucket.name}/')]
    assert asked == ([True] if said else [True, False])


def test_an_answer_that_ends_early_is_not_read(db, bucket, proxy):
    """It has fewer bytes than its Content-Length; it is asked for again."""
    bucket.put('in/a.csv', ROWS)
    listing = proxy.at('get', 'hold before')
    config_id = submit(db, bucket, 'in/*')
    listing.wait(60)
    fault = proxy.at('get', 'short')
    listing.go.set()
    fault.wait(60)
    wait_for(lambda: files(db, config_id, 'DONE') == ['a.csv'], 60)


def test_more_objects_than_a_listing_may_have(db, bucket, proxy):
    for number in range(21):
        bucket.put(f'in/{number}.csv', ROWS)
    config_id = submit(db, bucket, 'in/*')
    error = wait_for(lambda: db.value('select error from reportd.v_zones where config_id = %s',
                                      config_id))
    assert 'more than 20 ' in error and 'max_files in [inputs]' in error
    bucket.client.delete_object(Bucket=bucket.name, Key='in/0.csv')
    db.execute('update reportd.report_zone set list_at = now()')
    wait_for(lambda: not db.value('select error from reportd.v_zones where config_id = %s',
                                  config_id))
    wait_taken(db, config_id, 20)


def test_what_is_replaced_before_it_is_read_comes_as_new(db, bucket, proxy):
    bucket.put('in/a.csv', ROWS)
    fault = proxy.at('get', 'hold before')
    # The first GET lists; the second one reads.
    config_id = submit(db, bucket, 'in/*')
    fault.wait(60)
    read = proxy.at('get', 'hold before')
    fault.go.set()
    read.wait()
    assert files(db, config_id, 'TAKEN') == ['a.csv']
    bucket.put('in/a.csv', ROWS + b'2\n')
    read.go.set()
    wait_for(lambda: files(db, config_id, 'DONE') == ['a.csv'], 60)
    assert files(db, config_id, 'GONE') == ['a.csv']
    read_by_it = next(headers for op, _, target, headers in proxy.requests
                      if op == 'get' and 'if-match' in headers)
    assert read_by_it['if-match'].startswith('"')
    # The first content again: nobody has read it.
    bucket.put('in/a.csv', ROWS)
    db.execute('update reportd.report_zone set list_at = now()')
    wait_for(lambda: files(db, config_id, 'DONE') == ['a.csv', 'a.csv'], 60)
    assert files(db, config_id, 'GONE') == []


def test_a_listing_that_fails_is_said_and_repeated(db, bucket, proxy):
    bucket.put('in/a.csv', ROWS)
    proxy.at('get', (403, 'AccessDenied'), forever=True)
    config_id = submit(db, bucket, 'in/*')
    error = 'select error from reportd.v_zones where config_id = %s'
    wait_for(lambda: 'AccessDenied' in (db.value(error, config_id) or ''))
    proxy.clear()
    wait_taken(db, config_id, 1, timeout=60)
    assert db.value(error, config_id) is None


def test_an_object_in_glacier_waits(db, bucket, proxy):
    proxy.rewrites.append((b'<StorageClass>STANDARD</StorageClass>',
                           b'<StorageClass>GLACIER</StorageClass> '))
    bucket.put('in/a.csv', ROWS)
    config_id = submit(db, bucket, 'in/*')
    wait_for(lambda: 'GLACIER' in (why(db, config_id) or ''))
    proxy.rewrites.clear()
    wait_taken(db, config_id, 1)


def test_an_object_that_s3_does_not_copy_at_once_stays(db, bucket, proxy):
    bucket.put('in/a.csv', ROWS)
    config_id = submit(db, bucket, 'in/*', sql='select 1/0', max_retries=0,
                       more={'quarantine': bucket.url('bad/')})
    wait_for(lambda: files(db, config_id, 'FAILED'))
    db.execute('update reportd.report_input set size = 6::bigint << 30 where config_id = %s', config_id)
    db.execute('select reportd.quarantine_input(%s)', config_id)
    wait_for(lambda: 'has more than 5 GiB' in (why(db, config_id) or ''))
    assert bucket.keys() == ['in/a.csv']
