# SPDX-License-Identifier: MIT
"""reportctl ingest: a report for each table of a catalogue, or one for all."""

import json
import pathlib

import pytest
from psycopg.conninfo import make_conninfo

from lib import process, report
from lib.target import Target

TO = 'raw/{table}/{request_id}.{ext}'
EVERY = ('--every', '*/5 * * * *')

SHOP = '''
create function touch() returns trigger language plpgsql as $$
begin new.updated_at := now(); return new; end $$;
create table client (client_id int primary key, name varchar(40));
create table "Order Line" (id bigint primary key, client_id int, amount numeric(9, 2),
    updated_at timestamptz not null default now());
create index order_line_updated on "Order Line" (updated_at);
create trigger touched before update on "Order Line" for each row execute function touch();
create view seen as select client_id from client;
create table part (id int, day date) partition by range (day);
create table part_1 partition of part for values from ('2026-01-01') to ('2027-01-01');
insert into client values (1, 'ann'), (2, 'bob');
insert into part values (1, '2026-05-05');
insert into "Order Line" select i, 1 + i % 2, i, now() - interval '1 hour'
    from generate_series(1, 10) i;
'''


class Shop:
    """A queue, and a source `shop` in another database."""

    def __init__(self, db, source, conf, drain):
        self.db, self.source, self.drain_once = db, source, drain
        self.sections = {'source.shop': {'conninfo': source.conninfo}}
        self.conf = conf(self.sections)
        db.execute("select reportd.register_source('shop', 'postgres')")

    def ctl(self, *args, to=TO):
        return process.reportctl(self.conf, 'ingest', 'shop', '--to', to, *EVERY, '--format',
                                 'CSV', *args)

    def ingest(self, *args, **options):
        """The tables that it lists, {table: (read, state, change)}."""
        done = self.ctl('--json', *args, **options)
        assert done.returncode == 0, done.stderr
        return {t['table']: (t['read'].split(' (')[0], t['state'], t['change'])
                for t in json.loads(done.stdout)['tables']}

    def refused(self, *args, **options):
        before = self.rows()
        done = self.ctl(*args, **options)
        assert done.returncode != 0 and self.rows() == before
        return done.stderr

    def rows(self):
        return [tuple(r) for r in self.db.query(
            'select report_key, is_active, export_sql from reportd.report_config order by 1')]

    def run(self, *keys):
        """Runs reports now, and returns the lines of the files that each of them made."""
        for key in keys:
            self.db.execute('select reportd.run_now(reportd.id(%s))', key)
        self.drain_once(self.sections)
        found = {}
        for key in keys:
            config_id = self.db.value('select reportd.id(%s)', key)
            run = report.runs(self.db, config_id)[-1]
            assert run.status == 'COMPLETED', run.error_message
            for url in [o['url'] for o in run.outputs or [{'url': run.output_url}]]:
                path = pathlib.Path(url.removeprefix('file://').replace('%20', ' '))
                found[path.parent.name] = path.read_text().splitlines()
        return found


@pytest.fixture
def shop(db, cluster, conf, drain):
    source = cluster.create()
    source.execute(SHOP)
    yield Shop(db, source, conf, drain)
    source.drop()


def test_a_report_for_each_table(shop):
    listed = {'Order Line': ('since updated_at', 'new', ''), 'client': ('whole', 'new', ''),
              'part': ('whole', 'new', '')}
    assert shop.ingest('--dry-run') == listed and shop.rows() == []
    assert shop.ingest() == listed
    assert [r[0] for r in shop.rows()] == ['shop_Order_Line_' + shop.rows()[0][0][-8:],
                                           'shop_client', 'shop_part']
    same = {t: (read, 'same', '') for t, (read, _, _) in listed.items()}
    assert shop.ingest() == same
    order = shop.rows()[0][0]
    first = shop.run(order, 'shop_client', 'shop_part')
    assert len(first['Order Line']) == 11
    assert first['client'] == ['client_id,name', '1,ann', '2,bob']
    assert first['part'] == ['id,day', '1,2026-05-05']
    shop.source.execute('''insert into client values (3, 'cy');
        update "Order Line" set amount = 0 where id = 4; select pg_sleep(1.1)''')
    second = shop.run(order, 'shop_client')
    assert [line.split(',')[:3] for line in second['Order Line'][1:]] == [['4', '1', '0.00']]
    assert second['client'][-1] == '3,cy'


def test_all_tables_in_one_snapshot(shop):
    listed = shop.ingest('--together', '--exclude', 'part')
    assert set(listed) == {'Order Line', 'client'}
    assert shop.db.row('select report_key, schedule_expression, source from '
                       'reportd.report_config') == ('shop', EVERY[1], 'shop')
    assert shop.ingest('--together', '--exclude', 'part')['client'] == ('whole', 'same', '')
    assert len(shop.run('shop')['Order Line']) == 11
    # A table that comes later is read from its first row, though the report has a horizon.
    shop.source.execute('''create table late (id int primary key,
        updated_at timestamptz not null); insert into late values (7, now() - interval '1 day');
        select pg_sleep(1.1)''')
    assert shop.ingest('--together', '--exclude', 'part', '--watermark', 'late=updated_at')[
        'late'] == ('since updated_at', 'new', '')
    shop.drain_once(shop.sections)
    run = report.runs(shop.db, shop.db.value("select reportd.id('shop')"))[-1]
    assert {o['url'].rsplit('/', 2)[1]: o['rows'] for o in run.outputs} == {
        'Order%20Line': 10, 'client': 2, 'late': 1}


def test_drift_is_said_and_applied(shop):
    shop.ingest()
    shop.source.execute('''alter table client add column city text, drop column name;
        alter table "Order Line" alter column client_id type bigint; drop table part;
        create table extra (id int)''')
    wanted = {
        'Order Line': ('since updated_at', 'changed', 'client_id integer -> bigint'),
        'client': ('whole', 'changed', '+city text, -name'),
        'extra': ('whole', 'new', ''), 'part': ('', 'gone', 'not copied any more')}
    assert shop.ingest('--dry-run') == wanted
    assert shop.ingest() == wanted
    assert dict((r[0], r[1]) for r in shop.rows())['shop_part'] is False
    assert shop.run('shop_client')['client'] == ['client_id,city', '1,', '2,']
    again = shop.ingest()
    assert {state for _, state, _ in again.values()} == {'same'} and 'part' not in again
    # The report is paused since, and not told again.
    assert '\n0 new, 0 changed, 0 to be paused, 3 as they are\n' in shop.ctl().stdout


def test_a_paused_report_that_needs_a_run_stays_as_it_is(shop):
    def client():
        return shop.db.row('''select is_active, parameters, export_sql
            from reportd.report_config where report_key = 'shop_client' ''')

    shop.ingest()
    shop.source.execute('''alter table client add at timestamptz not null default now();
        alter table part add x int''')
    shop.db.execute("select reportd.change(reportd.id('shop_client'), '{\"is_active\": false}')")
    before, named = client(), ('--watermark', 'client=at')
    listed = shop.ingest(*named)
    assert listed['client'][:2] == ('since at', 'paused') and client() == before
    assert listed['part'] == ('whole', 'changed', '+x integer')
    told = shop.ctl(*named).stdout
    assert 'report shop_client stays as it is' in told and 'resume shop_client`' in told
    shop.db.execute("select reportd.change(reportd.id('shop_client'), '{\"is_active\": true}')")
    assert shop.ingest(*named)['client'][1] == 'changed'
    assert client()[1] == {'since': '{"client": "at"}'}
    assert shop.db.value('''select count(*) from reportd.v_requests
        where report_key = 'shop_client' and reason = 'run_now' ''') == 1


def test_the_format_is_named_in_any_case(shop):
    shop.ingest()
    assert {state for _, state, _ in shop.ingest('--format', ' csv').values()} == {'same'}


def test_a_run_says_what_it_does_not_copy(shop):
    shop.ingest()
    shop.source.execute('alter table client add column city text')
    shop.run('shop_client')
    run = report.runs(shop.db, shop.db.value("select reportd.id('shop_client')"))[-1]
    assert 'columns that are not copied' in run.remark
    shop.source.execute('alter table client drop column name')
    shop.db.execute("select reportd.run_now(reportd.id('shop_client'))")
    shop.drain_once(shop.sections)
    run = report.runs(shop.db, shop.db.value("select reportd.id('shop_client')"))[-1]
    assert (run.status, run.error_stage) == ('FAILED', 'check')
    assert 'name' in run.error_message


@pytest.mark.parametrize('ddl, why', [
    ('create table t (at timestamptz not null default now())', '"at" leads no index'),
    ('create table t (at timestamptz default now())', '"at" may be null'),
    ('create table t (at timestamp not null default now())', '"at" has no time zone'),
    ("create table t (at timestamptz not null default 'now'); create index on t (at)",
     '"at" has no default now()'),
    ('create table t (at timestamptz not null default now()); create index on t (at)',
     '"at" is set by no trigger at each UPDATE'),
    ('create table t (at timestamptz not null default now()); '
     'create index on t (at) where at > \'2020-01-01\'', '"at" leads no index'),
    ('create table t (id int)', 'it has no column of times'),
], ids=str)
def test_what_does_not_surely_tell_what_is_new_is_asked_for(shop, ddl, why):
    shop.source.execute(ddl + '; insert into t default values')
    told = shop.refused('--small', '0', '--full', 'client', '--full', 'par*')
    assert 'table "t": it has' in told and why in told
    assert '--watermark t=COLUMN' in told and '--full t' in told


SETS = 'begin new.at := now(); return new; end'
BEFORE = 'create trigger act before update on {t} for each row execute function {t}()'
# Tables with an indexed `at timestamptz not null default now()`, {name: (body, trigger)}.
TOUCHED = {
    'sets': (SETS, BEFORE),
    'sets_more': ('''
        BEGIN -- Says when; and how often.
            NEW.x = OLD.x + 1;
            NEW.At = CURRENT_TIMESTAMP; /* then */ NEW."at two" := 1;
            RETURN NEW;
        END;''', BEFORE),
    'module': (SETS, 'create trigger act before update on {t} for each row '
               "execute function moddatetime('at')"),
}
UNTOUCHED = {
    'checks': ("begin if new.x < 0 then raise 'no'; end if; return new; end", BEFORE),
    'compares': ("begin if new.at < old.at then raise 'no'; end if; return new; end", BEFORE),
    'sometimes': ('begin if new.x = 1 then new.at := now(); end if; return new; end', BEFORE),
    'another': ('begin new.x := 1; return new; end', BEFORE),
    'other_clock': ("begin new.at := now() - make_interval(days => 1); return new; end", BEFORE),
    'resets': ('begin new.at := now(); new.at := old.at; return new; end', BEFORE),
    'comment': ('begin new.x := 1; /* a */ /* new.at := now(); */ return new; end', BEFORE),
    'returns_old': ('begin new.at := now(); return old; end', BEFORE),
    'one_column': (SETS, BEFORE.replace('update', 'update of x')),
    'condition': (SETS, BEFORE.replace('row', 'row when (new.x > 1)')),
    'after': (SETS, BEFORE.replace('before', 'after')),
    'disabled': (SETS, BEFORE + '; alter table {t} disable trigger act'),
    'later': (SETS, BEFORE + '; create function back() returns trigger language plpgsql as '
              '$$ begin new.at := old.at; return new; end $$;'
              + BEFORE.replace('act', 'back').replace('{t}()', 'back()')),
}


def test_a_trigger_counts_when_it_surely_sets_the_column_at_each_update(shop):
    shop.source.execute('create extension moddatetime')
    for t, (body, trigger) in (TOUCHED | UNTOUCHED).items():
        shop.source.execute(f'''
            create table {t} (x int, "at two" int, at timestamptz not null default now());
            create index on {t} (at);
            create function {t}() returns trigger language plpgsql as $f$ {body} $f$;
            {trigger.format(t=t)};
            insert into {t} values (1)''')
    listed = shop.ingest('--dry-run', '--exclude', 'client', '--exclude', 'part',
                         '--exclude', 'Order Line')
    assert {t: read for t, (read, _, _) in listed.items()} == (
        dict.fromkeys(TOUCHED, 'since at') | dict.fromkeys(UNTOUCHED, 'whole'))
    told = shop.refused('--small', '0', '--full', 'client', '--full', 'part')
    assert [t for t in TOUCHED | UNTOUCHED if f'table "{t}"' in told] == list(UNTOUCHED)
    assert '"at" is not surely set to now() at each UPDATE by the trigger "act"' in told


def test_of_two_columns_the_one_that_the_trigger_sets_tells(shop):
    shop.source.execute('''
        create table two (created_at timestamptz not null default now(),
            updated_at timestamptz not null default now());
        create index on two (created_at); create index on two (updated_at);
        create trigger touched before update on two for each row execute function touch()''')
    assert shop.ingest('--dry-run')['two'][0] == 'since updated_at'


def test_wrong_names_are_refused(shop):
    assert '--watermark nope: no table' in shop.refused('--watermark', 'nope=x')
    assert '--full nop*: no table' in shop.refused('--full', 'nop*')
    assert '--exclude nope: no table' in shop.refused('--exclude', 'nope')
    assert 'no column of this name' in shop.refused('--watermark', 'client=name')
    assert 'schema "none" has no tables' in shop.refused('--schema', 'none')
    assert 'add {request_id}' in shop.refused(to='raw/{table}.csv')
    assert '{table}' in shop.refused(to='raw/{request_id}.csv')
    assert 'every table is left out' in shop.refused('--exclude', '*')


def test_only_with_the_rights_of_who_submits(shop, cluster, conf):
    shop.db.execute('create role ingester login in role reportd_submitter')
    try:
        shop.conf = conf(shop.sections | {'queue': {
            'conninfo': make_conninfo(shop.db.conninfo, user='ingester')}})
        assert '"shop"' in shop.refused()
        shop.db.execute("select reportd.grant_source('shop', 'ingester')")
        assert 'output_path' in shop.refused()
        shop.db.execute("select reportd.grant_path('raw/', 'ingester')")
        shop.ingest()
        assert set(shop.db.query('select owner::text from reportd.report_config')) == {
            ('ingester',)}
    finally:
        shop.db.execute('drop owned by ingester')
        shop.db.execute('delete from reportd.report_config')
        shop.db.execute('drop role ingester')


def test_into_the_tables_of_a_target(shop, cluster):
    target = Target(cluster)
    try:
        shop.sections |= target.sections()
        shop.conf = process.write_conf(shop.conf, shop.db, shop.sections)
        shop.db.execute("select reportd.register_target('dwh', 'postgres')")
        done = process.reportctl(shop.conf, 'ingest', 'shop', '--to', 'table:dwh/s.{table}',
                                 *EVERY, '--exclude', 'part', '--format', 'table')
        assert done.returncode == 0, done.stderr
        for _ in range(2):
            for key, *_ in shop.rows():
                shop.db.execute('select reportd.run_now(reportd.id(%s))', key)
            shop.drain_once(shop.sections, codes=(0,))
        assert target.rows('select * from s.client order by 1') == [(1, 'ann'), (2, 'bob')]
        assert target.rows('select count(*), sum(amount) from s."Order Line"') == [(10, 55)]
    finally:
        target.drop()
