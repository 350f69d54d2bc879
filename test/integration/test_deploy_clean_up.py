# SPDX-License-Identifier: MIT
"""deploy/clean-up removes all that the templates have made, and nothing else."""

import json
import os
import pty
import subprocess

import pytest
from lib import awscommand
from lib.deploy.cloudformation import Template
from lib.paths import ROOT

pytestmark = pytest.mark.shipped

REGION = 'eu-central-1:123456789012'


def resource(stack, arn, **more):
    return {'stack': stack, 'arn': 'arn:aws:' + arn, **more}


def account():
    """The four stacks with their contents, and what belongs to others."""
    versions = [['Versions', f'a/{n} ü.csv', f'v{n}'] for n in range(2300)]
    return {
        'calls': [],
        'stacks': {'reportd-storage': [], 'reportd': ['reportd-storage'],
                   'reportd-scale': ['reportd'], 'reportd-monitoring': ['reportd', 'reportd-scale'],
                   'reportd2': [], 'other-storage': []},
        'tasks': [f'arn:aws:ecs:{REGION}:task/reportd/1', f'arn:aws:ecs:{REGION}:task/reportd/2'],
        'buckets': {
            'reportd-storage-accesslogs-1': {
                'versions': [['Versions', 'reports/log', 'v1']], 'uploads': [],
                'late': [['Versions', 'reports/late', 'v1']]},
            'reportd-storage-landing-1': {'versions': [], 'uploads': []},
            'reportd-storage-reports-1': {
                'versions': [*versions, ['DeleteMarkers', 'gone.csv', 'm1']],
                'uploads': [['big file.parquet', 'u1']]},
            'other-storage-reports-1': {'versions': [['Versions', 'a', 'v1']], 'uploads': []}},
        'resources': [
            resource('reportd-storage', 's3:::reportd-storage-accesslogs-1'),
            resource('reportd-storage', 's3:::reportd-storage-landing-1'),
            resource('reportd-storage', 's3:::reportd-storage-reports-1'),
            resource('reportd-storage', f'ecr:{REGION}:repository/reportd-storage-images-1'),
            resource('reportd', f'logs:{REGION}:log-group:reportd-TaskLog-1'),
            resource('reportd-scale', f'logs:{REGION}:log-group:reportd-scale-WakeLog-1', stays=True),
            resource('reportd', f'ecs:{REGION}:cluster/reportd'),
            resource('other-storage', 's3:::other-storage-reports-1')]}


@pytest.fixture
def clean_up(tmp_path):
    """run(*words, state=..., ...) runs the script; returns it and the account afterwards."""
    (tmp_path / 'bin').mkdir()
    command = tmp_path / 'bin/aws'
    command.write_text(f'#!/bin/sh\nexec /usr/bin/python3 {awscommand.__file__} "$@"\n')
    command.chmod(0o755)
    path = tmp_path / 'state.json'

    def run(*words, state=None, **how):
        if state is not None or not path.exists():
            path.write_text(json.dumps(state or account()))
        done = subprocess.run(
            [ROOT / 'deploy/clean-up', *words], text=True, capture_output=True,
            env={**os.environ, 'AWSCOMMAND_STATE': str(path),
                 'PATH': f'{tmp_path}/bin:/usr/bin:/bin'}, **how)
        return done, json.loads(path.read_text())
    return run


def test_everything_goes_and_nothing_of_others(clean_up):
    done, state = clean_up('--yes')
    assert (done.returncode, done.stderr) == (0, '')
    assert set(state['stacks']) == {'reportd2', 'other-storage'}
    assert set(state['buckets']) == {'other-storage-reports-1'}
    assert [one['stack'] for one in state['resources']] == ['other-storage']
    assert state['tasks'] == []
    assert 'ecs wait tasks-stopped' in state['calls']
    assert state['calls'].count('cloudformation wait stack-delete-complete') == 4
    # 2301 of the reports by thousands, one access log, one that came late.
    assert state['calls'].count('s3api delete-objects') == 5


def test_a_second_time_there_is_nothing(clean_up):
    clean_up('--yes')
    done, state = clean_up('--yes')
    assert done.returncode == 0
    assert 'nothing of reportd' in done.stdout
    assert len(state['buckets']) == 1


def test_what_an_earlier_deletion_of_stacks_left_goes_too(clean_up):
    state = account()
    state['stacks'], state['tasks'] = {}, []
    done, state = clean_up('--yes', state=state)
    assert done.returncode == 0, done.stderr
    assert set(state['buckets']) == {'other-storage-reports-1'}


def test_another_name_is_another_installation(clean_up):
    done, state = clean_up('--yes', 'other')
    assert done.returncode == 0, done.stderr
    assert 'other-storage' not in state['stacks'] and 'reportd' in state['stacks']
    assert 'reportd-storage-reports-1' in state['buckets']


def changing(state):
    return [call for call in state['calls'] if not call.split()[1].startswith(
        ('get-', 'describe-', 'list-'))]


def test_a_dry_run_says_what_there_is_and_changes_nothing(clean_up):
    done, state = clean_up('-n')
    assert done.returncode == 0, done.stderr
    for line in ('In account 123456789012', 'stack reportd-scale', 'bucket reportd-storage-reports-1',
                 'repository reportd-storage-images-1', 'log group reportd-TaskLog-1'):
        assert line in done.stdout
    assert 'other' not in done.stdout
    assert changing(state) == []


def test_without_a_terminal_it_removes_nothing(clean_up):
    done, state = clean_up(stdin=subprocess.DEVNULL)
    assert done.returncode == 1
    assert '--yes' in done.stderr
    assert changing(state) == []


@pytest.mark.parametrize('answer, gone', [('reportd\n', True), ('yes\n', False), ('\n', False)])
def test_it_asks_for_the_name(clean_up, answer, gone):
    ours, its = pty.openpty()
    os.write(ours, answer.encode())
    done, state = clean_up(stdin=its)
    os.close(its)
    os.close(ours)
    assert (done.returncode == 0) == gone
    assert ('reportd' not in state['stacks']) == gone
    assert bool(changing(state)) == gone


def test_an_object_that_cannot_be_removed_is_named(clean_up):
    done, state = clean_up('--yes', state={**account(), 'denied': ['a/7 ü.csv']})
    assert done.returncode == 1
    assert 'a/7 ü.csv\tAccessDenied' in done.stderr


@pytest.mark.parametrize('words', [['--force'], ['a', 'b'], ['*']])
def test_wrong_usage(clean_up, words):
    done, state = clean_up(*words)
    assert done.returncode == 2
    assert 'usage: clean-up' in done.stderr
    assert state['calls'] == []


def test_it_knows_every_kind_that_a_deleted_stack_keeps():
    """A resource that templates keep, and that the script does not know, would stay."""
    kept = {one['Type'] for path in (ROOT / 'deploy/cloudformation').glob('*.yaml')
            for one in Template(path.read_text()).resources.values()
            if one.get('DeletionPolicy') == 'Retain'}
    assert kept == {'AWS::S3::Bucket', 'AWS::ECR::Repository'}
