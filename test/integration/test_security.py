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

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from lib import report
from lib.manual import said, says
from lib.paths import REPORTD, ROOT, environ
from lib.process import run, write_conf
from lib.proxy import SOCKET, Proxy
from lib.wait import wait_for
from test_security_shared import (  # noqa: F401: fixtures
    PAGE, REFUSED, TABLES, VIEWS, Person, as_, ask, db, engine, queue, ran_by_hand, set_quota)

pytestmark = pytest.mark.shipped


# ---- the page and the tests ----

def test_the_manual_and_the_tests_say_the_same():
    text = PAGE[PAGE.index('## Roles'):PAGE.index('### Facts that have no test')]
    lines = [' '.join(line.split()) for line in
             re.findall(r'^- (.*(?:\n  .*)*)', text, re.M)]
    assert sorted(lines) == sorted(said())


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
