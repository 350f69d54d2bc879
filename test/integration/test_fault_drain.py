# SPDX-License-Identifier: MIT
"""Daemons that end when the work is done: when, and with which code."""

import time

import pytest

from lib import process
from lib.report import config, runs, submit
from lib.wait import wait_for
from test_engine_shared import gate, wait_at_gate
from test_fault_shared import gated_run_id

OK, UNREACHED, REPORTS = 0, 5, 6
# Settings of daemons that do not end by a poll within a test.
SELDOM = {'poll_interval': '1h', 'lease': '2h'}
FAILS = 'select 1 / 0'


def fails_at_first(db):
    """A report whose first attempt fails transiently."""
    db.execute("create function fails_at_first(id bigint) returns text language plpgsql as $$ "
               "begin if (select count(*) from reportd.report_run where config_id = id) = 1 "
               "then raise 'not yet' using errcode = '57P03'; end if; return 'good'; end $$")
    return submit(db, export_sql="select fails_at_first(:'config_id'::bigint)")


def test_the_code_tells_whether_all_went_well(db, drain):
    submit(db)
    drain(codes=[OK])
    failed = submit(db, export_sql=FAILS)
    submit(db)
    drain(codes=[REPORTS])
    assert config(db, failed).status == 'FAILED'
    drain(codes=[OK])  # nothing of its own has failed


def test_a_cancelled_report_has_not_failed(db, daemon):
    with gate(db):
        config_id = submit(db, export_sql=gated_run_id())
        one = daemon(args=['--drain'])
        wait_at_gate(db)
        db.execute('select reportd.cancel(%s)', config_id)
        assert one.wait(20) == OK
    assert config(db, config_id).status == 'CANCELLED'


def test_a_retry_that_is_due_soon_is_waited_for(db, drain):
    config_id = fails_at_first(db)
    drain(codes=[OK], retry_backoff='2s', poll_interval='5s')
    assert [run.status for run in runs(db, config_id)] == ['FAILED', 'COMPLETED']


def test_a_retry_that_is_due_much_later_is_left_and_told(db, drain):
    config_id = fails_at_first(db)
    drain(codes=[REPORTS], retry_backoff='10min', poll_interval='5s')
    assert config(db, config_id).status == 'PENDING'


@pytest.fixture
def others(db, tmp_path):
    """Due reports that only other daemons can run: one has failed before."""
    for name in 'default', 'elsewhere':
        db.execute("select reportd.register_source(%s, 'postgres')", name)
    db.execute("select reportd.register_target('elsewhere', 'postgres')")
    ids = [submit(db, source='elsewhere'), submit(db, source='elsewhere'),
           submit(db, output_format='TABLE', target='elsewhere', output_path='table:elsewhere/s.t'),
           submit(db, inputs={'f': {'path': f'{tmp_path}/elsewhere/*.csv', 'required': False}})]
    db.execute('update reportd.report_config set attempt = 1 where config_id = %s', ids[1])
    return ids


def test_reports_that_only_others_can_run_are_left(db, drain, others):
    mine = submit(db)
    drain(codes=[OK], poll_interval='5s')
    assert config(db, mine).status == 'COMPLETED'
    assert {config(db, one).status for one in others} == {'PENDING'}


def test_reports_that_only_others_can_run_keep_no_idle_daemon(db, daemon, others):
    assert daemon(args=['--idle-exit', '1s'], poll_interval='1s').wait(20) == OK
    assert {config(db, one).status for one in others} == {'PENDING'}


def test_many_daemons_end_with_the_work(db, daemon):
    """None of them at the next poll."""
    for _ in range(40):
        submit(db, export_sql='select pg_sleep(0.1)')
    daemons = [daemon(args=['--drain'], workers=1, ready=False, **SELDOM)
               for _ in range(8)]
    wait_for(lambda: db.value("select count(*) = 40 from reportd.report_config "
                              "where status = 'COMPLETED'"))
    assert [one.wait() for one in daemons] == [OK] * 8


def test_a_queue_without_work_is_left_at_once(db, drain):
    """Also one whose next report is a schedule's, hours away."""
    for _ in range(2):
        drain(codes=[OK], **SELDOM)
        submit(db, trigger_type='SCHEDULED', schedule_expression='0 6 29 2 *')
    assert runs(db, 1) == []


def test_one_whose_work_another_takes_ends_with_that(db, daemon):
    """It has seen the report, and waits for who has locked it."""
    config_id = submit(db)
    with db.connect(autocommit=False) as conn:
        conn.execute('select from reportd.report_config for update')
        one = daemon(args=['--drain'], **SELDOM)
        wait_for(lambda: db.value(
            "select state = 'idle' and query ~ 'claim_candidates' from pg_stat_activity "
            "where application_name = 'reportd' and datname = current_database()"))
        conn.execute("update reportd.report_config set status = 'CANCELLED' "
                     'where config_id = %s', [config_id])
    assert one.wait() == OK


@pytest.mark.parametrize('listen', ['on', 'off'])
def test_they_wait_for_a_place_at_a_source_that_others_have(db, daemon, listen):
    """And end with those who have it."""
    sections = {'queue': {'listen': listen}, 'source.default': {'max_running': 1}}
    for _ in range(8):
        submit(db, export_sql='select pg_sleep(0.2)')
    daemons = [daemon(sections, args=['--drain'], ready=False, **SELDOM)
               for _ in range(3)]
    wait_for(lambda: db.value("select count(*) = 8 from reportd.report_config "
                              "where status = 'COMPLETED'"))
    assert [one.wait() for one in daemons] == [OK] * 3


def test_what_runs_elsewhere_is_left_to_who_runs_it(db, daemon, drain):
    with gate(db):
        config_id = submit(db, export_sql=gated_run_id())
        daemon()
        wait_at_gate(db)
        drain(codes=[OK], timeout=20)
        assert config(db, config_id).status == 'PROCESSING'


def test_what_a_daemon_leaves_that_has_died_is_run(db, daemon, drain):
    """It is silent for more than half a lease when the drain begins."""
    with gate(db):
        config_id = submit(db, export_sql=gated_run_id())
        one = daemon(lease='4s', poll_interval='1s')
        wait_at_gate(db)
        one.kill()
    wait_for(lambda: db.value('select heartbeat_at < now() - lease / 2 from reportd.report_worker'))
    drain(codes=[OK], lease='4s', poll_interval='1s', timeout=30)
    assert config(db, config_id).status == 'COMPLETED'
    assert [run.status for run in runs(db, config_id)] == ['LOST', 'COMPLETED']


def test_the_role_of_daemons_may_do_all_that_a_drain_does(db, drain):
    db.execute('create role drains login in role reportd_daemon')
    try:
        failed = submit(db, export_sql=FAILS)
        done = drain({'queue': {'conninfo': db.conninfo.replace(
            f'user={db.cluster.user}', 'user=drains')},
            'source.default': {'conninfo': db.conninfo, 'trusted': 'on'}}, codes=[REPORTS])
        assert config(db, failed).status == 'FAILED'
        assert 'permission denied' not in done.stderr
    finally:
        db.execute('drop role drains')


@pytest.mark.parametrize('conninfo', [
    'host=127.0.0.1 port=1 user=nobody dbname=nowhere',
    'password', 'database'])
@pytest.mark.parametrize('how', [['--drain'], ['--idle-exit', '1s']])
def test_a_queue_that_cannot_be_used_is_given_up(db, cluster, conf, conninfo, how):
    if conninfo == 'password':  # a role that may not log in
        conninfo = db.conninfo.replace(f'user={cluster.user}', 'user=pg_monitor')
    elif conninfo == 'database':
        conninfo = db.conninfo.replace(f'dbname={db.name}', 'dbname=not_there')
    started = time.monotonic()
    done = process.reportd(conf({'queue': {'conninfo': conninfo}}, lease='2s'), *how, timeout=20)
    assert done.returncode == UNREACHED, done.stderr
    assert 2 <= time.monotonic() - started < 8
    last = [line for line in done.stderr.splitlines() if 'could not be used' in line]
    assert last and 'error=' in last[0], done.stderr

