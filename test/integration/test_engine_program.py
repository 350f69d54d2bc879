# SPDX-License-Identifier: MIT
"""The two programs of the daemon: a small supervisor, and the worker's, of which
the supervisor runs the one that was there when it started."""

import contextlib
import errno
import json
import pathlib
import re
import shutil
import socket
import subprocess

import pytest

from lib import report
from lib.paths import BIN, REPORTD
from lib.process import Daemon
from lib.wait import wait_for
from test_engine_shared import done, ended
from test_fault_time import TENFOLD
from test_engine_tls import ca, conninfo, server  # noqa: F401: fixtures
from test_login import role  # noqa: F401: a fixture

WORKER = BIN / 'reportd-worker'
HANG = BIN / 'test/unit/hang'
VERSION = subprocess.run([REPORTD, '--version'], capture_output=True, text=True,
                         check=True).stdout.split()[1].encode()


def libraries(pid):
    maps = pathlib.Path(f'/proc/{pid}/maps').read_text()
    return set(re.findall(r'(/\S+\.so\b\S*)', maps))


def needed(program):
    said = subprocess.run(['readelf', '-d', program], capture_output=True, text=True,
                          check=True).stdout
    return {name.split('.so')[0] for name in re.findall(r'NEEDED.*\[(.*)\]', said)}


@pytest.mark.shipped
def test_the_supervisor_needs_few_libraries():
    assert needed(REPORTD) <= {'libuv', 'libpq', 'libjansson', 'libinih', 'libm', 'libc'}
    # The others are there, for those who need them.
    assert {'libcurl', 'libpango-1.0', 'libzstd'} <= needed(WORKER)


@pytest.mark.shipped
def test_the_supervisor_stays_small(db, begin, tmp_path, server, ca, role):  # noqa: F811
    """With all that libpq makes of TLS and SCRAM, in the environment of the unit. Where
    libraries lie in memory decides how many of their pages the kernel maps at once: they
    lie in the same place each time, where the kernel allows it."""
    program = tmp_path / 'reportd'
    program.write_text(f'''#!/bin/sh
        if setarch -R true; then exec setarch -R {REPORTD} "$@"; fi
        exec {REPORTD} "$@"''')
    program.chmod(0o755)
    one = server(ca[0])
    running = begin({'queue': {'conninfo': conninfo(
        db, one, user=role.name, password=role.password, sslrootcert=ca[1])}},
        program=program, env={'GNUTLS_NO_IMPLICIT_INIT': '1'})
    running.wait_ready()
    assert one.encrypted >= 1
    done(db)
    assert len(libraries(running.pid)) <= 30, libraries(running.pid)
    status = pathlib.Path(f'/proc/{running.pid}/status').read_text()
    assert int(re.search(r'VmRSS:\s+(\d+) kB', status)[1]) <= 12 << 10


@pytest.fixture
def installed(tmp_path):
    """A folder with the two programs, which a test may change."""
    bin_dir = tmp_path / 'bin'
    bin_dir.mkdir()
    for program in REPORTD, WORKER:
        shutil.copy(program, bin_dir)
    return bin_dir


@pytest.fixture
def begin(db, conf, installed):
    """begin() starts the daemon of that folder, or another program."""
    started = []

    def start(sections=None, program=installed / 'reportd', **more):
        started.append(Daemon(db, conf(sections), program=program, **more))
        return started[-1]
    yield start
    for one in started:
        one.end()


def other_version(program):
    """The same program with another version, in the place of the old file."""
    old = program.read_bytes()
    assert old.count(VERSION) > 0
    new = program.with_suffix('.new')
    new.write_bytes(old.replace(VERSION, b'9' + VERSION[1:]))
    new.chmod(0o755)
    new.rename(program)


def test_an_upgrade_changes_nothing_for_a_daemon_that_runs(
        db, begin, installed):
    one = begin()
    one.wait_ready()
    other_version(installed / 'reportd-worker')
    before = one.workers()
    subprocess.run(['kill', '-9', *map(str, before)], check=True)
    wait_for(lambda: len(set(one.workers()) - set(before)) == len(before),
             what='new workers')
    done(db)
    for pid in one.workers():
        exe = pathlib.Path(f'/proc/{pid}/exe').readlink()
        assert exe.name == 'reportd-worker (deleted)'


def test_a_worker_program_of_another_version_ends_the_daemon(begin, installed):
    other_version(installed / 'reportd-worker')
    one = begin()
    one.expected_code = 4
    one.wait()
    assert 'the worker program is of another version than this daemon' in one.log()


@pytest.mark.parametrize('what', ['missing', 'not executable', 'folder'])
def test_a_worker_program_that_cannot_be_run_is_named(begin, installed, what):
    worker = installed / 'reportd-worker'
    worker.unlink()
    if what == 'folder':
        worker.mkdir()
    elif what == 'not executable':
        worker.write_bytes(b'')
    one = begin()
    one.expected_code = 4
    one.wait()
    assert 'install reportd again' in one.log()
    assert what != 'missing' or str(worker) in one.log()


def overwrite(program, content):
    """Into the file that the daemon has open, as soon as nobody executes it."""
    def written():
        try:
            program.write_bytes(content)
        except OSError as e:
            assert e.errno == errno.ETXTBSY
            return False
        return True
    wait_for(written, what='no process of the program')


def test_a_worker_program_that_cannot_start_fails_no_report(
        db, begin, installed):
    """What dies before it is ready for work is started again, later each time; what
    waits goes on to wait, and runs once workers start."""
    overwrite(installed / 'reportd-worker', pathlib.Path('/bin/false').read_bytes())
    one = begin({'reportd': {'workers': 2}})
    one.wait_ready()
    config_id = report.submit(db)
    wait_for(lambda: re.search('before it was ready.*next_ms=2000', one.log()),
             what='a second delay')
    assert report.config(db, config_id).status == 'PENDING'
    assert report.runs(db, config_id) == []
    overwrite(installed / 'reportd-worker', WORKER.read_bytes())
    assert ended(db, config_id).attempt == 1
    assert len(report.runs(db, config_id)) == 1
    # No more were started than there were to be at each time.
    assert one.log().count('before it was ready') <= 2 * 3


def test_a_worker_that_hangs_as_it_starts_is_killed_and_told_of(db, begin, installed):
    """The 20 seconds that it has take two."""
    overwrite(installed / 'reportd-worker', HANG.read_bytes())
    one = begin({'reportd': {'workers': 1, 'lease': '100s'}}, env=TENFOLD)
    one.wait_ready()
    config_id = report.submit(db)
    wait_for(lambda: 'worker killed, as it was not ready after 20 seconds' in one.log(), 60,
             what='the end of the worker')
    assert report.runs(db, config_id) == []
    overwrite(installed / 'reportd-worker', WORKER.read_bytes())
    assert ended(db, config_id).attempt == 1


def test_a_drain_ends_when_no_worker_can_start(db, begin, installed):
    """With what was left to do still there."""
    overwrite(installed / 'reportd-worker', pathlib.Path('/bin/false').read_bytes())
    config_id = report.submit(db)
    one = begin({'reportd': {'workers': 2, 'lease': '100s'}}, args=['--drain'], env=TENFOLD)
    one.expected_code = 4
    one.wait(60)
    assert 'no worker can be started' in one.log()
    row = report.config(db, config_id)
    assert (row.status, row.attempt) == ('PENDING', 0)
    assert report.runs(db, config_id) == []


def test_the_worker_program_says_whose_it_is():
    alone = subprocess.run([WORKER], capture_output=True, text=True, check=False)
    assert alone.returncode == 2 and 'a part of reportd' in alone.stderr
    told = subprocess.run([WORKER, '--version'], capture_output=True, text=True,
                          check=True)
    assert told.stdout.encode() == b'reportd-worker ' + VERSION + b'\n'


def test_a_question_of_another_version_is_refused():
    told = subprocess.run(
        ['bash', '-c', '"$0" --ask process 3>&1', WORKER], capture_output=True, text=True,
        input='{"version":"9.9.9"}\nhost=/nowhere', check=True)
    assert told.stdout == \
        '-the worker program is of another version than the daemon\0'


@contextlib.contextmanager
def bare_worker():
    """A worker by itself; the test is its supervisor."""
    ours, its = socket.socketpair()
    low = its.fileno()
    worker = subprocess.Popen(
        ['bash', '-c', f'exec "$0" --memory {1 << 30} 3>&{low}', WORKER], pass_fds=[low])
    its.close()
    ours.settimeout(30)
    try:
        yield ours
    finally:
        ours.shutdown(socket.SHUT_RDWR)
        ours.close()
        assert worker.wait(30) == 0


def messages(*list_of):
    return b''.join(json.dumps(one, separators=(',', ':')).encode() + b'\n'
                    for one in list_of)


SETTINGS = {'type': 'settings', 'run_id': 0, 'version': VERSION.decode(), 'settings': {}}


@pytest.mark.parametrize('kind', ['notice', 'sweep'])
def test_an_errand_that_is_stopped_before_it_begins_is_given_back(kind):
    """All three messages arrive at once."""
    uploads = [{'run_id': 5, 'leftovers': []}]
    errand = {'notice': {'notice': {'notification_id': 7, 'attempts': 1}},
              'sweep': {'runs': uploads}}[kind]
    with bare_worker() as worker:
        worker.sendall(messages(
            SETTINGS, {'type': kind, 'run_id': 7, 'timeout': 30000, **errand},
            {'type': 'stop', 'run_id': 7}))
        lines = worker.makefile()
        said = {one['type']: one for one in (json.loads(next(lines)) for _ in range(2))}
    assert set(said) == {'hello', 'notice_done' if kind == 'notice' else 'swept'}
    if kind == 'notice':
        assert said['notice_done']['state'] == 'RELEASED'
    else:
        assert said['swept']['runs'] == uploads and 'error' not in said['swept']
