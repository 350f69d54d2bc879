# SPDX-License-Identifier: MIT
"""The same against Ceph, a suite of its own (run-tests s3-strict): what Swift does not
have. It refuses a request without a length or with a wrong hash."""

import pytest

from lib import report
from lib.ceph import APP_KEY, APP_SECRET, KEY, ROLE, SECRET, Ceph
from test_s3_shared import ENVIRONMENT, FAST, THREE_PARTS, Bucket, settings, sha256

OWN = ENVIRONMENT | {'AWS_ACCESS_KEY_ID': KEY, 'AWS_SECRET_ACCESS_KEY': SECRET,
                     'no_proxy': '*'}
BOTH = pytest.mark.parametrize('export_sql', ['select 1 as x', THREE_PARTS],
                               ids=['put', 'upload'])


@pytest.fixture(scope='module')
def ceph():
    ceph = Ceph()
    yield ceph
    ceph.remove()


@pytest.fixture
def bucket(ceph):
    return Bucket(ceph.client)


@pytest.fixture
def run(db, drain, ceph):
    def go(path, status='COMPLETED', s3=None, env=OWN, aws=None, **columns):
        config_id = report.submit(db, output_path=path, **columns)
        more = {'aws': aws} if aws else {}
        drain(settings(ceph.endpoint, s3, **more), env=env, **FAST)
        row = report.config(db, config_id)
        assert row.status == status, row.error_message
        return report.runs(db, config_id)[-1]
    return go


@BOTH
@pytest.mark.parametrize('key', [
    'plain.csv', 'sp ace+plus&and=.csv', 'ünïcødé/日本/😀.csv', "q'uo(t)e!*~$&@:;,?#[].csv",
    '"<>^`|.csv', 'a' * 500 + '/' + 'b' * 500 + '.csv'], ids=range(6))
def test_keys(run, bucket, key, export_sql):
    one = run(bucket.url(key), export_sql=export_sql)
    assert bucket.keys() == [key] and sha256(bucket.get(key)) == one.sha256
    assert bucket.uploads() == []


def test_tags(run, bucket, ceph):
    """Of a single PUT; this one passes over those of an upload."""
    run(bucket.url('x.csv'), output_options={'s3': {'tags': {'team': 'fin & co', 'x': 'ü=1'}}})
    tags = ceph.client.get_object_tagging(Bucket=bucket.name, Key='x.csv')['TagSet']
    assert {t['Key']: t['Value'] for t in tags} == {'team': 'fin & co', 'x': 'ü=1'}


@BOTH
def test_create_only(run, bucket, export_sql):
    options = {'s3': {'create_only': True}}
    run(bucket.url('x.csv'), export_sql=export_sql, output_options=options)
    whole = bucket.get('x.csv')
    one = run(bucket.url('x.csv'), 'FAILED', export_sql=export_sql, output_options=options)
    assert 'is there already' in one.error_message and one.attempt == 1
    assert bucket.get('x.csv') == whole and bucket.uploads() == []


@BOTH
def test_a_bucket_in_the_host_name(run, bucket, export_sql):
    one = run(bucket.url('a b/ü.csv'), s3={'addressing': 'virtual'},
              export_sql=export_sql)
    assert sha256(bucket.get('a b/ü.csv')) == one.sha256


@BOTH
def test_a_role_is_assumed(run, ceph, bucket, export_sql):
    """Its session token goes with each request. What it makes is its own: the ACL gives
    it to the bucket's owner, too."""
    env = OWN | {'AWS_ACCESS_KEY_ID': APP_KEY, 'AWS_SECRET_ACCESS_KEY': APP_SECRET}
    aws = {'role_arn': ROLE, 'endpoint': ceph.endpoint, 'region': 'us-east-1'}
    one = run(bucket.url('x.csv'), env=env, aws=aws, export_sql=export_sql,
              output_options={'s3': {'acl': 'bucket-owner-full-control'}})
    assert sha256(bucket.get('x.csv')) == one.sha256


def test_a_wrong_secret(run, bucket):
    one = run(bucket.url('x.csv'), 'FAILED',
              env=OWN | {'AWS_SECRET_ACCESS_KEY': 'none'})
    assert 'HTTP 403' in one.error_message and bucket.keys() == []


def test_a_bucket_of_another_user(run, bucket):
    one = run(bucket.url('x.csv'), 'FAILED', env=OWN | {
        'AWS_ACCESS_KEY_ID': APP_KEY, 'AWS_SECRET_ACCESS_KEY': APP_SECRET})
    assert f's3:PutObject on {bucket.url("x.csv")}' in one.error_message
