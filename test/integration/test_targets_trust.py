# SPDX-License-Identifier: MIT
"""Whose code runs when a report loads a table: triggers, defaults and conditions of a table run
with the rights of the target's login, and a report says which table that is."""

import pytest
from psycopg import sql

from lib.manual import says
from lib.report import wait_done
from lib.target import load, outcome
from test_engine_shared import gate, gated, wait_at_gate


@pytest.fixture
def other(target):
    """Somebody else in the target's database, with a schema o; what ran in the name of the login
    stands in public.seen."""
    name = f'{target.user}_other'
    target.db.execute(f'''
        create role {name} login;
        create table public.seen (who text); grant insert on public.seen to public;
        create schema o authorization {name}; grant usage, create on schema o to {target.user};
        create function public.note() returns trigger language plpgsql as $$ begin
            insert into public.seen values (current_user); return coalesce(new, old); end $$;
        create function public.note(i int) returns boolean language plpgsql as $$ begin
            insert into public.seen values (current_user); return true; end $$;
        alter function public.note() owner to {name}; alter function public.note(int) owner to {name}''')
    yield name
    target.db.execute(f'drop owned by {name} cascade')
    target.cluster.admin(sql.SQL('drop role {}').format(sql.Identifier(name)))


@pytest.fixture
def ready(daemon, target):
    return daemon(target.sections())


def by(target, role, ddl):
    with target.db.connect() as conn:
        conn.execute(sql.SQL('set role {}').format(sql.Identifier(role)))
        conn.execute(ddl)


TRAPS = {
    'trigger': 'create table o.t (i int); create trigger x before insert on o.t '
               'for each row execute function public.note()',
    'deferred': 'create table o.t (i int); create constraint trigger x after insert on o.t '
                'deferrable initially deferred for each row execute function public.note()',
    'default': 'create table o.t (i int, j boolean default public.note(1))',
    'condition': 'create table o.t (i int check (public.note(i)))',
    'domain': 'create domain o.d as int check (public.note(value)); create table o.t (i o.d)',
    'partition': 'create table o.t (i int) partition by list (i); '
                 'create table o.p partition of o.t (check (public.note(i))) for values in (1)',
}


@says('Have statements run with the rights of a target\'s login: neither by triggers, defaults or types of a '
      'table of one\'s own, nor by a table that takes the place of another one.')
@pytest.mark.parametrize('mode', ['append', 'replace'])
@pytest.mark.parametrize('trap', TRAPS)
def test_a_table_of_somebody_else_is_not_written(db, target, other, ready, trap, mode):
    by(target, other, f'{TRAPS[trap]}; grant all on o.t to {target.user}')
    status, _, error = outcome(db, load(db, 'o.t', 'select 1 as i', options={'mode': mode}))
    assert (target.rows('select * from public.seen'), status) == ([], 'FAILED')
    assert f'belongs to {other}' in error and 'trusted = on in [target.dwh]' in error
    assert f' to {other} if that role may act as this login' in error


@pytest.mark.parametrize('trap', [
    'create trigger x before insert on s.t for each row execute function public.note()',
    'create table o.c (i int references s.t on delete cascade); insert into o.c values (7); '
    'create trigger x after delete on o.c for each row execute function public.note()'])
def test_rights_on_a_table_are_not_enough(db, target, other, ready, trap):
    """TRIGGER and REFERENCES, which GRANT ALL gives away."""
    target.table(f'create table s.t (i int primary key); insert into s.t values (7); '
                 f'grant usage on schema s to {other}; grant all on s.t to {other}')
    by(target, other, trap)
    status, _, error = outcome(db, load(db, 's.t', 'select 1 as i', options={'mode': 'replace'}))
    assert (target.rows('select * from public.seen'), status) == ([], 'FAILED')
    assert f'belongs to {other}' in error


@pytest.mark.parametrize('options', [{}, {'mode': 'replace'}, {'create': True}])
def test_a_table_that_takes_the_place_of_another_one_is_not_written(db, target, other, ready, options):
    """The owner of a schema may drop what is in it while the rows are on their way."""
    if 'create' not in options:
        by(target, target.user, 'create table o.t (i int)')
    with gate(db):
        # Checked rows are staged, so the table is written long after it was looked at.
        one = load(db, 'o.t', gated(columns='1 as i'), wait=False, options=options,
                   checks='[{"name": "n", "at": "target", "not_null": "i"}]')
        wait_at_gate(db)
        by(target, other, f'drop table if exists o.t; {TRAPS["trigger"]}; grant all on o.t to {target.user}')
    wait_done(db, one)
    status, _, error = outcome(db, one)
    assert (target.rows('select * from public.seen'), status) == ([], 'FAILED')
    assert f'belongs to {other}' in error


def test_who_may_act_as_the_login_may_own_its_tables(db, target, other, ready):
    """Superusers, too: tables of theirs are not an attack."""
    target.db.execute('create table public.t (i int); create trigger x before insert on public.t for each row '
                      f'execute function public.note(); grant insert on public.t to {target.user}; '
                      f'alter function public.note() owner to {target.db.cluster.user}; '
                      f'grant {target.user} to {other}')
    assert outcome(db, load(db, 'public.t', 'select 1 as i'))[0] == 'COMPLETED'
    by(target, other, f'{TRAPS["trigger"]}; grant all on o.t to {target.user}')
    assert outcome(db, load(db, 'o.t', 'select 1 as i'))[0] == 'COMPLETED'
    assert target.rows('select * from public.seen') == [(target.user,)] * 2


def test_an_operator_may_trust_the_owners_of_tables(db, target, other, daemon):
    by(target, other, f'{TRAPS["trigger"]}; grant all on o.t to {target.user}')
    daemon(target.sections(trusted='on'))
    assert outcome(db, load(db, 'o.t', 'select 1 as i'))[0] == 'COMPLETED'


def test_a_ledger_in_a_schema_of_somebody_else_is_refused(db, target, other, daemon):
    """Who owns the schema may drop the ledger, and requests would be loaded twice."""
    target.table('create table s.t (i int)')
    daemon(target.sections(ledger_schema='o'))
    status, _, error = outcome(db, load(db, 's.t', 'select 1 as i'))
    assert status == 'FAILED' and f'lies in a schema of {other}' in error
    assert target.rows("select to_regclass('o.reportd_load')::text") == [(None,)]
    target.db.execute(f'alter schema o owner to {target.user}')
    assert outcome(db, load(db, 's.t', 'select 1 as i'))[0] == 'COMPLETED'


@says('Load a table of a target that is not granted, or learn which others there are; write a target\'s ledger.')
def test_the_ledger_of_another_target_is_not_written(db, target, daemon):
    """Two targets may have one login."""
    target.table('create table s.t (i int)')
    daemon({**target.sections(), 'target.second': {'conninfo': target.conninfo, 'ledger_schema': 'second'}})
    assert outcome(db, load(db, 's.t', 'select 1 as i', output_path='table:second/s.t'))[0] == 'COMPLETED'
    status, _, error = outcome(db, load(db, 'second.reportd_load', (
        "select gen_random_uuid() as queue, 7::bigint as request_id, 'r' as report, 't' as target_table")))
    assert (status, target.rows('select count(*) from second.reportd_load')) == ('FAILED', [(1,)])
    assert 'is the ledger of a target' in error
