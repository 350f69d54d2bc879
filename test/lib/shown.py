# SPDX-License-Identifier: MIT
"""Exports the table of lib.shown_expected as reports and reads them with other programs:
LibreOffice and SheetJS, chromium, poppler, DuckDB, psql.

Formats that hold several results get one result for each column of the table. It has two
columns; the first holds a mark such as #s012#3#, by which the row can be found on any
page. The other formats get all columns in one wide table."""

import collections
import csv
import json
import pathlib
import re
import subprocess

from psycopg import sql

from lib import browser, npm, pdf, workbook
from lib.duckdb import DuckDB
from lib.paths import environ
from lib.shown_expected import BARE, FORMATS, NONE, SETUP, TOTALS, TYPES

ZONE = 'Europe/Berlin'
PEOPLE = ['XLSX', 'PDF', 'HTML']
WIDE = ['CSV', 'JSONL', 'PARQUET']
SHEETJS = 'xlsx@0.18.5'
# sheets of a workbook
SHEETS = 50
HERE = pathlib.Path(__file__).resolve().parent
MARK = re.compile(r'#(s\d{3})#(\d+)#')


class Section:
    """A column of the table, with the name that it has in all files."""

    def __init__(self, number, kind, inputs, options, without=()):
        self.name = f's{number:03}'
        self.kind = kind
        self.inputs = inputs
        self.options = options
        self.without = without
        self.values = None      # values of the table, by row
        self.total = None

    @property
    def numbers(self):
        """Returns the rows to compare."""
        return ['Total'] if self.total else range(len(self.values))

    def input(self, number):
        return '+'.join(self.total.values) if self.total else self.values[number].input

    @property
    def query(self):
        return (f"""select '#{self.name}#' || n || '#' as "@n@", """
                f'v as "@{self.name}@" from {self.name} order by n')

    def create(self, db):
        name = sql.Identifier(self.name)
        kind = sql.SQL(self.kind)
        db.execute(sql.SQL('create table {} (n int, v {})').format(name, kind))
        insert = sql.SQL('insert into {} values (%s, %s)').format(name)
        for number, text in enumerate(self.inputs):
            db.execute(insert, number, text)

    def __str__(self):
        extra = ', '.join(f'{key} {text}' for key, text in self.options.items())
        return f'{self.kind} ({extra})' if extra else self.kind


def sections(db):
    """Creates the table in this database and returns its sections."""
    found = []
    version = db.connect().info.server_version // 10000
    for column in [*TYPES, *FORMATS]:
        if version < column.since:
            continue
        one = Section(len(found), column.kind, [v.input for v in column.values],
                      column.options, column.without)
        one.values, one.column = column.values, column
        found.append(one)
    for total in TOTALS:
        options = {'total': total.how}
        if total.code:
            options['format'] = total.code
        one = Section(len(found), total.kind, [*total.values, None], options)
        one.total = total
        found.append(one)
    db.execute("set timezone = 'UTC'")
    db.execute(SETUP)
    for one in found:
        one.create(db)
    return found


def for_format(sections, name):
    """Returns the sections that the format can show; only formats for people take
    options."""
    return [s for s in sections if name.lower() not in s.without and
            (name in PEOPLE or not s.options)]


def wide(sections):
    """Returns a query for all sections, with one row for each number."""
    rows = max(len(s.inputs) for s in sections)
    return ('select ' + ', '.join(
        ['n'] + [f'(select v from {s.name} where {s.name}.n = g.n) as "@{s.name}@"'
                 for s in sections]) + f' from generate_series(0, {rows - 1}) g(n)')


def export(ctl, sections, name, folder, stem=None):
    """Exports a report; returns its file, the sections in it, and the error messages for
    the others."""
    path = folder / f'{stem or name.lower()}.{name.lower()}'
    chosen, refused = list(sections), {}
    while True:
        query = (wide(chosen) if name in WIDE else
                 ';\n'.join(s.query for s in chosen))
        done = ctl('export', '--sql-file', '-', '-o', path, '--time-zone', ZONE,
                   *options_of(chosen, name), input=query)
        if done.returncode == 0:
            return path, chosen, refused
        # A section with a value that the format refuses must not hide the others.
        found = re.search(r'@(s\d\d\d)@', done.stderr)
        assert found and len(refused) < 50, done.stderr
        refused[found[1]] = done.stderr
        chosen = [s for s in chosen if s.name not in refused]


def workbooks(ctl, sections, folder):
    """Exports the sections to several workbooks, because the time that LibreOffice takes
    for a workbook grows with the square of its sheets. Returns as export, with all files."""
    paths, chosen, refused = [], [], {}
    for n in range(0, len(sections), SHEETS):
        part = export(ctl, sections[n:n + SHEETS], 'XLSX', folder, f'xlsx{n}')
        paths.append(part[0])
        chosen += part[1]
        refused |= part[2]
    return paths, chosen, refused


def options_of(sections, name):
    options = {}
    if name not in WIDE:
        options['sections'] = [s.name for s in sections]
    if name in PEOPLE:
        options['columns'] = {f'@{s.name}@': s.options
                              for s in sections if s.options}
    if name == 'PARQUET':
        options['out_of_range'] = 'null'
    if name == 'PDF':
        options |= {'header': TITLE, 'footer': FOOTER, 'title': TITLE}
    return [f'--option={key}={text if isinstance(text, str) else json.dumps(text)}'
            for key, text in options.items()]


# ---- readers: each returns {section: {row: text}}; the total's row is 'Total' ----

TITLE, FOOTER = pdf.TITLE, pdf.FOOTER


def of_rows(rows):
    """Returns the texts of a table's rows by the number in their mark: the text beside
    the mark, or a list of texts. The header has no mark and is skipped."""
    found = {}
    for mark, *cells in rows:
        if match := MARK.fullmatch(mark or ''):
            found[int(match[2])] = cells[0] if len(cells) == 1 else cells
        elif mark == 'Total':
            found['Total'] = cells[0] if len(cells) == 1 else cells
    return found


def sheetjs(*paths):
    """Returns {sheet: rows of texts} of all workbooks."""
    done = subprocess.run(['node', HERE / 'sheetjs.js', *paths], check=True,
                          capture_output=True, text=True,
                          env=environ(NODE_PATH=npm.install(SHEETJS)))
    return json.loads(done.stdout)


def read_sheetjs(*paths):
    return {name: of_rows(rows) for name, rows in sheetjs(*paths).items()}


def read_libreoffice(paths, folder):
    """Returns the cells of workbooks as LibreOffice shows them."""
    workbook.convert_all(paths, workbook.SHOWN, folder)
    found = {}
    for path in paths:
        for file in folder.glob(f'{path.stem}-s*.csv'):
            with open(file, newline='') as lines:
                found[file.stem.removeprefix(f'{path.stem}-')] = of_rows(
                    # Versions of LibreOffice differ in the zeros of an exponent.
                    [re.sub(r'(\dE[+-])0(\d\d)$', r'\1\2', cell) for cell in row]
                    for row in csv.reader(lines))
    return found


def read_paper(path, furniture):
    """Reads the pages of any PDF in the order in which they are drawn."""
    text = re.sub(furniture, ' ', '\n'.join(pdf.pages(path, '-raw')))
    text = re.sub(r'(\dE[+-])0(\d\d)$', r'\1\2', text, flags=re.M)
    parts = re.split(r'#\s*(s\d{3})\s*#\s*(\d+)\s*#', text)
    found = {}
    for name, number, shown in zip(*(parts[i::3] for i in (1, 2, 3))):
        shown, total, rest = shown.partition('\nTotal')
        rows = found.setdefault(name, {})
        rows[int(number)] = shown
        if total:
            rows['Total'] = rest
    return found


def read_pdf(path):
    return read_paper(path, rf'{TITLE}|{FOOTER}|Page \d+ of \d+|@n@|@s\d\d\d@|\ns\d\d\d\n|'
                            rf'\d\d\d\d-\d\d-\d\d \d\d:\d\d:\d\d {ZONE}')


def read_printed(paths, folder):
    """Reads workbooks as LibreOffice prints them."""
    found = {}
    for paper in workbook.convert_all(paths, 'pdf', folder):
        found |= read_paper(paper, r's\d\d\d\s+\d+ / \d+\n|Report\s+s\d\d\d\n|@n@|'
                                   r'@s\d\d\d@( \([\w/]+\))?')
    return found


CELLS = r"""
const all = {};
for (const table of document.querySelectorAll('table')) {
    for (const row of table.rows) {
        const cells = [...row.cells].map(cell => cell.innerText);
        const mark = /^#(s\d+)#/.exec(cells[0]);
        if (mark)
            all[mark[1]] = all[mark[1]] || [];
        if (mark)
            this.last = all[mark[1]];
        if (mark || cells[0] == 'Total')
            this.last.push(cells);
    }
}
return JSON.stringify(all)
"""


def read_html(path):
    """Returns the cells as chromium lays them out."""
    probed = json.loads(browser.probe(path, CELLS))
    return {name: of_rows(rows) for name, rows in probed.items()}


def read_json(path):
    """Returns the values of the JSON file; numbers keep their digits."""
    document = load_json(path.read_text())
    return {name: {int(MARK.fullmatch(row['@n@'])[2]): row[f'@{name}@'] for row in rows}
            for name, rows in document.items()}


def of_wide(names, rows):
    """Returns the texts of the wide table's rows, each of which begins with its number."""
    found = {name.strip('@'): {} for name in names[1:]}
    for number, *cells in rows:
        for column, cell in zip(found.values(), cells, strict=True):
            column[int(number)] = cell
    return found


def read_jsonl(path):
    lines = path.read_text().split('\n')
    assert lines.pop() == ''
    rows = [*map(load_json, lines)]
    return of_wide([*rows[0]], [row.values() for row in rows])


class Number(str):
    """A number with the digits of the document; it is equal to no text."""

    def __eq__(self, other):
        return isinstance(other, Number) and str(self) == str(other)

    def __ne__(self, other):
        return not self == other

    __hash__ = str.__hash__


def load_json(text):
    def refuse(word):
        raise ValueError(f'{word} is no JSON')

    def unique(pairs):
        assert len(dict(pairs)) == len(pairs), pairs
        return dict(pairs)
    return json.loads(text, parse_int=Number, parse_float=Number,
                      parse_constant=refuse, object_pairs_hook=unique)


def read_csv(path):
    with open(path, newline='') as lines:
        names, *rows = csv.reader(lines)
    return of_wide(names, rows)


def read_parquet(path):
    """Returns {section: {row: text}} and {section: type}."""
    duckdb = DuckDB()
    try:
        duckdb.query("set timezone = 'UTC'")
        described = duckdb.query(f"describe from '{path}'")
        rows = duckdb.query(f"select columns(*)::varchar from '{path}' order by n::int")
    finally:
        duckdb.close()
    return (of_wide([row[0] for row in described], rows),
            {row[0].strip('@'): row[1] for row in described[1:]})


def copied_back(db, path, sections):
    """Lets psql read the CSV into a table with the original types; returns the sections
    in which a value has changed."""
    columns = ', '.join(f'{s.name} {s.kind}' for s in sections)
    script = [f"set timezone = '{ZONE}';",
              f'create temp table back (n int, {columns});',
              f"\\copy back from '{path}' csv header"]
    script += [f"select '{s.name}', n from {s.name} full join "
               f"(select n, {s.name} as other from back) b using (n) "
               "where format('%L', v) <> format('%L', other);" for s in sections]
    return db.psql('-At', input='\n'.join(script)).stdout.split()


# ---- expected texts ----

def expected(section, number, way, fallbacks=()):
    """Returns the text of a value in a format, or as one of the format's readers shows
    it."""
    if section.total and number == 'Total':
        return section.total.xlsx if 'xlsx' in fallbacks else section.total.seen
    value = section.values[number]
    for name in (way, *fallbacks):
        if name in value.forms:
            return value.forms[name]
    return value.seen


def expected_csv(section, number):
    value = section.values[number]
    return '' if value.input is None else value.forms.get('csv', value.input)


def expected_json(section, number):
    value = section.values[number]
    if value.input is None:
        return None
    text = value.forms.get('json')
    if text is None and section.column.json is BARE:
        text = expected_csv(section, number)
    return load_json(text) if text is not None else expected_csv(section, number)


def expected_parquet(section, number):
    value = section.values[number]
    if value.input is None:
        return None
    text = value.forms.get('parquet', expected_csv(section, number))
    return None if text is NONE else text


# ---- comparisons ----

CONTROLS = re.compile('[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e'
                    '\u2066-\u2069\ufeff\ufffd-\uffff]')


def without_controls(text):
    """Returns a text without control characters and the signs that replace them."""
    return CONTROLS.sub('', text or '')


def same_in_browser(got, want):
    got = without_controls(got).replace('\r\n', '\n')
    return got.strip(' ') == without_controls(want).strip(' ')


def visible(text):
    return ' '.join(without_controls(text).split())


def same_on_page(got, want):
    """Says whether a page shows a text. On paper, right-to-left letters have another
    order, and a long text is broken where it has no space."""
    got, want = visible(got), visible(want)
    if len(want) > 60:
        got, want = got.replace(' ', ''), want.replace(' ', '')
    return got == want or not want.isascii() and pdf.same(got, want)


def is_plain(section):
    """Says whether the section has only printable ASCII, which is drawn in order."""
    return all((v.input or '').isascii() and (v.input or '').isprintable()
               for v in section.values or ())


def letters(texts):
    """Counts the letters of all texts, in any order."""
    return collections.Counter(visible(' '.join(texts)).replace(' ', ''))
