# SPDX-License-Identifier: MIT
"""Rows and sessions of submitters that are meant to stop others, or to show what is theirs."""

import contextlib
import json

import psycopg
import pytest
from psycopg import sql

from lib.manual import says
from lib.wait import wait_for
from test_security_shared import (  # noqa: F401
    TABLES, VIEWS, as_, ask, db, queue, ran_by_hand, run_statement)

pytestmark = pytest.mark.shipped

YEARLY = {'trigger_type': 'SCHEDULED', 'schedule_expression': '0 0 1 1 *'}


@pytest.fixture(autouse=True)
def granted(db):  # noqa: F811
    for group in 'finance', 'hr':
        db.execute('select reportd.grant_source(%s, %s)', group, group)
        db.execute('select reportd.grant_path(%s, %s, %s)', f'file:///srv/{group}/', group, 'read')


@says('Stop the work of others by a time or an interval that leads past the last year.')
@pytest.mark.parametrize('long', ['300000 years', '-80000000 days 1920000001:00:00'])
@pytest.mark.parametrize('column', ['timeout', 'wait_timeout', 'horizon_overlap'])
def test_no_interval_leads_a_time_past_the_last_year(as_, column, long):  # noqa: F811
    """The tick adds it to now() for all schedules that fire: one row would stop them all."""
    ann = as_('ann', 'finance')
    ann.refused(f"select reportd.submit('r', 'select 1', source => 'finance', "
                f"schedule_expression => '* * * * *', {column} => %s)", long,
                match=f'{column} .* is longer than 100 years')
    config_id = ask(ann, **YEARLY)
    ann.refused('select reportd.change(%s, %s)', config_id, json.dumps({column: long}),
                match=f'{column} .* is longer than 100 years')
    ann.refused("select reportd.submit('r', 'select 1', source => 'finance', inputs => %s)",
                json.dumps({'f': {'path': '/srv/finance/*.csv', 'stable_for': long}}),
                match='inputs: "f.stable_for" is no time')


@says('Give a report at rest inputs that it could not have when it is active.')
@pytest.mark.parametrize('inputs', [
    {'path': '/srv/hr/in/*.csv', 'format': 'parquet'},
    {'path': '/srv/finance/in/*.csv', 'stable_for': 'never'}, 7])
def test_a_report_at_rest_is_given_no_inputs_of_others(db, as_, inputs):  # noqa: F811
    ann = as_('ann', 'finance')
    config_id = ann("select reportd.submit('r', 'select 1', source => 'finance', inputs => %s)",
                    json.dumps({'f': {'path': '/srv/finance/in/*.csv', 'format': 'parquet'}}))
    ann("select reportd.change(%s, '{\"is_active\": false}')", config_id)
    ann.refused('select reportd.change(%s, %s)', config_id, json.dumps({'inputs': {'f': inputs}}),
                match='inputs: "f')
    # A source that it has and may not use any more does not keep it from resting, or from a new name.
    ann("select reportd.change(%s, '{\"is_active\": true}')", config_id)
    db.execute("select reportd.revoke_path('file:///srv/finance/', 'finance', 'read')")
    ann("select reportd.change(%s, '{\"is_active\": false}')", config_id)
    ann("select reportd.change(%s, '{\"report_name\": \"other\"}')", config_id)


def with_parents(person, letter):
    """Two reports of a person, and their ids."""
    return [ask(person, report_key=letter + n, **YEARLY) for n in 'ab']


@pytest.fixture
def slow(db, as_):  # noqa: F811
    """A table of ann whose rows make a COMMIT wait until the test lets it go on."""
    ann = as_('ann')
    ann("""create table public.slow (i int);
        create function public.slow() returns trigger language plpgsql as $$ begin
            perform pg_advisory_xact_lock(77); return null; end $$;
        create constraint trigger slow after insert on public.slow
            deferrable initially deferred for each row execute function public.slow();
        grant insert on public.slow to finance""")
    yield
    db.execute('drop table public.slow; drop function public.slow()')


@says('Hold up daemons, or reports of others, by a transaction that stays open, or by a COMMIT that '
      'takes long.')
@pytest.mark.parametrize('how', ['open', 'set constraints all immediate',
                                 'set constraints reportd.at_commit immediate', 'slow commit'])
@pytest.mark.parametrize('verb', ['add', 'take'])
def test_changes_of_run_after_hold_up_nobody_else(db, as_, slow, how, verb):  # noqa: F811
    """Deferred triggers of a submitter run in its COMMIT, after those that take locks."""
    ann, bob = as_('ann', 'finance'), as_('bob', 'hr')
    a, b = with_parents(ann, 'f'), with_parents(bob, 'h')
    after = ('select reportd.change(%s, \'{"run_after": ["fa"]}\')', a[1])
    if verb == 'take':
        ann(*after)
        after = ("select reportd.change(%s, '{\"run_after\": null}')", a[1])
    ann('begin')
    if 'constraints' in how:
        ann(how)
    ann(*after)
    if how == 'slow commit':
        db.execute('select pg_advisory_lock(77)')
        ann('insert into public.slow values (1)')
        ann.conn.pgconn.send_query(b'commit')
        wait_for(lambda: db.value("select wait_event = 'advisory' from pg_stat_activity where pid = %s",
                                  ann.conn.info.backend_pid))
    bob("set lock_timeout = '5s'")
    for text, one in (('{"run_after": ["ha"]}', b[1]), ('{"run_after": null}', b[1]),
                      ('{"priority": 1}', b[0])):
        bob('select reportd.change(%s, %s)', one, text)
    bob('select reportd.delete(%s)', b[0])
    if how == 'slow commit':
        db.execute('select pg_advisory_unlock(77)')
        while ann.conn.pgconn.get_result():
            pass
    else:
        ann('commit')
    assert db.value('select run_after from reportd.report_config where config_id = %s', a[1]) == (
        ['fa'] if verb == 'add' else None)


@says('Let a report run after one that its owner may see only: its deletion and its changes cannot be '
      'held up.')
def test_who_sees_a_report_cannot_keep_it_from_its_owner(db, as_):  # noqa: F811
    bob, vera = as_('bob', 'hr'), as_('vera')
    one, = with_parents(bob, 'h')[:1]
    db.execute('grant reportd_submitter to vera; grant finance to vera')
    try:
        own = ask(vera, report_key='veras', **YEARLY)
        for call, params in (
                ("select reportd.submit('x', 'select 1', source => 'finance', run_after => '{ha}')", ()),
                ('select reportd.change(%s, \'{"run_after": ["ha"]}\')', (own,))):
            vera.refused(call, *params, match='vera may see report "ha" of hr, but not run it')
    finally:
        db.execute('revoke reportd_submitter from vera; revoke finance from vera')
    # An operator may; and nothing is said of what is not to be known.
    olga = as_('olga')
    after = ask(olga, **YEARLY, run_after=['ha'])
    bob.refused('select reportd.delete(%s)', one, match='these run after it: 1 more')
    olga('select reportd.delete(%s)', after)
    bob('select reportd.delete(%s)', one)


def test_a_report_that_has_gone_to_others_is_not_locked(as_):  # noqa: F811
    ann, bob, olga = as_('ann', 'finance'), as_('bob', 'hr'), as_('olga')
    a = with_parents(ann, 'f')
    ann('select reportd.change(%s, \'{"run_after": ["fa"]}\')', a[1])
    olga('select reportd.change(%s, \'{"owner": "hr", "source": "hr"}\')', a[0])
    ann('begin; set constraints all immediate')
    ann('select reportd.delete(%s)', a[1])
    bob("set lock_timeout = '1s'")
    bob('select reportd.change(%s, \'{"priority": 1}\')', a[0])
    ann('commit')
    bob('select reportd.delete(%s)', a[0])


def test_a_child_of_others_is_not_named(as_):  # noqa: F811
    """A change of its parents would leave it without a common beginning."""
    ann, team, amy = as_('ann'), as_('ann', 'finance'), as_('amy', 'finance')
    roots = with_parents(team, 'f')
    middle = [ask(team, report_key=f'm{n}', trigger_type='AFTER', run_after=['fa']) for n in 'ab']
    ask(ann, report_key='anns_own', trigger_type='AFTER', run_after=['ma', 'mb'])
    change = ('select reportd.change(%s, \'{"run_after": ["fb"]}\')', middle[1])
    said = str(amy.refused(*change, match='a report of others, which runs after this one, is AFTER'))
    assert 'anns_own' not in said and roots
    ann.refused(*change, match='report "anns_own" is AFTER')


@says('Take rights from others, or give some: neither by DROP OWNED and REASSIGN OWNED of a role that it '
      'is a member of, nor by GRANT, REVOKE or ALTER.')
def test_rights_are_not_taken_away_by_a_member(db, as_):  # noqa: F811
    rights = """select string_agg(r::text, chr(10) order by r::text) from (
        select 'relation', c.relname::text, c.relacl::text, (select string_agg(attacl::text, ',')
            from pg_attribute a where a.attrelid = c.oid), pg_get_userbyid(c.relowner)::text
        from pg_class c where c.relnamespace = 'reportd'::regnamespace
        union all select 'function', p.oid::regprocedure::text, p.proacl::text, '', p.proowner::text
        from pg_proc p where p.pronamespace = 'reportd'::regnamespace
        union all select 'schema', '', n.nspacl::text, '', n.nspowner::text
        from pg_namespace n where n.nspname = 'reportd'
        union all select 'policy', tablename || policyname, roles::text, qual, with_check
        from pg_policies where schemaname = 'reportd'
        union all select 'defaults', '', defaclacl::text, '', '' from pg_default_acl
        union all select 'member', roleid::regrole::text, member::regrole::text, '', ''
        from pg_auth_members
        union all select 'setting', setrole::text, setconfig::text, '', '' from pg_db_role_setting) r"""
    ann = as_('ann')
    members = [(ann, 'reportd_submitter'), (ann, 'finance')]
    try:
        for more in 'reportd_viewer', 'reportd_operator':
            # More rights than a submitter's: what stops her may not stop them.
            db.execute(f'create role with_{more} login in role finance, {more}')
            person = as_(f'with_{more}')
            members += [(person, 'reportd_submitter'), (person, more)]
        before = db.value(rights)
        for person, role in members:
            for text in ('drop owned by {}', 'drop owned by {} cascade',
                         'reassign owned by {} to ann',
                         'revoke all on all tables in schema reportd from {}',
                         'revoke all on all functions in schema reportd from {} cascade',
                         'revoke usage on schema reportd from {}', 'revoke {} from amy',
                         'grant {} to nobody', 'grant all on reportd.report_config to {}',
                         "alter role {} set statement_timeout = '1ms'",
                         'alter role {} connection limit 0'):
                with contextlib.suppress(psycopg.Error):
                    person(text.format(role, role))
        assert db.value(rights) == before
    finally:
        db.execute('drop role if exists with_reportd_viewer, with_reportd_operator')
    ask(as_('bob'))
    ask(ann)


def test_a_report_that_waits_for_years_is_not_first_for_ever(db, as_):  # noqa: F811
    """Waiting is worth ten levels at most: what is urgent has its turn."""
    ann, daemon = as_('ann', 'finance'), as_('reportd')
    worker = db.value("insert into reportd.report_worker (host, pid, version, workers, lease) "
                      "values ('h', 1, '1', 1, '1 hour') returning worker_id")
    old, urgent = ask(ann, priority=5), ask(ann, priority=1)
    for one, age in (old, '3 years'), (urgent, '1 day'):
        db.execute('update reportd.report_config set due_at = now() - %s::interval '
                   'where config_id = %s', age, one)
    run_statement(daemon, 'claim', [worker, 1, 1, '{finance}', '{null}', 600000, None, 0])
    assert db.query("select config_id from reportd.report_config where status = 'PROCESSING'") == [(urgent,)]


def met(db, config_id, url, state, request_id=None):  # noqa: F811
    """A file that a listing has found for this report."""
    db.execute("insert into reportd.report_input (config_id, input, url, version, size, "
               "modified_at, state, request_id) values (%s, 'f', %s, '1', 1, now(), %s, %s)",
               config_id, url, state, request_id)


def test_what_was_met_before_the_path_changed_is_moved_by_its_own_rights(db, as_):  # noqa: F811
    """Read where all may read, then name a folder of one's own: no way to move files away."""
    ann = as_('ann', 'finance')
    db.execute("select reportd.grant_path('file:///srv/shared/', 'finance', 'read'); "
               "select reportd.grant_path('file:///srv/finance/', 'finance', 'write')")
    worker = db.value("insert into reportd.report_worker (host, pid, version, workers, lease, folders) "
                      "values ('h', 1, '1', 1, '1 hour', '{/srv/}') returning worker_id")
    config_id = ann("select reportd.submit('r', 'select 1', source => 'finance', inputs => %s)",
                    json.dumps({'f': {'path': '/srv/shared/*.csv'}}))
    met(db, config_id, '/srv/shared/all.csv', 'FAILED')
    ann('select reportd.change(%s, %s)', config_id, json.dumps({'inputs': {'f': {
        'path': '/srv/finance/in/*.csv', 'quarantine': '/srv/finance/q/'}}}))
    met(db, config_id, '/srv/finance/in/own.csv', 'FAILED')
    db.execute('select reportd.sync_inputs(c) from reportd.report_config c')
    assert ann('select reportd.quarantine_input(%s)', config_id) == 2
    moved = db.value('select reportd.claim_moves(%s)', worker)
    assert [m['url'] for m in moved] == ['/srv/finance/in/own.csv']


def test_what_was_met_before_the_path_changed_is_read_by_its_own_rights(db, as_):  # noqa: F811
    ann = as_('ann', 'finance')
    db.execute("select reportd.grant_path('file:///srv/shared/', 'finance', 'read')")
    config_id = ann("select reportd.submit('r', 'select 1', source => 'finance', inputs => %s)",
                    json.dumps({'f': {'path': '/srv/shared/*.csv'}}))
    request = ann('select reportd.run_now(%s)', config_id)
    met(db, config_id, '/srv/shared/all.csv', 'TAKEN', request)
    ann('select reportd.change(%s, %s)', config_id,
        json.dumps({'inputs': {'f': {'path': '/srv/finance/in/*.csv'}}}))
    db.execute('select reportd.take_request(c, q) '
               'from reportd.report_config c, reportd.report_request q')
    denial = 'select (reportd.denial(c)).message from reportd.report_config c'
    assert db.value(denial) is None
    db.execute("select reportd.revoke_path('file:///srv/shared/', 'finance', 'read')")
    assert 'may not read "/srv/shared/all.csv"' in db.value(denial)


SETTINGS = ('standard_conforming_strings = off', 'escape_string_warning = off', 'transform_null_equals = on',
            'array_nulls = off', "datestyle = 'German'",
            "intervalstyle = 'sql_standard'", "timezone = 'Asia/Kathmandu'", 'extra_float_digits = -15',
            "bytea_output = 'escape'", "xmloption = 'document'", 'row_security = off',
            "default_transaction_isolation = 'repeatable read'", 'plan_cache_mode = force_generic_plan')
# What a plain session is refused, and what it has stored.
ROWS = [{'output_path': path} for path in (
            'finance/../hr/x.csv', 'finance/.x.csv', 'finance/\x01.csv', 'finance/a\nb.csv', 'finance/{x}.csv',
            's3://Bucket/x.csv', 's3://b..b/x.csv', 'finance/\u202e.csv', 'hr/x.csv', 'finance/%q.csv')] + [
    {'report_name': ' '}, {'report_name': 'a\x01b'}, {'report_type': 'a\x7f'}, {'report_key': 'a__b'},
    {'export_sql': '-- nothing'}, {'export_sql': "select 'a"}, {'export_sql': "select 1; select E'\\'"},
    {'prep_sql': '/* nothing */'}, {'output_options': '{"null": "a\\nb"}'},
    {'output_options': '{"delimiter": "\\n"}'}, {'output_options': '{"columns": {"a": {"format": "[x"}}}',
                                                'output_format': 'XLSX'},
    {'schedule_expression': '*/7 x * * *'}, {'notify_on_failure': '{"mailto:a@example.com?subject=a%0ab"}'},
    {'notify_on_failure': '{https://user@example.com/}'}, {'notify_on_failure': '{"mailto:a b@example.com"}'},
    {'parameters': '{"a\\u0001": 1}'}, {'parameters': '{"a": {"b": 1}}'}, {'time_zone': 'Mars'},
    {'inputs': '{"f": {"path": "/srv/finance/../hr/*.csv"}}'}, {'inputs': '{"f": {"path": "/srv/finance/.x/*"}}'},
    {'inputs': '{"f": {"path": "/srv/finance/*.csv", "delimiter": "\\n"}}'},
    {'timeout': '30 min', 'output_path': 'finance/a.csv', 'parameters': '{"a": 0.1, "b": null}'},
    {'schedule_expression': '*/7 5 * * 1-5', 'time_zone': 'Europe/Berlin'},
    {'inputs': '{"f": {"path": "/srv/finance/*.csv"}}', 'checks': '[{"name": "a", "sql": "select 1 where false"}]'},
    {'export_sql': "select :'a', 'b;\\' as x", 'parameters': '{"a": "\\\\"}'}]


def test_the_settings_of_a_session_change_nothing(db, as_):  # noqa: F811
    """Not even where they are set as a function is read for the first time in the session."""
    db.execute("select reportd.grant_path('finance/', 'finance')")

    def asked(person, row):
        try:
            one = person(sql.SQL("select reportd.submit({})").format(sql.SQL(', ').join(
                sql.SQL('{} => {}').format(sql.Identifier(k), v) for k, v in (
                    {'report_name': 'x', 'export_sql': 'select 1', 'source': 'finance'} | row).items())))
        except psycopg.Error as e:
            return e.sqlstate, e.diag.message_primary, e.diag.message_hint
        return db.value('select to_jsonb(c) - %s::text[] from reportd.report_config c where config_id = %s',
                      ['config_id', 'request_id', 'created_timestamp', 'updated_timestamp', 'due_at',
                       'scheduled_for'], one)
    plain, odd = as_('ann', 'finance'), as_('ann', 'finance')
    own = ask(plain)
    for one in SETTINGS:
        odd(f'set {one}')
    for call in ('run_now({}, \'{{"a": 1}}\')', 'cancel({})', 'retry({})', 'why({})',
                 "change({}, '{{\"priority\": 2}}')", "notice_channel('mailto:a@example.com')",
                 "next_run('0 6 * * *', 'UTC', now())", "check_time_zone('UTC')",
                 "backfill({}, now(), now())"):
        with contextlib.suppress(psycopg.Error):
            odd('select count(*) from reportd.' + call.format(own))
    same = [(asked(odd, row), asked(plain, row)) for row in ROWS]
    assert [a for a, _ in same] == [b for _, b in same]
    refused = [a for a, _ in same if isinstance(a, tuple)]
    assert len(refused) == len(ROWS) - 5 and {state for state, _, _ in refused} == {'22023'}


# Indexes lead to these by value, so EXPLAIN ANALYZE counts their rows; a type is no secret.
FOUND_BY_INDEX = {'report_key', 'source', 'target', 'type'}
WORDS = {'status', 'state', 'trigger_type', 'reason', 'outcome', 'event', 'kind', 'move', 'channel',
         'severity', 'misfire_policy'}


@pytest.fixture
def written_by_two(db, as_):  # noqa: F811
    """Rows of two groups in all tables: the texts of finance begin with zz, those of hr with aa."""
    for login, group in ('ann', 'finance'), ('bob', 'hr'):
        person = as_(login, group)
        for n in range(20):
            one = ask(person, f'{group} {n}', report_type='x', source=group)
            run_id, _ = ran_by_hand(db, one)
            db.execute("""insert into reportd.report_check (run_id, position, config_id, owner, name,
                severity, status) values (%s, 1, %s, %s::regrole, 'c', 'error', 'passed')""",
                       run_id, one, group)
            db.execute("""insert into reportd.report_input (config_id, input, url, version, size,
                modified_at) values (%s, 'f', '/f', 'v', 1, now())""", one)
            db.execute("""with z as (insert into reportd.report_zone (owner, path)
                    values (%s::regrole, '/' || %s::text) returning zone_id)
                insert into reportd.report_input_use select %s, 'f', zone_id, '{}', now() from z""",
                       group, n, one)
            person('select reportd.run_now(%s)', one)
    texts = db.query("""select c.relname, a.attname, exists (select from pg_attribute o
                where o.attrelid = c.oid and o.attname = 'owner') as owned
        from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relnamespace = 'reportd'::regnamespace and c.relkind = 'r'
            and a.atttypid = 'text'::regtype and a.attnum > 0 and a.attname <> all (%s)
            and c.relname in ('report_config', 'report_request', 'report_run', 'report_check',
                'report_notification', 'report_input', 'report_input_use', 'report_zone')""",
                     list(FOUND_BY_INDEX | WORDS))
    with db.connect() as conn:
        # Without the triggers, which refuse such rows.
        conn.execute('set session_replication_role = replica')
        for table, column, owned in texts:
            owner = 'owner' if owned else (
                '(select c.owner from reportd.report_config c where c.config_id = t.config_id)')
            conn.execute(sql.SQL("""update reportd.{0} t set {1} = case {2}
                    when 'finance'::regrole then 'zz' else 'aa' end || substr(t::text, 2, 3)""").format(
                sql.Identifier(table), sql.Identifier(column), sql.SQL(owner)))
    db.execute('analyze')


@says('Read texts of others by what EXPLAIN says, neither by estimates nor by counts of rows.')
def test_explain_tells_nothing_of_others_texts(db, as_, written_by_two):  # noqa: F811
    """Comparisons of texts are leakproof, so they are asked before the rights to a row are."""
    bob = as_('bob', 'hr')
    texts = db.query("""select r.name, a.attname from unnest(%s::text[]) r(name)
        join pg_attribute a on a.attrelid = ('reportd.' || r.name)::regclass
        where a.attnum > 0 and a.atttypid = 'text'::regtype and a.attname <> all (%s)""",
                     list(TABLES + VIEWS), list(FOUND_BY_INDEX | WORDS))
    for relation, column in texts:
        for how in 'costs on', 'analyze, buffers off, costs off, timing off, summary off':
            below, above = (bob.conn.execute(
                f"explain ({how}) select from reportd.{relation} where {column} > '{word}'").fetchall()
                for word in ('m', 'zzzzzz'))
            assert str(below).replace("'m'", "'zzzzzz'") == str(above), (relation, column)


TICK = ['00000000-0000-0000-0000-000000000000', '[]', 60000, 60000, 5, 5, 100]


@says('Keep requests of others from their turn by requests of its own, whether it holds them up or makes new ones.')
@pytest.mark.parametrize('locked', [True, False])
def test_requests_that_follow_take_turns(db, as_, locked):  # noqa: F811
    """A tick takes up the next requests of 100 reports, and many were those of ann."""
    def with_two_requests(person):
        one = ask(person, **YEARLY)
        person('select reportd.run_now(%s)', one)
        person('select reportd.run_now(%s)', one)
        return one
    ann, bob, daemon = as_('ann', 'finance'), as_('bob', 'hr'), as_('reportd')
    theirs = [with_two_requests(ann) for _ in range(150)]
    mine = with_two_requests(bob)
    # As a daemon leaves them that dies.
    db.execute("update reportd.report_request set state = 'ENDED', outcome = 'CANCELLED', ended_at = now() "
               "where state = 'ACTIVE'; update reportd.report_config set status = 'CANCELLED'")
    if locked:
        ann.conn.execute('begin')
        ann("select reportd.change(unnest(%s::bigint[]), '{\"priority\": 2}')", theirs)
    run_statement(daemon, 'tick', TICK)
    assert db.value('select status from reportd.report_config where config_id = %s', mine) == 'PENDING'
    assert db.value('select count(*) from reportd.report_config where owner = %s::regrole '
                    "and status = 'PENDING'", 'finance') == (0 if locked else 99)


@says('Make the turn of a daemon long by reports that it keeps locked.')
def test_reports_that_are_locked_cost_little(db, as_):  # noqa: F811
    bob, daemon = as_('bob', 'hr'), as_('reportd')
    ids = [ask(bob, **YEARLY) for _ in range(50)]
    db.execute("insert into reportd.report_look (config_id, owner) select i, 'hr'::regrole "
               'from unnest(%s::bigint[]) i, generate_series(1, 200)', ids)
    bob.conn.execute('begin')
    bob("select reportd.change(unnest(%s::bigint[]), '{\"priority\": 2}')", ids)
    daemon('begin')
    run_statement(daemon, 'steps', TICK[:1])
    assert daemon("select idx_tup_fetch from pg_stat_xact_user_tables "
                  "where relid = 'reportd.report_config'::regclass") < 5000
    daemon('rollback')
    bob.conn.execute('rollback')
    run_statement(daemon, 'steps', TICK[:1])
    assert db.value('select count(*) from reportd.report_look') < 10000


@says('Keep what is old of others from being deleted by reports that it keeps locked.')
def test_locked_reports_do_not_stop_the_clean_up(db, as_):  # noqa: F811
    """A clean-up looks at a thousand of the oldest runs."""
    ann, bob, daemon = as_('ann', 'finance'), as_('bob', 'hr'), as_('reportd')
    db.execute("update reportd.report_quota set max_pending = 2000, max_reports = 2000")
    db.execute("""insert into reportd.report_config (report_name, export_sql, owner, source)
        select 'r', 'select 1', 'hr'::regrole, 'hr' from generate_series(1, 1100)""")
    db.execute("""with r as (insert into reportd.report_run (config_id, owner, report_name, attempt,
                scheduled_for, worker_id, status)
            select config_id, owner, report_name, 1, now(), gen_random_uuid(), 'COMPLETED'
            from reportd.report_config returning run_id, config_id)
        update reportd.report_config c set status = 'PROCESSING', run_id = r.run_id
        from r where r.config_id = c.config_id""")
    db.execute("update reportd.report_config set status = 'COMPLETED'")
    mine = ran_by_hand(db, ask(ann))[0]
    db.execute("update reportd.report_run set started_at = now() - interval '2 days'")
    bob.conn.execute('begin')
    bob("""select count(*) from (select reportd.change(config_id, '{"priority": 2}')
        from reportd.report_config where owner = 'hr'::regrole offset 0) c""")
    run_statement(daemon, 'purge', [86400000, 0])
    assert not db.value('select exists (select from reportd.report_run where run_id = %s)', mine)
    assert db.value('select count(*) from reportd.report_run') == 1100
    bob.conn.execute('rollback')
    run_statement(daemon, 'purge', [86400000, 0])
    assert db.value('select count(*) from reportd.report_run') == 100


def test_what_waits_of_one_owner_is_looked_at_in_parts(db, as_):  # noqa: F811
    """Each of 50 requests asks for 100 reports: a turn of the daemon releases some of them."""
    db.execute('delete from reportd.report_quota')
    ann = as_('ann', 'finance')
    ann("""insert into reportd.report_config (report_key, report_name, source, export_sql,
            trigger_type, schedule_expression)
        select 'p' || i, 'parent', 'finance', 'select 1', 'SCHEDULED', i % 60 || ' * * * *'
        from generate_series(1, 100) i""")
    child = ann("""insert into reportd.report_config (report_key, report_name, source, export_sql,
            trigger_type, schedule_expression, run_after, misfire_policy)
        select 'child', 'child', 'finance', 'select 1', 'SCHEDULED', '* * * * *',
            array_agg('p' || i), 'ALL' from generate_series(1, 100) i
        returning config_id""")
    db.execute("""insert into reportd.report_request (config_id, owner, reason, requested_by,
            scheduled_for, state, outcome, ended_at, opens)
        select config_id, owner, 'schedule', 'reportd', now() - interval '1 hour' * i, 'ENDED',
            'COMPLETED', now(), false
        from reportd.report_config, generate_series(0, 9) i where report_key <> 'child'""")
    ann("select count(*) from reportd.backfill(%s, now() - interval '49 minutes', now())", child)
    waiting = db.value("select count(*) from reportd.report_request where state = 'WAITING'")
    daemon = as_('reportd')
    steps = [daemon('select s.released from reportd.take_steps(gen_random_uuid()) s')]
    assert 0 < steps[0] < waiting / 2
    while db.value('select exists (select from reportd.report_look)'):
        steps.append(daemon('select s.released from reportd.take_steps(gen_random_uuid()) s'))
    assert sum(steps) == waiting
    # They run in their order, and each follows the latest times of all parents.
    told = db.query("""select scheduled_for, state,
            (select count(*) from jsonb_object_keys(satisfied_by)) as parents
        from reportd.report_request where config_id = %s order by request_id""", child)
    assert [t.state for t in told] == ['ACTIVE'] + ['QUEUED'] * (waiting - 1)
    assert {t.parents for t in told} == {100}
    assert sorted(t.scheduled_for for t in told) == [t.scheduled_for for t in told]


def test_a_row_of_reports_has_an_end(db, as_):  # noqa: F811
    """A daemon goes up the row for each request that waits."""
    ann = as_('ann', 'finance')

    add = """insert into reportd.report_config (report_key, report_name, source, export_sql,
            trigger_type, run_after)
        select 'k' || i, 'report', 'finance', 'select 1', 'AFTER', array['k' || i - 1]
        from generate_series(%s::int, %s::int) i"""
    first = ask(ann, report_key='k0', **YEARLY)
    ann(add, 1, 100)
    ann.refused(add, 101, 101, match='more than 100 reports')
    ask(ann, report_key='above', **YEARLY)
    ann.refused('select reportd.change(%s, %s)', first,
                json.dumps({'run_after': ['above']}), match='more than 100 reports')
