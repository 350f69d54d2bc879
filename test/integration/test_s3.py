# SPDX-License-Identifier: MIT
"""Reports into S3, read back with boto3."""

import gzip
import io
import json
import subprocess

import openpyxl
import psycopg
import pytest

from lib import report
from lib.manual import says
from lib.swift import OTHER_KEY, OTHER_SECRET, Swift
from test_s3_shared import (  # noqa: F401: fixtures
    ENVIRONMENT, FAST, MIB, THREE_PARTS, Bucket, bucket, engine, key_of, proxy, run,
    settings, sha256)

FORMATS = {
    'CSV': ('csv', 'text/csv', lambda b: b == b'one\n1\n'),
    'JSON': ('json', 'application/json', lambda b: json.loads(b)),
    'JSONL': ('jsonl', 'application/jsonl', lambda b: json.loads(b) == {'one': 1}),
    'HTML': ('html', 'text/html; charset=utf-8', lambda b: b'<table' in b),
    'PDF': ('pdf', 'application/pdf', lambda b: b.startswith(b'%PDF-')),
    'PARQUET': ('parquet', 'application/vnd.apache.parquet',
                lambda b: b[:4] == b[-4:] == b'PAR1'),
    'XLSX': ('xlsx',
             'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
             lambda b: openpyxl.load_workbook(io.BytesIO(b)).active['A2'].value == 1),
}


@pytest.mark.parametrize('name', FORMATS)
def test_every_format_goes_into_an_object(run, bucket, name):
    extension, media_type, is_right = FORMATS[name]
    one = run('a/{report_name}.{ext}', report_name='it', output_format=name)
    assert one.output_url == bucket.url(f'a/it.{extension}')
    body = bucket.get(f'a/it.{extension}')
    assert is_right(body), body
    head = bucket.head(f'a/it.{extension}')
    assert head['ContentType'] == media_type
    assert one.byte_count == len(body) and one.sha256 == sha256(body)
    assert head['Metadata'] == {
        'run-id': str(one.run_id), 'report': 'it', 'report-id': str(one.config_id),
        'request-id': str(one.request_id), 'scheduled-for': head['Metadata']['scheduled-for'], 'rows': '1',
        'sha256': one.sha256}
    assert head['ContentDisposition'] == (
        f'{"inline" if name in ("HTML", "PDF") else "attachment"}; '
        f'filename="it.{extension}"')


def test_a_large_report_is_an_upload_of_many_parts(run, bucket, engine):
    before = len(engine.proxy.requests)
    one = run('large.csv', export_sql="select i, repeat('x', 99) as x "
              'from generate_series(1, 450000) i')
    body = bucket.get('large.csv')
    assert len(body) == one.byte_count > 45 * MIB
    assert one.sha256 == sha256(body) and one.row_count == 450000
    assert body.startswith(b'i,x\n1,xxx') and body.count(b'\n') == 450001
    numbers = [n for op, n, *_ in engine.proxy.requests[before:] if op == 'part']
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    assert len(numbers) == -(-len(body) // (5 * MIB))
    head = bucket.head('large.csv')
    assert head['Metadata']['run-id'] == str(one.run_id)
    # Known at the end only: an upload is told its metadata when it begins.
    assert not {'rows', 'sha256'} & head['Metadata'].keys()
    assert bucket.uploads() == [] and one.leftovers is None


@pytest.mark.parametrize('size', [5 * MIB - 1, 5 * MIB, 5 * MIB + 1])
def test_what_fits_one_part_is_a_single_put(run, bucket, engine, size):
    """The header is `x`, and its line break."""
    before = len(engine.proxy.requests)
    run('edge.csv', export_sql=f"select repeat('y', {size - 3}) as x")
    assert len(bucket.get('edge.csv')) == size
    operations = [op for op, *_ in engine.proxy.requests[before:]]
    assert operations == (['put'] if size <= 5 * MIB else
                          ['create', 'part', 'part', 'complete'])


def test_an_empty_output_is_an_empty_object(run, bucket):
    run('empty.jsonl', output_format='JSONL', export_sql='select 1 as x where false')
    assert bucket.get('empty.jsonl') == b''


@pytest.mark.parametrize('export_sql', ['select 1 as x', THREE_PARTS])
def test_compressed_on_the_way(run, bucket, export_sql):
    one = run('x.{ext}', export_sql=export_sql, output_options={'compress': 'gzip'})
    body = bucket.get('x.csv.gz')
    assert gzip.decompress(body).startswith(b'x\n')
    assert one.sha256 == sha256(body)
    head = bucket.head('x.csv.gz')
    assert head['ContentType'] == 'application/gzip'
    assert 'ContentEncoding' not in head


def test_several_outputs(run, bucket):
    one = run('many/{part}.{ext}', output_format='CSV,XLSX,JSONL',
              export_sql='select 1 as a; select 2 as b')
    assert bucket.keys() == ['many/1.csv', 'many/1.jsonl', 'many/1.xlsx', 'many/2.csv',
                             'many/2.jsonl']
    for output in one.outputs:
        name, key = key_of(output['url'])
        assert name == bucket.name
        assert sha256(bucket.get(key)) == output['sha256']
        assert bucket.head(key)['Metadata']['rows'] == str(output['rows'])
    assert bucket.get('many/2.csv') == b'b\n2\n'


def test_partitions_are_prefixes(run, bucket):
    one = run('p/{partition}/x.{ext}', output_format='PARQUET',
        output_options={'partition_by': ['day']},
        export_sql='select i % 3 as day, random() as x '
                   'from generate_series(1, 3000) i')
    assert bucket.keys() == [f'p/day={n}/x.parquet' for n in range(3)]
    for output in one.outputs:
        assert sha256(bucket.get(key_of(output['url'])[1])) == output['sha256']


KEYS = ['sp ace+plus&and=.csv', 'ünïcødé/日本/😀.csv', "q'uo(t)e!*~$&@:;,?#[].csv",
        '100%25 %.csv', '"<>^`|.csv', '.hid/...csv', '~tilde/-dash_under.csv',
        'back\\slash.csv']


@pytest.mark.parametrize('key, export_sql', [
    *((key, 'select 1 as x') for key in KEYS), *((key, THREE_PARTS) for key in KEYS[:3])])
def test_any_unicode_may_be_in_a_key(run, bucket, key, export_sql):
    one = run(key.replace('%', '%%'), export_sql=export_sql)
    assert bucket.keys() == [key]
    assert sha256(bucket.get(key)) == one.sha256
    assert key_of(one.output_url) == (bucket.name, key)


def test_values_in_the_key_cannot_leave_it(run, bucket):
    run('{who}/{report_name}.{ext}', report_name='a/../b', parameters={'who': 'x/y'})
    assert bucket.keys() == ['x_y/a_.._b.csv']


OPTIONS = {'metadata': {'owner': 'me', 'city': 'Köln'},
           'content_type': 'text/plain; charset=utf-8', 'content_disposition': 'inline',
           'cache_control': 'max-age=60', 'acl': 'private', 'sse': 'AES256',
           'storage_class': 'STANDARD'}


@pytest.mark.parametrize('export_sql, request_is', [
    ('select 1 as x', 'put'), (THREE_PARTS, 'create')], ids=['put', 'upload'])
def test_options_reach_the_object(run, bucket, engine, export_sql, request_is):
    before = len(engine.proxy.requests)
    run('o/café.csv', output_options={'s3': OPTIONS}, export_sql=export_sql)
    headers, = [h for op, _, _, h in engine.proxy.requests[before:]
                if op == request_is]
    assert headers['x-amz-acl'] == 'private'
    assert headers['x-amz-server-side-encryption'] == 'AES256'
    assert headers['x-amz-storage-class'] == 'STANDARD'
    head = bucket.head('o/café.csv')
    assert head['ContentType'] == 'text/plain; charset=utf-8'
    assert head['ContentDisposition'] == \
        "inline; filename=\"caf__.csv\"; filename*=UTF-8''caf%C3%A9.csv"
    assert head['CacheControl'] == 'max-age=60'
    assert head['Metadata']['owner'] == 'me'
    assert head['Metadata']['city'] == '=?UTF-8?B?S8O2bG4=?='


def test_tags_are_escaped(run, bucket, engine):
    """Swift has none."""
    before = len(engine.proxy.requests)
    engine.proxy.at('put', (200, ''))
    run('x.csv', output_options={'s3': {'tags': {'team': 'fin & co', 'x': 'ü=1'}}})
    headers = engine.proxy.requests[before][3]
    assert sorted(headers['x-amz-tagging'].split('&')) == \
        ['team=fin%20%26%20co', 'x=%C3%BC%3D1']


def test_the_settings_stand_in_for_options(db, drain, bucket, proxy):
    report.submit(db, output_path=bucket.url('x.csv'))
    drain(settings(proxy.endpoint, {'sse': 'aws:kms', 'kms_key': 'alias/r',
                                    'acl': 'private', 'storage_class': 'STANDARD'}),
          env=ENVIRONMENT, max_retries=None)
    headers = proxy.requests[0][3]
    assert headers['x-amz-server-side-encryption'] == 'aws:kms'
    assert headers['x-amz-server-side-encryption-aws-kms-key-id'] == 'alias/r'
    assert headers['x-amz-storage-class'] == 'STANDARD'


def test_an_archived_object_is_encrypted_as_the_settings_say(db, drain, bucket, proxy):
    bucket.put('in/a.csv', b'id\n1\n')
    report.submit(db, trigger_type='FILE', export_sql='select 1', max_retries=0, inputs={'f': {
        'path': bucket.url('in/*'), 'archive': bucket.url('old/'), 'format': 'csv',
        'columns': [['id', 'bigint']], 'stable_for': '0 s'}})
    drain(settings(proxy.endpoint, {'sse': 'aws:kms', 'kms_key': 'alias/r'}), env=ENVIRONMENT)
    headers = next(h for _, _, _, h in proxy.requests if 'x-amz-copy-source' in h)
    assert headers['x-amz-server-side-encryption'] == 'aws:kms'
    assert headers['x-amz-server-side-encryption-aws-kms-key-id'] == 'alias/r'


@pytest.mark.parametrize('columns, wrong', [
    ({'output_path': 's3://abc/{ext}', 'output_options': {'s3': {'sle': 'x'}}},
     '"s3" has no option "sle"; known: storage_class, sse, kms_key, acl, tags, metadata, '
     'content_type, content_disposition, cache_control, create_only'),
    ({'output_path': 's3://abc/{ext}', 'output_options': {'s3': {'sse': 'x'}}},
     '"s3.sse" must be one of AES256|aws:kms'),
    ({'output_path': 's3://abc/{ext}', 'output_options': {'s3': {'tags': {'a': 1}}}},
     '"s3.tags.a" must be a string'),
    ({'output_path': 's3://abc/{ext}', 'output_options': {'s3': {'kms_key': 'k'}}},
     '"s3.kms_key" needs "sse": "aws:kms"'),
    ({'output_path': 's3://abc/{ext}', 'output_format': 'CSV,XLSX',
      'output_options': {'CSV': {'s3': {'kms_key': 'k'}}}}, '"s3.kms_key" needs'),
    ({'output_path': 's3://abc/{ext}',
      'output_options': {'s3': {'metadata': {'run-id': 'k'}}}}, 'cannot be a name'),
    ({'output_path': 's3://abc/{ext}',
      'output_options': {'s3': {'cache_control': 'a\r\nb: c'}}}, 'control character'),
    ({'output_path': 'x.csv', 'output_options': {'s3': {'acl': 'private'}}},
     '"s3" is for an output_path that begins with s3://'),
    ({'output_path': 's3://{bucket}/x', 'parameters': {'bucket': 'x'}}, "bucket's name"),
    ({'output_path': 's3://b%Y/x'}, "bucket's name"),
    ({'output_path': 's3://Abc/x'}, "bucket's name"),
    ({'output_path': 's3://ab/x'}, "bucket's name"),
    ({'output_path': 's3://abc'}, 'empty or . segment'),
    ({'output_path': 's3://abc/'}, 'empty or . segment'),
    ({'output_path': 's3://abc/x/'}, 'ends in /'),
    ({'output_path': 's3://abc//x'}, 'empty or . segment'),
    ({'output_path': 's3://abc/x//y'}, 'empty or . segment'),
    ({'output_path': 's3://abc/./y'}, 'empty or . segment'),
    ({'output_path': 's3://abc/x/.'}, 'empty or . segment'),
    ({'output_path': 's3://abc/x/../y'}, 'climbs out'),
    ({'output_path': 's3://abc/' + 'x' * 1025}, 'at most 1024 bytes'),
    ({'output_path': 'mailto:a@b.org'}, 'takes no mailto: address'),
])
def test_a_wrong_row_is_refused_by_the_insert(db, columns, wrong):
    with pytest.raises(psycopg.Error) as e:
        report.submit(db, **columns)
    assert wrong in str(e.value)


def test_good_rows_are_taken(db):
    for path in ('s3://abc/x', 's3://a-b.c9/{report_name}/%Y/x.{ext}', 's3://abc/...',
                 's3://abc/' + 'x' * 1024, 's3://abc/a b/ü'):
        report.submit(db, output_path=path, output_options={'s3': OPTIONS})
    report.submit(db, output_options={'s3': OPTIONS})  # the settings may name a bucket


def test_an_object_is_replaced_in_one_step(run, bucket):
    bucket.put('same.csv', b'old')
    run('same.csv')
    assert bucket.get('same.csv') == b'one\n1\n'


@pytest.mark.parametrize('export_sql', ['select 1 as x', THREE_PARTS],
                         ids=['put', 'upload'])
def test_create_only_replaces_nothing(run, bucket, export_sql):
    options = {'s3': {'create_only': True}}
    run('new.csv', output_options=options, export_sql=export_sql)
    whole = bucket.get('new.csv')
    one = run('new.csv', 'FAILED', output_options=options, export_sql=export_sql)
    assert one.attempt == 1 and one.error_stage == 'publish'
    assert 'new.csv is there already' in one.error_message
    assert 'create_only' in one.error_message
    assert bucket.get('new.csv') == whole
    assert bucket.uploads() == []


# Places that are not allowed, not there, not ours

def fails(db, drain, endpoint, bucket_name='abc', s3=None, env=None, **columns):
    config_id = report.submit(db, output_path=f's3://{bucket_name}/x.csv', **columns)
    drain(settings(endpoint, s3), env=ENVIRONMENT | (env or {}), **FAST)
    row = report.config(db, config_id)
    assert row.status == 'FAILED'
    return report.runs(db, config_id)


def test_buckets_that_the_settings_do_not_allow(db, drain, proxy):
    """Refused before anything runs."""
    one, = fails(db, drain, proxy.endpoint, 'finance-x', {'buckets': 'sales, hr-*'},
                 prep_sql='create table never()', export_sql='select 1')
    assert 'do not allow bucket "finance-x"; add it to [s3] buckets, which is ' \
        'sales, hr-*' in one.error_message
    assert proxy.requests == [] and not db.value("select to_regclass('never')")


@says('Empty lists allow nothing.')
def test_without_a_list_only_the_bucket_of_output_is_allowed(db, drain, bucket, proxy):
    one, = fails(db, drain, proxy.endpoint, bucket.name, {'buckets': None})
    assert 'add it to [s3] buckets, which is not set' in one.error_message
    report.submit(db, output_path=f's3://{bucket.name}/own.csv')
    drain(settings(proxy.endpoint, {'buckets': None}), env=ENVIRONMENT,
          output=f's3://{bucket.name}/{{config_id}}.csv')
    assert bucket.get('own.csv') == b'one\n1\n'


@pytest.mark.parametrize('acl', ['public-read', 'public-read-write', 'authenticated-read',
                                 'aws-exec-read'])
def test_an_acl_that_lets_others_read_wants_a_setting(db, drain, bucket, proxy, acl):
    one, = fails(db, drain, proxy.endpoint, bucket.name, prep_sql='create table never()',
                 export_sql='select 1', output_options={'s3': {'acl': acl}})
    assert f'the acl "{acl}" lets others read the report' in one.error_message
    assert 'public_acls = on' in one.error_message
    assert proxy.requests == [] and not db.value("select to_regclass('never')")


@pytest.mark.parametrize('s3, acl', [({'public_acls': 'on'}, 'public-read'),
                                     ({'acl': 'public-read'}, 'public-read'),
                                     ({}, 'bucket-owner-full-control')])
def test_an_acl_that_the_settings_allow(db, drain, bucket, proxy, s3, acl):
    report.submit(db, output_path=f's3://{bucket.name}/x.csv',
                  output_options={'s3': {'acl': acl}})
    drain(settings(proxy.endpoint, s3), env=ENVIRONMENT)
    assert 'x.csv' in bucket.keys()
    assert [h['x-amz-acl'] for op, _, _, h in proxy.requests if op == 'put'] == [acl]


def test_buckets_that_the_settings_allow(db, drain, bucket, proxy):
    report.submit(db, output_path=bucket.url('x.csv'))
    drain(settings(proxy.endpoint, {'buckets': 'other, bucket-*'}), env=ENVIRONMENT)
    assert bucket.keys() == ['x.csv']


@pytest.mark.parametrize('export_sql', ['select 1 as x', THREE_PARTS],
                         ids=['put', 'upload'])
def test_a_bucket_that_is_not_there(db, drain, proxy, export_sql):
    one, = fails(db, drain, proxy.endpoint, 'nobody-has-it', export_sql=export_sql)
    assert 'there is no bucket "nobody-has-it"' in one.error_message


def test_a_bucket_of_somebody_else(db, drain, bucket, proxy):
    one, = fails(db, drain, proxy.endpoint, bucket.name,
                 env={'AWS_ACCESS_KEY_ID': OTHER_KEY,
                      'AWS_SECRET_ACCESS_KEY': OTHER_SECRET})
    assert bucket.keys() == []
    assert one.error_stage == 'publish'


def test_access_denied_names_the_action(db, drain, bucket, proxy):
    proxy.at('put', (403, 'AccessDenied'))
    one, = fails(db, drain, proxy.endpoint, bucket.name)
    assert f's3:PutObject on {bucket.url("x.csv")}' in one.error_message


def test_a_wrong_region(db, drain, bucket, proxy):
    one, = fails(db, drain, proxy.endpoint, bucket.name, {'region': 'eu-west-9'})
    assert 'us-east-1' in one.error_message and bucket.keys() == []


def test_a_wrong_secret(db, drain, bucket, proxy):
    one, = fails(db, drain, proxy.endpoint, bucket.name,
                 env={'AWS_SECRET_ACCESS_KEY': 'wrong'})
    assert 'SignatureDoesNotMatch' in one.error_message


# Around it

def test_an_output_of_the_settings_needs_no_root(db, drain, bucket, swift):
    config_id = report.submit(db, report_name='sales')
    local = report.submit(db, output_path='x.csv')
    drain(settings(swift.endpoint), env=ENVIRONMENT, output_root=None,
          output=bucket.url('{report_name}/x.{ext}'))
    assert report.config(db, config_id).status == 'COMPLETED'
    assert bucket.keys() == ['sales/x.csv']
    assert 'output_root is missing' in report.config(db, local).error_message


def test_a_default_output_that_is_a_file_takes_no_s3_options(db, drain):
    config_id = report.submit(db, output_options={'s3': {'acl': 'private'}})
    drain()
    assert '"s3" is for an output_path that begins with s3://' \
        in report.config(db, config_id).error_message


def test_over_tls_with_a_ca_file(db, drain, ctl):
    swift = Swift(tls=True)
    try:
        bucket = Bucket(swift.client)
        config_id = report.submit(db, output_path=bucket.url('x.csv'),
                                  export_sql=THREE_PARTS)
        drain(settings(swift.endpoint, {'ca_file': swift.ca}), env=ENVIRONMENT)
        row = report.config(db, config_id)
        assert row.status == 'COMPLETED', row.error_message
        assert len(bucket.get('x.csv')) == 12000 * 1000 + 2
        one, = fails(db, drain, swift.endpoint, bucket.name)
        assert 'is not trusted' in one.error_message
    finally:
        swift.remove()


def test_reportctl_exports_into_s3(ctl, bucket, swift):
    def export(*args):
        return ctl('export', *args, sections=settings(swift.endpoint), env=ENVIRONMENT)
    done = export('--sql', 'select 1 as x', '-o', bucket.url('a/{part}.{ext}'),
                  '--format', 'XLSX', '--json', '--option',
                  's3={"metadata": {"by": "hand"}}')
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer['output'] == bucket.url('a/1.xlsx')
    assert sha256(bucket.get('a/1.xlsx')) == answer['sha256']
    assert bucket.head('a/1.xlsx')['Metadata']['by'] == 'hand'
    done = export('--sql', THREE_PARTS, '-o', bucket.url('big.csv'))
    assert done.returncode == 0, done.stderr
    assert len(bucket.get('big.csv')) == 12000 * 1000 + 2
    done = export('--sql', 'select 1/0', '-o', bucket.url('never.csv'))
    assert done.returncode == 1
    done = export('--sql', 'select 1', '-o', 's3://abc//x')
    assert done.returncode != 0 and 'segment of the key is empty' in done.stderr
    assert bucket.keys() == ['a/1.xlsx', 'big.csv'] and bucket.uploads() == []


def test_doctor_tries_each_bucket(ctl, bucket, proxy):
    proxy.at('lifecycle', (501, 'NotImplemented'), forever=True)

    def doctor():
        done = ctl('doctor', '--json', sections=settings(
            proxy.endpoint, {'buckets': f'{bucket.name}, x-*, nobody-has-it'},
            reportd={'output': bucket.url('reports/%Y/{report_name}.{ext}')}),
            env=ENVIRONMENT)
        return {check['what']: check for check in json.loads(done.stdout)}
    checks = doctor()
    assert checks[f's3 {bucket.name}']['result'] == 'ok'
    assert checks['s3 nobody-has-it']['result'] == 'FAILED'
    assert 'make the bucket' in checks['s3 nobody-has-it']['mend']
    assert not any('x-*' in what for what in checks)
    targets = [target for op, _, target, _ in proxy.requests if op == 'put']
    assert targets[0].startswith(f'/{bucket.name}/reports/reportctl-doctor-probe')
    assert bucket.keys() == []
    proxy.at('put', (403, 'AccessDenied'))
    check = doctor()[f's3 {bucket.name}']
    assert check['result'] == 'FAILED'
    assert f'allow s3:PutObject on arn:aws:s3:::{bucket.name}/reports/' in check['mend']
    proxy.at('delete', (403, 'AccessDenied'))
    assert 'allow s3:DeleteObject' in doctor()[f's3 {bucket.name}']['mend']


RULE = (b'<LifecycleConfiguration><Rule><Status>Enabled</Status>%s</Rule>'
        b'</LifecycleConfiguration>')


@pytest.mark.parametrize('answer, result', [
    ((404, 'NoSuchLifecycleConfiguration'), 'warn'),
    ((200, RULE % b'<Expiration><Days>7</Days></Expiration>'), 'warn'),
    ((200, RULE % b'<AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation>'
                  b'</AbortIncompleteMultipartUpload>'), 'ok'),
    # Not every login may ask, and not every server knows such rules.
    ((403, 'AccessDenied'), 'ok'), ((501, 'NotImplemented'), 'ok')],
    ids=['none', 'others', 'one', 'denied', 'unknown'])
def test_doctor_looks_for_a_rule_that_ends_uploads(ctl, bucket, proxy, answer, result):
    proxy.at('lifecycle', answer, forever=True)
    done = ctl('doctor', '--json', sections=settings(proxy.endpoint, {'buckets': bucket.name}),
               env=ENVIRONMENT)
    found = [check for check in json.loads(done.stdout) if check['what'] == f's3 {bucket.name}']
    assert found[0]['result'] == 'ok' and found[-1]['result'] == result
    assert result == 'ok' or 'AbortIncompleteMultipartUpload' in found[-1]['mend']


def test_awscli_reads_it_back(run, bucket, swift, tmp_path):
    one = run('cli/ü.csv', export_sql=THREE_PARTS)
    subprocess.run(['aws', '--endpoint-url', swift.endpoint, 's3', 'cp',
                    bucket.url('cli/ü.csv'), tmp_path / 'x'], check=True,
                   env={'PATH': '/usr/bin:/bin', 'LC_ALL': 'C.UTF-8',
                        'HOME': str(tmp_path), **ENVIRONMENT}, capture_output=True)
    assert sha256((tmp_path / 'x').read_bytes()) == one.sha256
