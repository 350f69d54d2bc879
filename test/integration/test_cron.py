# SPDX-License-Identifier: MIT
"""Cron expressions: what they mean, what is refused, and clock changes, held
against a walk through every minute with Python's own zone data."""

import calendar
import collections
import random
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import psycopg
import pytest

pytestmark = pytest.mark.shipped

MINUTE = timedelta(minutes=1)
ROUNDS = 12


@pytest.fixture(scope='module')
def conn(cluster, template):
    """One connection for all: the functions keep nothing."""
    db = cluster.create(template)
    with db.connect(row_factory=None) as conn:
        yield conn
    db.drop()


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def one(conn, function, *args):
    marks = ', '.join(['%s'] * len(args))
    return conn.execute(f'select reportd.{function}({marks})', args).fetchone()[0]


def next_run(conn, expression, zone, after):
    return one(conn, 'next_run', expression, zone, after)


def prev_run(conn, expression, zone, at):
    return one(conn, 'prev_run', expression, zone, at)


def next_runs(conn, expression, zone, after, count):
    return [row[0] for row in conn.execute(
        'select * from reportd.next_runs(%s, %s, %s, %s)',
        (expression, zone, after, count))]


def refused(conn, function, *args):
    with pytest.raises(psycopg.errors.InvalidParameterValue) as error:
        one(conn, function, *args)
    return error.value.diag


# The meaning of expressions.

# expression, after, the next times; 2026-01-01 is a Thursday
TIMES = [
    ('* * * * *', '2026-01-01 00:00', ['2026-01-01 00:01', '2026-01-01 00:02']),
    ('30 6 * * *', '2026-01-01 06:30', ['2026-01-02 06:30']),
    ('30 6 * * *', '2026-01-01 06:29:59', ['2026-01-01 06:30']),
    ('30 6 * * 1-5', '2026-01-02 12:00', ['2026-01-05 06:30']),
    ('*/15 * * * *', '2026-01-01 00:46', ['2026-01-01 01:00', '2026-01-01 01:15']),
    ('0 8-18/2 * * *', '2026-01-01 14:30',
     ['2026-01-01 16:00', '2026-01-01 18:00', '2026-01-02 08:00']),
    ('5,10-12,*/30 3 * * *', '2026-01-01 00:00',
     [f'2026-01-01 03:{m:02}' for m in (0, 5, 10, 11, 12, 30)] + ['2026-01-02 03:00']),
    ('0 0 L * *', '2026-01-31 12:00', ['2026-02-28 00:00', '2026-03-31 00:00']),
    ('0 0 l 2 *', '2027-03-01', ['2028-02-29 00:00']),
    ('0 0 15,L 2 *', '2026-01-01', ['2026-02-15 00:00', '2026-02-28 00:00']),
    ('0 0 * * 5L', '2026-01-01', ['2026-01-30 00:00', '2026-02-27 00:00']),
    ('0 0 * * fril', '2026-01-01', ['2026-01-30 00:00']),
    ('0 0 * * 1#2', '2026-01-01', ['2026-01-12 00:00', '2026-02-09 00:00']),
    ('0 0 * * Mon#5', '2026-01-01', ['2026-03-30 00:00', '2026-06-29 00:00']),
    ('0 0 * * 4#1,0L', '2026-01-01', ['2026-01-25 00:00', '2026-02-05 00:00']),
    # the seventh or a Sunday; with a star, the seventh that is a Sunday
    ('0 0 7 * 0', '2026-01-01', ['2026-01-04 00:00', '2026-01-07 00:00']),
    ('0 0 7 * */7', '2026-01-01', ['2026-06-07 00:00']),
    ('0 0 */6 * 1', '2026-01-01', ['2026-01-19 00:00', '2026-04-13 00:00']),
    ('0 0 31 4 MON', '2026-01-01', ['2026-04-06 00:00']),
    ('0 0 29 2 *', '2026-01-01', ['2028-02-29 00:00', '2032-02-29 00:00']),
    ('0 0 29 2 *', '2096-03-01', ['2104-02-29 00:00']),
    # 40 years without a 29 February on a Sunday
    ('0 0 29 2 */7', '2088-03-01', ['2128-02-29 00:00']),
    ('0 0 */28 2 1#5', '2026-01-01', ['2044-02-29 00:00']),
    ('@yearly', '2026-01-01', ['2027-01-01 00:00']),
    ('@monthly', '2026-01-01', ['2026-02-01 00:00']),
    ('@weekly', '2026-01-01', ['2026-01-04 00:00', '2026-01-11 00:00']),
    ('@hourly', '2026-01-01', ['2026-01-01 01:00']),
    ('  @Daily ', '2026-01-01', ['2026-01-02 00:00']),
    (' 0\t 0  1 1 * \n', '2026-01-01', ['2027-01-01 00:00']),
    ('59 23 31 12 *', '2026-12-31 23:59', ['2027-12-31 23:59']),
]


@pytest.mark.parametrize('expression, after, times', TIMES)
def test_fires_at(conn, expression, after, times):
    times = [utc(t) for t in times]
    assert next_runs(conn, expression, 'UTC', utc(after), len(times)) == times
    assert [prev_run(conn, expression, 'UTC', t) for t in times] == times
    assert prev_run(conn, expression, 'UTC', times[-1] + MINUTE / 2) == times[-1]
    before = prev_run(conn, expression, 'UTC', times[0] - MINUTE / 60)
    assert before <= utc(after)
    assert next_run(conn, expression, 'UTC', before) == times[0]


SAME = [
    ('@annually', '@yearly'), ('@midnight', '@daily'),
    ('@yearly', '0 0 1 1 *'), ('@monthly', '0 0 1 * *'), ('@weekly', '0 0 * * 0'),
    ('@daily', '0 0 * * *'), ('@hourly', '0 * * * *'),
    ('0 0 * * 7', '0 0 * * SUN'), ('0 0 * * 0', '0 0 * * sun'),
    ('0 0 * * FRI-SUN', '0 0 * * 0,5,6'), ('0 0 * * 5-7', '0 0 * * 5-0'),
    ('0 0 * * sat,mon-wed', '0 0 * * 1-3,6'), ('0 0 * * 1-7/2', '0 0 * * 0,1,3,5'),
    ('0 0 * JAN-mar/2,Dec *', '0 0 * 1,3,12 *'), ('05 007 * * *', '5 7 * * *'),
    ('0-59/60 0-23/24 * * *', '0 0 * * *'),
]
SAME += [(f'0 0 * {name} *', f'0 0 * {n} *')
         for n, name in enumerate(calendar.month_abbr) if n]
SAME += [(f'0 0 * * {name}', f'0 0 * * {n}')
         for n, name in enumerate(calendar.day_abbr, 1)]


def test_spellings_of_the_same_expression(conn):
    for one_way, other_way in SAME:
        assert one(conn, 'cron_parse', one_way) == one(conn, 'cron_parse', other_way), \
            (one_way, other_way)


def test_next_runs_gives_as_many_as_asked(conn):
    after = utc('2026-01-01')
    assert next_runs(conn, '@daily', 'UTC', after, 3) == [
        after + timedelta(days=n) for n in (1, 2, 3)]
    assert next_runs(conn, '@daily', 'UTC', after, 0) == []
    assert len(next_runs(conn, '* * * * *', 'UTC', after, 1000)) == 1000
    with pytest.raises(psycopg.errors.InvalidParameterValue, match='at most 1000 times'):
        next_runs(conn, '* * * * *', 'UTC', after, 1001)


def test_null_and_infinity_have_no_next_run(conn):
    for after in (None, 'infinity', '-infinity'):
        assert conn.execute(
            "select reportd.next_run('@daily', 'UTC', %s::timestamptz),"
            " reportd.prev_run('@daily', 'UTC', %s::timestamptz)",
            (after, after)).fetchone() == (None, None)
    assert next_run(conn, None, 'UTC', utc('2026-01-01')) is None


# Expressions that are refused.

FIELDS = {'minute': '0 to 59', 'hour': '0 to 23',
          'day of month': '1 to 31 and L (the last day)',
          'month': '1 to 12 and JAN to DEC',
          'day of week': '0 to 7 (0 and 7 are Sunday), SUN to SAT, 5L (the '
                         'last Friday) and 1#2 (the second Monday)'}
SYNTAX = ('Write *, a value, a range such as 1-5, a step such as */2 or 2-10/2, '
          'or a list of these such as 1,3,8-10.')
UNKNOWN = 'is not understood'
RANGE = 'is out of range'
BACK = 'runs backwards'
NO_RANGE = 'has a step but no range'
EMPTY = 'has an empty item'
COMMA = 'Remove the comma that has no value beside it.'
NEXT_FIELD = ('Steps count within a field; longer ones belong in the next field: '
              'every two hours is "0 */2 * * *".')

# field, what it is, the problem, the hint
REFUSED_ITEMS = [
    ('minute', '60', RANGE, 'Write values from 0 to 59.'),
    ('minute', '5-60', RANGE, 'Write values from 0 to 59.'),
    ('minute', '999999999', RANGE, 'Write values from 0 to 59.'),
    ('minute', '99999999999', UNKNOWN, SYNTAX),
    ('hour', '24', RANGE, 'Write values from 0 to 23.'),
    ('day of month', '0', RANGE, 'Write values from 1 to 31.'),
    ('day of month', '32', RANGE, 'Write values from 1 to 31.'),
    ('month', '0', RANGE, 'Write values from 1 to 12.'),
    ('month', '13', RANGE, 'Write values from 1 to 12.'),
    ('day of week', '8', RANGE, 'Write values from 0 to 7.'),
    ('day of week', '8L', RANGE, 'Write values from 0 to 7.'),
    ('day of week', '1#6', 'has a wrong number of the week', 'Write 1 to 5 after #.'),
    ('day of week', 'MON#0', 'has a wrong number of the week', 'Write 1 to 5 after #.'),
    ('minute', '50-10', BACK, 'Write it in two parts: 50-59,0-10.'),
    ('hour', '22-6/2', BACK, 'Write it in two parts: 22-23/2,0-6/2.'),
    ('month', 'NOV-FEB', BACK, 'Write it in two parts: NOV-12,1-FEB.'),
    ('day of week', 'FRI-MON', BACK, 'Write it in two parts: FRI-7,0-MON.'),
    ('minute', '*/0', 'has a step that is not 1 to 60', NEXT_FIELD),
    ('minute', '*/90', 'has a step that is not 1 to 60', NEXT_FIELD),
    ('hour', '8-18/0', 'has a step that is not 1 to 24', NEXT_FIELD),
    ('minute', '5/10', NO_RANGE, 'Write 5-59/10.'),
    ('day of week', 'MON/2', NO_RANGE, 'Write MON-7/2.'),
    ('minute', '1,,2', EMPTY, COMMA),
    ('hour', ',1', EMPTY, COMMA),
    ('month', '1,', EMPTY, COMMA),
    ('day of month', '?', UNKNOWN, 'Write * for any value.'),
    ('day of month', '15W', UNKNOWN, SYNTAX),
    ('day of month', 'L-3', UNKNOWN, SYNTAX),
    ('day of month', '5L', UNKNOWN, SYNTAX),
    ('day of week', 'L', UNKNOWN, SYNTAX),
    ('day of week', '*L', UNKNOWN, SYNTAX),
    ('day of week', '5L/2', UNKNOWN, SYNTAX),
    ('day of week', '1-5L', UNKNOWN, SYNTAX),
    ('day of week', 'MONDAY', UNKNOWN, SYNTAX),
    ('month', 'MON', UNKNOWN, SYNTAX),
    ('month', 'ANF', UNKNOWN, SYNTAX),
    ('hour', 'JAN', UNKNOWN, SYNTAX),
    ('minute', 'L', UNKNOWN, SYNTAX),
    ('minute', '-1', UNKNOWN, SYNTAX),
    ('minute', '1-', UNKNOWN, SYNTAX),
    ('minute', '1-2-3', UNKNOWN, SYNTAX),
    ('minute', '1-5/2/3', UNKNOWN, SYNTAX),
    ('minute', '1-5/x', UNKNOWN, SYNTAX),
    ('minute', '*-5', UNKNOWN, SYNTAX),
    ('minute', '*5', UNKNOWN, SYNTAX),
    ('minute', '1~5', UNKNOWN, SYNTAX),
    ('minute', '1.5', UNKNOWN, SYNTAX),
    ('minute', '\u0663', UNKNOWN, SYNTAX),
]


@pytest.mark.parametrize('field, spec, problem, hint', REFUSED_ITEMS)
def test_refuses_a_field(conn, field, spec, problem, hint):
    expression = ' '.join(spec if name == field else '1' for name in FIELDS)
    diag = refused(conn, 'cron_parse', expression)
    assert diag.message_primary == (f'cron expression "{expression}": {field} "{spec}" '
                                    f'{problem}; allowed are {FIELDS[field]}')
    assert diag.message_hint == hint
    assert refused(conn, 'next_run', expression, 'UTC', utc('2026-01-01')
                   ).message_primary == diag.message_primary


WORKDAYS = 'Half past six from Monday to Friday is "30 6 * * 1-5".'
LAST_DAY = ('The last day of a month is L, as in "0 0 L 2 *". Where one of the two '
            'day fields starts with *, both must match.')
OTHER = 'For other times write five fields, such as "*/5 * * * *".'
COUNT = 'has {}; it needs 5: minute, hour, day of month, month and day of week'
NAMES = ('is not known; allowed with @ are @yearly, @annually, @monthly, @weekly, '
         '@daily, @midnight and @hourly')

REFUSED = [
    ('', COUNT.format('0 fields'), WORKDAYS),
    ('*', COUNT.format('1 field'), WORKDAYS),
    ('* * * *', COUNT.format('4 fields'), WORKDAYS),
    ('0 30 6 * * *', COUNT.format('6 fields'), 'Leave out seconds and years. ' + WORKDAYS),
    ('@reboot', NAMES,
     'For a report that runs once, as soon as possible, leave the schedule out.'),
    ('@every 5m', NAMES, OTHER),
    ('@daily 5', NAMES, OTHER),
    ('0 0 30 2 *', 'never occurs: month "2" has no day of month "30"', LAST_DAY),
    ('0 0 31 4,6 *', 'never occurs: month "4,6" has no day of month "31"', LAST_DAY),
    ('0 0 31 feb-apr/2 *', 'never occurs: month "feb-apr/2" has no day of month "31"',
     LAST_DAY),
    ('0 0 30 2 */2', 'never occurs: month "2" has no day of month "30" that is day of '
     'week "*/2"', LAST_DAY),
    ('0 0 */30 * 1#2', 'never occurs: month "*" has no day of month "*/30" that is day '
     'of week "1#2"', LAST_DAY),
]


@pytest.mark.parametrize('expression, problem, hint', REFUSED)
def test_refuses_an_expression(conn, expression, problem, hint):
    diag = refused(conn, 'cron_parse', expression)
    assert diag.message_primary == f'cron expression "{expression}" {problem}'
    assert diag.message_hint == hint


OFFSET = 'is an offset, an abbreviation or a setting of a host, not a place'


def test_refuses_what_is_not_a_zone(conn):
    for zone, problem in [
            ('UTC+3', OFFSET), ('EST5', OFFSET), ('FOO5', OFFSET), ('+03', OFFSET),
            ('<+03>-3', OFFSET), ('Europe/Berln5', OFFSET), ('GMT+5', OFFSET),
            ('Etc/GMT+13', OFFSET), ('Etc/GMT5', OFFSET), ('CET', OFFSET),
            ('est', OFFSET), ('PDT', OFFSET), ('right/UTC', OFFSET),
            ('EST5EDT', OFFSET), ('GMT0', OFFSET), ('Etc/GMT-14', OFFSET),
            ('Etc/GMT+3', OFFSET), ('posix/Europe/Berlin', OFFSET),
            ('localtime', OFFSET), ('LOCALTIME', OFFSET), ('posixrules', OFFSET),
            ('Factory', OFFSET), ('Europe/localtime', 'is not known'),
            ('Mars/Olympus_Mons', 'is not known'), ('', 'is not known'),
            ('UTC ', 'is not known'), ('../etc/passwd', 'is not known')]:
        diag = refused(conn, 'check_time_zone', zone)
        assert diag.message_primary == f'time zone "{zone}" {problem}'
        assert diag.message_hint == \
            'Write a name of pg_timezone_names such as Europe/Berlin, or UTC.' + (
                ' A + there is west of Greenwich, as in POSIX.' if '+' in zone else '')
        refused(conn, 'next_run', '@daily', zone, utc('2026-01-01'))
        refused(conn, 'prev_run', '@daily', zone, utc('2026-01-01'))
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            next_runs(conn, '@daily', zone, utc('2026-01-01'), 1)


def test_takes_every_zone_that_follows_a_place(conn):
    for zone in ('UTC', 'utc', 'GMT', 'Europe/Berlin', 'europe/berlin', 'Japan', 'Eire',
                 'America/Argentina/Buenos_Aires', 'America/Port-au-Prince', 'W-SU',
                 'Etc/UTC', 'US/Eastern', 'GB-Eire'):
        assert one(conn, 'check_time_zone', zone) == zone
    names = conn.execute(
        "select name, reportd.cron_zone(name) from pg_timezone_names n"
        " where name !~ '^posix/|[0-9]|^(Factory|localtime|posixrules)$'"
        " and not exists (select from pg_timezone_abbrevs where abbrev = upper(n.name))"
    ).fetchall()
    assert len(names) > 400
    assert all(name == zone for name, zone in names)


# Clock changes.

# zone, expression, after, the next times with the zone's own clock and offset
CLOCK_CHANGES = [
    # New York: 02:00 to 03:00 in March, 02:00 back to 01:00 in November
    ('America/New_York', '30 2 * * *', '2026-03-07 12:00',
     ['2026-03-08 03:00-04:00', '2026-03-09 02:30-04:00']),
    ('America/New_York', '0,15,30 2 * * *', '2026-03-07 12:00',
     ['2026-03-08 03:00-04:00', '2026-03-09 02:00-04:00']),
    ('America/New_York', '0 2,3 * * *', '2026-03-07 12:00',
     ['2026-03-08 03:00-04:00', '2026-03-09 02:00-04:00']),
    ('America/New_York', '*/30 * * * *', '2026-03-08 06:15',
     ['2026-03-08 01:30-05:00', '2026-03-08 03:00-04:00', '2026-03-08 03:30-04:00']),
    ('America/New_York', '*/30 2 * * *', '2026-03-07 12:00',
     ['2026-03-09 02:00-04:00', '2026-03-09 02:30-04:00']),
    ('America/New_York', '30 1 * * *', '2026-10-31 12:00',
     ['2026-11-01 01:30-04:00', '2026-11-02 01:30-05:00']),
    ('America/New_York', '30 1 * * *', '2026-11-01 06:10',
     ['2026-11-02 01:30-05:00']),
    ('America/New_York', '30 * * * *', '2026-11-01 04:00',
     ['2026-11-01 00:30-04:00', '2026-11-01 01:30-04:00', '2026-11-01 01:30-05:00',
      '2026-11-01 02:30-05:00']),
    ('America/New_York', '*/20 1 * * *', '2026-11-01 05:30',
     ['2026-11-01 01:40-04:00', '2026-11-01 01:00-05:00', '2026-11-01 01:20-05:00',
      '2026-11-01 01:40-05:00', '2026-11-02 01:00-05:00']),
    # Berlin: 02:00 to 03:00 in March, 03:00 back to 02:00 in October
    ('Europe/Berlin', '30 2 * * *', '2026-03-28 12:00',
     ['2026-03-29 03:00+02:00', '2026-03-30 02:30+02:00']),
    ('Europe/Berlin', '0 * * * *', '2026-03-29 00:30',
     ['2026-03-29 03:00+02:00', '2026-03-29 04:00+02:00']),
    ('Europe/Berlin', '30 2 * * *', '2026-10-24 12:00',
     ['2026-10-25 02:30+02:00', '2026-10-26 02:30+01:00']),
    ('Europe/Berlin', '0 * * * *', '2026-10-24 23:30',
     ['2026-10-25 02:00+02:00', '2026-10-25 02:00+01:00', '2026-10-25 03:00+01:00']),
    ('Europe/Berlin', '0 3 * * *', '2026-10-25 00:30', ['2026-10-25 03:00+01:00']),
    # Lord Howe: half an hour, 02:00 to 02:30 in October, 02:00 back to 01:30 in April
    ('Australia/Lord_Howe', '10 2 * * *', '2026-10-03 12:00',
     ['2026-10-04 02:30+11:00', '2026-10-05 02:10+11:00']),
    ('Australia/Lord_Howe', '*/20 * * * *', '2026-10-03 15:15',
     ['2026-10-04 02:40+11:00', '2026-10-04 03:00+11:00']),
    ('Australia/Lord_Howe', '40 1 * * *', '2026-04-04 12:00',
     ['2026-04-05 01:40+11:00', '2026-04-06 01:40+10:30']),
    ('Australia/Lord_Howe', '*/20 * * * *', '2026-04-04 14:35',
     ['2026-04-05 01:40+11:00', '2026-04-05 01:40+10:30', '2026-04-05 02:00+10:30']),
    # midnight does not exist, or comes twice
    ('Africa/Cairo', '0 0 * * *', '2023-04-27 12:00',
     ['2023-04-28 01:00+03:00', '2023-04-29 00:00+03:00']),
    ('Africa/Cairo', '@hourly', '2023-04-27 21:00',
     ['2023-04-28 01:00+03:00', '2023-04-28 02:00+03:00']),
    ('Asia/Beirut', '0 0 * * 0', '2026-03-28 12:00',
     ['2026-03-29 01:00+03:00', '2026-04-05 00:00+03:00']),
    ('America/Sao_Paulo', '15 0 4 11 *', '2018-11-01',
     ['2018-11-04 01:00-02:00', '2019-11-04 00:15-03:00']),
    ('America/Sao_Paulo', '30 23 * * 6', '2018-02-17 12:00',
     ['2018-02-17 23:30-02:00', '2018-02-24 23:30-03:00']),
    ('America/Sao_Paulo', '30 * 17 2 *', '2018-02-18 01:00',
     ['2018-02-17 23:30-02:00', '2018-02-17 23:30-03:00', '2019-02-17 00:30-03:00']),
    # Apia left out 30 December 2011
    ('Pacific/Apia', '0 12 * * *', '2011-12-29 12:00',
     ['2011-12-29 12:00-10:00', '2011-12-31 00:00+14:00', '2011-12-31 12:00+14:00']),
    ('Pacific/Apia', '0 0 30 12 *', '2011-12-01', ['2011-12-31 00:00+14:00']),
    ('Pacific/Apia', '0 */12 * * *', '2011-12-29 12:00',
     ['2011-12-29 12:00-10:00', '2011-12-31 00:00+14:00', '2011-12-31 12:00+14:00']),
    ('Pacific/Apia', '0 */12 30 12 *', '2011-12-01', ['2012-12-30 00:00+14:00']),
]


@pytest.mark.parametrize('zone, expression, after, times', CLOCK_CHANGES)
def test_clock_changes(conn, zone, expression, after, times):
    times = [datetime.fromisoformat(t) for t in times]
    assert next_runs(conn, expression, zone, utc(after), len(times)) == times
    assert [prev_run(conn, expression, zone, t) for t in times] == times
    for earlier, later in zip(times, times[1:]):
        assert prev_run(conn, expression, zone, later - MINUTE / 60) == earlier


def test_a_time_that_a_zone_always_leaps_over_is_null_and_soon(conn):
    conn.execute("set statement_timeout = '1s'")
    args = '*/10 2 * 3 0#2', 'America/New_York'
    assert next_run(conn, *args, utc('2026-01-01')) is None
    assert prev_run(conn, *args, utc('2026-01-01')) == utc('2006-03-12 07:50')
    conn.execute('reset statement_timeout')


# The same, against every minute around the changes.

WINDOWS = [
    ('America/New_York', '2026-03-08'), ('America/New_York', '2026-11-01'),
    ('Europe/Berlin', '2026-03-29'), ('Europe/Berlin', '2028-10-29'),
    ('Australia/Lord_Howe', '2026-10-04'), ('Australia/Lord_Howe', '2026-04-05'),
    ('Africa/Cairo', '2023-04-28'), ('Africa/Cairo', '2023-10-27'),
    ('Asia/Beirut', '2026-03-29'), ('America/Sao_Paulo', '2018-02-18'),
    ('America/Sao_Paulo', '2018-11-04'), ('Pacific/Apia', '2011-12-30'),
    ('Pacific/Kwajalein', '1969-10-01'), ('Antarctica/Casey', '2010-03-05'),
    ('Europe/London', '1968-10-27'), ('America/St_Johns', '2006-10-29'),
    ('Asia/Kathmandu', '1986-01-01'), ('UTC', '2027-01-01'),
]
Minute = collections.namedtuple('Minute', 'instant wall')


def minutes(zone, day):
    """Each minute of real time in some days around day."""
    start = utc(day) - timedelta(days=3)
    zone = ZoneInfo(zone)
    return [Minute(t, t.astimezone(zone).replace(tzinfo=None))
            for t in (start + n * MINUTE for n in range(6 * 1440))]


def random_field(rng, low, high, likely):
    """The text of a field and its set of values."""
    values = list(range(low, high + 1))
    kind = rng.choice(['*', '*/n', 'value', 'value', 'range', 'list'])
    if kind == '*':
        return '*', set(values)
    if kind == '*/n':
        n = rng.randint(1, len(values) // 2)
        return f'*/{n}', set(values[::n])
    if kind == 'list':
        parts = [random_field(rng, low, high, likely) for _ in range(2)]
        return ','.join(p[0] for p in parts), parts[0][1] | parts[1][1]
    first = rng.choice(likely)
    if kind == 'value':
        return str(first), {first}
    last = rng.randint(first, high)
    n = rng.randint(1, 3)
    return f'{first}-{last}' + (f'/{n}' if n > 1 else ''), set(range(first, last + 1, n))


def random_weekday(rng):
    """The text of a day of week and a predicate on dates."""
    if rng.random() < 0.4:
        return '*', lambda d: True
    day = rng.randint(0, 6)
    kind = rng.choice(['plain', 'plain', 'last', 'nth'])
    if kind == 'plain':
        text, days = random_field(rng, 0, 7, [0, 1, 5, 6, 7])
        days = {n % 7 for n in days}
        return text, lambda d: d.isoweekday() % 7 in days
    if kind == 'last':
        return f'{day}L', lambda d: (d.isoweekday() % 7 == day
                                     and (d + timedelta(days=7)).month != d.month)
    nth = rng.randint(1, 5)
    return f'{day}#{nth}', lambda d: (d.isoweekday() % 7 == day
                                      and (d.day + 6) // 7 == nth)


def random_expression(rng, day):
    """The text of an expression and a predicate on the wall clock."""
    near = datetime.fromisoformat(day)
    minute = random_field(rng, 0, 59, [0, 10, 15, 30, 45, 59])
    hour = random_field(rng, 0, 23, [0, 1, 1, 2, 2, 3, 12, 23])
    dom = random_field(rng, 1, 31, [near.day, (near + timedelta(1)).day, 1, 15])
    if rng.random() < 0.15:
        dom = 'L', set()
    elif rng.random() < 0.3:
        dom = '*', set(range(1, 32))
    month = rng.choice([('*', set(range(1, 13))), (str(near.month), {near.month})])
    weekday = random_weekday(rng)
    star = dom[0].startswith('*') or weekday[0].startswith('*')

    def matches(t):
        by_date = (t.day in dom[1] or dom[0] == 'L'
                   and t.day == calendar.monthrange(t.year, t.month)[1])
        by_weekday = weekday[1](t.date())
        return (t.minute in minute[1] and t.hour in hour[1] and t.month in month[1]
                and (by_date and by_weekday if star else by_date or by_weekday))
    return ' '.join([minute[0], hour[0], dom[0], month[0], weekday[0]]), matches


def fire_times(window, expression, matches):
    """The instants at which an expression fires, by looking at each minute."""
    if any(field.startswith('*') for field in expression.split()[:2]):
        return [m.instant for m in window if matches(m.wall)]
    fires = []
    reached = window[0].wall - MINUTE
    for m in window:
        # what the clock has come to, or passed over, since it was at its highest
        while reached < m.wall:
            reached += MINUTE
            if matches(reached) and (not fires or fires[-1] != m.instant):
                fires.append(m.instant)
    return fires


def points_in(rng, window, fires):
    """Instants to ask at: near the clock change, anywhere but in the first days
    (the clock before the window is unknown), and fire times."""
    after = window[2 * 1440:]
    change = next((n for n, (m, next_m) in enumerate(zip(after, after[1:]))
                   if next_m.wall - m.wall != MINUTE), len(after) // 2)
    near = after[change - 180:change + 180]
    points = [rng.choice(minutes).instant + timedelta(seconds=rng.randint(0, 59))
              for minutes in (near, after) for _ in range(ROUNDS)]
    fires = [f for f in fires if f >= after[0].instant]
    return points + rng.sample(fires, min(4, len(fires)))


@pytest.mark.parametrize('zone, day', WINDOWS)
def test_agrees_with_a_walk_through_every_minute(conn, zone, day):
    rng = random.Random(f'{zone} {day}')
    window = minutes(zone, day)
    # of no consequence
    conn.execute('select set_config(%s, %s, false)',
                 ('TimeZone', rng.choice(['UTC', 'America/New_York', 'Pacific/Apia'])))
    for _ in range(ROUNDS):
        expression, matches = random_expression(rng, day)
        fires = fire_times(window, expression, matches)
        try:
            one(conn, 'cron_parse', expression)
        except psycopg.errors.InvalidParameterValue as error:
            assert 'never occurs' in str(error) and not fires
            continue
        for row in conn.execute(
                'select p, reportd.next_run(e, z, p), reportd.prev_run(e, z, p)'
                ' from unnest(%s::timestamptz[]) p, (values (%s, %s)) v (e, z)',
                (points_in(rng, window, fires), expression, zone)):
            at, later, earlier = (t and t.astimezone(timezone.utc) for t in row)
            if later and later > window[-1].instant:
                later = None
            if earlier and earlier < window[0].instant:
                earlier = None
            context = expression, zone, at
            assert later == min((f for f in fires if f > at), default=None), context
            assert earlier == max((f for f in fires if f <= at), default=None), context
    conn.execute('reset timezone')


def test_prev_run_of_a_fire_time_is_that_time(conn):
    rng = random.Random(1)
    checked = 0
    for _ in range(150):
        expression, _ = random_expression(rng, '2026-03-29')
        zone = rng.choice(WINDOWS)[0]
        try:
            rows = conn.execute("""
                select f, reportd.prev_run(e, z, f), reportd.next_run(e, z, f - s),
                    reportd.next_run(e, z, reportd.prev_run(e, z, f - s))
                from (values (%s, %s, interval '1 microsecond')) v (e, z, s),
                    generate_series('2010-01-01', '2026-01-01', interval '7 months') p,
                    reportd.next_run(e, z, p) f
                where f is not null""", (expression, zone)).fetchall()
        except psycopg.errors.InvalidParameterValue as error:
            assert 'never occurs' in str(error)
            continue
        for fire, *same in rows:
            assert same == [fire] * 3, (expression, zone, fire)
            checked += 1
    assert checked > 3000


def test_the_search_path_does_not_matter(conn):
    conn.execute("""
        create schema evil;
        create function evil.date_trunc(text, timestamp) returns timestamp
            language sql as $$ select null::timestamp $$;
        create function evil.date_part(text, timestamp) returns float8
            language sql as $$ select 1::float8 $$;
        set search_path = evil, pg_catalog""")
    assert next_run(conn, '30 6 * * 1-5', 'Europe/Berlin', utc('2026-01-02 12:00')) == \
        utc('2026-01-05 05:30')
    assert len(next_runs(conn, '@daily', 'UTC', utc('2026-01-02'), 3)) == 3
    conn.execute('reset search_path')
