# SPDX-License-Identifier: MIT
"""The HTTP client from outside: what a guarded call may reach, where redirects
lead, what is sent."""

import ssl
import subprocess

import pytest

from lib.paths import BIN, environ
from lib.process import SANITIZER
from lib.web import Proxy, Site, make_certificate


@pytest.fixture
def site():
    site = Site()
    site.answers['/'] = 200, {}, b'here'
    yield site
    site.stop()


@pytest.fixture
def other():
    """On another address of this host."""
    site = Site('127.0.0.2')
    site.answers['/'] = 200, {}, b'there'
    yield site
    site.stop()


@pytest.fixture
def proxy():
    proxy = Proxy()
    yield proxy
    proxy.stop()


@pytest.fixture(scope='session')
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp('http-tls'))


@pytest.fixture
def secure(certificate):
    _, cert, key = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    site = Site(tls=context)
    site.answers['/'] = 200, {}, b'safe'
    yield site
    site.stop()


def call(*words, ok=True, **env):
    """awscall with AWSCALL_* of env: what it says on standard output, or error."""
    base = {name: value for name, value in environ().items()
            if not name.lower().endswith('_proxy')}
    done = subprocess.run(
        [BIN / 'test/unit/awscall', *words], text=True, capture_output=True, timeout=60,
        env={**base, **{name if name.islower() else 'AWSCALL_' + name: str(value)
                        for name, value in env.items()}})
    assert not SANITIZER.search(done.stderr), done.stderr
    assert (done.returncode == 0) is ok, done.stdout + done.stderr
    return done.stdout if ok else done.stderr


# ---- the guard ----

@pytest.mark.parametrize('host', [
    '127.0.0.1', '127.1', '2130706433', '0x7f000001', '0', '0.0.0.0', '[::1]', '[::]',
    '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[64:ff9b::7f00:1]', '[2002:7f00:1::]', '[::127.0.0.1]',
    'localhost', 'LOCALHOST', '169.254.169.254', '169.254.170.2', '[fd00:ec2::254]', '[fe80::1]',
    '100.100.100.200', '224.0.0.1', '[ff02::1]', '255.255.255.255', '192.0.0.192'])
def test_a_guarded_call_reaches_no_such_address(site, host):
    said = call('guarded', 'POST', f'http://{host}:{site.port}/', ok=False)
    assert said.startswith('permanent: ')
    assert 'which is not allowed here' in said
    assert site.seen == []


def test_what_is_allowed_is_reached(site, other):
    assert call('guarded', 'GET', site.url, ALLOW='127.0.0.1/32') == '200 here\n'
    assert call('guarded', 'GET', site.url, ALLOW='10.0.0.0/8, 127.0.0.0/8') == '200 here\n'
    assert call('guarded', 'GET', f'http://[::ffff:127.0.0.1]:{site.port}/',
                ALLOW='127.0.0.1') == '200 here\n'
    assert 'address 127.0.0.2, which' in call(
        'guarded', 'GET', other.url, ok=False, ALLOW='127.0.0.1/32')
    assert len(site.seen) == 3 and other.seen == []


def test_a_redirect_does_not_lead_past_the_guard(site, other):
    site.answers['/away'] = 302, {'Location': other.url + '/'}, b''
    assert 'address 127.0.0.2, which is not allowed' in call(
        'guarded', 'POST', site.url + '/away', 'x', ok=False, ALLOW='127.0.0.1/32', REDIRECTS=3)
    assert other.seen == []
    assert call('http', 'GET', site.url + '/away', REDIRECTS=3) == '200 there\n'


def test_behind_a_proxy_the_name_is_looked_up_here(site, proxy):
    said = call('guarded', 'GET', f'http://localhost:{site.port}/', ok=False, PROXY=proxy.url)
    assert said.startswith('permanent: ') and 'which is not allowed here' in said
    said = call('guarded', 'GET', 'http://nobody.invalid/', ok=False, PROXY=proxy.url)
    assert 'cannot be resolved here, so its address cannot be checked' in said
    assert proxy.seen == []
    # The proxy is told the address that was looked at; it may be anywhere itself.
    assert call('guarded', 'GET', f'http://localhost:{site.port}/', PROXY=proxy.url,
                ALLOW='127.0.0.0/8') == '200 here\n'
    assert proxy.seen == [f'127.0.0.1:{site.port}']
    assert site.seen[0][2]['Host'] == f'localhost:{site.port}'


# ---- redirects ----

def test_redirects_have_an_end(site):
    site.answers['/1'] = 302, {'Location': '/2'}, b''
    site.answers['/2'] = 307, {'Location': f'{site.url}/'}, b''
    assert call('http', 'GET', site.url + '/1', REDIRECTS=2) == '200 here\n'
    assert call('http', 'GET', site.url + '/1', REDIRECTS=1) == '307 \n'
    assert call('http', 'GET', site.url + '/1') == '302 \n'
    site.answers['/ring'] = 302, {'Location': '/ring'}, b''
    assert call('http', 'GET', site.url + '/ring', REDIRECTS=5) == '302 \n'
    assert [path for _, path, _, _ in site.seen].count('/ring') == 6


@pytest.mark.parametrize('status, method, body', [
    (301, 'POST', b'text'), (302, 'POST', b'text'), (303, 'GET', b''),
    (307, 'POST', b'text'), (308, 'POST', b'text')])
def test_a_redirected_post_keeps_what_it_brings(site, status, method, body):
    site.answers['/from'] = status, {'Location': '/'}, b''
    call('http', 'POST', site.url + '/from', 'text', REDIRECTS=1)
    assert [(one[0], one[1], one[3]) for one in site.seen] == [
        ('POST', '/from', b'text'), (method, '/', body)]


def test_another_host_is_not_told_the_authorization(site, other):
    site.answers['/same'] = 302, {'Location': '/'}, b''
    site.answers['/other'] = 302, {'Location': other.url + '/'}, b''
    call('http', 'GET', site.url + '/same', REDIRECTS=1)
    assert [one[2]['Authorization'] for one in site.seen] == ['of-this-host'] * 2
    call('http', 'GET', site.url + '/other', REDIRECTS=1)
    assert other.seen[0][2]['Authorization'] is None


def test_https_never_leads_to_http(secure, site, certificate):
    secure.answers['/down'] = 302, {'Location': site.url + '/'}, b''
    said = call('http', 'GET', secure.url + '/down', ok=False, REDIRECTS=1, CA_FILE=certificate[0])
    assert said.startswith('permanent: ')
    assert 'redirects from https to http, which is not followed' in said
    assert site.seen == []
    site.answers['/up'] = 302, {'Location': secure.url + '/'}, b''
    assert call('http', 'GET', site.url + '/up', REDIRECTS=1,
                CA_FILE=certificate[0]) == '200 safe\n'


def test_a_redirect_to_no_web_address_fails(site):
    for place in 'file:///etc/passwd', 'gopher://127.0.0.1/', 'http://':
        site.answers['/odd'] = 302, {'Location': place}, b''
        assert 'here' not in call('http', 'GET', site.url + '/odd', REDIRECTS=1, ok=False)


# ---- what is sent ----

def test_the_request_is_what_was_asked_for(site):
    site.answers['/a/../b//c%41?x=1&y'] = 200, {}, b'as it is'
    assert call('http', 'PUT', site.url + '/a/../b//c%41?x=1&y', 'body') == '200 as it is\n'
    method, _, headers, body = site.seen[0]
    assert (method, body) == ('PUT', b'body')
    assert headers['X-Empty'] == ''
    for name in 'Accept', 'Expect', 'Content-Type', 'Transfer-Encoding':
        assert headers[name] is None
    site.answers['/none'] = 204, {}, b''
    call('http', 'DELETE', site.url + '/none')
    call('http', 'POST', site.url + '/none')
    assert [one[2]['Content-Length'] for one in site.seen[1:]] == [None, '0']


@pytest.mark.parametrize('url', [
    'no url', 'ftp://example.com/', 'file:///etc/passwd', 'http://', 'https://',
    'http://a b/', '//x', 'http://[::1', 'http://h:99999/'])
def test_a_wrong_url_never_gets_better(url):
    said = call('http', 'GET', url, ok=False)
    assert said.startswith('permanent: a URL is wrong (')


def test_the_secret_part_of_a_url_is_not_told():
    said = call('http', 'GET', 'http://user:pass-word@127.0.0.1:1/T0/secret-path?key=x', ok=False)
    assert said.startswith('transient: no connection to 127.0.0.1:1: ')
    assert 'pass-word' not in said and 'secret-path' not in said
