# SPDX-License-Identifier: MIT
"""reportctl list, and schedules in words."""

import random
import re
from datetime import datetime, timedelta, timezone

from psycopg import errors

from test_reportctl_shared import answer, begin_run, child, end_run, refused  # noqa: F401


def test_reports_are_listed_with_their_next_times(ctl, db, submit):
    submit(db, report_name='once')
    submit(db, report_name='Daily', time_zone='Asia/Tokyo', trigger_type='SCHEDULED',
           schedule_expression='0 9 * * *')
    submit(db, report_name='10%')

    def ids(*args):
        return [r['config_id'] for r in answer(ctl('list', *args, '--json'))]
    assert ids() == [1, 2, 3] and ids('-n', 1) == [1]
    assert ids('dai') == ids('2') == [2] and ids('%') == [3] and ids('x') == []
    assert re.search(r'^2   Daily  daily 09:00 Tokyo  \w{3} 09:00 +\w+$', ctl('list').stdout, re.M)
    refused(ctl('list', 'a', 'b'), 'takes one text', code=2)


SCHEDULES = {
    '0 6 * * *': 'daily 06:00', '5 14 * * 1-5': 'Mon-Fri 14:05', '0 6 * * 0,3': 'Wed,Sun 06:00',
    '0 6 * * 7': 'Sun 06:00', '0 6 * * FRI': 'Fri 06:00', '0 6 15 * *': 'day 15, 06:00',
    '0 6 L * *': 'last day, 06:00', '7 * * * *': 'hourly :07', '*/5 * * * *': 'every 5 min',
    '@weekly': 'Sun 00:00', '0 6 1 1 *': 'Jan 1, 06:00', '0 6,18 * * *': 'daily 06:00,18:00',
    '0 9 * * 1#2': '2nd Mon 09:00', ' 0  6 * * * ': 'daily 06:00', '@daily': 'daily 00:00',
    '@hourly': 'hourly :00', '@monthly': 'day 1, 00:00', '@yearly': 'Jan 1, 00:00',
    '*/15 8-17 * * *': 'every 15 min 08:00-17:45', '0 6 1,15 * *': 'days 1,15, 06:00',
    '0 */2 * * *': 'every 2 h', '15 */2 * * *': 'every 2 h from 00:15',
    '0 6 * * MON,WED': 'Mon,Wed 06:00', '15 6,18 * * *': 'daily 06:15,18:15',
    '0 8-18/2 * * 1-5': 'Mon-Fri every 2 h 08:00-18:00', '30 8-17 * * *': 'hourly 08:30-17:30',
    '0 22 * * 5L': 'last Fri 22:00', '0 6 1,L * *': 'day 1 and last, 06:00',
    '0 6 13 * FRI': 'day 13 or Fri, 06:00', '0 6 1 */3 *': 'day 1 in Jan,Apr,Jul,Oct, 06:00',
    '0 6 * MAR-OCT *': 'daily in Mar-Oct, 06:00', '0 6 * * FRI-SUN': 'Fri-Sun 06:00',
    '10,40 * * * *': 'hourly :10,:40', '* * * * *': 'every min', '0 6 */2 * *': 'odd days, 06:00',
    '0 6 1-7 * *': 'days 1-7, 06:00', '0 6 * * 1#1,1#3': '1st Mon,3rd Mon 06:00',
    '0 0-23 1-31 1-12 *': 'hourly :00', '0 6 1-31 * MON': 'daily 06:00', '*/30 9 * * 1':
    'Mon every 30 min 09:00-09:30', '0 6 15 * 0-7': 'daily 06:00', '0 */8 * * *': 'every 8 h',
    # Words would be long, or would not be right: every 7 minutes, but 4 at the hour.
    '*/7 * * * *': '*/7 * * * *', '0 6 */2 * MON': '0 6 */2 * MON', '*/20 */2 * * *':
    '*/20 */2 * * *', '3,9,17,22,38,41,55 6 * * *': '3,9,17,22,38,41,55 6 * * *',
    '0 6 1,3,6,9,12,18,24 * *': '0 6 1,3,6,9,12,18,24 * *'}


def test_schedules_are_listed_in_words(ctl, db, submit):
    for expression in SCHEDULES:
        submit(db, report_name='x', trigger_type='SCHEDULED', schedule_expression=expression)
    assert [r['schedule'] for r in answer(ctl('list', '--json'))] == [
        f'{words} UTC' for words in SCHEDULES.values()]


def test_a_row_without_a_readable_schedule_is_listed_all_the_same(ctl, db, submit):
    """Such as one from before a rule of the schema."""
    submit(db, report_name='a', trigger_type='SCHEDULED', schedule_expression='0 6 * * *')
    with db.connect() as conn:
        conn.execute('set session_replication_role = replica')
        conn.execute("update reportd.report_config set schedule_expression = '0 0 30 2 *'")
    assert [r['schedule'] for r in answer(ctl('list', '--json'))] == ['0 0 30 2 * UTC']


WEEK = 'Mon Tue Wed Thu Fri Sat Sun'.split()
MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split()


def members(text, names):
    """The numbers, from 1 on, of names such as Mon-Wed,Fri."""
    found = set()
    for part in text.split(','):
        first, _, last = part.partition('-')
        found |= set(range(names.index(first) + 1, names.index(last or first) + 2))
    return found


def minutes_meant(text):
    """The minutes of a day that the words of a time stand for."""
    def at(clock):
        return int(clock[:2]) * 60 + int(clock[3:])
    if re.match(r'[0-9:,]+$', text):
        return {at(clock) for clock in text.split(',')}
    if m := re.match(r'hourly (:[0-9:,]+)$', text):
        return {h * 60 + int(v[1:]) for h in range(24) for v in m[1].split(',')}
    m = re.match(r'(?:every(?: (\d+))? (min|h)|(hourly))(?: from (.{5})| (.{5})-(.{5}))?$', text)
    step = int(m[1] or 1) * (60 if m[2] == 'h' or m[3] else 1)
    return set(range(at(m[4] or m[5] or '00:00'), at(m[6] or '23:59') + 1, step))


def day_meant(text, day):
    """Whether the words of a day stand for this one."""
    last = (day + timedelta(days=1)).day == 1
    if text == 'daily':
        return True
    if m := re.match(r'([A-Z]\w\w) (\d+)$', text):
        return day.month == MONTHS.index(m[1]) + 1 and day.day == int(m[2])
    if m := re.match(r'(.*) in (.*)$', text):
        return day_meant(m[1], day) and day.month in members(m[2], MONTHS)
    if ' or ' in text:
        return any(day_meant(part, day) for part in text.split(' or '))
    if text in ('odd days', 'even days'):
        return day.day % 2 == (text == 'odd days')
    if text == 'last day':
        return last
    if m := re.match(r'days? ([0-9,-]+)( and last)?$', text):
        return day.day in members(m[1], [str(i) for i in range(1, 32)]) or bool(m[2]) and last
    for part in text.split(','):
        word, _, name = part.partition(' ')
        if not name and day.isoweekday() in members(part, WEEK):
            return True
        if name and day.isoweekday() == WEEK.index(name) + 1 and (
                (day + timedelta(days=7)).month != day.month if word == 'last'
                else int(word[0]) == (day.day + 6) // 7):
            return True
    return False


def times_meant(words, first, count):
    """The first times that the words stand for."""
    days, _, times = words.rpartition(', ') if ', ' in words else re.match(
        r'(.*?)( ?)((?:every|hourly).*|[0-9:,]+)$', words).groups()
    minutes = sorted(minutes_meant(times))
    found = []
    day = first
    while len(found) < count:
        if day_meant(days or 'daily', day):
            found += [day + timedelta(minutes=m) for m in minutes]
        day += timedelta(days=1)
    return found[:count]


def test_the_words_of_a_schedule_mean_its_times(db):
    """The words are read again, and their times compared with those of the schedule."""
    chance = random.Random(12)
    field = [['0', '5', '*/15', '*/7', '10,40', '0-30/10', '*'],
             ['6', '*', '*/2', '8-17', '6,18', '1-23/2', '*/8', '*/5', '0-4,20-23'],
             ['*', '*', '*', '1', '1,15', 'L', '1,L', '*/2', '2-30/2', '1-7', '1-31'],
             ['*', '*', '*', '1', '*/3', 'MAR-OCT', '2,8-12'],
             ['*', '*', '*', 'MON-FRI', '0', '1,3,5', '1#2', '5L', '1,5L', '6-7', '*/2', '0-7']]
    first = datetime(2027, 1, 1, tzinfo=timezone.utc)
    said = 0
    for expression in [*SCHEDULES, *(' '.join(map(chance.choice, field)) for _ in range(300))]:
        words = db.value('select reportd.schedule_words(%s)', expression)
        try:
            times = [row.t for row in db.query(
                "select t from reportd.next_runs(%s, 'UTC', %s, 60) t", expression,
                first - timedelta(seconds=1))]
        except errors.InvalidParameterValue:
            continue
        if words != ' '.join(expression.split()):
            said += 1
            assert times_meant(words, first, 60) == times, (expression, words)
    assert said > 100


def test_the_list_fits_the_terminal(ctl, child, db, submit):
    submit(db, report_name='The sales of all shops', report_key='sales_all', trigger_type='SCHEDULED',
           schedule_expression='0 6 * * 1-5', time_zone='America/Argentina/Buenos_Aires')
    submit(db, report_name='日本' * 30)
    begin_run(db, 1)
    end_run(db, 1)
    _, text = child('list', terminal=True).end()
    head, sales, japan = text.splitlines()
    assert head.split() == ['ID', 'NAME', 'SCHEDULE', 'NEXT', 'LAST', 'TOOK', 'OWNER']
    assert sales.startswith('sales_all  ') and sales.endswith(db.value('select current_user::text'))
    assert 'Mon-Fri' in sales and 'COMPLETED' in sales and ' s  ' in sales
    assert '…' in japan and 'PENDING' in japan
    for line in head, sales, japan:
        assert sum(2 if '　' < c else 1 for c in line) <= 80
    # Nothing is cut for programs.
    assert '日本' * 30 in ctl('list').stdout


def test_a_viewer_lists_reports(ctl, db, cluster, submit):
    submit(db, report_name='seen', trigger_type='SCHEDULED', schedule_expression='@daily')
    done = ctl('list', sections={'queue': {'conninfo': cluster.conninfo(
        db.name, options='-c role=reportd_viewer')}})
    assert done.returncode == 0 and 'seen' in done.stdout, done.stderr
