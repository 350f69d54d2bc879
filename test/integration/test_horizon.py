# SPDX-License-Identifier: MIT
"""The horizon: a time before which every row is committed, whoever writes and however slowly."""

import contextlib
import re
import threading
from datetime import timedelta

import pytest
from psycopg.types.json import Jsonb

from lib import process, report
from lib.cluster import Cluster, Standby, make_template
from lib.wait import wait_for
from test_engine_shared import ended, failure, gate, gated, running_engine, wait_at_gate
from test_results import again, content
from test_steps import ask, run_now

FAST = {'retry_backoff': '100ms', 'retry_backoff_max': '300ms', 'poll_interval': '200ms'}
SQL = "select :'last__horizon'::timestamptz as a, :'horizon'::timestamptz as b"

NONE = {'name': 'none', 'sql': 'select 1 where false'}


@pytest.fixture(scope='module')
def shared(cluster, template, tmp_path_factory):
    other = cluster.create()
    cluster.admin('create role another_reader login')
    with other.connect(autocommit=False) as long_open, \
            other.connect(user='another_reader') as of_another, running_engine(
                cluster, template, tmp_path_factory.mktemp('horizon'),
                {'source.other': {'conninfo': other.conninfo}}, workers=4, **FAST) as engine:
        long_open.execute('select 1')
        of_another.execute('/* reportd reads */ begin read only; select 1')
        engine.long_open, engine.of_another = long_open, of_another
        yield engine
    other.drop()
    cluster.admin('drop role another_reader')


@pytest.fixture
def db(shared):
    yield shared.db
    while shared.db.value('select count(*) from reportd.report_config'):
        shared.db.execute('delete from reportd.report_config where not has_children')


def horizon(db, config_id):
    return db.value('select horizon from reportd.report_run where config_id = %s '
                    'order by run_id desc limit 1', config_id)


def age(db, config_id):
    """Seconds between the horizon of the last run and its end."""
    return db.value('select extract(epoch from finished_at - horizon)::float8 from '
                    'reportd.report_run where config_id = %s order by run_id desc limit 1',
                    config_id)


@contextlib.contextmanager
def transaction(db, *statements):
    with db.connect() as conn:
        conn.autocommit = False
        started = conn.execute('select now()').fetchone()[0]
        for one in statements:
            conn.execute(one)
        yield started, conn


def test_without_open_transactions_it_is_a_second_before_now(db):
    one = ask(db, 'a', export_sql=SQL)
    run = ended(db, one)
    assert content(run)[0] == 'a,b' and content(run)[1].startswith(',')
    assert run.horizon < run.started_at and age(db, one) < 30 and run.remark is None
    assert db.value('select horizon from reportd.v_requests where config_id = %s', one) == run.horizon
    later = again(db, one)
    assert later.horizon >= run.horizon
    a, b = content(later)[1].split(',')
    assert db.value('select %s::timestamptz', a) == run.horizon
    assert db.value('select %s::timestamptz', b) == later.horizon


@pytest.mark.parametrize('statements', [
    (), ('create temp table mine ()',), ('select 1',), ('set transaction read only', 'select 1'),
    ("set application_name = 'reportd run 1'", 'select 1')])
def test_an_open_transaction_holds_it_back_even_before_it_writes(db, statements):
    """Also one that calls itself a run of reportd's."""
    with transaction(db, *statements) as (started, _):
        run = ended(db, ask(db, 'a', export_sql=SQL))
        assert (started - run.horizon).total_seconds() == pytest.approx(1, abs=0.01)


def test_a_statement_that_runs_holds_it_back(db):
    with gate(db) as held:
        with db.connect() as conn:
            thread = threading.Thread(target=lambda: conn.execute(
                'select now(), pg_advisory_xact_lock_shared(1)'))
            thread.start()
            wait_at_gate(db)
            began = db.value("select xact_start from pg_stat_activity where wait_event = 'advisory'")
            run = ended(db, ask(db, 'a', export_sql=SQL))
            held.execute('select pg_advisory_unlock_all()')
            thread.join()
            assert (began - run.horizon).total_seconds() == pytest.approx(1, abs=0.01)


def test_other_databases_do_not_hold_it_back(cluster, db):
    other = cluster.create()
    try:
        with transaction(other, 'create table t ()') as (started, _):
            run = ended(db, ask(db, 'a', export_sql=SQL))
            assert run.horizon > started - timedelta(seconds=1)
    finally:
        other.drop()


@pytest.mark.parametrize('format', ['CSV', 'JSONL'])
@pytest.mark.parametrize('more', [
    {}, {'prep_sql': 'select 1; select 2'}, {'checks': Jsonb([NONE])},
    {'checks': Jsonb([{'name': 'slow', 'sql': gated()}]), 'export_sql': None},
    {'export_sql': f'select 1 as one; {gated()}', 'output_path': '{config_id}_{part}.{ext}'},
    {'export_sql': f'explain analyze {gated()}'}],
    ids=['alone', 'prep', 'after a check', 'check', 'second', 'explain'])
def test_exports_of_reportd_do_not_hold_it_back_but_prep_does(db, format, more):
    with gate(db):
        slow = ask(db, 'slow', **{'export_sql': gated(), 'output_format': format, **more})
        wait_at_gate(db)
        began = report.runs(db, slow)[0].started_at
        wait_for(lambda: db.value('select now() > %s + interval \'1.5 s\'', began))
        run = ended(db, ask(db, 'a', export_sql=SQL))
        assert run.horizon > began
        prep = ask(db, 'prep', prep_sql=f'select 1; {gated()}', export_sql=None)
        wait_at_gate(db, 2)
        began = db.value("select xact_start from pg_stat_activity "
                         "where application_name = 'reportd run ' || %s",
                         report.runs(db, prep)[0].run_id)
        run = ended(db, ask(db, 'b', export_sql=SQL))
        assert (began - run.horizon).total_seconds() == pytest.approx(1, abs=0.01)


def test_an_export_that_waits_for_a_lock_does_not_hold_it_back(db):
    """The server waits while it parses the query. The lock is that of a session which looks
    as if it only reads."""
    db.execute('create table locked ()')
    try:
        with db.connect() as conn:
            conn.execute('/* reportd reads */ begin; lock table locked')
            slow = ask(db, 'slow', export_sql='select * from locked')
            began = wait_for(lambda: db.value(
                "select xact_start from pg_stat_activity where wait_event = 'relation'"))
            wait_for(lambda: db.value("select now() > %s + interval '1.1 s'", began))
            assert ended(db, ask(db, 'a', export_sql=SQL)).horizon > began
            conn.execute('rollback')
        ended(db, slow)
    finally:
        db.execute('drop table locked')


@pytest.mark.parametrize('format', ['CSV', 'JSONL'])
def test_each_message_of_an_export_says_that_it_reads(cluster, template, tmp_path, format):
    """Between two messages the server shows the last one. The server's log has them."""
    with running_engine(cluster, template, tmp_path, workers=1, **FAST) as engine:
        db = engine.db
        db.execute(f"alter database {db.name} set log_statement = 'all'; "
                   "create type mood as enum ('a')")
        columns = "1::money as m, 'a'::mood as e, array['a'::mood] as a"
        run = ended(db, ask(
            db, 'a', export_sql=f'select {columns}; explain select 1; select {columns}',
            checks=Jsonb([NONE]), output_format=format, output_path='{config_id}_{part}.{ext}',
            result_sql='select 1 as one'))
        sent = re.findall(rf'reportd run {run.run_id}@{db.name} LOG:  '
                          '(?:statement|execute .*?): (.*)', cluster.log())
        assert len(sent) > 6
        assert {re.sub(' =.*', '', one) for one in sent
                if not one.startswith('/* reportd reads */ ')} <= {
            'set local timezone', 'rollback', 'discard all'}


@pytest.mark.parametrize('looks', [
    'begin isolation level repeatable read read only; '
    "set local application_name = 'reportd run 1'; commit; begin",
    'commit; set transaction read only',
    '/* reportd reads */ select 1; /* reportd reads */ begin',
    '/* reportd reads */ /**/; commit; -- reads\n /* reportd reads */ begin; ',
    "select $$ set transaction read only; copy ( $$; set application_name = 'reportd run 1'"])
def test_prep_that_looks_like_an_export_holds_it_back(db, looks):
    """The beginnings of an export's messages, as statements of a script."""
    with gate(db):
        ask(db, 'evil', export_sql=None, prep_sql=f'{looks}; {gated()}')
        wait_at_gate(db)
        began = db.value("select xact_start from pg_stat_activity where wait_event = 'advisory'")
        run = ended(db, ask(db, 'b', export_sql=SQL))
        assert (began - run.horizon).total_seconds() == pytest.approx(1, abs=0.01)


def held(db):
    return [(labels, value) for name, labels, value in db.value('select reportd.metrics()')
            if name == 'horizon_held_seconds']


def test_the_lag_is_that_of_the_newest_horizon(db):
    def lag():
        row = db.row('''select jsonb_object_agg(m -> 1 ->> 'report_key', m -> 2) as found,
                extract(epoch from now() - (select horizon from reportd.report_request
                    where config_id = %s and newest))::float8 as since
            from jsonb_array_elements(reportd.metrics()) m where m ->> 0 = 'horizon_lag_seconds'
            ''', one)
        assert row.found == {'a': pytest.approx(row.since, abs=0.001)}
        return row.found

    one = ask(db, 'a', export_sql=SQL)
    ended(db, ask(db, 'b', export_sql='select 1'))
    ended(db, one)
    assert lag()['a'] >= 1
    db.execute("update reportd.report_request set horizon = now() - interval '1 hour' "
               'where config_id = %s', one)
    assert 3600 <= lag()['a'] < 3700
    again(db, one)
    assert lag()['a'] < 3600


def test_a_session_that_hides_its_transactions_is_told(db):
    with db.connect(autocommit=False) as conn:
        conn.execute('select 1')
        conn.execute('set track_activities = off')
        run = failure(db, export_sql=SQL)
        assert (f'process {conn.info.backend_pid} hides its transactions by track_activities = off'
                in run.error_message)
    ended(db, ask(db, 'a', export_sql=SQL))


def test_prepared_transactions_and_the_overlap(tmp_path):
    cluster = Cluster(max_prepared_transactions='5')
    try:
        with running_engine(cluster, make_template(cluster), tmp_path, workers=1, **FAST) as engine:
            db = engine.db
            with db.connect() as conn:
                conn.execute('begin; create table p (n int)')
                conn.execute("prepare transaction 'x'")
            run = failure(db, export_sql=SQL)
            assert run.error_message.startswith(
                'export_sql: the horizon cannot be known: there are prepared transactions')
            run = ended(db, ask(db, 'a', export_sql=SQL, horizon_overlap='2 hours'))
            assert run.remark.startswith(
                'the horizon is now less horizon_overlap: there are prepared')
            assert 7190 < (run.started_at - run.horizon).total_seconds() < 7210
            db.execute("rollback prepared 'x'")
            run = again(db, run.config_id)
            assert run.remark is None and (run.started_at - run.horizon).total_seconds() < 30
    finally:
        cluster.remove()


def test_a_standby_does_not_know_it(tmp_path):
    primary = Cluster()
    standby = Standby(primary)
    try:
        with running_engine(primary, make_template(primary), tmp_path, {
                'source.copy': {'conninfo': standby.conninfo('postgres')}}, **FAST) as engine:
            db = engine.db
            assert standby.admin('select pg_is_in_recovery()').fetchone()[0]
            run = failure(db, source='copy', export_sql=SQL)
            assert run.error_message.startswith(
                'export_sql: the horizon cannot be known: the server is a stand-by, which does '
                'not know the transactions of its primary')
            run = ended(db, ask(db, 'a', source='copy', export_sql=SQL, horizon_overlap='1 hour'))
            assert run.remark.startswith(
                'the horizon is now less horizon_overlap: the server is a stand-by')
            assert 3590 < (run.started_at - run.horizon).total_seconds() < 3610
    finally:
        standby.remove()
        primary.remove()


def test_rows_of_the_very_time_of_a_horizon_are_read_once(db):
    db.execute('create table at_horizon (updated_at timestamptz default now())')
    try:
        one = ask(db, 'a', export_sql="""select updated_at from at_horizon where updated_at >=
            coalesce(:'last__horizon', '-infinity')::timestamptz and updated_at < :'horizon'""")
        at = ended(db, one).horizon
        db.execute('insert into at_horizon values (%s), (%s)', at, at)

        def rows():
            wait_for(lambda: db.value('select now()') > at + timedelta(seconds=1.1))
            return again(db, one).row_count
        assert rows() == 2
        at = horizon(db, one)
        assert rows() == 0
    finally:
        db.execute('drop table at_horizon')


def test_a_clock_that_was_set_back_fails_the_run(db):
    one = ask(db, 'a', export_sql=SQL, max_retries=0)
    ended(db, one)
    db.execute("update reportd.report_request set horizon = now() + interval '1 hour' "
               'where config_id = %s', one)
    run_now(db, one)
    run = ended(db, one, 'FAILED')
    assert "lies before" in run.error_message and 'was set back' in run.error_message
    assert run.horizon is None
    # The last that was right counts on.
    db.execute("update reportd.report_request set horizon = now() - interval '1 hour' "
               'where config_id = %s and newest', one)
    again(db, one)


def test_a_login_that_does_not_see_others_is_told(cluster, template, tmp_path):
    with running_engine(cluster, template, tmp_path, workers=1, **FAST) as engine:
        db = engine.db
        db.execute('create role plain_reader login; grant usage on schema reportd to plain_reader')
        try:
            engine.conf.write_text(engine.conf.read_text() + f'''
[source.plain]
conninfo = {db.conninfo} user=plain_reader
''')
            engine.daemon.stop()
            engine.daemon = process.Daemon(db, engine.conf)
            engine.daemon.wait_ready()
            run = failure(db, source='plain', export_sql=SQL)
            assert 'the user "plain_reader" does not see the transactions of others; ' \
                'grant pg_read_all_stats to it' in run.error_message
            db.execute('grant pg_read_all_stats to plain_reader')
            ended(db, ask(db, 'a', source='plain', export_sql=SQL))
        finally:
            engine.daemon.stop()
            db.execute('drop owned by plain_reader; drop role plain_reader')


def test_each_attempt_reads_up_to_the_horizon_that_was_published(cluster, template, tmp_path):
    """The daemon is killed after the file is there and before the end is recorded."""
    with running_engine(cluster, template, tmp_path, workers=1, lease='4s', **FAST) as engine:
        db = engine.db
        one = ask(db, 'a', export_sql=SQL)
        first = ended(db, one).horizon
        with db.connect(autocommit=False) as lock:
            # The end of a run is not recorded while somebody has the row.
            with gate(db):
                db.execute('select reportd.change(%s, %s)', one, Jsonb({
                    'export_sql': f"select q.*, g.* from ({SQL}) q, ({gated()}) g"}))
                run_now(db, one)
                wait_at_gate(db)
                lock.execute('select from reportd.report_config for update')
            second = wait_for(lambda: horizon(db, one))
            shown = db.value('select %s::timestamptz::text', second)
            file = wait_for(lambda: next((f for f in engine.out.rglob('*.csv')
                                          if shown in f.read_text()), None))
            engine.daemon.kill()
        before = file.read_text()
        engine.daemon = process.Daemon(db, engine.conf)
        run = ended(db, one)
        assert [r.status for r in report.runs(db, one)] == ['COMPLETED', 'LOST', 'COMPLETED']
        assert run.horizon == second > first
        assert file.read_text() == before
        assert again(db, one).horizon > second


def test_what_holds_it_back_for_long_is_named(db, shared):
    """The last test of the file, as it needs a transaction that is open for 10 seconds."""
    with shared.long_open as conn:
        pid = conn.info.backend_pid
        wait_for(lambda: db.value("select now() - xact_start > interval '10.1 s' "
                                  'from pg_stat_activity where pid = %s', pid))
        run = ended(db, ask(db, 'a', export_sql=SQL, source='other'))
        assert f'held back by process {pid} (user "' in run.remark
        assert 'another login' not in run.remark
        assert 'idle in transaction), whose transaction is open for 00:0' in run.remark
        assert run.horizon_held_by == pid and 10 <= run.horizon_held_for.total_seconds() < 600
        assert f', as process {pid} of source "other" had a transaction open for 00:' in \
            db.value('select reportd.why(%s)', run.config_id)
        assert held(db) == [(
            {'report_key': 'a', 'pid': str(pid)}, run.horizon_held_for.total_seconds())]
    with shared.of_another as conn:
        run = again(db, run.config_id)
        assert run.horizon_held_by == conn.info.backend_pid
        assert ('(user "another_reader", idle in transaction), whose transaction is open for 00:'
                in run.remark)
        assert run.remark.endswith(
            '; it looks like a report of a source with another login, and these count')
        conn.execute('rollback')
    run = again(db, run.config_id)
    assert run.horizon_held_by is None and run.horizon_held_for is None and held(db) == []
    assert 'process' not in db.value('select reportd.why(%s)', run.config_id)
