# SPDX-License-Identifier: MIT
"""Users and passwords from Secrets Manager and from IAM: of sources, of the queue."""

import contextlib
import itertools
import os
import pathlib
import signal
import time

import psycopg
import pytest

from lib import process, report
from lib.redshift import Redshift
from lib.wait import wait_for
from test_engine_shared import done, failure, output

NASTY = "it's \\ a \"pass word\" = %41 ; host=evil 漢"
numbers = itertools.count(1)


class Role:
    """A role that needs its password; everybody else gets in as before."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.name = f'login_{os.getpid()}_{next(numbers)}'
        hba = pathlib.Path(cluster.host) / 'data/pg_hba.conf'
        hba.write_text(f'local all {self.name} scram-sha-256\n' + hba.read_text())
        cluster.admin(f'create role {self.name} login superuser')
        cluster.admin('select pg_reload_conf()')
        self.set_password('first ' + NASTY)

    def set_password(self, password):
        self.password = password
        self.cluster.admin(psycopg.sql.SQL('alter role {} password {}').format(
            psycopg.sql.Identifier(self.name), psycopg.sql.Literal(password)))

    def secret(self, **more):
        return {'username': self.name, 'password': self.password, **more}

    def end_sessions(self):
        self.cluster.admin('select pg_terminate_backend(pid) from pg_stat_activity '
                           f"where usename = '{self.name}'")

    def sessions(self):
        return self.cluster.admin('select count(*) from pg_stat_activity '
                                  f"where usename = '{self.name}'").fetchone()[0]


@pytest.fixture
def role(cluster):
    return Role(cluster)


@pytest.fixture
def redshift(cluster):
    redshift = Redshift(cluster)
    yield redshift
    redshift.remove()


def place(db):
    """The connection string without anybody's name."""
    return f'host={db.cluster.host} port=5432 dbname={db.name}'


def no_password_in(text, *passwords):
    for password in passwords:
        assert password not in text
        assert password.replace("'", "\\'") not in text


@pytest.fixture
def secured(daemon, db, role, aws):
    """secured(source={...}) runs a daemon whose source `dwh` has a secret."""
    def start(keys=None, **more):
        arn = aws.put_secret('dwh', role.secret())
        one = daemon({**aws.settings(), 'source.dwh': {
            'conninfo': place(db), 'secret_arn': arn, **(keys or {})}},
            env=aws.environ(), workers=1, **more)
        one.arn = arn
        return one
    return start


# A source's secret.

def test_a_source_with_a_secret(secured, db, role, aws):
    one = secured()
    for _ in range(3):
        assert output(db, source='dwh', export_sql='select current_user as u') == \
            f'u\n{role.name}\n'.encode()
    assert aws.ops() == ['GetSecretValue']
    no_password_in(one.log(), role.password)
    assert 'password' not in repr(report.runs(db, 1))


def test_host_port_and_database_from_the_secret(daemon, db, role, aws):
    arn = aws.put_secret('whole', role.secret(
        engine='postgres', host=db.cluster.host, port=5432, dbname=db.name))
    daemon({**aws.settings(), 'source.dwh': {
        'conninfo': 'connect_timeout=5', 'secret_arn': arn}}, env=aws.environ())
    assert output(db, source='dwh', export_sql='select current_database() as d') == \
        f'd\n{db.name}\n'.encode()


def test_a_changed_password_is_read_again(secured, db, role, aws):
    """The one that is kept is refused; the report does not notice."""
    one = secured()
    assert output(db, source='dwh') == b'one\n1\n'
    role.set_password('second ' + NASTY)
    aws.put_secret('dwh', role.secret())
    assert output(db, source='dwh') == b'one\n1\n', 'the connection lives on'
    assert aws.ops() == ['GetSecretValue']
    role.end_sessions()
    assert output(db, source='dwh') == b'one\n1\n'
    assert aws.ops() == ['GetSecretValue'] * 2
    no_password_in(one.log(), role.password, 'first ' + NASTY)


def test_another_secret_is_another_login(secured, db, role, aws):
    one = secured()
    assert output(db, source='dwh') == b'one\n1\n'
    other = Role(db.cluster)
    one.conf.write_text(one.conf.read_text().replace(
        one.arn, aws.put_secret('other', other.secret())))
    one.signal(signal.SIGHUP)
    one.wait_log('settings read again')
    assert output(db, source='dwh', export_sql='select current_user as u') == \
        f'u\n{other.name}\n'.encode()


def test_a_wrong_secret_fails_the_run(secured, db, role, aws):
    one = secured()
    aws.put_secret('dwh', {**role.secret(), 'password': 'wrong horse'})
    run = failure(db, source='dwh')
    assert run.error_sqlstate == '28P01' and 'password authentication failed' in run.error_message
    assert 'LOCATION' not in run.error_message and '28P01' not in run.error_message
    assert aws.ops() == ['GetSecretValue'] * 2
    no_password_in(one.log() + run.error_message, 'wrong horse')


@pytest.mark.parametrize('secret, says', [
    ({'username': 'u'}, 'holds no password'),
    (None, 'ResourceNotFoundException'),
])
def test_a_secret_that_is_of_no_use(secured, db, aws, secret, says):
    secured()
    if secret is None:
        aws.secrets.clear()
    else:
        aws.put_secret('dwh', secret)
    assert says in failure(db, source='dwh', max_retries=3).error_message


def test_a_secret_that_must_not_be_read(secured, db, aws):
    secured()
    aws.denied.add('secretsmanager:GetSecretValue')
    run = failure(db, source='dwh', max_retries=3)
    assert 'AccessDenied' in run.error_message and 'secret_arn' in run.error_message


def test_services_that_fail_are_tried_again(secured, db, aws):
    secured()
    aws.fault('GetSecretValue', status=500, code='InternalServiceError', times=2)
    assert output(db, source='dwh') == b'one\n1\n'


def test_a_cancel_ends_the_wait_for_a_secret(secured, db, aws):
    secured()
    aws.fault('GetSecretValue', delay=30)
    config_id = report.submit(db, source='dwh')
    wait_for(lambda: aws.ops())
    begun = time.monotonic()
    db.execute('select reportd.cancel(%s)', config_id)
    assert report.wait_done(db, config_id).status == 'CANCELLED'
    assert time.monotonic() - begun < 5


def test_reportctl_reads_secrets(db, role, aws, conf):
    arn = aws.put_secret('both', role.secret())
    path = conf({**aws.settings(),
                 'queue': {'conninfo': place(db), 'secret_arn': arn},
                 'source.default': {'conninfo': place(db), 'secret_arn': arn}})
    env = aws.environ()
    told = process.reportctl(path, 'export', '--sql', 'select current_user as u', env=env)
    assert told.stdout == f'u\n{role.name}\n', told.stderr
    assert process.reportctl(path, 'status', env=env).returncode == 0
    told = process.reportctl(path, 'doctor', env=env)
    assert f'as user {role.name}' in told.stdout and 'postgres, connects' in told.stdout
    aws.denied.add('secretsmanager:GetSecretValue')
    told = process.reportctl(path, 'doctor', env=env)
    assert told.stdout.count('allow secretsmanager:GetSecretValue') == 2
    assert process.reportctl(path, 'status', env=env).returncode == 4


# The queue's.

@pytest.fixture
def queued(db, role, aws, conf):
    """queued() starts a daemon whose queue has a secret."""
    started = []

    def start(**more):
        arn = aws.put_secret('queue', role.secret())
        path = conf({**aws.settings(),
                     'queue': {'conninfo': place(db), 'secret_arn': arn},
                     'source.default': {'conninfo': db.conninfo}}, **more)
        one = process.Daemon(db, path, env=aws.environ())
        started.append(one)
        return one
    yield start
    for one in started:
        one.end()


def test_the_queue_s_password_is_a_secret(queued, db, role, aws):
    one = queued()
    one.wait_ready()
    assert output(db) == b'one\n1\n'
    assert db.value('select count(*) from pg_stat_activity where usename = %s '
                    "and application_name = 'reportd'", role.name) == 1
    role.end_sessions()
    assert output(db) == b'one\n1\n', 'connects with what it has read'
    assert aws.ops() == ['GetSecretValue']
    no_password_in(one.log(), role.password)


def test_the_queue_s_password_is_changed(queued, db, role, aws):
    one = queued()
    one.wait_ready()
    role.set_password('second ' + NASTY)
    aws.put_secret('queue', role.secret())
    begun = time.monotonic()
    role.end_sessions()
    one.wait_log('password refused, reading the secret again')
    assert output(db) == b'one\n1\n'
    assert time.monotonic() - begun < 5
    assert aws.ops() == ['GetSecretValue'] * 2
    no_password_in(one.log(), role.password, 'first ' + NASTY)


def test_a_wrong_secret_of_the_queue_is_waited_out(queued, db, role, aws):
    right, role.password = role.password, 'not yet'
    one = queued()
    one.wait_log('cannot reach the queue, trying on')
    assert 'password authentication failed' in one.log()
    wait_for(lambda: len(aws.ops()) >= 3, what='it to be read again')
    role.password = right
    aws.put_secret('queue', role.secret())
    one.wait_ready()
    assert output(db) == b'one\n1\n'


def test_without_secrets_manager_the_queue_is_waited_for(queued, db, role, aws):
    aws.denied.add('secretsmanager:GetSecretValue')
    one = queued()
    one.wait_log('cannot reach the queue, trying on')
    assert 'AccessDenied' in one.log()
    aws.denied.clear()
    one.wait_ready()
    # The secret that it has read serves on when nobody can be asked.
    aws.denied.add('secretsmanager:GetSecretValue')
    role.end_sessions()
    assert output(db) == b'one\n1\n'


def test_the_default_source_is_the_queue_and_has_its_login(queued, db, role, aws):
    one = queued()
    one.conf.write_text(one.conf.read_text().replace(
        f'[source.default]\ntrusted = on\nconninfo = {db.conninfo}\n',
        '[source.default]\ntrusted = on\n'))
    one.wait_ready()
    one.signal(signal.SIGHUP)
    one.wait_log('settings read again')
    assert output(db, export_sql='select current_user as u') == f'u\n{role.name}\n'.encode()
    told = process.reportctl(one.conf, 'export', '--sql', 'select current_user as u',
                             env=aws.environ())
    assert told.stdout == f'u\n{role.name}\n', told.stderr


def test_a_stop_does_not_wait_for_the_secret(queued, aws):
    aws.fault('GetSecretValue', delay=30)
    one = queued(shutdown_grace='1s')
    wait_for(lambda: aws.ops())
    begun = time.monotonic()
    one.signal(signal.SIGTERM)
    one.expected_code = one.wait(15)
    assert time.monotonic() - begun < 10


def readers(daemon):
    """The children that read the secret."""
    def name(pid):
        with contextlib.suppress(OSError):
            return pathlib.Path(f'/proc/{pid}/comm').read_text().strip()
    return [pid for pid in daemon.workers() if name(pid) == 'reportd-secret']


def test_who_reads_the_secret_may_be_killed(queued, db, aws):
    aws.fault('GetSecretValue', delay=30)
    one = queued()
    reader, = wait_for(lambda: aws.ops() and readers(one))
    os.kill(reader, signal.SIGKILL)
    one.wait_log("the process that reads the queue's secret has died")
    one.wait_ready()
    assert output(db) == b'one\n1\n'
    assert readers(one) == []


def test_who_reads_the_secret_goes_with_the_daemon(queued, aws):
    aws.fault('GetSecretValue', delay=30)
    one = queued()
    wait_for(lambda: aws.ops() and readers(one))
    one.kill()
    wait_for(lambda: not one.group(), 5)


def test_a_reload_takes_another_secret(queued, db, role, aws):
    one = queued()
    one.wait_ready()
    other = Role(db.cluster)
    arn = aws.put_secret('other', other.secret())
    one.conf.write_text(one.conf.read_text().replace(
        aws.put_secret('queue', role.secret()), arn))
    one.signal(signal.SIGHUP)
    wait_for(lambda: other.sessions() == 1 and role.sessions() == 0)
    assert output(db) == b'one\n1\n'


# IAM.

@pytest.mark.parametrize('keys, user, op, args', [
    ({'cluster': 'dwh', 'database_user': 'reader'}, 'IAM:reader', 'GetClusterCredentials',
     {'ClusterIdentifier': 'dwh', 'DbUser': 'reader', 'DurationSeconds': 3600}),
    ({'cluster': 'dwh'}, 'IAM:reports', 'GetClusterCredentialsWithIAM',
     {'ClusterIdentifier': 'dwh', 'DurationSeconds': 3600}),
    ({'workgroup': 'analytics'}, 'IAM:reports', 'GetCredentials',
     {'workgroupName': 'analytics', 'durationSeconds': 3600}),
], ids=['cluster', 'role', 'workgroup'])
def test_iam_gives_the_login(daemon, db, aws, redshift, keys, user, op, args):
    aws.database['password'] = NASTY
    redshift.users = {user: NASTY}
    conninfo = f'host={redshift.dir} dbname={db.name}'
    one = daemon({**aws.settings(), 'source.dwh': {
        'type': 'redshift', 'conninfo': conninfo, **keys}}, env=aws.environ(), workers=1)
    for _ in range(2):
        assert output(db, source='dwh') == b'one\n1\n'
        done(db, source='dwh', prep_sql='select 1')  # its connection is not kept
    assert aws.ops() == [op]
    assert aws.calls[0]['args'] == {
        **args, ('dbName' if 'workgroup' in keys else 'DbName'): db.name}
    assert {start['user'] for start in redshift.starts} == {user}
    # Given out anew, and the kept one is worth nothing any more.
    redshift.users = {user: 'another'}
    aws.database['password'] = 'another'
    redshift.cut()
    assert output(db, source='dwh') == b'one\n1\n'
    assert aws.ops() == [op] * 2
    no_password_in(one.log(), NASTY)


def test_iam_says_no(daemon, db, aws, redshift, conf):
    sections = {**aws.settings(), 'source.dwh': {
        'type': 'redshift', 'conninfo': f'host={redshift.dir} dbname={db.name}',
        'cluster': 'dwh', 'database_user': 'reader'}}
    daemon(sections, env=aws.environ())
    aws.denied.add('redshift:GetClusterCredentials')
    run = failure(db, source='dwh', max_retries=3)
    assert 'hint: allow redshift:GetClusterCredentials on' in run.error_message
    told = process.reportctl(conf(sections), 'doctor', env=aws.environ())
    assert 'allow redshift:GetClusterCredentials' in told.stdout


@pytest.mark.parametrize('keys, says', [
    ({'cluster': 'c'}, 'cluster: needs type = redshift'),
    ({'workgroup': 'c'}, 'workgroup: needs type = redshift'),
    ({'type': 'redshift', 'cluster': 'c', 'workgroup': 'w'}, 'more than one of'),
    ({'type': 'redshift', 'secret_arn': 'c', 'workgroup': 'w'}, 'more than one of'),
    ({'type': 'redshift', 'workgroup': 'w', 'database_user': 'u'}, 'database_user: needs cluster'),
    ({'type': 'redshift', 'unload_to': 'lake/x', 'unload_role': 'r'}, 'must be s3://'),
    ({'type': 'redshift', 'unload_to': 's3://lake/x'}, 'unload_role beside it'),
], ids=str)
def test_settings_that_cannot_be(conf, keys, says):
    told = process.reportd(conf({'source.dwh': {'conninfo': 'dbname=x', **keys}}),
                           '--check-config')
    assert told.returncode != 0 and says in told.stderr
