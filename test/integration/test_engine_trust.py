# SPDX-License-Identifier: MIT
"""Which logins others' SQL may run under."""

import contextlib
import itertools
import os
import re

import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from lib import report
from lib.manual import says
from lib.paths import ROOT
from lib.process import reportctl
from test_engine_shared import done, failure
from test_reportctl_shared import checks_of

NUMBER = itertools.count(1)


@pytest.fixture
def role(db):
    """role('createrole', 'boss in "role"'...) makes a login with these options,
    a member of the roles named; all are dropped at the end."""
    made = []

    def make(options='', *groups, login='login'):
        name = f'r{next(NUMBER)}_{os.getpid()}'
        db.execute(f'create role {name} {login} {options}')
        made.append(name)
        for group in groups:
            db.execute(f'grant {group} to {name}')
        return name
    yield make
    db.close()
    for name in reversed(made):
        with contextlib.suppress(Exception):
            db.execute(f'drop owned by {name}')
        db.execute(f'drop role {name}')


def source(db, user, **keys):
    """[source.default] as this user, not trusted."""
    return {'source.default': {'conninfo': make_conninfo(db.conninfo, user=user),
                               'trusted': None, **keys}}


def roles_of(db):
    if not db.value("select to_regrole('reportd_daemon')"):
        db.execute('create role reportd_daemon nologin')
        return ['reportd_daemon']
    return []


def test_a_login_that_only_reads_is_taken(db, daemon, role):
    daemon(source(db, role()))
    done(db, export_sql='select current_user')


@pytest.mark.parametrize('options, groups, says', [
    ('superuser', [], 'is a superuser'),
    ('', ['pg_execute_server_program'], 'reaches programs or files of the server'),
    ('noinherit', ['pg_write_server_files'], 'reaches programs or files of the server'),
    ('', ['pg_read_server_files'], 'may become pg_read_server_files, '),
    ('', ['pg_read_all_data', 'pg_monitor'], None),
    ('createdb', [], None)])
def test_a_login_that_reaches_more_than_tables_is_refused(
        db, daemon, role, options, groups, says):
    # PostgreSQL 13 has no pg_read_all_data.
    known = [row[0] for row in db.query('select rolname from pg_roles where rolname = any (%s)',
                                        groups)]
    one = daemon(source(db, role(options, *known)))
    if says is None:
        done(db)
        return
    run = failure(db, max_retries=3, prep_sql='create table proof (id int)')
    assert says in run.error_message and run.attempt == 1
    assert 'write trusted = on in [source.default]' in run.error_message
    assert db.value("select to_regclass('proof')") is None
    one.stop()
    daemon(source(db, role(options, *groups), trusted='on'))
    done(db)


def test_what_a_group_of_a_group_may_counts(db, daemon, role):
    boss = role('superuser', login='nologin')
    middle = role('noinherit', boss, login='nologin')
    daemon(source(db, role('', middle)))
    run = failure(db, export_sql='select 1')
    assert f'may become {boss}, a superuser' in run.error_message


def test_createrole_leads_to_any_role_on_an_old_server(db, daemon, role):
    old = db.value("select current_setting('server_version_num')::int < 160000")
    daemon(source(db, role('createrole')))
    if old:
        assert 'CREATEROLE' in failure(db).error_message
    else:
        done(db)


def test_a_login_that_works_the_queue_is_refused(db, daemon, role):
    for group, says in ((role(login='nologin'), 'works the queue'),
                        (role(login='nologin'), 'works the queue')):
        db.execute(f'grant usage on schema reportd to {group}')
        db.execute(f'grant update on reportd.report_run to {group}')
    one = daemon(source(db, role('noinherit', group)))
    assert f'may become {group}, a role that works the queue' in failure(db).error_message
    one.stop()
    # A submitter has rights there as well, and may be a source.
    user = role()
    db.execute(f'grant usage on schema reportd to {user}')
    db.execute(f'grant select on all tables in schema reportd to {user}')
    daemon(source(db, user))
    done(db)


@pytest.mark.parametrize('group, says', [
    ('reportd_daemon', 'works the queue'), ('reportd_operator', 'works the queue'),
    ('reportd_owner', 'works the queue'), ('reportd_submitter', 'asks for reports')])
def test_the_queues_roles_are_refused_in_other_databases_too(
        db, empty_db, daemon, role, group, says):
    made = roles_of(db)
    try:
        daemon(source(empty_db, role('', group)))
        message = failure(db).error_message
        assert 'may become reportd_' in message and says in message
    finally:
        for name in made:
            db.execute(f'drop role {name}')


@pytest.mark.parametrize('section', [
    {'trusted': None}, {'trusted': 'off'}, {'trusted': None, 'conninfo': 'the queue'}])
def test_the_queues_own_login_is_refused(db, daemon, section):
    if 'conninfo' in section:
        section = section | {'conninfo': db.conninfo}
    daemon({'source.default': section})
    run = failure(db, max_retries=3, prep_sql="copy (select 1) to program 'cat >/dev/null'")
    assert run.error_message.startswith('source "default" is the queue\'s own login')
    assert 'write trusted = on' in run.error_message and run.attempt == 1


def test_the_logins_own_search_path_has_no_say(db, daemon, role):
    user = role('', 'pg_execute_server_program')
    db.execute(f"""create schema evil authorization {user};
        create function evil.no(text, text) returns bool language sql as 'select false';
        create function evil.no(name, name) returns bool language sql as 'select false';
        create function evil.no(oid, oid) returns bool language sql as 'select false';
        create operator evil.= (function = evil.no, leftarg = text, rightarg = text);
        create operator evil.= (function = evil.no, leftarg = name, rightarg = name);
        create operator evil.= (function = evil.no, leftarg = oid, rightarg = oid);
        create function evil.pg_has_role(name, oid, text) returns bool language sql
            as 'select false';
        create view evil.pg_roles as select * from pg_catalog.pg_roles where false;
        grant usage on schema evil to public;
        alter role {user} set search_path = evil, pg_catalog""")
    daemon(source(db, user))
    assert 'pg_execute_server_program' in failure(db).error_message
    db.execute('drop schema evil cascade')


def test_somebody_who_may_create_in_the_source_is_not_run(db, daemon, role):
    """A function whose arguments fit better than those of the server's own would be
    taken in the usual search_path, too."""
    user, other = role(), role()
    db.execute(f"""grant create on schema public to {other};
        set role {other};
        create function public.unnest(oid[]) returns setof oid language plpgsql as
            $$ begin raise exception 'shadow ran as %', current_user; end $$;
        reset role;
        create type public.mood as enum ('good')""")
    daemon(source(db, user))
    done(db, export_sql="select 'good'::public.mood as mood, '{good}'::public.mood[] as moods",
         output_format='JSONL')


def test_what_sources_are_asked_names_the_servers_own_functions():
    """The login's search_path is not ours to set: scripts of a report rely on it."""
    syntax = set('as any and array case cast coalesce distinct else exists extract filter from in '
                 'lateral least materialized not nullif operator over select then values with '
                 'when'.split())
    for path in (ROOT / 'sql/source').glob('*.sql'):
        text = re.sub(r"--[^\n]*|'(?:[^']|'')*'", '', path.read_text())
        tables = set(re.findall(r'(?:with|recursive|,|\bas)\s+(\w+)\s*\(', text))
        assert set(re.findall(r'(?<![\w.])([a-z_]\w*)\s*\(', text)) <= syntax | tables, path


def test_a_login_that_begins_as_another_role_is_asked_for_itself(db, daemon, role):
    """RESET ROLE leads back to it."""
    harmless = role()
    user = role('', 'pg_read_server_files', harmless)
    db.execute(f'alter role {user} set role = {harmless}')
    daemon(source(db, user))
    assert f'{user} may become pg_read_server_files' in failure(db).error_message


def test_trust_that_is_taken_back_counts_at_once(db, daemon, role, conf):
    user = role('', 'pg_read_server_files')
    one = daemon(source(db, user, trusted='on'), workers=1)
    done(db)
    text = one.conf.read_text()
    one.conf.write_text(text.replace('trusted = on\n', ''))
    one.signal(1)
    one.wait_log('settings read again')
    assert 'pg_read_server_files' in failure(db).error_message


def test_no_statement_leads_to_another_role(db, daemon, role):
    """What SET ROLE may lead to was looked at; the rest the server refuses."""
    group, other = role(login='nologin'), role(login='nologin')
    user = role('', group)
    daemon(source(db, user), workers=1)
    for statement, says in (
            (f'set role {other}', 'permission denied to set role'),
            (f'set session authorization {other}', 'permission denied to set session'),
            ('set role postgres' if db.cluster.user == 'postgres'
             else f'set role {db.cluster.user}', 'permission denied')):
        assert says in failure(db, prep_sql=statement).error_message
    # A role that was set is gone with its job.
    done(db, prep_sql=f'set role {group}')
    run = done(db, export_sql='select current_user as u, session_user as s',
               output_path='who.csv')
    path = run.output_url.removeprefix('file://')
    with open(path) as f:
        assert f.read() == f'u,s\n{user},{user}\n'


@pytest.fixture
def alice(db, role):
    """A connection of a submitter who may use the default source."""
    name = role('', 'reportd_submitter')
    db.execute("select reportd.register_source('default', 'postgres')")
    db.execute(f"select reportd.grant_source('default', '{name}')")
    with db.connect(user=name) as conn:
        conn.role = name
        yield conn


@pytest.mark.parametrize('grant, path, inside, outside', [
    ('finance/', '{report_name}/x.csv', 'finance', 'hr'),
    ('finance/', '{report_name}/x.csv', 'finance', 'finance2'),
    ('finance/2026/', 'finance/{report_name}/{run_id}.csv', '2026', '2025'),
    ('finance/', 'finance{report_name}/x.csv', None, '/'),
    ('/', '{report_name}.csv', 'hr', None)])
def test_values_do_not_lead_out_of_what_is_granted(
        db, daemon, alice, out, grant, path, inside, outside):
    """What a template begins with is known at INSERT; what its values make of it
    is known when the output is opened."""
    def submit(name):
        return alice.execute(
            'insert into reportd.report_config (report_name, export_sql, output_path,'
            " max_retries) values (%s, 'select 1 as one', %s, 3) returning config_id",
            (name, path)).fetchone()[0]
    db.execute(f"select reportd.grant_path('{grant}', '{alice.role}')")
    daemon()
    if inside:
        assert report.wait_done(db, submit(inside)).status == 'COMPLETED'
    if outside:
        row = report.wait_done(db, submit(outside))
        assert row.status == 'FAILED' and row.attempt == 1
        assert "lies in no place that the report's owner may write to" in row.error_message
        assert f'"{grant}"' in row.error_message
        assert 'reportd.grant_path' in row.error_message
    assert len(list(out.rglob('*.csv'))) == bool(inside)


@says('`reportctl doctor` refuses a source whose login reaches more than tables.')
def test_doctor_refuses_what_is_not_trusted(db, conf, role):
    def check(sections, code):
        return checks_of(reportctl(conf(sections), 'doctor', '--json'), code).get(
            'source.default login')
    user = role('', 'pg_execute_server_program')
    found = check(source(db, user), 1)
    assert found['result'] == 'FAILED' and 'trusted = on' in found['mend']
    assert 'may become pg_execute_server_program' in found['detail']
    assert check(source(db, user, trusted='on'), 0)['result'] == 'warn'
    assert check(source(db, role()), 0) is None
    found = check({'source.default': {'trusted': None}}, 1)
    assert found['result'] == 'FAILED' and "queue's own login" in found['detail']
    # Beside others, a default that nobody has written need not serve.
    found = check({'source.default': {'trusted': None},
                   'source.other': {'conninfo': db.conninfo}}, 0)
    assert found['result'] == 'warn' and "queue's own login" in found['detail']
