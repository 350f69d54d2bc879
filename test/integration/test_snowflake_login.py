# SPDX-License-Identifier: MIT
"""How a source of type snowflake logs in: secrets, the role of the host, what doctor says."""

import subprocess

import pytest

from lib import process
from lib.aws import aws, aws_server  # noqa: F401
from lib.receiver import certificate
from lib.snowflake import Snowflake
from test_snowflake_shared import account, dwh, engine, snow  # noqa: F401

NO_PASSWORD = "Snowflake's SQL API takes no password: add the user's private_key"


@pytest.fixture
def call(engine, aws, tmp_path):
    """Runs reportctl with one source of these keys."""
    def call(keys, *args, trusted='on'):
        conf = process.write_conf(tmp_path / 'r.conf', engine.db, {
            **aws.settings(), 'source.snow': {'type': 'snowflake', 'trusted': trusted, **keys}})
        return process.reportctl(conf, *(args or (
            'export', '--source', 'snow', '--sql', 'select 7 as n', '-o', '-')),
            env=aws.environ())
    return call


def whole(snow, **more):
    """The secret of an account, with a key beside what others keep in it."""
    return {'account': 'myorg-reports', 'user': 'reporter', 'password': 'unused',
            'database': 'SALES', 'schema': 'PUBLIC', 'warehouse': 'REPORTS_WH', **more}


def test_a_secret_has_the_login_and_the_context(call, snow, aws):
    arn = aws.put_secret('snow', whole(snow, private_key=snow.pem(), role='READER'))
    made = call({'secret_arn': arn, 'endpoint': snow.url})
    assert made.stdout == 'n\n7\n', made.stderr
    body = snow.sent('post')[0][3]
    assert (body['warehouse'], body['database'], body['schema'], body['role']) == (
        'REPORTS_WH', 'SALES', 'PUBLIC', 'READER')
    # The settings come first.
    call({'secret_arn': arn, 'endpoint': snow.url, 'warehouse': 'OTHER_WH'})
    assert snow.sent('post')[1][3]['warehouse'] == 'OTHER_WH'


def test_a_secret_may_hold_a_key_with_a_passphrase_or_a_token(call, snow, aws):
    arn = aws.put_secret('key', whole(snow, private_key=snow.pem('pass'),
                                      private_key_passphrase='pass'))
    assert call({'secret_arn': arn, 'endpoint': snow.url}).stdout == 'n\n7\n'
    snow.tokens['the-token'] = 'PROGRAMMATIC_ACCESS_TOKEN'
    arn = aws.put_secret('pat', whole(snow, token='the-token'))
    made = call({'secret_arn': arn, 'endpoint': snow.url, 'token_type': 'pat'})
    assert made.stdout == 'n\n7\n', made.stderr


@pytest.mark.parametrize('secret, text', [
    ({}, NO_PASSWORD),
    ({'private_key': 'x', 'user': None}, 'holds private_key and no user'),
    ({'private_key': 'x', 'account': None}, 'holds no account'),
    ({'private_key': 'x'}, 'secret_arn: private_key: the private key is no PEM'),
])
def test_a_secret_that_does_not_serve_is_told(call, snow, aws, secret, text):
    members = {k: v for k, v in whole(snow, **secret).items() if v is not None}
    made = call({'secret_arn': aws.put_secret('snow', members)})
    assert made.returncode != 0 and text in made.stderr, made.stderr
    assert 'unused' not in made.stderr  # the password


def test_a_rotated_secret_is_read_again(call, snow, aws):
    """The first key is refused; the secret has another one by then."""
    snow.tokens['second'] = 'OAUTH'
    arn = aws.put_secret('snow', whole(snow, token='first'))
    snow.fault('post', change=lambda a: aws.put_secret('snow', whole(snow, token='second')) and a)
    made = call({'secret_arn': arn, 'endpoint': snow.url})
    assert made.stdout == 'n\n7\n', made.stderr
    assert aws.ops('GetSecretValue') == ['GetSecretValue'] * 2


def test_a_secret_that_changes_from_a_key_to_a_token_is_read_again(call, snow, aws):
    """And back, with another user."""
    arn = aws.put_secret('snow', whole(snow, private_key=snow.pem()))
    snow.tokens['second'] = 'OAUTH'
    snow.closed = True

    def change(answer):
        aws.put_secret('snow', whole(snow, token='second'))
        snow.closed = False
        return answer
    snow.fault('post', change=change)
    made = call({'secret_arn': arn, 'endpoint': snow.url})
    assert made.stdout == 'n\n7\n', made.stderr
    assert [h['X-Snowflake-Authorization-Token-Type'] for *_, h in snow.sent('post')] == [
        'KEYPAIR_JWT', 'OAUTH']


def test_the_role_of_the_host_logs_in_without_any_secret(call, snow, aws):
    keys = {'account': 'myorg-reports', 'endpoint': snow.url, 'workload_identity': 'on'}
    snow.tokens.update({f'WIF.AWS.token.of.{aws.key}.{n}': 'WORKLOAD_IDENTITY_FEDERATION'
                        for n in range(9)})
    made = call(keys)
    assert made.stdout == 'n\n7\n', made.stderr
    asked, = (c['args'] for c in aws.calls if c['op'] == 'GetWebIdentityToken')
    assert asked['Audience'] == ['snowflakecomputing.com']
    aws.federation = False
    assert 'enable-outbound-web-identity-federation' in call(keys).stderr
    aws.denied.add('sts:GetWebIdentityToken')
    assert 'needs sts:GetWebIdentityToken' in call(keys).stderr


def test_doctor_shows_the_key_and_what_it_may(call, snow, engine):
    section = snow.settings(engine.home) | {'type': 'snowflake'}
    said = call(section, 'doctor', trusted='off').stdout
    fingerprint, = snow.keys
    assert 'source.snow: snowflake, connects and reads in' in said
    assert f'key pair of MYORG-REPORTS.REPORTER, {fingerprint}' in said
    assert 'source.snow login' not in said
    engine.dwh.execute("insert into roles values ('ACCOUNTADMIN')")
    try:
        said = call(section, 'doctor', trusted='off').stdout
        assert 'the user of [source.snow] has the role ACCOUNTADMIN' in said
        assert 'give it a login that reads what reports need' in said
    finally:
        engine.dwh.execute("delete from roles where name = 'ACCOUNTADMIN'")


def test_doctor_says_why_a_password_does_not_serve(call, snow, aws):
    said = call({'secret_arn': aws.put_secret('snow', whole(snow))}, 'doctor').stdout
    assert NO_PASSWORD in said and 'private_key' in said


def test_doctor_compares_what_the_server_refuses(call, snow, engine):
    snow.closed, snow.clock = True, 600
    said = call(snow.settings(engine.home) | {'type': 'snowflake'}, 'doctor').stdout
    fingerprint, = snow.keys
    assert f'with key {fingerprint}' in said and 's ahead of that of this host' in said
    assert 'RSA_PUBLIC_KEY_FP' in said


def test_no_secret_is_shown(call, snow, engine, aws):
    arn = aws.put_secret('snow', whole(snow, private_key=snow.pem()))
    for made in (call({'secret_arn': arn, 'endpoint': snow.url}, 'doctor'),
                 call(snow.settings(engine.home, private_key_passphrase='hush'), 'doctor')):
        assert 'PRIVATE KEY' not in made.stdout + made.stderr
        assert 'hush' not in made.stdout + made.stderr and 'eyJ' not in made.stdout + made.stderr


def test_the_certificate_of_the_account_is_verified(engine, dwh, tmp_path):
    pem, authority = certificate(tmp_path)
    account = Snowflake(dwh.conninfo, tls=pem)
    try:
        section = account.settings(tmp_path)
        for trust, code in (({'http': {'ca_file': authority}}, 0), ({}, 1)):
            conf = process.write_conf(tmp_path / 'r.conf', engine.db,
                                      {'source.snow': section, **trust})
            made = process.reportctl(conf, 'export', '--source', 'snow', '--sql',
                                     'select 7 as n', '-o', '-')
            assert (made.stdout == 'n\n7\n') == (code == 0), made.stderr
        assert 'is not trusted' in made.stderr
        assert len(account.sent('post')) == 1 and account.wrong == []
    finally:
        account.close()


# Settings.

@pytest.mark.parametrize('keys, text', [
    ({'private_key_file': None}, 'needs one of private_key_file, token_file'),
    ({'token_file': '/x'}, 'and has 2 of them'),
    ({'user': None}, 'private_key_file: needs user'),
    ({'account': None}, 'account is missing'),
    ({'endpoint': 'http://snow.example'}, 'endpoint: must be https://HOST'),
    ({'endpoint': 'https://snow.example/path'}, 'and no more, without a path'),
])
def test_settings_that_cannot_work_are_refused(engine, account, tmp_path, keys, text):
    section = account.settings(tmp_path) | keys
    conf = process.write_conf(tmp_path / 'r.conf', engine.db, {'source.snow': section})
    checked = process.reportd(conf, '--check-config')
    assert checked.returncode == 3 and text in checked.stderr


def key(tmp_path, command, *args):
    path = tmp_path / 'made.pem'
    subprocess.run(['openssl', command, '-out', path, *args], check=True, capture_output=True)
    return path


@pytest.mark.parametrize('make, more, text', [
    (lambda t, a: t / 'nowhere.pem', {}, 'No such file'),
    (lambda t, a: (t / 'made.pem').write_text('secret') and t / 'made.pem', {}, 'is no PEM'),
    (lambda t, a: key(t, 'genpkey', '-algorithm', 'ed25519'), {}, 'is no RSA key'),
    (lambda t, a: key(t, 'genrsa', '1024'), {}, 'has 1024 bits'),
    (lambda t, a: (t / 'made.pem').write_text(a.pem('pass')) and t / 'made.pem', {},
     'is encrypted; give its passphrase'),
    (lambda t, a: (t / 'made.pem').write_text(a.pem('pass')) and t / 'made.pem',
     {'private_key_passphrase': 'wrong'}, 'passphrase does not open'),
    (lambda t, a: (t / 'made.pem').write_text(a.pem()[:600]) and t / 'made.pem', {}, 'cannot be read'),
])
def test_a_key_that_does_not_serve_is_told(engine, account, tmp_path, make, more, text):
    section = account.settings(tmp_path, private_key_file=str(make(tmp_path, account)), **more)
    conf = process.write_conf(tmp_path / 'r.conf', engine.db, {'source.snow': section})
    made = process.reportctl(conf, 'export', '--source', 'snow', '--sql', 'select 1', '-o', '-')
    assert made.returncode != 0 and text in made.stderr


def test_a_key_with_a_passphrase_serves(engine, snow, tmp_path):
    (tmp_path / 'locked.pem').write_text(snow.pem('open sesame'))
    section = snow.settings(tmp_path, private_key_file=str(tmp_path / 'locked.pem'),
                            private_key_passphrase='open sesame')
    conf = process.write_conf(tmp_path / 'r.conf', engine.db, {'source.snow': section})
    made = process.reportctl(conf, 'export', '--source', 'snow', '--sql', 'select 1 as a', '-o', '-')
    assert made.stdout == 'a\n1\n', made.stderr
