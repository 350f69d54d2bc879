# SPDX-License-Identifier: MIT
"""A queue of schema version 7, from before the roles, is taken over whole."""

import json

import psycopg
import pytest

from lib import process, report
from lib.paths import ROOT
from test_engine_shared import ended

pytestmark = pytest.mark.shipped

FILL = '''
insert into reportd.report_config (report_name, export_sql, output_path, notify_on_completion)
select 'done ' || i, 'select ' || i || ' as n', 'finance/{report_name}.csv', '{mailto:a@example.com}'
from generate_series(1, 200) i;
insert into reportd.report_run (config_id, report_name, attempt, scheduled_for, status,
	worker_id, finished_at, output_url)
select config_id, report_name, 1, now(), 'COMPLETED', gen_random_uuid(), now(), 'file:///x/' || config_id
from reportd.report_config;
update reportd.report_config c set status = 'COMPLETED', run_id = r.run_id
from reportd.report_run r where r.config_id = c.config_id;
insert into reportd.report_notification (run_id, config_id, event, channel, recipient, url, state)
select run_id, config_id, 'COMPLETED', 'mail', 'a@example.com', 'mailto:a@example.com', 'SENT'
from reportd.report_run;
insert into reportd.report_config (report_name, export_sql, source, output_path, due_at)
values ('waits', 'select 1 as a', 'default', 's3://bucket/%Y/x.csv', now()),
	('waits below', 'select 1 as a', 'default', 'finance/sub/x.csv', now());
insert into reportd.report_config (report_name, export_sql, trigger_type, schedule_expression,
	next_run_time, due_at)
values ('scheduled', 'select 1 as a', 'SCHEDULED', '0 6 * * *', now() + interval '1 hour', 'infinity')
'''


@pytest.fixture
def old(empty_db, cluster, tmp_path):
    """A filled queue of version 7, made by a superuser, with reports of a person."""
    cluster.admin('drop role if exists clerk')
    cluster.admin('create role clerk login')
    empty_db.psql('-f', ROOT / 'test/lib/schema-7.sql')
    with empty_db.connect() as conn:
        conn.execute('grant usage on schema reportd to clerk')
        conn.execute('grant all on all tables in schema reportd to clerk')
        conn.execute('set session authorization clerk')
        conn.execute(FILL)
        conn.execute('reset session authorization')
        conn.execute("insert into reportd.report_config (report_name, export_sql, output_path) "
                     "values ('of the operator', 'select 2 as a', 'mine.csv')")
        conn.execute("insert into reportd.report_config (report_name, export_sql, created_by) "
                     "values ('of nobody', 'select 3 as a', 'somebody_gone')")
    empty_db.conf = process.write_conf(tmp_path / 'old.conf', empty_db)
    yield empty_db
    empty_db.execute('drop schema if exists reportd cascade')
    cluster.admin('drop owned by clerk')


def test_a_filled_queue_is_taken_over(old, cluster):
    counts = 'select (select count(*) from reportd.report_config) as reports, ' \
             '(select count(*) from reportd.report_run) as runs, ' \
             '(select count(*) from reportd.report_notification) as notices'
    before = old.row(counts)
    done = process.reportctl(old.conf, 'init')
    assert (done.returncode, done.stderr) == (0, '')
    assert done.stdout.startswith('schema upgraded from version 7 to ')
    assert old.row(counts) == before
    assert old.query('select owner::text, count(*) from reportd.report_config group by owner '
                     'order by 1') == [('clerk', 203), (cluster.user, 2)]
    assert old.value("select to_regnamespace('reportd_7')") is None
    assert old.value("select nspowner::regrole::text from pg_namespace "
                     "where nspname = 'reportd'") == 'reportd_owner'
    # Owners of the old rows may use just the sources and paths that these use.
    assert old.query('select kind, name, grantee::text from reportd.report_grant order by 1, 2') == [
        ('source', 'default', 'clerk'), ('write', 'finance/', 'clerk'),
        ('write', 'finance/sub/', 'clerk'), ('write', 's3://bucket/', 'clerk')]
    # New numbers follow the old ones, in every table.
    new = report.submit(old, report_name='new')
    assert new == 206
    one = process.Daemon(old, old.conf)
    try:
        for name, status in (('waits below', 'COMPLETED'), ('of the operator', 'COMPLETED'),
                             ('of nobody', 'COMPLETED'), ('new', 'COMPLETED')):
            run = ended(old, old.value('select config_id from reportd.report_config '
                                       'where report_name = %s', name), status)
            assert run.run_id > 200
    finally:
        one.end()
    assert process.reportctl(old.conf, 'init').stdout.endswith('already\n')
    # The person goes on with less: what is not granted is refused.
    with psycopg.connect(cluster.conninfo(old.name, options='-c role=clerk'), autocommit=True) as conn:
        old.execute('grant reportd_submitter to clerk')
        conn.execute("select reportd.submit('more', 'select 1', output_path => 'finance/y.csv')")
        with pytest.raises(psycopg.errors.InvalidParameterValue, match='may not write'):
            conn.execute("select reportd.submit('more', 'select 1', output_path => 'other/y.csv')")


def test_the_upgrade_names_daemons_that_run_on(old):
    """Those that are alive: each is to be restarted."""
    old.execute("insert into reportd.report_worker (worker_id, host, pid, version, workers, lease, "
                "started_at, heartbeat_at) select gen_random_uuid(), host, 7, '0.0.7', 2, "
                "interval '1 minute', now() - interval '1 day', now() - silent "
                "from (values ('web1', interval '1 second'), ('web2', '0'), ('gone', '5 minutes')) "
                'd (host, silent)')
    done = process.reportctl(old.conf, 'init')
    assert done.returncode == 0
    assert done.stderr == (
        'reportctl: daemons run that were started before the upgrade; restart them: '
        'web1 (process 7, reportd 0.0.7), web2 (process 7, reportd 0.0.7)\n')
    # Whoever runs it again is not told of them: that upgrades nothing.
    assert process.reportctl(old.conf, 'init').stderr == ''


def test_doctor_lists_what_the_upgrade_granted(old, cluster):
    with old.connect() as conn:
        conn.execute('set session authorization clerk')
        conn.execute("insert into reportd.report_config (report_name, export_sql, output_path) "
                     "values ('x', 'select 1', '/srv/old//x.csv')")
        conn.execute("insert into reportd.report_config (report_name, export_sql, output_path) "
                     "select 'x', 'select 1', format('many/%s/x.csv', i) from generate_series(1, 30) i")

    def granted():
        return [c['detail'] for c in json.loads(process.reportctl(old.conf, 'doctor', '--json').stdout)
                if c['what'] == 'upgrade']
    assert granted() == []
    assert process.reportctl(old.conf, 'init').returncode == 0
    said, = granted()
    for one in 'source default to clerk', 'write of /srv/old// to clerk', 'write of finance/ to clerk':
        assert one in said
    assert 'and 15 more; what is too much take back with reportd.revoke_source()' in said
    # Each of them can be taken back, as it is written there.
    old.execute("""select case kind when 'source' then reportd.revoke_source(name, 'clerk')
        else reportd.revoke_path(name, 'clerk', kind) end from reportd.report_grant""")
    assert granted() == [] and old.value('select count(*) from reportd.report_grant') == 0


@pytest.mark.parametrize('theirs', [
    'alter schema reportd owner to clerk', 'alter table reportd.report_run owner to clerk',
    'alter function reportd.submit owner to clerk'])
def test_a_schema_of_somebody_else_is_not_taken_over(old, theirs):
    """Not by a superuser either: it would run what that role put there."""
    old.execute(theirs)
    done = process.reportctl(old.conf, 'init')
    assert done.returncode == 1 and 'belongs to clerk' in done.stderr
    assert old.value('select max(version) from reportd.schema_upgrade') == 7


def test_what_was_built_on_the_schema_stops_the_upgrade(old):
    """All of it is named: the upgrade would drop it."""
    old.execute("""
        create view public.mine as select config_id from reportd.report_config;
        create table public.kept (id bigint primary key, c reportd.report_config);
        create table public.next (id bigint default reportd.submit('x', 'select 1'));
        create policy own on public.next using (id in (select config_id from reportd.report_run))""")
    done = process.reportctl(old.conf, 'init')
    assert done.returncode == 1
    assert ('built on the schema: column c of table public.kept, default value for column id of table '
            'public.next, policy own on table public.next, view public.mine') in done.stderr
    assert old.value('select max(version) from reportd.schema_upgrade') == 7
    old.execute('drop view public.mine; drop table public.kept, public.next')


def test_an_upgrade_does_not_wait_for_a_transaction_that_stays_open(old, cluster):
    """Whoever came after it would wait, too: daemons with their heartbeats."""
    with psycopg.connect(cluster.conninfo(old.name, application_name='forgotten')) as conn:
        conn.execute('select count(*) from reportd.report_config')
        done = process.reportctl(old.conf, 'init', env={'PGOPTIONS': '-c lock_timeout=100ms'})
        assert done.returncode == 1
        assert f'use the schema: {cluster.user} (process {conn.info.backend_pid}, forgotten)' in done.stderr
        conn.rollback()
        assert process.reportctl(old.conf, 'init').returncode == 0


def test_programs_refuse_the_old_schema_with_the_mend(old):
    for call in (process.reportctl(old.conf, 'status'), process.reportd(old.conf, timeout=15)):
        assert call.returncode != 0
        assert 'version 7' in call.stderr and '`reportctl init`' in call.stderr


# ---- with daemons running: expand, then contract ----

EXPAND = ('alter table reportd.report_config add column later text; '
          "insert into reportd.schema_upgrade (version, name, serves) values (%(new)s, 'expand', "
          '%(now)s)')
CONTRACT = ("insert into reportd.schema_upgrade (version, name, serves) values (%(newer)s, "
            "'contract', %(new)s)")


@pytest.fixture
def versions(db):
    now = db.value('select max(version) from reportd.schema_upgrade')
    return {'now': now, 'new': now + 1, 'newer': now + 2}


def apply(db, script, versions):
    """As init does: all of an upgrade in one transaction."""
    with db.connect(autocommit=False) as conn:
        for statement in script.split('; '):
            conn.execute(statement, versions if '%(' in statement else None)
        conn.commit()


def all_ended(db, wait_for, count):
    wait_for(lambda: db.value("select count(*) from reportd.report_run "
                              "where status = 'COMPLETED'") == count)
    assert db.value('select count(*) from reportd.report_run') == count


def test_an_expansion_under_running_daemons_and_its_rollback(db, daemon, ctl, versions, submit,
                                                             wait_for):
    """Programs of the version before go on with the schema that serves them: those that run,
    those that start, and after the expansion was taken back."""
    first = daemon()
    for _ in range(20):
        submit(db, export_sql='select pg_sleep(0.05)')
    apply(db, EXPAND, versions)
    second = daemon()  # of the old version, on the new schema: programs rolled back
    for _ in range(20):
        submit(db, export_sql='select pg_sleep(0.05)')
    all_ended(db, wait_for, 40)
    assert ctl('status').returncode == 0
    assert ctl('init').returncode == 0  # leaves the newer schema as it is
    assert db.value('select max(version) from reportd.schema_upgrade') == versions['new']
    db.execute('alter table reportd.report_config drop column later')
    db.execute('delete from reportd.schema_upgrade where version = %s', versions['new'])
    submit(db)
    third = daemon()
    submit(db)
    all_ended(db, wait_for, 42)
    assert all(one.running() for one in (first, second, third))


def test_a_contraction_ends_the_programs_that_it_does_not_serve(db, daemon, conf, versions,
                                                                submit, wait_for):
    """None of them does anything with a schema that has lost what it needs."""
    one = daemon()
    apply(db, EXPAND, versions)
    apply(db, CONTRACT, versions)
    path = conf()
    done = process.reportd(path, timeout=20)
    assert done.returncode == 4 and 'install the newer reportd' in done.stderr
    done = process.reportctl(path, 'status')
    assert done.returncode == 1 and 'use a newer reportctl' in done.stderr
    # A daemon that runs looks again when it connects.
    db.execute("select pg_terminate_backend(pid) from pg_stat_activity "
               "where application_name = 'reportd'")
    one.expected_code = 4
    assert one.wait() == 4
    # The contraction is taken back, and what waited is done.
    config_id = submit(db)
    db.execute('delete from reportd.schema_upgrade where version = %s', versions['newer'])
    daemon()
    wait_for(lambda: report.config(db, config_id).status == 'COMPLETED')
