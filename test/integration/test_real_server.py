# SPDX-License-Identifier: MIT
"""Data that others wrote and that every server brings: its settings and its
functions, with long and many-line texts, lists and gaps, through every format."""

import csv
import json
import re
import shutil

import pytest

from lib import npm, pdf, process, shown
from lib.duckdb import DuckDB
from test_format_pdf import check_clear

pytestmark = [pytest.mark.shipped, pytest.mark.skipif(
    not (npm.available() and pdf.available() and
         shutil.which('chromium')), reason='a program that reads the files is missing')]

NAME = 's000'
SETS = {
    'settings': """select name, unit, category, short_desc, extra_desc, context, vartype,
        min_val, max_val, enumvals, boot_val from pg_settings where vartype <> 'string'""",
    'functions': """select oid::int8::int4 as number, proname as name, pronargs as arguments,
        proisstrict as strict, procost as cost, proargnames as names, prosrc as text,
        obj_description(oid, 'pg_proc') as description from pg_proc
        where pronamespace = 'pg_catalog'::regnamespace order by length(prosrc) desc, oid limit 150"""}


@pytest.fixture(scope='module', params=SETS)
def table(cluster, tmp_path_factory, request):
    """A table of the set; export(format) makes its file."""
    db = cluster.create()
    folder = tmp_path_factory.mktemp(request.param)
    conf = process.write_conf(folder / 'reportd.conf', db)
    db.execute(f'create table real as select row_number() over () as n, t.* from '
               f'({SETS[request.param]}) t')
    db.names = [row.attname for row in db.query(
        "select attname from pg_attribute where attrelid = 'real'::regclass and attnum > 1 "
        'order by attnum')]

    def export(name, **options):
        path = folder / f'real.{name.lower()}'
        words = [f'--option={key}={json.dumps(value)}' for key, value in options.items()]
        fields = ', '.join(f'"{name}"' for name in db.names)
        done = process.reportctl(conf, 'export', '-o', path, *words, '--sql', (
            f"""select '#{NAME}#' || n || '#' as "@n@", {fields} from real order by n"""))
        assert done.returncode == 0, done.stderr
        return path
    db.export = export
    yield db
    db.drop()


def texts(db, yes='t', no='f'):
    """Each row's texts, as PostgreSQL writes them."""
    fields = ', '.join(f"""format('%s', "{name}")""" for name in db.names)
    kinds = db.query("select atttypid = 'bool'::regtype from pg_attribute "
                     "where attrelid = 'real'::regclass and attnum > 1 order by attnum")
    return {n: [{'t': yes, 'f': no}[text] if is_bool[0] and text else text
                for is_bool, text in zip(kinds, row, strict=True)]
            for n, row in db.query(f'select n, array[{fields}] from real order by n')}


def compare(found, wanted, same=lambda got, want: got == want):
    assert found.keys() == wanted.keys() and len(wanted) > 100
    wrong = [(n, got, want) for n, row in wanted.items()
             for got, want in zip(found[n], row, strict=True) if not same(got or '', want)]
    assert not wrong, (len(wrong), wrong[0])


def test_csv(table):
    with open(table.export('CSV'), newline='') as lines:
        compare(shown.of_rows(csv.reader(lines)), texts(table))


def test_json(table):
    rows = [json.loads(line) for line in table.export('JSONL').read_text().splitlines()]
    assert json.loads(table.export('JSON').read_text()) == rows
    wanted = [row[0] for row in table.query('select to_jsonb(r) - \'n\' from real r order by n')]
    assert [{key: value for key, value in row.items() if key != '@n@'} for row in rows] == wanted


def test_parquet(table):
    duckdb = DuckDB()
    try:
        rows = duckdb.query(f"select * from '{table.export('PARQUET')}'")
    finally:
        duckdb.close()
    wanted = [[*row] for row in table.query(
        'select {} from real order by n'.format(', '.join(f'"{name}"' for name in table.names)))]
    assert [[*row[1:]] for row in rows] == wanted


def test_xlsx(table):
    path = table.export('XLSX', sections=[NAME])
    wanted = texts(table, 'TRUE', 'FALSE')

    def same(got, want):
        return got.replace('\r\n', '\n').strip(' ') == want.replace('\r\n', '\n').strip(' ')
    compare(shown.read_sheetjs(path)[NAME], wanted, same)


def test_html(table):
    compare(shown.read_html(table.export('HTML'))[NAME], texts(table, 'true', 'false'),
            shown.same_in_browser)


def test_pdf(table):
    """Nothing is cut, nothing lies over something else."""
    path = table.export('PDF', repeat_columns=0)
    check_clear(path)
    wanted = shown.letters(text for row in texts(table, 'true', 'false').values() for text in row)
    assert not wanted - shown.letters(pdf.pages(path, '-raw'))
    assert re.search(r'Page 1 of \d+', pdf.pages(path)[0])
