# SPDX-License-Identifier: MIT
"""Progress that is fresh while somebody looks, from daemons that beat seldom."""

import contextlib
import os
import pty
import subprocess
import time

import pytest

from lib.paths import REPORTCTL, environ
from lib.report import runs, submit, wait_done
from lib.wait import wait_for

SELDOM = {'poll_interval': '60s', 'lease': '240s'}
# Some thousand rows a second, for a minute.
SLOW = ("select i, repeat('x', 100), pg_sleep(case when i % 100 = 0 then 0.02 else 0 end) "
        'from generate_series(1, 300000) i')


@pytest.fixture
def running(db, daemon):
    daemon(**SELDOM)
    config_id = submit(db, export_sql=SLOW)
    wait_for(lambda: runs(db, config_id))
    yield config_id
    db.value('select reportd.cancel(%s)', config_id)
    wait_done(db, config_id)


def beat(db):
    return db.value('select heartbeat_at from reportd.report_worker')


def beats_within(db, seconds, config_id):
    """How often the heartbeat moves, and how often the rows that are stored do."""
    beats, rows, end = set(), set(), time.monotonic() + seconds
    while time.monotonic() < end:
        beats.add(beat(db))
        rows.add(runs(db, config_id)[-1].row_count)
        time.sleep(0.05)
    return len(beats), len(rows)


@contextlib.contextmanager
def looking(conf, *args):
    """reportctl in a terminal of its own."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([REPORTCTL, '-c', conf, *map(str, args)], stdin=theirs,
                               stdout=theirs, stderr=theirs, env=environ(TERM='xterm'),
                               start_new_session=True)
    os.close(theirs)
    try:
        yield
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def quiet_again(db):
    """It beats no more than every half minute."""
    seen = beat(db)
    time.sleep(2.5)
    return beat(db) == seen


def test_watch_sees_progress_every_second(db, running, conf):
    quiet = beats_within(db, 3, running)
    assert quiet[0] <= 2 and quiet[1] <= 2
    with looking(conf(), 'watch'):
        beats, rows = beats_within(db, 6, running)
    assert 4 <= beats <= 9 and rows >= 4
    wait_for(lambda: quiet_again(db), 20)


def test_who_waits_at_a_terminal_sees_progress_every_second(db, daemon, conf):
    daemon(**SELDOM)
    with looking(conf(), 'submit', '--name', 'slow', '--sql', SLOW, '--wait'):
        config_id = wait_for(lambda: db.value('select config_id from reportd.report_config '
                                              "where status = 'PROCESSING'"))
        beats, rows = beats_within(db, 6, config_id)
        assert 4 <= beats <= 9 and rows >= 4
    wait_for(lambda: quiet_again(db), 20)
    db.value('select reportd.cancel(%s)', config_id)
    wait_done(db, config_id)


def test_status_makes_it_fresh_for_a_while(db, running, ctl):
    ctl('status')
    first = wait_for(lambda: runs(db, running)[-1].row_count, 15)
    assert wait_for(lambda: runs(db, running)[-1].row_count > first, 15)


def test_an_idle_daemon_is_not_kept_awake(db, daemon):
    daemon(**SELDOM)
    wait_for(lambda: db.value('select heartbeat_at > started_at from reportd.report_worker'))
    db.execute('notify reportd_watch')
    seen = beat(db)
    for _ in range(6):
        time.sleep(0.5)
        db.execute('notify reportd_watch')
    assert beat(db) == seen


def test_a_report_that_begins_while_somebody_looks(db, daemon):
    daemon(**SELDOM)
    db.execute('notify reportd_watch')
    config_id = submit(db, export_sql=SLOW)
    first = wait_for(lambda: runs(db, config_id) and runs(db, config_id)[-1].row_count, 15)
    assert wait_for(lambda: runs(db, config_id)[-1].row_count > first, 15)
    db.value('select reportd.cancel(%s)', config_id)
    wait_done(db, config_id)
