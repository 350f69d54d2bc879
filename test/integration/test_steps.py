# SPDX-License-Identifier: MIT
"""Reports that wait for others: AFTER, run_after, cascades, backfills, deadlines."""

import json
import re
from datetime import datetime, timedelta, timezone

import pytest
from psycopg import errors
from psycopg.types.json import Jsonb

from lib import process, report
from lib.paths import ROOT
from lib.wait import wait_for
from test_engine_shared import ended, gate, gated, running_engine, wait_at_gate

pytestmark = pytest.mark.shipped

FAST = {'retry_backoff': '100ms', 'retry_backoff_max': '300ms', 'poll_interval': '200ms'}
Refused = errors.InvalidParameterValue
FAILS = "do $$ begin if exists (select from pg_tables where tablename = 'broken') then " \
        "raise 'it is broken'; end if; end $$"


@pytest.fixture(scope='module')
def shared(cluster, template, tmp_path_factory):
    with running_engine(cluster, template, tmp_path_factory.mktemp('steps'), workers=4,
                        **FAST) as engine:
        yield engine


@pytest.fixture
def db(shared):
    yield shared.db
    shared.db.execute('drop table if exists broken')
    # Children first.
    while shared.db.value('select count(*) from reportd.report_config'):
        shared.db.execute('delete from reportd.report_config where not has_children')


def ask(db, key, after=None, **columns):
    if after:
        columns['run_after'] = after if isinstance(after, list) else after.split()
        columns.setdefault('trigger_type', 'AFTER')
    return report.submit(db, report_key=key, **{'report_name': key, **columns})


def scheduled(db, key, after=None, at=None, expression='0 0 1 1 *', **columns):
    if at:
        columns['next_run_time'] = at
    return ask(db, key, after, trigger_type='SCHEDULED', schedule_expression=expression, **columns)


def requests(db, config_id, *columns):
    what = ', '.join(columns or ('status',))
    rows = db.query(f'select {what} from reportd.v_requests where config_id = %s '
                    'order by request_id', config_id)
    return [r[0] for r in rows] if len(columns) < 2 else [tuple(r) for r in rows]


def wait_requests(db, config_id, *statuses, timeout=30):
    try:
        return wait_for(lambda: requests(db, config_id) == list(statuses), timeout)
    except AssertionError:
        raise AssertionError((requests(db, config_id, 'status', 'error_message', 'waits_for'),
                              db.value('select reportd.why(%s)', config_id))) from None


def run_now(db, config_id, **more):
    names = ''.join(f', {k} => %({k})s' for k in more)
    with db.connect(row_factory=None) as conn:
        return conn.execute(f'select reportd.run_now({config_id}{names})', more).fetchone()[0]


def why(db, config_id, request_id=None):
    return db.value('select reportd.why(%s, %s)', config_id, request_id)


def past(**ago):
    return datetime.now(timezone.utc).replace(microsecond=0) - timedelta(**ago)


def breaks(db):
    db.execute('create table if not exists broken ()')


def mends(db):
    db.execute('drop table broken')


# ---- AFTER ----

def test_reports_run_after_each_other(db):
    with gate(db):
        a = ask(db, 'a', export_sql=gated())
        b, c = ask(db, 'b', 'a'), ask(db, 'c', 'b')
        wait_at_gate(db)
        assert requests(db, b) == requests(db, c) == []
    assert [ended(db, one).status for one in (a, b, c)] == ['COMPLETED'] * 3
    rows = [requests(db, one, 'request_id', 'reason', 'root', 'scheduled_for')[0]
            for one in (a, b, c)]
    assert [r[1] for r in rows] == ['submit', 'after', 'after']
    assert [r[2] for r in rows] == [None, rows[0][0], rows[0][0]]
    # The time of the beginning is the time of all.
    assert len({r[3] for r in rows}) == 1
    runs = [report.runs(db, one)[0] for one in (a, b, c)]
    assert runs[0].finished_at <= runs[1].started_at and runs[1].finished_at <= runs[2].started_at


def test_a_diamond_meets_again(db):
    with gate(db):
        a = scheduled(db, 'a', at=past(minutes=5), export_sql=gated())
        b, c = ask(db, 'b', 'a'), ask(db, 'c', 'a')
        d = ask(db, 'd', 'b c')
        wait_at_gate(db)
    for one in (a, b, c, d):
        wait_requests(db, one, 'COMPLETED')
    assert db.value("select satisfied_by from reportd.report_request where config_id = %s", d) == {
        str(one): requests(db, one, 'request_id')[0] for one in (b, c)}


def test_the_second_parent_is_waited_for(db):
    with gate(db):
        a = ask(db, 'a', prep_sql='select pg_sleep(0.3)')
        ask(db, 'b', 'a')
        c = ask(db, 'c', 'a', export_sql=gated())
        d = ask(db, 'd', 'b c')
        wait_requests(db, d, 'WAITING')
        assert 'c, which is running (run ' in why(db, d)
        assert requests(db, d, 'waits_for')[0].startswith('c, which is running')
        assert report.config(db, d).status == 'PENDING'
    wait_requests(db, d, 'COMPLETED')
    assert ended(db, a)


def test_a_failed_parent_opens_nothing_until_it_is_repaired(db):
    breaks(db)
    a = ask(db, 'a', prep_sql=FAILS, max_retries=0)
    b = ask(db, 'b', 'a')
    assert report.wait_done(db, a).status == 'FAILED'
    assert 'a, whose run' in why(db, b) and 'it is broken' in why(db, b)
    assert requests(db, b) == []
    mends(db)
    db.value('select reportd.retry(%s)', a)
    wait_requests(db, b, 'COMPLETED')


def test_repairing_a_parent_releases_who_waits(db):
    breaks(db)
    a = ask(db, 'a', prep_sql='select pg_sleep(0.3)')
    ask(db, 'b', 'a')
    c = ask(db, 'c', 'a', prep_sql=FAILS, max_retries=0)
    d = ask(db, 'd', 'b c')
    wait_requests(db, d, 'WAITING')
    wait_requests(db, c, 'FAILED')
    wait_for(lambda: 'c, whose run' in why(db, d))
    assert 'failed at' in why(db, d) and 'it is broken' in why(db, d)
    mends(db)
    # Another run repairs as well as a retry does.
    run_now(db, c)
    wait_requests(db, d, 'COMPLETED')
    assert ended(db, a)


def test_a_parent_that_is_tried_again_is_waited_for(db):
    breaks(db)
    a = ask(db, 'a')
    ask(db, 'b', 'a')
    c = ask(db, 'c', 'a', prep_sql=FAILS, max_retries=100)
    d = ask(db, 'd', 'b c')
    wait_for(lambda: report.config(db, c).attempt > 1)
    wait_for(lambda: 'failed and is tried again at' in why(db, d))
    assert requests(db, d) == ['WAITING']
    mends(db)
    wait_requests(db, d, 'COMPLETED')
    assert ended(db, a) and requests(db, c) == ['COMPLETED']


def test_a_cancelled_parent_satisfies_nobody(db):
    with gate(db):
        ask(db, 'a', prep_sql='select pg_sleep(0.3)')
        ask(db, 'b', 'a')
        c = ask(db, 'c', 'a', export_sql=gated())
        d = ask(db, 'd', 'b c')
        wait_requests(db, d, 'WAITING')
        wait_at_gate(db)
        db.value('select reportd.cancel(%s)', c)
        wait_requests(db, c, 'CANCELLED')
        wait_for(lambda: 'was cancelled at' in why(db, d))
        assert requests(db, d) == ['WAITING']
    db.value('select reportd.retry(%s)', c)
    wait_requests(db, d, 'COMPLETED')


def test_a_run_by_hand_opens_children_only_when_it_cascades(db):
    a, b = ask(db, 'a'), ask(db, 'b', 'a')
    wait_requests(db, b, 'COMPLETED')
    wait_requests(db, a, 'COMPLETED')
    plain = run_now(db, a)
    wait_requests(db, a, 'COMPLETED', 'COMPLETED')
    wait_for(lambda: db.value('select opens from reportd.report_request where request_id = %s',
                              plain) is False)
    assert requests(db, b) == ['COMPLETED']
    run_now(db, a, cascade=True)
    wait_requests(db, b, 'COMPLETED', 'COMPLETED')
    # With parameters of its own it stands for nothing else.
    with pytest.raises(Refused, match='parameters of its own opens no other'):
        run_now(db, a, cascade=True, parameters=json.dumps({'x': 1}))
    alone = run_now(db, a, parameters=json.dumps({'x': 1}))
    wait_requests(db, a, *['COMPLETED'] * 4)
    assert db.row('select opens, newest from reportd.report_request where request_id = %s',
                  alone) == (None, False)
    # A child runs by hand without waiting for anybody.
    run_now(db, b)
    wait_requests(db, b, *['COMPLETED'] * 3)


def test_a_cascade_from_half_way_does_not_wait_for_what_it_never_reaches(db):
    ask(db, 'a', prep_sql='select pg_sleep(0.3)')
    b = ask(db, 'b', 'a')
    c = ask(db, 'c', 'a')
    d = ask(db, 'd', 'b c')
    wait_requests(db, d, 'COMPLETED')
    run_now(db, b, cascade=True)
    wait_requests(db, d, 'COMPLETED', 'COMPLETED')
    assert requests(db, c) == ['COMPLETED']


def test_each_backfilled_time_goes_through_the_pipeline(db):
    a = scheduled(db, 'a', expression='0 0 1 * *')
    b, c = ask(db, 'b', 'a'), ask(db, 'c', 'a')
    d = ask(db, 'd', 'b c')
    with db.connect(row_factory=None) as conn:
        conn.execute("select reportd.backfill(%s, '2026-01-01', '2026-06-15')", (a,))
    for one in (a, b, c, d):
        wait_requests(db, one, *['COMPLETED'] * 6, timeout=60)
    assert sorted(requests(db, d, 'scheduled_for')) == [
        datetime(2026, month, 1, tzinfo=timezone.utc) for month in range(1, 7)]


def test_an_adhoc_parent_that_was_quicker_counts(db):
    a = ask(db, 'a')
    ended(db, a)
    b = ask(db, 'b', 'a')
    wait_requests(db, b, 'COMPLETED')


def test_a_run_by_hand_asks_for_no_look_at_reports_that_do_not_wait(db):
    """Else each run of a parent of 10,000 would cost 10,000 looks for nothing."""
    a = ask(db, 'a')
    b = ask(db, 'b', 'a')
    wait_requests(db, b, 'COMPLETED')
    wait_for(lambda: db.value('select not exists (select from reportd.report_request where opens) '
                              'and not exists (select from reportd.report_look)'))
    looks = 'select last_value from reportd.report_look_look_id_seq'
    before = db.value(looks)
    run = db.value('select reportd.run_now(%s)', a)
    wait_for(lambda: db.value('select opens = false from reportd.report_request '
                              'where request_id = %s', run))
    assert db.value(looks) == before
    assert requests(db, b) == ['COMPLETED']


def test_an_inactive_child_is_not_opened(db):
    with gate(db):
        a = ask(db, 'a', export_sql=gated())
        b = ask(db, 'b', 'a', is_active=False)
    ended(db, a)
    wait_for(lambda: not db.value('select count(*) from reportd.report_look'))
    assert requests(db, b) == []
    assert 'is not active' in why(db, b)


# ---- SCHEDULED with run_after ----

def test_a_schedule_waits_for_its_parents_latest_time(db):
    breaks(db)
    a = scheduled(db, 'a', at=past(minutes=9), prep_sql=FAILS, max_retries=0,
                  expression='0 0 1 * *')
    wait_requests(db, a, 'FAILED')
    b = scheduled(db, 'b', 'a', at=past(seconds=1), expression='0 1 1 * *')
    wait_requests(db, b, 'WAITING')
    assert report.config(db, b).status == 'PENDING'
    assert 'a, whose run' in why(db, b) and 'waits until' in why(db, b)
    mends(db)
    db.value('select reportd.retry(%s)', a)
    wait_requests(db, b, 'COMPLETED')
    assert requests(db, b, 'reason', 'root') == [('schedule', None)]


def test_a_schedule_that_finds_all_done_runs_at_once(db):
    a = scheduled(db, 'a', at=past(minutes=9), expression='0 0 1 * *')
    wait_requests(db, a, 'COMPLETED')
    b = scheduled(db, 'b', 'a', at=past(seconds=1), expression='0 1 1 * *')
    wait_requests(db, b, 'COMPLETED')


def test_backfills_of_a_child_wait_like_its_occurrences(db):
    a = scheduled(db, 'a', expression='0 0 1 * *')
    b = scheduled(db, 'b', 'a', expression='0 1 1 * *')
    with db.connect(row_factory=None) as conn:
        conn.execute("select reportd.backfill(%s, '2026-01-01', '2026-03-15')", (b,))
        wait_requests(db, b, *['WAITING'] * 3)
        conn.execute("select reportd.backfill(%s, '2026-01-01', '2026-02-15')", (a,))
        wait_requests(db, b, 'COMPLETED', 'COMPLETED', 'WAITING')
        conn.execute("select reportd.backfill(%s, '2026-03-01', '2026-03-15')", (a,))
    wait_requests(db, b, *['COMPLETED'] * 3)
    by = db.query('select q.scheduled_for, p.scheduled_for as theirs from reportd.report_request q '
                  'join reportd.report_request p on p.request_id = (q.satisfied_by ->> %s)::bigint '
                  'where q.config_id = %s order by 1', str(a), b)
    assert [(c.month, p.month) for c, p in by] == [(1, 1), (2, 2), (3, 3)]


@pytest.mark.parametrize('policy, wanted', [('LATEST', ['COMPLETED', 'SKIPPED', 'COMPLETED']),
                                            ('ALL', ['COMPLETED'] * 3)])
def test_late_occurrences_follow_the_misfire_policy(db, policy, wanted):
    """Of those that wait the oldest and the newest stay, so that a parent that is always
    late does not keep its child from running."""
    breaks(db)
    a = scheduled(db, 'a', at=past(days=1), prep_sql=FAILS, max_retries=0)
    wait_requests(db, a, 'FAILED')
    b = scheduled(db, 'b', 'a', misfire_policy=policy)
    for minutes in (3, 2, 1):
        n = len(requests(db, b))
        db.execute('update reportd.report_config set next_run_time = %s where config_id = %s',
                   past(minutes=minutes), b)
        wait_for(lambda: len(requests(db, b)) == n + 1 and not db.value(
            'select count(*) from reportd.report_look'))
    waiting = requests(db, b)
    assert waiting == (['WAITING', 'SKIPPED', 'WAITING'] if policy == 'LATEST' else ['WAITING'] * 3)
    mends(db)
    db.value('select reportd.retry(%s)', a)
    # Both are free at once: the older one of LATEST is out of date then.
    wait_requests(db, b, *(['SKIPPED', 'SKIPPED', 'COMPLETED'] if policy == 'LATEST' else wanted))


# ---- deadlines ----

def test_who_was_waited_for_is_said_at_the_end(db):
    breaks(db)
    a = scheduled(db, 'a', at=past(minutes=9), prep_sql=FAILS, max_retries=0)
    wait_requests(db, a, 'FAILED')
    b = scheduled(db, 'b', 'a', at=past(seconds=1), wait_timeout='2 seconds',
                  notify_on_failure=['mailto:ann@example.com'])
    with db.connect() as conn:
        conn.execute('listen reportd_done')
        wait_requests(db, b, 'FAILED')
        request_id = requests(db, b, 'request_id')[0]
        for notice in conn.notifies():
            if json.loads(notice.payload)['request_id'] == request_id:
                break
        assert json.loads(notice.payload)['status'] == 'FAILED'
    row = report.config(db, b)
    assert row.status == 'FAILED'
    assert row.error_message.startswith('waited 00:00:02 for a, whose run ')
    assert 'it is broken' in row.error_message
    run, = report.runs(db, b)
    assert (run.status, run.request_id) == ('FAILED', request_id)
    assert db.value('select count(*) from reportd.report_notification where run_id = %s',
                    run.run_id) == 1
    assert 'waited 00:00:02 for a' in why(db, b)


@pytest.mark.parametrize('busy', [False, True])
def test_a_wait_that_ended_waits_again_when_it_is_tried_again(db, busy):
    a = scheduled(db, 'a')
    with gate(db):
        b = scheduled(db, 'b', 'a', at=past(seconds=1), wait_timeout='3 seconds',
                      export_sql=gated())
        one = wait_for(lambda: requests(db, b, 'request_id'))[0]
        if busy:
            run_now(db, b)
            wait_at_gate(db)

        def becomes(status):
            wait_for(lambda: db.value('select status from reportd.v_requests '
                                      'where request_id = %s', one) == status, what=status)
        becomes('FAILED')
        db.execute("""select reportd.change(%s, '{"wait_timeout": null}')""", b)
        assert db.value('select reportd.retry(%s, %s)', b, one) == one
        becomes('WAITING')
        assert 'waits until' in why(db, b, one) and 'for a, which has not run yet' in why(db, b, one)
        # The request can be cancelled, and tried again once more.
        db.value('select reportd.cancel(%s, %s)', b, one)
        becomes('CANCELLED')
        assert db.value('select reportd.retry(%s, %s)', b, one) == one
        becomes('WAITING')
        assert busy or db.value('select reportd.retry(%s)', b) == one
        run_now(db, a)
        becomes('QUEUED' if busy else 'PROCESSING')
    wait_requests(db, b, *['COMPLETED'] * (1 + busy))
    assert report.config(db, b).status == 'COMPLETED'


def test_a_paused_parent_is_told_at_once(db):
    scheduled(db, 'a', at=past(minutes=9), is_active=False)
    b = scheduled(db, 'b', 'a', at=past(seconds=1))
    wait_requests(db, b, 'WAITING')
    assert 'a, which is not active (paused)' in why(db, b)


def test_a_waiting_request_can_be_cancelled_and_waits_again(db):
    a = scheduled(db, 'a')
    b = scheduled(db, 'b', 'a', at=past(seconds=1))
    wait_requests(db, b, 'WAITING')
    one = requests(db, b, 'request_id')[0]
    with pytest.raises(Refused, match=f'request {one} waits for other reports'):
        db.value('select reportd.cancel(%s)', b)
    db.value('select reportd.cancel(%s, %s)', b, one)
    wait_requests(db, b, 'CANCELLED')
    db.value('select reportd.retry(%s, %s)', b, one)
    wait_requests(db, b, 'WAITING')
    run_now(db, a)
    wait_requests(db, b, 'COMPLETED')


def test_a_wait_ends_when_its_parent_is_taken_away(db):
    scheduled(db, 'a')
    b = scheduled(db, 'b', 'a', at=past(seconds=1))
    wait_requests(db, b, 'WAITING')
    db.value("""select reportd.change(%s, '{"run_after": null}')""", b)
    wait_requests(db, b, 'COMPLETED')


# ---- what is refused ----

def change(db, config_id, **changes):
    db.value('select reportd.change(%s, %s)', config_id, json.dumps(changes))


@pytest.mark.parametrize('columns, says', [
    ({'after': 'nobody'}, 'there is no report with the key "nobody"'),
    ({'trigger_type': 'AFTER'}, 'is AFTER without run_after'),
    ({'after': 'a', 'trigger_type': 'ADHOC'}, 'has run_after but is ADHOC'),
    ({'after': 'a a'}, 'names "a" twice'),
    ({'after': 'x'}, 'cannot run after itself'),
    ({'after': 'a', 'schedule_expression': '@daily'}, 'has a schedule_expression but is AFTER'),
    ({'after': 'a', 'wait_timeout': '0 s'}, 'shorter than a second'),
    ({'after': 'a b'}, 'do not begin with the same one'),
    ({'after': [['a'], ['b']]}, 'is no list of keys'),
    ({'trigger_type': 'LATER'}, 'unknown trigger_type "LATER"')])
def test_wrong_dependencies_are_refused(db, columns, says):
    scheduled(db, 'a'), scheduled(db, 'b')
    with pytest.raises(Refused, match=says) as e:
        ask(db, 'x', **columns)
    assert e.value.diag.message_hint
    assert e.value.diag.context.count('\n') == 0


def test_circles_are_refused(db):
    a = scheduled(db, 'a')
    scheduled(db, 'b', 'a')
    scheduled(db, 'c', 'b')
    with pytest.raises(Refused, match='"a" would wait for itself'):
        change(db, a, run_after=['c'])
    assert report.config(db, a).run_after is None


def test_two_changes_at_once_make_no_circle(db):
    a, b = scheduled(db, 'a'), scheduled(db, 'b')
    scheduled(db, 'c', 'b'), scheduled(db, 'd', 'a')
    with db.connect(autocommit=False) as one, db.connect(autocommit=False) as two:
        for conn, config_id, key in ((one, a, 'c'), (two, b, 'd')):
            conn.execute('select reportd.change(%s, %s)',
                         (config_id, json.dumps({'run_after': [key]})))
        one.commit()
        with pytest.raises(Refused, match='would wait for itself'):
            two.commit()


def test_nobody_waits_long_for_a_parent_that_is_held(db):
    a, b = scheduled(db, 'a'), scheduled(db, 'b')
    with db.connect(autocommit=False) as conn:
        conn.execute('select reportd.change(%s, \'{"priority": 2}\')', (a,))
        with pytest.raises(errors.LockNotAvailable, match=f'report {a}, which is in run_after'):
            change(db, b, run_after=['a'])
        conn.rollback()
    change(db, b, run_after=['a'])


def test_a_change_half_way_must_leave_one_beginning(db):
    scheduled(db, 'a'), scheduled(db, 'z')
    b = ask(db, 'b', 'a')
    ask(db, 'c', 'a')
    ask(db, 'd', 'b c')
    with pytest.raises(Refused, match='report "d" is AFTER, and'):
        change(db, b, run_after=['z'])
    with pytest.raises(Refused, match='report "d" is AFTER, and'):
        change(db, b, trigger_type='SCHEDULED', schedule_expression='@daily', run_after=None)


def test_a_needed_report_stays_and_keeps_its_key(db):
    a = scheduled(db, 'a')
    b = scheduled(db, 'b', 'a')
    for call in (lambda: db.value('select reportd.delete(%s)', a),
                 lambda: db.execute('delete from reportd.report_config where config_id = %s', a)):
        with pytest.raises(Refused, match=f'report {a} cannot be deleted: these run after it: b'):
            call()
    with pytest.raises(Refused, match='the key of report .* cannot change'):
        change(db, a, report_key='other')
    change(db, a, priority=1)
    db.value('select reportd.delete(%s)', b)
    assert report.config(db, a).has_children is False
    db.value('select reportd.delete(%s)', a)


def test_a_parent_deleted_meanwhile_is_found_at_commit(db):
    a = scheduled(db, 'a')
    with db.connect(autocommit=False) as conn:
        conn.execute("insert into reportd.report_config (report_name, export_sql, trigger_type, "
                     "run_after) values ('b', 'select 1', 'AFTER', '{a}')")
        db.execute('delete from reportd.report_config where config_id = %s', a)
        with pytest.raises(Refused, match='was deleted meanwhile'):
            conn.commit()


def test_the_last_child_leaves_while_another_comes(db):
    a = scheduled(db, 'a')
    b = scheduled(db, 'b', 'a')
    with db.connect(autocommit=False) as conn:
        conn.execute('select reportd.delete(%s)', (b,))
        scheduled(db, 'c', 'a')
        conn.commit()
    assert report.config(db, a).has_children is True


# ---- daemons ----

def test_many_children_are_opened_in_batches(cluster, template, tmp_path):
    """2,000 children: the parent's end writes one row of report_request, whatever follows."""
    db = cluster.create(template)
    conf = process.write_conf(tmp_path / 'x.conf', db, workers=2, **FAST)
    a = scheduled(db, 'a', at=past(seconds=1))
    db.execute("insert into reportd.report_config (report_name, export_sql, trigger_type, "
               "run_after, is_active) select 'x', 'select 1', 'AFTER', '{a}', i <= 1200 "
               'from generate_series(1, 2000) i')
    claimed = 'select count(*) from reportd.report_run'
    for _ in range(3):
        one = process.Daemon(db, conf)
        before = db.value(claimed)
        wait_for(lambda: db.value(claimed) > before + 20)
        one.kill()
    one = process.Daemon(db, conf)
    try:
        one.wait_ready()
        wait_for(lambda: db.value("select count(*) from reportd.report_request where reason = "
                                  "'after'") == 1200, 60)
        wait_for(lambda: not db.value('select count(*) from reportd.report_look'), 60)
        assert db.value("select count(*) from (select from reportd.report_request where reason = "
                        "'after' group by config_id having count(*) = 1) one") == 1200
    finally:
        one.end()
        db.drop()


def test_a_locked_child_holds_up_nobody_else(db):
    with db.connect(autocommit=False) as conn:
        with gate(db):
            ask(db, 'a', export_sql=gated())
            b, c = ask(db, 'b', 'a'), ask(db, 'c', 'a')
            wait_at_gate(db)
            conn.execute("select reportd.change(%s, '{\"priority\": 2}')", (b,))
        wait_requests(db, c, 'COMPLETED')
        assert requests(db, b) == []
        conn.rollback()
    wait_requests(db, b, 'COMPLETED')


def test_a_drain_goes_through_the_whole_pipeline(cluster, template, tmp_path):
    db = cluster.create(template)
    conf = process.write_conf(tmp_path / 'x.conf', db, workers=2)
    ask(db, 'a'), ask(db, 'b', 'a'), ask(db, 'c', 'b')
    done = process.reportd(conf, '--drain', timeout=60)
    assert done.returncode == 0, done.stderr
    assert db.value("select count(*) from reportd.report_run where status = 'COMPLETED'") == 3
    db.drop()


# ---- why ----

def test_why_without_a_daemon(cluster, template):
    db = cluster.create(template)
    db.execute("select reportd.register_source('default', 'postgres')")
    now = ask(db, 'now')
    later = ask(db, 'later', due_at=datetime.now(timezone.utc) + timedelta(hours=1))
    never = scheduled(db, 'never')
    after = ask(db, 'after', 'never')
    paused = scheduled(db, 'paused', is_active=False)
    for config_id, says in ((now, 'no daemon runs'), (later, 'it is due at 2'),
                            (never, 'its schedule fires next at 2'),
                            (after, 'it runs after never, which has not run yet, next at'),
                            (paused, 'it is not active (paused)')):
        assert says in why(db, config_id), says
    with pytest.raises(Refused, match='there is no report 999 that'):
        why(db, 999)
    with pytest.raises(Refused, match='has no request 999'):
        why(db, now, 999)
    db.drop()


def test_why_in_the_states_of_a_run(db):
    with gate(db):
        a = ask(db, 'a', export_sql=gated())
        wait_at_gate(db)
        wait_for(lambda: 'is running: run' in why(db, a))
        more = run_now(db, a)
        assert re.search(f'request {more} of report a waits for its turn: request .* is running',
                         why(db, a, more))
    wait_requests(db, a, 'COMPLETED', 'COMPLETED')
    assert 'has COMPLETED at' in why(db, a)
    breaks(db)
    b = ask(db, 'b', prep_sql=FAILS, max_retries=0)
    ended(db, b, 'FAILED')
    assert 'it is broken; `reportctl retry ' in why(db, b)
    db.execute("insert into reportd.report_source values ('other', 'postgres') on conflict do nothing")
    c = ask(db, 'c', source='other')
    assert 'no daemon that runs has the source "other"' in why(db, c)


def test_a_pipeline_can_be_one_insert(db):
    page = (ROOT / 'docs/sql.md').read_text()
    text = page[page.index('## Reports that wait for others'):]
    example = re.search(r'```sql\n(.*?)```', text, re.S)[1]
    db.execute(example)
    assert report.config(db, db.value("select reportd.id('summary')")).run_after == ['load', 'totals']
    with pytest.raises(Refused, match='cannot be deleted'):
        db.value("select reportd.delete(reportd.id('load'))")


# ---- the manual and reportctl ----

def test_the_pipeline_of_the_manual(db, shared):
    page = (ROOT / 'docs/pipelines.md').read_text()
    insert, look, *_ = re.findall(r'```sql\n(.*?)```', page, re.S)
    db.execute('create schema report_work')
    db.execute(insert)
    for command in re.findall(r'^\$ reportctl (run .*)$', page, re.M):
        done = process.reportctl(shared.conf, *command.split())
        assert done.returncode == 0, done.stderr
        assert re.fullmatch(r'(request \d+|1 request|3 requests) of report pipe_load (is|are) PENDING\n',
                            done.stdout)
    ids = {key: db.value('select reportd.id(%s)', key)
           for key in ('pipe_load', 'pipe_totals', 'pipe_top', 'pipe_summary')}
    for one in ids.values():
        wait_requests(db, one, *['COMPLETED'] * 5)
    rows = [r for r in db.query(look) if r.report_key and r.report_key.startswith('pipe_')]
    assert len(rows) == 20 and len({r.pipeline for r in rows}) == 5
    for pipeline in {r.pipeline for r in rows}:
        assert len({r.scheduled_for for r in rows if r.pipeline == pipeline}) == 1
    db.execute('drop schema report_work cascade')


def test_reportctl_tells_why_and_what_runs_after_what(db, shared):
    def ctl(*args):
        return process.reportctl(shared.conf, *args)
    scheduled(db, 'a', is_active=False)
    b = ask(db, 'b', 'a')
    says = 'report b has not run yet; it runs after a, which is not active (paused)'
    assert ctl('why', 'b').stdout.startswith(says)
    assert json.loads(ctl('why', 'b', '--json').stdout)['why'].startswith(says)
    done = ctl('why', 'b', '--request', '9999999')
    assert done.returncode == 1 and f'report {b} has no request 9999999' in done.stderr
    assert ctl('why', 'nobody').returncode == 1
    assert ctl('why').returncode == 2
    shown = json.loads(ctl('show', 'a', '--json').stdout)
    assert shown['followed_by'] == ['b'] and 'not active' in shown['why']
    assert json.loads(ctl('show', 'b', '--json').stdout)['run_after'] == ['a']
    assert ' after a ' in ctl('list').stdout
    done = ctl('run', 'b', '--cascade', '--from', '2026-01-01', '--to', '2026-01-02')
    assert done.returncode == 2 and '--cascade' in done.stderr


def test_reportctl_waits_for_all_that_a_cascade_begins(db, shared):
    def ctl(*args):
        done = process.reportctl(shared.conf, 'run', 'a', '--cascade', '--wait', *args)
        return done.returncode, done.stdout.splitlines(), done.stderr
    a, b = ask(db, 'a'), ask(db, 'b', 'a', prep_sql='select pg_sleep(0.3);' + FAILS,
                            max_retries=0)
    c = ask(db, 'c', 'a', output_path='c.csv', export_sql='select 1 as x')
    d = ask(db, 'd', 'b c')
    wait_requests(db, d, 'COMPLETED')
    code, lines, errors = ctl()
    assert code == 0 and errors == ''
    assert [line.split()[0] for line in lines][::3] == ['a:', 'd:']
    assert sorted(line.split()[0] for line in lines) == ['a:', 'b:', 'c:', 'd:']
    place, = [line for line in lines if line.startswith('c:')]
    assert re.fullmatch('c: COMPLETED .*/c.csv', place)
    # d waits for b, which has failed: nobody but a person changes that.
    db.execute('create table broken ()')
    code, lines, errors = ctl()
    assert code == 1 and {'b: FAILED', 'd: WAITING'} <= {*lines} and len(lines) == 4
    assert f'report {b} FAILED: prep: ' in errors
    assert 'report d still waits for b, whose run ' in errors
    assert '2 of 4 requests did not complete' in errors
    db.execute('drop table broken')
    db.value('select reportd.retry(%s)', b)
    wait_requests(db, d, *['COMPLETED'] * 3)
    code, lines, _ = ctl('--json')
    told = json.loads('\n'.join(lines))
    assert code == 0 and sorted(one['config_id'] for one in told) == [a, b, c, d]
    assert {one['status'] for one in told} == {'COMPLETED'}


def test_only_who_sees_a_request_hears_what_it_opens(db, shared):
    a = ask(db, 'a')
    wait_requests(db, a, 'COMPLETED')
    assert db.value('select reportd.opens_more(-1)') is None
    one = run_now(db, a, cascade=True)
    wait_for(lambda: db.value('select reportd.opens_more(%s)', one) is False)
    with db.connect(row_factory=None) as conn:
        conn.execute('create role sees_nothing in role reportd_submitter')
        conn.execute('set role sees_nothing')
        assert conn.execute('select reportd.opens_more(%s)', (one,)).fetchone() == (None,)
        conn.execute('reset role')
        conn.execute('drop role sees_nothing')
