# SPDX-License-Identifier: MIT
"""Every type in every format, as the person sees it who opens the file."""

import functools
import itertools
import json
import re
import shutil
import types

import pytest

from lib import npm, pdf, process, shown, workbook

pytestmark = pytest.mark.skipif(
    not (npm.available() and workbook.available() and pdf.available() and
         shutil.which('chromium')), reason='a program that reads the files is missing')


@pytest.fixture(scope='module')
def shelf(cluster, tmp_path_factory):
    """The table in a database, and a file of each format, made when it is first
    asked for."""
    db = cluster.create()
    folder = tmp_path_factory.mktemp('shown')
    sections = shown.sections(db)
    conf = process.write_conf(folder / 'reportd.conf', db)

    def run(*args, **options):
        return process.reportctl(conf, *args, **options)

    @functools.cache
    def of(name):
        wanted = shown.for_format(sections, name)
        # path: those of the workbooks, for XLSX
        path, chosen, refused = (shown.workbooks(run, wanted, folder) if name == 'XLSX' else
                                 shown.export(run, wanted, name, folder))
        return types.SimpleNamespace(path=path, sections=chosen, wanted=wanted,
                                     refused=refused)
    yield types.SimpleNamespace(db=db, folder=folder, of=of)
    db.drop()


def differences(book, found, want, same=lambda got, want: got == want, sections=None):
    """All that is not as the table has it, as lines to read."""
    for section in sections or book.wanted:
        if section.name in book.refused:
            yield f'{section.name} {section}: {book.refused[section.name].strip()}'
            continue
        rows = found.get(section.name, {})
        for number in section.numbers:
            got, expected = rows.get(number, '(no such row)'), want(section, number)
            if not same(got, expected):
                yield (f'{section.name} {section} {section.input(number)!r:.60}: '
                       f'shows {got!r:.80}, should show {expected!r:.80}')


def none(wrong):
    if wrong:
        pytest.fail('\n'.join(wrong), pytrace=False)


def compare(*args):
    none([*differences(*args)])


def seen(way, *fallbacks):
    return lambda section, number: shown.expected(section, number, way, fallbacks)


def in_cell(got, want):
    """Blanks at the ends are not seen."""
    return (got or '').strip(' ') == want.strip(' ')


# Values of these cannot be typed in, and an array of them as little; or no column has them.
INTERNAL = {'ghstore', 'gtsvector', 'pg_brin_bloom_summary', 'pg_brin_minmax_multi_summary',
            'pg_dependencies', 'pg_mcv_list', 'pg_ndistinct', 'pg_node_tree', 'cstring'}


def test_no_type_of_the_server_is_missing(shelf):
    """Nor an array of one, but of rows of tables and of arrays."""
    names = {row[0] for row in shelf.db.query(
        "select format_type(t.oid, null) from pg_type t left join pg_type e on e.oid = t.typelem "
        "left join pg_class c on c.oid = e.typrelid "
        "where t.typtype in ('b', 'd', 'e', 'r', 'm') and coalesce(c.relkind, 'c') = 'c' "
        "and t.typnamespace in ('pg_catalog'::regnamespace, 'public'::regnamespace)")}
    shown_here = {shelf.db.value('select format_type(%s::regtype, null)',
                                 column.kind.replace('[][]', '[]'))
                  for column in shown.TYPES if column.since <= shelf.db.conn.info.server_version // 10000}
    missing = {name for name in names - shown_here if name.removesuffix('[]') not in INTERNAL}
    # An array of a domain over arrays.
    assert missing - {'numbers[]'} == set()


def test_a_workbook_in_sheetjs(shelf):
    book = shelf.of('XLSX')
    compare(book, shown.read_sheetjs(*book.path), seen('sheetjs', 'xlsx'), in_cell)


def test_a_workbook_in_libreoffice(shelf):
    book = shelf.of('XLSX')
    compare(book, shown.read_libreoffice(book.path, shelf.folder),
            seen('libre', 'xlsx'), in_cell)


def test_a_workbook_on_paper(shelf):
    book = shelf.of('XLSX')
    found = shown.read_printed(book.path, shelf.folder)
    want = seen('print', 'libre', 'xlsx')
    drawn = [s for s in book.wanted if 'print' not in s.without]
    plain = [*filter(shown.is_plain, drawn)]
    wrong = [*differences(book, found, want, shown.same_on_page, plain)]
    for section in drawn:
        if section not in plain:
            got = shown.letters(found[section.name].values())
            expected = shown.letters(want(section, number) for number in section.numbers)
            if got != expected:
                wrong.append(f'{section.name} {section}: lacks {expected - got}, '
                             f'has {got - expected}')
    none(wrong)


def test_a_pdf(shelf):
    book = shelf.of('PDF')
    compare(book, shown.read_pdf(book.path), seen('pdf'), shown.same_on_page)


def test_a_pdf_as_a_picture(shelf):
    """Each word of each page is drawn, whole, and apart from the others."""
    path = shelf.of('PDF').path
    sizes, wrong = pdf.page_sizes(path), []
    for number, words in itertools.groupby(pdf.words(path), lambda word: word.page):
        picture, (width, height) = pdf.Picture(path, number), sizes[number]
        words = [word for word in words if any(map(pdf.is_seen, word.text))]
        for word in words:
            if not (0 <= word.left < word.right <= width and 0 <= word.top < word.bottom <= height):
                wrong.append(f'page {number}: cut: {word}')
            elif not picture.has_ink(*map(int, word[1:5])):
                wrong.append(f'page {number}: not drawn: {word}')
        wrong += [f'page {number}: {one} over {two}' for one, two in pdf.overlaps(words)]
    none(wrong)


def test_a_page_in_chromium(shelf):
    book = shelf.of('HTML')
    compare(book, shown.read_html(book.path), seen('html'),
            shown.same_in_browser)


def test_json(shelf):
    book = shelf.of('JSON')
    compare(book, shown.read_json(book.path), shown.expected_json)


def test_jsonl(shelf):
    book = shelf.of('JSONL')
    compare(book, shown.read_jsonl(book.path), shown.expected_json)


def test_csv(shelf):
    book = shelf.of('CSV')
    compare(book, shown.read_csv(book.path), shown.expected_csv)
    assert not shown.copied_back(shelf.db, book.path, book.sections)


def test_parquet_in_duckdb(shelf):
    book = shelf.of('PARQUET')
    found, kinds = shown.read_parquet(book.path)
    compare(book, found, shown.expected_parquet)
    assert kinds == {s.name: s.column.parquet for s in book.sections}


# ---- the row of totals ----

@pytest.fixture
def totals(ctl, tmp_path):
    """totals(kind, *(sql, options)) makes a report of each; yields for each the words of
    the rows of totals as a reader sees them, and what the run says."""
    def totals(kind, *reports):
        paths, said = [], []
        for number, (sql, options) in enumerate(reports):
            paths.append(tmp_path / f'report{number}.{kind}')
            done = ctl('export', '--sql-file', '-', '-o', paths[-1], *(
                f'--option={name}={json.dumps(value)}' for name, value in options.items()),
                input=sql)
            assert done.returncode == 0, done.stderr
            said.append(done.stderr)
        # One start of LibreOffice for all.
        pages = workbook.convert_all(paths, 'pdf', tmp_path) if kind == 'xlsx' else paths
        for path, remark in zip(pages, said):
            text = re.sub(r'<[^>]*>', ' ', re.search(
                r'<tfoot>(.*)</tfoot>', path.read_text(), re.S)[1]) if kind == 'html' else \
                ''.join(pdf.pages(path, '-layout'))
            yield [line.split() for line in text.splitlines() if 'otal' in line], remark
    return totals


READ = pytest.mark.parametrize('kind', ['html', 'pdf', 'xlsx'])


@READ
def test_a_row_of_totals_has_its_word(totals, kind):
    sql = "select * from (values ('a', 1), ('b', 2)) t (g, x)"
    cases = [
        (sql, {'x': {'total': 'sum'}}, ['Total', '3']),
        (sql, {'g': {'total': 'count'}, 'x': {'total': 'avg', 'format': '0.0'}},
         ['Total', 'count', '2', 'avg', '1.5']),
        ('select x from (values (1), (2)) t (x)', {'x': {'total': 'sum'}}, ['Total', '3']),
        # A code that has no room for the word in a workbook.
        ('select x from (values (1), (2)) t (x)',
         {'x': {'total': 'sum', 'format': '0;-0;"' + 'z' * 245 + '"'}}, ['Total', '3'])]
    found = totals(kind, *((query, {'columns': columns}) for query, columns, _ in cases))
    for (rows, _), (*_, want) in zip(found, cases, strict=True):
        assert rows == [want]


def test_subtotals_have_their_word(totals):
    (rows, _), = totals('pdf', ("select * from (values ('a', 1), ('b', 2)) t (g, x)",
                                {'columns': {'x': {'total': 'sum'}}, 'group_by': 'g'}))
    assert rows == [['Subtotal', '1'], ['Subtotal', '2'], ['Total', '3']]


@READ
def test_a_sum_that_no_float_can_hold_is_infinite_and_the_run_says_so(totals, kind):
    def sql(*values):
        return 'select * from (values {}) t (n, x)'.format(
            ', '.join(f"('r', '{value}'::float8)" for value in values))
    cases = [
        (('1e308', '1e308'), 'sum', ['Infinity'],
         'the sum of "x" is Infinity: it is larger than any float'),
        (('-1e308', '-1e308'), 'sum', ['-Infinity'], 'the sum of "x" is -Infinity: it is'),
        (('1', 'NaN'), 'avg', ['avg', 'NaN'],
         'the average of "x" is NaN, as values of it are'),
        (('1', 'Infinity'), 'sum', ['Infinity'], 'the sum of "x" is Infinity, as values'),
        (('1e308', '1e308', '-1e308'), 'sum', None, None),
        (('1e308', '1e308'), 'avg', None, None)]
    found = totals(kind, *((sql(*values), {'columns': {'x': {'total': total}}})
                           for values, total, *_ in cases))
    for (rows, remark), (*_, want, said) in zip(found, cases, strict=True):
        if said:
            assert rows == [['Total', *want]] and said in remark
        else:
            assert 'larger' not in remark and float(rows[0][-1].replace(',', '')) == 1e308
