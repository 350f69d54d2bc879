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


def quiet(db, config_id):
    """Neither the heartbeat nor the rows that are stored move more than once."""
    beats, rows, end = set(), set(), time.monotonic() + 2.5
    while time.monotonic() < end:
        beats.add(beat(db))
        rows.add(runs(db, config_id)[-1].row_count)
        time.sleep(0.05)
    return len(beats) <= 2 and len(rows) <= 2


def fresh_every_second(db, config_id):
    """Waits for three beats after another, each with more rows; they are no closer than
    the second that is promised."""
    beats, rows = [beat(db)], {runs(db, config_id)[-1].row_count}

    def moves():
        now = beat(db)
        if now != beats[-1]:
            beats.append(now)
        rows.add(runs(db, config_id)[-1].row_count)
        return len(beats) > 4 and len(rows) >= 4
    wait_for(moves, what=lambda: f'progress: {beats}, {rows}')
    took = (beats[-1] - beats[1]).total_seconds() / (len(beats) - 2)
    assert 0.7 <= took < 5, beats


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
    assert quiet(db, running)
    with looking(conf(), 'watch'):
        fresh_every_second(db, running)
    wait_for(lambda: quiet_again(db), 20)


def test_who_waits_at_a_terminal_sees_progress_every_second(db, daemon, conf):
    daemon(**SELDOM)
    with looking(conf(), 'submit', '--name', 'slow', '--sql', SLOW, '--wait'):
        config_id = wait_for(lambda: db.value('select config_id from reportd.report_config '
                                              "where status = 'PROCESSING'"))
        fresh_every_second(db, config_id)
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
