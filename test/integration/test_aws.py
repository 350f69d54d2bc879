# SPDX-License-Identifier: MIT
"""Calls of AWS services, and the credentials for them, against services that are
as strict as AWS's, and that fail."""

import pathlib
import subprocess
import time

import pytest

from lib.awsserver import Aws
from lib.paths import BIN, environ
from lib.process import SANITIZER
from lib.web import Proxy, make_certificate

SECRET = {'username': 'ann', 'password': 'pa55-word', 'host': 'db.example', 'port': 5439,
          'dbname': 'sales'}
FAKETIME = next(pathlib.Path('/usr/lib').glob('*/faketime/libfaketime.so.1'), None)
PUBLISH = 'query', 'sns', '2010-03-31', 'Publish', 'TopicArn'


@pytest.fixture
def call(aws, tmp_path):
    """call(words of awscall..., ok=True, env={}): its completed process.
    What is secret must not be in what it says."""
    def run(*words, ok=True, env=None):
        own = aws.environ(AWSCALL_ENDPOINT=aws.url, HOME=tmp_path)
        own.update(env or {})
        base = {name: value for name, value in environ().items()
                if not name.startswith('AWS_') and not name.lower().endswith('_proxy')}
        own = {name: str(value) for name, value in own.items() if value is not None}
        done = subprocess.run([BIN / 'test/unit/awscall', *map(str, words)], text=True,
                              capture_output=True, timeout=120, env={**base, **own})
        assert not SANITIZER.search(done.stderr), done.stderr
        assert (done.returncode == 0) is ok, done.stdout + done.stderr
        said = done.stderr if words[0] == 'secret' else done.stdout + done.stderr
        for secret, token, _ in aws.keys.values():
            assert secret not in said
            assert token is None or token not in said
        assert SECRET['password'] not in said
        return done
    return run


@pytest.fixture
def proxy():
    proxy = Proxy()
    yield proxy
    proxy.stop()


NO_KEYS = {'AWS_ACCESS_KEY_ID': None, 'AWS_SECRET_ACCESS_KEY': None}


# ---- the protocols ----

def test_a_secret_is_read_once_and_again_when_asked(aws, call):
    arn = aws.put_secret('db', SECRET)
    said = call('secret', arn, arn, '!' + arn).stdout
    assert said == 'ann pa55-word db.example 5439 sales\n' * 3
    assert aws.ops() == ['GetSecretValue'] * 2


def test_a_secret_that_is_text_is_the_password(aws, call):
    arn = aws.put_secret('smtp', 'only a password\n')
    assert call('secret', arn).stdout == '- only a password - - -\n'
    arn = aws.put_secret('bytes', b'\0\1')
    assert 'it is binary' in call('secret', arn, ok=False).stderr


def test_the_query_protocol_carries_any_text(aws, call):
    text = 'a=b&c %20 + ü 😀 \n~*'
    call(*PUBLISH, aws.topic, 'Message', text, 'Subject', 's')
    assert aws.published == [{'TopicArn': aws.topic, 'Message': text, 'Subject': 's'}]


def test_objects_go_by_any_path(aws, call):
    path = "/b/a b/ü+%41/../😀='"
    call('s3', 'PUT', path, 'hello')
    assert call('s3', 'GET', path).stdout == '200  hello\n'
    done = call('s3', 'GET', '/b/none', ok=False)
    assert done.stdout == '404 NoSuchKey \n'
    assert done.stderr.startswith('permanent: s3 GET /b/none: HTTP 404 NoSuchKey: The specified '
                                  f'key does not exist. (127.0.0.1:{aws.port}, request ')


def test_a_presigned_url_ends_no_later_than_its_keys(aws, call):
    url, ends = call('presign', '/b/x y', 7 * 86400).stdout.split()
    assert abs(int(ends) - time.time() - 7 * 86400) < 30
    assert '/b/x%20y?' in url and 'X-Amz-Expires=604800' in url
    url, ends = call('presign', '/b/x', 7 * 86400, env={'AWSCALL_ROLE': aws.role}).stdout.split()
    assert abs(int(ends) - time.time() - aws.ttl) < 30
    assert 'X-Amz-Security-Token=' in url


# ---- what is repeated ----

@pytest.mark.parametrize('status, code', [
    (500, 'InternalError'), (503, 'SlowDown'), (502, ''), (400, 'Throttling'), (429, ''),
    (400, 'RequestTimeout')])
def test_what_may_pass_is_tried_again(aws, call, status, code):
    aws.fault(times=2, status=status, code=code)
    call('s3', 'PUT', '/b/k', 'x')
    assert len(aws.calls) == 3


def test_tries_have_an_end(aws, call):
    aws.fault(times=99, status=500, code='InternalFailure', message='no luck')
    done = call('secret', aws.put_secret('db', SECRET), ok=False)
    assert done.stderr.startswith('transient: secret ')
    assert 'secretsmanager GetSecretValue: HTTP 500 InternalFailure: no luck' in done.stderr
    assert len(aws.calls) == 5


def test_a_refusal_is_not_tried_again(aws, call):
    aws.denied.add('sns:Publish')
    done = call(*PUBLISH, aws.topic, 'Message', 'x', ok=False)
    assert done.stdout == 'AuthorizationError\n'
    assert done.stderr.startswith('permanent: sns Publish: HTTP 403 AuthorizationError: ')
    assert len(aws.calls) == 1


def test_a_denied_secret_names_the_action(aws, call):
    aws.denied.add('secretsmanager:GetSecretValue')
    done = call('secret', aws.put_secret('db', SECRET), ok=False)
    assert 'need secretsmanager:GetSecretValue on it' in done.stderr


def test_retry_after_is_waited_for(aws, call):
    aws.fault(status=429, code='TooManyRequestsException', headers={'Retry-After': '2'})
    begun = time.monotonic()
    call('secret', aws.put_secret('db', SECRET))
    assert time.monotonic() - begun >= 2


def test_retry_after_of_an_hour_is_left_to_later(aws, call):
    aws.fault(status=503, code='SlowDown', headers={'Retry-After': '3600'})
    assert call('s3', 'PUT', '/b/k', 'x', ok=False).stderr.startswith('transient: ')
    assert len(aws.calls) == 1


@pytest.mark.parametrize('cut', ['before', 'after', 'inside'])
def test_a_cut_connection_is_made_again(aws, call, cut):
    aws.put_secret('db', SECRET)
    aws.fault('GetSecretValue', cut=cut)
    assert call('secret', 'db').stdout.startswith('ann ')
    assert aws.ops('GetSecretValue') == ['GetSecretValue'] * 2


@pytest.mark.parametrize('cut', ['before', 'after', 'inside'])
def test_what_must_happen_once_is_not_repeated_after_a_cut(aws, call, cut):
    aws.fault(cut=cut)
    # An answer without a body is whole after its head.
    aws.objects['/b/k'] = b'some bytes that are cut in half'
    assert call('s3once', 'GET', '/b/k', ok=False).stderr.startswith('transient: ')
    assert len(aws.calls) == 1


def test_what_must_happen_once_is_repeated_when_nothing_was_done(aws, call):
    aws.fault(status=503, code='SlowDown')
    call('s3once', 'PUT', '/b/k', 'x')
    assert len(aws.calls) == 2
    aws.fault(status=500, code='InternalError')
    call('s3once', 'PUT', '/b/k', 'x', ok=False)
    assert len(aws.calls) == 3


def test_silence_ends_a_try(aws, call):
    aws.fault(delay=30)
    begun = time.monotonic()
    call('s3', 'PUT', '/b/k', 'x', env={'AWSCALL_SILENCE_MS': 300})
    assert time.monotonic() - begun < 10
    assert len(aws.calls) == 2


def test_a_try_has_a_time_limit(aws, call):
    aws.fault(times=2, delay=30)
    done = call('s3', 'PUT', '/b/k', 'x', ok=False,
                env={'AWSCALL_TOTAL_MS': 300, 'AWSCALL_TRIES': 2})
    assert f'127.0.0.1:{aws.port} did not answer within 300 ms in all' in done.stderr


def test_nobody_there_is_said(aws, call):
    done = call('s3', 'PUT', '/b/k', 'x', ok=False,
                env={'AWSCALL_ENDPOINT': 'http://127.0.0.1:1', 'AWSCALL_TRIES': 2})
    assert done.stderr.startswith('transient: s3 PUT /b/k: no connection to 127.0.0.1:1: ')
    done = call('s3', 'PUT', '/b/k', 'x', ok=False,
                env={'AWSCALL_ENDPOINT': 'http://nobody.invalid', 'AWSCALL_TRIES': 1})
    assert 'the name nobody.invalid cannot be resolved' in done.stderr


# ---- keys and clocks ----

def test_a_wrong_secret_key_is_refused_at_once(aws, call):
    done = call('s3', 'PUT', '/b/k', 'x', ok=False, env={'AWS_SECRET_ACCESS_KEY': 'wrong'})
    assert 'HTTP 403 SignatureDoesNotMatch' in done.stderr
    assert done.stderr.startswith('permanent: ')
    assert len(aws.calls) == 1


def test_an_expired_token_is_replaced_once(aws, call):
    arn = aws.put_secret('db', SECRET)
    aws.fault('GetSecretValue', status=400, code='ExpiredTokenException')
    call('secret', arn, env={'AWSCALL_ROLE': aws.role})
    assert aws.ops() == ['AssumeRole', 'GetSecretValue'] * 2
    aws.calls.clear()
    aws.fault('GetSecretValue', times=99, status=400, code='ExpiredTokenException')
    call('secret', arn, ok=False, env={'AWSCALL_ROLE': aws.role})
    assert aws.ops() == ['AssumeRole', 'GetSecretValue'] * 2


def test_keys_are_renewed_before_they_end(aws, call):
    aws.put_secret('db', SECRET)
    aws.ttl = 4  # renewed in the last second, by a call every 0.1 s
    aws.fault('GetSecretValue', times=60, delay=0.1)
    call('secret', *['!db'] * 60, env={'AWSCALL_ROLE': aws.role})
    assert not [one for one in aws.calls if one.get('error')]
    assert len(aws.ops('AssumeRole')) >= 2


@pytest.mark.parametrize('ahead', [3600, -3600])
def test_a_clock_that_is_off_is_made_good(aws, call, ahead):
    aws.clock = ahead
    arn = aws.put_secret('db', SECRET)
    call('secret', '!' + arn, '!' + arn)
    # The first answer has told the time.
    assert len(aws.calls) == 3


@pytest.mark.skipif(FAKETIME is None, reason='no libfaketime')
@pytest.mark.parametrize('offset', ['+1h', '-1h'])
def test_our_clock_that_is_off_is_made_good(aws, call, offset):
    arn = aws.put_secret('db', SECRET)
    call('secret', '!' + arn, '!' + arn, env={
        'AWSCALL_ROLE': aws.role, 'LD_PRELOAD': FAKETIME, 'FAKETIME': offset})
    refused = [one['op'] for one in aws.calls if one.get('error')]
    assert refused == ['AssumeRole', 'GetSecretValue']
    assert aws.ops('AssumeRole') == ['AssumeRole'] * 2


def test_a_clock_that_is_set_during_a_call_is_no_lasting_error(aws, call, monkeypatch):
    fault = aws.fault('GetSecretValue', status=403, code='RequestTimeTooSkewed', times=9)
    dates = iter((10800, -10800))
    monkeypatch.setattr(aws, 'now', lambda: time.time() + next(dates))
    done = call('secret', 'db', ok=False)
    assert done.stderr.startswith('transient: ') and fault.met == 2


def test_the_region_of_a_bucket_is_named(aws, call):
    done = call('s3', 'PUT', '/b/k', 'x', ok=False, env={'AWS_REGION': 'us-east-1'})
    assert 'the bucket is in region eu-west-1: set region in [s3]' in done.stderr
    assert len(aws.calls) == 1


# ---- S3 sends a request on ----

@pytest.mark.parametrize('status', [301, 307, 308])
def test_a_request_that_is_sent_on_is_signed_anew(aws, call, status):
    """Below the endpoint's host, with its body; the path has changed, too."""
    port = aws.url.rpartition(':')[2]
    fault = aws.fault('/b/some', status=status, code='TemporaryRedirect',
                      headers={'Location': f'http://b.localhost:{port}/some%20key'})
    call('s3', 'PUT', '/b/some key', 'x' * 100_000, env={
        'AWSCALL_ENDPOINT': f'http://localhost:{port}', 'NO_PROXY': '*'})
    assert fault.met == 1
    assert aws.objects['/some%20key'] == b'x' * 100_000


def test_later_requests_go_there_at_once(aws, call):
    """The parts of an upload are not all sent twice."""
    port = aws.url.rpartition(':')[2]
    fault = aws.fault('/b/k', status=307, code='TemporaryRedirect', times=1, headers={
        'Location': f'http://x.localhost:{port}/b/k', 'x-amz-bucket-region': aws.region})
    call('s3', 'PUT', '/b/k', 'x', '5', env={
        'AWSCALL_ENDPOINT': f'http://localhost:{port}', 'AWS_REGION': 'us-east-1',
        'NO_PROXY': '*'})
    assert fault.met == 1
    # The endpoint itself would refuse the region that they are signed for.
    assert [one.get('error') for one in aws.calls] == ['TemporaryRedirect'] + 5 * [None]


def test_a_region_that_is_told_is_signed_for(aws, call):
    aws.fault('/b/k', status=307, code='TemporaryRedirect', headers={
        'Location': f'{aws.url}/b/k', 'x-amz-bucket-region': aws.region})
    call('s3', 'PUT', '/b/k', 'x', env={'AWS_REGION': 'us-east-1'})
    assert aws.objects['/b/k'] == b'x'
    assert len(aws.calls) == 2


@pytest.mark.parametrize('target', ['http://127.0.0.2:{port}/b/k', 'http://127.0.0.1:1/b/k',
                                    'http://evil.example/b/k', '/elsewhere', 'nonsense:'])
def test_a_request_that_is_sent_elsewhere_is_not(aws, call, target):
    port = aws.url.rpartition(':')[2]
    aws.fault('/b/k', status=307, code='TemporaryRedirect',
              headers={'Location': target.format(port=port)})
    done = call('s3', 'PUT', '/b/k', 'x', ok=False)
    assert done.stderr.startswith('permanent: s3 PUT /b/k: it is sent on to ')
    assert 'not the same service (127.0.0.1:' in done.stderr
    assert len(aws.calls) == 1


def test_a_request_that_is_sent_round_in_a_circle_ends(aws, call):
    aws.fault('/b/k', times=99, status=307, code='TemporaryRedirect',
              headers={'Location': f'{aws.url}/b/k'})
    done = call('s3', 'PUT', '/b/k', 'x', ok=False)
    assert 'HTTP 307 TemporaryRedirect' in done.stderr
    assert len(aws.calls) == 4


def test_other_services_are_not_followed(aws, call):
    aws.fault('Publish', status=307, code='Moved', headers={'Location': aws.url})
    done = call(*PUBLISH, 'arn:aws:sns:eu-west-1:1:t', 'Message', 'x', ok=False)
    assert 'HTTP 307' in done.stderr
    assert len(aws.calls) == 1


def test_no_region_is_said(aws, call):
    done = call('s3', 'PUT', '/b/k', 'x', ok=False, env={'AWS_REGION': None})
    assert 'no AWS region; set region in [aws], or AWS_REGION' in done.stderr


# ---- where credentials come from ----

@pytest.fixture
def files(aws, tmp_path):
    """files(credentials, config): the shared files; their environment."""
    def write(credentials='', config=''):
        env = dict(NO_KEYS)
        for name, text, variable in (
                ('credentials', credentials, 'AWS_SHARED_CREDENTIALS_FILE'),
                ('config', config, 'AWS_CONFIG_FILE')):
            (tmp_path / name).write_text(text)
            env[variable] = tmp_path / name
        return env
    return write


def own_keys(aws):
    return f'aws_access_key_id = {aws.key}\naws_secret_access_key = {aws.secret}\n'


def test_profiles_are_read(aws, call, files):
    env = files(f'# keys\n[default]\n{own_keys(aws)}', '[default]\nregion = eu-west-1\n')
    assert call('keys', env=env).stdout.split() == [aws.key, '0']
    env = files('[other]\naws_access_key_id=no\n',
                f'[profile  work]\ns3 =\n  aws_access_key_id = nested\n{own_keys(aws)}')
    assert call('keys', env={**env, 'AWS_PROFILE': 'work'}).stdout.startswith(aws.key)
    assert 'profile nope is neither in ' in call(
        'keys', ok=False, env={**env, 'AWS_PROFILE': 'nope'}).stderr
    assert 'has only one of' in call('keys', ok=False, env={**env, 'AWS_PROFILE': 'other'}).stderr


def test_a_profile_of_the_settings_comes_before_the_environment(aws, call, files):
    env = files(f'[work]\n{own_keys(aws)}')
    env.update(AWS_ACCESS_KEY_ID='AKIDOTHER', AWS_SECRET_ACCESS_KEY='x', AWS_PROFILE='none')
    assert call('keys', env=env).stdout.startswith('AKIDOTHER')
    assert call('keys', env={**env, 'AWSCALL_PROFILE': 'work'}).stdout.startswith(aws.key)


def test_the_files_are_in_the_home_directory(aws, call, tmp_path):
    env = {**NO_KEYS, 'AWS_SHARED_CREDENTIALS_FILE': None, 'AWS_CONFIG_FILE': None}
    (tmp_path / '.aws').mkdir()
    (tmp_path / '.aws/credentials').write_text(f'[default]\n{own_keys(aws)}')
    assert call('keys', env=env).stdout.startswith(aws.key)


def test_roles_of_profiles_are_assumed_one_by_the_other(aws, call, files):
    second = aws.role + '2'
    aws.roles[second] = 'between-us'
    env = files(f'[base]\n{own_keys(aws)}', f'''
[profile first]
role_arn = {aws.role}
source_profile = base
role_session_name = one
duration_seconds = 900
[profile second]
role_arn = {second}
source_profile = first
external_id = between-us
''')
    assert call('keys', env={**env, 'AWS_PROFILE': 'second'}).stdout.startswith('ASIA')
    assert [one['args'] for one in aws.calls] == [
        {'RoleArn': aws.role, 'RoleSessionName': 'one', 'DurationSeconds': 900},
        {'RoleArn': second, 'RoleSessionName': 'reportd', 'ExternalId': 'between-us'}]
    assert aws.calls[0]['key'] == aws.key and aws.calls[1]['key'].startswith('ASIA')


@pytest.mark.parametrize('config, says', [
    ('[profile p]\nrole_arn=r\nsource_profile=q\n[profile q]\nrole_arn=r\nsource_profile=p\n',
     'profile q: source_profile = p leads back to itself'),
    ('[profile p]\nrole_arn=r\n', 'has a role_arn, but neither source_profile nor'),
    ('[profile p]\nrole_arn=r\nsource_profile=gone\n', 'profile gone is neither in'),
    ('[profile p]\nrole_arn=r\ncredential_source=Moon\n', 'credential_source = Moon is none of'),
    ('[profile p]\nrole_arn=r\ncredential_source=Environment\n', 'AWS_ACCESS_KEY_ID is not set'),
    ('[profile p]\nrole_arn=r\nsource_profile=p\nmfa_serial=1\n', 'asks for a code'),
    ('[profile p]\nsso_session=x\n', 'profile p uses sso_session, which a daemon cannot'),
])
def test_profiles_that_lead_nowhere_say_why(call, files, config, says):
    done = call('keys', ok=False, env={**files('', config), 'AWS_PROFILE': 'p'})
    assert done.stderr.startswith('permanent: AWS credentials: ')
    assert says in done.stderr


def test_a_profile_may_take_its_keys_from_the_environment(aws, call, files):
    env = files('', f'[profile p]\nrole_arn = {aws.role}\ncredential_source = Environment\n')
    env.update(AWS_ACCESS_KEY_ID=aws.key, AWS_SECRET_ACCESS_KEY=aws.secret)
    assert call('keys', env={**env, 'AWSCALL_PROFILE': 'p'}).stdout.startswith('ASIA')
    assert aws.ops() == ['AssumeRole']


@pytest.fixture
def token(tmp_path):
    path = tmp_path / 'token'
    path.write_text('web.identity.token\n')
    return path


def test_a_web_identity_needs_no_keys(aws, call, files, token):
    env = {**NO_KEYS, 'AWS_WEB_IDENTITY_TOKEN_FILE': token, 'AWS_ROLE_ARN': aws.role,
           'AWS_ROLE_SESSION_NAME': 'pod'}
    assert call('keys', env=env).stdout.startswith('ASIA')
    assert aws.calls[0]['op'] == 'AssumeRoleWithWebIdentity'
    assert aws.calls[0]['args']['RoleSessionName'] == 'pod'
    assert 'Authorization' not in aws.calls[0]['headers']
    env = files('', f'[default]\nrole_arn={aws.role}\nweb_identity_token_file={token}\n')
    assert call('keys', env=env).stdout.startswith('ASIA')
    token.write_text('bad.token')
    done = call('keys', ok=False, env=env)
    assert 'sts AssumeRoleWithWebIdentity arn:' in done.stderr
    assert 'InvalidIdentityToken' in done.stderr and 'bad.token' not in done.stderr


def test_a_role_of_the_settings_is_assumed_on_top(aws, call):
    aws.roles[aws.role] = 'x1'
    env = {'AWSCALL_ROLE': aws.role, 'AWSCALL_EXTERNAL_ID': 'x1'}
    assert call('keys', env=env).stdout.startswith('ASIA')
    done = call('keys', ok=False, env={**env, 'AWSCALL_EXTERNAL_ID': 'x2'})
    assert done.stderr.startswith(
        f'permanent: AWS credentials: sts AssumeRole {aws.role}: HTTP 403 AccessDenied: ')


def test_sts_is_tried_again(aws, call):
    aws.fault('AssumeRole', times=2, status=503, code='ServiceUnavailable')
    assert call('keys', env={'AWSCALL_ROLE': aws.role}).stdout.startswith('ASIA')
    aws.fault('AssumeRole', cut='inside')
    assert call('keys', env={'AWSCALL_ROLE': aws.role}).stdout.startswith('ASIA')


def test_a_container_is_given_keys(aws, call, tmp_path):
    env = {**NO_KEYS, 'AWS_CONTAINER_CREDENTIALS_FULL_URI': aws.url + '/v2/credentials/task',
           'AWS_CONTAINER_AUTHORIZATION_TOKEN': aws.container_token}
    assert call('keys', env=env).stdout.startswith('ASIA')
    (tmp_path / 'auth').write_text(aws.container_token + '\n')
    aws.fault('/v2/', times=2, status=500)
    assert call('keys', env={**env, 'AWS_CONTAINER_AUTHORIZATION_TOKEN': 'old',
                             'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE': tmp_path / 'auth'}
                ).stdout.startswith('ASIA')
    done = call('keys', ok=False, env={**env, 'AWS_CONTAINER_AUTHORIZATION_TOKEN': 'wrong'})
    assert 'AWS credentials: container: its endpoint: HTTP 401' in done.stderr
    done = call('keys', ok=False, env={**env, 'AWS_CONTAINER_AUTHORIZATION_TOKEN': 'a\r\nb: c'})
    assert 'has a line end in it' in done.stderr
    for url in 'http://192.0.2.1/x', 'http://example.com/x', 'file:///etc/passwd':
        done = call('keys', ok=False, env={**env, 'AWS_CONTAINER_CREDENTIALS_FULL_URI': url})
        assert 'without https its host must be' in done.stderr


def test_an_instance_is_given_keys(aws, call, proxy):
    env = {**NO_KEYS, 'AWS_EC2_METADATA_DISABLED': None,
           'AWS_EC2_METADATA_SERVICE_ENDPOINT': aws.url + '/',
           # Never by a proxy.
           'AWSCALL_PROXY': proxy.url, 'http_proxy': proxy.url}
    assert call('keys', env=env).stdout.startswith('ASIA')
    assert proxy.seen == []
    assert aws.ops() == ['PUT /latest/api/token', 'GET /latest/meta-data/iam/security-credentials/',
                         'GET /latest/meta-data/iam/security-credentials/reports-instance']
    aws.fault('/latest/', times=2, status=503)
    assert call('keys', env=env).stdout.startswith('ASIA')
    aws.instance_role = None
    assert 'EC2: the instance has no role' in call('keys', ok=False, env=env).stderr
    done = call('keys', ok=False, env={**env, 'AWS_EC2_METADATA_DISABLED': 'true'})
    assert 'EC2: AWS_EC2_METADATA_DISABLED forbids it' in done.stderr
    # Something else may listen there.
    aws.fault('/latest/', status=403)
    assert 'EC2: its metadata: HTTP 403' in call('keys', ok=False, env=env).stderr


def test_without_credentials_every_place_is_told_fast(call, tmp_path):
    begun = time.monotonic()
    done = call('keys', ok=False, env={
        **NO_KEYS, 'AWS_EC2_METADATA_DISABLED': None,
        # An address that nobody has (RFC 5737).
        'AWS_EC2_METADATA_SERVICE_ENDPOINT': 'http://192.0.2.1',
        'AWS_SHARED_CREDENTIALS_FILE': None, 'AWS_CONFIG_FILE': None})
    assert time.monotonic() - begun < 5
    assert done.stderr.startswith('permanent: AWS credentials: there are none; looked at ')
    for place in ('environment: AWS_ACCESS_KEY_ID is not set',
                  'web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set',
                  f'profile default: neither in {tmp_path}/.aws/credentials nor in '
                  f'{tmp_path}/.aws/config',
                  'container: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not set',
                  'EC2: no connection to 192.0.2.1'):
        assert place in done.stderr


# ---- the way there ----

@pytest.fixture(scope='session')
def tls(tmp_path_factory):
    """AWS with a certificate of a CA that nobody trusts: (server, CA's file)."""
    ca, cert, key = make_certificate(tmp_path_factory.mktemp('tls'))
    server = Aws(tls=(cert, key)).start()
    yield server, ca
    server.stop()


def test_a_certificate_must_be_trusted(tls, call):
    server, ca = tls
    env = {'AWSCALL_ENDPOINT': server.url}
    done = call('s3', 'PUT', '/b/k', 'x', ok=False, env=env)
    assert done.stderr.startswith('permanent: s3 PUT /b/k: the certificate of 127.0.0.1:')
    assert 'is not trusted' in done.stderr and 'ca_file' in done.stderr
    assert server.calls == []
    call('s3', 'PUT', '/b/k', 'x', env={**env, 'AWSCALL_CA_FILE': ca})
    done = call('s3', 'PUT', '/b/k', 'x', ok=False, env={**env, 'AWSCALL_CA_FILE': '/none.pem'})
    assert done.stderr.startswith('permanent: s3 PUT /b/k: ca_file /none.pem cannot be read')
    # The certificate is for the address, not for the name.
    done = call('s3', 'PUT', '/b/k', 'x', ok=False, env={
        'AWSCALL_CA_FILE': ca, 'AWSCALL_ENDPOINT': f'https://localhost:{server.port}'})
    assert f'the certificate of localhost:{server.port} is not trusted' in done.stderr


def test_a_proxy_is_gone_through(tls, call, proxy):
    server, ca = tls
    server.reset()
    env = {'AWSCALL_ENDPOINT': server.url, 'AWSCALL_CA_FILE': ca}
    call('s3', 'PUT', '/b/k', 'x', env={**env, 'AWSCALL_PROXY': proxy.url})
    call('s3', 'PUT', '/b/k', 'x', env={**env, 'https_proxy': proxy.url})
    assert proxy.seen == [f'127.0.0.1:{server.port}'] * 2
    for without in ('127.0.0.1', 'example.com, 127.0.0.0/8', '*'):
        call('s3', 'PUT', '/b/k', 'x', env={**env, 'AWSCALL_PROXY': proxy.url, 'NO_PROXY': without})
        call('s3', 'PUT', '/b/k', 'x', env={**env, 'AWSCALL_PROXY': proxy.url,
                                            'AWSCALL_NO_PROXY': without})
    assert len(proxy.seen) == 2


def test_a_proxy_for_plain_http(aws, call, proxy):
    call('s3', 'PUT', '/b/k ü', 'x', env={'http_proxy': proxy.url})
    assert proxy.seen == [f'{aws.url}/b/k%20%C3%BC']
    # As in CGI, this one may be anybody's.
    call('s3', 'PUT', '/b/k', 'x', env={'HTTP_PROXY': proxy.url})
    assert len(proxy.seen) == 1


def test_a_proxy_that_fails_is_named(tls, call, proxy):
    server, ca = tls
    env = {'AWSCALL_ENDPOINT': server.url, 'AWSCALL_CA_FILE': ca, 'AWSCALL_TRIES': 1}
    proxy.status = 403
    done = call('s3', 'PUT', '/b/k', 'x', ok=False, env={**env, 'AWSCALL_PROXY': proxy.url})
    host = proxy.url.removeprefix('http://')
    assert f'the proxy {host} answers HTTP 403 when asked for 127.0.0.1:' in done.stderr
    done = call('s3', 'PUT', '/b/k', 'x', ok=False,
                env={**env, 'AWSCALL_PROXY': 'http://user:pass-word@127.0.0.1:1'})
    assert 'no connection to the proxy 127.0.0.1:1 (for 127.0.0.1:' in done.stderr
    assert 'pass-word' not in done.stderr
