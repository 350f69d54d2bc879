# SPDX-License-Identifier: MIT
"""What the test_athena* files share: a stand-in for Athena over a PostgreSQL of its own,
with results in Swift, and a daemon whose source it is."""

import contextlib
import types

import pytest

from lib import process
from lib.athena import Athena
from lib.awsserver import Aws
from lib.s3proxy import S3Proxy
from lib.swift import KEY, REGION, SECRET
from test_s3_shared import ENVIRONMENT, FAST, Bucket

WHERE = 'results/'


@contextlib.contextmanager
def running_athena(cluster, swift):
    """The services (.aws), the lake's database (.dwh) and bucket (.bucket), a proxy in front
    of its S3 (.proxy) and the state of the stand-in (.athena)."""
    aws = Aws().start()
    aws.region = REGION
    aws.reset()
    aws.keys[KEY] = (SECRET, None, 0)
    one = types.SimpleNamespace(aws=aws, dwh=cluster.create(), bucket=Bucket(swift.client),
                                proxy=S3Proxy(('127.0.0.1', swift.port)))
    one.url = f's3://{one.bucket.name}/{WHERE}'
    aws.athena = one.athena = Athena(cluster, one.dwh.name, swift.client, one.url)
    try:
        yield one
    finally:
        one.athena.close()
        aws.stop()
        one.proxy.remove()
        one.dwh.drop()


def sections(one, **more):
    """Settings with the source "lake"."""
    return {'aws': {'region': REGION, 'endpoint': one.aws.url},
            's3': {'endpoint': one.proxy.endpoint, 'buckets': '*', 'part_size': '5MB'},
            'source.lake': {'type': 'athena', 'database': 'sales', **more},
            'source.tidy': {'type': 'athena', 'remove_results': 'on'},
            'source.brief': {'type': 'athena', 'statement_timeout': '1s'},
            'source.placed': {'type': 'athena', 'catalog': 'AwsDataCatalog',
                              'output_location': f's3://{one.bucket.name}/placed/',
                              'kms_key': 'alias/reports', 'bucket_owner': '123456789012',
                              'reuse_results': '90min'},
            'source.other': {'type': 'athena', 'workgroup': 'other'}}


@pytest.fixture(scope='module')
def lake(cluster, swift):
    with running_athena(cluster, swift) as one:
        yield one


@pytest.fixture
def athena(cluster, lake, swift):
    """The state of the stand-in, for one test."""
    lake.aws.reset()
    lake.aws.keys[KEY] = (SECRET, None, 0)
    lake.proxy.clear()
    one = Athena(cluster, lake.dwh.name, swift.client, lake.url)
    lake.aws.athena = lake.athena = one
    yield one
    one.close()
    assert lake.aws.wrong == []


@pytest.fixture(scope='module')
def engine(cluster, template, tmp_path_factory, lake):
    """As in test_engine_shared, with the source "lake"."""
    folder = tmp_path_factory.mktemp('athena')
    db = cluster.create(template)
    conf = process.write_conf(folder / 'reportd.conf', db, sections(lake), **FAST)
    daemon = process.Daemon(db, conf, env=ENVIRONMENT)
    try:
        daemon.wait_ready()
        yield types.SimpleNamespace(db=db, conf=conf, daemon=daemon, out=folder / 'out')
    finally:
        try:
            daemon.end()
        finally:
            db.drop()


def export(engine, sql, *args, source='lake', **options):
    """reportctl export from a source, `lake` or another."""
    return process.reportctl(engine.conf, 'export', '--source', source, '--sql', sql, *args,
                             env=ENVIRONMENT, **options)
