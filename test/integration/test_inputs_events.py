# SPDX-License-Identifier: MIT
"""Messages of new objects, from SQS: they wake listings, and do nothing else."""

import json
import types

import pytest

from lib import process
from lib.swift import KEY, SECRET
from lib.wait import wait_for
from test_inputs import FAST, files, wait_taken
from test_inputs_s3 import ROWS, submit
from test_s3_shared import ENVIRONMENT, Bucket, settings


@pytest.fixture(scope='module')
def engine(cluster, template, tmp_path_factory, swift, aws_server):
    """A daemon that lists once an hour by itself."""
    path = tmp_path_factory.mktemp('events')
    db = cluster.create(template)
    aws_server.reset()
    aws_server.keys[KEY] = SECRET, None, 0
    conf = process.write_conf(path / 'reportd.conf', db, settings(
        swift.endpoint, inputs={'rescan': '1h', 'queue_url': aws_server.queue},
        aws={'endpoint': aws_server.url}), **FAST)
    daemon = process.Daemon(db, conf, env=ENVIRONMENT)
    daemon.wait_ready()
    yield types.SimpleNamespace(db=db, daemon=daemon, conf=conf, aws=aws_server)
    daemon.end()
    db.drop()


@pytest.fixture
def db(engine, request, cluster, template):
    """The engine's; a database apart for a test with a daemon of its own, or the engine's
    daemon would do its work."""
    if 'daemon' not in request.fixturenames:
        yield engine.db
        return
    db = cluster.create(template)
    yield db
    db.drop()


@pytest.fixture
def aws(engine):
    yield engine.aws
    engine.aws.faults.clear()
    engine.aws.denied.clear()
    engine.aws.dead_letters.clear()
    engine.aws.queues[engine.aws.queue].clear()


@pytest.fixture
def bucket(swift):
    return Bucket(swift.client)


def record(bucket, key, name='ObjectCreated:Put'):
    return {'eventVersion': '2.1', 'eventSource': 'aws:s3', 'eventName': name,
            's3': {'bucket': {'name': bucket.name}, 'object': {
                'key': key, 'size': 5, 'eTag': 'nonsense', 'sequencer': '0055AED6DCD90281E5'}}}


def s3_event(*records):
    return {'Records': list(records)}


def bridge(bucket, key, kind='Object Created'):
    return {'version': '0', 'detail-type': kind, 'source': 'aws.s3', 'detail': {
        'bucket': {'name': bucket.name}, 'object': {'key': key, 'size': 5, 'etag': 'nonsense'}}}


def through_sns(event):
    return {'Type': 'Notification', 'MessageId': '1', 'TopicArn': 'arn:aws:sns:eu-west-1:1:t',
            'Message': json.dumps(event)}


def awaiting(db, bucket, pattern):
    """A report whose place was listed and is empty, so that only a message wakes it."""
    config_id = submit(db, bucket, pattern)
    wait_for(lambda: db.value('select listed_at from reportd.v_zones where config_id = %s',
                              config_id))
    return config_id


def rest(aws):
    with aws.lock:
        return list(aws.queues[aws.queue])


@pytest.mark.parametrize('form', [
    lambda bucket: s3_event(record(bucket, 'in/a+b%2Bc.csv')),
    lambda bucket: s3_event(record(bucket, 'in%2Fa+b%2Bc.csv', 's3:ObjectCreated:Copy')),
    lambda bucket: s3_event(record(bucket, 'in/a b+c.csv')),
    lambda bucket: bridge(bucket, 'in/a b+c.csv'),
    lambda bucket: through_sns(s3_event(record(bucket, 'in/a+b%2Bc.csv'))),
    lambda bucket: through_sns(bridge(bucket, 'in/a b+c.csv')),
], ids=['s3', 'slashes escaped', 'not escaped', 'eventbridge', 'sns', 'eventbridge by sns'])
def test_a_message_wakes_the_listing(db, aws, bucket, form):
    """Each form of the same message, and a pattern that the key fits when it is read
    right: `in/a b+` is its beginning."""
    config_id = awaiting(db, bucket, 'in/a b+*.csv')
    bucket.put('in/a b+c.csv', ROWS)
    aws.send(form(bucket))
    assert wait_taken(db, config_id, 1) == [['a b+c.csv']]
    wait_for(lambda: rest(aws) == [])
    # The version is that of the listing.
    assert db.value("select version from reportd.v_inputs where config_id = %s", config_id) != 'nonsense'


def test_a_message_of_what_is_not_there_makes_no_file(db, aws, bucket):
    config_id = awaiting(db, bucket, 'in/*.csv')
    listed = db.value('select listed_at from reportd.v_zones where config_id = %s', config_id)
    aws.send(s3_event(record(bucket, 'in/ghost.csv')))
    wait_for(lambda: db.value('select listed_at from reportd.v_zones where config_id = %s',
                              config_id) > listed)
    wait_for(lambda: rest(aws) == [])
    assert files(db, config_id, 'NEW', 'TAKEN', 'DONE') == []


def test_the_same_message_twice_is_one_file(db, aws, bucket):
    config_id = awaiting(db, bucket, 'in/*.csv')
    bucket.put('in/a.csv', ROWS)
    for _ in range(25):
        aws.send(s3_event(record(bucket, 'in/a.csv'), record(bucket, 'in/a.csv')))
    wait_taken(db, config_id, 1)
    wait_for(lambda: rest(aws) == [])
    assert files(db, config_id, 'DONE') == ['a.csv']


def test_messages_of_other_things_are_removed(db, aws, bucket):
    config_id = awaiting(db, bucket, 'in/*.csv')
    listed = 'select listed_at from reportd.v_zones where config_id = %s'
    before = db.value(listed, config_id)
    for event in ({'Service': 'Amazon S3', 'Event': 's3:TestEvent', 'Bucket': bucket.name},
                  s3_event(record(bucket, 'in/a.csv', 'ObjectRemoved:Delete')),
                  bridge(bucket, 'in/a.csv', 'Object Deleted'),
                  s3_event(record(bucket, 'out/a.csv')),
                  s3_event(record(types.SimpleNamespace(name='strange'), 'in/a.csv'))):
        aws.send(event)
    wait_for(lambda: rest(aws) == [])
    assert db.value(listed, config_id) == before


@pytest.mark.parametrize('body', [
    'no JSON', '[]', '{}', '{"Records": [{"eventName": "ObjectCreated:Put", "s3": {}}]}',
    '{"Records": [5]}', '{"source": "aws.s3", "detail-type": "Object Created"}',
    '{"Type": "Notification", "Message": "hello"}'])
def test_a_message_that_tells_of_no_object_is_said_once(db, engine, aws, bucket, body):
    aws.visibility = 0.1
    config_id = awaiting(db, bucket, 'in/*.csv')
    message_id = aws.send(body)
    bucket.put('in/a.csv', ROWS)
    # Files that come beside it are heard.
    aws.send(s3_event(record(bucket, 'in/a.csv')))
    wait_taken(db, config_id, 1)
    wait_for(lambda: [one['MessageId'] for one in aws.dead_letters] == [message_id])
    said = [line for line in engine.daemon.log().splitlines() if message_id in line]
    assert len(said) == 1 and 'a message tells of no object, it stays in its queue' in said[0]
    aws.visibility = 30


def test_a_body_that_was_changed_on_the_way(db, engine, aws, bucket):
    aws.visibility = 0.1
    awaiting(db, bucket, 'in/*.csv')
    message_id = aws.send(s3_event(record(bucket, 'in/a.csv')))
    with aws.lock:
        for one in aws.queues[aws.queue]:
            one['MD5OfBody'] = '0' * 32
    wait_for(lambda: 'its MD5 is another' in engine.daemon.log() and
             message_id in engine.daemon.log())
    aws.visibility = 30


def test_a_message_is_removed_after_the_wake(db, aws, bucket):
    """The wake is held up by a lock; the message is in its queue until it is committed."""
    config_id = awaiting(db, bucket, 'in/*.csv')
    bucket.put('in/a.csv', ROWS)
    with db.connect() as other:
        other.autocommit = False
        other.execute('lock table reportd.report_zone in access exclusive mode')
        aws.calls.clear()
        aws.send(s3_event(record(bucket, 'in/a.csv')))
        wait_for(lambda: rest(aws)[0]['count'] == 1)
        wait_for(lambda: db.value("select count(*) from pg_stat_activity where wait_event_type = "
                                  "'Lock' and datname = current_database()"))
        assert 'DeleteMessageBatch' not in aws.ops() and len(rest(aws)) == 1
        other.rollback()
    wait_taken(db, config_id, 1)
    wait_for(lambda: rest(aws) == [])


def test_listening_goes_on_after_a_failure(db, engine, aws, bucket):
    config_id = awaiting(db, bucket, 'in/*.csv')
    aws.fault('ReceiveMessage', cut='before', times=2)
    aws.fault('ReceiveMessage', status=503, code='ServiceUnavailable', times=2)
    aws.fault('DeleteMessageBatch', status=500, code='InternalFailure', times=1)
    bucket.put('in/a.csv', ROWS)
    aws.send(s3_event(record(bucket, 'in/a.csv')))
    wait_taken(db, config_id, 1, timeout=60)
    wait_for(lambda: rest(aws) == [], 60)


def test_doctor_asks_for_the_queue_and_lists_buckets(ctl, swift, aws_server, bucket):
    aws_server.reset()
    aws_server.keys[KEY] = SECRET, None, 0

    def doctor(queue, buckets):
        done = ctl('doctor', '--json', env=ENVIRONMENT, sections=settings(
            swift.endpoint, inputs={'queue_url': queue, 'buckets': buckets},
            aws={'endpoint': aws_server.url}))
        return {check['what']: (check['result'], f"{check['detail']} {check['mend']}")
                for check in json.loads(done.stdout)}
    checks = doctor(aws_server.queue, f'{bucket.name}, x-*, nobody-has-it')
    assert checks['inputs queue'][0] == checks[f'inputs {bucket.name}'][0] == 'ok'
    aws_server.attributes.pop('RedrivePolicy')
    result, text = doctor(aws_server.queue, bucket.name)['inputs queue']
    assert result == 'warn' and 'has no dead-letter queue' in text and 'RedrivePolicy' in text
    result, text = checks['inputs nobody-has-it']
    assert result == 'FAILED' and 'make the bucket' in text
    assert not any('x-*' in what for what in checks)
    result, text = doctor(aws_server.queue + 'x', bucket.name)['inputs queue']
    assert result == 'FAILED' and 'correct queue_url' in text
    aws_server.denied.add('sqs:GetQueueAttributes')
    result, text = doctor(aws_server.queue, bucket.name)['inputs queue']
    assert result == 'FAILED' and 'allow the daemon\'s role sqs:GetQueueAttributes' in text
    aws_server.reset()


def test_a_queue_that_may_not_be_read_is_said(db, daemon, swift, aws_server, bucket):
    aws_server.reset()
    aws_server.keys[KEY] = SECRET, None, 0
    aws_server.denied.add('sqs:ReceiveMessage')
    one = daemon(settings(swift.endpoint, inputs={'rescan': '1s', 'queue_url': aws_server.queue},
                          aws={'endpoint': aws_server.url}), env=ENVIRONMENT)
    bucket.put('in/a.csv', ROWS)
    config_id = submit(db, bucket, 'in/*.csv')
    wait_for(lambda: 'the queue of new objects cannot be read' in one.log())
    assert 'sqs:ReceiveMessage' in one.log()
    # Objects are found by listing all the same.
    wait_taken(db, config_id, 1)
    aws_server.denied.clear()


def test_a_daemon_hears_before_it_lists(db, daemon, swift, aws_server, bucket):
    """It is new, and its place was listed by the one before it."""
    aws_server.reset()
    aws_server.keys[KEY] = SECRET, None, 0
    queue = aws_server.queue + '-2'  # nobody else's
    aws_server.queues[queue] = []
    one = daemon(settings(swift.endpoint, inputs={'rescan': '1h'}), env=ENVIRONMENT, **FAST)
    config_id = awaiting(db, bucket, 'in/*.csv')
    one.stop()
    daemon(settings(swift.endpoint, inputs={'rescan': '1h', 'queue_url': queue},
                    aws={'endpoint': aws_server.url}), env=ENVIRONMENT, **FAST)
    bucket.put('in/a.csv', ROWS)
    aws_server.send(s3_event(record(bucket, 'in/a.csv')), queue)
    assert wait_taken(db, config_id, 1) == [['a.csv']]
