# SPDX-License-Identifier: MIT
"""Files in local folders are told of by the kernel: nothing is found by a rescan here."""

import os
import pathlib
import signal
import time

import pytest

from lib.wait import wait_for
from test_engine_shared import running_engine
from test_inputs import FAST, put, submit, wait_taken


@pytest.fixture
def engine(cluster, template, tmp_path):
    """A daemon that lists once a day by itself, and has watched nothing yet: what is watched
    together is submitted together."""
    (tmp_path / 'in').mkdir()
    with running_engine(cluster, template, tmp_path, {
            'inputs': {'folders': tmp_path / 'in', 'rescan': '1d'}}, **FAST) as engine:
        yield engine


@pytest.fixture
def db(engine):
    return engine.db


@pytest.fixture
def landing(tmp_path):
    return tmp_path / 'in'


def watcher(daemon, folders):
    """The worker that watches this many folders; None: no one does yet."""
    for pid in daemon.workers():
        for info in pathlib.Path(f'/proc/{pid}/fdinfo').iterdir():
            try:
                watches = info.read_text().count('inotify wd:')
            except OSError:  # closed meanwhile
                continue
            if watches == folders:
                return pid
    return None


def watched(db, engine, folder, *names):
    """A report for each of these folders, which are empty and watched."""
    for name in names:
        (folder / name).mkdir()
    ids = [submit(db, folder / name) for name in names]
    wait_for(lambda: watcher(engine.daemon, len(names)), 90)
    return ids


def test_a_file_in_a_folder_within_is_told_of(db, engine, landing):
    (landing / 'a').mkdir()
    (landing / 'a/day=1').mkdir()
    config_id = submit(db, landing / 'a', '**.csv')
    wait_for(lambda: watcher(engine.daemon, 2), 90)
    put(landing, 'a/day=1/one.csv')
    wait_taken(db, config_id, 1)
    # So is one in a folder that is made now.
    put(landing, 'a/day=2/deep/two.csv')
    wait_taken(db, config_id, 2)
    wait_for(lambda: watcher(engine.daemon, 4), 90)
    put(landing, 'a/day=2/deep/three.csv')
    wait_taken(db, config_id, 3)


def test_a_folder_that_is_removed_and_made_again_is_watched_again(db, engine, landing):
    one, two = watched(db, engine, landing, 'one', 'two')
    (landing / 'one').rmdir()
    wait_for(lambda: watcher(engine.daemon, 1), 90)
    (landing / 'one').mkdir()
    wait_for(lambda: watcher(engine.daemon, 2), 90)
    put(landing, 'one/a.csv')
    put(landing, 'two/b.csv')
    wait_taken(db, one, 1)
    wait_taken(db, two, 1)


def test_more_folders_than_are_watched_are_said(db, engine, landing):
    for i in range(2001):
        (landing / f'many/{i}').mkdir(parents=True)
    config_id = submit(db, landing / 'many', '**.csv')
    wait_for(lambda: watcher(engine.daemon, 2000), 90)
    for count, name in (1, 'one'), (2, 'two'):
        put(landing, f'many/{name}.csv')
        wait_taken(db, config_id, count)
    wait_for(lambda: 'error="there are more than 2000"' in engine.daemon.log())
    assert engine.daemon.log().count('not all folders can be listened to') == 1


def test_what_comes_while_nobody_watches_is_found(db, engine, landing):
    """Nobody watches while the queue is told of a file in another folder."""
    one, two = watched(db, engine, landing, 'one', 'two')
    with db.connect() as other:
        other.autocommit = False
        # The daemon's tick goes on under it.
        other.execute('lock table reportd.report_zone in share mode')
        put(landing, 'one/a.csv')
        wait_for(lambda: db.value("select count(*) from pg_stat_activity where wait_event_type = "
                                  "'Lock' and query like '%%wake_paths%%'"))
        assert watcher(engine.daemon, 2) is None
        put(landing, 'two/b.csv')
        other.rollback()
    wait_taken(db, one, 1)
    wait_taken(db, two, 1)


def test_what_is_told_of_a_zone_that_is_locked_is_told_again(db, engine, landing):
    """Whoever holds it must not delay the daemon, and may have listed it before."""
    one, = watched(db, engine, landing, 'one')
    with db.connect() as other:
        other.autocommit = False

        def locked():
            """While nobody is about to list it: the first watch has all folders listed."""
            row = other.execute("select list_at > now() + interval '1 hour' "
                                'from reportd.report_zone for update').fetchone()
            if not row[0]:
                other.rollback()
            return row[0]
        wait_for(locked)
        put(landing, 'one/a.csv')
        engine.daemon.wait_log('places with new files are locked')
        other.rollback()
    wait_taken(db, one, 1)


def test_a_folder_with_a_time_ahead_is_watched_as_any_other(db, engine, landing):
    """It is not taken for one that changes right now, and listed again and again."""
    ahead, other = watched(db, engine, landing, 'ahead', 'other')
    put(landing, 'ahead/a.csv')
    day = time.time() + 86400
    os.utime(landing / 'ahead', (day, day))
    wait_taken(db, ahead, 1)
    wait_for(lambda: watcher(engine.daemon, 2), 90)
    listings = 'select listing_number from reportd.report_zone where path like %s'
    before = db.value(listings, '%/ahead/%')
    for number in range(3):
        put(landing, f'other/{number}.csv')
        wait_taken(db, other, number + 1)
        wait_for(lambda: watcher(engine.daemon, 2), 90)
    # The time that was set may be news to the watch that was under way.
    assert db.value(listings, '%/ahead/%') <= before + 1


def test_events_that_the_kernel_has_dropped(db, engine, landing):
    """Its queue overflows by what happens in one folder; the event of the other is lost."""
    _, two = watched(db, engine, landing, 'one', 'two')
    most = int(pathlib.Path('/proc/sys/fs/inotify/max_queued_events').read_text())

    def stopped():
        pid = watcher(engine.daemon, 2)
        if pid:
            os.kill(pid, signal.SIGSTOP)
            if watcher(engine.daemon, 2) == pid:
                return pid
            os.kill(pid, signal.SIGCONT)
        return None
    pid = wait_for(stopped)
    try:
        noise = landing / 'one/noise'
        for _ in range(most // 2 + 1):  # it is made, and closed
            noise.touch()
            noise.unlink()
        put(landing, 'two/b.csv')
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_taken(db, two, 1)
