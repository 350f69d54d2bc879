# SPDX-License-Identifier: MIT
"""Metrics in the log, by the rules of CloudWatch's embedded metric format."""

import json
import re
import time

import jsonschema
import pytest

from lib import process

# The schema of the specification, and the limits that AWS's own libraries keep.
TEXT = {'type': 'string', 'minLength': 1}
SCHEMA = {
    'type': 'object', 'required': ['_aws'],
    'properties': {'_aws': {
        'type': 'object', 'required': ['Timestamp', 'CloudWatchMetrics'],
        'properties': {
            'Timestamp': {'type': 'integer'},
            'CloudWatchMetrics': {'type': 'array', 'minItems': 1, 'items': {
                'type': 'object', 'required': ['Namespace', 'Dimensions', 'Metrics'],
                'additionalProperties': False,
                'properties': {
                    'Namespace': {**TEXT, 'maxLength': 256, 'pattern': '^[a-zA-Z0-9 ._#:/-]+$'},
                    'Dimensions': {'type': 'array', 'minItems': 1, 'items': {
                        'type': 'array', 'minItems': 1, 'maxItems': 30,
                        'items': {**TEXT, 'maxLength': 250, 'pattern': '^[^:][ -~]*$'}}},
                    'Metrics': {'type': 'array', 'minItems': 1, 'maxItems': 100, 'items': {
                        'type': 'object', 'required': ['Name'], 'additionalProperties': False,
                        'properties': {
                            'Name': {**TEXT, 'maxLength': 1024},
                            'Unit': {'enum': ['Seconds', 'Milliseconds', 'Bytes', 'Percent',
                                              'Count', 'None']},
                            'StorageResolution': {'enum': [1, 60]}}}}}}}}}}}


def events(log):
    """The lines of a log that are metrics, each checked."""
    found = []
    for line in log.splitlines():
        if not line.startswith('{"_aws"'):
            continue
        assert len(line) < 8192
        event = json.loads(line, parse_constant=pytest.fail)
        jsonschema.validate(event, SCHEMA)
        assert abs(event['_aws']['Timestamp'] / 1000 - time.time()) < 3600
        for directive in event['_aws']['CloudWatchMetrics']:
            for name in {name for one in directive['Dimensions'] for name in one}:
                assert isinstance(event[name], str) and 0 < len(event[name]) <= 1024
            for metric in directive['Metrics']:
                assert isinstance(event[metric['Name']], (int, float))
                assert abs(event[metric['Name']]) < 2 ** 53
        found.append(event)
    return found


def dimensions(event):
    return event['_aws']['CloudWatchMetrics'][0]['Dimensions']


@pytest.mark.parametrize('log_format', ['text', 'json'])
def test_each_run_and_each_minute_are_a_line(db, drain, submit, log_format):
    good = submit(db, report_name='Ä "x"', export_sql='select generate_series(1, 7) as n')
    submit(db, export_sql='select 1/0', max_retries=0)
    submit(db, export_sql='select pg_terminate_backend(pg_backend_pid())', max_retries=1)
    log = drain(log_metrics='team/reportd', log_format=log_format, log_level='warn',
                retry_backoff='0s', retry_backoff_max='0s').stderr
    found = events(log)
    runs = [event for event in found if 'Runs' in event]
    assert sorted(event['Status'] for event in runs) == [
        'COMPLETED', 'FAILED', 'FAILED', 'RETRY']
    assert all(dimensions(event) == [['Service', 'Status']] for event in runs)
    done, = (event for event in runs if event['Status'] == 'COMPLETED')
    assert (done['config'], done['rows'], done['Runs']) == (good, 7, 1)
    assert 0 <= done['Duration'] < 60
    queue, *_ = (event for event in found if 'Due' in event)
    assert dimensions(queue) == [['Service']] and queue['Service'] == 'reportd'
    assert queue['Daemons'] == 1 and {'Running', 'OldestDueAge'} <= queue.keys()
    assert {event['_aws']['CloudWatchMetrics'][0]['Namespace'] for event in found} == {
        'team/reportd'}


def test_there_are_none_unless_the_settings_say_so(db, drain, submit):
    submit(db)
    assert events(drain().stderr) == []


def test_a_reload_begins_and_ends_them(db, daemon, conf, submit, wait_done):
    one = daemon()
    path = one.conf
    process.write_conf(path, db, log_metrics='later')
    one.signal(1)
    one.wait_log('settings read again')
    wait_done(db, submit(db))
    assert [event['Runs'] for event in events(one.log()) if 'Runs' in event] == [1]


@pytest.mark.parametrize('name', ['a,b', 'ä', 'x' * 257, 'AWS/reportd'])
def test_wrong_namespaces_are_refused(conf, name):
    done = process.reportd(conf(log_metrics=name), '--check-config')
    assert done.returncode == 3 and 'log_metrics' in done.stderr


def test_reportctl_scale_writes_them_too(db, ctl, aws, submit):
    submit(db)
    done = ctl('scale', '--json', env=aws.environ(), reportd={'log_metrics': 'reportd'},
               sections={**aws.settings(), **aws.ecs.settings()})
    event, = events(done.stderr)
    assert (event['Due'], event['Daemons'], event['TasksStarted'], event['TaskFailures']) == (
        1, 0, 1, 0)
    assert re.fullmatch(r'\{.*\}\n', done.stdout, re.S)
