# SPDX-License-Identifier: MIT
"""Which role may call and read what, who owns what, and what a false schema or path changes."""

import re

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from lib import report
from lib.manual import says
from lib.process import reportctl, run, write_conf
from test_security_shared import TABLES, VIEWS, as_, ask, db, engine, queue, ran_by_hand  # noqa: F401

pytestmark = pytest.mark.shipped

FUNCTIONS = {
    'submit run_now backfill retry cancel change delete resend resend_failed '
    'release_input quarantine_input': 'SO',
    'next_run prev_run next_runs schedule_words check_time_zone notice_channel notice_shown '
    'local_time why waits_for opens_more file_fault quiet_at input_time': 'SOVD',
    'id wake_inboxes': 'SOVD', 'metrics scale_demand': 'OVD',
    'grant_source revoke_source grant_path revoke_path register_source forget_source '
    'grant_target revoke_target register_target forget_target': 'O',
    'plan_fire write_notices notify_done follow set_aside end_unclaimed '
    'end_request claim_candidates denial rare_members quota_of schedule_turns tell_progress rescue '
    'fire_schedules follow_at_rest end_sourceless leftovers pipelines_due '
    'keep_request take_steps set_files_aside reaches reaches_all lose_run claim_zones take_page '
    'claim_moves record_moves due_zones due_moves watched_paths wake_paths wake_objects '
    'inbox_begin inbox_step inbox_fault inbox_may_set keep_checks unrecorded tally_runs scale_take '
    'scale_plan scale_release scale_may_leave scale_leave': 'D',
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
               'report_check DELETE': 'D'}
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


@pytest.mark.parametrize('query, message, hint', [
    ("select reportd.register_source('X Y', 'postgres')", '"X Y" is no name of a source',
     '[source.NAME]'),
    ("select reportd.register_source(null, 'postgres')", '"" is no name of a source', '40 small'),
    ("select reportd.register_target(repeat('x', 41), 'postgres')", 'is no name of a target',
     '[target.NAME]'),
    ("select reportd.grant_path('x/', 'ann', null)", 'unknown mode ""', 'read or write'),
    ("select reportd.grant_path(repeat('x', 1024), 'ann')", 'is too long', '1,024 bytes'),
    ('update reportd.report_quota set max_reports = -1', 'max_reports -1 is out', '0 or more'),
    ('update reportd.report_quota set max_pending = -1', 'max_pending -1 is out', '0 or more'),
    ('update reportd.report_quota set max_running = 0', 'max_running 0 is out', '1 or more'),
    ('update reportd.report_quota set max_output_bytes = -1', 'max_output_bytes -1', '0 or more'),
    ("update reportd.report_quota set max_timeout = '-1 s'", 'max_timeout -00:00:01', '100 years'),
    ("update reportd.report_quota set max_timeout = '101 years'", 'max_timeout 101 y', '100 years'),
    ('insert into reportd.report_quota (max_pending) values (1)', 'role is null', 'or 0 for all'),
])
def test_what_an_operator_writes_wrong_is_refused_by_a_sentence(as_, query, message, hint):
    with pytest.raises(psycopg.errors.InvalidParameterValue) as caught:
        as_('olga')(query)
    assert message in caught.value.diag.message_primary
    assert hint in caught.value.diag.message_hint


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
