# SPDX-License-Identifier: MIT
"""A report has one request in hand; others wait, and none is lost."""

import json
import re
from datetime import datetime, timedelta, timezone

import pytest
from psycopg import errors

from lib import report
from lib.paths import ROOT
from lib.wait import wait_for
from test_engine_shared import (ended, file_of, gate, gated, running_engine,
                                wait_at_gate)

pytestmark = pytest.mark.shipped

FAST = {'retry_backoff': '100ms', 'retry_backoff_max': '300ms', 'poll_interval': '200ms'}


@pytest.fixture(scope='module')
def engine(cluster, template, tmp_path_factory):
    with running_engine(cluster, template, tmp_path_factory.mktemp('requests'),
                        workers=4, **FAST) as engine:
        yield engine


@pytest.fixture
def db(engine):
    return engine.db


def request(db, request_id):
    return db.row('select * from reportd.v_requests where request_id = %s', request_id)


def run_now(db, config_id, **parameters):
    return db.value('select reportd.run_now(%s, %s)', config_id, json.dumps(parameters))


def status(db, *request_ids, timeout=30):
    """Waits until all of them have ended; their outcomes."""
    def over():
        rows = [request(db, one) for one in request_ids]
        return all(row.status in ('COMPLETED', 'FAILED', 'CANCELLED', 'SKIPPED')
                   for row in rows) and rows
    return [row.status for row in wait_for(over, timeout, 'the ends of requests')]


def values(db, config_id):
    """What the runs wrote, in their order."""
    return [file_of(run.output_url).read_text().splitlines()[1]
            for run in report.runs(db, config_id) if run.output_url]


def test_requests_while_it_runs_follow_one_after_the_other(db):
    with gate(db):
        config_id = report.submit(db, export_sql=f"select :'year' as y from ({gated()}) g",
                                  parameters='{"year": 0}', output_path='{year}_{run_id}.csv')
        wait_at_gate(db)
        asked = [run_now(db, config_id, year=year) for year in (2022, 2025, 2022)]
        assert [request(db, one).status for one in asked] == ['QUEUED'] * 3
        assert report.config(db, config_id).status == 'PROCESSING'
    assert status(db, *asked) == ['COMPLETED'] * 3
    assert values(db, config_id) == ['0', '2022', '2025', '2022']
    runs = report.runs(db, config_id)
    assert [run.request_id for run in runs][1:] == asked
    assert all(a.finished_at <= b.started_at for a, b in zip(runs, runs[1:]))
    # The first request of an ADHOC report has its outcome as well.
    assert request(db, runs[0].request_id).status == 'COMPLETED'


def test_a_request_during_back_off_leaves_the_attempts_alone(cluster, template, tmp_path):
    with running_engine(cluster, template, tmp_path, retry_backoff='1h',
                        retry_backoff_max='1h') as one:
        db = one.db
        config_id = report.submit(
            db, parameters='{"a": "own"}', prep_sql="do $$ begin if not exists (select from "
            "pg_tables where tablename = 'ready') then raise 'busy' using errcode = '57P03'; "
            "end if; end $$", export_sql="select :'a' as a")
        first = wait_for(lambda: (r := report.config(db, config_id)).error_message and r)
        asked = run_now(db, config_id, a='other')
        now = report.config(db, config_id)
        assert now.status == 'PENDING'
        assert (now.due_at, now.scheduled_for, now.request_id, now.run_parameters) == (
            first.due_at, first.scheduled_for, first.request_id, None)
        assert request(db, asked).status == 'QUEUED'
        db.execute('create table ready ()')
        assert db.value('select reportd.retry(%s)', config_id) == first.request_id
        assert status(db, first.request_id, asked) == ['COMPLETED'] * 2
        assert values(db, config_id) == ['own', 'other']


def test_each_request_has_its_own_outcome(db):
    config_id = report.submit(db, max_retries=0, export_sql="select 1 / :'by'::int as n",
                              parameters='{"by": 1}')
    ended(db, config_id)
    with db.connect() as conn:
        conn.execute('listen reportd_done')
        bad, good = run_now(db, config_id, by=0), run_now(db, config_id, by=1)
        told = {}
        for notice in conn.notifies():
            message = json.loads(notice.payload)
            told[message['request_id']] = message
            if told.keys() >= {bad, good}:
                break
    assert (told[bad]['status'], told[good]['status']) == ('FAILED', 'COMPLETED')
    assert all(told[one]['config_id'] == config_id for one in (bad, good))
    assert 'division by zero' in request(db, bad).error_message
    # The failed one is tried again, though another ended after it.
    assert db.value('select reportd.retry(%s)', config_id) == bad
    assert status(db, bad) == ['FAILED']
    assert len([r for r in report.runs(db, config_id) if r.request_id == bad]) == 2
    with pytest.raises(errors.InvalidParameterValue, match='is COMPLETED: there is nothing'):
        db.value('select reportd.retry(%s, %s)', config_id, good)


def test_a_retry_is_shown_with_its_own_run(db):
    with gate(db):
        config_id = report.submit(db, export_sql=gated())
        wait_at_gate(db)
        asked = run_now(db, config_id)
        db.execute('select reportd.cancel(%s)', config_id)
        wait_for(lambda: request(db, asked).status == 'PROCESSING')
        db.execute('select reportd.cancel(%s)', config_id)
        assert status(db, asked) == ['CANCELLED']
        before = request(db, asked)
        assert before.error_message and before.run_id == report.runs(db, config_id)[-1].run_id
        db.execute('select reportd.retry(%s)', config_id)
        wait_for(lambda: request(db, asked).status == 'PROCESSING')
        run = report.runs(db, config_id)[-1]
        now = request(db, asked)
        assert (now.run_id, now.error_message) == (run.run_id, None) and run.run_id != before.run_id
        assert f'is running: run {run.run_id}, ' in db.value('select reportd.why(%s)', config_id)
    assert status(db, asked) == ['COMPLETED']


def test_a_waiting_request_can_be_cancelled_alone(db):
    with gate(db):
        config_id = report.submit(db, export_sql=gated())
        wait_at_gate(db)
        first, second = run_now(db, config_id), run_now(db, config_id)
        assert db.value('select reportd.cancel(%s, %s)', config_id, first) == 'CANCELLED'
    assert status(db, first, second) == ['CANCELLED', 'COMPLETED']
    assert len(report.runs(db, config_id)) == 2
    with pytest.raises(errors.InvalidParameterValue, match='nothing to cancel'):
        db.value('select reportd.cancel(%s, %s)', config_id, second)
    with pytest.raises(errors.InvalidParameterValue, match='has no request 987654'):
        db.value('select reportd.cancel(%s, 987654)', config_id)


def test_what_follows_a_cancelled_run_runs(db):
    with gate(db):
        config_id = report.submit(db, export_sql=gated())
        wait_at_gate(db)
        after = run_now(db, config_id)
        in_hand = report.config(db, config_id).request_id
        assert db.value('select reportd.cancel(%s)', config_id) == 'CANCELLING'
        wait_for(lambda: request(db, in_hand).status == 'CANCELLED')
    assert status(db, after) == ['COMPLETED']


def test_requests_survive_a_killed_daemon(cluster, template, tmp_path):
    from lib import process
    db = cluster.create(template)
    conf = process.write_conf(tmp_path / 'x.conf', db, lease='2s', workers=2,
                              poll_interval='200ms')
    config_id = report.submit(db, export_sql="select :'n' as n", parameters='{"n": 0}')
    asked = [run_now(db, config_id, n=n) for n in range(1, 31)]
    for _ in range(4):
        one = process.Daemon(db, conf)
        before = len(report.runs(db, config_id))
        wait_for(lambda: len(report.runs(db, config_id)) > before + 1)
        one.kill()
    one = process.Daemon(db, conf)
    try:
        assert status(db, *asked, timeout=60) == ['COMPLETED'] * 30
        completed = [run.request_id for run in report.runs(db, config_id)
                     if run.status == 'COMPLETED']
        assert sorted(completed)[1:] == asked and len(set(completed)) == len(completed)
        assert values(db, config_id) == [str(n) for n in range(31)]
    finally:
        one.end()
        db.drop()


def test_a_backfill_asks_for_each_scheduled_time(db):
    config_id = report.submit(db, trigger_type='SCHEDULED', time_zone='Europe/Berlin',
                              schedule_expression='0 6 * * MON', export_sql='select 1 as a',
                              output_path='backfill/{config_id}_%Y%m%d.csv')
    asked = [row[0] for row in db.query(
        "select reportd.backfill(%s, '2026-03-16', '2026-04-13 06:00 Europe/Berlin')", config_id)]
    assert status(db, *asked) == ['COMPLETED'] * 5
    runs = report.runs(db, config_id)
    assert [run.scheduled_for for run in runs] == [
        datetime(2026, 3, 16, 5, tzinfo=timezone.utc), datetime(2026, 3, 23, 5, tzinfo=timezone.utc),
        datetime(2026, 3, 30, 4, tzinfo=timezone.utc), datetime(2026, 4, 6, 4, tzinfo=timezone.utc),
        datetime(2026, 4, 13, 4, tzinfo=timezone.utc)]
    assert report.config(db, config_id).next_run_time > datetime.now(timezone.utc)
    assert {row.reason for row in map(lambda q: request(db, q), asked)} == {'backfill'}


@pytest.mark.parametrize('start, end, says', [
    ('2026-04-02', '2026-04-01', 'there is no time'), ('-infinity', '2026-04-01', 'no time'),
    ('2026-04-02', '2226-04-01', 'in the future'), ('2016-04-02', '2026-04-01', 'more than 1000')])
def test_a_backfill_that_makes_no_sense_is_refused(db, start, end, says):
    config_id = report.submit(db, trigger_type='SCHEDULED', schedule_expression='@daily')
    with pytest.raises(errors.InvalidParameterValue, match=says):
        db.query('select reportd.backfill(%s, %s, %s)', config_id, start, end)


def test_a_schedule_goes_before_a_long_backfill(db):
    with gate(db):
        config_id = report.submit(db, trigger_type='SCHEDULED', schedule_expression='@hourly',
                                  export_sql=gated())
        db.query("select reportd.backfill(%s, now() - interval '5 hours', now())", config_id)
        wait_at_gate(db)
        db.execute("update reportd.report_config set next_run_time = date_trunc('hour', now()) "
                   'where config_id = %s', config_id)
    wait_for(lambda: len(report.runs(db, config_id)) >= 2)
    second = report.runs(db, config_id)[1]
    assert request(db, second.request_id).reason == 'schedule'
    wait_for(lambda: db.value('select count(*) from reportd.v_requests where config_id = %s '
                              "and status = 'COMPLETED'", config_id) >= 6)


def test_run_now_of_a_schedule_leaves_its_times_alone(db):
    config_id = report.submit(db, trigger_type='SCHEDULED', schedule_expression='@yearly')
    before = report.config(db, config_id).next_run_time
    assert status(db, run_now(db, config_id)) == ['COMPLETED']
    now = report.config(db, config_id)
    assert (now.next_run_time, now.status) == (before, 'COMPLETED')


def test_deleting_a_report_ends_what_waits(db):
    with gate(db):
        config_id = report.submit(db, export_sql=gated())
        wait_at_gate(db)
        asked = run_now(db, config_id)
        db.execute('select reportd.delete(%s)', config_id)
        assert request(db, asked).status == 'CANCELLED'


def test_who_asked_is_written_down(db, cluster):
    cluster.admin('drop role if exists asker')
    cluster.admin('create role asker')
    db.execute('grant reportd_operator to asker')
    config_id = report.submit(db)
    ended(db, config_id)
    with db.connect() as conn:
        conn.execute('set role asker')
        asked, = conn.execute('select reportd.run_now(%s)', [config_id]).fetchone()
    row = request(db, asked)
    assert (row.requested_by, row.owner) == ('asker', cluster.user)
    db.execute('drop owned by asker; drop role asker')


def test_old_requests_are_forgotten_but_the_newest_completed_one(db, engine):
    config_id = report.submit(db, trigger_type='SCHEDULED', schedule_expression='@yearly')
    asked = [run_now(db, config_id) for _ in range(3)]
    status(db, *asked)
    db.execute("update reportd.report_request set ended_at = now() - interval '100 days' "
               'where config_id = %s', config_id)
    purge = (ROOT / 'sql/queue/purge.sql').read_text()
    db.execute('prepare purge(bigint, bigint) as ' + purge)
    db.execute(f'execute purge({int(timedelta(days=90).total_seconds() * 1000)}, 0)')
    left = [row[0] for row in db.query(
        'select request_id from reportd.report_request where config_id = %s', config_id)]
    assert left == asked[-1:]


# reportctl

def test_run_waits_for_its_own_request(engine, ctl_of):
    db = engine.db
    with gate(db):
        config_id = report.submit(db, report_key='waits_for_own', max_retries=0,
                                  export_sql=f"select 1 / :'by'::int as n from ({gated()}) g",
                                  parameters='{"by": 1}')
        wait_at_gate(db)
        bad = ctl_of(db, 'run', 'waits_for_own', '--param', 'by=0', '--wait')
        good = ctl_of(db, 'run', config_id, '--param', 'by=1', '--wait')
        wait_for(lambda: db.value(
            "select count(*) = 2 from reportd.v_requests where config_id = %s "
            "and status = 'QUEUED'", config_id))
        # The database says which of the two came first.
    assert good.wait(30) == 0, good.stderr.read()
    assert bad.wait(30) == 1
    assert 'division by zero' in bad.stderr.read()
    assert good.stdout.read().startswith('COMPLETED /')


@pytest.fixture
def ctl_of(tmp_path):
    import subprocess
    from lib import process
    from lib.paths import REPORTCTL, environ
    started = []

    def run(db, *args):
        conf = process.write_conf(tmp_path / f'ctl-{len(started)}.conf', db)
        one = subprocess.Popen([REPORTCTL, '-c', conf, *map(str, args)], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ())
        started.append(one)
        return one
    yield run
    for one in started:
        one.communicate(timeout=30)


def test_backfill_and_sources_by_reportctl(engine, ctl_of):
    db = engine.db
    report.submit(db, report_key='by_ctl', trigger_type='SCHEDULED', schedule_expression='@daily')
    out, err = ctl_of(db, 'run', 'by_ctl', '--from', '2026-01-01', '--to', '2026-01-03').communicate()
    assert (out, err) == ('3 requests of report by_ctl are PENDING\n', '')
    # One time, and a span without any.
    day = '2026-01-05'
    out, err = ctl_of(db, 'run', 'by_ctl', '--from', day, '--to', day).communicate()
    assert (out, err) == ('1 request of report by_ctl is PENDING\n', '')
    first, last = '2026-01-06T01:00Z', '2026-01-06T02:00Z'
    out, err = ctl_of(db, 'run', 'by_ctl', '--from', first, '--to', last).communicate()
    assert err == '' and 'write the next one as --to' in out
    assert out.startswith(f'report by_ctl has no scheduled time from {first} to {last}; ')
    out, err = ctl_of(db, 'run', 'by_ctl', '--from', '2026-01-01').communicate()
    assert '--from and --to belong together' in err
    out, err = ctl_of(db, 'sources', '--json').communicate()
    assert {'source': 'default', 'daemons': 1}.items() <= json.loads(out)[0].items()
    out, err = ctl_of(db, 'sources', '--forget', 'default').communicate()
    assert 'a running daemon has the source "default"' in err


def test_a_report_can_be_put_to_rest_whatever_it_may_not_use(db):
    db.execute("select reportd.register_source('gone', 'postgres')")
    config_id = report.submit(db, source='gone', trigger_type='SCHEDULED',
                              schedule_expression='@yearly')
    db.execute("select reportd.forget_source('gone')")
    db.execute("""select reportd.change(%s, '{"is_active": false}')""", config_id)
    assert report.config(db, config_id).is_active is False
    with pytest.raises(errors.InvalidParameterValue, match='no daemon has a source "gone"'):
        db.execute("""select reportd.change(%s, '{"is_active": true}')""", config_id)


def types_of_the_programs():
    """Each type of a source and its abilities, as the programs declare them."""
    found = {}
    for path in (ROOT / 'common/source').glob('*/*_type.c'):
        name, abilities = re.search(r'\.name = "(\w+)".*?\.abilities =([^,]+),',
                                    path.read_text(), re.S).groups()
        found[name] = sorted(word.lower() for word in re.findall(r'SOURCE_(\w+)', abilities))
    return found


def test_the_types_of_sources_are_those_of_the_programs(db):
    known = types_of_the_programs()
    listed = re.findall(r'TYPE\((\w+)\)', (ROOT / 'common/source/types.h').read_text())
    assert sorted(known) == sorted(listed)
    assert {row.type: sorted(row.abilities) for row in db.query(
        'select * from reportd.source_types()')} == known


@pytest.mark.parametrize('kind', ['source', 'target'])
def test_what_is_no_type_is_not_registered(db, kind):
    known = [name for name, able in types_of_the_programs().items()
             if kind == 'source' or 'target' in able]
    for name in *known, 'mysql', 'Postgres', '', None, 'duckdb', 'snowflake':
        if name in known:
            db.execute(f'select reportd.register_{kind}(%s, %s)', f'a_{name}', name)
            db.execute(f'select reportd.forget_{kind}(%s)', f'a_{name}')
            continue
        with pytest.raises(errors.InvalidParameterValue, match=f'is no type of a {kind}') as e:
            db.execute(f'select reportd.register_{kind}(%s, %s)', 'a', name)
        assert all(k in e.value.diag.message_hint for k in known)
    # The manual names each of them.
    row = re.search(rf'^\| `register_{kind}.*$', (ROOT / 'docs/sql.md').read_text(), re.M)[0]
    assert all(f'`{k}`' in row for k in known)
