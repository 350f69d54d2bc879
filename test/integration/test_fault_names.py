# SPDX-License-Identifier: MIT
"""Hosts that do not answer, names that nobody resolves, files that nobody shows: the
next one has its turn, and the daemon hears everything meanwhile."""

import contextlib
import ctypes
import os
import pathlib
import shutil
import signal
import socket
import subprocess

import pytest

from lib.paths import ROOT
from lib.process import Daemon, write_conf
from lib.tlsserver import TlsServer
from lib.wait import wait_for
from test_engine_shared import done
from test_login import role  # noqa: F401: a fixture
from test_systemd import manager  # noqa: F401: a fixture

# Nobody waits for that long, and libpq alone would wait for ever.
NEVER = 100000


@pytest.fixture
def silent():
    """silent(host, port) listens there, and answers no SYN: its backlog is full.
    Returns the port."""
    with contextlib.ExitStack() as stack:
        def listen(host='127.0.0.1', port=0):
            listener = stack.enter_context(socket.socket())
            listener.bind((host, port))
            listener.listen(0)
            for _ in range(4):
                client = stack.enter_context(socket.socket())
                client.setblocking(False)
                client.connect_ex(listener.getsockname())
            return listener.getsockname()[1]
        yield listen


@pytest.fixture(scope='session')
def resolver(tmp_path_factory):
    """The environment in which test/lib/resolver.c resolves names."""
    if not shutil.which('cc'):
        pytest.skip('no compiler')
    library = tmp_path_factory.mktemp('resolver') / 'resolver.so'
    subprocess.run(['cc', '-D_GNU_SOURCE', '-shared', '-fPIC', '-o', library,
                    ROOT / 'test/lib/resolver.c', '-ldl'], check=True)
    return {'LD_PRELOAD': library}


def where(db, hosts, **keys):
    """The conninfo of several (host, port)."""
    return ' '.join([
        f"host={','.join(host for host, _ in hosts)}",
        f"port={','.join(str(port) for _, port in hosts)}",
        f'user={db.cluster.user} dbname={db.name}',
        *(f'{key}={value}' for key, value in keys.items())])


def connecting(pid, port):
    """Whether the process waits for an answer from that port of this host."""
    inodes = {fields[9] for line in pathlib.Path('/proc/net/tcp').read_text().splitlines()
              if (fields := line.split())[3] == '02' and fields[2].endswith(f':{port:04X}')}
    for fd in pathlib.Path(f'/proc/{pid}/fd').iterdir():
        with contextlib.suppress(OSError):
            if str(fd.readlink())[8:-1] in inodes:
                return True
    return False


def looks_up(one):
    """The process of the daemon that looks a name up; None: there is none."""
    for pid in one.workers():
        with contextlib.suppress(OSError):
            if pathlib.Path(f'/proc/{pid}/comm').read_text() == 'reportd-lookup\n':
                return pid
    return None


@contextlib.contextmanager
def undying(pid):
    """A process that ends, for its parent, only with the block: who traces it hears of
    its end first. So ends one that waits for a file server inside of the kernel."""
    seize = 0x4206
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long] * 4
    assert libc.ptrace(seize, pid, 0, 0) == 0, os.strerror(ctypes.get_errno())
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def hears(one, manager):  # noqa: F811
    """The loop turns meanwhile, and a stop is heard."""
    for _ in range(5):
        manager.wait('WATCHDOG=1')
    one.stop()
    # Nothing but the stop has ended the wait.
    assert 'cannot reach the queue' not in one.log()


def test_a_silent_host_before_the_right_one(db, daemon, silent):
    first = silent()
    conninfo = where(db, [('127.0.0.1', first), (db.cluster.host, 5432)],
                     connect_timeout=2)
    daemon({'queue': {'conninfo': conninfo}, 'source.default': {'conninfo': conninfo}})
    done(db)


def test_reportctl_comes_by_a_silent_host(db, ctl, silent):
    conninfo = where(db, [('127.0.0.1', silent()), (db.cluster.host, 5432)],
                     connect_timeout=2)
    told = ctl('status', sections={'queue': {'conninfo': conninfo}})
    assert told.returncode == 0, told.stderr


def test_all_that_was_tried_is_said(db, daemon, silent):
    first, second = silent(), silent()
    one = daemon({'queue': {'conninfo': where(
        db, [('127.0.0.1', first), ('127.0.0.1', second), ('/nowhere', 5432)],
        connect_timeout=2)}}, ready=False)
    one.wait_log('cannot reach the queue')
    for what in f'port {first} failed: no answer within 2 s', \
            f'port {second} failed: no answer within 2 s', '/nowhere/.s.PGSQL':
        assert what in one.log()


def test_a_silent_host_does_not_hold_up_the_loop(
        db, daemon, silent, manager):  # noqa: F811
    port = silent()
    one = daemon({'queue': {'conninfo': where(
        db, [('127.0.0.1', port)], connect_timeout=NEVER)}}, ready=False,
        env=manager.env | {'WATCHDOG_USEC': 400000})
    wait_for(lambda: connecting(one.pid, port), what='a connection that waits')
    hears(one, manager)


def test_a_name_server_that_is_silent_does_not_hold_up_the_loop(
        db, daemon, resolver, manager):  # noqa: F811
    one = daemon({'queue': {'conninfo': where(
        db, [('silent.test', 5432)], connect_timeout=NEVER)}}, ready=False,
        env=resolver | manager.env | {'WATCHDOG_USEC': 400000})
    wait_for(lambda: looks_up(one), what='a process that looks the name up')
    hears(one, manager)


def test_a_name_that_is_not_resolved_in_time_is_passed_over(db, daemon, resolver):
    one = daemon({'queue': {'conninfo': where(
        db, [('silent.test', 5432), (db.cluster.host, 5432)], connect_timeout=2)},
        'source.default': {'conninfo': db.conninfo}}, env=resolver)
    done(db)
    assert not looks_up(one)


def test_a_process_that_outlives_its_kill_does_not_hold_up_the_loop(
        db, daemon, resolver):
    one = daemon({'queue': {'conninfo': where(
        db, [('silent.test', 5432), (db.cluster.host, 5432)], connect_timeout=2)},
        'source.default': {'conninfo': db.conninfo}}, env=resolver, ready=False)
    pid = wait_for(lambda: looks_up(one), what='a process that looks the name up')
    with undying(pid):
        done(db)
        assert looks_up(one) == pid
    wait_for(lambda: not looks_up(one), what='the end of that process')


def test_a_silent_file_server_does_not_hold_up_the_loop(db, out, resolver, tmp_path):
    """The kind of files and folders is looked at by another process, and that of the
    settings file while it is open."""
    folder = tmp_path / 'silent'
    folder.mkdir()
    one = Daemon(db, write_conf(folder / 'reportd.conf', db, {
        'inputs': {'folders': folder / 'inbox'},
        'smtp': {'host': '127.0.0.1', 'from': 'a@b.org', 'user': 'u', 'password': 'secret'},
    }, output_root=out), env=resolver)
    with contextlib.ExitStack() as stack:
        stack.callback(one.end)
        done(db)
        one.signal(signal.SIGHUP)
        done(db)
        one.wait_log('the new settings are wrong, the old ones stay')
        done(db)


def test_a_name_that_is_not_resolved_in_time_is_said(db, daemon, resolver):
    one = daemon({'queue': {'conninfo': where(
        db, [('silent.test', 5432)], connect_timeout=2)}}, env=resolver, ready=False)
    one.wait_log('could not translate host name \\"silent.test\\" to address: '
                 'no answer within 2 s')


def test_every_address_of_a_name_has_its_turn(
        db, daemon, silent, resolver, role, tmp_path):  # noqa: F811
    """The first one is silent. The password is found under the name."""
    server = TlsServer(db.cluster.host)
    silent('127.0.0.2', server.port)
    role.set_password('plain')
    passfile = tmp_path / 'pgpass'
    passfile.write_text(f'two.test:{server.port}:*:{role.name}:plain\n')
    passfile.chmod(0o600)
    conninfo = (f'host=two.test port={server.port} user={role.name} dbname={db.name} '
                'connect_timeout=2 sslmode=disable')
    daemon({'queue': {'conninfo': conninfo}, 'source.default': {'conninfo': conninfo}},
           env=resolver | {'PGPASSFILE': passfile})
    done(db)
    assert server.started >= 2
    server.close()
