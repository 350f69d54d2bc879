# SPDX-License-Identifier: MIT
"""What holds for all formats: several of them, several statements, options."""

import collections
import gzip
import hashlib
import json
import random
import re

import psycopg
import pytest

from lib import duckdb, process, report
from lib.wait import wait_for
from test_engine_shared import (done, engine, failure, file_of, files,  # noqa: F401
                                output, running_engine)

BOTH = pytest.mark.parametrize('source', ['default', 'typed'])


def refused(db, **columns):
    with pytest.raises(psycopg.Error) as error:
        report.submit(db, **columns)
    assert error.value.sqlstate == '22023', error.value
    return error.value.diag.message_primary


# Options.

# One format; what the INSERT says is what the programs say.
WRONG = [
    {'colour': 1},
    {'columns': []},
    {'columns': {'a': 1}},
    {'columns': {'a': {'wdith': 1}}},
    {'columns': {'a.b': {'label': 1}}},
    {'max_rows': 0},
    {'max_rows': 1.5},
    {'max_rows': '1'},
    {'max_rows': -7},
    {'skip_if_empty': 'no'},
    {'compress': 'lzma'},
    {'quote': 'some'},
    {'header': 1},
]
WRONG_XLSX = [
    {'delimiter': ';'},
    {'title': 1},
    {'columns': {'a': {'width': '12'}}},
    {'columns': {'a': {'width': 0}}},
    {'columns': {'a': {'width': 255.5}}},
    {'columns': {'a': {'align': 'middle'}}},
    {'columns': {'a': {'total': 'sum', 'size': 1}}},
]
# The options of CSV and XLSX together.
WRONG_LIST = [
    {'colour': 1},
    {'CSV': []},
    {'CSV': {'colour': 1}},
    {'csv': {'delimiter': 1}},
    {'XLSX': {'max_rows': 1}},
    {'CSV': {'skip_if_empty': True}},
    {'EXCEL': {'sections': ['a']}},
    {'EXCEL': {'colour': 1}},
    {'max_rows': 0},
    {'columns': {'a': {'label': 1}}},
    {'XLSX': {'columns': {'a': {'width': 'x'}}}},
]


@pytest.mark.parametrize('formats, options', [
    *(('CSV', o) for o in WRONG), *(('XLSX', o) for o in WRONG + WRONG_XLSX if o not in (
        {'quote': 'some'}, {'header': 1}, {'compress': 'lzma'})),
    *(('CSV,XLSX', o) for o in WRONG_LIST)], ids=str)
def test_the_insert_and_the_programs_say_the_same_of_an_option(engine, formats, options):
    # The INSERT gets it as jsonb, which has an order of its own.
    options = engine.db.value('select %s::jsonb', json.dumps(options))
    says = refused(engine.db, output_format=formats, output_options=options,
                   output_path='x.{ext}')
    args = [arg for key, value in options.items()
            for arg in ('--option', f'{key}={json.dumps(value)}')]
    told = process.reportctl(engine.conf, 'export', '--sql', 'select 1 as a',
                             '--format', formats, '-o', 'x.{ext}', *args)
    assert told.returncode != 0
    assert says in told.stderr


def test_a_nested_mistake_is_named_by_its_path(engine):
    assert refused(engine.db, output_format='XLSX',
                   output_options={'columns': {'amount': {'wdith': 12}}}) == (
        'output_options: "columns.amount" has no option "wdith"; '
        'known: label, format, width, align, total')


@BOTH
def test_labels_stand_in_the_header(engine, source):
    query = 'select 1 as a, 2 as b'
    options = {'columns': {'a': {'label': 'Größe, "in" cm'}}}
    assert output(engine.db, export_sql=query, source=source,
                  output_options=options).decode() == '"Größe, ""in"" cm",b\n1,2\n'
    assert output(engine.db, export_sql=query, source=source, output_options={
        **options, 'header': False}) == b'1,2\n'
    assert output(engine.db, export_sql=query, source=source, output_options={
        **options, 'encoding': 'LATIN1', 'delimiter': ';'}) == (
            '"Größe, ""in"" cm";b\n1;2\n'.encode('latin-1'))
    assert output(engine.db, export_sql=query, source=source, output_options={
        **options, 'bom': True}).decode() == '\ufeff"Größe, ""in"" cm",b\n1,2\n'


@BOTH
def test_a_label_of_no_column_fails_before_rows_are_read(engine, source):
    run = failure(engine.db, export_sql='select 1 as a', source=source, max_retries=3,
                  output_options={'columns': {'b': {'label': 'B'}}})
    assert 'output_options: "columns.b": the result has no such column; its columns: a' in run.error_message


@BOTH
@pytest.mark.parametrize('options', [{}, {'line_ending': 'crlf'}], ids=str)
def test_max_rows_cuts_and_says_so(engine, source, options):
    for rows, cut in [(3, False), (4, True), (5000, True)]:
        query = f'select n from generate_series(1, {rows}) n order by n -- comment'
        run = done(engine.db, export_sql=query, source=source,
                   output_options={**options, 'max_rows': 3})
        assert file_of(run.output_url).read_bytes().split() == [b'n', b'1', b'2', b'3']
        assert run.row_count == 3
        assert run.remark == (
            'cut after 3 rows by max_rows; there are more' if cut else None)


@BOTH
def test_max_rows_of_what_is_no_query(engine, source):
    run = done(engine.db, export_sql='explain select 1 where random() < 2', source=source,
               output_options={'max_rows': 1})
    assert run.row_count == 1 and 'cut after 1 row by' in run.remark


def test_max_rows_does_not_read_the_rest(engine):
    """A result that would take for ever."""
    run = done(engine.db, output_options={'max_rows': 2},
               export_sql='select generate_series(1, 100000000000) as n')
    assert run.row_count == 2


@BOTH
@pytest.mark.parametrize('options', [{}, {'line_ending': 'crlf'}], ids=str)
def test_an_empty_result_can_be_skipped(engine, source, options):
    before = files(engine.out)
    run = done(engine.db, export_sql='select 1 as a where false', source=source,
               output_options={**options, 'skip_if_empty': True}, output_path='skipped.csv')
    assert (run.row_count, run.output_url, run.sha256) == (0, None, None)
    assert run.remark == 'no rows: no output was made'
    assert files(engine.out) == before
    run = done(engine.db, export_sql='select 1 as a', source=source,
               output_options={**options, 'skip_if_empty': True})
    assert file_of(run.output_url).exists() and run.remark is None


@BOTH
@pytest.mark.parametrize('options', [{}, {'quote': 'nonnumeric'}], ids=str)
def test_gzip(engine, source, options):
    run = done(engine.db, export_sql='select n from generate_series(1, 10000) n',
               source=source, output_options={**options, 'compress': 'gzip'})
    data = file_of(run.output_url).read_bytes()
    assert run.output_url.endswith('.csv.gz')
    assert gzip.decompress(data).split() == [b'n', *(b'%d' % n for n in range(1, 10001))]
    assert (run.byte_count, run.sha256) == (len(data), hashlib.sha256(data).hexdigest())


def test_zstd(engine):
    run = done(engine.db, output_options={'compress': 'zstd'})
    assert run.output_url.endswith('.csv.zst')
    assert file_of(run.output_url).read_bytes()[:4] == b'\x28\xb5\x2f\xfd'


# Several statements.

@BOTH
def test_each_statement_has_a_file(engine, source):
    run = done(engine.db, source=source, output_path='parts/{part}-of-many.{ext}',
               export_sql="select 1 as a; select ';' as b -- ; \n ; values (3), (4);")
    assert [file_of(o['url']).name for o in run.outputs] == [
        '1-of-many.csv', '2-of-many.csv', '3-of-many.csv']
    assert [file_of(o['url']).read_bytes() for o in run.outputs] == [
        b'a\n1\n', b'b\n;\n', b'column1\n3\n4\n']
    assert [(o['part'], o['rows'], o['format']) for o in run.outputs] == [
        (1, 1, 'CSV'), (2, 1, 'CSV'), (3, 2, 'CSV')]
    assert (run.output_url, run.sha256) == (
        run.outputs[0]['url'], run.outputs[0]['sha256'])
    assert (run.row_count, run.byte_count) == (4, 20)
    for one in run.outputs:
        data = file_of(one['url']).read_bytes()
        assert (one['bytes'], one['sha256']) == (len(data), hashlib.sha256(data).hexdigest())


def test_each_file_has_the_name_of_its_statement(engine):
    run = done(engine.db, output_path='named/{section}/x.{ext}',
               output_options={'sections': ['first', 'Zweite Tabelle']},
               export_sql='select 1 as a; select 2 as b')
    assert [file_of(o['url']).read_bytes() for o in run.outputs] == [b'a\n1\n', b'b\n2\n']
    assert files(engine.out / 'named') == ['Zweite Tabelle/x.csv', 'first/x.csv']
    one = done(engine.db, output_path='alone/{section}.{ext}', output_format='XLSX',
               output_options={'sections': ['sheet']}, export_sql='select 1 as a')
    assert file_of(one.output_url).name == 'sheet.xlsx'


def test_two_names_that_become_one_file_fail(engine):
    run = failure(engine.db, output_path='hidden/{section}.csv',
                  output_options={'sections': ['.a', '_a']},
                  export_sql='select 1 as a; select 2 as b')
    assert 'leads two results to one file' in run.error_message
    assert run.error_message.partition('one file, ')[2].startswith(f'{engine.out}/hidden/_a.csv')


@BOTH
@pytest.mark.parametrize('options', [{}, {'line_ending': 'crlf'}], ids=str)
def test_all_statements_see_one_snapshot(engine, source, options):
    db = engine.db
    db.execute('create table if not exists seen (a int)')
    db.execute('truncate seen')
    with db.connect() as conn:
        conn.execute('select pg_advisory_lock(77)')
        config_id = report.submit(
            db, source=source, output_path='snapshot{part}.csv', output_options=options,
            export_sql='select count(*) from seen; '
            'select count(*) from (select pg_advisory_xact_lock_shared(77)) gate; '
            'select count(*) from seen')
        wait_for(lambda: db.value("select count(*) from pg_locks where not granted "
                                  "and locktype = 'advisory' and objid = 77"), 30, 'the gate')
        db.execute('insert into seen values (1)')
    report.wait_done(db, config_id)
    run = report.runs(db, config_id)[-1]
    assert [file_of(o['url']).read_bytes().split()[1] for o in run.outputs] == [
        b'0', b'1', b'0']


def test_an_error_names_the_statement(engine):
    run = failure(engine.db, export_sql='select 1; select 1 / 0; select 3',
                  output_path='broken{part}.csv', max_retries=3)
    assert 'statement 2 of 3: division by zero' in run.error_message
    assert not [name for name in files(engine.out) if name.startswith('broken')]


@pytest.mark.parametrize('columns, says', [
    ({'export_sql': 'select 1; select 2'},
     'export_sql has 2 statements and a CSV file holds the result of one: '
     'put {part} or {section} into output_path'),
    ({'export_sql': 'select 1; select 2', 'output_path': 'x.csv'}, '{part}'),
    ({'export_sql': 'select 1; select 2; select 3', 'output_format': 'XLSX,CSV',
      'output_path': 'x.{ext}'}, 'has 3 statements and a CSV file'),
    ({'output_format': 'CSV,XLSX', 'output_path': 'x.csv'}, '{ext}'),
    ({'output_format': 'CSV,DOCX'}, '"DOCX"'),
    ({'output_format': 'CSV,'}, '""'),
    ({'output_format': 'CSV,csv'}, 'names CSV twice'),
    ({'output_format': 'XLSX,EXCEL'}, 'names XLSX twice'),
    ({'parameters': {'part': 1}}, '"part" is built in'),
    ({'export_sql': 'select 1; select 2', 'output_path': '{section}.csv'},
     '"sections" does not name the result of each statement'),
    ({'export_sql': 'select 1; select 2', 'output_path': '{section}.csv',
      'output_options': {'sections': ['a', 'a']}}, '"sections" does not name the result of each statement'),
    ({'export_sql': 'select 1', 'output_path': '{section}.csv',
      'output_options': {'sections': ['a/b']}}, '"sections" does not name the result of each statement'),
    ({'export_sql': 'select 1; select 2', 'output_path': '{section}.xlsx',
      'output_format': 'XLSX', 'output_options': {'sections': ['a', 'b']}},
     'a XLSX file holds the results of all statements'),
], ids=str)
def test_outputs_that_cannot_be_told_apart_are_refused(engine, columns, says):
    assert says in refused(engine.db, **columns)


def counted_by_the_program(conf, query):
    """How many statements the C lexer sees: each would be a file; None: one has no end."""
    told = process.reportctl(conf, 'export', '--sql', query, '--format', 'CSV',
                             '--source', 'none').stderr
    if 'is not closed: ' in told:
        return None
    if 'the query is empty' in told:
        return 0
    many = re.search(r'this makes (\d+) files', told)
    return int(many[1]) if many else 1


def counted_by_the_insert(db, query):
    unclosed, count = db.row(
        'select (reportd.scan_sql(%s)).unclosed, reportd.statement_count(%s)', query, query)
    try:
        db.execute("select reportd.check_closed('export_sql', %s)", query)
    except psycopg.errors.InvalidParameterValue as e:
        assert unclosed and f'export_sql: {unclosed} is not closed' in str(e)
    return None if unclosed else count


def test_a_text_is_read_in_one_pass(db):
    """One that goes back for each quote takes minutes for these."""
    db.execute("set statement_timeout = '30s'")
    for part in "$a$ $b$ ", "e'' '' ", ":'a' ", "'' ", '"a" ', '/* */ ':
        assert db.value('select reportd.statement_count(%s || repeat(%s, 80000))',
                        'select ', part) == 1
    db.execute('reset statement_timeout')


STATEMENTS = [
    'select 1', 'select 1;', ';;select 1;;', 'select 1; select 2', "select ';'",
    "select ';;''; '; select 2", 'select ";"; select 1', "select e'\\';'; select 2",
    "select e'a'\n  ';\\'' ; select 2", "select 'a'\n';'; select 2", "select $$;$$",
    'select $a$ ; $$ ; $a$; select 2', 'select $1; select 2', 'select a$b$;c$b$',
    'select $ä$;$ä$', '-- ;\nselect 1', 'select 1 -- ; \n; -- ;', '/* ; */ select 1; /* ; */',
    '/* ; /* ; */ ; */ select 1; select 2', '(select 1; )', 'select (1;2)', 'select ); select 2',
    "select U&'\\0041;'; select 1", "select n'\\'; select 1", "select 1e';\\';'; select 2",
    'select "a;""b;"', "select 'unended ; ; ", 'select "unended ;', 'select $$ unended ;',
    'select 1; /* unended ;', '/* only */', '; ; ;', "select x'\\'; select ';'",
    "select E'\\\\'; select 2", 'select 1;\f\vselect 2', 'select é$a$;$a$; select 1',
]


@pytest.mark.parametrize('query', STATEMENTS)
def test_the_insert_counts_statements_as_the_program_does(engine, query):
    for text in query, query + '\n; select 0; select 0':
        assert counted_by_the_insert(engine.db, text) == (
            counted_by_the_program(engine.conf, text))


def test_random_texts_are_counted_alike(engine):
    pieces = ["'", '"', ';', ' ', '\n', '$$', '$a$', '$', 'a', 'E', "e'", '\\', '--', '/*',
              '*/', '(', ')', '1', 'é', "''", '_']
    dice = random.Random(4)
    for _ in range(150):
        query = ''.join(dice.choices(pieces, k=dice.randint(1, 25)))
        query += dice.choice(['', '\n--', ';\n; select 1'])
        assert counted_by_the_insert(engine.db, query) == (
            counted_by_the_program(engine.conf, query)), query


@pytest.mark.parametrize('query, unclosed', [
    ("select 'it''s", "a text '"), ("select e'it\\'", "a text '"), ('select 1 "a', 'a name "'),
    ('select $a$ $b$', 'a text $a$'), ('select 1 /* a /* b */', 'a comment /*'),
    ("select 'a' as b, '", "a text '")])
def test_a_quote_that_is_not_closed_is_refused(engine, query, unclosed):
    for columns in {'export_sql': query}, {'export_sql': 'select 1', 'prep_sql': query}:
        assert f'{"prep" if "prep_sql" in columns else "export"}_sql: {unclosed} is not closed' \
            in refused(engine.db, **columns)
    done = process.reportctl(engine.conf, 'export', '--sql', query, '--source', 'none')
    assert 'export_sql: a quote or a comment is not closed: ' in done.stderr
    assert "rollback" not in done.stderr


@pytest.mark.parametrize('query, says', [
    ('copy (select 1) to stdout', 'returns no rows to export (COPY); it must be a query'),
    ('select 1 \\gx', 'which begin with a backslash, do not work here'),
    ("select '\\a' \\\\ select 2", 'which begin with a backslash, do not work here')])
def test_what_is_no_query_is_told_in_words_that_exist(engine, query, says):
    for source in 'default', 'typed':
        run = done(engine.db, source=source, export_sql=query, status='FAILED', max_retries=0)
        assert says in run.error_message


# Several formats.

@BOTH
def test_several_formats_from_one_reading(engine, source):
    db = engine.db
    run = done(db, source=source, output_format='csv, xlsx', output_path='both/sales.{ext}',
               export_sql='select n, n * 1.5 as amount from generate_series(1, 1000) n',
               output_options={'CSV': {'delimiter': ';'}, 'title': 'Sales',
                               'EXCEL': {'title': 'Sold'},
                               'columns': {'n': {'label': 'Nr', 'total': 'sum'}}})
    assert [(o['format'], file_of(o['url']).name, o['rows']) for o in run.outputs] == [
        ('CSV', 'sales.csv', 1000), ('XLSX', 'sales.xlsx', 1000)]
    lines = file_of(run.outputs[0]['url']).read_text().splitlines()
    assert lines[:2] == ['Nr;amount', '1;1.5'] and len(lines) == 1001
    assert file_of(run.outputs[1]['url']).read_bytes()[:4] == b'PK\x03\x04'
    assert run.row_count == 1000
    assert run.byte_count == sum(o['bytes'] for o in run.outputs)
    assert db.value('select output_format from reportd.report_config '
                    'where config_id = %s', run.config_id) == 'CSV,XLSX'


def test_the_default_path_serves_several_formats(engine):
    run = done(engine.db, output_format='CSV,XLSX')
    assert [o['url'].rsplit('.', 1)[1] for o in run.outputs] == ['csv', 'xlsx']


def test_several_formats_and_statements(engine):
    run = done(engine.db, output_format='XLSX,CSV', output_path='mixed/{part}.{ext}',
               export_sql='select 1 as a; select 2 as b')
    assert [file_of(o['url']).name for o in run.outputs] == ['1.xlsx', '1.csv', '2.csv']
    assert [o['rows'] for o in run.outputs] == [2, 1, 1]


def test_no_output_appears_when_one_of_them_fails(engine):
    (engine.out / 'half').mkdir(exist_ok=True)
    run = failure(engine.db, output_format='XLSX,CSV', output_path='half/x.{ext}',
                  export_sql="select 'Ω' as a", output_options={'CSV': {'encoding': 'LATIN1'}})
    assert 'LATIN1' in run.error_message
    assert files(engine.out / 'half') == []


def test_a_retry_replaces_all_outputs(engine):
    """What an attempt left that died between its publishes."""
    where = engine.out / 'again'
    where.mkdir(exist_ok=True)
    (where / 'x.csv').write_text('of an earlier attempt')
    run = done(engine.db, output_format='CSV,XLSX', output_path='again/x.{ext}')
    assert files(where) == ['x.csv', 'x.xlsx']
    assert (where / 'x.csv').read_text() == 'one\n1\n'
    assert run.outputs[0]['url'] == run.output_url


def test_a_list_of_one_name_may_have_blanks(engine):
    run = done(engine.db, output_format=' CSV ')
    assert run.outputs is None and run.output_url.endswith('.csv')


# Partitions.

SALES = """select n as id, case n % 3 when 0 then 'North' when 1 then 'a/b=%' end as region,
    date '2026-01-01' + n % 2 as day, n * 1.5 as amount from generate_series(1, 3000) n"""


@BOTH
def test_partitions_make_a_tree(engine, source):
    run = done(engine.db, export_sql=SALES, source=source, output_format='PARQUET',
               output_options={'partition_by': ['region', 'day']},
               output_path=f'tree-{source}/{{partition}}/part.{{ext}}')
    root = engine.out / f'tree-{source}'
    assert files(root) == sorted(
        f'region={region}/day=2026-01-0{day}/part.parquet'
        for region in ('North', 'a%2Fb%3D%25', '__HIVE_DEFAULT_PARTITION__')
        for day in (1, 2))
    assert (run.row_count, sum(o['rows'] for o in run.outputs)) == (3000, 3000)
    assert {o['rows'] for o in run.outputs} == {500}
    assert run.output_url == run.outputs[0]['url']
    assert run.byte_count == sum(o['bytes'] for o in run.outputs)
    for one in run.outputs:
        data = file_of(one['url']).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (one['bytes'], one['sha256'])


@pytest.fixture(scope='module')
def duck():
    if not duckdb.available():
        pytest.skip('npm is not installed')
    duck = duckdb.DuckDB()
    yield duck
    duck.close()


def test_the_tree_is_what_others_read(engine, duck):
    done(engine.db, export_sql=SALES, output_format='PARQUET',
         output_options={'partition_by': ['region', 'day']},
         output_path='read/{partition}/part.{ext}')
    assert duck.query(f"""
        select region, day::text as d, count(*)::int, sum(amount)::int, min(id)::int
        from read_parquet('{engine.out}/read/**/*.parquet', hive_partitioning = true)
        group by all order by region nulls last, d""") == engine.db.execute(f"""
        select region, day::text, count(*)::int, sum(amount)::int, min(id)
        from ({SALES}) s group by 1, 2 order by region collate "C", 2""").fetchall()


# Values that are equal in pairs, of other texts, in turns.
EQUAL = {
    'numeric': ['1.5', '1.50', '0.0', '0.00'],
    'float8': ['0', '-0', '1e+300', '0.1'],
    'interval': ['1 day', '24:00:00', '1 mon', '30 days'],
    'citext': ['A', 'a', 'Ä', 'ä'],
    'text collate folded': ['A', 'a', 'b', 'B'],
    # No ordering at all, and casts of their own.
    'json': ['{"a":1}', '{"a": 1}', '1', '1.0'],
    'point': ['(1,2)', '(0,-0)', '(0,0)', '(2,1)'],
    'bool': ['t', 'f', 't', 'f'],
    'inet': ['10.0.0.1', '10.0.0.1/8', '::1', '10.0.0.0/8'],
}


@pytest.mark.parametrize('type', EQUAL)
def test_the_text_of_a_value_names_its_partition(engine, duck, type):
    engine.db.execute("""create extension if not exists citext;
        create collation if not exists folded
            (provider = icu, deterministic = false, locale = 'und-u-ks-level2')""")
    root = type.split()[0] + ('-folded' if ' ' in type else '')
    texts = ', '.join(f"('{text}')" for text in EQUAL[type])
    run = done(engine.db, export_sql=f"""
        select n as id, t::{type} as p from generate_series(1, 100) n,
            (values {texts}) v(t) order by n""", output_format='PARQUET',
               output_path=f'equal-{root}/{{partition}}/x.{{ext}}',
               output_options={'partition_by': ['p']})
    counts = collections.Counter(EQUAL[type])
    assert len(run.outputs) == len(counts)
    got = dict(duck.query(f"""select p, count(distinct id)::int from read_parquet(
        '{engine.out}/equal-{root}/**/*.parquet', hive_partitioning = true,
        hive_types = {{'p': varchar}}) group by p"""))
    assert {key: got[key] for key in counts} == dict.fromkeys(counts, 100)


def test_an_empty_text_is_in_the_directory_of_null(engine, duck):
    run = done(engine.db, export_sql="""select n as id, case n % 3 when 0 then '' when 1 then 'x' end
        as p, n % 2 as q from generate_series(1, 60) n""", output_format='PARQUET',
               output_path='blank/{partition}/x.{ext}', output_options={'partition_by': ['p', 'q']})
    assert run.remark == "partition_by: '' is in the directory of NULL"
    assert len(run.outputs) == 4
    assert duck.query(f"""select p, q::text, count(*)::int from read_parquet(
        '{engine.out}/blank/**/*.parquet', hive_partitioning = true)
        group by all order by all""") == [('x', '0', 10), ('x', '1', 10), (None, '0', 20),
                                          (None, '1', 20)]


def test_partitions_beside_another_format(engine):
    assert 'CSV makes no partitions' in refused(
        engine.db, export_sql='select n, n % 3 as p from generate_series(1, 9) n',
        output_format='CSV,PARQUET', output_path='beside/{partition}x.{ext}',
        output_options={'PARQUET': {'partition_by': ['p']}})


def test_more_partitions_than_files_may_be_open_at_first(engine):
    run = done(engine.db, export_sql='select n, n % 700 as p from generate_series(1, 1400) n',
               output_format='PARQUET', output_path='many/{partition}/x.{ext}',
               output_options={'partition_by': ['p']}, within=60)
    assert len(run.outputs) == 700 and len(files(engine.out / 'many')) == 700


@pytest.mark.parametrize('columns, says', [
    ({'export_sql': 'select n, n as p from generate_series(1, 1001) n'},
     'more than 1000 files'),
    ({'export_sql': 'select 1 as a, 2 as q'}, '"partition_by[0]": the result has no column "p"; '
     'its columns: a, q'),
    # A statement that cannot be sorted by its columns.
    ({'export_sql': 'show work_mem'}, 'the result has no column "p"; its columns: work_mem'),
    ({'export_sql': 'select 1 as a, 2 as p, 3 as p'}, 'do not tell columns "p" and "p" apart'),
    ({'export_sql': 'select 1 as a; ', 'parameters': None,
      'prep_sql': 'select 1'}, 'the result has no column "p"; its columns: a'),
    ({'export_sql': 'select 1 as p'}, 'leaves no column'),
    ({'export_sql': 'select 1 as p, 2 as "P", 3 as a'}, 'readers do not tell columns "p" and "P"'),
    ({'export_sql': 'select 1 as "Id", 2 as id, 3 as p'}, 'readers do not tell columns "Id" and '
     '"id" apart'),
    ({'export_sql': """select n as a, case n when 2 then '__HIVE_DEFAULT_PARTITION__' end as p
        from generate_series(1, 2) n"""}, 'which stands for NULL in the names of directories'),
    ({'export_sql': "select 1 as a, repeat('x', 300) as p"}, 'File name too long'),
    ({'export_sql': "select 1 as a, repeat('x', 5000) as p"}, 'too long for a path'),
    ({'export_sql': "select n / (500 - n) as a, n % 3 as p from generate_series(1, 500) n"},
     'division by zero'),
], ids=str)
def test_partitions_that_fail_leave_nothing(engine, columns, says):
    run = failure(engine.db, output_format='PARQUET', output_path='failed/{partition}/x.{ext}',
                  output_options={'partition_by': ['p']}, **columns)
    assert says in run.error_message
    assert not (engine.out / 'failed').exists() or files(engine.out / 'failed') == []


def test_no_rows_are_no_partitions(engine):
    run = done(engine.db, export_sql='select 1 as a, 2 as p where false',
               output_format='PARQUET', output_path='none/{partition}/x.{ext}',
               output_options={'partition_by': ['p']})
    assert (run.output_url, run.outputs) == (None, None)
    assert run.remark == 'no rows: no output was made'


def test_partitions_need_their_place_in_the_path(engine):
    for path in 'x.parquet', None:
        assert 'put {partition} into output_path' in refused(
            engine.db, output_format='PARQUET', output_path=path,
            output_options={'partition_by': ['p']})


# Rows of any size.

@pytest.fixture(scope='module')
def small(cluster, template, tmp_path_factory):
    """A daemon whose workers have little memory."""
    with running_engine(cluster, template, tmp_path_factory.mktemp('small'), workers=1,
                        worker_memory='192MB') as engine:
        yield engine


@pytest.mark.shipped
@BOTH
@pytest.mark.parametrize('options', [{}, {'line_ending': 'crlf'}], ids=str)
def test_a_row_that_does_not_fit_is_an_error_of_its_own(small, source, options):
    run = failure(small.db, export_sql="select repeat('x', 400000000) as a", source=source,
                  output_options=options, max_retries=3)
    assert 'a row of the result does not fit into memory' in run.error_message
    assert 'worker_memory' in run.error_message
    assert output(small.db, source=source, output_options=options).split() == [b'one', b'1']


@pytest.mark.shipped
@BOTH
@pytest.mark.parametrize('options', [{}, {'line_ending': 'crlf'}], ids=str)
def test_a_large_row_leaves_no_memory_behind(small, source, options):
    """Two of them one after the other, by the same worker."""
    for _ in range(2):
        run = done(small.db, export_sql="select repeat('x', 30000000) as a", source=source,
                   output_options=options)
        assert run.byte_count in (30000003, 30000005)
    workers = process.children(small.daemon.pid)
    assert max(rss_mib(pid) for pid in workers) < 64


def rss_mib(pid):
    with open(f'/proc/{pid}/status', encoding='ascii') as status:
        return next(int(line.split()[1]) for line in status
                    if line.startswith('VmRSS')) // 1024
