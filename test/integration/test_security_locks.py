# SPDX-License-Identifier: MIT
"""No session of a submitter holds up the daemon, or the reports of others."""

import contextlib
import json
import re

import psycopg
import pytest

from lib import report
from lib.manual import says
from lib.paths import ROOT
from lib.process import run
from lib.wait import wait_for
from test_security_shared import as_, ask, db, engine, queue, ran_by_hand, run_statement  # noqa: F401

pytestmark = pytest.mark.shipped


@says('Lock a table beyond ROW EXCLUSIVE, or rows other than by the functions.')
def test_locks(db, as_):
    ann = as_('ann')
    ask(ann)
    relations = [r[0] for r in db.query(
        "select relname from pg_class where relnamespace = 'reportd'::regnamespace "
        "and relkind in ('r', 'v', 'S')")]
    for who in ann, as_('vera'):
        for name in relations:
            for mode in ('share update exclusive', 'share', 'share row exclusive', 'exclusive',
                         'access exclusive'):
                with pytest.raises(psycopg.Error) as caught:
                    who(f'begin; lock table reportd.{name} in {mode} mode')
                who('rollback')
                assert caught.value.sqlstate in ('42501', '42809'), name
        for strength in ('update', 'no key update', 'share', 'key share'):
            for name in relations:
                with contextlib.suppress(psycopg.errors.FeatureNotSupported):
                    who.refused(f'select 1 from reportd.{name} x for {strength}')


@says('Stop claims by advisory locks.')
def test_advisory_locks_decide_nothing(db, as_, engine):
    assert not re.search(r'pg_(try_)?advisory', ''.join(
        p.read_text() for p in ROOT.glob('sql/**/*.sql')))
    bob = as_('bob')
    bob("select count(pg_advisory_lock(n)) from generate_series(-500, 500) n")
    bob("select pg_advisory_lock(hashtext(x)) from unnest('{reportd,claim,reportd.claim}'::text[]) x")
    db.execute('update reportd.report_quota set max_running = 1 where role = 0')
    engine()
    assert report.wait_done(db, ask(as_('ann'))).status == 'COMPLETED'
    db.execute('update reportd.report_quota set max_running = 4 where role = 0')


# Its progress is written at each beat.
SLEEP = "select repeat('x', 9000), pg_sleep(0.1) from generate_series(1, 3000)"
HELD = [
    'select reportd.run_now({running})', 'select reportd.cancel({running})',
    "select reportd.change({running}, '{{\"owner\": \"finance\"}}')",
    "select reportd.change({running}, '{{\"priority\": 1}}')",
    'select reportd.delete({running})', 'select reportd.run_now({done})',
    "select reportd.change({done}, '{{\"owner\": \"finance\"}}')",
    'select reportd.delete({done})', 'select reportd.resend({notice})',
    'select reportd.cancel({waiting})', 'select reportd.delete({schedule})',
    "select reportd.change({schedule}, '{{\"priority\": 1}}')",
    "insert into reportd.report_config (report_name, export_sql, source) "
    "values ('x', 'select 1', 'finance')",
    "set constraints all immediate; insert into reportd.report_config "
    "(report_name, export_sql, source) values ('x', 'select 1', 'finance')"]


@says('Hold up daemons, or reports of others, by a transaction that stays open, or by a COMMIT that '
      'takes long.')
def test_a_transaction_that_stays_open_holds_up_nobody(db, as_, engine):
    ann, bob = as_('ann'), as_('bob')
    numbers = {'done': ask(ann)}
    run, numbers['notice'] = ran_by_hand(db, numbers['done'])
    # Runs that are over keep the clean-up busy, too.
    db.execute("update reportd.report_run set started_at = now() - interval '2 days', "
               'leftovers = \'[{"place": "s3://none/x", "id": "1", "at": 1}]\'')
    db.execute("update reportd.report_notification set due_at = now() + interval '1 day'")
    numbers['running'] = ask(ann, text=SLEEP)
    one = engine(workers=3, lease='4s', poll_interval='200ms', cancel_grace='1s',
                 shutdown_grace='0', sections={'queue': {'timeout': '1s'}})
    report.wait_status(db, numbers['running'], 'PROCESSING')
    numbers['waiting'] = ask(ann, is_active=False)
    db.execute("update reportd.report_config set is_active = true, due_at = "
               "now() + interval '1 hour' where config_id = %s", numbers['waiting'])
    numbers['schedule'] = ask(ann, trigger_type='SCHEDULED', schedule_expression='* * * * *',
                              next_run_time='2100-01-01')
    for held in HELD:
        ann('begin')
        ann(held.format(**numbers))
        assert report.wait_done(db, ask(bob)).status == 'COMPLETED', held
        for _ in range(2):
            before = db.value('select heartbeat_at from reportd.report_worker')
            wait_for(lambda: db.value('select heartbeat_at from reportd.report_worker')
                     > before, 30, held)
        ann('rollback')
        assert 'canceling statement' not in one.log(), held
    assert db.value('select status from reportd.report_run where config_id = %s',
                    numbers['running']) == 'PROCESSING'
    assert 'lease lost' not in one.log()


@pytest.fixture
def busy(db, as_):
    """Rows of ann in which each statement of a daemon has something to do, and the
    statements with their parameters, as the daemon runs them."""
    ann = as_('ann')
    me, dead = [db.value("""insert into reportd.report_worker (host, pid, version, workers, lease,
            heartbeat_at) values ('here', 1, '1', 4, '1 minute', now() - %s::interval)
        returning worker_id""", age) for age in ('0', '1 hour')]

    def run(config_id, status, worker, age='0'):
        return db.value("""
            with run as (
                insert into reportd.report_run (config_id, request_id, owner, report_name,
                    attempt, scheduled_for, worker_id, status, started_at, leftovers)
                select config_id, request_id, owner, report_name, 1, now(), %s, %s,
                    now() - %s::interval, case %s when 'COMPLETED' then '[]'::jsonb end
                from reportd.report_config where config_id = %s returning run_id)
            update reportd.report_config c set run_id = run.run_id, attempt = 1
            from run where c.config_id = %s returning run.run_id""",
            worker, status, age, status, config_id, config_id)

    def set_to(config_id, columns):
        db.execute(f'update reportd.report_config set {columns} where config_id = %s', config_id)
    ids = {name: ask(ann, name) for name in (
        'waits', 'runs', 'was taken', 'stray', 'is over', 'went wrong', 'follows', 'cancelled')}
    ids['fires'] = ask(ann, trigger_type='SCHEDULED', schedule_expression='* * * * *')
    db.execute("select reportd.grant_path('file:///landing/', 'ann', 'write') as w, "
               "reportd.grant_path('file:///landing/', 'ann', 'read') as r, "
               "reportd.grant_path('s3://landing/', 'ann', 'read')")
    ids['files'] = ask(ann, trigger_type='FILE', inputs={'f': {
        'path': '/landing/in/*.csv', 'quarantine': '/landing/bad/', 'stable_for': '0 s'}})
    ids['objects'] = ask(ann, trigger_type='FILE', inputs={'f': 's3://landing/*.csv'})
    ids['parent'] = ask(ann, report_key='parent')
    ids['child'] = ask(ann, trigger_type='AFTER', run_after=['parent'])
    run_statement(as_('reportd'), 'steps', [me])  # makes the zones
    zone = db.value("select zone_id from reportd.report_zone where path like '/landing%'")
    db.execute("""insert into reportd.report_input (config_id, input, url, version, size,
            modified_at, state, move, move_at)
        select %s, 'f', format('/landing/in/%%s.csv', n), '1', 9, now(), s, m, case when m > '' then now() end
        from (values (1, 'NEW', null), (2, 'FAILED', null), (3, 'FAILED', 'quarantine'))
            as f(n, s, m)""", ids['files'])
    db.execute("""insert into reportd.report_inbox (inbox, owner, every, began_at, next_at)
        values ('w:t', 'ann', '1 hour', now() - interval '2 hours', now())""")
    follows, = db.row('select reportd.run_now(%s)', ids['follows'])
    db.execute('set session_replication_role = replica') # without what triggers refuse
    runs = {'runs': run(ids['runs'], 'PROCESSING', me),
            'was taken': run(ids['was taken'], 'PROCESSING', me),
            'stray': run(ids['stray'], 'PROCESSING', dead),
            'is over': run(ids['is over'], 'COMPLETED', me, '2 days'),
            'went wrong': run(ids['went wrong'], 'FAILED', me, '2 days')}
    for name in 'runs', 'stray':
        set_to(ids[name], "status = 'PROCESSING'")
    for name in 'was taken', 'is over', 'follows':
        set_to(ids[name], "status = 'COMPLETED', due_at = now()")
    set_to(ids['went wrong'], "status = 'FAILED'")
    set_to(ids['cancelled'], "status = 'CANCELLED', updated_timestamp = now() - interval '2 days'")
    set_to(ids['fires'], "next_run_time = now() - interval '1 second'")
    lost = db.value("insert into reportd.report_config (report_name, export_sql, source, owner) "
                    "values ('lost', 'select 1', 'gone', 'ann') returning config_id")
    db.execute("""insert into reportd.report_request (config_id, owner, reason, requested_by,
            scheduled_for, state, outcome, ended_at)
        values (%s, 'ann', 'run_now', 'ann', now(), 'ENDED', 'CANCELLED',
            now() - interval '2 days')""", ids['is over'])
    notices = [db.value("""insert into reportd.report_notification (run_id, config_id, owner,
            event, channel, recipient, url, state, worker_id, attempts)
        values (%s, %s, 'ann', 'COMPLETED', 'mail', 'x@example.com', 'mailto:x@example.com', %s,
            %s, 1) returning notification_id""", runs['is over'], ids['is over'], state, worker)
        for state, worker in (('SENDING', me), ('SENDING', dead), ('PENDING', None),
                              ('FAILED', None))]
    db.execute('reset session_replication_role')
    assert follows

    def results(**result):
        return json.dumps([result])
    return {
        'ids': [v for k, v in ids.items() if k not in (
            'parent', 'child', 'files', 'objects')], 'lost': lost,
        **{k: ids[k] for k in ('files', 'parent', 'fires', 'went wrong')}, 'dead': dead, 'notices': notices[2:], 'statements': {
        'tick': [me, json.dumps([{'run_id': runs[name], 'stage': 'export', 'row_count': 1}
                                 for name in ('runs', 'was taken')]), 60000, 60000, 4, 3, 0],
        'claim': [me, 10, 10, '{finance}', '{null}', 60000, None, 0],
        'publish': [me, f"{{{runs['runs']}}}"],
        'finish': [me, results(run_id=runs['runs'], config_id=ids['runs'], status='COMPLETED',
                               permanent=False, stage='export'), 1000, 1000],
        'notice_claim': [me, 10, '{}', '{}', '{}', 10],
        'notice_done': [me, results(notification_id=notices[0], attempt=1, state='SENT'),
                        1000, 1000, 3],
        'set_aside': [me, '{finance,gone}', None], 'recover': [me, '{}'], 'count': [],
        'swept': [results(run_id=runs['is over'], leftovers=[])], 'purge': [86400000, 0],
        'arrived': ['["/landing/in/*.csv"]'], 'created': ['["s3://landing/a.csv"]'], 'beat': [me],
        'zones': [me, 10, 60000, '{}'], 'watched': [me], 'moves': [me],
        'listed': [me, zone, 1, json.dumps([{'url': '/landing/in/1.csv', 'version': '2', 'size': 9,
                                             'modified': 1}]), 1, False, None, 100, 1000, 60000],
        'moved': [results(file_id=1, over=True)], 'steps': [me], 'tally': [], 'load': [],
        'publish_horizon': [me, f"{{{runs['runs']}}}", results(
            run_id=runs['runs'], horizon='2026-01-01 00:00:00+00')],
        'inbox_begin': [me, 'w:t', 'ann', '{report_name}', 1000, 1000, 60000],
        'inbox_step': [me, 'w:t', 1, '{}', False, 60000, 0],
        'register': ['here', 2, '1', 4, 60000, '{finance}', '{postgres}', None, '{/landing}', '{}', '{}'],
        'sources': [me, '{finance}', '{postgres}', None, '{/landing}', '{}', '{}'],
        'drained': [me], 'leave': [me], 'leaving': [me], 'may_leave': [me], 'retire': [me], 'version': []}}


# A claim waits on purpose: no two daemons count at the same time.
ALONE = {'claim_lock'}


def test_each_statement_of_the_daemon_is_looked_at(busy):
    assert {*busy['statements'], *ALONE} == {
        path.stem for path in (ROOT / 'sql/queue').glob('*.sql')}


@pytest.mark.parametrize('held', [
    "reportd.change(unnest(%(ids)s), '{\"owner\": \"finance\"}')",
    "reportd.change(unnest(%(ids)s), '{\"priority\": 1}')",
    'reportd.run_now(unnest(%(ids)s || %(lost)s))', 'reportd.delete(unnest(%(ids)s || %(lost)s))',
    'reportd.resend(unnest(%(notices)s))', 'reportd.release_input(%(files)s)',
    'reportd.quarantine_input(%(files)s)', 'reportd.wake_inboxes()',
    'reportd.run_now(%(parent)s, "cascade" => true)', 'reportd.retry(%(went wrong)s)',
    "reportd.backfill(%(fires)s, now() - interval '5 minutes', now())"], ids=lambda h: h[8:14])
def test_no_statement_of_the_daemon_waits_for_a_submitter(db, as_, busy, held):
    ann, daemon = as_('ann'), as_('reportd')
    daemon("set statement_timeout = '2s'")
    ann.conn.execute('begin')
    ann.conn.execute(f'select {held}', {k: busy[k] for k in (
        'ids', 'lost', 'notices', 'files', 'parent', 'fires', 'went wrong')})
    for name, params in busy['statements'].items():
        daemon('begin')
        run_statement(daemon, name, params)
        daemon('rollback')


def test_no_statement_of_the_daemon_waits_for_another_daemon(db, as_, busy):
    """One whose machine stands still in the midst of its statements."""
    other, daemon = as_('reportd'), as_('reportd')
    daemon("set statement_timeout = '2s'")
    other('begin')
    run_statement(other, 'count', [])
    for name in 'claim', 'notice_claim':
        run_statement(other, name, [busy['dead'], *busy['statements'][name][1:]])
    for name, params in busy['statements'].items():
        daemon('begin')
        run_statement(daemon, name, params)
        daemon('rollback')


@pytest.mark.parametrize('held', ['report_run', 'report_config', 'report_notification'])
def test_the_clean_up_locks_what_it_deletes(db, as_, busy, held):
    """Runs that are not old, or not over, can be locked meanwhile; what somebody has
    locked stays as a whole and is deleted later."""
    ann, daemon, other = as_('ann'), as_('reportd'), as_('reportd')
    old = [ask(ann) for _ in range(3)]
    runs = [ran_by_hand(db, one)[0] for one in old]
    db.execute("update reportd.report_run set started_at = now() - interval '2 days' "
               "where run_id = any (%s) or status = 'PROCESSING'", runs)
    ran_by_hand(db, ask(ann))
    kept = 'select array_agg(run_id order by run_id) from reportd.report_run'
    young = db.value(kept + " where status = 'PROCESSING' or started_at > now() - "
                            "interval '1 day'")
    assert len(young) > 2

    def left():
        return [db.value(f'select count(*) from reportd.{table} where {key} = any (%s)', ids)
                for table, key, ids in (('report_run', 'run_id', runs),
                                        ('report_notification', 'run_id', runs),
                                        ('report_config', 'config_id', old))]
    other('begin')
    other(f'select from reportd.{held} where run_id = %s for update', runs[1])
    daemon("set statement_timeout = '2s'")
    daemon('begin')
    run_statement(daemon, 'purge', [86400000, 0])
    with db.connect(autocommit=False) as conn:
        free = conn.execute('select run_id from reportd.report_run where run_id = any (%s) '
                            'order by 1 for update skip locked', [young]).fetchall()
        assert [r[0] for r in free] == young
        conn.rollback()
    daemon('commit')
    assert left() == [1, 1, 1]
    other('rollback')
    run_statement(daemon, 'purge', [86400000, 0])
    assert left() == [0, 0, 0]
    assert db.value(kept) == young
