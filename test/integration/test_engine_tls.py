# SPDX-License-Identifier: MIT
"""How connections to PostgreSQL are protected."""

import socket

import pytest
from psycopg.conninfo import make_conninfo

from lib.process import reportctl
from lib.receiver import certificate
from lib.tlsserver import TlsServer
from test_engine_shared import done, failure
from test_reportctl_shared import checks_of

# A name of this machine that is not localhost counts as another host.
HOST = socket.gethostname()


@pytest.fixture
def ca(tmp_path):
    return certificate(tmp_path, (f'DNS:{HOST}', 'DNS:localhost', 'IP:127.0.0.1'))


@pytest.fixture
def server(cluster):
    made = []

    def make(pem=None):
        made.append(TlsServer(cluster.host, pem))
        return made[-1]
    yield make
    for one in made:
        one.close()


def conninfo(db, server, host=HOST, **keys):
    return make_conninfo(db.conninfo, host=host, port=server.port, **keys)


def test_a_server_that_is_not_verified_learns_nothing(db, daemon, server, ca):
    """Its certificate is in nobody's bundle, or it has none."""
    for pem in ca[0], None:
        one = server(pem)
        running = daemon({'source.far': {'conninfo': conninfo(
            db, one, password='geheim')}})
        run = failure(db, source='far')
        assert 'sslrootcert=FILE in conninfo' in run.error_message
        assert 'sslmode=require' in run.error_message
        assert one.started == 0 and 'geheim' not in run.error_message
        running.stop()


def test_a_certificate_that_the_system_trusts_is_enough(db, daemon, server, ca):
    one = server(ca[0])
    daemon({'queue': {'conninfo': conninfo(db, one)},
            'source.far': {'conninfo': conninfo(db, one)}},
           env={'SSL_CERT_FILE': ca[1]})
    done(db, source='far')
    assert one.encrypted == one.started >= 2


def test_a_certificate_of_another_host_is_refused(db, daemon, server, tmp_path):
    pem, crt = certificate(tmp_path, ('DNS:other.example',))
    one = server(pem)
    daemon({'source.far': {'conninfo': conninfo(db, one, sslrootcert=crt)}})
    assert 'other.example' in failure(db, source='far').error_message
    assert one.started == 0


@pytest.mark.parametrize('sslmode, tls, encrypted', [
    ('require', True, True), ('disable', True, False), ('prefer', True, True),
    ('prefer', False, False)])
def test_the_connection_string_has_the_last_word(
        db, daemon, server, ca, sslmode, tls, encrypted):
    one = server(ca[0] if tls else None)
    daemon({'source.far': {'conninfo': conninfo(db, one, sslmode=sslmode)}})
    done(db, source='far')
    assert one.started == 1 and one.encrypted == encrypted


def test_this_host_needs_no_certificate(db, daemon, server):
    one = server()
    daemon({'source.far': {'conninfo': conninfo(db, one, host='127.0.0.1')}})
    done(db, source='far')
    assert one.started == 1


def test_the_queue_is_verified_too(db, daemon, ctl, server, ca):
    one = server(ca[0])
    running = daemon({'queue': {'conninfo': conninfo(db, one)}}, ready=False)
    running.wait_log('name the certificate (PEM) that has signed')
    told = ctl('status', sections={'queue': {'conninfo': conninfo(db, one)}})
    assert 'sslrootcert=FILE in conninfo' in told.stderr
    assert one.started == 0


@pytest.mark.parametrize('host, keys, tls, result, says', [
    (HOST, {'sslrootcert': True}, True, 'ok', 'TLS, the server verified'),
    (HOST, {'sslmode': 'verify-ca', 'sslrootcert': True}, True, 'warn', 'not its name'),
    (HOST, {'sslmode': 'require'}, True, 'warn', 'the server not verified'),
    (HOST, {'sslmode': 'disable'}, False, 'ok', 'on this host, without TLS'),
    ('127.0.0.1', {}, False, 'ok', 'on this host, without TLS'),
    (None, {}, False, 'ok', 'a Unix socket')])
def test_doctor_says_what_protects_each_connection(
        db, conf, server, ca, host, keys, tls, result, says):
    one = server(ca[0] if tls else None)
    if keys.get('sslrootcert'):
        keys = keys | {'sslrootcert': str(ca[1])}
    where = conninfo(db, one, host, **keys) if host else db.conninfo
    checks = checks_of(reportctl(conf({
        'queue': {'conninfo': where}, 'source.far': {'conninfo': where}}),
        'doctor', '--json'))
    for what in 'queue connection', 'source.far connection':
        assert checks[what]['result'] == result
        assert says in checks[what]['detail']
        assert bool(checks[what]['mend']) == (result == 'warn')
