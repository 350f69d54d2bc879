# SPDX-License-Identifier: MIT
"""The HTTP server: it starts and ends with the daemon, says how that is, and keeps
strangers within limits."""

import contextlib
import json
import os
import shutil
import signal
import socket
import tempfile
import threading
import time

import psycopg
import pytest
from lib.manual import says
from lib.process import children
from lib.server import Server


@pytest.fixture
def server(db, tmp_path, daemon, wait_for):
    """server(key=value of [server]...) starts a daemon with it; .daemon is that one."""
    def start(reportd=None, **keys):
        one = Server(db, tmp_path, **keys)
        one.daemon = daemon(one.sections, **(reportd or {}))
        wait_for(one.is_ready, what='the HTTP server to be ready')
        return one
    return start


def http_pid(one):
    """The process reportd-http of a daemon."""
    for pid in children(one.daemon.pid):
        with contextlib.suppress(OSError), open(f'/proc/{pid}/comm') as f:
            if f.read().strip() == 'reportd-http':
                return pid
    return None


def head(*fields, line='GET /healthz HTTP/1.1', end='\r\n'):
    return end.join([line, *fields, '', '']).encode('latin-1')


HOST = 'Host: localhost'


# ---- the process ----

def test_health_is_that_of_the_supervisor(server, wait_for):
    one = server({'lease': '4s'})
    assert one.get('/healthz').json() == {'status': 'ok'}
    os.kill(one.daemon.pid, signal.SIGSTOP)
    try:
        wait_for(lambda: one.get('/healthz').status == 503, what='a lease that ends')
        assert 'lease' in one.get('/readyz').json()['message']
    finally:
        os.kill(one.daemon.pid, signal.SIGCONT)
    wait_for(lambda: one.get('/healthz').status == 200)


@says('The daemon works the same while the server hangs, and when it dies.')
def test_it_is_started_again_when_it_dies(server, wait_for):
    one = server()
    first = http_pid(one)
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: http_pid(one) not in (None, first))
    wait_for(one.is_ready)
    assert one.daemon.running()
    assert 'reportd-http has ended and is started again' in one.daemon.log()


def test_a_request_that_comes_meanwhile_waits(server):
    one = server()
    os.kill(http_pid(one), signal.SIGKILL)
    assert one.get('/healthz').status == 200


@says('The daemon works the same while the server hangs, and when it dies.')
def test_the_daemon_works_while_it_hangs(server, db, submit, wait_done):
    one = server()
    pid = http_pid(one)
    os.kill(pid, signal.SIGSTOP)
    try:
        for _ in range(3):
            assert wait_done(db, submit(db)).status == 'COMPLETED'
        assert db.value('select count(*) from reportd.report_worker '
                        'where heartbeat_at > now() - lease') == 1
    finally:
        os.kill(pid, signal.SIGCONT)


def test_it_ends_when_the_supervisor_is_killed(server, wait_for):
    one = server()
    pid = http_pid(one)
    one.daemon.kill()
    wait_for(lambda: not os.path.exists(f'/proc/{pid}'))


@says('Without `[server] listen` nothing listens.')
def test_no_server_without_listen(daemon):
    one = daemon()
    assert all('reportd-http' not in open(f'/proc/{pid}/comm').read()
               for pid in one.workers())


def test_a_port_that_is_taken_stops_no_reports(db, tmp_path, daemon, submit, wait_done, wait_for):
    one = Server(db, tmp_path)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(('127.0.0.1', one.port))
        other.listen()
        started = daemon(one.sections)
        started.wait_log('Address already in use')
        assert wait_done(db, submit(db)).status == 'COMPLETED'
    wait_for(one.is_ready, 40)


class Gate:
    """A server whose database is reached through a folder that has no socket yet."""

    def __init__(self, db, tmp_path, **keys):
        self.server = Server(db, tmp_path, **keys)
        parts = psycopg.conninfo.conninfo_to_dict(db.conninfo)
        name = f'.s.PGSQL.{parts.get("port", 5432)}'
        self.real = os.path.join(parts['host'], name)
        self.folder = tempfile.mkdtemp(prefix='gate')
        self.path = os.path.join(self.folder, name)
        self.server.sections['server']['conninfo'] = psycopg.conninfo.make_conninfo(
            db.conninfo, user='reportd_http', host=self.folder)

    def open(self):
        os.symlink(self.real, self.path)

    def ask(self, role, answers):
        thread = threading.Thread(
            target=lambda: answers.append(self.server.get('/api/v1/reports', role)))
        thread.start()
        return thread


@pytest.fixture
def gate(db, tmp_path, daemon, wait_for):
    """gate(key=value of [server]...): the daemon works, its HTTP server has no database."""
    gates = []

    def start(**keys):
        one = Gate(db, tmp_path, **keys)
        gates.append(one)
        one.daemon = daemon(one.server.sections)
        wait_for(lambda: is_healthy(one.server))
        return one
    yield start
    for one in gates:
        shutil.rmtree(one.folder)


def is_healthy(server):
    try:
        return server.get('/healthz').status == 200
    except OSError:
        return False


def test_the_first_requests_wait_for_the_database(gate):
    """Those that have started the daemon by its socket, for example."""
    one = gate(timeout='60s')
    answers = []
    threads = [one.ask('web_olga', answers) for _ in range(3)]
    threads[0].join(1)
    assert answers == [] and one.server.get('/readyz').status == 503
    one.open()
    for thread in threads:
        thread.join(40)
    assert [answer.status for answer in answers] == [200, 200, 200]


def test_they_do_not_wait_for_ever(gate):
    one = gate(timeout='2s')
    began = time.monotonic()
    answer = one.server.get('/api/v1/reports', 'web_olga')
    assert answer.status == 503 and 'the database cannot be used' in answer.json()['message']
    assert time.monotonic() - began > 1


def test_one_that_waits_is_held_to_its_role(db, gate):
    if not db.value("select 1 from pg_roles where rolname = 'web_mighty'"):
        db.execute('create role web_mighty nologin createrole in role reportd_viewer')
    one = gate(timeout='60s')
    db.execute('grant web_mighty to reportd_http')
    one.server.tokens['web_mighty'] = 'mighty'
    one.server.write_tokens()
    one.daemon.signal(signal.SIGHUP)
    one.daemon.wait_log('settings read again')
    answers = []
    thread = one.ask('web_mighty', answers)
    thread.join(1)
    one.open()
    thread.join(40)
    assert answers[0].status == 403 and 'may do too much' in answers[0].json()['message']


def test_a_stop_ends_the_wait(gate):
    one = gate(timeout='60s')
    answers = []
    thread = threading.Thread(target=lambda: answers.append(
        one.server.raw(b'GET /api/v1/reports HTTP/1.1\r\nHost: localhost\r\nAuthorization: '
                       b'Bearer ' + one.server.tokens['web_olga'].encode() + b'\r\n\r\n')))
    thread.start()
    thread.join(0.5)
    one.daemon.stop()
    thread.join(20)
    assert not thread.is_alive()


class Manager:
    """As systemd it keeps the socket and passes it: descriptor 3, LISTEN_FDS, LISTEN_PID."""

    def __init__(self, db, folder):
        from lib.paths import REPORTD
        from lib.process import write_conf
        self.server, self.db = Server(db, folder), db
        self.server.sections['server']['listen'] = '127.0.0.1:1'  # not used
        self.conf = write_conf(folder / 'passed.conf', db, self.server.sections)
        self.listener = socket.create_server(('127.0.0.1', self.server.port))
        self.giver = socket.create_server(str(folder / 'giver'), family=socket.AF_UNIX)
        self.launch = folder / 'launch'
        self.launch.write_text(
            '#!/usr/bin/python3\n'
            'import os, socket, sys\n'
            's = socket.socket(socket.AF_UNIX)\n'
            f's.connect("{folder}/giver")\n'
            'os.dup2(socket.recv_fds(s, 1, 1)[1][0], 3)\n'
            'os.set_inheritable(3, True)\n'
            'os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))\n'
            f'os.execv("{REPORTD}", ["reportd", *sys.argv[1:]])\n')
        self.launch.chmod(0o755)

    def start(self, *args):
        from lib.process import Daemon
        started = Daemon(self.db, self.conf, args, program=self.launch)
        with self.giver.accept()[0] as to:
            socket.send_fds(to, [b'x'], [self.listener.fileno()])
        return started


@pytest.fixture
def manager(db, tmp_path):
    one = Manager(db, tmp_path)
    yield one
    one.listener.close()
    one.giver.close()


def test_it_takes_the_socket_of_the_service_manager(manager, wait_for):
    started = manager.start()
    try:
        wait_for(manager.server.is_ready)
    finally:
        started.end()


def test_a_request_that_comes_as_the_daemon_leaves_is_for_the_next_one(manager, db, wait_for):
    """The daemon has counted the work; then it waits for a lock to write that it leaves."""
    db.execute("create function wait() returns trigger language plpgsql as $$ begin "
               "perform pg_advisory_xact_lock(1); return new; end $$;"
               'create trigger wait before update of leaving on reportd.report_worker '
               'for each row execute function wait()')
    answers = []
    with db.connect(autocommit=False) as other:
        other.execute('select pg_advisory_xact_lock(1)')
        first = manager.start('--idle-exit', '300ms')
        wait_for(lambda: db.value("select count(*) from pg_locks "
                                  "where locktype = 'advisory' and not granted"))
        thread = threading.Thread(target=lambda: answers.append(manager.server.post(
            '/trigger', role='web_ann', timeout=60)))
        thread.start()
        thread.join(1)
        other.commit()
    assert first.wait() == 0 and answers == []
    second = manager.start()
    try:
        thread.join(60)
        assert answers[0].status == 200
    finally:
        second.end()


def test_a_daemon_to_which_work_comes_as_it_would_leave_serves_on(manager, db, submit, wait_for):
    """The work comes between the first question, which ends the HTTP server, and the second."""
    one = manager.server
    with db.connect(autocommit=False) as other:
        other.execute('select from reportd.scale_turn for update')
        one.daemon = manager.start('--idle-exit', '300ms')
        wait_for(lambda: db.value("select count(*) from pg_stat_activity "
                                  "where wait_event_type = 'Lock'"))
        assert http_pid(one) is None
        config_id = submit(db, export_sql='select pg_sleep(3)')
        other.commit()
    wait_for(one.is_ready)
    assert one.daemon.wait() == 0
    assert db.value('select status from reportd.report_config where config_id = %s',
                    config_id) == 'COMPLETED'


def test_settings_that_change(server, wait_for):
    one = server()
    assert one.get('/healthz', headers={'Host': 'reports.example'}).status == 421
    conf = one.daemon.conf.read_text()
    one.daemon.conf.write_text(conf.replace('[server]\n', '[server]\nhosts = *.example\n'))
    one.daemon.signal(signal.SIGHUP)
    wait_for(lambda: one.get('/healthz', headers={'Host': 'reports.example'}).status == 200)
    pid = http_pid(one)
    assert pid
    one.daemon.conf.write_text(conf.replace(f'listen = 127.0.0.1:{one.port}\n', ''))
    one.daemon.signal(signal.SIGHUP)
    wait_for(lambda: http_pid(one) is None)
    one.daemon.conf.write_text(conf)
    one.daemon.signal(signal.SIGHUP)
    wait_for(one.is_ready)


@pytest.mark.parametrize('keys, wrong', [
    ({'listen': 'localhost:80', 'conninfo': 'dbname=x'}, 'must be a numeric address and a port'),
    ({'listen': '127.0.0.1', 'conninfo': 'dbname=x'}, 'must be a numeric address and a port'),
    ({'listen': '[::1]:0', 'conninfo': 'dbname=x'}, 'must be a numeric address and a port'),
    ({'listen': '[::1]:80'}, '[server] conninfo is missing'),
    ({'listen': '[::1]:80', 'conninfo': 'dbname=x', 'token_file': 'tokens'},
     'must be an absolute path'),
])
def test_settings_that_are_wrong(conf, keys, wrong):
    from lib.process import reportd
    done = reportd(conf({'server': keys}), '--check-config')
    assert done.returncode == 3 and wrong in done.stderr


# ---- what is refused ----

@says('A request that a proxy could read in another way is refused, and its connection '
      'ends.')
@pytest.mark.parametrize('data, status', [
    (head(), 400),                                          # no Host
    (head(HOST, HOST), 400),
    (head(HOST, 'Content-Length: 1', 'Content-Length: 1'), 400),
    (head(HOST, 'Content-Length: 2', 'Content-Length: 2',
          line='POST /trigger HTTP/1.1') + b'{}', 400),
    (head(HOST, 'Content-Length: 2', 'content-length: 20',
          line='POST /trigger HTTP/1.1') + b'{}', 400),
    (head(HOST, 'Content-Length: 1, 1'), 400),
    (head(HOST, 'Content-Length: +1'), 400),
    (head(HOST, 'Content-Length: -1'), 400),
    (head(HOST, 'Content-Length: 0x10'), 400),
    (head(HOST, 'Content-Length: 99999999999999999999'), 413),
    (head(HOST, 'Transfer-Encoding: chunked'), 501),
    (head(HOST, 'Content-Length: 3', 'Transfer-Encoding: chunked'), 501),
    (head(HOST, 'Transfer-Encoding : chunked'), 400),
    (head(HOST, 'transfer-encoding:\tidentity'), 501),
    (head(HOST, end='\n'), 400),
    (b'GET /healthz HTTP/1.1\r\nHost: localhost\n\r\n', 400),
    (b'GET /healthz HTTP/1.1\r\nHost: local\rhost\r\n\r\n', 400),
    (b'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n', 400),
    (b'GET /healthz HTTP/1.1\r\n Host: localhost\r\n\r\n', 400),
    (head('Host : localhost'), 400),
    (head(HOST, 'X: a\0b'), 400),
    (head(HOST, 'Content-Length: 5') + b'hello', 400),      # GET has no body
    (head(HOST, line='GET  /healthz HTTP/1.1'), 400),
    (head(HOST, line='GET /healthz'), 400),
    (head(HOST, line='GET /healthz HTTP/2.0'), 505),
    (head(HOST, line='PRI * HTTP/2.0'), 505),
    (head(HOST, line='BREW /healthz HTTP/1.1'), 501),
    (head(HOST, line='get /healthz HTTP/1.1'), 501),
    (head(HOST, line='DELETE /healthz HTTP/1.1'), 405),
    (head(HOST, line='GET http://localhost/healthz HTTP/1.1'), 400),
    (head(HOST, line='GET /%ff HTTP/1.1'), 400),
    (head(HOST, line='GET /%00 HTTP/1.1'), 400),
    (head(HOST, line='GET /%4 HTTP/1.1'), 400),
    (head(HOST, line='GET /\xff HTTP/1.1'), 400),
    (head(HOST, line='GET /healthz/ HTTP/1.1'), 404),
    (head(HOST, line='GET /' + 'a' * 5000 + ' HTTP/1.1'), 414),
    (head(HOST, *(f'X-{n}: 1' for n in range(100))), 431),
    (head(HOST, 'X: ' + 'a' * 20000), 431),
    (head('Host: evil.example'), 421),
    (head('Host: localhost.evil.example:80'), 421),
    (head('Host:'), 421),
    (head('Host: [::1]evil.example'), 421),
    (head('Host: [::1'), 421),
    (head('Host: localhost:80@evil.example'), 421),
    (b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n', 400),  # TLS
], ids=lambda value: str(value)[:60])
def test_a_request_that_others_may_read_otherwise_is_refused(server_kept, data, status):
    got = server_kept.raw(data)
    assert got.startswith(b'HTTP/1.1 %d ' % status), got
    if status in (400, 413, 501):
        # The bytes after it could be another's request.
        assert got.count(b'HTTP/1.1 ') == 1 and b'\r\nConnection: close\r\n' in got


@pytest.fixture(scope='module')
def server_kept(cluster, template, tmp_path_factory):
    """One server for the tests that only ask."""
    from lib.process import Daemon, write_conf
    from lib.wait import wait_for
    db = cluster.create(template)
    folder = tmp_path_factory.mktemp('server')
    one = Server(db, folder, unlimited='127.0.0.0/8')
    one.daemon = Daemon(db, write_conf(folder / 'reportd.conf', db, one.sections))
    one.db = db
    wait_for(one.is_ready)
    yield one
    try:
        one.daemon.end()
    finally:
        db.drop()


def test_requests_on_one_connection(server_kept):
    got = server_kept.raw(head(HOST) + head(HOST, 'Connection: close') + head(HOST))
    assert got.count(b'HTTP/1.1 200 OK') == 2


def test_http_1_0_and_head_and_options(server_kept):
    got = server_kept.raw(head(HOST, line='GET /healthz HTTP/1.0'))
    assert got.startswith(b'HTTP/1.1 200 ') and b'Connection: close' in got
    whole, bare = server_kept.get('/healthz'), server_kept.ask('HEAD', '/healthz')
    assert bare.body == b'' and bare.headers['Content-Length'] == whole.headers['Content-Length']
    options = server_kept.ask('OPTIONS', '/healthz')
    assert (options.status, options.headers['Allow']) == (204, 'GET, HEAD, OPTIONS')
    assert not [name for name in options.headers if name.lower().startswith('access-control')]


@says('No page of another site can use it: neither by a form, nor by a script, nor by a '
      'name that leads here.')
def test_answers_are_for_nobody_else(server_kept):
    headers = server_kept.get('/healthz').headers
    assert headers['Cache-Control'] == 'no-store'
    assert headers['X-Content-Type-Options'] == 'nosniff'
    assert headers['Cross-Origin-Resource-Policy'] == 'same-origin'


def drip(port, data, interval):
    """Sends a byte at a time until the other side ends; returns the seconds."""
    began = time.monotonic()
    with socket.create_connection(('127.0.0.1', port)) as s:
        s.settimeout(interval)
        for at in range(len(data)):
            if time.monotonic() - began > 20:
                break
            try:
                s.sendall(data[at:at + 1])
                if s.recv(1) == b'':
                    break
            except TimeoutError:
                continue
            except OSError:
                break
    return time.monotonic() - began


@says('Who sends or reads slowly, opens many connections or asks often stops nobody but '
      'the own address.')
def test_a_head_that_comes_byte_by_byte_is_given_up(server):
    one = server(timeout='1s')
    assert drip(one.port, head(HOST, 'X: ' + 'a' * 2000), 0.1) < 10
    assert one.get('/healthz').status == 200


@says('Who sends or reads slowly, opens many connections or asks often stops nobody but '
      'the own address.')
def test_a_body_that_comes_byte_by_byte_is_given_up(server):
    one = server(timeout='1s')
    with socket.create_connection(('127.0.0.1', one.port)) as s:
        s.sendall(head(HOST, f'Authorization: Bearer {one.tokens["web_ann"]}',
                       'Content-Length: 1000', line='POST /trigger HTTP/1.1'))
        began = time.monotonic()
        s.settimeout(0.1)
        for _ in range(300):
            try:
                s.sendall(b' ')
                if s.recv(1) == b'':
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        assert time.monotonic() - began < 15


def test_a_body_without_a_token_is_not_read(server_kept):
    got = server_kept.raw(head(HOST, 'Content-Length: 4000000',
                               line='POST /api/v1/reports HTTP/1.1'))
    assert got.startswith(b'HTTP/1.1 401 ') and b'\r\nConnection: close\r\n' in got


def test_a_body_that_is_awaited(server_kept):
    """Expect: 100-continue, as curl sends for large bodies."""
    with socket.create_connection(('127.0.0.1', server_kept.port), 20) as s:
        s.sendall(head(HOST, f'Authorization: Bearer {server_kept.tokens["web_ann"]}',
                       'Content-Length: 2', 'Expect: 100-continue',
                       line='POST /trigger HTTP/1.1'))
        assert s.recv(100) == b'HTTP/1.1 100 Continue\r\n\r\n'
        s.sendall(b'{}')
        assert s.recv(100).startswith(b'HTTP/1.1 200 ')


def test_http_1_0_is_told_nothing_before_the_answer(server_kept):
    with socket.create_connection(('127.0.0.1', server_kept.port), 20) as s:
        s.sendall(head(HOST, 'Content-Length: 2', 'Expect: 100-continue',
                       f'Authorization: Bearer {server_kept.tokens["web_ann"]}',
                       line='POST /trigger HTTP/1.0'))
        s.shutdown(socket.SHUT_WR)
        assert s.recv(100) == b''


@says('Who sends or reads slowly, opens many connections or asks often stops nobody but '
      'the own address.')
def test_a_reader_that_does_not_read_is_given_up(server, wait_for):
    one = server(timeout='1s')
    with socket.create_connection(('127.0.0.1', one.port)) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

        s.setblocking(False)
        requests, sent = head(HOST) * 2000, 0

        def ended():
            nonlocal sent
            try:
                sent = (sent + s.send(requests[sent:])) % len(requests)
            except BlockingIOError:
                return False
            except OSError:
                return True
            return False
        wait_for(ended, 30, 'the server to end the connection')
    assert one.get('/healthz').status == 200


def turned_away(port):
    with socket.create_connection(('127.0.0.1', port), 20) as s:
        return s.recv(4096).startswith(b'HTTP/1.1 503 ')


@says('Who sends or reads slowly, opens many connections or asks often stops nobody but '
      'the own address.')
def test_connections_of_one_address(server):
    one = server(connections_per_address=3)
    held = [socket.create_connection(('127.0.0.1', one.port)) for _ in range(3)]
    try:
        assert turned_away(one.port)
    finally:
        for s in held:
            s.close()


def test_connections_in_all(server):
    one = server(connections=3, unlimited='127.0.0.1/32')
    held = [socket.create_connection(('127.0.0.1', one.port)) for _ in range(3)]
    try:
        assert turned_away(one.port)
    finally:
        for s in held:
            s.close()


@says('Who sends or reads slowly, opens many connections or asks often stops nobody but '
      'the own address.')
def test_addresses_that_hold_all_connections(server):
    one = server(connections=6, connections_per_address=3)
    held = [socket.create_connection(('127.0.0.1', one.port), source_address=(own, 0))
            for own in ('127.0.0.2', '127.0.0.3') for _ in range(3)]
    try:
        for _ in range(4):
            assert one.get('/healthz').status == 200
        # The oldest has given way.
        held[0].settimeout(20)
        assert held[0].recv(1) == b''
    finally:
        for s in held:
            s.close()


@says('Who sends or reads slowly, opens many connections or asks often stops nobody but '
      'the own address.')
def test_requests_of_one_address(server):
    one = server(rate=5)
    statuses = [one.get('/healthz').status for _ in range(30)]
    assert statuses[0] == 200 and 429 in statuses
    assert one.raw(head('Host: evil.example')).startswith(b'HTTP/1.1 429 ')


# ---- what it leaves to reports ----

def used(pid):
    """Processor seconds of a process."""
    with open(f'/proc/{pid}/schedstat') as f:
        return int(f.read().split()[0]) / 1e9


@pytest.mark.shipped
def test_however_much_is_asked_the_rest_is_for_reports(server, db):
    """Work may begin with a fourth of a second at once."""
    one = server(share=25)
    pid = http_pid(one)
    began, before = time.monotonic(), used(pid)
    while used(pid) - before < 0.3:
        one.raw(head(HOST) * 400)
    assert time.monotonic() - began > 4 * (used(pid) - before) - 0.3

    backends = [row.pid for row in db.query(
        "select pid from pg_stat_activity where usename = 'reportd_http' "
        'and datname = current_database()')]
    asked = head(HOST, f'Authorization: Bearer {one.tokens["web_ann"]}',
                 line='GET /api/v1/overview HTTP/1.1') * 10
    answers = []

    def ask():
        while time.monotonic() - began < 1:
            answers.append(one.raw(asked).count(b'HTTP/1.1 200'))
    threads = [threading.Thread(target=ask) for _ in range(4)]
    began, before = time.monotonic(), sum(map(used, backends))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(backends) == 2 and set(answers) == {10}
    assert sum(map(used, backends)) - before < (time.monotonic() - began + 0.25) / 4 + 0.1


# ---- doctor ----

def test_doctor_logs_in_as_the_server_does(db, ctl, tmp_path):
    one = Server(db, tmp_path)

    def doctor(**keys):
        sections = {'server': {**one.sections['server'], **keys}}
        done = ctl('doctor', '--json', sections=sections)
        return {check['what']: check for check in json.loads(done.stdout)
                if check['what'].startswith('server')}
    said = doctor()
    assert {name: check['result'] for name, check in said.items()} == {
        'server login': 'ok', 'server connection': 'ok', 'server tokens': 'ok'}
    assert 'user reportd_http' in said['server login']['detail']
    said = doctor(conninfo=db.conninfo)
    assert 'is a superuser' in said['server login']['detail']
    assert 'noinherit' in said['server login']['mend']
    assert doctor(conninfo='host=/nonexistent')['server']['result'] == 'FAILED'
    assert doctor(token_file=None)['server tokens']['result'] == 'warn'
    one.tokens['nobody_at_all'] = 'x'
    one.write_tokens()
    assert 'there is no role "nobody_at_all"' in doctor()['server tokens']['detail']
    one.file.write_text('finance\n')
    assert '64 hexadecimal digits' in doctor()['server tokens']['detail']
