# SPDX-License-Identifier: MIT
"""What INSERT lets pass, the programs can run, and the other way round: random rows
are judged by both. The seeds are fixed, so that each run has the same rows."""

import json
import random
import re
import subprocess

import pytest

from lib import rows
from lib.paths import BIN

pytestmark = pytest.mark.shipped

# Inserts each row in a transaction that is rolled back, and says why one is refused.
JUDGE = '''create function pg_temp.judge(list jsonb) returns setof text language plpgsql as $$
declare
	r jsonb;
begin
	for r in select * from jsonb_array_elements(list) loop
		begin
			insert into reportd.report_config (report_name, export_sql, output_format,
				output_options, output_path, parameters, notify_on_failure, trigger_type,
				schedule_expression)
			values ('r', coalesce(r ->> 'export_sql', 'select 1 as k'),
				coalesce(r ->> 'output_format', 'CSV'), coalesce(r -> 'output_options', '{}'),
				r ->> 'output_path', coalesce(r -> 'parameters', '{}'), array[r ->> 'notice'],
				case when r ? 'cron' then 'SCHEDULED' else 'ADHOC' end, r ->> 'cron');
			raise exception using errcode = 'RB000';
		exception when sqlstate 'RB000' then
			return next null;
		when invalid_parameter_value then
			return next sqlerrm;
		end;
	end loop;
end $$'''


@pytest.fixture(scope='module')
def queue(cluster, template):
    db = cluster.create(template)
    # A row without a notice has none.
    db.execute(JUDGE.replace("array[r ->> 'notice']",
                             "case when r ? 'notice' then array[r ->> 'notice'] end"))
    yield db
    db.drop()


def by_insert(db, list):
    return [row[0] for row in db.query('select * from pg_temp.judge(%s)', json.dumps(list))]


def by_programs(list):
    done = subprocess.run([BIN / 'test/unit/judge'], text=True, capture_output=True, check=True,
                          input=''.join(json.dumps(row) + '\n' for row in list))
    return [json.loads(line) for line in done.stdout.splitlines()]


def compare(db, list, stricter=(), least=100):
    """Both judge each row alike; INSERT may be stricter where a pattern finds the row and
    what it says."""
    insert, programs = by_insert(db, list), by_programs(list)
    assert len(insert) == len(programs) == len(list)
    apart = [(row, sql, c) for row, sql, c in zip(list, insert, programs)
             if (sql is None) != (c is None)
             and not (c is None and any(re.search(s, f'{row} {sql}') for s in stricter))]
    assert not apart, (len(apart), min(apart, key=lambda row: len(json.dumps(row[0]))))
    # Enough of both kinds to show something.
    assert insert.count(None) >= least and len(list) - programs.count(None) >= least
    return insert, programs


def some(seed, make, count):
    dice = random.Random(seed)
    return [make(dice) for _ in range(count)]


def test_format_codes(queue):
    """In the same words, too."""
    codes = sorted(set(some(1, rows.format_code, 1000)))
    list = [{'output_format': 'XLSX', 'output_options': {'columns': {'k': {'format': code}}}}
            for code in codes]
    insert, programs = compare(queue, list)
    for code, sql, c in zip(codes, insert, programs):
        assert sql is None or sql.split('": ')[-1] == c.split('": ')[-1], (code, sql, c)


def test_a_code_may_have_255_bytes(queue):
    list = [{'output_format': 'XLSX', 'output_options': {'columns': {'k': {'format': code}}}}
            for code in ('0' * 255, '€' * 85, '0' * 256, '€' * 86)]
    for verdict in compare(queue, list, least=2):
        assert [v is None for v in verdict] == [True, True, False, False]


def test_paths(queue):
    compare(queue, some(2, lambda dice: {
        'output_path': rows.path(dice), 'parameters': dice.choice([{}, {'p': 'v'}])}, 800))


def test_outputs_and_their_options(queue):
    rules = dict(queue.query('select format, options from reportd.output_format '
                             "where alias_of is null and format <> 'TABLE'"))
    compare(queue, some(3, lambda dice: rows.outputs(dice, rules), 1000))


def test_dialects_of_csv(queue):
    compare(queue, some(4, lambda dice: {'output_options': rows.csv_dialect(dice)}, 300), least=50)


def test_mail_addresses(queue):
    compare(queue, some(5, lambda dice: {'notice': rows.mailto(dice)}, 400), [
        'names no address', 'no %XX of UTF-8 text', 'control character', 'unknown field ""',
        # The name before an address is for `from` in the settings.
        '<.*is no mail address',
        # The notice of one knows nothing of bcc to others; the last of two texts counts.
        'bcc=.*is no mail address', '(body|subject)=.*(body|subject)=.*unknown name'])


def test_webhooks(queue):
    compare(queue, some(6, lambda dice: {'notice': rows.webhook(dice)}, 600), [
        'is not encrypted', 'user or password', 'holds a blank, a #', 'has no path',
        'has no known scheme', 'has no sound host'])


def test_tables(queue):
    compare(queue, some(7, lambda dice: {
        'output_format': 'TABLE', 'output_path': rows.table(dice)}, 500))


MONTHS = 'JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC'.split()
DAYS = 'SUN MON TUE WED THU FRI SAT'.split()
# least, most, the steps, and the value of each name
FIELDS = [(0, 59, 60, {}), (0, 23, 24, {}), (1, 31, 31, {}),
          (1, 12, 12, {name: i for i, name in enumerate(MONTHS, 1)}),
          (0, 7, 7, {name: i for i, name in enumerate(DAYS)})]


def cron_item(place, item):
    """The values of an item, and whether it is L or #n; None: it is not sound."""
    least, most, steps, names = FIELDS[place]

    def value(word):
        return int(word) if re.fullmatch('[0-9]{1,9}', word) else names.get(word.upper(), -1)
    if place == 2 and item in ('L', 'l'):
        return [*range(28, 32)]
    if place == 4 and (few := re.fullmatch(r'(\w+?)(?:L|l|#[1-5])', item)):
        return [value(few[1])] if least <= value(few[1]) <= most else None
    found = re.fullmatch(r'(?:(\*)|(\w+)-(\w+)|(\w+))(?:/([0-9]+))?', item, re.ASCII)
    if not found or (found[4] and found[5]) or not 1 <= int(found[5] or 1) <= steps:
        return None
    first = least if found[1] else value(found[2] or found[4])
    last = most if found[1] else value(found[3] or found[4])
    last = 7 if place == 4 and last == 0 < first else last
    return [*range(first, last + 1, int(found[5] or 1))] \
        if least <= first <= last <= most else None


def cron_is_sound(text):
    words = text.split()
    if text.strip().startswith('@'):
        return ' '.join(words).lower() in (
            '@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly')
    if len(words) != 5:
        return False
    items = [[cron_item(place, item) for item in word.split(',')]
             for place, word in enumerate(words)]
    if any(item is None for field in items for item in field):
        return False
    # A day of the month alone, or with a star of the other: some month has it.
    days, months = ({v for item in items[place] for v in item} for place in (2, 3))
    if words[4].startswith('*') or words[2].startswith('*'):
        return any(day <= (29 if month == 2 else 30 if month in (4, 6, 9, 11) else 31)
                   for day in days for month in months)
    return True


def test_cron_expressions(queue):
    """Against the rules of the manual, written once more."""
    texts = some(8, rows.cron, 400)
    verdicts = by_insert(queue, [{'cron': text} for text in texts])
    apart = [(text, verdict) for text, verdict in zip(texts, verdicts)
             if (verdict is None) != cron_is_sound(text)]
    assert not apart, (len(apart), min(apart, key=lambda pair: len(pair[0])))
    assert 100 < verdicts.count(None) < 300
