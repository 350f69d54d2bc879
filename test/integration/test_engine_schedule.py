# SPDX-License-Identifier: MIT
"""Schedules from end to end: due, missed, over clock changes, broken ones.
What expressions mean is in test_cron.py."""

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from lib import report
from lib.wait import wait_for
from test_engine_shared import (done, ended, engine, file_of, gate,  # noqa: F401
                                gated, wait_at_gate)

MINUTE = timedelta(minutes=1)
NOW = datetime.now(timezone.utc)


def schedule(db, expression, **columns):
    return report.submit(db, trigger_type='SCHEDULED', schedule_expression=expression,
                         **{'report_name': 'scheduled', **columns})


def months_ago(count):
    """The first instant of the month so long ago."""
    month = NOW.year * 12 + NOW.month - 1 - count
    return datetime(month // 12, month % 12 + 1, 1, tzinfo=timezone.utc)


def times(db, config_id):
    return [run.scheduled_for for run in report.runs(db, config_id)]


def wait_moved(db, config_id, old):
    """Waits until the scheduler has moved next_run_time on and nothing runs."""
    def moved():
        row = report.config(db, config_id)
        return row if row.next_run_time != old and row.status in report.ENDED else None
    return wait_for(moved, what='a new next_run_time')


def test_a_schedule_runs_when_its_time_comes(engine):
    db = engine.db
    at = db.value("select now() + interval '400 ms'")
    config_id = schedule(db, '0 0 1 1 *', next_run_time=at)
    run = ended(db, config_id)
    assert run.scheduled_for == at
    assert timedelta(0) <= run.started_at - at < timedelta(seconds=5)
    row = report.config(db, config_id)
    assert row.next_run_time == db.value("select reportd.next_run('0 0 1 1 *', 'UTC', now())")
    assert row.last_run_time == run.finished_at
    assert len(report.runs(db, config_id)) == 1


@pytest.mark.parametrize('policy, count, expected', [
    ('LATEST', 3, [0]), ('LATEST', 0, [0]),
    ('SKIP', 3, []), ('SKIP', 0, []),
    ('ALL', 3, [3, 2, 1, 0]), ('ALL', 0, [0])])
def test_missed_times(engine, policy, count, expected):
    """Monthly reports that were missed some months ago."""
    db = engine.db
    missed = months_ago(count)
    config_id = schedule(db, '0 0 1 * *', misfire_policy=policy, next_run_time=missed)
    upcoming = months_ago(-1)
    wait_for(lambda: report.config(db, config_id).next_run_time == upcoming,
             what='the next month')
    if expected:
        ended(db, config_id)
    assert times(db, config_id) == [months_ago(n) for n in expected]
    assert all(run.status == 'COMPLETED' and run.attempt == 1
               for run in report.runs(db, config_id))
    row = report.config(db, config_id)
    assert row.next_run_time == upcoming
    if policy == 'SKIP':
        assert row.status == 'PENDING' and row.due_at > NOW + timedelta(days=10000)


def test_each_missed_time_has_an_output_of_its_own(engine):
    db = engine.db
    config_id = schedule(db, '0 0 1 * *', misfire_policy='ALL', report_name='monthly',
                         next_run_time=months_ago(2), output_path='all/{report_name}_%Y-%m.csv',
                         export_sql="select :'scheduled_for'::timestamptz as at")
    wait_for(lambda: report.config(db, config_id).next_run_time == months_ago(-1))
    ended(db, config_id)
    for n, run in zip((2, 1, 0), report.runs(db, config_id), strict=True):
        path = engine.out / f'all/monthly_{months_ago(n):%Y-%m}.csv'
        assert path == file_of(run.output_url)
        assert path.read_text() == f'at\n{months_ago(n):%Y-%m-%d} 00:00:00+00\n'


def test_a_little_late_is_not_missed(engine):
    """Within misfire_grace even SKIP runs."""
    db = engine.db
    at = db.value("select now() - interval '5 s'")
    config_id = schedule(db, '0 0 1 1 *', misfire_policy='SKIP', next_run_time=at)
    assert ended(db, config_id).scheduled_for == at


def test_the_newest_of_missed_times_may_be_a_little_late_only(db, drain):
    """Then SKIP runs it, and leaves out those before it."""
    today = db.value("select date_trunc('day', now())")
    config_id = schedule(db, '0 0 * * *', misfire_policy='SKIP',
                         next_run_time=today - timedelta(days=3))
    drain(misfire_grace='1d')
    assert times(db, config_id) == [today]


def test_missed_times_are_caught_up_at_once(db, daemon):
    """Nobody waits for the next poll between them."""
    config_id = schedule(db, '0 0 1 * *', misfire_policy='ALL', next_run_time=months_ago(5),
                         export_sql='select pg_sleep(0.2)')
    daemon(poll_interval='1h', lease='60s')
    wait_for(lambda: len(times(db, config_id)) == 6, 10, 'six runs')
    ended(db, config_id)


def test_drain_runs_every_missed_time(db, drain):
    config_id = schedule(db, '0 0 1 * *', misfire_policy='ALL', next_run_time=months_ago(2))
    drain()
    assert times(db, config_id) == [months_ago(n) for n in (2, 1, 0)]


def test_one_run_each_however_many_daemons_fire(db, daemon):
    for _ in range(3):
        daemon(poll_interval='100ms')
    reports = [schedule(db, '0 0 1 1 *', next_run_time=months_ago(30)) for _ in range(20)]
    for config_id in reports:
        wait_moved(db, config_id, months_ago(30))
    # Every daemon has ticked once more.
    beats = db.query('select worker_id, heartbeat_at from reportd.report_worker')
    for worker_id, beat in beats:
        wait_for(lambda: db.value('select heartbeat_at > %s from reportd.report_worker '
                                  'where worker_id = %s', beat, worker_id))
    for config_id in reports:
        assert len(report.runs(db, config_id)) == 1


def test_a_schedule_whose_run_lasts_longer_than_its_interval(engine):
    """It does not overlap itself; the time that passed meanwhile is missed."""
    db = engine.db
    first, second = months_ago(2), db.value("select now() - interval '1 s'")
    with gate(db, 11):
        config_id = schedule(db, '0 0 1 1 *', next_run_time=first, export_sql=gated(11))
        wait_at_gate(db, key=11)
        db.execute('update reportd.report_config set next_run_time = %s '
                   'where config_id = %s', second, config_id)
        beat = db.value('select heartbeat_at from reportd.report_worker')
        wait_for(lambda: db.value('select heartbeat_at > %s from reportd.report_worker', beat))
        assert len(report.runs(db, config_id)) == 1
        assert report.config(db, config_id).next_run_time == second
    wait_for(lambda: len(report.runs(db, config_id)) == 2, what='the second run')
    ended(db, config_id)
    one, two = report.runs(db, config_id)
    assert two.started_at >= one.finished_at
    assert two.scheduled_for == second


def test_a_failed_run_does_not_end_the_schedule(engine):
    db = engine.db
    config_id = schedule(db, '0 0 1 * *', next_run_time=months_ago(0), misfire_policy='ALL',
                         export_sql='select nonsense')
    ended(db, config_id, 'FAILED')
    db.execute("update reportd.report_config set export_sql = 'select 1', "
               'next_run_time = now() where config_id = %s', config_id)
    wait_for(lambda: len(report.runs(db, config_id)) == 2, what='the second run')
    run = ended(db, config_id)
    assert run.attempt == 1
    assert report.config(db, config_id).error_message is None


def test_a_cancelled_run_does_not_end_the_schedule(engine):
    db = engine.db
    with gate(db, 12):
        config_id = schedule(db, '0 0 1 1 *', next_run_time=months_ago(0),
                             export_sql=gated(12))
        wait_at_gate(db, key=12)
        db.value('select reportd.cancel(%s)', config_id)
        ended(db, config_id, 'CANCELLED')
    db.execute('update reportd.report_config set next_run_time = now() '
               'where config_id = %s', config_id)
    wait_for(lambda: len(report.runs(db, config_id)) == 2, what='the second run')
    ended(db, config_id)


def test_an_inactive_schedule_does_not_fire_and_goes_on_later(engine):
    db = engine.db
    config_id = schedule(db, '0 0 1 * *', is_active=False, next_run_time=months_ago(1))
    beat = db.value('select heartbeat_at from reportd.report_worker')
    wait_for(lambda: db.value('select heartbeat_at > %s from reportd.report_worker', beat))
    assert report.runs(db, config_id) == []
    db.execute('update reportd.report_config set is_active = true where config_id = %s',
               config_id)
    # Occurrences that were missed while it slept were not wanted.
    assert report.config(db, config_id).next_run_time == months_ago(-1)


def test_run_now_leaves_the_schedule_as_it_is(engine):
    db = engine.db
    config_id = schedule(db, '0 0 1 1 *')
    planned = report.config(db, config_id).next_run_time
    db.value('select reportd.run_now(%s)', config_id)
    run = ended(db, config_id)
    assert abs(run.scheduled_for - run.started_at) < MINUTE
    assert report.config(db, config_id).next_run_time == planned


# Clock changes.

def change(zone, forward):
    """The last change of clocks before now: its local day, wall clock shifted."""
    day = NOW.astimezone(ZoneInfo(zone)).date()
    while True:
        noon = [datetime(d.year, d.month, d.day, 12, tzinfo=ZoneInfo(zone)).utcoffset()
                for d in (day - timedelta(days=1), day)]
        if (noon[1] > noon[0]) if forward else (noon[1] < noon[0]):
            return day
        day -= timedelta(days=1)


# zone, direction, a time of day in the gap or the overlap, what its runs on
# the day stand for (UTC hours and minutes)
CHANGES = [
    # 02:00 CET becomes 03:00 CEST at 01:00 UTC
    ('Europe/Berlin', True, '30 2', ['01:00']),
    ('Europe/Berlin', True, '30 1', ['00:30']),
    ('Europe/Berlin', True, '0 3', ['01:00']),
    ('Europe/Berlin', True, '30 1-3', ['00:30', '01:00', '01:30']),
    ('Europe/Berlin', True, '30 *', None),
    # 03:00 CEST becomes 02:00 CET at 01:00 UTC
    ('Europe/Berlin', False, '30 2', ['00:30']),
    ('Europe/Berlin', False, '0 3', ['02:00']),
    ('Europe/Berlin', False, '30 *', None),
    # 02:00 EST becomes 03:00 EDT at 07:00 UTC
    ('America/New_York', True, '30 2', ['07:00']),
    ('America/New_York', True, '0 3', ['07:00']),
    ('America/New_York', True, '30 *', None),
    # 02:00 EDT becomes 01:00 EST at 06:00 UTC
    ('America/New_York', False, '30 1', ['05:30']),
    ('America/New_York', False, '0 2', ['07:00']),
    ('America/New_York', False, '30 *', None),
]


@pytest.mark.parametrize('zone, forward, when, expected', CHANGES)
def test_a_schedule_over_a_clock_change(engine, zone, forward, when, expected):
    """One day's runs, caught up one by one; their files carry the local time."""
    db = engine.db
    day = change(zone, forward)
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    first = db.value('select reportd.next_run(%s, %s, %s)',
                     f'{when} {day.day} {day.month} *', zone, midnight - MINUTE)
    config_id = schedule(db, f'{when} {day.day} {day.month} *', time_zone=zone,
                         misfire_policy='ALL', next_run_time=first,
                         output_path='clock/{config_id}/%H%M%z_{run_id}.csv',
                         export_sql='select 1 as a')
    wait_for(lambda: report.config(db, config_id).next_run_time > NOW,
             what='the next year')
    ended(db, config_id)
    if expected is None:
        # Wildcard hours follow real time: each hour of the day once.
        hours = 23 if forward else 25
        expected = [f'{midnight.astimezone(timezone.utc) + timedelta(minutes=30, hours=n):%H:%M}'
                    for n in range(hours)]
    runs = report.runs(db, config_id)
    assert [f'{run.scheduled_for.astimezone(timezone.utc):%H:%M}' for run in runs] == expected
    for run in runs:
        local = run.scheduled_for.astimezone(ZoneInfo(zone))
        assert local.date() == day
        assert file_of(run.output_url).name == f'{local:%H%M%z}_{run.run_id}.csv'


# Rows that have become wrong, as after a restore on another server.

def broken(db, config_id, **columns):
    with db.connect() as conn, conn.transaction():
        conn.execute('alter table reportd.report_config disable trigger user')
        for name, value in columns.items():
            conn.execute(f'update reportd.report_config set {name} = %s '
                         'where config_id = %s', (value, config_id))
        conn.execute('alter table reportd.report_config enable trigger user')


@pytest.mark.parametrize('columns', [
    {'time_zone': 'Mars/Olympus'}, {'schedule_expression': '61 * * * *'},
    {'schedule_expression': '0 0 30 2 *'},
    {'misfire_policy': 'ALL', 'time_zone': 'Mars/Olympus'}], ids=str)
def test_a_broken_schedule_fails_alone(db, daemon, columns):
    one = daemon(poll_interval='200ms')
    bad = schedule(db, '0 0 1 * *', report_name='bad', is_active=False)
    broken(db, bad, **columns, next_run_time=months_ago(1), is_active=True)
    good = [schedule(db, '0 0 1 1 *', next_run_time=months_ago(15)) for _ in range(2)]
    for config_id in good:
        ended(db, config_id)
    def told():
        row = report.config(db, bad)
        return row if row.error_message else None
    row = wait_for(told, what='an error message')
    assert 'schedule' in row.error_message
    assert list(columns.values())[-1] in row.error_message
    assert report.runs(db, bad) == []
    done(db)
    assert 'tick failed' not in one.log()
    # The report can be mended.
    db.execute("update reportd.report_config set schedule_expression = '0 0 1 1 *', "
               "time_zone = 'UTC', misfire_policy = 'LATEST' where config_id = %s", bad)
    assert report.config(db, bad).next_run_time > NOW


def test_a_report_in_an_unknown_zone_fails_alone(engine):
    db = engine.db
    bad = report.submit(db, report_name='bad', is_active=False)
    broken(db, bad, time_zone='Mars/Olympus', is_active=True)
    done(db)
    run = ended(db, bad, 'FAILED')
    assert 'Mars/Olympus' in run.error_message
    assert run.attempt == 1
