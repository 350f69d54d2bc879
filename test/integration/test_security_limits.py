# SPDX-License-Identifier: MIT
"""Quotas, and the sizes of what a row may hold."""

import json
import time

import psycopg
import pytest

from lib import report
from lib.manual import says
from lib.paths import ROOT
from lib.wait import wait_for
from test_security_shared import as_, ask, db, engine, queue, set_quota, waiting_of  # noqa: F401

pytestmark = pytest.mark.shipped


@says('Have more reports, more of them waiting, more running, or longer ones than the quota says.',
      'Get around a quota by rows of one statement, by `change()`, by cancelling, by times in '
      'the past, by sessions that commit at the same moment, or by schedules.')
@pytest.mark.parametrize('way', ['statement', 'active', 'trigger', 'owner', 'run_now', 'backfill',
                                 'retry'])
def test_more_cannot_wait_than_the_quota_says(db, as_, way):
    set_quota(db, max_pending=5)
    ann = as_('ann')
    if way == 'statement':
        ann.refused("insert into reportd.report_config (report_name, export_sql, source) select "
                    "'x', 'select 1', 'finance' from generate_series(1, 6)", match='quota is 5')
        ann("insert into reportd.report_config (report_name, export_sql, source) select "
            "'x', 'select 1', 'finance' from generate_series(1, 5)")
    columns = {'active': {'is_active': False}, 'trigger': {'trigger_type': 'SCHEDULED',
               'schedule_expression': '0 0 1 1 *'}}.get(way, {})
    changes = {'active': {'is_active': True}, 'owner': {'owner': 'finance'},
               'trigger': {'trigger_type': 'ADHOC', 'schedule_expression': None}}.get(way)
    count = 0
    with pytest.raises(psycopg.errors.InvalidParameterValue, match='its quota is 5'):
        for count in range(20):
            if way == 'run_now':
                one = ask(ann) if count == 0 else one
                ann('select reportd.run_now(%s)', one)
            elif way == 'backfill':
                one = ask(ann, trigger_type='SCHEDULED', schedule_expression='* * * * *') \
                    if count == 0 else one
                ann("select reportd.backfill(%s, now() - interval '2 min', now())", one)
            elif way == 'retry':
                one = ask(ann)
                ann('select reportd.cancel(%s)', one)
                ann('select reportd.retry(%s)', one)
            else:
                one = ask(ann, **columns)
                if changes:
                    ann('select reportd.change(%s, %s)', one, json.dumps(changes))
    assert waiting_of(db, 'ann') <= 5 and waiting_of(db, 'finance') <= 5
    # Nobody else is touched by it.
    ask(as_('bob'))


@pytest.mark.parametrize('way', ['idle', 'schedule', 'cancelled', 'requests', 'owner'])
def test_more_cannot_be_kept_than_the_quota_says(db, as_, way):
    set_quota(db, max_reports=5)
    ann = as_('ann')
    with pytest.raises(psycopg.errors.InvalidParameterValue, match='quota .*is 5'):
        for count in range(20):
            if way in ('idle', 'owner'):
                one = ask(ann, is_active=False)
                if way == 'owner':
                    ann("select reportd.change(%s, '{\"owner\": \"finance\"}')", one)
            elif way == 'schedule':
                ask(ann, trigger_type='SCHEDULED', schedule_expression='0 0 1 1 *')
            elif way == 'cancelled':
                ann('select reportd.cancel(%s)', ask(ann))
            else:
                one = ask(ann) if count == 0 else one
                ann('select reportd.cancel(%s, reportd.run_now(%s))', one, one)
    assert 4 <= count <= 11
    ask(as_('bob'))


def test_what_has_run_counts_and_is_forgotten_when_it_is_gone(db, as_, engine):
    set_quota(db, max_reports=3, max_output_bytes=10)
    ann = as_('ann')
    engine()
    ids = [ask(ann) for _ in range(2)]
    for one in ids:
        report.wait_done(db, one)
    count = (ROOT / 'sql/queue/count.sql').read_text()

    def counted():
        db.execute("update reportd.report_usage set counted_at = now() - interval '1 hour'")
        db.execute(count)
        return db.row("select reports, output_bytes from reportd.report_usage "
                      "where owner = 'ann'::regrole")
    reports, size = counted()
    assert reports == 2 and size > 0
    # Deleting a report does not undo that it has published.
    for one in ids:
        ann('select reportd.delete(%s)', one)
    db.execute('update reportd.report_run set byte_count = 100')
    assert counted() == (0, 200)
    ann.refused("select reportd.submit('x', 'select 1', source => 'finance')",
                match='has published 200 bytes')
    db.execute("update reportd.report_run set started_at = now() - interval '25 hours'")
    assert counted() == (0, 0)
    assert report.wait_done(db, ask(ann)).status == 'COMPLETED'


def test_runs_are_no_longer_than_the_quota_says(db, as_, engine):
    set_quota(db, max_timeout='1 second')
    ann = as_('ann')
    ann.refused("select reportd.submit('x', 'select 1', source => 'finance', "
                "timeout => '2 seconds')", match='longer than')
    one = ask(ann, text='select pg_sleep(20)', max_retries=0)
    ann.refused("select reportd.change(%s, '{\"timeout\": \"1 day\"}')", one)
    engine()
    row = report.wait_done(db, one, timeout=10)
    assert row.status == 'FAILED' and 'time' in row.error_message


def test_no_more_run_at_once_than_the_quota_says(db, as_, engine):
    set_quota(db, max_running=2)
    for who in 'ann', 'bob':
        person = as_(who)
        for _ in range(12):
            ask(person, text='select pg_sleep(0.05)')
    for _ in range(2):
        engine(workers=4)
    wait_for(lambda: db.value("select count(*) from reportd.report_config "
                              "where status = 'COMPLETED'") == 24)
    most = db.query("""select r.owner::text, max(o.n) from reportd.report_run r
        cross join lateral (select count(*) as n from reportd.report_run k
            where k.owner = r.owner and k.started_at <= r.started_at
                and k.finished_at > r.started_at) o group by r.owner order by 1""")
    assert [m[0] for m in most] == ['ann', 'bob'] and {m[1] for m in most} <= {1, 2}
    assert max(m[1] for m in most) == 2


@pytest.mark.parametrize('limited', [True, False])
def test_two_daemons_do_not_count_at_once(db, as_, engine, limited):
    other = as_('reportd')
    set_quota(db, **({'max_running': 1} if limited else {'max_reports': 100}))
    engine()
    other('begin')
    other('select from reportd.claim_turn for update')
    one = ask(as_('ann'))
    if limited:
        wait_for(lambda: db.value("select count(*) from pg_stat_activity where usename = 'reportd' "
                                  "and datname = current_database() and wait_event_type = 'Lock'"))
        other('rollback')
    assert report.wait_done(db, one).status == 'COMPLETED'


@pytest.mark.parametrize('time, ok', [
    ("now() - interval '1 hour'", False), ("'2000-01-01'", False), ("'infinity'", False),
    ("'-infinity'", False), ("'294276-12-31'", True)])
def test_hostile_times(db, as_, engine, time, ok):
    ann = as_('ann')
    query = ("insert into reportd.report_config (report_name, export_sql, source, trigger_type, "
             "schedule_expression, misfire_policy, next_run_time) values ('x', 'select 1', "
             f"'finance', 'SCHEDULED', '* * * * *', 'ALL', {time})")
    one = ask(ann, trigger_type='SCHEDULED', schedule_expression='* * * * *')
    later = ("insert into reportd.report_config (report_name, export_sql, source, due_at) "
             f"values ('x', 'select 1', 'finance', {time})")
    change = ("select reportd.change(%s, json_build_object('next_run_time', "
              f"({time})::timestamptz)::jsonb)")
    if ok:
        ann(query)
        ann(change, one)
        ann(later)
        engine()
        assert report.wait_done(db, ask(as_('bob'))).status == 'COMPLETED'
    else:
        for attack in ((query,), (change, one), (later,)):
            if attack == (later,) and time == "'infinity'":
                continue # that is now
            with pytest.raises(psycopg.Error) as caught:
                ann(*attack)
            assert caught.value.sqlstate in ('22023', '23514')


@pytest.mark.parametrize('missed, first', [('10 days', '10 days'), ('20 years', '1 year')])
def test_what_was_missed_for_years_is_not_caught_up(db, as_, missed, first):
    """An hour is a run each: a schedule that rested for long must not keep its owner's others waiting."""
    assert as_('reportd')(
        """select scheduled_for between now() - %s::interval and now() - %s::interval + interval '2 hours'
            and next_time = scheduled_for + interval '1 hour'
        from reportd.plan_fire('0 * * * *', 'UTC', 'ALL',
            date_trunc('hour', now(), 'UTC') - %s::interval + interval '1 hour', '1 minute')""",
        first, first, missed)


@says('Insert a row that cannot be claimed, run or told: each column has a limit in bytes.')
@pytest.mark.parametrize('column, value', [
    ('report_name', 'x' * 201), ('report_name', '\u202e' * 70), ('report_type', 'x' * 201),
    ('report_key', 'x' * 64), ('schedule_expression', '0 0 ' + ','.join(['1'] * 500000) + ' * *'),
    ('time_zone', 'x' * 101), ('source', 'x' * 41), ('output_path', 'finance/' + 'x' * 4090),
    ('output_format', 'CSV,' * 60), ('parameters', {'a': 'x' * 262144}),
    ('parameters', {'a': '\x01' * 50000}), ('output_options', {'null': 'x' * 65536}),
    ('prep_sql', 'x' * 1048576), ('notify_on_failure', ['mailto:a@example.com'] * 201),
    ('notify_on_completion', ['mailto:' + 'a' * 8000]),
    ('notify_on_completion', ['https://example.com/' + 'x' * 7000 + str(i) for i in range(20)])],
    ids=lambda v: str(v)[:20].replace('\u202e', 'rlo'))
def test_each_column_has_a_limit(db, as_, column, value):
    ann = as_('ann')
    columns = {column: value}
    if column == 'schedule_expression':
        columns['trigger_type'] = 'SCHEDULED'
    began = time.monotonic()
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        ask(ann, **columns)
    assert time.monotonic() - began < 5
    one = ask(ann)
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        ann('select reportd.change(%s, %s)', one, json.dumps(columns))
    if column == 'parameters':
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            ann('select reportd.run_now(%s, %s)', one, json.dumps(value))


# Values of a megabyte that are sound but for their size.
MUCH = 'x' * 1_100_000
LARGE = {
    'report_key': MUCH, 'report_name': MUCH, 'report_type': MUCH, 'trigger_type': f'ADHOC{MUCH}',
    'schedule_expression': f'{"1," * 500_000}1 * * * *', 'time_zone': MUCH, 'source': MUCH,
    'misfire_policy': f'ALL{MUCH}', 'prep_sql': f'select 1 as {MUCH}',
    'export_sql': f'select 1 as {MUCH}', 'result_sql': f'select 1 as {MUCH}',
    'parameters': {'p': MUCH}, 'output_format': f'CSV,{MUCH}', 'output_path': f'finance/{MUCH}',
    'output_options': {'null': MUCH}, 'notify_on_completion': [f'https://example.com/{MUCH}'],
    'notify_on_failure': ['mailto:ann@example.com'] * 10_000, 'run_after': [MUCH],
    'inputs': {'files': {'path': '/srv/in/*.csv', 'format': 'csv', 'header': MUCH}},
    'checks': [{'name': 'long', 'rows': 1, 'at': 'target', 'query': f'select 1 as {MUCH}'}]}
LONG_LISTS = {'run_after': ['a'] * 10_000, 'checks': [{'not_null': ['k']}] * 10_000,
              'notify_on_completion': [f'https://example.com/{i}' for i in range(10_000)],
              'inputs': {f'n{i}': {'path': f'/srv/{i}/*.csv', 'format': 'csv'} for i in range(1000)}}


def test_no_column_is_without_a_limit(db, as_):
    """Those that a submitter may write are taken from the catalogue."""
    ann = as_('ann')
    columns = {row.attname for row in db.query(
        "select attname from pg_attribute where attrelid = 'reportd.report_config'::regclass "
        'and attnum > 0 and not attisdropped '
        "and has_column_privilege('reportd_submitter', attrelid, attnum, 'INSERT') "
        "and atttypid in (select oid from pg_type where typlen < 0)")}
    assert columns == LARGE.keys()
    others = db.query(
        "select c.oid::regclass from pg_class c where relnamespace = 'reportd'::regnamespace "
        "and relkind in ('r', 'v') and oid <> 'reportd.report_config'::regclass and ("
        "has_any_column_privilege('reportd_submitter', oid, 'INSERT') "
        "or has_any_column_privilege('reportd_submitter', oid, 'UPDATE'))")
    assert not others
    one = ask(ann)
    for column, value in [*LARGE.items(), *LONG_LISTS.items()]:
        more = {'run_after': {'trigger_type': 'AFTER'}, 'schedule_expression': {
            'trigger_type': 'SCHEDULED'}}.get(column, {})
        with pytest.raises(psycopg.errors.InvalidParameterValue) as told:
            ask(ann, **more, **{column: json.dumps(value) if column == 'checks' else value})
        # What is said does not hold the value.
        assert len(told.value.diag.message_primary) < 5000, column
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            ann('select reportd.change(%s, %s)', one, json.dumps({column: value} | more))


def test_what_was_compressed_is_not_small(db, as_, engine):
    ann = as_('ann')
    ann('create temp table packed as select jsonb_build_object(\'a\', repeat(E\'\\x01\', '
        "2000000)) as p, array_fill('https://example.com/'::text, array[100000]) as n")
    assert ann('select pg_column_size(p) from packed') < 262144
    one = ask(ann)
    for query in (
            "insert into reportd.report_config (report_name, export_sql, source, parameters) "
            "select 'x', 'select 1', 'finance', p from packed",
            "insert into reportd.report_config (report_name, export_sql, source, "
            "notify_on_failure) select 'x', 'select 1', 'finance', n from packed",
            "select reportd.submit('x', 'select 1', source => 'finance', "
            'parameters => (select p from packed))',
            f'select reportd.run_now({one}, (select p from packed))',
            f"select reportd.change({one}, (select jsonb_build_object('parameters', p) from packed))"):
        ann.refused(query)
    engine()
    assert report.wait_done(db, one).status == 'COMPLETED'


def test_a_claim_looks_up_few_values_of_earlier_requests(db, as_):
    ann = as_('ann', 'finance')

    def naming(count):
        return {'text': 'select ' + ', '.join(f":'last__c{i}'" for i in range(count)),
                'result_sql': 'select 1 as c0'}
    ask(ann, **naming(100))
    refusal = ann.refused('select 1 from (select reportd.submit(%s, %s, source => %s, result_sql => %s)) s', 'r',
                          naming(101)['text'], 'finance', 'select 1 as c0', match='at most 100')
    assert 'names 101 values' in str(refusal)


def test_a_row_that_takes_a_claim_too_long_fails_alone(db, as_, engine):
    slow = ask(as_('ann', 'finance'), text="select :'last__a'", result_sql='select 1 as a')
    # More names than any INSERT takes: a claim looks up each of them.
    db.execute("update reportd.report_config set links = array(select 'last__' || i "
               'from generate_series(1, 100000) i) where config_id = %s', slow)
    other = ask(as_('bob', 'hr'))
    engine({'queue': {'conninfo': db.conninfo + ' user=reportd', 'timeout': '4s'}}, lease='60s')
    assert report.wait_done(db, other).status == 'COMPLETED'
    ended = report.wait_done(db, slow)
    assert (ended.status, ended.error_message) == (
        'FAILED', 'the report takes too long to be read by a claim')


def test_the_largest_quota_is_one(db, as_):
    most = 2 ** 31 - 1
    set_quota(db, max_reports=most, max_pending=most, max_running=most, max_output_bytes=2 ** 63 - 1)
    bob = as_('bob', 'hr')
    one = ask(bob)
    bob('select reportd.run_now(%s)', one)
    assert waiting_of(db, 'hr') == 2
