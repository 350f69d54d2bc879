# SPDX-License-Identifier: MIT
"""A report writes no file where it reads, or it would run for ever."""

import os

import pytest
from psycopg import errors

from lib import report
from lib.wait import wait_for
from test_engine_shared import running_engine
from test_inputs import FAST, put


@pytest.fixture(scope='module')
def engine(cluster, template, tmp_path_factory):
    path = tmp_path_factory.mktemp('apart')
    (path / 'out' / 'in').mkdir(parents=True)
    (path / 'out' / 'link').symlink_to('in')
    with running_engine(cluster, template, path, {
            'inputs': {'folders': path / 'out' / 'in', 'rescan': '1s'}},
            output='{report_name}/{request_id}.{ext}', **FAST) as engine:
        yield engine


@pytest.mark.parametrize('columns', [
    {'output_path': 'in/{request_id}.csv'},
    {'output_path': 'in//{request_id}.csv'},
    {'output_path': 'link/{request_id}.csv'},
    {'output_path': '{folder}/{request_id}.csv', 'parameters': {'folder': 'in'}},
    {'report_name': 'in'},
], ids=['relative', 'slashes', 'link', 'parameter', 'default'])
def test_an_output_where_the_report_reads_fails(engine, columns):
    db, folder = engine.db, engine.out / 'in'
    put(folder, 'a.csv')
    config_id = report.submit(db, trigger_type='FILE', max_retries=3, inputs={
        'f': {'path': f'{folder}/*.csv', 'stable_for': '0 s'}}, **columns)
    wait_for(lambda: report.runs(db, config_id))
    row = report.wait_done(db, config_id)
    assert row.status == 'FAILED'
    assert 'which the input "f" reads' in row.error_message
    assert len(report.runs(db, config_id)) == 1
    assert os.listdir(folder) == ['a.csv']


def test_an_output_beside_what_is_read(engine):
    put(engine.out / 'in', 'a.csv')
    config_id = report.submit(engine.db, trigger_type='FILE', inputs={
        'f': {'path': f'{engine.out}/in/*.csv', 'stable_for': '0 s'}},
        output_path='inner/{request_id}.csv')
    wait_for(lambda: [r.status for r in report.runs(engine.db, config_id)] == ['COMPLETED'])


IN = {'f': 's3://bucket1/in/*.csv'}


@pytest.mark.parametrize('inputs, columns, message', [
    (IN, {'report_name': 'in', 'output_path': 's3://bucket1/{report_name}/{request_id}.csv'},
     'holds s3://bucket1/{report_name}/{request_id}.csv as well, the output'),
    ({'f': 's3://bucket1/a_b%/*.csv'},
     {'report_name': 'a/b', 'output_path': 's3://bucket1/{report_name}%%/{request_id}.csv'},
     'as well, the output'),
    ({'a': {'path': 's3://b-1/a/*', 'archive': 's3://b-1/b/old/'},
      'b': {'path': 's3://b-1/b/*', 'archive': 's3://b-1/a/old/'}}, {},
     'holds s3://b-1/[ab]/old/ as well, the archive of "[ab]"'),
    ({'a': {'path': 's3://b-1/a/*', 'quarantine': 's3://b-1/b/'}, 'b': 's3://b-1/b/*'}, {},
     '"b" is read from s3://b-1/b/, which holds s3://b-1/b/ as well, the quarantine of "a"'),
])
def test_what_the_row_says_is_refused(engine, inputs, columns, message):
    with pytest.raises(errors.InvalidParameterValue, match=message):
        report.submit(engine.db, trigger_type='FILE', inputs=inputs, **columns)


def test_what_the_row_leaves_open_is_taken(engine):
    for path in ('{report_name}/{request_id}.csv', '{x}/{request_id}.csv', 'inn/{request_id}.csv'):
        assert report.submit(engine.db, trigger_type='FILE', report_name='other', inputs=IN,
                             parameters={'x': 'in'}, output_path=f's3://bucket1/{path}')
