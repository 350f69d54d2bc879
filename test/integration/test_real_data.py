# SPDX-License-Identifier: MIT
"""Data that others wrote: the countries of the world, with names in many
scripts, through every format and back."""

import csv
import decimal
import json
import re
import shutil

import pytest

from lib import npm, pdf, process, shown, workbook
from lib.duckdb import DuckDB

PACKAGE = 'world-countries@5.1.0'

pytestmark = [pytest.mark.shipped, pytest.mark.skipif(
    not (npm.available() and workbook.available() and pdf.available() and
         shutil.which('chromium')), reason='a program that reads the files is missing')]

TABLE = """
    create table country as select
        row_number() over (order by j->>'cca2' collate "C") as n,
        j->>'cca2' as code,
        j->'name'->>'common' as name,
        j->'name'->>'official' as official,
        array(select jsonb_array_elements_text(j->'capital')) as capital,
        array(select jsonb_array_elements_text(j->'borders')) as borders,
        j->'languages' as languages,
        (j->'latlng'->>0)::float8 as latitude,
        (j->>'area')::numeric as area,
        (j->>'landlocked')::bool as landlocked,
        (j->>'independent')::bool as independent,
        j->>'flag' as flag,
        j->'translations'->'ara'->>'official' as arabic,
        j->'translations'->'zho'->>'official' as chinese
    from source"""
COLUMNS = ['code', 'name', 'official', 'capital', 'borders', 'languages', 'latitude', 'area',
           'landlocked', 'independent', 'flag', 'arabic', 'chinese']
NAMES = ['name', 'official', 'capital', 'area', 'landlocked', 'arabic', 'chinese']
NAME = 's000'


def query(fields):
    return (f"""select '#{NAME}#' || n || '#' as "@n@", {', '.join(fields)} """
            'from country order by n')


@pytest.fixture(scope='module')
def world():
    """The countries as the package's JSON has them: by number, a dict each."""
    source = npm.install(PACKAGE) / 'world-countries/countries.json'
    found = sorted(shown.load_json(source.read_text()), key=lambda one: one['cca2'])
    return {number: {
        'code': one['cca2'], 'name': one['name']['common'],
        'official': one['name']['official'], 'capital': one['capital'],
        'borders': one['borders'], 'languages': one['languages'],
        'latitude': one['latlng'][0], 'area': one['area'],
        'landlocked': one['landlocked'], 'independent': one['independent'],
        'flag': one['flag'], 'arabic': one['translations']['ara']['official'],
        'chinese': one['translations']['zho']['official'],
    } for number, one in enumerate(found, 1)}


@pytest.fixture(scope='module')
def export(cluster, tmp_path_factory):
    """export(format) makes the report and says where it is."""
    db = cluster.create()
    folder = tmp_path_factory.mktemp('world')
    conf = process.write_conf(folder / 'reportd.conf', db)
    source = npm.install(PACKAGE) / 'world-countries/countries.json'
    db.execute('create table source as select jsonb_array_elements(%s::jsonb) as j',
               source.read_text())
    db.execute(TABLE)

    def run(name, fields=COLUMNS, **options):
        path = folder / f'world.{name.lower()}'
        words = [f'--option={key}={json.dumps(value)}' for key, value in options.items()]
        done = process.reportctl(conf, 'export', '--sql', query(fields), '-o', path,
                                 '--time-zone', shown.ZONE,
                                 *words)
        assert done.returncode == 0, done.stderr
        return path
    yield run
    db.drop()


def array(items):
    """A list as PostgreSQL writes it."""
    return '{%s}' % ','.join(
        f'"{item}"' if re.search(r'[\s,"{}\\]', item) or not item else item
        for item in items)


def seen(value, yes='true', no='false'):
    """How a person sees a value of the JSON."""
    if isinstance(value, bool):
        return yes if value else no
    if isinstance(value, list):
        return array(value)
    return '' if value is None else value


def compare(found, world, same):
    assert found.keys() == world.keys()
    wrong = [f'{number} {column}: shows {got!r}, should show {one[column]!r}'
             for number, one in world.items()
             for column, got in zip(COLUMNS, found[number], strict=True)
             if not same(column, got, one[column])]
    assert not wrong


def same_text(column, got, value):
    got = got or ''
    if column == 'languages':
        return json.loads(got) == value
    # JavaScript wrote 180 where it could have been 180.0.
    if column in ('latitude', 'area'):
        return float(got) == float(value)
    return got == seen(value)


def same_in_sheet(column, got, value):
    if column in ('landlocked', 'independent'):
        return (got or '') == seen(value, 'TRUE', 'FALSE')
    if column == 'latitude':
        # General shows 11 characters.
        return float(got) == pytest.approx(float(value), abs=1e-6)
    return same_text(column, got, value)


def test_csv(export, world):
    with open(export('CSV'), newline='') as lines:
        found = shown.of_rows(csv.reader(lines))
    compare(found, world, lambda column, got, value: (
        got == seen(value, 't', 'f') if isinstance(value, bool)
        else same_text(column, got, value)))


def test_json(export, world):
    rows = shown.load_json(export('JSON').read_text())
    lines = export('JSONL').read_text().splitlines()
    assert rows == [*map(shown.load_json, lines)]
    found = {number: [*row.values()][1:] for number, row in enumerate(rows, 1)}
    compare(found, world, lambda column, got, value: got == value)


def test_parquet(export, world):
    duckdb = DuckDB()
    try:
        path = export('PARQUET')
        rows = duckdb.query(f"select * from '{path}'")
        total = duckdb.value(f"select sum(area)::double from '{path}'")
    finally:
        duckdb.close()
    found = {number: row[1:] for number, row in enumerate(rows, 1)}
    compare(found, world, lambda column, got, value: (
        json.loads(got) == value if column == 'languages'
        else float(got) == float(value) if column in ('latitude', 'area')
        else got == value))
    assert total == pytest.approx(sum(float(one['area']) for one in world.values()))


def test_xlsx(export, world, tmp_path):
    area = str(sum(decimal.Decimal(one['area']) for one in world.values()))
    path = export('XLSX', sections=[NAME],
                  columns={'area': {'total': 'sum'}, 'name': {'total': 'count'}})
    for found in (shown.read_sheetjs(path), shown.read_libreoffice([path], tmp_path)):
        total = found[NAME].pop('Total')
        assert total[COLUMNS.index('name')] == f'count {len(world)}'
        assert total[COLUMNS.index('area')] == area
        compare(found[NAME], world, same_in_sheet)


def test_html(export, world):
    found = shown.read_html(export('HTML'))[NAME]
    compare(found, world, same_text)


def test_pdf(export, world):
    """Each country's row has all its letters, in whatever order they are drawn."""
    path = export('PDF', NAMES, title=pdf.TITLE, header=pdf.TITLE, footer=pdf.FOOTER)
    found = shown.read_pdf(path)[NAME]
    header = re.compile(r'\b(' + '|'.join(NAMES) + r')\b')
    wrong = []
    for number, one in world.items():
        got = shown.letters([header.sub('', found[number])])
        want = shown.letters([header.sub('', seen(one[column]))
                              for column in NAMES])
        if got != want:
            wrong.append((one['name'], want - got, got - want))
    assert not wrong
