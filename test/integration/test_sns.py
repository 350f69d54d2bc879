# SPDX-License-Identifier: MIT
"""Topics of SNS, against services that refuse what AWS refuses."""

import json

import pytest

from lib import report
from lib.aws import aws, aws_server  # noqa: F401: fixtures
from lib.manual import says
from lib.outbox import SECTIONS, notices, wait_states
from lib.wait import wait_for


@pytest.fixture
def told(db, daemon, aws):
    """told(columns) runs a report and waits until its one notice has this state."""
    def run(state='SENT', sections=None, wait=None, **columns):
        one = daemon({'notify': SECTIONS['notify'], **aws.settings(), **(sections or {})},
                     env=aws.environ())
        columns.setdefault('notify_on_completion', ['sns:' + aws.topic])
        config_id = report.submit(db, **columns)
        report.wait_done(db, config_id)
        wait_for(lambda: wait is None or wait(notices(db)))
        notice, = wait_states(db, [state])
        return config_id, notice, one
    return run


def test_publish(db, aws, told):
    config_id, notice, _ = told(report_name='sales "ü"',
                                export_sql='select generate_series(1, 1500)')
    sent, = aws.published
    assert sent['TopicArn'] == aws.topic
    assert sent['Subject'].startswith('sales "?", ')
    assert sent['Subject'].endswith(': 1,500 rows')
    message = json.loads(sent['Message'])
    assert message['event'] == 'report.completed'
    assert message['report']['report_name'] == 'sales "ü"'
    assert message['run']['rows'] == 1500
    assert message['key'] == str(notice.idempotency_key)
    assert sent['MessageAttributes'] == {
        'report_name': {'DataType': 'String', 'StringValue': 'sales "ü"'},
        'status': {'DataType': 'String', 'StringValue': 'COMPLETED'},
        'config_id': {'DataType': 'Number', 'StringValue': str(config_id)}}
    assert not {'MessageGroupId', 'MessageDeduplicationId'} & sent.keys()


def test_a_failure_and_a_long_name(db, aws, told):
    told(report_name='Ä' * 100, export_sql='select 1/0', max_retries=0,
         notify_on_failure=['sns:' + aws.topic])
    sent, = aws.published
    assert len(sent['Subject']) <= 100 and sent['Subject'].isascii()
    message = json.loads(sent['Message'])
    assert message['error']['sqlstate'] == '22012'
    assert sent['MessageAttributes']['status']['StringValue'] == 'FAILED'


def test_a_fifo_topic_knows_a_notice_that_comes_twice(db, aws, told):
    topic = aws.topic + '.fifo'
    aws.topics.add(topic)
    config_id, notice, _ = told(notify_on_completion=['sns:' + topic])
    sent, = aws.published
    assert sent['MessageGroupId'] == f'report-{config_id}'
    assert sent['MessageDeduplicationId'] == str(notice.idempotency_key)


def test_a_message_that_would_be_too_large_goes_without_its_lists(db, aws, told):
    told(export_sql='select 1', parameters={'big': 'x' * 261500})
    message = json.loads(aws.published[0]['Message'])
    assert 'parameters' not in message['run'] and message['run']['output_count'] == 1


def test_no_permission_names_the_action_and_is_not_tried_again(db, aws, told):
    aws.denied.add('sns:Publish')
    config_id, notice, _ = told('FAILED')
    assert notice.attempts == 1
    assert f'the credentials lack sns:Publish on {aws.topic}' in notice.last_error
    assert report.config(db, config_id).status == 'COMPLETED'


def test_a_topic_that_is_not_there(aws, told):
    _, notice, _ = told('FAILED', notify_on_completion=['sns:' + aws.topic + 'x'])
    assert notice.attempts == 1 and 'NotFound' in notice.last_error


def test_a_topic_of_another_region_is_asked_there(aws, told):
    _, notice, _ = told('FAILED', notify_on_completion=[
        'sns:' + aws.topic.replace(aws.region, 'us-east-1')])
    # The stand-in is of one region and says which one it was asked for.
    assert 'us-east-1' in notice.last_error


@says('Empty lists allow nothing.')
@pytest.mark.parametrize('topics', ['-other, arn:aws:sns:*:ops', None])
def test_topics_that_are_not_listed_are_refused(aws, told, topics):
    _, notice, _ = told('FAILED', {'sns': {'topics': topics and aws.topic + topics}})
    assert '[sns] topics lists the topics' in notice.last_error
    assert not aws.ops('Publish')


@pytest.mark.parametrize('fault', [{'status': 500}, {'status': 503, 'code': 'ServiceUnavailable'},
                                   {'status': 400, 'code': 'Throttling'}, {'cut': 'before'}])
def test_what_passes_is_got_over(aws, told, fault):
    aws.fault('Publish', times=2, **fault)
    told()
    assert len(aws.published) == 1


def test_the_outbox_tries_on_when_sns_is_away_for_long(db, aws, told):
    fault = aws.fault('Publish', times=99, status=500, code='InternalFailure')
    told('PENDING', wait=lambda rows: rows[0].attempts == 1)
    notice, = notices(db)
    assert 'InternalFailure' in notice.last_error
    assert fault.met == 5 and not aws.published


def test_doctor_looks_the_listed_topics_up(db, aws, ctl):
    def doctor(topics, code=0):
        done = ctl('doctor', '--json', env=aws.environ(), sections={
            **aws.settings(), 'sns': {'topics': topics}})
        assert done.returncode == code, done.stdout + done.stderr
        return [c for c in json.loads(done.stdout) if c['what'].startswith('sns')]
    check, = doctor(aws.topic + ', arn:aws:sns:*')
    assert check['result'] == 'ok' and aws.topic in check['detail']
    assert aws.ops('GetTopicAttributes') == ['GetTopicAttributes']
    check, = doctor(aws.topic + 'x', 1)
    assert check['result'] == 'FAILED' and 'NotFound' in check['detail']
    aws.denied.add('sns:GetTopicAttributes')
    check, = doctor(aws.topic, 1)
    assert 'sns:GetTopicAttributes' in check['mend']
