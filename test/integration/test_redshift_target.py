# SPDX-License-Identifier: MIT
"""Reports that load tables of Redshift, or rather of what behaves as it: lib/redshift.py."""

import json
import re

import psycopg
import pytest

from lib.objects import Objects
from lib.manual import says
from lib.redshift import Redshift
from lib.report import wait_done
from lib.target import RedshiftTarget, load, outcome
from lib.wait import wait_for
from test_targets import request_of

KEYS = {'AWS_ACCESS_KEY_ID': 'AKIDTEST', 'AWS_SECRET_ACCESS_KEY': 'testsecret'}


@pytest.fixture(scope='module')
def objects():
    objects = Objects()
    yield objects
    objects.remove()


@pytest.fixture
def shelf(objects):
    objects.kept.clear()
    objects.asked.clear()
    yield objects
    objects.fails.clear()


@pytest.fixture
def target(cluster, shelf):
    target = RedshiftTarget(cluster, shelf, shelf.url, 'eu-central-1')
    yield target
    target.drop()


@pytest.fixture
def ready(daemon, target):
    """A daemon that has the target."""
    return daemon(target.sections(), env=KEYS)


def completed(db, table, query, **columns):
    done = load(db, table, query, **columns)
    assert outcome(db, done)[0] == 'COMPLETED', outcome(db, done)
    return done


def failed(db, table, query, **columns):
    status, _, error = outcome(db, load(db, table, query, **columns))
    assert status == 'FAILED'
    return error


def test_rows_are_appended_in_one_transaction_with_the_ledger(db, target, ready, shelf):
    target.table("create table s.t (id int, name varchar(20), kept int default 7)")
    first = completed(db, 's.t', "select 1 as id, 'a' as name union all select 2, null")
    assert outcome(db, first) == ('COMPLETED', 2, None)
    second = completed(db, 's.t', "select 'b' as name, 3 as id")
    assert target.rows('select id, name, kept from s.t order by 1') == [
        (1, 'a', 7), (2, None, 7), (3, 'b', 7)]
    assert target.ledger() == [(request_of(db, first), '"s"."t"', 2),
                               (request_of(db, second), '"s"."t"', 1)]
    statements = target.redshift.statements
    begins = [i for i, s in enumerate(statements) if s == 'begin']
    assert len(begins) == 2
    for at in begins:
        assert statements[at + 1] == 'lock "reportd_target".reportd_load'
        commit = statements.index('commit', at)
        assert not [s for s in statements[at:commit] if s.startswith('copy')]
    # Nothing stays in S3, and nothing in the record.
    assert shelf.keys() == []
    assert db.query('select from reportd.report_run where leftovers is not null') == []


def test_the_manifest_names_each_part_and_its_size(db, target, shelf, daemon):
    daemon(target.sections(copy_part_size='64kB'), env=KEYS)
    target.table('create table s.t (id int, v varchar(200))')
    seen = {}
    honest = target.redshift.rows

    def look(manifest, options):
        seen.update(json.loads(shelf.get('lake', manifest.removeprefix('s3://lake/'))))
        seen['options'] = options
        return honest(manifest, options)
    target.redshift.rows = look
    one = completed(db, 's.t', 'select g as id, md5(g::text) || md5((g + 1)::text) as v '
                    'from generate_series(1, 20000) g')
    entries = seen['entries']
    assert len(entries) > 2
    run = db.value('select run_id from reportd.report_run')
    queue = db.value('select queue_id from reportd.queue_identity')
    prefix = f's3://lake/loads/reportd-load/{queue}/{request_of(db, one)}/{run}/'
    assert [e['url'] for e in entries] == [
        f'{prefix}part-{n:05}.csv.gz' for n in range(1, len(entries) + 1)]
    assert all(e['mandatory'] is True and e['meta']['content_length'] > 60000
               for e in entries[:-1])
    assert target.rows('select count(*), count(distinct v) as d from s.t') == [(20000, 20000)]
    assert shelf.keys() == []
    assert re.search(r"iam_role 'arn:aws:iam::123456789012:role/copy' region 'eu-central-1' "
                     'manifest format as csv gzip', seen['options'])


@pytest.mark.parametrize('mode', ['append', 'replace', 'upsert'])
def test_staged_rows_are_checked_before_the_table_is_touched(db, target, ready, shelf, mode):
    target.table("create table s.t (id int, name varchar(20), day date); "
                 "insert into s.t values (9, 'old', '2026-01-01')")
    options = {'mode': mode} | ({'key': ['id']} if mode == 'upsert' else {})
    query = ("select 1 as id, 'a' as name, date '2026-01-31' as day union all "
             "select 2, 'b', '2026-01-31' union all select 3, null, '2026-01-31'")
    kinds = [({'not_null': 'name'}, (1, 3)), ({'unique': 'day'}, (1, 3)),
             ({'range': {'column': 'id', 'max': 2}}, (1, 3)), ({'row_count': {'min': 3}}, (0, 3)),
             ({'schema': {'id': 'integer', 'day': 'date'}}, (0, 2)),
             ({'fresh': {'column': 'day', 'max_age': '1 day'}}, (1, 3)),
             ({'sql': 'select * from reportd_stage r where r.id not in (select t.id from s.t t)',
               'sample': 1, 'mask': ['name']}, (3, None)),
             ({'on': 's.t', 'row_count': {'min': 1, 'max': 1}}, (0, 1))]
    checks = [{'name': str(i), 'at': 'target', 'severity': 'warn'} | spec
              for i, (spec, _) in enumerate(kinds)]
    bad = {'name': 'bad', 'at': 'target', 'sql': 'select * from reportd_stage where id > 2'}
    status, _, error = outcome(db, load(db, 's.t', query, options=options,
                                        checks=json.dumps([*checks, bad])))
    assert status == 'FAILED' and '"bad" (1 row)' in error, error
    assert target.rows('select id from s.t') == [(9,)] and target.ledger() == []
    assert shelf.keys() == []
    assert outcome(db, load(db, 's.t', query, options=options,
                            checks=json.dumps(checks)))[:2] == ('COMPLETED', 3)
    assert [tuple(row) for row in db.query(
        'select failures, total from reportd.report_check where run_id = '
        '(select max(run_id) from reportd.report_run) order by position')] == [
            answer for _, answer in kinds]
    assert db.value('select sample from reportd.report_check where sample is not null '
                    'order by run_id desc limit 1')[0]['name'] == '***'
    assert len(target.rows('select id from s.t')) == (3 if mode == 'replace' else 4)


def test_a_check_of_staged_rows_cannot_write(db, target, ready):
    target.table('''create table s.t (id int); create table s.forged (i int);
        create function s.forge() returns int language sql as
            'insert into s.forged values (1) returning 1' ''')
    error = failed(db, 's.t', 'select 1 as id', checks=json.dumps(
        [{'name': 'c', 'at': 'target', 'sql': 'select s.forge()'}]))
    assert 'read-only transaction' in error
    assert target.rows('select * from s.forged') == [] == target.rows('select * from s.t')


def test_replace_and_no_rows(db, target, ready):
    target.table("create table s.t (id int, name varchar(20)); insert into s.t values (9, 'old')")
    completed(db, 's.t', "select g as id, 'new' as name from generate_series(1, 3) g",
              options={'mode': 'replace'})
    assert target.rows('select * from s.t order by 1') == [(1, 'new'), (2, 'new'), (3, 'new')]
    empty = completed(db, 's.t', 'select 1 as id where false', options={'mode': 'replace'})
    assert outcome(db, empty)[1] == 0
    assert target.rows('select * from s.t') == []


def test_upsert_updates_what_is_there_and_inserts_the_rest(db, target, ready):
    target.table("create table s.t (a int, b varchar(9), n int, kept varchar(9) default 'd'); "
                 "insert into s.t values (1, 'x', 10, 'mine')")
    completed(db, 's.t', "select 1 as a, 'x' as b, 11 as n union all select 2, 'y', 12",
              options={'mode': 'upsert', 'key': ['a', 'b']})
    assert target.rows('select * from s.t order by 1') == [(1, 'x', 11, 'mine'), (2, 'y', 12, 'd')]
    completed(db, 's.t', "select 1 as a, 'x' as b union all select 3, 'z'",
              options={'mode': 'upsert', 'key': ['a', 'b']})
    assert target.rows('select a, n from s.t order by 1') == [(1, 11), (2, 12), (3, None)]


def test_repeated_keys_are_an_error_unless_order_by_chooses(db, target, ready):
    target.table('create table s.t (id int, name varchar(9), at date)')
    query = ("select * from (values (1, 'old', date '2026-01-01'), (1, 'new', '2026-02-01'), "
             "(1, 'none', null), (2, 'only', '2026-01-01')) v (id, name, at)")
    error = failed(db, 's.t', query, options={'mode': 'upsert', 'key': ['id']})
    assert '3 rows with the key ("id") = (1)' in error and 'order_by' in error
    assert target.rows('select * from s.t') == [] and target.ledger() == []
    done = completed(db, 's.t', query, options={
        'mode': 'upsert', 'key': ['id'], 'order_by': ['at desc']})
    assert outcome(db, done)[1:] == (
        4, 'TABLE: 2 rows were left out: order_by put others with their keys first')
    assert target.rows('select id, name from s.t order by 1') == [(1, 'new'), (2, 'only')]


def test_a_null_in_the_key_is_refused(db, target, ready):
    target.table('create table s.t (a int, b int)')
    error = failed(db, 's.t', 'select 1 as a, 2 as b union all select 7, null',
                   options={'mode': 'upsert', 'key': ['a', 'b']})
    assert 'NULL in its key ("a", "b"), beside 7' in error


def test_a_table_that_has_a_key_twice_is_not_upserted(db, target, ready):
    """Redshift enforces no key."""
    target.table('create table s.t (id int, n int); insert into s.t values (1, 1), (1, 2)')
    error = failed(db, 's.t', 'select 1 as id, 9 as n', options={'mode': 'upsert', 'key': ['id']})
    assert 'of 1 rows the table took 2: it has several rows with the same key' in error
    assert target.rows('select n from s.t order by 1') == [(1,), (2,)]
    assert target.ledger() == []


def test_texts_arrive_as_they_are_and_null_is_no_text(db, target, ready):
    target.table('create table s.t (id int, v varchar(100))')
    texts = ['', '\\N', '\\.', 'a\tb', 'a\nb', 'a\r\nb', '\\', '\\t', "'", '"', '""', '"a","b"', ',',
             ' x ', 'é€😀', '\x01\x02\b\f\v', 'NULL', 'null', '\n', '@NULL@']
    rows = ', '.join("({}, convert_from('\\x{}', 'UTF8'))".format(i, t.encode().hex())
                     for i, t in enumerate(texts))
    query = f'select * from (values {rows}, ({len(texts)}, null)) v (id, v)'
    completed(db, 's.t', query)
    assert [v for _, v in target.rows('select * from s.t order by 1')] == texts + [None]
    # By the encoder as well: two formats read typed rows.
    completed(db, 's.t', query, output_format='TABLE,CSV', output_path='x.{ext}',
              output_options={'table': {'into': 'table:dwh/s.t', 'mode': 'replace'}})
    assert [v for _, v in target.rows('select * from s.t order by 1')] == texts + [None]
    target.table('create table s.one (v varchar(9))')
    completed(db, 's.one', "select '' as v union all select null")
    assert target.rows("select count(*), count(v) as texts from s.one") == [(2, 1)]


@says('Choose or learn where rows lie on their way into Redshift, or by which role it reads them; '
      'turn a text into NULL there.')
def test_what_stands_for_null_is_another_text_each_time(db, target, ready):
    target.table('create table s.t (v varchar(99))')
    for _ in range(2):
        completed(db, 's.t', "select '' as v")
    nulls = re.findall(r"null as '(null[0-9a-f]{32})'", '\n'.join(target.redshift.statements))
    assert len(set(nulls)) == 2


# A value of each kind, the type that is made for it, and the types that it is refused by.
VALUES = {
    'small': ("(-32768)::smallint", 'smallint'), 'int': ('2147483647', 'integer'),
    'big': ('(-9223372036854775807)::bigint', 'bigint'),
    'dec': ('12345678901234567890.123456789::numeric(38,9)', 'numeric(38,9)'),
    'real': ("'1e-38'::real", 'real'), 'double': ("'NaN'::float8", 'double precision'),
    'bool': ('false', 'boolean'), 'day': ("date '0001-01-01'", 'date'),
    'clock': ("time '23:59:59.999999'", 'time without time zone'),
    'clockz': ("timetz '09:30:00.25+05:30'", 'time with time zone'),
    'at': ("timestamp '9999-12-31 23:59:59.999999'", 'timestamp without time zone'),
    'atz': ("timestamptz '2026-10-25 00:30:00.5+00'", 'timestamp with time zone'),
    'span': ("interval '1 day 2 hours'", 'character varying(65535)'),
    'id': ("'00000000-0000-0000-0000-0000000000ff'::uuid", 'character varying(36)'),
    'doc': ("""'{"b": 1, "b": [1.0, null]}'::json""", 'character varying(65535)'),
    'list': ("""'{"a,b",NULL}'::text[]""", 'character varying(65535)'),
    'ip': ("'::1/64'::inet", 'character varying(65535)'),
    'cash': ('1234.5::numeric::money', 'numeric(19,2)'),
}


def test_create_makes_a_table_whose_types_hold_the_values(db, target, ready):
    query = 'select ' + ', '.join(f'{v} as "{n}"' for n, (v, _) in VALUES.items())
    for _ in range(2):
        completed(db, 's.made', query, options={
            'create': True, 'mode': 'upsert', 'key': ['int']})
    assert target.rows("select attname::text, format_type(atttypid, atttypmod) from pg_attribute "
                       "where attrelid = 's.made'::regclass and attnum > 0 order by attnum") == [
        (n, t) for n, (_, t) in VALUES.items()]
    texts = 'select ' + ', '.join(f'"{n}"::text' for n in VALUES)
    query = query.replace('1234.5::numeric::money', '1234.50')
    assert target.rows(f'{texts} from s.made') == [
        tuple(r) for r in db.query(f'{texts} from ({query}) q')]


@pytest.mark.parametrize(('value', 'said'), [
    ('1::numeric', 'a number without a fixed number of digits'),
    ('1::numeric(39,2)', "more than Redshift's 38"),
    ("'\\x00'::bytea", "bytes, for which no column is made"),
])
def test_what_no_type_of_redshift_holds_is_not_made(db, target, ready, value, said):
    error = failed(db, 's.made', f'select {value} as v', options={'create': True})
    assert 'the result has a column "v", ' in error and said in error
    assert target.rows("select to_regclass('s.made')") == [(None,)]


@pytest.mark.parametrize(('value', 'type'), [
    ("''", 'int'), ("'1'", 'numeric(9,2)'), ("'2026-01-01'", 'date'), ('now()', 'timestamp'),
    ('now()::timestamp', 'timestamptz'), ('now()', 'date'), ('1', 'bool'), ('true', 'int'),
    ("'\\x00'::bytea", 'varchar(20)'), ("interval '1 day'", 'interval'), ("'{}'::json", 'int'),
])
def test_a_column_that_would_read_values_otherwise_is_refused(db, target, ready, value, type):
    """An empty text would become NULL, a time would lose its zone."""
    target.table(f'create table s.t (v {type})')
    error = failed(db, 's.t', f'select {value} as v')
    assert 'the result has a column "v", ' in error
    assert 'cast it in export_sql' in error or 'does not load from text' in error


@pytest.mark.parametrize('value', ["'infinity'::date", "'-infinity'::timestamp",
                                   "'0044-03-15 BC'::date", "'10000-01-01'::timestamptz"])
def test_times_that_copy_cannot_read_are_refused(db, target, ready, value):
    target.table('create table s.t (id int, v varchar(9)); create table s.d (id int, v date, '
                 'w timestamp, z timestamptz)')
    column = 'z' if 'tz' in value else 'w' if 'timestamp' in value else 'v'
    error = failed(db, 's.d', f'select 1 as id, null as {column} where false union all '
                   f'select 2, {value}')
    assert f'row 1 has in the column "{column}" a time that COPY of Redshift cannot read' in error


def test_bytes_and_documents_are_turned_by_redshift(db, target, ready):
    """With stand-ins for its types and functions."""
    target.db.execute('''create domain s.varbyte as bytea; create domain s.super as jsonb;
        create function pg_catalog.from_hex(varchar) returns bytea language sql as
            $$ select decode($1, 'hex') $$;
        create function pg_catalog.json_parse(varchar) returns jsonb language sql as
            $$ select $1::jsonb $$''')
    target.table('create table s.t (id int, b s.varbyte, j s.super)')
    completed(db, 's.t', """select 1 as id, '\\x00ff5c22'::bytea as b, '{"a": "\\u00e9"}'::json as j
        union all select 2, ''::bytea, null union all select 3, null, '"x"'""",
        options={'mode': 'upsert', 'key': ['id']})
    assert target.rows('select id, b::bytea, j::jsonb from s.t order by 1') == [
        (1, b'\x00\xff\x5c\x22', {'a': 'é'}), (2, b'', None), (3, None, 'x')]


def test_drift_adds_columns(db, target, ready):
    target.table('create table s.t (id int, kept int default 4)')
    query = "select 1 as id, 'x' as name, 2.5::float4 as f"
    assert 'a column "name", which the table lacks' in failed(db, 's.t', query)
    completed(db, 's.t', query, options={'drift': 'add'})
    assert target.rows('select * from s.t') == [(1, 4, 'x', 2.5)]


def test_an_identity_of_redshift_is_left_out(db, target, ready):
    target.db.execute('create function s.identity(int, int) returns int language sql as '
                      "'select 5'; grant usage on schema s to public")
    target.table('create table s.t (id int default s.identity(1, 1), a int)')
    assert 'which the table generates itself' in failed(db, 's.t', 'select 1 as id, 2 as a')
    completed(db, 's.t', 'select 2 as a')
    assert target.rows('select * from s.t') == [(5, 2)]


def test_a_missing_table_and_a_view(db, target, ready):
    target.table('create view s.v as select 1 as id')
    assert 'the target has no such table' in failed(db, 's.nothing', 'select 1 as a')
    assert 'it is a view' in failed(db, 's.v', 'select 1 as id')


@pytest.mark.parametrize('serverless', [False, True])
def test_a_value_that_the_table_refuses_is_shown_with_its_row(db, target, ready, serverless):
    target.redshift.serverless = serverless
    target.table('create table s.t (id int, n varchar(3))')
    error = failed(db, 's.t', "select g as id, repeat('x', g) as n from generate_series(1, 5) g",
                   max_retries=3)
    assert re.search(r"Load into table 'reportd_stage' failed.*line 4 of s3://lake/loads/"
                     r'reportd-load/\S+/part-00001\.csv\.gz, column n, value .*too long', error), error
    assert db.value('select count(*) from reportd.report_run') == 1
    assert target.rows('select * from s.t') == [] and target.ledger() == []


def test_two_first_loads_at_once_make_one_ledger(db, target, ready):
    target.table('create table s.t (id int)')
    ids = [load(db, 's.t', f'select {n} as id', wait=False, max_retries=0) for n in range(6)]
    for one in ids:
        wait_done(db, one)
        assert outcome(db, one)[0] == 'COMPLETED', outcome(db, one)
    assert len(target.ledger()) == 6


def test_loads_of_one_ledger_follow_each_other(db, target, ready):
    """Serializable transactions that work the same tables at once would fail: error 1023."""
    target.table('create table s.t (id int, n int)')
    ids = [load(db, 's.t', f'select g as id, {n} as n from generate_series(1, 20) g',
                options={'mode': ['replace', 'upsert'][n % 2], **({'key': ['id']} if n % 2 else {})},
                wait=False) for n in range(8)]
    for one in ids:
        wait_done(db, one)
        assert outcome(db, one)[0] == 'COMPLETED', outcome(db, one)
    assert target.rows('select count(*), count(distinct n) as kinds from s.t') == [(20, 1)]
    assert len(target.ledger()) == 8


def test_a_conflict_with_others_is_tried_again(db, target, daemon):
    daemon(target.sections(), env=KEYS, retry_backoff='0')
    target.table('create table s.t (id int)')
    target.redshift.fail_at('^insert into "s"', '1023', 'XX000',
                            'Serializable isolation violation on table - 1')
    one = load(db, 's.t', 'select 1 as id', max_retries=2)
    assert outcome(db, one)[:2] == ('COMPLETED', 1)
    assert target.rows('select * from s.t') == [(1,)]
    assert db.value('select count(*) from reportd.report_run') == 2


def test_a_ledger_that_others_can_write_is_refused(db, target, ready):
    target.table('create table s.t (id int)')
    completed(db, 's.t', 'select 1 as id')
    target.db.execute(f'create role {target.user}_other login; '
                      f'grant usage on schema reportd_target to {target.user}_other; '
                      'grant insert on reportd_target.reportd_load to public')
    try:
        error = failed(db, 's.t', 'select 2 as id')
        assert 'the ledger reportd_target.reportd_load can be written by others' in error
        target.db.execute('revoke insert on reportd_target.reportd_load from public; alter table '
                          f'reportd_target.reportd_load owner to {target.db.cluster.user}')
        assert 'does not belong to' in failed(db, 's.t', 'select 2 as id')
    finally:
        target.db.execute(f'drop owned by {target.user}_other; drop role {target.user}_other')
    assert target.rows('select * from s.t') == [(1,)]


def test_a_superuser_is_no_target(db, target, ready):
    target.table('create table s.t (id int)')
    target.db.execute(f'alter role {target.user} superuser')
    assert 'is a superuser' in failed(db, 's.t', 'select 1 as id')


def test_a_source_whose_login_reaches_the_ledger_is_refused(db, target, daemon):
    target.table('create table s.t (id int)')
    reader = f'{target.user}_reader'
    target.db.execute(f'create role {reader} login')
    daemon(target.sections() | {'source.lake': {
        'type': 'redshift', 'trusted': 'off', 'max_age': '0',
        'conninfo': target.conninfo.replace(target.user, reader)}}, env=KEYS)
    try:
        # One that may not even see the ledger reads as ever.
        completed(db, 's.t', 'select 1 as id')
        completed(db, 's.t', 'select 2 as id', source='lake')
        target.db.execute(f'grant {target.user} to {reader}')
        target.redshift.cut()
        error = failed(db, 's.t', 'select 3 as id', source='lake', max_retries=2)
        assert f'{reader} may change reportd_target.reportd_load, the ledger of a target' in error
    finally:
        target.db.execute(f'drop role {reader}')


def test_a_source_is_no_target_by_the_same_login(db, target, daemon):
    target.table('create table s.t (id int)')
    daemon(target.sections() | {'source.lake': {'type': 'redshift', 'conninfo': target.conninfo}},
           env=KEYS)
    assert 'logs in as source "lake" does' in failed(db, 's.t', 'select 2 as id')


def test_users_that_iam_is_asked_for_tell_logins_apart(ctl, target):
    """One conninfo, and another database_user."""
    def said(user):
        iam = {'cluster': 'c', 'conninfo': f'host={target.redshift.dir} dbname={target.db.name}'}
        lake = {'type': 'redshift', **iam, 'database_user': 'reader'}
        keys = target.sections()['target.dwh'] | iam | {'database_user': user}
        return ctl('doctor', sections={'source.lake': lake, 'target.dwh': keys}, env=KEYS).stdout
    assert 'logs in as source "lake" does' in said('reader')
    assert 'logs in as source "lake" does' not in said('loader')


def test_permission_denied_names_the_login(db, target, ready):
    target.db.execute('create table s.t (id int)')
    error = failed(db, 's.t', 'select 1 as id')
    assert 'permission denied' in error and f'the target logs in as "{target.user}"' in error
    assert error.count('hint: ') == 1 and 'the source' not in error


def test_a_refused_copy_names_role_and_place(db, target, ready):
    target.table('create table s.t (id int)')
    target.redshift.fail_at('^copy', 'S3ServiceException:Access Denied,Status 403,Error AccessDenied',
                            'XX000')
    error = failed(db, 's.t', 'select 1 as id')
    assert 'Access Denied' in error
    assert 'Redshift reads s3://lake/loads with the role arn:aws:iam::123456789012:role/copy' in error


def test_a_cancel_during_the_copy_leaves_nothing(db, target, ready, shelf):
    target.table('create table s.t (id int)')
    with target.db.connect(autocommit=False) as other:
        other.execute(f'create schema reportd_target authorization {target.user}; '
                      'lock table s.t')
        other.execute('commit')
        other.execute('lock table s.t in access exclusive mode')
        one = load(db, 's.t', 'select 1 as id', wait=False)
        wait_for(lambda: target.rows("select from pg_stat_activity where wait_event_type = 'Lock' "
                                     f"and usename = '{target.user}'"))
        db.execute('select reportd.cancel(%s)', one)
        assert wait_done(db, one).status == 'CANCELLED'
    assert target.rows('select * from s.t') == [] and target.ledger() == []
    assert shelf.keys() == []


def test_doctor_loads_a_row_into_a_temporary_table(db, ctl, target, shelf):
    done = ctl('doctor', sections=target.sections(), env=KEYS)
    assert f'redshift, connects as {target.user}' in done.stdout, done.stdout
    assert 'the ledger is made by the first load' in done.stdout
    assert [s for s in target.redshift.statements if s.startswith('copy reportd_stage')]
    assert shelf.keys() == []
    target.redshift.fail_at('^copy', 'S3ServiceException:Access Denied', 'XX000')
    done = ctl('doctor', sections=target.sections(), env=KEYS)
    assert 'attach it to Redshift' in done.stdout, done.stdout
    shelf.fails.append(('PUT', 'reportd-load', 403))
    done = ctl('doctor', sections=target.sections(), env=KEYS)
    assert 'the credentials need s3:PutObject on s3://lake/loads/reportd-load/' in done.stdout


@pytest.mark.parametrize(('changes', 'said'), [
    ({'copy_from': 'lake/loads'}, 'copy_from: must be s3://bucket/prefix/'),
    ({'copy_from': 's3://lake'}, 'copy_from: must be s3://bucket/prefix/'),
    ({'copy_role': None}, 'copy_role is missing'),
    ({'unload_to': 's3://lake/x/'}, 'unload_to'),
])
def test_settings_that_are_not_enough_are_refused(ctl, target, changes, said):
    sections = target.sections()
    keys = {**sections['target.dwh'], **changes}
    sections['target.dwh'] = {k: v for k, v in keys.items() if v is not None}
    done = ctl('doctor', sections=sections)
    assert said in done.stdout + done.stderr


def test_a_source_has_no_keys_of_a_target(ctl, target):
    done = ctl('doctor', sections={'source.x': target.sections()['target.dwh']})
    assert 'copy_from' in done.stdout + done.stderr and done.returncode != 0


def test_export_of_reportctl_loads_a_table(ctl, target, shelf):
    target.table('create table s.t (id int)')
    done = ctl('export', '--sql', 'select 1 as id', '-o', 'table:dwh/s.t',
               sections=target.sections(), env=KEYS)
    assert done.returncode == 0, done.stderr
    assert target.rows('select * from s.t') == [(1,)]
    assert target.ledger() == [] and shelf.keys() == []


def test_it_is_registered_with_its_type(db, target, ready):
    assert db.query('select target, type from reportd.report_target') == [('dwh', 'redshift')]
    with pytest.raises(psycopg.errors.InvalidParameterValue, match='needs "key"'):
        load(db, 's.t', 'select 1', options={'mode': 'upsert'})
