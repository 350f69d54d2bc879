# SPDX-License-Identifier: MIT
"""Runs reportd and reportctl as processes."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess

from lib.paths import REPORTCTL, REPORTD, environ
from lib.wait import wait_for

SANITIZER = re.compile(r'(Address|Leak|Memory)Sanitizer|runtime error:')

DEFAULTS = {
    'reportd': {
        'workers': 2,
        'poll_interval': '1s',
        'lease': '10s',
        'shutdown_grace': '5s',
        'log_level': 'debug',
        'log_target': 'stderr',
    },
    # Reports may deliver to any place; a test's own settings may restrict that.
    's3': {'buckets': '*'},
    'smtp': {'domains': '*'},
    'sns': {'topics': '*'},
    'webhook': {'hosts': '*'},
}


def children(pid):
    """The child processes, the oldest first."""
    with contextlib.suppress(FileNotFoundError):
        path = pathlib.Path(f'/proc/{pid}/task/{pid}/children')
        return [int(word) for word in path.read_text().split()]
    return []


def write_conf(path, db, sections=None, **reportd):
    """Writes a settings file from the defaults for tests, `sections` {name: {key:
    value}}, and keys of [reportd]. A value None leaves the key out."""
    keys = {
        **DEFAULTS,
        'queue': {'conninfo': db.conninfo},
        'source.default': {},
    }
    keys['reportd'] = keys['reportd'] | {'output_root': path.parent / 'out'}
    for name, section in {**(sections or {}), 'reportd': {
            **(sections or {}).get('reportd', {}), **reportd}}.items():
        keys[name] = keys.get(name, {}) | section
    # The tests' own user is a superuser, so its sources must be trusted.
    for name, section in keys.items():
        if name.startswith('source.'):
            keys[name] = {'trusted': 'on'} | section
    root = pathlib.Path(keys['reportd']['output_root'] or '.')
    if root.is_absolute():
        root.mkdir(parents=True, exist_ok=True)
    path.write_text(''.join(
        f'[{name}]\n' + ''.join(f'{key} = {value}\n'
                                for key, value in section.items()
                                if value is not None)
        for name, section in keys.items()))
    path.chmod(0o600)
    return path


class Daemon:
    """A running reportd. `stop` ends it as systemd does, `kill` with SIGKILL. A test in
    which it exits with a code other than 0 sets expected_code."""

    def __init__(self, db, conf, args=(), env=None, program=REPORTD):
        self.db = db
        self.conf = conf
        self.log_path = conf.with_suffix('.log')
        self.expected_code = 0
        with open(self.log_path, 'ab') as log:
            # A session of its own lets the test find processes that it leaves.
            self.process = subprocess.Popen(
                [program, '-c', conf, *map(str, args)], stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, start_new_session=True,
                env=environ(**(env or {})))
        self.pid = self.process.pid

    def log(self):
        return self.log_path.read_text(errors='replace')

    def wait_log(self, text, timeout=30):
        """Waits for a text in the log."""
        wait_for(lambda: text in self.log() or not self.running(), timeout,
                 f'{text!r} in the log')
        assert text in self.log(), f'reportd ended without it:\n{self.log()}'

    def wait_ready(self, timeout=30):
        """Waits for the daemon's row in report_worker and returns its worker_id."""
        def ready():
            assert self.running(), f'reportd ended:\n{self.log()}'
            return self.db.value('select worker_id from reportd.report_worker '
                                 'where pid = %s', self.pid)
        return wait_for(ready, timeout, 'its row in report_worker')

    def running(self):
        return self.process.poll() is None

    def workers(self):
        return children(self.pid)

    def signal(self, number):
        os.kill(self.pid, number)

    def wait(self, timeout=30):
        """Waits for the daemon's end and returns the exit code."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f'reportd still runs after {timeout} s:\n{self.log()}') from None

    def stop(self, timeout=30):
        self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self):
        """Kills the supervisor with SIGKILL; its workers see their pipe close."""
        self.expected_code = -signal.SIGKILL
        self.process.kill()
        self.process.wait()

    def group(self):
        """Returns the processes in the daemon's session, itself included."""
        left = []
        for path in pathlib.Path('/proc').glob('[0-9]*/stat'):
            with contextlib.suppress(OSError):
                fields = path.read_text().rpartition(')')[2].split()
                if int(fields[3]) == self.pid and fields[0] != 'Z':
                    left.append(int(path.parent.name))
        return left

    def end(self):
        """Ends the daemon after a test; checks its exit code and that no process is left."""
        try:
            if self.running():
                self.signal(signal.SIGCONT)
                self.stop()
            code = self.process.returncode
            assert code == self.expected_code, f'exit code {code}:\n{self.log()}'
            wait_for(lambda: not self.group(), 15,
                     'the workers to end with their supervisor')
            assert not SANITIZER.search(self.log()), self.log()
        finally:
            for pid in self.group():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()


def run(program, *args, env=None, input=None, timeout=60):
    """Runs a command to its end; returns the completed process with text output."""
    done = subprocess.run([program, *map(str, args)], input=input, text=True,
                          capture_output=True, timeout=timeout,
                          env=environ(**(env or {})))
    assert not SANITIZER.search(done.stderr), done.stderr
    return done


def reportctl(conf, *args, **options):
    return run(REPORTCTL, '-c', conf, *args, **options)


def reportd(conf, *args, **options):
    return run(REPORTD, '-c', conf, *args, **options)
