# SPDX-License-Identifier: MIT
"""What the test_s3* files share: a bucket of their own, a daemon that reports into
it through a proxy which fails on demand."""

import hashlib
import itertools
import re
import types
import urllib.parse

import botocore.exceptions
import pytest

from lib import process, report
from lib.s3proxy import S3Proxy
from lib.swift import KEY, REGION, SECRET

numbers = itertools.count(1)
MIB = 1 << 20
# 12 MB of CSV: three parts of 5 MiB.
THREE_PARTS = "select repeat('x', 999) as x from generate_series(1, 12000)"
ENVIRONMENT = {
    'AWS_ACCESS_KEY_ID': KEY, 'AWS_SECRET_ACCESS_KEY': SECRET, 'AWS_REGION': REGION,
    'AWS_EC2_METADATA_DISABLED': 'true', 'AWS_CONFIG_FILE': '/nonexistent',
    'AWS_SHARED_CREDENTIALS_FILE': '/nonexistent', 'no_proxy': '127.0.0.1'}
FAST = {'retry_backoff': '50ms', 'retry_backoff_max': '50ms'}


class Bucket:
    """One of a test's own."""

    def __init__(self, client):
        self.client = client
        self.name = f'bucket-{next(numbers)}'
        client.create_bucket(Bucket=self.name)

    def url(self, key):
        return f's3://{self.name}/{key}'

    def keys(self):
        return sorted(o['Key'] for o in
                      self.client.list_objects_v2(Bucket=self.name).get('Contents', []))

    def get(self, key):
        return self.client.get_object(Bucket=self.name, Key=key)['Body'].read()

    def head(self, key):
        return self.client.head_object(Bucket=self.name, Key=key)

    def put(self, key, body=b'before'):
        self.client.put_object(Bucket=self.name, Key=key, Body=body)

    def uploads(self):
        return [(u['Key'], u['UploadId']) for u in
                self.client.list_multipart_uploads(Bucket=self.name).get('Uploads', [])]

    def has(self, key):
        try:
            self.head(key)
        except botocore.exceptions.ClientError:
            return False
        return True


def settings(endpoint, s3=None, **more):
    return {'s3': {'endpoint': endpoint, 'part_size': '5MB', **(s3 or {})}, **more}


@pytest.fixture
def bucket(swift):
    return Bucket(swift.client)


@pytest.fixture
def proxy(swift):
    proxy = S3Proxy(('127.0.0.1', swift.port))
    yield proxy
    proxy.remove()


@pytest.fixture(scope='module')
def engine(cluster, template, swift, tmp_path_factory):
    """A database, a daemon, and the proxy it goes through, for a whole file."""
    proxy = S3Proxy(('127.0.0.1', swift.port))
    db = cluster.create(template)
    directory = tmp_path_factory.mktemp('s3')
    conf = process.write_conf(directory / 'reportd.conf', db, settings(proxy.endpoint),
                              **FAST)
    daemon = process.Daemon(db, conf, env=ENVIRONMENT)
    try:
        daemon.wait_ready()
        yield types.SimpleNamespace(db=db, conf=conf, daemon=daemon, proxy=proxy,
                                    out=directory / 'out')
    finally:
        try:
            daemon.end()
        finally:
            proxy.remove()
            db.drop()


@pytest.fixture
def run(engine, bucket):
    """run(key, **columns) reports into the bucket; its last run, COMPLETED."""
    def go(key, status='COMPLETED', **columns):
        columns.setdefault('report_name', f'report {next(numbers)}')
        config_id = report.submit(engine.db, output_path=bucket.url(key), **columns)
        row = report.wait_done(engine.db, config_id, 60)
        assert row.status == status, f'{row.status}: {row.error_message}'
        return report.runs(engine.db, config_id)[-1]
    engine.proxy.clear()
    yield go
    engine.proxy.clear()


def key_of(url):
    """Bucket and key of an output_url, as a program reads it."""
    found = re.fullmatch('s3://([^/]+)/(.*)', url, re.S)
    return found[1], urllib.parse.unquote(found[2])


def sha256(data):
    return hashlib.sha256(data).hexdigest()
