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


def test_each_report_that_ends_failed_is_counted(db, daemon, submit, wait_done, wait_for):
    """Also one that no run in the hands of a living daemon has ended: the alarms read these
    counts."""
    keen = {'log_metrics': 'reportd', 'lease': '2s', 'poll_interval': '1s'}
    gone = submit(db, source='gone')
    one = daemon(**keen)
    alone = submit(db, max_retries=0, export_sql='select pg_sleep(60)')
    twice = submit(db, max_retries=1, export_sql='select pg_sleep(60) where not exists (select '
                   f'from reportd.report_run where config_id = {alone + 1} and attempt = 2)')
    wait_for(lambda: db.value(
        "select count(*) from reportd.report_config where status = 'PROCESSING'") == 2)
    one.kill()
    wrong = submit(db, max_retries=0, export_sql='select 1/0')
    with db.connect() as conn:
        # A row from before there were limits.
        conn.execute('set session_replication_role = replica')
        poison, = conn.execute("""insert into reportd.report_config (report_name, export_sql, owner,
            request_id, parameters) values ('poison', 'select 1', current_role::regrole,
            nextval('reportd.report_request_request_id_seq'), '[1]') returning config_id""").fetchone()
    submit(db, report_key='a', trigger_type='SCHEDULED', schedule_expression='0 0 1 1 *')
    late, busy = (submit(
        db, report_key=key, trigger_type='SCHEDULED', schedule_expression='0 0 1 1 *',
        next_run_time='2026-01-01', run_after=['a'], wait_timeout='1s',
        export_sql='select pg_sleep(4)') for key in 'bc')
    db.value('select reportd.run_now(%s)', busy)
    two = daemon(**keen)
    for config_id in gone, alone, wrong, poison, late:
        assert wait_done(db, config_id).status == 'FAILED'
    for config_id in twice, busy:
        assert wait_done(db, config_id).status == 'COMPLETED'
    wait_for(lambda: db.value("select count(*) from reportd.report_request where config_id = %s "
                              "and outcome = 'FAILED'", busy) == 1)
    assert db.value('select count(*) from reportd.report_run where gave_up') == 6
    assert db.query('select status from reportd.report_run where gave_up and config_id = %s',
                    alone) == [('LOST',)]

    def failed():
        return sum(event['Runs'] for event in events(one.log()) + events(two.log())
                   if event.get('Status') == 'FAILED')
    wait_for(lambda: failed() == 6)
    for _ in range(2):
        assert [value for name, _, value in db.value('select reportd.metrics()')
                if name == 'reports_failed_total'] == [6]
        db.execute('select reportd.tally_runs()')


def test_there_are_none_unless_the_settings_say_so(db, drain, submit):
    submit(db)
    assert events(drain().stderr) == []


def test_a_reload_begins_and_ends_them(db, daemon, conf, submit, wait_done, wait_for):
    one = daemon()
    path = one.conf
    process.write_conf(path, db, log_metrics='later')
    one.signal(1)
    one.wait_log('settings read again')
    wait_done(db, submit(db))
    # The report has ended before its daemon hears that, and logs it.
    wait_for(lambda: any('Runs' in event for event in events(one.log())))
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
