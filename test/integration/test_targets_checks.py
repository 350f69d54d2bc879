# SPDX-License-Identifier: MIT
"""Checks of the rows on their way into a target, before its table is touched."""

import json

import pytest
from psycopg import errors

from lib.report import submit, wait_done
from lib.target import load, outcome
from lib.wait import wait_for
from test_inputs import FAST, put


@pytest.fixture
def target(target):
    target.table('create table s.t (id int primary key, name text, amount money)')
    return target


@pytest.fixture
def ready(daemon, target):
    return daemon(target.sections(), retry_backoff='100ms', retry_backoff_max='300ms')


def check(**members):
    return {'name': 'c', 'at': 'target'} | members


def loaded(db, query, *checks, **columns):
    """The outcome of a load with these checks."""
    return outcome(db, load(db, 's.t', query, checks=json.dumps(list(checks)), **columns))


def answers(db):
    """(name, status, failures, total) of the last run's checks."""
    return [tuple(row) for row in db.query(
        'select name, status, failures, total from reportd.report_check '
        'where run_id = (select max(run_id) from reportd.report_run) order by position')]


ROWS = "select g as id, 'n' || g as name from generate_series(1, 3) g"


@pytest.mark.parametrize('mode', ['append', 'replace', 'upsert'])
def test_a_check_that_fails_publishes_nothing(db, target, ready, mode):
    target.table("insert into s.t values (9, 'old')")
    options = {'mode': mode} | ({'key': ['id']} if mode == 'upsert' else {})
    status, _, error = loaded(db, ROWS, check(sql='select * from reportd_stage where id > 2'),
                              options=options)
    assert status == 'FAILED' and error.startswith('check: 1 of 1 checks failed: "c" (1 row)')
    assert target.rows('select id from s.t') == [(9,)] and target.ledger() == []
    assert answers(db) == [('c', 'failed', 1, None)]
    assert db.value('select error_stage from reportd.report_run') == 'check'
    assert loaded(db, ROWS, check(sql='select * from reportd_stage where id > 3'),
                  options=options)[:2] == ('COMPLETED', 3)
    assert len(target.rows('select id from s.t')) == (3 if mode == 'replace' else 4)


KINDS = [
    ({'not_null': 'name'}, (1, 3)), ({'unique': ['name']}, (0, 2)),
    ({'unique': 'day'}, (1, 3)), ({'range': {'column': 'id', 'max': 2}}, (1, 3)),
    ({'range': {'column': 'day', 'min': ":'first'"}}, (0, 3)),
    ({'range': {'column': 'name', 'min': "b'\\"}}, (1, 3)),
    ({'row_count': {'min': 4}}, (1, 3)), ({'row_count': {'min': 1}, 'where': 'id = 2'}, (0, 1)),
    ({'fresh': {'column': 'day', 'max_age': '1 day'}}, (1, 3)),
    ({'schema': {'id': 'integer', 'day': 'date'}}, (0, 2)),
    ({'schema': {'id': 'text', 'gone': 'date'}}, (2, 2)),
    ({'reconcile': ['select count(*) from reportd_stage', 'select count(*) from s.t']}, (2, None)),
    ({'on': 's.t', 'row_count': {'min': 2, 'max': 2}}, (0, 2)),
]


def test_each_kind_is_asked_of_the_staged_rows(db, target, ready):
    target.table('alter table s.t drop column amount, add day date; insert into s.t (id) values (8), (9)')
    query = ("select * from (values (1, 'a', date '2026-01-31'), (2, 'b''\\', '2026-01-31'), "
             "(3, null, '2026-01-31')) v (id, name, day)")
    checks = [check(severity='warn', **spec) | {'name': str(i)} for i, (spec, _) in enumerate(KINDS)]
    status, rows, remark = loaded(db, query, *checks, parameters={'first': '2026-01-01'})
    assert (status, rows) == ('COMPLETED', 3)
    assert answers(db) == [(str(i), 'warned' if found[0] else 'passed', *found)
                           for i, (_, found) in enumerate(KINDS)]
    assert remark.startswith('checks warned: "0" (1 of 3 rows)')


def test_score_and_samples_count_with_the_others(db, target, ready):
    db.execute('create table public.orders as select 1 as id')
    source = {'name': 'in the source', 'on': 'public.orders', 'not_null': 'id'}
    bad = check(sql='select * from reportd_stage where id > 1', severity='warn', sample=1,
                mask=['name'])
    status, _, error = loaded(db, ROWS, source, bad, min_score=60)
    assert status == 'FAILED' and 'score 50, below the min_score of 60' in error
    assert db.value("select sample from reportd.report_check where name = 'c'") == [
        {'id': '2', 'name': '***'}]
    assert db.value('select max(score) from reportd.report_run') == 50
    assert loaded(db, ROWS, source, bad, min_score=50)[0] == 'COMPLETED'
    source['sql'] = 'select 1'
    del source['on'], source['not_null']
    status, _, error = loaded(db, ROWS, source, bad)
    assert status == 'FAILED' and '1 of 2 checks failed: "in the source"' in error
    assert [row[0] for row in answers(db)] == ['in the source']


HOSTILE = {
    'drop': ('with d as (delete from s.t returning *) select * from d', 'must be at the top level'),
    'commit': ('commit', 'syntax error'),
    'two': ('select 1) as x; commit; select * from (select 1', 'statements'),
    'function': ('select s.wipe()', 'read-only transaction'),
    'setting': ("select set_config('transaction_read_only', 'off', false)", 'read-write mode'),
    'sequence': ("select nextval('s.q')", 'read-only transaction'),
    'ledger': ('select s.forge()', 'read-only transaction'),
    'missing': ('select * from s.nowhere', 'does not exist'),
}


@pytest.mark.parametrize('what', HOSTILE)
def test_a_check_cannot_write_nor_end_the_transaction(db, target, ready, what):
    target.table('''
        create table s.forged (i int); create sequence s.q; insert into s.t values (9);
        create function s.wipe() returns int language sql as 'delete from s.t returning 1';
        create function s.forge() returns int language sql as
            'insert into s.forged values (1) returning 1' ''')
    sql, message = HOSTILE[what]
    try:
        status, _, error = loaded(db, ROWS, check(sql=sql, severity='warn'))
    except errors.InvalidParameterValue as refused:
        assert what == 'two' and message in str(refused)
        return
    assert status == 'FAILED' and message in error and '"c" cannot be asked' in error
    assert answers(db) == [('c', 'error', None, None)]
    assert target.rows('select id from s.t') == [(9,)]
    assert target.rows('select i from s.forged') == [] and target.ledger() == []


def test_a_check_that_may_not_read_names_the_login_of_the_target(db, target, ready):
    target.db.execute('create table s.secret (i int)')
    error = loaded(db, ROWS, check(sql='select * from s.secret'))[2]
    assert 'permission denied' in error and error.count('hint: ') == 1
    assert f'the target logs in as "{target.user}"; grant that user what it lacks' in error


def test_what_a_check_leaves_is_gone_before_the_merge(db, target, ready):
    """Temporary tables can be written in READ ONLY transactions, and settings changed."""
    target.table('''create function s.tamper() returns int language plpgsql as
        $$begin delete from pg_temp.reportd_stage; perform set_config('search_path', 's', false);
        return 0; end$$''')
    sql = 'select * from (select s.tamper() as n) t where n > 0'
    assert loaded(db, ROWS, check(sql=sql))[:2] == ('COMPLETED', 3)
    assert target.rows('select count(*) from s.t') == [(3,)]


def test_a_check_that_may_be_asked_again_waits(db, target, ready):
    target.table('create table s.parent (id int)')
    missing = check(sql='select * from reportd_stage r where not exists '
                    '(select from s.parent p where p.id = r.id)', retry=True)
    one = load(db, 's.t', 'select 1 as id', checks=json.dumps([missing]), wait=False)
    wait_for(lambda: db.value("select count(*) from reportd.report_run where status = 'RELEASED'"))
    assert target.rows('select id from s.t') == []
    target.table('insert into s.parent values (1)')
    wait_done(db, one)
    assert outcome(db, one)[:2] == ('COMPLETED', 1)
    assert target.rows('select id from s.t') == [(1,)]


def test_rows_of_files_are_checked(db, daemon, target, tmp_path):
    landing = tmp_path / 'in'
    for name in 'good', 'bad', 'none':
        (landing / name).mkdir(parents=True)
    put(landing / 'good', 'a.csv', 'id,name\n1,x\n')
    put(landing / 'bad', 'a.csv', 'id,name\n2,\n')
    daemon(target.sections() | {'inputs': {'folders': landing, 'rescan': '1s'}}, **FAST)

    def run(folder, required=True):
        return submit(
            db, export_sql=None, trigger_type='ADHOC', output_format='TABLE',
            output_path='table:dwh/s.t', max_retries=0, min_score=100,
            checks=json.dumps([check(not_null='name')]), inputs={'f': {
                'path': f'{landing}/{folder}/*.csv', 'format': 'csv', 'stable_for': '0 s',
                'required': required, 'columns': [['id', 'int'], ['name', 'text']]}})
    good, bad, none = run('good'), run('bad'), run('none', False)
    for one in good, bad, none:
        wait_done(db, one)
    assert outcome(db, good) == ('COMPLETED', 1, None)
    status, _, error = outcome(db, bad)
    assert status == 'FAILED' and error.startswith('check: 1 of 1 checks failed: "c" (1 of 1 row)')
    # Without a file there is nothing to check.
    assert outcome(db, none) == ('COMPLETED', None, 'no file: nothing was loaded')
    assert target.rows('select id, name from s.t') == [(1, 'x')]


def test_no_rows_are_checked_as_well(db, target, ready):
    status, _, error = outcome(db, load(
        db, 's.t', 'select 1 as id where false', output_options={'skip_if_empty': True},
        checks=json.dumps([check(row_count={'min': 1})])))
    assert status == 'FAILED' and '"c" (0 rows, wanted are {"min": 1})' in error


def test_files_beside_the_table_wait_for_its_checks(db, target, ready, out):
    config_id = submit(db, export_sql=ROWS, output_format='TABLE,CSV',
                       output_path='beside.{ext}', max_retries=0,
                       output_options={'table': {'into': 'table:dwh/s.t'}},
                       checks=json.dumps([check(sql='select * from reportd_stage')]))
    assert wait_done(db, config_id).status == 'FAILED'
    assert list(out.glob('beside*')) == [] and target.rows('select id from s.t') == []


@pytest.mark.parametrize('spec, columns, message', [
    ({'at': 'somewhere', 'sql': 'select 1'}, {}, 'is asked at "somewhere"'),
    ({'at': 'target', 'sql': 'select 1'}, {'output_format': 'CSV', 'output_path': None},
     'which the report does not have'),
    ({'at': 'target', 'file': 'f'}, {}, 'has "at", which is not for file'),
    ({'at': 'source', 'not_null': 'id'}, {}, 'asks "not_null" of no relation'),
])
def test_where_a_check_is_asked_is_checked(db, spec, columns, message):
    given = {'export_sql': 'select 1 as id', 'output_format': 'TABLE',
             'output_path': 'table:dwh/s.t'} | columns
    with pytest.raises(errors.InvalidParameterValue, match=message):
        submit(db, checks=json.dumps([{'name': 'c'} | spec]), **given)
