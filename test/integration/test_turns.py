# SPDX-License-Identifier: MIT
"""Quotas hold whatever comes at the same moment, and owners take turns in all that
the daemons do for them."""

import json
import re

import psycopg
import pytest
from psycopg import sql

from lib import report
from lib.manual import says
from lib.outbox import SECTIONS
from lib.paths import ROOT
from lib.receiver import Receiver
from lib.wait import wait_for
from test_security_shared import as_, ask, db, engine, queue, set_quota, waiting_of  # noqa: F401: fixtures

pytestmark = pytest.mark.shipped


def beats(db, count=2):
    """Waits until each daemon has written this many beats."""
    for _ in range(count):
        before = db.value('select max(heartbeat_at) from reportd.report_worker')
        wait_for(lambda: db.value('select min(heartbeat_at) from reportd.report_worker') > before)


INSERT = ("insert into reportd.report_config (report_name, export_sql, source) "
          "select 'x', 'select 1', 'finance' from generate_series(1, 3)")
WAYS = {
    'insert': INSERT,
    'submit': "select reportd.submit('x', 'select 1', source => 'finance') "
              'from generate_series(1, 3)',
    'run_now': 'select reportd.run_now({0}) from generate_series(1, 3)',
    'backfill': "select reportd.backfill({1}, now() - interval '3 min', now())",
    'active': """select reportd.change(config_id, '{{"is_active": true}}')
        from reportd.report_config where report_name = 'idle'""",
    'retry': "select reportd.retry(config_id) from reportd.report_config "
             "where report_name = 'cancelled'",
}


@says('`max_pending`, `max_running` and `max_timeout` are exact: they are asked when a statement '
      'runs, and again when its transaction commits.',
      'So COMMIT may be refused, and in REPEATABLE READ it may fail with 40001, which asks to '
      'try again.')
@pytest.mark.parametrize('start', ['', 'set constraints all immediate',
                                   'set transaction isolation level repeatable read'])
@pytest.mark.parametrize('way', WAYS)
def test_sessions_at_the_same_moment_do_not_pass_the_quota(db, as_, way, start):
    one, other = as_('ann'), as_('ann')
    done = ask(one, name='done')
    schedule = ask(one, trigger_type='SCHEDULED', schedule_expression='* * * * *')
    for name in 'idle', 'cancelled':
        for _ in range(3):
            row = ask(one, name=name, is_active=name == 'cancelled')
            if name == 'cancelled':
                one('select reportd.cancel(%s)', row)
    one('select reportd.cancel(%s)', done)
    set_quota(db, max_pending=5)
    one('begin')
    other('begin')
    if start:
        other(start)
        other('select 1')
    # The second one adds rows of its own: nobody waits for the others' rows.
    other(INSERT)
    if 'immediate' in start:
        # It has the turn: nobody else of this owner passes before its end.
        one("set local lock_timeout = '100ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            one('set constraints all immediate; ' + WAYS[way].format(done, schedule))
        one('rollback')
        other('commit')
        with pytest.raises(psycopg.errors.InvalidParameterValue, match='quota is 5'):
            one(WAYS[way].format(done, schedule))
    else:
        one(WAYS[way].format(done, schedule))
        one('commit')
        with pytest.raises((psycopg.errors.InvalidParameterValue,
                            psycopg.errors.SerializationFailure)) as caught:
            other('commit')
        if not start:
            assert 'quota, which is 5' in str(caught.value)
    assert waiting_of(db, 'ann') in (3, 4)
    assert db.value('select count(*) from reportd.quota_check') == 0
    ask(as_('bob'))


def test_sessions_at_the_same_moment_keep_no_more_than_the_quota(db, as_):
    set_quota(db, max_reports=5)
    one, other = as_('ann'), as_('ann')
    for person in one, other:
        person('begin')
        for _ in range(3):
            ask(person, trigger_type='SCHEDULED', schedule_expression='@yearly')
    one('commit')
    with pytest.raises(psycopg.errors.InvalidParameterValue, match='quota, which is 5'):
        other('commit')


def test_what_is_rolled_back_is_not_counted(db, as_):
    set_quota(db, max_pending=3)
    ann = as_('ann')
    for _ in range(2):
        ann('begin; savepoint a')
        ann(INSERT)
        ann('rollback to a')
        ann('commit')
    ann(INSERT)
    assert waiting_of(db, 'ann') == 3


def due(db, owner, count, source='finance', age='1 hour'):
    """Schedules of an owner whose time has come."""
    db.execute("""insert into reportd.report_config (report_name, export_sql, source, owner,
            trigger_type, schedule_expression, next_run_time)
        select 'schedule of ' || %s, 'select 1', %s, %s::regrole, 'SCHEDULED', '@yearly',
            now() + interval '1 day' from generate_series(1, %s)""", owner, source, owner, count)
    db.execute('update reportd.report_config set next_run_time = now() - %s::interval '
               "where report_name = 'schedule of ' || %s", age, owner)


def fired(db, owner):
    return db.value("select count(*) from reportd.report_request where reason = 'schedule' "
                    'and owner = %s::regrole', owner)


@says('A schedule whose owner has `max_pending` waiting fires when there is room again, by its '
      '`misfire_policy`.')
def test_schedules_wait_while_the_quota_is_used_up(db, as_, engine):
    set_quota(db, max_pending=3)
    ann = as_('ann')
    due(db, 'ann', 5)
    due(db, 'bob', 1, 'hr')
    waits = [ask(ann, due_at='2100-01-01') for _ in range(3)]
    engine(poll_interval='200ms')
    wait_for(lambda: fired(db, 'bob') == 1)
    beats(db)
    assert fired(db, 'ann') == 0 and waiting_of(db, 'ann') == 3
    ann('select reportd.cancel(%s)', waits[0])
    # One after the other, each when there is room.
    wait_for(lambda: fired(db, 'ann') == 5)


def test_schedules_pass_no_session_that_commits(db, as_, engine):
    set_quota(db, max_pending=3)
    ann = as_('ann')
    ask(ann, due_at='2100-01-01')
    due(db, 'ann', 1)
    due(db, 'bob', 1, 'hr')
    ann('begin; set constraints all immediate')
    for _ in range(2):
        ask(ann, due_at='2100-01-01')
    one = engine(poll_interval='200ms')
    wait_for(lambda: fired(db, 'bob') == 1)
    beats(db)
    assert fired(db, 'ann') == 0
    assert 'tick failed' not in one.log()
    ann('rollback')
    wait_for(lambda: fired(db, 'ann') == 1)


def test_owners_take_turns_as_schedules_fire(db, as_, engine):
    db.execute('delete from reportd.report_quota')
    due(db, 'ann', 1500, age='10 hours')
    due(db, 'bob', 1, 'hr', age='1 minute')
    engine(workers=2, poll_interval='60s', lease='240s')
    first = wait_for(lambda: db.value("select min(request_id) from reportd.report_request "
                                      "where owner = 'bob'::regrole"))
    assert db.value('select count(*) from reportd.report_request where request_id < %s', first) < 400
    # And all of them in the end, without a poll_interval between the turns.
    wait_for(lambda: fired(db, 'ann') == 1500, 50)


def test_owners_take_turns_as_notices_are_sent(db, as_, engine):
    receiver = Receiver()
    one = ask(as_('ann'), is_active=False)
    send = """insert into reportd.report_notification (run_id, config_id, owner, event, channel,
            recipient, url, due_at)
        select 1, %s, %s::regrole, 'COMPLETED', 'webhook', 'x', %s, now() - %s::interval
        from generate_series(1, %s)"""
    db.execute(send, one, 'ann', receiver.url('/ann'), '10 hours', 3000)
    db.execute(send, one, 'bob', receiver.url('/bob'), '1 minute', 1)
    engine(dict(SECTIONS))
    try:
        wait_for(lambda: any(r.path == '/bob' for r in receiver.taken))
        assert [r.path for r in receiver.taken].index('/bob') < 100
    finally:
        db.execute("update reportd.report_notification set state = 'FAILED' "
                   "where state = 'PENDING'")
        receiver.close()


MANY = 30000
# What waits for others, of ann, as many rows; how many of them are left.
STEPS = {
    # Each of a request of its own, as one look else stands for all of a report.
    'looks': ("""insert into reportd.report_look (config_id, owner, request_id, look_at)
                select %s, 'ann'::regrole, -i, now() - interval '1 hour'
                from generate_series(1, %s) i""",
              "select count(*) from reportd.report_look where owner = 'ann'::regrole"),
    'ends of parents': ("""insert into reportd.report_request (config_id, owner, reason,
                    requested_by, scheduled_for, state, outcome, ended_at, opens)
                select %s, 'ann'::regrole, 'schedule', 'ann', now(), 'ENDED', 'COMPLETED', now(),
                    true from generate_series(1, %s)""",
                        "select count(*) from reportd.report_request where opens "
                        "and owner = 'ann'::regrole"),
    'deadlines': ("""insert into reportd.report_request (config_id, owner, reason, requested_by,
                    scheduled_for, state, deadline)
                select %s, 'ann'::regrole, 'schedule', 'ann', now(), 'WAITING',
                    now() - interval '1 hour' from generate_series(1, %s)""",
                  "select count(*) from reportd.report_request where state = 'WAITING' "
                  "and owner = 'ann'::regrole"),
}


@pytest.mark.parametrize('what', STEPS)
def test_owners_take_turns_as_reports_follow_others(db, as_, engine, what):
    db.execute('delete from reportd.report_quota')
    ann, bob = as_('ann'), as_('bob')
    ask(ann, report_key='first', is_active=False)
    one = ask(ann, trigger_type='AFTER', run_after='{first}', is_active=False)
    fill, left = STEPS[what]
    db.execute(fill, one, MANY)
    parent = ask(bob, source='hr', report_key='parent')
    child = ask(bob, source='hr', trigger_type='AFTER', run_after='{parent}')
    ask(bob, source='hr', report_key='never', is_active=False)
    late = ask(bob, source='hr', trigger_type='AFTER', run_after='{never}')
    db.execute("""insert into reportd.report_request (config_id, owner, reason, requested_by,
            scheduled_for, state, deadline)
        select %s, 'bob'::regrole, 'after', 'bob', now(), 'WAITING', now()""", late)
    engine(workers=2)
    report.wait_done(db, parent)
    for report_id in child, late:
        wait_for(lambda: db.value("select count(*) from reportd.report_request where state = "
                                  "'ENDED' and config_id = %s", report_id))
    assert db.value(left) > MANY * 2 / 3


@pytest.mark.parametrize('statement, index', [
    ('select * from reportd.schedule_at_rest s where (s.owner, s.next_run_time) >= '
     "({0}::regrole, '-infinity'::timestamptz) and (s.owner, s.next_run_time) <= "
     '({0}::regrole, now()) order by s.owner, s.next_run_time limit 10', 'report_config_fire'),
    ('select s.owner, s.next_run_time from reportd.schedule_at_rest s where s.owner > {0}::regrole '
     'order by s.owner, s.next_run_time limit 1', 'report_config_fire'),
    ("select n.notification_id from reportd.report_notification n where n.state = 'PENDING' and "
     "(n.lane, n.owner, n.due_at) >= (1, {0}::regrole, '-infinity'::timestamptz) and "
     '(n.lane, n.owner, n.due_at) <= (1, {0}::regrole, now()) '
     'order by n.lane, n.owner, n.due_at limit 10',
     'report_notification_turn')])
def test_turns_read_a_short_range_of_an_index(db, as_, statement, index):
    due(db, 'ann', 2000)
    db.execute("""insert into reportd.report_notification (run_id, config_id, owner, event,
            channel, recipient, url, due_at)
        select 1, 1, 'ann'::regrole, 'COMPLETED', 'mail', 'x', 'x', now() - interval '1 day'
        from generate_series(1, 2000)""")
    db.execute('analyze reportd.report_config, reportd.report_notification')
    plan = db.value('explain (analyze, format json) ' + statement.format("'ann'"))[0]['Plan']
    nodes = [plan]
    for node in nodes:
        nodes += node.get('Plans', [])
    scan, = (n for n in nodes if 'Relation Name' in n)
    assert scan['Node Type'] in ('Index Scan', 'Index Only Scan') and scan['Index Name'] == index
    assert scan['Actual Rows'] <= 10


PLANNED = ['enable_seqscan', 'enable_bitmapscan', 'enable_hashjoin', 'enable_mergejoin', 'jit']


def waiting(db, owners, count=20000):
    """Makes the queue anew: this many owners wait for this many reports."""
    db.execute('truncate reportd.report_config')
    db.execute("""insert into reportd.report_config (report_name, owner, export_sql, priority,
            due_at, source, request_id)
        select 'x', (1000000 + i %% %s)::oid::regrole, 'select 1', 1 + i / %s %% 5,
            now() - i * interval '1 ms', 'finance', i from generate_series(1, %s) i""",
               owners, owners, count)
    db.execute('vacuum analyze reportd.report_config')


def explained(db, statement, values):
    """The plan of a statement of the daemon, which is executed and taken back, and the plans
    of statements inside its functions, as texts."""
    text = re.sub(r'--[^\n]*', '', (ROOT / f'sql/queue/{statement}.sql').read_text())
    nested = []
    with db.connect(autocommit=False) as conn:
        conn.add_notice_handler(lambda notice: nested.append(notice.message_primary))
        conn.execute("load 'auto_explain'; set auto_explain.log_nested_statements = on; "
                     'set auto_explain.log_min_duration = 0; set client_min_messages = log')
        for name in PLANNED:
            conn.execute(f'set {name} = off')
        text = re.sub(r'\$(\d)', lambda m: sql.Literal(values[int(m[1]) - 1]).as_string(conn), text)
        plan = conn.execute('explain (analyze, buffers, format json) ' + text).fetchone()[0][0]
        conn.rollback()
    return plan, nested


def pages_of_a_claim(db, worker, passed=None):
    """Pages that a claim of four jobs touches; `passed` is where earlier claims ended."""
    plan, nested = explained(db, 'claim', [worker, 4, 4, '{finance}', '{null}', 60000, passed, 0])
    assert plan['Plan']['Actual Rows'] == 4
    assert any('Scan using report_config_due' in inner for inner in nested)
    return plan['Plan']['Shared Hit Blocks'] + plan['Plan']['Shared Read Blocks']


@pytest.fixture
def claimer(db):
    """The worker_id of a daemon; no triggers, as it is quicker."""
    worker = str(db.value("""insert into reportd.report_worker (host, pid, version, workers, lease)
        values ('here', 1, '1', 4, '1 minute') returning worker_id"""))
    db.execute('set session_replication_role = replica')
    yield worker
    db.execute('reset session_replication_role')


@pytest.mark.parametrize('change', [
    '', "due_at = timestamptz '2020-01-01'", "due_at = now() + interval '1 hour'",
    "due_at = now() + interval '1 hour' where mod(config_id, 2) = 0",
    "trigger_type = 'AFTER', run_after = '{1}'", "source = 'other'", "target = 'elsewhere'",
    "local_paths = '{/nowhere}'", "priority = 1 where mod(config_id, 2) = 0",
    "source = 'other' where mod(config_id, 2) = 0", 'owner = 10 where config_id % 2 = 0',
    'is_active = false where mod(config_id, 2) = 0'])
@pytest.mark.parametrize('limits', ['{null}', '{3}', '{0}'])
def test_a_claim_finds_the_same_with_and_without_a_search_for_classes(db, claimer, change, limits):
    waiting(db, 1, 40)
    db.execute('update reportd.report_config set priority = 2')
    if change:
        db.execute(f'update reportd.report_config set {change}')
    def found(passed):
        return db.query("select * from reportd.claim_candidates(4, 2, '{finance}', %s, 60000, "
                        "%s, 0, '{}', '{}') order by place", limits, passed)
    assert found(None) == found('[]')


def test_a_claim_costs_the_same_however_many_owners_wait(db, claimer):
    def pages(owners):
        waiting(db, owners)
        return pages_of_a_claim(db, claimer)
    few, many = pages(50), pages(5000)
    assert many < few * 1.2


def test_a_claim_of_notices_reads_no_more_than_it_takes(db, claimer):
    """Thousands may have the same time: those of one run."""
    db.execute("""insert into reportd.report_notification (run_id, config_id, owner, event,
            channel, recipient, url, due_at)
        select 1, 1, current_user::regrole, 'COMPLETED', 'mail', 'x', 'x', now() - interval '1 day'
        from generate_series(1, 2000);
        analyze reportd.report_notification""")
    lane = db.value('select lane from reportd.report_notification limit 1')
    plan, _ = explained(db, 'notice_claim', [claimer, 64, '{}', f'{{{lane}}}', '{6}', 16])
    assert plan['Plan']['Actual Rows'] == 10
    nodes = [plan['Plan']]
    for node in nodes:
        nodes += node.get('Plans', [])
    assert max(n['Actual Rows'] for n in nodes) == 10


def test_a_claim_costs_the_same_while_a_transaction_keeps_what_was_claimed(db, claimer):
    """The index then has all reports that have run since: a claim begins after them."""
    waiting(db, 1)
    db.execute('update reportd.report_config set priority = 1')
    db.execute('vacuum full analyze reportd.report_config')
    fresh = pages_of_a_claim(db, claimer)
    with db.connect(autocommit=False) as conn:
        conn.execute('set transaction isolation level repeatable read')
        conn.execute('select 1')
        last = db.row("""with ran as (
                update reportd.report_config set status = 'COMPLETED', due_at = 'infinity'
                where due_at < (select due_at from reportd.report_config order by due_at
                    offset 15000 limit 1)
                returning config_id)
            select c.owner::oid::int as owner, c.due_at::text as due_at, c.config_id
            from reportd.report_config c where c.config_id = (select min(config_id) from ran)""")
        passed = json.dumps([[last.owner, 'finance', 1, 'ADHOC', last.due_at, last.config_id, 0]])
        db.execute('vacuum reportd.report_config')
        assert pages_of_a_claim(db, claimer) > fresh * 2
        assert pages_of_a_claim(db, claimer, passed) < fresh * 1.1


# ---- what was ADHOC once ----

def test_the_first_request_is_kept_when_a_schedule_takes_its_place(db, as_, engine):
    ann = as_('ann')
    engine()
    one = ask(ann)
    first = report.wait_done(db, one).request_id
    ann("""select reportd.change(%s, '{"trigger_type": "SCHEDULED",
        "schedule_expression": "@yearly"}')""", one)
    db.execute('update reportd.report_config set next_run_time = now() where config_id = %s', one)
    second = wait_for(lambda: db.value("select request_id from reportd.v_requests where "
                                       "reason = 'schedule' and status = 'COMPLETED'"))
    rows = db.query('select q.request_id, q.outcome, q.run_id, q.newest '
                    'from reportd.report_request q order by 1')
    runs = report.runs(db, one)
    assert rows == [(first, 'COMPLETED', runs[0].run_id, False),
                    (second, 'COMPLETED', runs[1].run_id, True)]


def test_a_first_request_that_completed_is_the_newest_until_another_does(db, as_, engine):
    ann = as_('ann')
    engine()
    one = ask(ann, text="select 1 / :'by'::int as n", parameters={'by': 1}, max_retries=0)
    first = report.wait_done(db, one).request_id
    bad = ann("select reportd.run_now(%s, '{\"by\": 0}')", one)
    newest = 'select request_id from reportd.report_request where newest'
    wait_for(lambda: db.value('select outcome from reportd.report_request '
                              'where request_id = %s', bad) == 'FAILED')
    assert [r[0] for r in db.query(newest)] == [first]
    good = ann('select reportd.run_now(%s)', one)
    wait_for(lambda: [r[0] for r in db.query(newest)] == [good])


def test_a_cancelled_request_that_was_tried_has_its_run(db, as_, engine):
    ann = as_('ann')
    engine({'reportd': {}}, retry_backoff='1h', retry_backoff_max='1h')
    one = ask(ann)
    report.wait_done(db, one)
    asked = ann("select reportd.run_now(%s, '{\"by\": 0}')", one)
    wait_for(lambda: db.value("select outcome from reportd.report_request "
                              "where request_id = %s", asked) == 'COMPLETED')
    db.execute("update reportd.report_config set export_sql = "
               "'select pg_terminate_backend(pg_backend_pid())' where config_id = %s", one)
    tried, untried = ann('select reportd.run_now(%s)', one), ann('select reportd.run_now(%s)', one)
    run_id = wait_for(lambda: (r := report.config(db, one)).status == 'PENDING'
                      and r.attempt == 1 and r.run_id)
    ann('listen reportd_done')
    ann('select reportd.cancel(%s, %s)', one, untried)
    ann('select reportd.cancel(%s)', one)
    assert db.query('select request_id, outcome, run_id from reportd.report_request '
                    'where request_id >= %s order by 1', tried) == [
        (tried, 'CANCELLED', run_id), (untried, 'CANCELLED', None)]


# ---- rows that cannot be claimed ----

def poisoned(db, owner, parameters, count=1, priority=1):
    """From before there were limits."""
    db.execute('set session_replication_role = replica')
    db.execute("""insert into reportd.report_config (report_name, export_sql, source, owner,
            priority, request_id, parameters)
        select 'poison', 'select 1', 'finance', %s::regrole, %s,
            nextval('reportd.report_request_request_id_seq'), p
        from generate_series(1, %s) i cross join lateral (select (""" + parameters + """)::jsonb as p) p""",
               owner, priority, count)
    db.execute('reset session_replication_role')


def test_a_row_that_cannot_be_claimed_is_found_wherever_it_is(db, as_, engine):
    db.execute('delete from reportd.report_quota')
    poisoned(db, 'finance', "'{}'", 2500)
    db.execute("update reportd.report_config set due_at = now() - interval '1 hour'")
    # After them in the order of due_at and of any index, and yet claimed at first: its
    # owner has its turn.
    # Parameters that are no object end the statement that reads them.
    poisoned(db, 'hr', "'[1]'")
    one = engine(workers=2, lease='60s')
    wait_for(lambda: 'reports that cannot be claimed were ended' in one.log(), 90)
    row = db.row("select status, error_message from reportd.report_config where parameters <> '{}'")
    assert row[0] == 'FAILED' and 'cannot be handed to a worker' in row[1]
    assert report.wait_done(db, ask(as_('bob'))).status == 'COMPLETED'


def test_the_server_ends_a_claim_that_takes_too_long(db, as_, engine):
    """Before the daemon gives the connection up and leaves it to go on."""
    one = ask(as_('bob'))
    with db.connect(autocommit=False) as conn:
        conn.execute('select from reportd.claim_turn for update')
        daemon = engine({'source.hr': {'conninfo': db.conninfo, 'max_running': 1},
                         'queue': {'conninfo': db.conninfo + ' user=reportd', 'timeout': '4s'}},
                        lease='60s')
        wait_for(lambda: 'canceling statement due to statement timeout' in daemon.log())
    assert report.wait_done(db, one).status == 'COMPLETED'
    assert 'connection lost' not in daemon.log()


def test_what_is_long_as_text_only_fails_alone(db, as_, engine):
    poisoned(db, 'finance', "jsonb_build_object('a', (select jsonb_agg((n || 'e131000')::numeric) "
             'from generate_series(1, 40) n))')
    one = engine()
    wait_for(lambda: db.value('select status from reportd.report_config') == 'FAILED')
    assert 'too large' in db.value('select error_message from reportd.report_config')
    assert report.wait_done(db, ask(as_('bob'))).status == 'COMPLETED'
    assert 'claim failed' not in one.log()


# ---- what a refusal looks like ----

@pytest.mark.parametrize('call', [
    'run_now(0)', "run_now({}, '[]')", 'retry(0)', 'retry({})', 'retry({}, 0)', 'cancel(0)',
    'cancel({}, 0)', 'cancel({})', "change({}, '{{\"x\": 1}}')", "change({}, '{{\"priority\": 9}}')",
    "change({}, '{{\"source\": \"hr\"}}')", 'delete(0)', 'resend(0)', "id('none')",
    "backfill({}, '2026-01-01', '2026-01-02')"])
def test_a_refusal_by_a_function_has_one_line_of_context(db, as_, call):
    ann = as_('ann')
    one = ask(ann)
    db.execute("update reportd.report_config set status = 'PROCESSING'")
    db.execute("update reportd.report_config set status = 'COMPLETED'")
    diag = ann.refused(f'select reportd.{call.format(one)}').diag
    assert diag.sqlstate == '22023' and diag.message_hint
    assert diag.context.count('\n') == 0, diag.context
