# SPDX-License-Identifier: MIT
"""A submitter gains nothing and stops nobody: docs/security.md, sentence by sentence,
attacked by people who have the manual and the SQL. One database for all of them, set
up by the manual's own statements."""

import concurrent.futures
import contextlib
import datetime
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import namedtuple_row, tuple_row

from lib import report
from lib.manual import said, says
from lib.paths import REPORTD, ROOT, environ
from lib.process import reportctl, run, write_conf
from lib.proxy import SOCKET, Proxy
from lib.wait import wait_for

pytestmark = pytest.mark.shipped

PAGE = (ROOT / 'docs/security.md').read_text()

TABLES = ('report_config', 'report_request', 'report_run', 'report_notification', 'report_check')
VIEWS = ('v_pending_reports', 'v_report_summary', 'v_report_metrics',
         'v_notifications', 'v_requests', 'v_inputs', 'v_zones', 'v_checks',
         'v_inboxes', 'v_inbox_rows',
         'v_sources', 'v_targets')
REFUSED = (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidParameterValue)


def statements(title):
    """The SQL of a section of the manual."""
    text = re.search(rf'^### {re.escape(title)}\n(.*?)(?=^##|\Z)', PAGE, re.M | re.S)[1]
    return re.findall(r'```sql\n(.*?)```', text, re.S)


@pytest.fixture(scope='module')
def queue(cluster, template):
    """A queue for a company, as the manual sets it up."""
    queue = cluster.create(template)
    made = []
    for text in statements('For a company') + statements('Backup by somebody who is no superuser'):
        made += re.findall(r'create role (\w+)', text)
        queue.execute(text)
    # Before the grant: since PostgreSQL 16 each grant says whether it is inherited.
    for name, inherits in ('nobody', 'inherit'), ('mute', 'noinherit'):
        queue.execute(f'create role {name} login {inherits}')
        made.append(name)
    queue.execute('grant finance to mute; '
                  'grant create, temporary on database {} to ann, bob; '
                  'grant create on schema public to ann, bob'.format(queue.name))
    queue.others = []
    yield queue
    for one in queue.others:
        one.drop()
    name = queue.name
    queue.drop()
    for role in reversed(made):
        cluster.admin(sql.SQL('drop role {}').format(sql.Identifier(role)))


@pytest.fixture
def db(queue):
    """The queue, empty but for what was set up."""
    kept = {t: queue.query(f'select * from reportd.{t}')
            for t in ('report_grant', 'report_quota', 'report_source', 'report_target')}
    yield queue
    queue.execute('truncate ' + queue.value(
        "select string_agg(oid::regclass::text, ', ') from pg_class where relkind = 'r' "
        "and relnamespace = 'reportd'::regnamespace and relname like 'report\\_%%'"))
    for table, rows in kept.items():
        for row in rows:
            queue.execute(sql.SQL('insert into reportd.{} values ({})').format(
                sql.Identifier(table), sql.SQL(', ').join([sql.Placeholder()] * len(row))),
                *row)


class Person:
    def __init__(self, db, login, role=None):
        self.conn = psycopg.connect(
            make_conninfo(db.conninfo, user=login), autocommit=True,
            row_factory=namedtuple_row)
        if role:
            self.conn.execute(sql.SQL('set role {}').format(sql.Identifier(role)))

    def __call__(self, query, *params):
        """Runs it; the first field of the first row."""
        cursor = self.conn.execute(query, params or None)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None

    def refused(self, query, *params, match=''):
        with pytest.raises(REFUSED, match=match) as caught:
            self.conn.execute(query, params or None)
        return caught.value


@pytest.fixture
def as_(db):
    """as_('ann', 'finance') is a session of ann after SET ROLE finance."""
    people = []

    def login(name, role=None):
        people.append(Person(db, name, role))
        return people[-1]
    yield login
    for one in people:
        one.conn.close()


def ask(person, name='report', text='select 1', **columns):
    """A report of this person, config_id."""
    columns = {'source': 'hr' if 'bob' in person.conn.info.user else 'finance',
               'report_name': name, 'export_sql': text, **columns}
    return person(
        sql.SQL('insert into reportd.report_config ({}) values ({}) returning config_id')
        .format(sql.SQL(', ').join(map(sql.Identifier, columns)),
                sql.SQL(', ').join([sql.Placeholder()] * len(columns))),
        *(json.dumps(v) if isinstance(v, dict) else v for v in columns.values()))


@pytest.fixture
def engine(db, daemon):
    """A daemon in the daemon's role, with the two sources."""
    def start(sections=None, **more):
        source = {'conninfo': db.conninfo}
        return daemon({'queue': {'conninfo': make_conninfo(db.conninfo, user='reportd')},
                       'source.finance': source, 'source.hr': source,
                       **(sections or {})}, **more)
    return start


def ran_by_hand(db, config_id, **run):
    """A finished run with a notice, without a daemon."""
    run_id = db.value("""insert into reportd.report_run (config_id, request_id, owner,
            report_name, attempt, scheduled_for, worker_id, status, output_url)
        select config_id, request_id, owner, report_name, 1, now(), gen_random_uuid(),
            'COMPLETED', 'file:///secret/place' from reportd.report_config
        where config_id = %s returning run_id""", config_id)
    db.execute("update reportd.report_config set status = 'PROCESSING', run_id = %s "
               'where config_id = %s', run_id, config_id)
    db.execute("update reportd.report_config set status = 'COMPLETED' "
               'where config_id = %s', config_id)
    notice = db.value("""insert into reportd.report_notification (run_id, config_id,
            owner, event, channel, recipient, url)
        select %s, config_id, owner, 'COMPLETED', 'mail', 'x@example.com',
            'mailto:x@example.com' from reportd.report_config
        where config_id = %s returning notification_id""", run_id, config_id)
    return run_id, notice


# ---- the page and the tests ----

def test_the_manual_and_the_tests_say_the_same():
    text = PAGE[PAGE.index('## Roles'):PAGE.index('### Facts that have no test')]
    lines = [' '.join(line.split()) for line in
             re.findall(r'^- (.*(?:\n  .*)*)', text, re.M)]
    assert sorted(lines) == sorted(said())


# ---- roles ----

FUNCTIONS = {
    'submit run_now backfill retry cancel change delete resend resend_failed '
    'release_input quarantine_input': 'SO',
    'next_run prev_run next_runs schedule_words check_time_zone notice_channel notice_shown '
    'local_time why waits_for opens_more file_fault quiet_at input_time': 'SOVD',
    'id wake_inboxes': 'SOVD', 'metrics scale_demand': 'OVD',
    'grant_source revoke_source grant_path revoke_path register_source forget_source '
    'grant_target revoke_target register_target forget_target': 'O',
    'plan_fire write_notices notify_done follow set_aside end_unclaimed '
    'end_request claim_classes denial rare_members quota_of schedule_turns '
    'keep_request take_steps set_files_aside reaches claim_zones take_page '
    'claim_moves record_moves due_zones due_moves watched_paths wake_paths wake_objects '
    'inbox_begin inbox_step inbox_fault inbox_may_set kept_checks tally_runs scale_take '
    'scale_plan scale_release scale_leave': 'D',
}
LETTERS = {'S': 'reportd_submitter', 'O': 'reportd_operator', 'V': 'reportd_viewer',
           'D': 'reportd_daemon'}


def test_each_function_is_for_whom_the_list_says(db):
    wanted = {}
    for names, letters in FUNCTIONS.items():
        for name in names.split():
            wanted[name] = set(letters)
    found = {}
    for name, letter, may in db.query(
            "select p.proname, l.letter, has_function_privilege(l.role, p.oid, 'EXECUTE') "
            'from pg_proc p cross join unnest(%s::text[], %s::text[]) l(letter, role) '
            "where p.pronamespace = 'reportd'::regnamespace",
            [*LETTERS, 'N'], [*LETTERS.values(), 'nobody']):
        if may:
            found.setdefault(name, set()).add(letter)
    # An operator is a submitter and a viewer, a daemon a viewer.
    assert found == wanted


def test_each_table_is_for_whom_the_list_says(db):
    found = {f'{relation} {privilege}': letters for relation, privilege, letters in db.query("""
        select c.relname, p.p, string_agg(l.letter, '' order by l.letter)
        from pg_class c
        cross join unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) p(p)
        cross join unnest(%s::text[], %s::text[]) l(letter, role)
        where c.relnamespace = 'reportd'::regnamespace and c.relkind in ('r', 'v', 'm', 'f', 'p')
            and has_table_privilege(l.role, c.oid, p.p) group by 1, 2""",
        [*LETTERS, 'N'], [*LETTERS.values(), 'nobody'])}
    wanted = {f'{t} SELECT': 'DOSV' for t in (
        *TABLES, *VIEWS, 'report_source', 'report_target', 'report_grant', 'report_quota',
        'report_usage', 'output_format', 'schema_upgrade')}
    wanted |= {'report_worker SELECT': 'DOV', 'running_daemon SELECT': 'DOV', 'pending_class SELECT': 'D',
               'claim_turn SELECT': 'D', 'claim_turn UPDATE': 'D',
               'count_turn SELECT': 'D', 'count_turn UPDATE': 'D',
               'report_look SELECT': 'D', 'report_look INSERT': 'D',
               'report_zone SELECT': 'D', 'report_input_use SELECT': 'D',
               'report_input SELECT': 'D', 'report_input UPDATE': 'D', 'report_input DELETE': 'D',
               'schedule_at_rest SELECT': 'D',
               'report_source INSERT': 'D', 'report_source UPDATE': 'D',
               'report_target INSERT': 'D', 'report_target UPDATE': 'D',
               'queue_identity SELECT': 'D',
               'report_config UPDATE': 'D', 'report_config DELETE': 'D',
               'report_notification UPDATE': 'D', 'report_notification DELETE': 'D',
               'report_check INSERT': 'D', 'report_check DELETE': 'D'}
    wanted |= {f'{t} {p}': 'D' for t in ('report_run', 'report_request', 'report_worker',
                                         'report_usage')
               for p in ('INSERT', 'UPDATE', 'DELETE')}
    wanted |= {f'report_quota {p}': 'O' for p in ('INSERT', 'UPDATE', 'DELETE')}
    assert found == wanted
    sequences = db.query("""
        select c.relname, l.role, p.p from pg_class c
        cross join unnest('{USAGE,SELECT,UPDATE}'::text[]) p(p)
        cross join unnest(%s::text[]) l(role)
        where c.relnamespace = 'reportd'::regnamespace and c.relkind = 'S'
            and has_sequence_privilege(l.role, c.oid, p.p) order by 1""",
        [*LETTERS.values(), 'nobody'])
    assert sequences == [('report_request_request_id_seq', 'reportd_daemon', 'USAGE'),
                         ('report_run_run_id_seq', 'reportd_daemon', 'USAGE')]


def test_columns_that_are_granted_alone(db):
    rows = db.query("""
        select c.relname, a.attname, x.privilege_type, pg_get_userbyid(x.grantee)
        from pg_class c join pg_attribute a on a.attrelid = c.oid
        cross join aclexplode(a.attacl) x where c.relnamespace = 'reportd'::regnamespace""")
    kept = {'config_id', 'owner', 'last_run_time', 'status', 'current_retries', 'created_by',
            'created_timestamp', 'updated_timestamp', 'error_message', 'error_timestamp',
            'run_id', 'request_id', 'request_kept', 'requests_wait', 'has_children',
            'scheduled_for', 'attempt', 'cancel_requested', 'cancelled_by', 'run_parameters',
            'local_paths', 'links', 'target', 'checks_since', 'external_id'}
    columns = {r[0] for r in db.query(
        "select attname from pg_attribute where attrelid = 'reportd.report_config'::regclass "
        'and attnum > 0')}
    assert {r[1:] for r in rows if r[0] == 'report_config'} == {
        *((c, 'INSERT', 'reportd_submitter') for c in columns - kept),
        ('owner', 'INSERT', 'reportd_operator')}
    assert {r[2:] for r in rows if r[0] != 'report_config'} == {('SELECT', 'reportd_submitter')}
    assert 'sources' not in {r[1] for r in rows if r[0] == 'report_worker'}


def test_each_view_has_a_barrier_and_asks_whose_rows_it_shows(db):
    views = db.query("""select c.relname, coalesce(c.reloptions::text, ''),
            pg_get_viewdef(c.oid), has_table_privilege('reportd_submitter', c.oid, 'SELECT')
        from pg_class c where c.relnamespace = 'reportd'::regnamespace and c.relkind = 'v'""")
    assert {v[0] for v in views if v[3]} == set(VIEWS)
    for name, options, text, seen in views:
        if seen:
            assert 'security_barrier=true' in options, name
            # Each part of a union asks.
            parts = text.split('UNION ALL')
            for part in parts:
                assert re.search(r"pg_has_role\(\(?(\w+\.)?owner\)?(::oid)?, 'USAGE'", part), name


def test_each_table_with_rows_of_owners_has_row_security(db):
    rows = db.query("""select c.relname, c.relrowsecurity from pg_class c
        where c.relnamespace = 'reportd'::regnamespace and c.relkind = 'r'
            and exists (select from pg_attribute a where a.attrelid = c.oid
                and a.atttypid = 'regrole'::regtype)""")
    assert {r[0] for r in rows} == {*TABLES, 'report_grant', 'report_quota', 'report_usage',
                                     'owner_turn', 'quota_check', 'report_inbox'}
    assert all(r[1] for r in rows)
    # All others that a submitter reads; the last has its columns granted one by one.
    assert {r[0] for r in db.query("""select c.relname from pg_class c
        where c.relnamespace = 'reportd'::regnamespace and c.relkind in ('r', 'p', 'm', 'f')
            and not c.relrowsecurity
            and has_any_column_privilege('reportd_submitter', c.oid, 'SELECT')""")} == {
        'schema_upgrade', 'output_format', 'report_worker'}


@says('None of the five can log in.',
      'It cannot log in, is no superuser, and owns all tables, views and functions of the schema.')
def test_the_owner(db):
    assert db.query("select rolcanlogin, count(*) from pg_roles where rolname = any (%s) "
                    'group by 1', ['reportd_owner', *LETTERS.values()]) == [(False, 5)]
    assert db.row('select rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, '
                  "rolreplication from pg_roles where rolname = 'reportd_owner'") == (False,) * 6
    assert {r[0] for r in db.query("""
        select pg_get_userbyid(relowner) from pg_class where relnamespace = 'reportd'::regnamespace
        union select pg_get_userbyid(proowner) from pg_proc where pronamespace = 'reportd'::regnamespace
        union select pg_get_userbyid(nspowner) from pg_namespace where nspname = 'reportd'
        """)} == {'reportd_owner'}
    with pytest.raises(psycopg.OperationalError, match='not permitted to log in'):
        psycopg.connect(make_conninfo(db.conninfo, user='reportd_owner'))


def test_a_role_may_call_what_its_functions_call(db):
    """Of functions with the rights of their caller."""
    assert db.query(r"""select role, p.proname, m[1] as calls
        from unnest('{reportd_submitter,reportd_operator,reportd_viewer,reportd_daemon}'::text[]) role
        join pg_proc p on p.pronamespace = 'reportd'::regnamespace and not p.prosecdef
            and has_function_privilege(role, p.oid, 'EXECUTE')
        cross join lateral regexp_matches(p.prosrc, 'reportd\.(\w+)\(', 'g') m
        where exists (select from pg_proc q where q.pronamespace = p.pronamespace
            and q.proname = m[1])
        and not exists (select from pg_proc q where q.pronamespace = p.pronamespace
            and q.proname = m[1] and has_function_privilege(role, q.oid, 'EXECUTE'))""") == []


@says('All functions look names up in `pg_catalog` first and in `pg_temp` last.')
def test_each_function_has_its_path_pinned(db):
    assert db.query("""select p.oid::regprocedure from pg_proc p
        where p.pronamespace = 'reportd'::regnamespace
            and not coalesce('search_path=pg_catalog, pg_temp' = any (p.proconfig), false)""") == []
    # And backslashes are read in one way, by whatever people call.
    assert db.query("""select p.oid::regprocedure from pg_proc p
        where p.pronamespace = 'reportd'::regnamespace
            and (p.prorettype = 'trigger'::regtype
                or has_function_privilege('reportd_operator', p.oid, 'EXECUTE'))
            and not 'standard_conforming_strings=on' = any (p.proconfig)""") == []
    # Functions that are created later are for nobody until they are granted.
    with db.connect(autocommit=False) as conn:
        conn.execute('set local role reportd_owner')
        conn.execute("create function reportd.later() returns int language sql as 'select 1'")
        conn.execute('reset role')
        assert not conn.execute(
            "select has_function_privilege('nobody', 'reportd.later()', 'EXECUTE')").fetchone()[0]
        conn.rollback()


@says('`reportctl init` refuses a schema, a table or a function `reportd.…` that another role '
      'made, and a `reportd_owner` that can log in.')
@pytest.mark.parametrize('made, says', [
    ('set role ann; create schema reportd', 'schema reportd belongs to ann'),
    ('create schema reportd authorization reportd_owner; grant create on schema reportd to ann; '
     'set role ann; create table reportd.report_config (x int)',
     'table reportd.report_config belongs to ann'),
    ('create schema reportd authorization reportd_owner; grant create on schema reportd to ann; '
     "set role ann; create function reportd.x() returns int language sql as 'select 1'",
     'function reportd.x() belongs to ann'),
    ('create schema reportd authorization reportd_owner; grant create on schema reportd to ann; '
     "set role ann; create type reportd.x as enum ('a')", 'type reportd.x belongs to ann'),
    ('alter role reportd_owner login', 'role "reportd_owner" can log in'),
    ('alter role reportd_submitter createrole', 'role "reportd_submitter" can log in or has rights')])
def test_init_refuses_what_somebody_else_made(db, empty_db, tmp_path, made, says):
    empty_db.execute(f'grant create on database {empty_db.name} to ann')
    try:
        empty_db.execute(made)
        empty_db.close()
        done = reportctl(write_conf(tmp_path / 'x.conf', empty_db), 'init')
        assert done.returncode != 0 and says in done.stderr, done.stderr
        assert 'mend' in done.stderr or 'hint' in done.stderr.lower(), done.stderr
    finally:
        empty_db.execute('reset role')
        empty_db.execute('alter role reportd_owner nologin; '
                         'alter role reportd_submitter nocreaterole')


@says('No command runs what others have put in the place of the schema.')
def false_schema(db, upgrade, owner):
    """SQL that makes a schema which looks like ours, each relation of it with a view
    of ann that runs a function of hers. Who makes schema_upgrade, who owns the schema."""
    names = [(name, columns) for name, columns in db.query("""
        select c.relname, string_agg(format('null::%s as %I',
            format_type(a.atttypid, a.atttypmod), a.attname), ', ' order by a.attnum)
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
        where c.relnamespace = 'reportd'::regnamespace and c.relkind in ('r', 'v')
            and c.relname <> 'schema_upgrade' group by c.relname""")
        if 'reportd.' not in columns]
    version, serves = db.row('select version, serves from reportd.schema_upgrade '
                             'order by 1 desc limit 1')
    yield (f'create schema reportd authorization {owner}; '
           'grant create, usage on schema reportd to ann; set role ann')
    yield """create function reportd.f() returns int language plpgsql as $$ begin
        execute 'alter role ann superuser'; return 7; end $$"""
    for name, columns in names:
        yield f'create view reportd.{name} as select {columns} where reportd.f() > 0'
    if upgrade == 'view':
        yield (f'create view reportd.schema_upgrade as select {version} as version, '
               f'{serves} as serves where reportd.f() > 0')
    else:
        yield f'set role {upgrade}; create table reportd.schema_upgrade (version int, serves int)'
        yield f'insert into reportd.schema_upgrade values ({version}, {serves})'


@says('No command runs what others have put in the place of the schema.')
@pytest.mark.parametrize('upgrade, owner', [
    ('view', 'ann'), ('ann', 'ann'), ('ann', 'reportd_owner'), ('none', 'ann')])
@pytest.mark.parametrize('command', ['init', 'status', 'doctor', 'runs', 'daemons'])
def test_a_false_schema_is_not_run(db, empty_db, tmp_path, command, upgrade, owner):
    for text in false_schema(db, upgrade, owner):
        empty_db.execute(text)
    empty_db.close()
    done = reportctl(write_conf(tmp_path / 'x.conf', empty_db), command)
    assert done.returncode != 0
    assert not db.value("select rolsuper from pg_roles where rolname = 'ann'")
    assert command != 'init' or 'belongs to ann' in done.stderr, done.stderr


@says('It reads all reports, writes what becomes of them, and inserts none.',
      'It changes no grants and no quotas.',
      'A daemon has all rows for its work, whoever owns them.')
def test_the_daemons_role(db, as_, engine):
    ids = [ask(as_('ann')), ask(as_('bob')), ask(as_('ann', 'finance'))]
    daemon = as_('reportd')
    assert daemon('select count(*) from reportd.report_config') == 3
    daemon.refused("insert into reportd.report_config (report_name, export_sql) values ('x', 'x')")
    daemon.refused("select reportd.submit('x', 'select 1')")
    daemon.refused("select reportd.grant_source('hr', 'finance')")
    for query in ("insert into reportd.report_grant values ('source', 'hr', 'ann', 'x')",
                  'update reportd.report_quota set max_running = 100',
                  'delete from reportd.report_quota', 'delete from reportd.report_grant'):
        daemon.refused(query)
    engine()
    assert [report.wait_done(db, i).status for i in ids] == ['COMPLETED'] * 3


@says('A report belongs to the role that was set by SET ROLE, else to the one that logged in.',
      'A submitter sees and changes the reports of roles whose rights it has: its own and '
      'those of its groups.',
      'A report of a group is seen and changed by all of its members.',
      'A report that was submitted after `set role reportd_submitter` belongs to all submitters.')
def test_whose_a_report_is(db, as_):
    ann, team, amy, bob = as_('ann'), as_('ann', 'finance'), as_('amy'), as_('bob')
    own, shared = ask(ann, 'own'), ask(team, 'shared')
    assert db.query('select owner::text, created_by from reportd.report_config order by 1') == [
        ('ann', 'ann'), ('finance', 'ann')]
    names = 'select string_agg(report_name, \',\' order by report_name) from reportd.report_config'
    assert [p(names) for p in (ann, team, amy, bob)] == ['own,shared', 'shared', 'shared', None]
    amy("select reportd.change(%s, '{\"priority\": 1}')", shared)
    amy.refused('select reportd.delete(%s)', own)
    team.refused('select reportd.delete(%s)', own)
    ann("select reportd.change(%s, '{\"owner\": \"finance\"}')", own)
    amy('select reportd.delete(%s)', own)
    # As a role that all are members of.
    db.execute("select reportd.grant_source('finance', 'reportd_submitter')")
    everybodys = ask(as_('ann', 'reportd_submitter'), 'all')
    bob('select reportd.cancel(%s)', everybodys)


@says('A member that does not inherit (NOINHERIT) acts for the group after SET ROLE only.')
def test_a_member_that_does_not_inherit(db, as_):
    shared = ask(as_('ann', 'finance'))
    mute = as_('mute')
    mute.refused('select count(*) from reportd.report_config')
    mute.refused('select reportd.delete(%s)', shared)
    mute('set role finance')
    assert mute('select count(*) from reportd.report_config') == 1
    mute('select reportd.delete(%s)', shared)


@says('Within a SECURITY DEFINER function of somebody else reportd acts for the session '
      'that called it.')
def test_definer_functions_of_third_parties(db, as_):
    ann, bob = as_('ann'), as_('bob')
    anns, bobs = ask(ann), ask(bob)
    ann("""create function public.lent(id bigint) returns void language sql security definer
        as 'select reportd.delete(id)'""")
    try:
        # Neither lends ann's rights to bob ...
        bob.refused('select public.lent(%s)', anns, match=f'no report {anns} of bob')
        # ... nor are bob's kept from him.
        bob('select public.lent(%s)', bobs)
        # A direct INSERT would be in another's name.
        ann("""create function public.insert_it() returns void language sql security definer as
            $$insert into reportd.report_config (report_name, export_sql, source)
            values ('x', 'select 1', 'finance')$$""")
        bob.refused('select public.insert_it()')
    finally:
        ann('drop function if exists public.lent, public.insert_it')


@says('An operator sees all reports, acts on them, and submits for others.',
      'Operators need no grants and have no quotas; the reports that they submit for others do.',
      'An operator grants sources and paths and writes quotas.',
      'An operator cannot change rows of reports but by the functions.')
def test_operators(db, as_):
    olga, ann, bob = as_('olga'), as_('ann'), as_('bob')
    ids = [ask(ann), ask(bob)]
    db.execute('update reportd.report_quota set max_pending = 2, max_reports = 2 where role = 0')
    assert olga('select count(*) from reportd.report_config') == 2
    for one in ids:
        olga("select reportd.change(%s, '{\"priority\": 2}')", one)
        olga('select reportd.cancel(%s)', one)
    for i in range(4):
        own = ask(olga, source='hr', output_path='/anywhere/x.csv')
    for_ann = ask(olga, owner='ann')
    assert ann('select reportd.cancel(%s)', for_ann) == 'CANCELLED'
    olga.refused("insert into reportd.report_config (report_name, export_sql, owner, source) "
                 "values ('x', 'select 1', 'ann', 'hr')", match='ann may not use a source "hr"')
    olga.refused("insert into reportd.report_config (report_name, export_sql, owner, source) "
                 "values ('x', 'select 1', 'ann', 'finance')", match='its quota is 2')
    olga("select reportd.grant_source('hr', 'ann')")
    olga("select reportd.grant_path('s3://bucket/x', 'ann')")
    assert olga("select name from reportd.report_grant where kind = 'write' and grantee = "
                "'ann'::regrole") == 's3://bucket/x/'
    olga("insert into reportd.report_quota (role, max_reports) values ('ann'::regrole, 9)")
    ask(ann, source='hr')
    for query in ("update reportd.report_config set report_name = 'x'",
                  'delete from reportd.report_run', "insert into reportd.report_grant values "
                  "('source', 'hr', 'bob', 'x', now())"):
        olga.refused(query)


@says('A viewer reads everything and changes nothing.',
      'Everything includes the SQL and the parameters of all reports, and the URLs of their '
      'notices: a password has no place there.')
def test_viewers(db, as_):
    vera = as_('vera')
    one = ask(as_('ann'), parameters={'a': 'parameter'})
    run, notice = ran_by_hand(db, one)
    for relation in (*TABLES[2:], *VIEWS[1:], 'report_config', 'report_worker', 'report_source',
                     'report_grant', 'report_quota', 'report_usage'):
        vera(f'select count(*) from reportd.{relation}')
    assert vera('select export_sql from reportd.report_config') == 'select 1'
    assert vera('select parameters from reportd.report_config') == {'a': 'parameter'}
    assert vera('select url from reportd.report_notification') == 'mailto:x@example.com'
    for query in ("select reportd.submit('x', 'select 1')", f'select reportd.run_now({one})',
                  f'select reportd.delete({one})', f'select reportd.resend({notice})',
                  'select reportd.resend_failed()', f'select reportd.cancel({one})',
                  "insert into reportd.report_config (report_name) values ('x')",
                  'update reportd.report_run set remark = null',
                  'select from reportd.report_config for share',
                  "select nextval('reportd.report_run_run_id_seq')"):
        vera.refused(query)
    # Who may ask for reports of its own, too, is told what the others' need.
    with db.connect() as conn:
        conn.execute('create role visitor in role reportd_submitter, reportd_viewer; '
                     'set role visitor')
        with pytest.raises(psycopg.errors.InvalidParameterValue) as refusal:
            conn.execute('select reportd.cancel(%s)', (one,))
        conn.rollback()
    assert f'visitor may see report {one} of ann, but not act on it' in str(refusal.value)
    assert 'needs the role ann or reportd_operator' in str(refusal.value)


# ---- what a submitter can never do ----

@pytest.fixture
def anns(db, as_):
    """A report of ann with a run, a notice and a request, and its numbers."""
    ann = as_('ann')
    one = ask(ann, 'hidden', "select 'hidden'", report_key='hidden_key',
              report_type='hidden', parameters={'hidden': 1})
    run, notice = ran_by_hand(db, one)
    request = ann("select reportd.run_now(%s, '{\"hidden\": 2}')", one)
    db.execute("insert into reportd.report_usage (owner, reports) values ('ann', 1)")
    db.execute("insert into reportd.report_quota (role, max_reports) values ('ann'::regrole, 9)")
    db.execute("select reportd.grant_source('hr', 'ann'), reportd.grant_path('hidden', 'ann')")
    db.execute("update reportd.report_notification set state = 'FAILED'")
    db.execute("insert into reportd.report_zone (owner, path) "
               "values ('ann'::regrole, '/srv/hidden/*')")
    db.execute("insert into reportd.report_input_use select %s, 'f', zone_id, '{}', now() "
               'from reportd.report_zone', one)
    db.execute('insert into reportd.report_input (config_id, input, url, version, size, '
               "modified_at) values (%s, 'f', '/srv/hidden/x', '1', 1, now())", one)
    db.execute("insert into reportd.report_inbox (inbox, owner) "
               "values ('w:t', 'ann'::regrole)")
    db.execute('insert into reportd.report_inbox_row (inbox, external_id, config_id, status) '
               "values ('w:t', 'hidden', %s, 'PROCESSING')", one)
    db.execute('insert into reportd.report_check (run_id, position, config_id, owner, name, '
               "severity, status) values (%s, 1, %s, 'ann', 'hidden', 'warn', 'warned')", run, one)
    return {'config_id': one, 'run_id': run, 'notification_id': notice, 'request_id': request}


@says('See reports, requests, runs, notices or usage of others: not in tables, not in views, '
      'not by functions.')
def test_rows_of_others_are_not_seen(db, as_, anns):
    bob = as_('bob')
    # She sees the sources and targets that are granted to her: see test_sources.
    for relation in (*TABLES, *VIEWS[:-2], 'report_usage'):
        assert db.value(f'select count(*) from reportd.{relation}') > 0, relation
        assert bob(f'select count(*) from reportd.{relation}') == 0, relation
        assert bob(f'select string_agg(x::text, \'\') from reportd.{relation} x') is None
    # A function that talks is not asked about rows that are not shown.
    bob("""create function pg_temp.leak(text) returns bool language plpgsql immutable
        cost 0.0001 as $$begin raise exception 'leaked %', $1; end$$""")
    columns = {
        'v_pending_reports': 'report_name', 'v_report_summary': 'status',
        'v_report_metrics': 'report_type', 'v_notifications': 'recipient',
        'v_requests': 'requested_by', 'report_config': 'report_name',
        'report_request': 'requested_by', 'report_run': 'report_name',
        'report_notification': 'recipient', 'v_inputs': 'url', 'v_zones': 'path',
        'report_check': 'name', 'v_checks': 'name',
        'v_inboxes': 'inbox', 'v_inbox_rows': 'external_id'}
    assert set(columns) == {*VIEWS[:-2], *TABLES}
    for relation, column in columns.items():
        assert bob(f'select count(*) from reportd.{relation} '
                   f'where pg_temp.leak({column})') == 0
    # All other relations: nothing of ann's.
    for (name,) in db.query("select relname from pg_class where relkind in ('r', 'v') "
                            "and relnamespace = 'reportd'::regnamespace"):
        with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
            text = bob(f'select string_agg(x::text, \'\') from reportd.{name} x')
            assert not re.search('hidden|ann', text or '') or name == 'output_format', name
    assert bob('select reportd.resend_failed()') == 0
    assert bob('select reportd.resend_failed(%s)', anns['config_id']) == 0


@says('Learn from a message whether a `config_id`, a `request_id` or a `notification_id` of '
      'others is there.',
      'Run, retry, cancel, change, delete or resend what belongs to others.')
@pytest.mark.parametrize('call, kind', [
    ('run_now({})', 'config_id'), ("run_now({}, '{{}}')", 'config_id'),
    ('retry({})', 'config_id'), ('cancel({})', 'config_id'), ('delete({})', 'config_id'),
    ("change({}, '{{}}')", 'config_id'), ("change({}, '{{\"priority\": 1}}')", 'config_id'),
    ("change({}, '{{\"owner\": \"bob\"}}')", 'config_id'),
    ("backfill({}, '2026-01-01', '2026-01-02')", 'config_id'),
    ('resend({})', 'notification_id'), ('cancel(@, {})', 'request_id'),
    ('retry(@, {})', 'request_id')])
def test_others_reports_cannot_be_acted_on(db, as_, anns, call, kind):
    bob, ann = as_('bob'), as_('ann')
    own = ask(bob)
    call = call.replace('@', str(own))
    # That somebody holds the row is not felt either.
    ann('begin')
    ann('select reportd.delete(%s)', anns['config_id'])
    ann('select reportd.resend(%s)', anns['notification_id'])
    bob("set lock_timeout = '2s'")
    before = db.query('select x::text from reportd.report_config x order by 1')
    there, absent = anns[kind], 987654
    said = []
    for number in there, absent:
        error = bob.refused(f'select * from reportd.{call.format(number)}')
        # Numbers of reports and of requests may be the same.
        message = error.diag.message_primary.replace(f'report {own} has', 'report OWN has')
        said.append(re.sub(rf'\b{number}\b', 'N', message) + error.diag.message_hint)
    assert said[0] == said[1] and 'hidden' not in said[0]
    assert db.query('select x::text from reportd.report_config x order by 1') == before


@pytest.mark.parametrize('call', ['delete({})', 'run_now({})', 'resend({})'])
def test_a_report_that_is_given_away_meanwhile(db, as_, call):
    """Who waits for a row looks again at whose it is."""
    amy, ann = as_('amy'), as_('ann')
    one = ask(as_('ann', 'finance'))
    _, notice = ran_by_hand(db, one)
    amy('begin')
    amy("select reportd.change(%s, '{\"owner\": \"amy\"}')", one)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        done = pool.submit(ann.refused, 'select reportd.'
                           + call.format(notice if 'resend' in call else one),
                           match='there is no (report|notification) .* of ann')
        wait_for(lambda: db.value("select wait_event_type = 'Lock' from pg_stat_activity "
                                  'where pid = %s', ann.conn.info.backend_pid))
        amy('commit')
        done.result()


def test_keys_of_others_are_not_resolved(db, as_, anns):
    bob = as_('bob')
    said = [str(bob.refused('select reportd.id(%s)', key)).replace(key, 'KEY')
            for key in ('hidden_key', 'absent_key')]
    assert said[0] == said[1]
    for who in 'ann', 'vera':
        assert as_(who)("select reportd.id('hidden_key')") == anns['config_id']


@says('A `report_key` is unique in the queue: who takes one learns whether it is there.')
def test_a_key_is_taken_once(db, as_, anns):
    bob = as_('bob')
    error = bob.refused("insert into reportd.report_config (report_name, export_sql, source, "
                        "report_key) values ('x', 'select 1', 'hr', 'hidden_key')",
                        match='report_key "hidden_key" is taken')
    # The lines of the function have numbers, too.
    assert not re.search(rf"(?<!line )\b{anns['config_id']}\b", str(error))


@says('Hear more than numbers of others\' reports from `reportd_done`.',
      'NOTIFY can be forged by every login of the database and is heard by all: its payload '
      'is a hint to look, and holds numbers only.')
def test_notices_on_the_channel_hold_numbers(db, as_, engine):
    bob, nobody = as_('bob'), as_('nobody')
    for channel in 'reportd_done', 'reportd_pending', 'reportd_cancel':
        bob(f'listen {channel}')
    ann = as_('ann')
    one = ask(ann, 'hidden', parameters={'hidden': 'hidden'}, output_path='finance/hidden.csv')
    cancelled = ask(as_('ann', 'finance'), 'hidden')
    ann('select reportd.cancel(%s)', cancelled)
    nobody("notify reportd_done, '{\"config_id\": 1}'")
    nobody('notify reportd_cancel')
    engine()
    assert report.wait_done(db, one).status == 'COMPLETED'
    heard = []
    bob.conn.add_notify_handler(lambda n: heard.append((n.channel, n.payload)))
    wait_for(lambda: bob('select 1') and sum(c == 'reportd_done' for c, _ in heard) == 3)
    assert {p for c, p in heard if c != 'reportd_done'} == {''}
    done = [json.loads(p) for c, p in heard if c == 'reportd_done']
    assert {'config_id': 1} in done and len(done) == 3
    for payload in done:
        assert set(payload) <= {'config_id', 'request_id', 'run_id', 'status'}
        assert all(isinstance(v, (int, type(None))) for k, v in payload.items() if k != 'status')
        assert payload.get('status') in ('COMPLETED', 'CANCELLED', None)


@says('Give a report to a role that it is no member of.')
@pytest.mark.parametrize('owner', ['bob', 'hr', 'olga', 'reportd_operator', 'reportd_owner',
                                   '-', '10', None])
def test_a_report_is_not_given_away(db, as_, owner):
    ann = as_('ann')
    one = ask(ann)
    with pytest.raises(psycopg.Error) as caught:
        ann('select reportd.change(%s, %s)', one, json.dumps({'owner': owner}))
    assert caught.value.sqlstate in ('22023', '23502')
    assert db.value('select owner::text from reportd.report_config') == 'ann'


@says('Write a column that reportd keeps, such as `owner`, `request_id` or `status`.')
def test_kept_columns(db, as_):
    ann = as_('ann')
    one = ask(ann)
    for (column,) in db.query("""select attname from pg_attribute
            where attrelid = 'reportd.report_config'::regclass and attnum > 0
            and not has_column_privilege('reportd_submitter', attrelid, attnum, 'INSERT')"""):
        ann.refused(f'insert into reportd.report_config (report_name, export_sql, {column}) '
                    f"values ('x', 'select 1', null)")
        if column != 'owner':
            ann.refused('select reportd.change(%s, %s)', one, json.dumps({column: 1}))
        ann.refused(f'update reportd.report_config set {column} = null')
        ann.refused('insert into reportd.report_config (report_name, export_sql, source) '
                    "values ('x', 'select 1', 'finance') on conflict (config_id) "
                    f'do update set {column} = null')


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
        'swept': [results(run_id=runs['is over'], leftovers=[])], 'purge': [86400000],
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
        'drained': [me], 'leave': [me], 'leaving': [me], 'retire': [me], 'version': []}}


# A claim waits on purpose: no two daemons count at the same time.
ALONE = {'claim_lock'}


def test_each_statement_of_the_daemon_is_looked_at(busy):
    assert {*busy['statements'], *ALONE} == {
        path.stem for path in (ROOT / 'sql/queue').glob('*.sql')}


def run_statement(daemon, name, params):
    """As the daemon does, but for the transaction."""
    text = re.sub(r'--[^\n]*', '', (ROOT / f'sql/queue/{name}.sql').read_text())
    daemon.conn.cursor(row_factory=tuple_row).execute(re.sub(
        r'\$(\d+)', lambda m: sql.Literal(
            str(p) if hasattr(p := params[int(m[1]) - 1], 'hex') and not isinstance(p, int) else p)
        .as_string(daemon.conn), text))


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
    run_statement(daemon, 'purge', [86400000])
    with db.connect(autocommit=False) as conn:
        free = conn.execute('select run_id from reportd.report_run where run_id = any (%s) '
                            'order by 1 for update skip locked', [young]).fetchall()
        assert [r[0] for r in free] == young
        conn.rollback()
    daemon('commit')
    assert left() == [1, 1, 1]
    other('rollback')
    run_statement(daemon, 'purge', [86400000])
    assert left() == [0, 0, 0]
    assert db.value(kept) == young


def definitions():
    """Signatures that functions and reportctl's statements call, as somebody would
    shadow them."""
    for name, args, result in (
            ('to_regrole', 'text', 'regrole'), ('quote_ident', 'text', 'text'),
            ('pg_has_role', 'oid, oid, text', 'bool'), ('pg_has_role', 'oid, name, text', 'bool'),
            ('pg_has_role', 'name, text', 'bool'), ('current_setting', 'text', 'text'),
            ('nextval', 'regclass', 'bigint'), ('upper', 'text', 'text'),
            ('octet_length', 'text', 'int'), ('pg_notify', 'text, text', 'void'),
            ('jsonb_object_keys', 'jsonb', 'setof text'), ('now', '', 'timestamptz'),
            ('pg_get_userbyid', 'oid', 'name'), ('btrim', 'text, text', 'text'),
            ('json_build_object', 'text, timestamptz, text, json', 'json'),
            ('format', 'text, text', 'text'), ('strpos', 'text, text', 'int'),
            ('clock_timestamp', '', 'timestamptz'), ('json_agg', 'record', 'json'),
            ('isfinite', 'timestamptz', 'bool'), ('count', '', 'bigint')):
        yield name, args, result


@says('Run code as another role by objects in `pg_temp` or `public`.')
@pytest.mark.parametrize('schema', ['pg_temp', 'public'])
def test_shadows_are_not_run(db, as_, ctl, engine, schema):
    ann = as_('ann')
    ann(f"""create function {schema}.evil() returns void language plpgsql as $$ begin
        if current_user <> 'ann' then
            execute 'alter role ann superuser';
            raise exception 'shadow ran as %', current_user; end if; end $$""")
    for name, args, result in definitions():
        value = '' if result == 'void' or result.startswith('setof') else ' null'
        body = f'begin perform {schema}.evil(); return{value}; end'
        ann(f'create function {schema}.{name}({args}) returns {result} language plpgsql '
            f'as $${body}$$')
    ann(f"""create function {schema}.yes(anyelement) returns bool language plpgsql as $$
        begin perform {schema}.evil(); return true; end $$;
        create function {schema}.same(text, text) returns bool language plpgsql as $$
        begin perform {schema}.evil(); return true; end $$;
        create function {schema}.same(oid, oid) returns bool language plpgsql as $$
        begin perform {schema}.evil(); return true; end $$;
        create operator {schema}.= (function = {schema}.same, leftarg = text, rightarg = text);
        create operator {schema}.~ (function = {schema}.same, leftarg = text, rightarg = text);
        create operator {schema}.= (function = {schema}.same, leftarg = oid, rightarg = oid)""")
    for name in ('date', 'int4', 'int8', 'text', 'timestamptz', 'regrole', 'jsonb', 'interval',
                 'bool', 'numeric', 'timestamp'):
        ann(f'create domain {schema}."{name}" as pg_catalog."{name}" '
            f'check ({schema}.yes(value))')
    if schema == 'pg_temp':
        ann('create temp table report_config (config_id bigint, owner oid); '
            'create temp view pg_roles as select * from pg_catalog.pg_roles where false; '
            'create temp table report_grant (x int)')
    for n, path in enumerate(['pg_temp, public, pg_catalog',
                              'public, pg_temp, pg_catalog, reportd', '']):
        ann("select pg_catalog.set_config('search_path', %s, false)", path)
        one = ann("select reportd.submit('x', 'select 1', source => 'finance', time_zone => "
                  "'Europe/Berlin', schedule_expression => '0 0 1 1 *', output_path => "
                  "'finance/{report_name}.csv', output_options => '{\"delimiter\": \";\"}', "
                  "notify_on_failure => '{mailto:a@example.com}', parameters => '{\"a\": 1}', "
                  "report_key => %s)", f'key{n}')
        for call in (f"change({one}, '{{\"priority\": 1}}')", f"run_now({one}, '{{\"a\": 2}}')",
                     f"backfill({one}, '2025-12-31', '2026-01-02')", f'cancel({one})',
                     f"id('key{n}')", "next_run('0 6 * * *', 'UTC', now())", f'delete({one})'):
            ann(f'select * from reportd.{call}')
    # And a superuser who looks, with a path of its own.
    if schema == 'public':
        db.execute(f'alter database {db.name} set search_path = public, pg_catalog')
        try:
            ask(ann)
            for listen in 'on', 'off':
                for args in (['status'], ['runs'], ['status', '1'], ['doctor'],
                             ['next', '@daily'], ['submit', '--name', 'x', '--sql', 'select 1'],
                             ['daemons'], ['sources'], ['status', '--json']):
                    told = ctl(*args, sections={'queue': {'listen': listen}})
                    assert 'shadow ran' not in told.stdout + told.stderr, args
                conninfo = make_conninfo(db.conninfo, user='reportd')
                one = engine({'queue': {'conninfo': conninfo, 'listen': listen}})
                assert report.wait_done(db, ask(as_('bob'))).status == 'COMPLETED'
                one.stop()
                assert 'shadow ran' not in one.log()
        finally:
            db.execute(f'alter database {db.name} reset search_path')
    db.close()
    assert not db.value("select rolsuper from pg_catalog.pg_roles where rolname = 'ann'")
    if schema == 'public':
        db.execute('drop owned by ann cascade')
        db.execute(f'grant create, temporary on database {db.name} to ann; '
                   'grant create on schema public to ann')


@says('Act as a superuser from a function of an index that the server maintains.')
@pytest.mark.parametrize('call', [
    "reportd.submit('x', 'select 1', source => 'hr')", 'reportd.delete({})',
    'reportd.run_now({})', "reportd.change({}, '{{\"owner\": \"ann\"}}')", 'reportd.cancel({})',
    "reportd.backfill({}, '2026-01-01', '2026-01-02')", "reportd.id('bobs')",
    'reportd.retry({})', 'reportd.resend({notice})', 'reportd.resend_failed()',
    'reportd.resend_failed({})', 'reportd.waits_for({})', 'reportd.opens_more({})',
    'reportd.wake_inboxes()', "reportd.insert_it()"])
def test_the_server_maintains_a_table(db, as_, call):
    ann = as_('ann')
    bobs = ask(as_('bob'), report_key='bobs',
               notify_on_completion=['mailto:another@example.com'])
    _, notice = ran_by_hand(db, bobs)
    db.execute("update reportd.report_notification set state = 'FAILED'")

    def rows():
        return [db.query(f'select x::text from reportd.{table} x order by 1') for table in TABLES]
    before = rows()
    call = call.format(bobs, notice=notice)
    body = f'perform {call}' if 'insert_it' not in call else \
        "insert into reportd.report_config (report_name, export_sql, source) " \
        "values ('x', 'select 1', 'hr')"
    ann('create table public.bait (i int); insert into public.bait values (1)')
    try:
        ann("create function public.deed() returns void language plpgsql as $$ begin end $$")
        ann("create function public.key(i int) returns int language plpgsql immutable as "
            '$$ begin perform public.deed(); return i; end $$')
        ann('create index on public.bait (public.key(i))')
        ann('create or replace function public.deed() returns void language plpgsql as '
            f'$$ begin {body}; end $$')
        for query in 'analyze public.bait', 'reindex table public.bait':
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                db.execute(query)
        assert rows() == before
        # Outside of it the function acts for who calls it, as any other.
        db.execute('listen reportd_done')
        assert db.value("select reportd.submit('x', 'select 1', source => 'hr')")
    finally:
        ann('drop table public.bait; drop function public.key, public.deed')


def test_a_role_that_has_taken_the_name_of_the_acting_one(db, as_):
    """The server tells a function the name of the role that was set, not its number."""
    bobs = ask(as_('bob'))
    db.execute('create role passing in role finance; grant passing to ann')
    try:
        ann = as_('ann', 'passing')
        submit = "select reportd.submit('x', 'select 1', source => 'finance')"
        assert ann(submit)
        db.execute('alter role passing rename to passed; '
                   'create role passing in role reportd_operator')
        for call in (f'reportd.run_now({bobs})', f'reportd.cancel({bobs})',
                     f'reportd.delete({bobs})'):
            ann.refused(f'select {call}')
        ann.refused(submit, match='is not the one that was set')
        with pytest.raises(psycopg.Error):
            ann('select reportd.why(%s)', bobs)
    finally:
        for name in 'passing', 'passed':
            if db.value('select to_regrole(%s)', name):
                db.execute(f"delete from reportd.report_config where owner = '{name}'::regrole; "
                           f'drop owned by {name}; drop role {name}')


@says('Load a table of a target that is not granted, or learn which others there are; '
      "write a target's ledger.")
def test_targets(db, as_):
    for name in 'finance_dwh', 'hr_dwh':
        db.execute("select reportd.register_target(%s, 'postgres')", name)
    db.execute("select reportd.grant_target('finance_dwh', 'finance')")
    ann = as_('ann')
    said = []
    insert = ("insert into reportd.report_config (report_name, source, export_sql, output_format, "
              "output_path) values ('x', 'finance', 'select 1 as id', 'TABLE', %s)")
    for name in 'hr_dwh', 'absent':
        error = ann.refused(insert, f'table:{name}/s.t',
                            match=f'ann may not load tables of a target "{name}"')
        said.append((str(error) + error.diag.message_hint).replace(name, 'NAME'))
    assert said[0] == said[1] and 'finance_dwh' in said[0]
    # A file's format, or a folder's name, leads to no table.
    ann.refused("insert into reportd.report_config (report_name, source, export_sql, output_path) "
                "values ('x', 'finance', 'select 1', 'table:finance_dwh/s.t')")
    ann.refused(insert, 'table:finance_dwh/reportd.report_grant')
    ann.refused(insert.replace('output_path)', 'output_path, target)').replace('%s', "'x', %s"),
                'finance_dwh')
    assert ann("select string_agg(target, ',') from reportd.report_target") == 'finance_dwh'
    assert ann("select string_agg(target || ' for ' || granted_to, ',') from reportd.v_targets") == (
        'finance_dwh for finance')
    for statement in ("select reportd.grant_target('hr_dwh', 'ann')",
                      "select reportd.register_target('mine', 'postgres')",
                      "select reportd.forget_target('hr_dwh')",
                      "update reportd.report_target set target = 'x'",
                      'select * from reportd.queue_identity',
                      'update reportd.queue_identity set queue_id = gen_random_uuid()'):
        ann.refused(statement)


@says('Name a source that is not granted, or learn which others there are.')
def test_sources(db, as_):
    ann = as_('ann')
    said = []
    for name in 'hr', 'absent':
        error = ann.refused("select reportd.submit('x', 'select 1', source => %s)", name,
                            match=f'ann may not use a source "{name}"')
        said.append((str(error) + error.diag.message_hint).replace(name, 'NAME'))
    assert said[0] == said[1] and 'finance' in said[0]
    ann.refused("select reportd.submit('x', 'select 1')",
                match='a source "default", which a report has that names none')
    one = ask(ann)
    ann.refused("select reportd.change(%s, '{\"source\": \"hr\"}')", one)
    assert ann('select string_agg(source, \',\') from reportd.report_source') == 'finance'
    assert ann("select string_agg(source || ' for ' || granted_to, ',') from reportd.v_sources") == (
        'finance for finance')
    assert ann('select count(*) from reportd.v_sources') == 1
    assert ann('select string_agg(distinct name, \',\') from reportd.report_grant '
               "where kind = 'source'") == 'finance'
    ann.refused('select sources from reportd.report_worker')
    ann.refused("select reportd.register_source('evil', 'postgres')")
    ann.refused("select reportd.grant_source('hr', 'ann')")


@pytest.mark.parametrize('path, name', [
    ('finance', 'finance/'), ('finance/', 'finance/'), ('a/b.c//', 'a/b.c/'), ('/', '/'),
    ('s3://bucket', 's3://bucket/'), ('s3://bucket/a b', 's3://bucket/a b/'),
    ('file:///srv/reports', 'file:///srv/reports/'), ('https://host', 'https://host/'),
    ('https://host/a', 'https://host/a/'),
    ('', None), (None, None), ('.', None), ('..', None), ('finance/../hr', None), ('a/.b', None),
    ('a//b', None), ('/srv', None), ('//', None), ('s3://', None), ('s3:///x', None),
    ('s3://bucket//x', None), ('s3://{owner}', None), ('S3://bucket', None), ('s3:bucket', None),
    ('file:///', None), ('file://srv', None), ('file:////etc', None), ('file:///a/../b', None),
    ('http://host/', None), ('https://u@host/', None), ('https://host/*', None),
    ('https://HOST/', None), ('https://host/../b', None), ('{owner}/', None), ('%Y/', None), ('a\nb', None)])
def test_which_paths_can_be_granted(db, as_, path, name):
    """Whole folders, by their own names: nothing that a template or a kernel would read
    as another place."""
    olga = as_('olga')
    grants = "select array_agg(name) from reportd.report_grant where grantee = 'ann'::regrole"
    if name is None:
        olga.refused("select reportd.grant_path(%s, 'ann')", path, match='can be granted')
        assert db.value(grants) is None
        return
    olga("select reportd.grant_path(%s, 'ann')", path)
    assert db.value(grants) == [name]
    olga("select reportd.revoke_path(%s, 'ann')", path)
    assert db.value(grants) is None


PLACES = {
    'hr/x.csv': False, 'finance/x.csv': True, 'finance/{report_name}.csv': True,
    'financex/x.csv': False, 'finance/../hr/x.csv': False, '{report_name}/x.csv': None,
    '{d}/x.csv': None, 'fin{e}/x.csv': None, '%Y/x.csv': None, '/x.csv': False,
    '/finance/x.csv': False, 'file:///finance/x.csv': False, 's3://finance/x.csv': False,
    'finance%%/x.csv': None, 'FINANCE/x.csv': False, './finance/x.csv': False,
    'finance': False, 'x.csv': False, '{report_name}.csv': None, 'h{e}/x.csv': False,
    '{owner}/x.csv': False, 'finance/{owner}.csv': True}


@says('Write to a path that is not granted: neither as written, nor after names and codes are '
      'filled in.')
def test_paths(db, as_, engine, out):
    ann = as_('ann')
    ids = {}
    for path, granted in PLACES.items():
        columns = {'output_path': path, 'parameters': {'d': 'hr', 'e': 'ance'}, 'name': 'hr'}
        if granted is False:
            with pytest.raises(REFUSED):
                ask(ann, **columns)
        else:
            ids[path] = ask(ann, **columns)
    one = ask(ann)
    ann.refused("select reportd.change(%s, '{\"output_path\": \"hr/x.csv\"}')", one)
    # A name that a later request fills in otherwise.
    later = ask(ann, output_path='{d}/later.csv', parameters={'d': 'finance'})
    ann("select reportd.run_now(%s, '{\"d\": \"hr\"}')", later)
    engine()
    granted = {'finance/x.csv', 'finance/{report_name}.csv', 'fin{e}/x.csv', 'finance/{owner}.csv'}
    assert report.wait_done(db, ask(as_('ann', 'finance'), output_path='{owner}/own.csv')
                            ).status == 'COMPLETED'
    assert (out / 'finance/own.csv').exists()
    for path, one in ids.items():
        row = report.wait_done(db, one)
        assert (row.status == 'COMPLETED') == (path in granted), (path, row.error_message)
        if path not in granted:
            assert 'finance/' in row.error_message, (path, row.parameters, report.runs(db, one))
    wait_for(lambda: len(report.runs(db, later)) == 2
             and report.runs(db, later)[1].status == 'FAILED')
    default = report.wait_done(db, ask(ann, 'by default'))
    assert default.status == 'COMPLETED'
    assert {p.relative_to(out).parts[0] for p in out.rglob('*.csv')} == {
        'finance', 'report', 'by default'}


def test_a_folder_that_is_granted_by_its_whole_name(db, as_, engine, out):
    db.execute("select reportd.grant_path(%s, 'ann')", f'file://{out}/deep')
    ann = as_('ann')
    ids = [ask(ann, output_path=f'file://{out}/{path}.csv', parameters={'d': 'deep'}, max_retries=0)
           for path in ('deep/x', '{d}/y', '{d}er/z')]
    for path in 'deeper/x.csv', 'x.csv', 'deep.csv':
        ann.refused("select reportd.submit('x', 'select 1', source => 'finance', "
                    'output_path => %s)', f'file://{out}/{path}', match='may not write to')
    engine()
    assert [report.wait_done(db, one).status for one in ids] == ['COMPLETED'] * 2 + ['FAILED']


# Where the default path leads; None: refused at the INSERT; False: the run fails, since
# only the run knows what the codes stand for.
DEFAULT_PATHS = [
    (None, 'ann', None, 'finance', 'finance'), (None, 'bob', None, 'hr', 'hr'),
    (None, 'ann', None, 'hr2', 'hr2'), (None, 'ann', None, 'hr', None),
    (None, 'ann', None, 'prices', None), (None, 'ann', 'finance', 'hr', None),
    ('{owner}/{report_name}/{request_id}.{ext}', 'ann', None, 'hr', 'ann/hr'),
    ('{owner}/{report_name}/{request_id}.{ext}', 'ann', 'finance', 'hr', 'finance/hr'),
    ('%Y{report_name}/{request_id}.{ext}', 'ann', None, '/hr', False),
    ('%Y{report_name}/{request_id}.{ext}', 'ann', None, '/hr2', '{year}_hr2'),
]


@says('Lead a report to a place that is granted to others by its name: the default path of the settings '
      'is refused there.')
@pytest.mark.parametrize('output, login, role, name, place', DEFAULT_PATHS)
def test_no_name_leads_a_default_path_to_others(db, as_, engine, out, output, login, role, name, place):
    year = str(datetime.datetime.now(datetime.timezone.utc).year)
    db.execute("select reportd.grant_path('prices/', 'finance', 'read')")
    db.execute("select reportd.grant_path(%s, 'hr')", f'{year}_hr/')
    engine(**({'output': output} if output else {}))
    person = as_(login, role)
    if place is None:
        error = person.refused(
            'insert into reportd.report_config (report_name, export_sql, source) '
            "values (%s, 'select 1', 'finance')", name, match=f'may not write to "{name}/')
        assert '{owner}' in error.diag.message_hint
        # Without an output it may have any name.
        person('insert into reportd.report_config (report_name, prep_sql, source) '
               "values (%s, 'select 1', 'finance')", name)
        return
    row = report.wait_done(db, ask(person, name))
    files = [str(p.parent.relative_to(out)) for p in out.rglob('*.csv')]
    if place is False:
        assert row.status == 'FAILED' and 'may not write to' in row.error_message
        assert not files
    else:
        assert row.status == 'COMPLETED', row.error_message
        assert files == [place.format(year=year)]


@says('A grant to `reportd_submitter` or to `public` is one to everybody: `reportctl doctor` '
      'warns of it.')
def test_doctor_warns_of_grants_that_keep_nobody_apart(db, as_, ctl):
    def grants():
        return [line for line in ctl('doctor').stdout.splitlines() if 'keeps them apart' in line]
    assert not grants()
    db.execute("select reportd.grant_source('finance', 'reportd_submitter')")
    db.execute("select reportd.grant_source('hr', 'public')")
    db.execute("select reportd.grant_path('/', 'ann')")
    ask(as_('ann'))
    assert not grants()
    ask(as_('bob'))
    ask(as_('bob'), source='finance')
    [line] = grants()
    assert line.startswith('warn') and line.endswith(
        'source finance to reportd_submitter, source hr to public, write of / to ann')


def unit(key):
    """A setting of the unit that is installed."""
    return re.search(rf'^{key}=(.*)', (ROOT / 'systemd/service.in').read_text(), re.M)[1]


def run_as(uid, groups, *args, **options):
    """Of no other groups and without a right of root's."""
    return subprocess.run(
        ['setpriv', f'--reuid={uid}', f'--regid={uid}',
         f'--groups={groups}' if groups else '--clear-groups', '--bounding-set=-all', *map(str, args)],
        text=True, capture_output=True, **options)


@pytest.fixture
def open_socket(cluster):
    """A way to the server that all users can reach."""
    proxy = Proxy(cluster.host)
    os.chmod(proxy.dir, 0o755)
    os.chmod(pathlib.Path(proxy.dir, SOCKET), 0o777)
    yield proxy
    proxy.remove()


@pytest.fixture
def open_dir(tmp_path):
    """A directory that all users can reach, unlike tmp_path."""
    with tempfile.TemporaryDirectory(prefix='reportd-') as name:
        os.chmod(name, 0o755)
        yield pathlib.Path(name)


DAEMON, FINANCE, HR = 60001, 60010, 60020


@says("The files in a group's folder are read by that group alone.")
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which('setpriv')
                    or run_as(DAEMON, None, 'test', '-x', REPORTD).returncode != 0,
                    reason='needs root, and programs that all users can reach')
def test_folders_of_groups(db, as_, open_dir, open_socket):
    conninfo = open_socket.conninfo(db)
    out = open_dir / 'out'
    for path, group, mode in ((out, DAEMON, unit('StateDirectoryMode')),
                              (out / 'finance', FINANCE, '2750'), (out / 'hr', HR, '2750')):
        run('install', '-d', '-m', mode, '-o', DAEMON, '-g', group, path)
    conf = write_conf(open_dir / 'reportd.conf', db, {
        'queue': {'conninfo': conninfo},
        'source.finance': {'conninfo': conninfo}, 'source.hr': {'conninfo': conninfo}},
        output_root=out, output='{owner}/{report_name}/{request_id}.{ext}')
    os.chown(conf, 0, DAEMON)
    conf.chmod(0o640)
    ask(as_('ann'), output_path='finance/given.csv')
    ask(as_('ann', 'finance'), 'deep')
    ask(as_('bob', 'hr'), 'pay')
    ask(as_('ann'), 'own')
    done = run_as(DAEMON, None, 'sh', '-c', f'umask {unit("UMask")}; exec "$0" "$@"',
                  REPORTD, '-c', conf, '--drain')
    assert done.returncode == 0, done.stderr
    files = {str(p.parent.relative_to(out)): p for p in out.rglob('*.csv')}
    assert files.keys() == {'finance', 'finance/deep', 'hr/pay', 'ann/own'}
    readers = {'finance': {FINANCE}, 'finance/deep': {FINANCE}, 'hr/pay': {HR}, 'ann/own': {DAEMON}}
    for place, path in files.items():
        for group in FINANCE, HR, DAEMON, None:
            read = run_as(61001, group, 'cat', path).returncode == 0
            assert read == (group in readers[place]), (place, group)
            assert run_as(61001, group, 'touch', path.parent / 'x').returncode != 0
    assert run_as(61001, FINANCE, 'ls', out).returncode != 0
    assert run_as(61001, FINANCE, 'cat', conf).returncode != 0
    # As `cp` leaves it, and then closed for others: the daemon cannot read it.
    os.chown(conf, 0, 0)
    done = run_as(DAEMON, None, REPORTD, '-c', conf, '--check-config')
    assert done.returncode == 3 and f'chgrp reportd {conf} and chmod 0640' in done.stderr


def test_what_may_be_read_may_not_be_written(db, as_, engine, out):
    olga, ann = as_('olga'), as_('ann')
    olga("select reportd.grant_path('hr/', 'ann', 'read')")
    ann.refused("insert into reportd.report_config (report_name, export_sql, source, output_path) "
                "values ('x', 'select 1', 'finance', 'hr/x.csv')", match='ann may not write to')
    one = ask(ann, output_path='{d}/x.csv', parameters={'d': 'hr'}, max_retries=0)
    # The one is taken back without the other.
    olga("select reportd.grant_path('finance/', 'ann', 'read')")
    olga("select reportd.revoke_path('finance/', 'finance', 'read')")
    olga("select reportd.revoke_path('finance/', 'ann', 'read')")
    other = ask(ann, output_path='{d}/y.csv', parameters={'d': 'finance'})
    engine()
    row = report.wait_done(db, one)
    assert row.status == 'FAILED' and '("finance/")' in row.error_message
    assert report.wait_done(db, other).status == 'COMPLETED'
    assert [p.relative_to(out).as_posix() for p in out.rglob('*.csv')] == ['finance/y.csv']


@says('Go on with what an operator has taken back: reports that wait fail, with the reason.')
def test_revoked_grants(db, as_, engine):
    olga, ann = as_('olga'), as_('ann')
    source, path = ask(ann), ask(ann, source='finance', output_path='finance/x.csv')
    olga("select reportd.revoke_path('finance/', 'finance')")
    engine()
    row = report.wait_done(db, path)
    assert row.status == 'FAILED' and 'may not write to "finance/x.csv"' in row.error_message
    assert report.wait_done(db, source).status == 'COMPLETED'
    olga("select reportd.revoke_source('finance', 'finance')")
    ann('select reportd.run_now(%s)', source)
    wait_for(lambda: len(report.runs(db, source)) == 2)
    row = report.wait_done(db, source)
    assert row.status == 'FAILED'
    assert 'ann may not use a source "finance"' in row.error_message
    assert db.value('select count(*) from reportd.report_request '
                    "where outcome = 'FAILED' and error_message like '%%may not use%%'") == 1
    # It is the owner's role that counts, at the time of the claim.
    olga("select reportd.grant_source('finance', 'finance')")
    one = ask(ann, is_active=False)
    db.execute('revoke finance from ann')
    try:
        with pytest.raises(REFUSED):
            ann("select reportd.change(%s, '{\"is_active\": true}')", one)
    finally:
        db.execute('grant finance to ann')


def set_quota(db, **limits):
    db.execute('delete from reportd.report_quota')
    db.execute(sql.SQL('insert into reportd.report_quota (role, {}) values (0, {})').format(
        sql.SQL(', ').join(map(sql.Identifier, limits)),
        sql.SQL(', ').join(map(sql.Literal, limits.values()))))


def waiting_of(db, owner):
    return db.value('select reportd.pending_count(%s::regrole, 1000000)', owner)


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


# Some would be another's if they were not quoted.
NAMES = ['ANN', '"ann"', 'Olga', 'Public', 'NONE', "o'brien", 'quo"te', 'with space', '\u202egro.live', 'line\nbreak',
         'a.b', '-', '10', '$user', 'ünï', 'reportd_operator ', '%s']


@says('Deceive by a name: roles, reports and keys may have any letters, and mean themselves only.')
def test_hostile_names(db, as_, engine):
    made = []
    try:
        for name in NAMES:
            db.execute(sql.SQL('create role {} login in role reportd_submitter').format(
                sql.Identifier(name)))
            made.append(name)
        olga = as_('olga')
        anns = ask(as_('ann'))
        ids = {}
        for name in NAMES:
            person = as_(name)
            person.refused('select reportd.cancel(%s)', anns, match=f'no report {anns} of')
            person.refused("select reportd.submit('x', 'select 1', source => 'hr')",
                           match='may not use')
            olga("select reportd.grant_source('hr', %s)", name)
            olga("insert into reportd.report_quota (role, max_running) "
                 'select oid, 1 from pg_roles where rolname = %s', name)
            # By the grant just made, and by nobody else's.
            ids[name] = person("select reportd.submit(%s, 'select 1', source => 'hr')",
                               'name of ' + name.replace('\n', ' '))
            assert person('select owner::oid = (select oid from pg_roles where rolname = %s) '
                          'from reportd.report_config', name)
            assert person('select count(*) from reportd.report_config') == 1
            person("select reportd.change(%s, '{\"priority\": 2}')", ids[name])
            person('select reportd.cancel(%s)', ids[name])
            assert db.value('select cancelled_by from reportd.report_config '
                            'where config_id = %s', ids[name]) == name
            person('select reportd.retry(%s)', ids[name])
        assert db.value("select count(*) from reportd.report_grant where grantee = 0") == 0
        engine()
        for name, one in ids.items():
            assert report.wait_done(db, one).status == 'COMPLETED', name
        for key in ('a b', "a'b", 'a"b', '\u202ea', 'a\nb', 'a__b', '1a', '', 'ä'):
            with pytest.raises(REFUSED):
                ask(as_('ann'), report_key=key)
        for name in ('a\nb', 'a\x1bb', '', ' '):
            with pytest.raises(REFUSED):
                ask(as_('ann'), name)
        for name in '../../etc', '.hidden', "o'brien", '\u202egro.live':
            assert report.wait_done(db, ask(as_('ann'), name)).status == 'COMPLETED'
        for name in 'none', 'public':
            with pytest.raises(psycopg.errors.ReservedName):
                db.execute(sql.SQL('create role {}').format(sql.Identifier(name)))
    finally:
        for name in made:
            db.execute(sql.SQL('drop owned by {}').format(sql.Identifier(name)))
            db.execute(sql.SQL('drop role {}').format(sql.Identifier(name)))


@says('Delay reports, schedules or notices of other owners, or what runs after their reports: '
      'owners take turns, however much each of them waits for and however urgent it is.')
def test_owners_take_turns(db, as_, engine):
    db.execute('delete from reportd.report_quota')
    db.execute('set session_replication_role = replica') # no triggers: it is quicker
    db.execute("""insert into reportd.report_config (report_name, export_sql, source, owner,
            priority, request_id, due_at)
        select 'flood', 'select pg_sleep(0.02)', 'finance', 'ann', 1,
            nextval('reportd.report_request_request_id_seq'), now() - interval '1 day'
        from generate_series(1, 5000)""")
    db.execute('reset session_replication_role')
    db.execute("""insert into reportd.report_config (report_name, export_sql, source, owner,
            priority, trigger_type, schedule_expression, misfire_policy, next_run_time)
        select 'catch up', 'select pg_sleep(0.02)', 'finance', 'finance', 1, 'SCHEDULED',
            '* * * * *', 'ALL', now() + interval '1 h' from generate_series(1, 4)""")
    db.execute("update reportd.report_config set next_run_time = '2000-01-01' "
               "where trigger_type = 'SCHEDULED'")
    engine(workers=2)
    wait_for(lambda: db.value("select count(*) from reportd.report_run") > 40)
    took = []
    for priority in 5, 1, 3:
        one = ask(as_('bob'), priority=priority)
        took.append(report.wait_done(db, one))
    waited = [db.value('select extract(epoch from r.started_at - c.created_timestamp)::float8 '
                       'from reportd.report_run r join reportd.report_config c using (run_id) '
                       'where c.config_id = %s', row.config_id) for row in took]
    assert max(waited) < 1, waited
    # Nothing is caught up that was missed more than a year ago.
    assert db.value("select min(scheduled_for) > now() - interval '367 days' "
                    "from reportd.report_request where reason = 'schedule'")
    assert db.value("select count(*) from reportd.report_config where status = 'PENDING'") > 1000


@says('Reports of a dropped role fail with the reason, and an operator can give them to '
      'another role.')
def test_reports_of_a_dropped_role(db, as_, engine):
    db.execute('create role gone login in role finance')
    one = ask(as_('gone'), max_retries=0)
    kept = ask(as_('gone'), is_active=False)
    db.execute('drop role gone')
    engine()
    row = report.wait_done(db, one)
    assert row.status == 'FAILED' and 'is no role any more' in row.error_message
    olga = as_('olga')
    olga("select reportd.change(%s, '{\"owner\": \"ann\", \"is_active\": true}')", kept)
    assert report.wait_done(db, kept).status == 'COMPLETED'
    olga("select reportd.change(%s, '{\"owner\": \"ann\"}')", one)
    as_('ann')('select reportd.retry(%s)', one)
    wait_for(lambda: report.config(db, one).status == 'COMPLETED')


# ---- setting it up ----

@says('Who ran init needs no grants and has no quotas.')
def test_one_person_needs_nothing(db, as_):
    set_quota(db, max_reports=0, max_pending=0)
    keeper = as_('keeper')
    for _ in range(3):
        one = keeper("select reportd.submit('x', 'select 1', output_path => '/srv/x.csv', "
                     "source => 'hr', timeout => '1 day')")
    keeper('select reportd.run_now(%s)', one)


@says('A member of `reportd_owner` sees all rows, so its dump is whole.',
      'A member of `reportd_owner` dumps and restores the queue, and owners, grants and quotas '
      'are as they were.',
      'Owners are kept by name: on another server make the roles first.')
def test_dump_and_restore(db, as_, cluster, empty_db, tmp_path):
    ann, bob = as_('ann'), as_('bob')
    ran_by_hand(db, ask(ann, report_key='a_key'))
    ask(as_('ann', 'finance'), trigger_type='SCHEDULED', schedule_expression='0 6 * * *')
    ann('select reportd.run_now(reportd.id(%s))', 'a_key')
    ask(bob)
    cluster.admin(f'grant create on database {empty_db.name} to reportd_owner')
    env = environ(**{**db.env, 'PGUSER': 'keeper'})
    dump = tmp_path / 'reportd.dump'
    for command in (['pg_dump', '--role=reportd_owner', '-n', 'reportd', '-Fc', '-f', dump, db.name],
                    ['pg_restore', '--role=reportd_owner', '-e', '-d', empty_db.name, dump]):
        done = subprocess.run(command, env=env, text=True, capture_output=True)
        assert done.returncode == 0, done.stderr
    text = subprocess.run(['pg_restore', '-a', '-t', 'report_config', '-f', '-', dump],
                          env=env, text=True, capture_output=True).stdout
    assert re.search(r'\tann\t', text) and re.search(r'\tfinance\t', text)
    for table in (*TABLES, 'report_grant', 'report_quota', 'report_source'):
        query = f'select x::text from reportd.{table} x order by 1'
        assert empty_db.query(query) == db.query(query), table
    assert db.value('select count(*) from reportd.report_config') == 3
    copy = Person(empty_db, 'bob')
    assert copy('select count(*) from reportd.report_config') == 1
    copy("select reportd.submit('x', 'select 1', source => 'hr')")
    copy.refused("select reportd.submit('x', 'select 1', source => 'finance')")
    copy.conn.close()
