# SPDX-License-Identifier: MIT
"""Shared by the test_reportctl* files: answers of commands, a reportctl that goes on beside
the test, and a daemon that is played with SQL."""

import errno
import json
import os
import pty
import select
import signal
import subprocess

import pytest

from lib.paths import REPORTCTL, environ
from lib.process import SANITIZER, write_conf
from lib.wait import wait_for


def answer(done, code=0):
    """What a command with --json said."""
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def refused(done, *texts, code=1):
    """It failed with one sentence that holds these texts."""
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    lines = [line for line in done.stderr.splitlines()
             if not line.startswith('Try `reportctl help')]
    assert len(lines) == 1 and lines[0].startswith('reportctl: '), done.stderr
    for text in texts:
        assert text in lines[0], done.stderr


def checks_of(done, code=0):
    """The checks of `doctor --json` by what they look at."""
    return {check['what']: check for check in json.loads(done.stdout)
            if done.returncode == code or pytest.fail(done.stdout)}


def begin_run(db, config_id, stage='export'):
    return db.value('''
        with run as (
            insert into reportd.report_run (config_id, owner, report_name, attempt,
                scheduled_for, worker_id, stage)
            select config_id, owner, report_name, attempt + 1, now(),
                gen_random_uuid(), %s
            from reportd.report_config where config_id = %s returning run_id)
        update reportd.report_config c
        set status = 'PROCESSING', run_id = run.run_id, attempt = attempt + 1
        from run where c.config_id = %s returning c.run_id''',
                    stage, config_id, config_id)


def progress(db, run_id, rows):
    db.execute('update reportd.report_run set row_count = %s, byte_count = %s '
               'where run_id = %s', rows, rows * 1024, run_id)


def end_run(db, config_id, status='COMPLETED', error=None, notify=True):
    with db.conn.transaction():
        url = 'file:///out/report.csv' if status == 'COMPLETED' else None
        db.execute('''
            update reportd.report_run r
            set status = %s, finished_at = now(), output_url = %s,
                error_message = %s
            from reportd.report_config c
            where c.config_id = %s and c.run_id = r.run_id''',
                   status, url, error, config_id)
        db.execute('select reportd.end_request(c, %s, c.run_id, %s, false) '
                   'from reportd.report_config c where c.config_id = %s',
                   status, error, config_id)
        db.execute('update reportd.report_config set status = %s, '
                   'error_message = %s where config_id = %s',
                   status, error, config_id)
        if notify:
            db.execute("select pg_notify('reportd_done', json_build_object("
                       "'config_id', config_id, 'request_id', request_id, "
                       "'status', %s::text)::text) "
                       'from reportd.report_config where config_id = %s',
                       status, config_id)


class Child:
    """A reportctl that goes on while the test does; on a terminal if asked."""

    def __init__(self, conf, *args, terminal=False, env=None):
        self.output = ''
        self.terminal = terminal
        if terminal:
            self.fd, child_end = pty.openpty()
        else:
            self.fd, child_end = os.pipe()
        self.process = subprocess.Popen(
            [REPORTCTL, '-c', conf, *map(str, args)],
            stdin=child_end if terminal else subprocess.DEVNULL,
            stdout=child_end, stderr=child_end, start_new_session=True,
            env=environ(**(env or {})))
        os.close(child_end)

    def read(self):
        """What it has written so far; '' is added at its end."""
        while select.select([self.fd], [], [], 0)[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError as e:  # how a pseudo-terminal ends
                assert e.errno == errno.EIO
                break
            if not data:
                break
            self.output += data.decode().replace('\r\n', '\n')
        return self.output

    def wait_output(self, text):
        wait_for(lambda: text in self.read(), 30, f'{text!r}')

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def end(self):
        """Its exit code and all its output."""
        code = self.process.wait(30)
        self.read()
        assert not SANITIZER.search(self.output), self.output
        return code, self.output


@pytest.fixture
def child(conf):
    started = []

    def start(*args, **options):
        started.append(Child(conf(), *args, **options))
        return started[-1]
    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()
        os.close(one.fd)


@pytest.fixture
def bare(empty_db, tmp_path):
    """Settings for a database without the schema."""
    return write_conf(tmp_path / 'bare.conf', empty_db)
