# SPDX-License-Identifier: MIT
"""PDF as qpdf and poppler read it."""

import collections
import json
import pathlib
import random
import re
import subprocess

import psycopg
import pytest

from lib import matrix, pdf, process, report
from lib.paths import ROOT

ZONE = 'Europe/Berlin'
OFFSET = re.compile(r'[+-]\d\d(:\d\d)*( BC)?$')
MM = 72 / 25.4

pytestmark = pytest.mark.skipif(not pdf.available(),
                                reason='qpdf or poppler-utils is missing')


@pytest.fixture
def run(ctl, tmp_path):
    """run(sql, option=value...): reportctl export to .path, whatever comes of it."""
    def run(sql, **options):
        path = tmp_path / 'report.pdf'
        words = [f'--option={name}={value if isinstance(value, str) else json.dumps(value)}'
                 for name, value in options.items()]
        done = ctl('export', '--sql-file', '-', '-o', path, '--time-zone', ZONE,
                   *words, input=sql)
        done.path = path
        return done
    return run


@pytest.fixture
def export(run):
    """The file, which must be one."""
    def export(sql, **options):
        done = run(sql, **options)
        assert done.returncode == 0, done.stderr
        pdf.check(done.path)
        return done.path
    return export


# ---- every type, every value ----

def shown(kind, text):
    if text is None:
        return ''
    if kind == 'bool':
        return {'t': 'true', 'f': 'false'}[text]
    if kind == 'timestamptz':
        return OFFSET.sub(lambda match: match[2] or '', text)
    return text


def check_matrix(db, export):
    with db.connect(row_factory=None) as conn:
        conn.execute(f"set timezone = '{ZONE}'")
        cursor = conn.execute('select * from matrix limit 0')
        names = [column.name for column in cursor.description if column.name != 'n']
        fields = ', '.join(f"""nullif(format('%s', "{name}"), null)""" for name in names)
        nulls = ', '.join(f'"{name}" is null' for name in names)
        want = {n: [None if null else value for value, null in zip(values, is_null)]
                for n, values, is_null in conn.execute(
                    f'select n, array[{fields}], array[{nulls}] from matrix')}
    path = export('; '.join(pdf.marked(name, f'"{name}"', 'matrix') for name in names),
                  title=pdf.TITLE, footer=pdf.FOOTER, missing_glyph='replace')
    got = pdf.sections(path)
    assert [*got] == names
    for i, name in enumerate(names):
        assert [*got[name]] == sorted(want)
        for n, text in got[name].items():
            other = shown(name, want[n][i])
            assert pdf.same(text, other), f'{name} of row {n}: {text[:300]!r}'
    return path


def test_every_type_and_value_reads_back(db, export):
    matrix.create(db)
    check_matrix(db, export)


@pytest.mark.parametrize('seed', range(4))
def test_random_schemas_and_values_read_back(db, export, seed):
    matrix.create_random(db, seed)
    check_matrix(db, export)


# ---- pages ----

def test_each_page_says_what_it_is(export):
    path = export('select i as number, i * i as square from generate_series(1, 200) i',
                  title='Squares & more', footer='Confidential')
    pages = pdf.pages(path)
    assert len(pages) == 4
    for number, page in enumerate(pages, 1):
        lines = [line.strip() for line in page.splitlines() if line.strip()]
        assert re.fullmatch(rf'Page {number} of 4\s+Confidential', lines[-1])
        assert re.search(rf'\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d {ZONE}$', lines[0])
        assert lines[1 if number > 1 else 2].split() == ['number', 'square']
        # The title once as a title, then above each page.
        assert lines[0].startswith('Squares & more') == (number > 1)
    assert pages[0].split('\n\n')[1].strip().startswith('Squares & more')
    rows = re.findall(r'^\s+(\d+)\s+(\d+)$', '\n'.join(pages), re.M)
    assert rows == [(str(i), str(i * i)) for i in range(1, 201)]
    about = pdf.info(path)
    assert (about['Title'], about['Producer']) == ('Squares & more', 'reportd')
    assert about['PDF version'] == '1.7'


def test_a_header_of_ones_own(export):
    pages = pdf.pages(export('select i as n from generate_series(1, 100) i',
                             title='Title', header='Above'))
    assert 'Above' not in pages[0] and 'Title' in pages[0]
    assert 'Above' in pages[1] and 'Title' not in pages[1]


def test_there_may_be_many_pages(export):
    pages = pdf.pages(export('select i as n from generate_series(1, 20000) i',
                             font_size=12))
    assert len(pages) > 400
    assert all(f'Page {i} of {len(pages)}\n' in page
               for i, page in enumerate(pages, 1))


@pytest.mark.parametrize('page, short, long', [
    ('A4', 595.28, 841.89), ('A3', 841.89, 1190.55), ('A5', 419.53, 595.28),
    ('letter', 612, 792), ('legal', 612, 1008)])
def test_paper_and_orientation(export, page, short, long):
    def size(**options):
        found = pdf.info(export('select 1 as one', page=page, **options))['Page 1 size']
        return [*map(float, re.findall(r'[\d.]+', found)[:2])]

    assert size() == size(orientation='portrait') == [
        pytest.approx(short, abs=0.1), pytest.approx(long, abs=0.1)]
    assert size(orientation='landscape') == [
        pytest.approx(long, abs=0.1), pytest.approx(short, abs=0.1)]


def test_a_wide_table_lies(export):
    columns = ', '.join(f"'{chr(97 + i) * 12}' as column_{i}" for i in range(9))
    path = export(f"select 1 as one; select {columns}; select 2 as two")
    sizes = [pdf.info(path)[f'Page {n} size'].split()[0] for n in (1, 2, 3)]
    assert sizes == ['595.28', '841.89', '595.28']


def test_nothing_is_in_the_margins(export):
    sql = """select i as n, repeat('many words in a row ', 20) as text
        from generate_series(1, 40) i"""
    for margin in 12, 30:
        path = export(sql, margin=margin)
        picture = pdf.Picture(path)
        edge = int(margin * MM) - 1
        width, height = picture.width, picture.height
        white = {(255, 255, 255)}
        for box in ((0, 0, edge, height), (width - edge, 0, width, height),
                    (0, 0, width, edge), (0, height - edge + 2, width, height)):
            assert {*picture.colours(*box)} == white, box
        inside = picture.colours(edge, edge, width - edge, height - edge)
        assert len(inside) > 20 and inside[255, 255, 255] < 0.95 * inside.total()


# ---- tables ----

def test_columns_are_aligned_by_type(export):
    path = export("""select * from (values (2, 1.5, true, 'one', date '2026-03-01'),
        (10000, -1234.25, false, 'twenty two', null)) t
        (count, amount, paid, name, at)""")
    words = {word.text: word for word in pdf.words(path)}

    def right(*texts):
        edges = [words[text].right for text in texts]
        return max(edges) - min(edges) < 0.2

    assert right('count', '2', '10000')
    assert right('amount', '1.5', '-1234.25')
    for left in ('name', 'one', 'twenty'), ('at', '2026-03-01'):
        edges = [words[text].left for text in left]
        assert max(edges) - min(edges) < 0.2
    centres = [(words[text].left + words[text].right) / 2
               for text in ('paid', 'true', 'false')]
    assert max(centres) - min(centres) < 0.3


def test_a_number_has_room_whatever_width_was_asked_for(export):
    text = ''.join(pdf.pages(export(
        "select 'abcdefghij' as a, 12345678 as b, 'x y z' as c",
        columns={name: {'width': 1} for name in 'abc'}), '-layout'))
    assert text.count('\f') <= 1 and 'Page 1 of 1' in text
    assert re.search(r'a +12345678 +x$', text, re.M)


def test_a_tab_is_as_wide_as_a_space(export):
    # Both ways of text: letter by letter, and laid out by Pango.
    for one, other in 'ab', 'कख':
        places = [{word.text: word.left for word in pdf.words(
            export(f"select E'{one}{gap}{other}' as x"))} for gap in (r'\t', ' ')]
        for text in one, other:
            assert places[0][text] == pytest.approx(places[1][text], abs=0.1)


def test_options_of_columns(export):
    path = export("select 1234.5 as a, 'x' as b, date '2026-03-01' as c, null as d",
                  columns={'a': {'label': 'Amount', 'format': '#,##0.00 "€"',
                                 'align': 'left'},
                           'b': {'width': 40, 'align': 'right'},
                           'c': {'format': 'dd.mm.yyyy'}}, null='–')
    words = {word.text: word for word in pdf.words(path)}
    assert {'Amount', '1,234.50', '€', '01.03.2026', '–'} <= {*words}
    assert words['Amount'].left == pytest.approx(words['1,234.50'].left, abs=0.2)
    # Forty characters of eight points.
    assert words['x'].right - words['€'].right > 40 * 8 * 0.5


def test_text_is_wrapped_in_its_column(export):
    path = export("""select i as id, repeat('lorem ipsum dolor ', 8 + i) as note,
        'https://example.com/' || repeat('x', 300) as link, 'last' as last
        from generate_series(1, 20) i""")
    words = [word for word in pdf.words(path) if word.top > 60]
    at = {name: next(w for w in words if w.text == name)
          for name in ('id', 'note', 'link', 'last')}
    for word in words:
        if word.text in ('lorem', 'ipsum', 'dolor'):
            assert at['note'].left - 0.2 <= word.left < word.right < at['link'].left
        elif set(word.text) == {'x'}:
            assert at['link'].left - 0.2 <= word.left < word.right < at['last'].left
    assert sum(word.text == 'lorem' for word in words) == sum(8 + i for i in range(1, 21))
    # All of it.
    text = ''.join(word.text for word in words)
    assert text.count('x') >= 20 * 300


def test_numbers_are_not_broken(export):
    """Not even those that were not there when the widths were chosen."""
    path = export("""select i as id, (i ^ 4)::int8 as fourth, case when i = 900
        then 12345678901234567890.12 else 1 end as amount,
        repeat('text ', 40) as text from generate_series(1, 1000) i""",
                  columns={'fourth': {'total': 'sum'}, 'amount': {'total': 'sum'}})
    text = ''.join(pdf.pages(path))
    rows = re.findall(r'^ *(\d+) +(\d+) +([\d.]+) +text', text, re.M)
    assert rows == [(str(i), str(i ** 4),
                     '1' if i != 900 else '12345678901234567890.12')
                    for i in range(1, 1001)]
    assert re.search(rf' {sum(i ** 4 for i in range(1, 1001))} +12345678901234568889.12$',
                     text, re.M)


def test_every_other_row_is_shaded(export):
    sql = "select 'x' as a from generate_series(1, 9)"
    shade = (242, 245, 247)

    def stripes(**options):
        picture = pdf.Picture(export(sql, **options))
        column = [picture[37, y] for y in range(picture.height)]
        return sum(a == shade != b for a, b in zip(column, column[1:]))

    colours = pdf.Picture(export(sql)).colours()
    shade = next(c for c, _ in colours.most_common(4)
                 if c != (255, 255, 255) and min(c) > 235)
    assert stripes() == 4
    assert stripes(zebra=False) == 0


def test_a_row_stays_on_one_page_when_it_can(export):
    path = export(r"""select i as id, repeat(E'line\n', 9) || 'end' || i as text
        from generate_series(1, 40) i""")
    for page in pdf.pages(path):
        body = re.findall(r'^ *(\d+) +line\n((?: +line\n){8}) +end(\d+)$', page, re.M)
        assert body and page.count('line') == 9 * len(body)
        assert all(first == last for first, _, last in body)


def test_a_row_larger_than_a_page_goes_on(export):
    path = export(r"""select string_agg('line ' || i, E'\n' order by i) as text, 'b' as b
        from generate_series(1, 500) i""")
    pages = pdf.pages(path)
    assert len(pages) > 5
    assert re.findall(r'line (\d+)', ''.join(pages)) == [str(i) for i in range(1, 501)]
    assert all(re.search(r'^ *text +b$', page, re.M) for page in pages)


def test_a_megabyte_in_a_cell(export):
    path = export("""select string_agg(md5(i::text), ' ' order by i) as text
        from generate_series(1, 33000) i""")
    text = ''.join(pdf.pages(path, '-raw'))
    assert len(re.findall(r'\b[0-9a-f]{32}\b', text)) == 33000


SALES = """select * from (values ('North', date '2026-01-31', 10.50, 3),
    ('North', '2026-02-28', 0.25, null), ('South', '2026-01-31', 1000, 1), (null, null, 5, 2))
    t (region, month, amount, items)"""


def test_groups_with_subtotals_and_totals(export):
    path = export(SALES, group_by='region', columns={
        'region': {'label': 'Region'}, 'amount': {'total': 'sum', 'format': '#,##0.00'},
        'items': {'total': 'avg'}})
    text = pdf.pages(path)[0]
    lines = [line.split() for line in text.splitlines() if line.strip()]
    begin = lines.index(['month', 'amount', 'items'])
    assert lines[begin + 1:-1] == [
        ['Region:', 'North'], ['2026-01-31', '10.50', '3'], ['2026-02-28', '0.25'],
        ['Subtotal', '10.75', 'avg', '3.00'],
        ['Region:', 'South'], ['2026-01-31', '1,000.00', '1'],
        ['Subtotal', '1,000.00', 'avg', '1.00'],
        ['Region:'], ['5.00', '2'], ['Subtotal', '5.00', 'avg', '2.00'],
        ['Total', '1,015.75', 'avg', '2.00']]


def test_a_group_goes_on_with_its_heading(export):
    path = export("""select i % 2 as half, i from generate_series(1, 400) i
        order by half, i""", group_by='half')
    pages = pdf.pages(path)
    halves = [re.findall(r'half: (\d)', page) for page in pages]
    assert halves[0] == ['0'] and halves[-1] == ['1']
    assert all(found for found in halves)
    assert [sum('half: ' in line for line in page.splitlines()) for page in pages].count(2) <= 1


def test_groups_that_look_the_same_are_told_apart(export):
    """The hour that comes twice in October, the same month of two years."""
    text = ''.join(pdf.pages(export("""
        select timestamptz '2026-10-24 23:00Z' + i * interval '1 hour' as hour, i
        from generate_series(0, 3) i""", group_by='hour')))
    assert re.findall(r'hour: (.*)$', text, re.M) == [
        '2026-10-25 01:00:00', '2026-10-25 02:00:00', '2026-10-25 02:00:00 (+01)',
        '2026-10-25 03:00:00']
    text = ''.join(pdf.pages(export("""
        select date '2025-01-01' + i * interval '1 month' as month, i
        from generate_series(0, 13) i""", group_by='month',
        columns={'month': {'format': 'mmm'}})))
    assert re.findall(r'month: (.*)$', text, re.M) == [
        *'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(),
        'Jan (2026-01-01 00:00:00)', 'Feb (2026-02-01 00:00:00)']
    text = ''.join(pdf.pages(export("values ('a', 1), ('b', 2), ('a', 3)",
                                    group_by='column1')))
    assert re.findall(r'column1: (.*)$', text, re.M) == ['a', 'b', 'a']
    for query, groups in [('values (1.50), (1.5), (2.0)', ['1.50', '2.0']),
                          ("values ('1 day'::interval), ('24:00'), ('2 days')",
                           ['1 day', '2 days'])]:
        text = ''.join(pdf.pages(export(query, group_by='column1')))
        assert re.findall(r'column1: (.*)$', text, re.M) == groups


def test_a_run_says_that_its_rows_are_not_sorted_by_the_groups(run):
    again = 'group_by r: the rows are not sorted by it; {} again'
    for query, said in [
            ('select i % 3 as r from generate_series(1, 9) i', '6 groups begin'),
            ('select nullif(i % 2, 0) as r from generate_series(1, 3) i', '1 group begins'),
            ("values (1.5), (1.50), (1.5), (-0.0), (0)", None),
            ("values (1.5), (2), (1.50)", '1 group begins'),
            ("values (interval '1 day'), ('24:00'), ('1 day'), ('-1 day'), ('-24:00')", None),
            ('select i / 3 as r from generate_series(1, 200000) i order by r', None),
            ('select i % 70000 as r from generate_series(1, 140000) i', '65536 groups begin')]:
        done = run(f'select * from ({query}) as t (r)', group_by='r')
        assert done.returncode == 0
        assert (again.format(said) in done.stderr if said else 'sorted' not in done.stderr)


# Rows have different numbers of words; a title or a result before may leave little room
# to the first one.
PAGES = [{}, {'group_by': 'half'}, {'group_by': 'half', 'total': 'count'},
         {'title': 'A title of many words ' * 60}, {'before': 30}, {'before': 45},
         {'before': 50, 'group_by': 'half'}]


@pytest.mark.shipped
@pytest.mark.parametrize('how', PAGES, ids=lambda how: '-'.join(how) or 'plain')
def test_no_page_has_a_header_alone(export, how):
    """Nor is a group's heading parted from its first row."""
    options = {'orientation': 'portrait', 'columns': {
        'name': {'label': 'NAME'} | ({'total': 'count'} if 'total' in how else {}),
        'words': {'label': 'WORDS', 'width': 30}}}
    options |= {key: how[key] for key in ('group_by', 'title') if key in how}
    for words in range(80, 460, 20):
        query = f"""select i / 3 as half, 'r' || i as name,
            repeat('word ', case i % 3 when 0 then {words} when 1 then {words} / 2 else 3 end)
            as words from generate_series(0, 8) i"""
        before = ''
        if 'before' in how:
            before = f"select 1 as one, 'r' as name from generate_series(1, {how['before']});"
        shown = pdf.pages(export(before + query, **options), '-raw')
        for page in shown:
            assert 'WORDS' not in page or re.search(r'\bword|Total', page), (words, page)
            assert not re.search(r'half: \d\s*(\nPage|$)', page), (words, page)


def test_a_high_header_stays_on_its_page(export):
    """Of a second result, too, which begins near the end of a page."""
    label = ' '.join(['label'] * 12)
    for rows in range(44, 62):
        path = export(f"select 1 as a from generate_series(1, {rows}); select 2 as b, 3 as c",
                      orientation='portrait', columns={
                          'a': {'total': 'count'},
                          'b': {'label': label, 'width': 5}, 'c': {'label': label, 'width': 5}})
        words = [*pdf.words(path)]
        end = max(w.page for w in words)
        labels = [w for w in words if w.text == 'label']
        foot = min(w.top for w in words if w.text == 'Page')
        assert len(labels) == 24 and {w.page for w in labels} == {end}
        assert max(w.bottom for w in labels) < foot
        assert [w.page for w in words if w.text == '3'] == [end]


def test_a_long_heading_of_a_group_is_whole(export):
    path = export("""select string_agg('word' || i, ' ' order by i) as text, 'x' as x
        from generate_series(1, 2000) i""", group_by='text')
    text = ''.join(pdf.pages(path))
    assert re.findall(r'\bword(\d+)', text) == [str(i) for i in range(1, 2001)]
    pages = pdf.pages(export("""select repeat('long ', 100) as text, i
        from generate_series(1, 200) i""", group_by='text'))
    assert pages[0].count('long') == 100
    assert all(0 < page.count('long') < 50 for page in pages[1:])


def test_groups_of_null_and_of_nothing_are_told_apart(export):
    text = ''.join(pdf.pages(export(r"""values (null, 1), ('', 2), (E'a\nb', 3),
        (E'a\rb', 4), ('c', 5), ('c ', 6), (E'd\u0002', 7), (E'd\u0003', 8)""",
        group_by='column1')))
    assert [' '.join(part.split()[:-1]) for part in text.split('column1:')[1:-1]] == [
        '', '("")', 'a b', r'a b ("a\rb")', 'c', 'c ("c ")', 'd\ufffd']
    assert r'd\ufffd ("d\x03")'.replace(r'\ufffd', '\ufffd') in text
    text = ''.join(pdf.pages(export("values ('', 1), (null, 2), ('-', 3), (null, 4), ('', 5)",
                                    group_by='column1', null='-')))
    assert re.findall(r'column1: ?(.*)$', text, re.M) == ['', '-', '- ("-")', '- (NULL)', '']


def test_a_header_without_room_is_shortened_and_the_run_says_so(run):
    sql = 'select i from generate_series(1, 100) i'
    for options, said in [
            ({'header': 'head ' * 100}, "the page's header is longer than its line and ends with …"),
            ({'footer': 'fuß日本' * 100}, "the page's footer is longer than its line and ends"),
            ({'title': 'title ' * 50, 'footer': 'foot\n' * 100}, 'header and footer are longer'),
            ({'header': 'two\nlines', 'footer': 'short'}, None)]:
        done = run(sql, **options)
        assert done.returncode == 0, done.stderr
        assert said in done.stderr if said else "page's" not in done.stderr
        second = pdf.pages(done.path, '-layout')[1]
        assert second.count('…') == (0 if said is None else 2 if 'and footer' in said else 1)
        assert said or 'two lines' in second
        # The margin of A4 is free.
        assert max(word.right for word in pdf.words(done.path)) < 595 - 33


def test_long_headers_and_footers_stay_apart(export):
    path = export('select i from generate_series(1, 100) i', header='head ' * 100,
                  footer='foot ' * 100, title='title ' * 50)
    words = [*pdf.words(path)]
    assert sum(word.text == 'title' for word in words) == 50
    for page in 1, 2:
        here = [word for word in words if word.page == page]
        time = next(word for word in here if word.text == ZONE)
        number = next(word for word in here if word.text == 'of')
        date = min(word.left for word in here if abs(word.top - time.top) < 1
                   and word.text[0].isdigit())
        heads = [word.right for word in here if word.text == 'head']
        foots = [word.left for word in here if word.text == 'foot']
        assert len(foots) > 10 and min(foots) > number.right + 8
        assert len(heads) == 0 if page == 1 else len(heads) > 10 and max(heads) < date


def test_all_kinds_of_totals(export):
    path = export('select i as a, i as b, i as c, i as d, i as e, i as f '
                  'from generate_series(1, 300) i',
                  columns={name: {'total': total} for name, total in zip(
                      'bcdef', ('sum', 'avg', 'count', 'min', 'max'))})
    assert re.search(r'Total +45150 +avg 150.50 +count 300 +min 1 +max 300$',
                     pdf.pages(path)[-1], re.M)


def test_sections(export):
    path = export("""select 1 as a; select 2 as b where false;
        select i as c from generate_series(1, 200) i""",
                  sections=['First & one', 'None', 'Many'], title='All')
    pages = pdf.pages(path)
    assert re.search(r'All\n+First & one\n+ *a\n +1\n+None\n+ *b\n+0 rows\n+Many\n+ *c\n',
                     pages[0])
    assert len(pages) == 4
    assert all(f'Page {i} of 4' in page for i, page in enumerate(pages, 1))


def test_what_was_cut_is_said(export):
    text, = pdf.pages(export('select i from generate_series(1, 20) i', max_rows=3))
    assert re.search(r'^3 rows: cut after 3 rows by max_rows; there are more$', text, re.M)


def test_options_that_cannot_be(run):
    for options, message in [
            ({'group_by': 'nil'},
             '"group_by" names the column "nil", which the result does not have; '
             'its columns: a, b, c'),
            ({'page': 'A9'}, 'page'), ({'margin': 51}, 'margin'),
            ({'font_size': 3}, 'font_size'), ({'orientation': 'up'}, 'orientation'),
            ({'chart': {'category': 'a', 'values': ['b', 'c'], 'type': 'pie'}}, 'pie'),
            ({'foo': 1}, 'PDF has no option "foo"; known: title, columns, page')]:
        done = run('select 1 as a, 2 as b, 3 as c', **options)
        assert done.returncode != 0
        assert message in done.stderr
        assert not done.path.exists()


@pytest.mark.parametrize('columns, known', [
    (['one', 'größe'], 'one, größe'),
    ([f'column_{i:03}' for i in range(300)],
     ', '.join(f'column_{i:03}' for i in range(84)) + ' and 216 more')], ids=len)
def test_a_wrong_name_is_told_with_the_right_ones(run, columns, known):
    query = 'select ' + ', '.join(f'1 as "{name}"' for name in columns)
    for options in [{'group_by': 'nil'}, {'columns': {'nil': {'label': 'x'}}}]:
        assert f'its columns: {known}' in run(query, **options).stderr
    assert f'which no result has; the last one\'s columns: {known}' in run(
        f'select 1 as first; {query}', group_by='nil').stderr


@pytest.mark.parametrize('word', [
    'Donaudampfschiffahrtsgesellschaft', 'customer_identificationnumber',
    'საქართველოსრესპუბლიკისმთავრობა', 'ab' * 12], ids=len)
def test_words_that_come_late_are_whole(export, word):
    path = export(f"""select i as id, case when i < 400 then 'aa' || i % 7
            else '{word}' || i end as name,
            repeat('text that needs room ', 8) as t1, repeat('and more of it ', 9) as t2
        from generate_series(1, 450) i""")
    text = '\n'.join(pdf.pages(path, '-layout'))
    for number in range(400, 451):
        end = word.rpartition('_')[2]
        assert re.search(rf'(^|\s|_){end}{number}(\s|$)', text), number


def test_a_word_that_no_page_has_room_for_is_broken_and_whole(export):
    path = export("""select i as id, case when i < 400 then 'x' else repeat('0123456789', 30) end as v,
            repeat('text that needs room ', 9) as t from generate_series(1, 402) i""")
    pages = pdf.pages(path)
    assert len(pages) < 20
    digits = re.findall(r'[0-9]{8,}', '\n'.join(pages))
    assert all(part in '0123456789' * 30 for part in digits)
    # The ends of three values may be shorter.
    assert 900 - 3 * 7 <= sum(map(len, digits)) <= 900


# ---- tables wider than the page ----

def wide(columns, rows, label='value_of_column_{}'):
    """A number of its own in each cell, below a label of several words."""
    cells = ', '.join(f'{row} * 10000 + {i} as "{label.format(i)}"'
                      for i in range(1, columns + 1) for row in ['i'])
    return f"select 'row ' || i as key, {cells} from generate_series(100, {rows + 99}) i"


def check_apart(words):
    """No word is over another one, or outside of its page."""
    lines = {}
    for word in words:
        lines.setdefault((word.page, round(word.top)), []).append(word)
    for line in lines.values():
        line.sort(key=lambda word: word.left)
        assert all(a.right <= b.left + 0.5 for a, b in zip(line, line[1:])), line
        assert line[0].left > 20 and line[-1].right < 841.89 - 20


@pytest.mark.parametrize('columns, rows', [(40, 120), (120, 45), (400, 20)])
def test_a_table_wider_than_the_page_goes_over_several(export, columns, rows):
    path = export(wide(columns, rows))
    words = [*pdf.words(path)]
    numbers = collections.Counter(w.text for w in words if re.fullmatch(r'\d{7}', w.text))
    assert numbers == {str(i * 10000 + k): 1 for i in range(100, rows + 100)
                       for k in range(1, columns + 1)}
    check_apart(words)
    # Every page has the first column; no word of a label is broken.
    for page in {w.page for w in words}:
        here = [w for w in words if w.page == page]
        keys = [w for w in here if w.text == 'row']
        assert keys and len({round(w.left, 1) for w in keys}) == 1
        labels = re.sub(r'\s', '', ''.join(w.text for w in here if '_' in w.text))
        assert re.fullmatch(r'(value_|of_|column_|\d)+', labels)
    # Each row stands at the same height on the pages beside each other.
    text = pdf.pages(path)
    marks = [re.search(r'columns? (\d+)(?: to (\d+))? of (\d+)$', page, re.M)
             for page in text]
    assert all(marks) and {mark[3] for mark in marks} == {str(columns + 1)}
    across = [*(mark[1] for mark in marks), '1'].index('1', 1)
    assert 1 < across < columns / 6
    tops = [sorted(w.top for w in words if w.page == page and w.text == 'row')
            for page in range(1, across + 1)]
    assert all(top == tops[0] for top in tops)
    edges = [int(edge) for mark in marks[:across] for edge in (mark[1], mark[2] or mark[1])]
    assert edges[0] == 1 and edges[-1] == columns + 1
    assert all(a + 1 == b for a, b in zip(edges[1:-1:2], edges[2:-1:2]))


def random_table(dice):
    """A query, its options, and all words of its cells: each is its own, and takes less than
    a quarter of the page, or has an underscore, after which it may be broken."""
    columns, rows = dice.choice([(3, 150), (12, 60), (25, 40), (70, 15)])
    words, lists = set(), []
    for column in range(columns):
        # A few short words, one long word, a text of many, a number of many digits.
        most, count = dice.choice([(6, 2), (6, 2), (16, 1), (12, 40 if columns < 25 else 8), (0, 1)])
        cells = []
        for row in range(rows):
            mark = f'{row}c{column}'
            cell = [f'{mark}w{i}' + 'x' * dice.randint(0, max(most - 10, 0))
                    for i in range(dice.randint(1, count))] if most else \
                [f'{row + 100}{column:03}' + '7' * dice.choice([0, 0, 5, 20])]
            if most == 16 and dice.random() < 0.3:
                cell = ['_'.join([*cell, 'b' * 12, 'c' * 12, 'd' * 9])]
            cells.append(' '.join(cell))
            words |= {*cell}
        kind = 'text' if most else 'numeric'
        label = '_'.join(['label'] * dice.randint(1, 5)) + f' {column}'
        lists.append((f"'{{{','.join(f'{chr(34)}{cell}{chr(34)}' for cell in cells)}}}'::{kind}[]",
                      f'"{label}"'))
    query = 'select * from unnest({}) as t({})'.format(*(', '.join(part) for part in zip(*lists)))
    options = {'page': dice.choice(['A4', 'A4', 'A5', 'A3']),
               'repeat_columns': dice.choice([0, 1, 1, 2]),
               'orientation': dice.choice(['portrait', 'landscape'])}
    return query, {key: value for key, value in options.items() if dice.random() < 0.7}, words


def check_clear(path):
    """No word touches another one, and none leaves its page."""
    sizes = pdf.page_sizes(path)
    by_page = collections.defaultdict(list)
    for word in pdf.words(path):
        width, height = sizes[word.page]
        assert 0 <= word.left and word.right <= width, word
        assert 0 <= word.top and word.bottom <= height, word
        by_page[word.page].append(word)
    for words in by_page.values():
        words.sort(key=lambda word: word.top)
        for i, one in enumerate(words):
            # Boxes are as high as the font's highest letter and its lowest.
            low = one.bottom - 0.3 * (one.bottom - one.top)
            for other in words[i + 1:]:
                if other.top >= low:
                    break
                assert one.right <= other.left + 0.5 or other.right <= one.left + 0.5, (one, other)


@pytest.mark.parametrize('seed', range(6))
def test_words_are_whole_and_apart_whatever_the_table_is(export, seed):
    query, options, wanted = random_table(random.Random(seed))
    path = export(query, **options)
    check_clear(path)
    found = {word.text for word in pdf.words(path)}
    broken = {word for word in wanted - found if '_' not in word}
    assert not broken, (len(broken), min(broken))
    parts = {part for word in found for part in word.split('_')}
    assert {part for word in wanted for part in word.split('_')} <= parts


def test_as_many_columns_as_a_query_can_have(export):
    path = export(wide(1600, 3))
    found = re.findall(r'\b\d{7}\b', ''.join(pdf.pages(path, '-raw')))
    assert len(found) == len({*found}) == 3 * 1600


@pytest.mark.parametrize('repeat', [0, 1, 3])
def test_the_first_columns_are_repeated(export, repeat):
    options = {} if repeat == 1 else {'repeat_columns': repeat}
    pages = pdf.pages(export(wide(60, 5, 'c{}'), **options))
    assert len(pages) > 2
    for page in pages[1:]:
        assert ('row 100' in page) == (repeat > 0)
        assert ('1000001' in page) == ('1000002' in page) == (repeat == 3)


def test_what_repeats_leaves_half_of_the_page(export):
    pages = pdf.pages(export(wide(60, 5, 'c{}'), repeat_columns=59))
    assert len(pages) < 20
    assert all(re.search(r'columns? \d+( to \d+)? of 61', page) for page in pages)


def test_repeat_columns_is_a_number(run, db):
    for wrong in -1, 1.5, 'two':
        done = run('select 1 as a', repeat_columns=wrong)
        assert done.returncode != 0 and 'repeat_columns' in done.stderr
        with pytest.raises(psycopg.Error, match='repeat_columns'):
            report.submit(db, output_format='PDF',
                          output_options={'repeat_columns': wrong})


def test_a_group_and_its_totals_stand_on_all_pages_of_a_wide_table(export):
    path = export(f'select i % 2 as half, t.* from ({wide(40, 90)}) t, '
                  "lateral (select substr(t.key, 5)::int as i) k order by 1, t.key",
                  group_by='half', columns={
                      'value_of_column_2': {'total': 'max'},
                      'value_of_column_40': {'total': 'max'}})
    pages = pdf.pages(path)
    assert all('half: ' in page for page in pages)
    text = ' '.join(''.join(pages).split())
    assert text.count('max 1880002') == 1 and text.count('max 1880040') == 1
    assert text.count('max 1890002') == 2 and text.count('max 1890040') == 2


FILM = """select i as film_id, 'ACADEMY DINOSAUR' as title,
    'An Epic Drama of a Feminist And a Mad Scientist who must Battle a Teacher in '
        'The Canadian Rockies' as description,
    2006 as release_year, 1 as language_id, null::int as original_language_id,
    6::int2 as rental_duration, 0.99::numeric(4,2) as rental_rate, 86::int2 as length,
    20.99::numeric(5,2) as replacement_cost, 'PG' as rating,
    timestamp '2022-05-15 10:00' as last_update,
    '{"Deleted Scenes","Behind the Scenes"}'::text[] as special_features
    from generate_series(1, 1000) i"""


def test_long_labels_of_narrow_columns_leave_the_page_to_text(export):
    path = export(FILM)
    pages = pdf.pages(path)
    assert len(pages) < 100
    words = {word.text for word in pdf.words(path) if word.page == 1 and word.top < 150}
    assert {'film_', 'original_', 'language_', 'rental_', 'duration', 'replacement_',
            'cost', 'special_features', 'description', 'length'} <= words


def test_one_long_text_does_not_take_the_room_of_others(export):
    path = export("""select i as id, 'customer number ' || i as name,
        case when i = 150 then repeat('a long description ', 60) else 'short' end as note,
        i * 1.5 as amount from generate_series(1, 400) i""")
    lines = re.findall(r'^ *(\d+) +customer number (\d+) +(?:short|a long) ?.* +([\d.]+)$',
                       '\n'.join(pdf.pages(path)), re.M)
    assert [(int(a), int(b), float(c)) for a, b, c in lines] == [
        (i, i, i * 1.5) for i in range(1, 401)]
    assert len(pdf.pages(path)) < 13


def test_numbers_that_grow_keep_their_width(export):
    """Beside text that takes all the room there is."""
    path = export("""select i * 10 as id, repeat('text ', 50) as note
        from generate_series(1, 9000) i""", font_size=10)
    assert b' Tz' not in subprocess.run(
        ['qpdf', '--qdf', '--object-streams=disable', path, '-'],
        check=True, stdout=subprocess.PIPE).stdout


def test_a_number_that_comes_late_makes_its_column_wider(export):
    """Too wide even when it is made narrower: its page has another layout."""
    late = '1234567890' * 5 + '.25'
    path = export(f"""select i as id, case i when 300 then {late} else 1.25 end as amount,
        repeat('text ', 12) as note, case i when 300 then 7 end as other
        from generate_series(1, 400) i""", columns={'amount': {'width': 6}})
    words = [*pdf.words(path)]
    check_apart(words)
    assert [w.text for w in words].count(late) == 1
    rows = re.findall(r'^ *(\d+) +([\d.]+) +text', ''.join(pdf.pages(path)), re.M)
    assert rows == [(str(i), '1.25' if i != 300 else late) for i in range(1, 401)]


def test_a_group_that_goes_on_says_so(export):
    path = export("""select case when i < 150 then 'North' else repeat('South ', 40) end
        as region, i from generate_series(1, 400) i""", group_by='region')
    pages = pdf.pages(path)
    assert pages[0].count('region: North') == 1 and 'continued' not in pages[0]
    assert re.search(r'region: North \(continued\)$', pages[1], re.M)
    for page in pages[3:]:
        heading, = re.findall(r'^ *region: South.*$', page, re.M)
        assert heading.endswith('(continued)') and heading.count('South') > 10
    check_apart(pdf.words(path))


# ---- charts ----

MONTHS = """select * from (values ('Jan', 1200.5, -300), ('Feb', null, 7),
    ('März 日本', 1500, 250)) t (month, sales, costs)"""
BLUE, ORANGE, GREEN = (0, 113, 176), (230, 158, 0), (0, 158, 115)


def near(colour, other):
    return all(abs(a - b) <= 3 for a, b in zip(colour, other))


@pytest.mark.parametrize('kind', ['bar', 'line', 'pie'])
def test_a_chart_is_drawn(export, kind):
    values = ['sales', 'costs'] if kind != 'pie' else ['sales']
    path = export(MONTHS, chart={'type': kind, 'category': 'month', 'values': values,
                                 'title': 'Sales & costs'},
                  columns={'sales': {'label': 'Sales €'}})
    text = ''.join(pdf.pages(path))
    for word in ('Sales & costs', 'Jan', 'Feb', 'März 日本'):
        assert word in text
    if kind == 'pie':
        assert '44.5 %' in text and '55.5 %' in text
    else:
        assert re.search(r'-500|0|500|1,000|1,500', text)
    assert pdf.images(path) == []
    found = pdf.Picture(path).colours()
    for colour in BLUE, GREEN if kind == 'pie' else ORANGE:
        pixels = sum(n for other, n in found.items() if near(other, colour))
        assert pixels > {'bar': 500, 'pie': 5000, 'line': 10}[kind]


def test_bars_are_as_high_as_their_numbers(export):
    path = export("select * from (values ('a', 100), ('b', 50), ('c', 25)) t (x, y)",
                  chart={'category': 'x', 'values': ['y']})
    picture = pdf.Picture(path, dpi=144)
    heights = {}
    for x in range(picture.width):
        blue = sum(near(picture[x, y], BLUE)
                   for y in range(picture.height // 6, picture.height // 2))
        if blue > 30:
            heights.setdefault(round(blue / 10), blue)
    a, b, c = sorted(heights.values(), reverse=True)
    assert a / b == pytest.approx(2, rel=0.02) and a / c == pytest.approx(4, rel=0.03)


def test_a_chart_of_one_section(export):
    path = export(f'{MONTHS}; {MONTHS}', sections=['One', 'Two'], chart={
        'category': 'month', 'values': ['sales'], 'section': 'Two', 'title': 'Drawn'})
    text = ''.join(pdf.pages(path))
    assert text.count('Drawn') == 1 and text.index('Two') < text.index('Drawn')


# ---- scripts and fonts ----

SCRIPTS = {'Latin': 'Grüße Øre Łódź ﬁn', 'Greek': 'Ωμέγα', 'Cyrillic': 'Жёлтый',
           'Arabic': 'مرحبا بالعالم', 'Hebrew': 'שלום עולם', 'Devanagari': 'नमस्ते दुनिया',
           'Han': '東京都', 'Hangul': '한국어', 'Kana': 'ひらがなカタカナ', 'Thai': 'ภาษาไทย',
           'emoji': '🎉 👩‍👩‍👧‍👦 🇩🇪 ❤️'}


def test_scripts_can_be_read_and_found(export):
    path = export('select * from (values ' + ', '.join(
        f"('{name}', '{text}')" for name, text in SCRIPTS.items()) + ') t (name, text)')
    text, = pdf.pages(path, '-raw')
    rows = dict(re.findall(r'^(\w+) (.*)$', text, re.M))
    for name, want in SCRIPTS.items():
        assert pdf.same(rows[name], want) and pdf.LOST not in rows[name], name


def test_fonts_are_embedded_as_subsets(export):
    path = export('values ' + ', '.join(f"('{text}')" for text in SCRIPTS.values()))
    fonts = [*pdf.fonts(path)]
    assert len(fonts) >= 6
    for name, kind, embedded, subset, means in fonts:
        assert embedded and means, name
        # Colour emoji are pictures.
        assert subset or kind == 'Type 3', name
        assert re.match(r'[A-Z]{6}\+', name) or kind == 'Type 3'
    assert path.stat().st_size < 500_000
    small = export("select 'abc' as a")
    assert small.stat().st_size < 20_000


def test_glyphs_are_shaped(export):
    """Arabic letters are joined: a word is narrower than its letters alone."""
    path = export("select 'ببب' as a, 'ب ب ب' as b, 'क्ष' as c, 'क ष' as d")
    row = [word for word in pdf.words(path) if word.top > 75 and ord(word.text[0]) > 0x500]
    joined = next(w for w in row if len([*filter(pdf.is_seen, w.text)]) == 3
                  and 'ببب' in w.text)
    alone = [w for w in row if [*filter(pdf.is_seen, w.text)] == ['ب']]
    assert len(alone) == 3
    assert joined.right - joined.left < 0.8 * sum(w.right - w.left for w in alone)


def test_emoji_have_their_colours(export):
    path = export("select '🎉❤️🟢' as a", font_size=24)
    colours = pdf.Picture(path, dpi=100).colours()
    assert any(r > 180 and g < 80 and b < 80 for r, g, b in colours)
    assert any(g > 120 and r < 120 and b < 100 for r, g, b in colours)


def test_a_missing_character_is_an_error(run):
    done = run("select 'fine' as a union all select U&'x\\0378' ")
    assert done.returncode != 0
    assert not done.path.exists()
    assert ('row 2: column "a": no installed font has the character U+0378 (install one '
            'that has it, or set "missing_glyph" to "replace")') in done.stderr


def test_a_missing_character_may_be_replaced(run):
    done = run("select U&'x\\0378y\\0379z' as a", missing_glyph='replace')
    assert done.returncode == 0
    assert '2 characters that no font has were replaced, such as U+0378' in done.stderr
    text, = pdf.pages(done.path)
    assert re.search('x(.)y\\1z', text)[1] in '\N{REPLACEMENT CHARACTER}?'


@pytest.mark.shipped
def test_many_characters_of_one_font(db, daemon, out):
    """They go into several subsets, so that no large one is ever in memory."""
    one = daemon(workers=1)
    config_id = report.submit(
        db, output_format='PDF', output_path='han.pdf', export_sql="""
        select string_agg(chr(19968 + i * 10 + j), '' order by j) as v
        from generate_series(0, 499) i, generate_series(0, 9) j group by i order by i""")
    row = report.wait_done(db, config_id)
    assert row.status == 'COMPLETED', row.error_message
    path = out / 'han.pdf'
    pdf.check(path)
    assert len([name for name, *_ in pdf.fonts(path) if 'CJK' in name]) == 5
    text = re.sub(r'[^\u4e00-\u9fff]', '', ''.join(pdf.pages(path, '-raw')))
    assert text == ''.join(map(chr, range(19968, 19968 + 5000)))
    worker, = process.children(one.pid)
    used = re.search(r'VmHWM:\s+(\d+)',
                     pathlib.Path(f'/proc/{worker}/status').read_text())[1]
    assert int(used) / 1024 < 64


def test_control_characters_are_shown_as_a_sign(export):
    """In every text of a page, and without asking for it."""
    path = export(r"""select E'a\x01b\x0bc\x7f' as "label", 5 as n, E'g\x1f' as g,
        E'\u05e9\x02\u05dc' as hebrew, U&'\FFFE' as none, E'tab\tline\r\nend' as kept""",
                  title='Title', header='head', footer='foot', group_by='g',
                  sections=['section'], null='',
                  columns={'n': {'total': 'sum', 'label': 'n', 'format': '0""'}},
                  chart={'category': 'kept', 'values': ['n'], 'title': 'Chart'})
    text, = pdf.pages(path)
    for whole in ('Ti�tle', 'fo�ot', 'se�ction', 'la�bel', 'n�',
                  'a�b�c�', 'g: g�', '5�', 'Cha�rt', 'tab line'):
        assert whole in text, whole
    assert text.count('5�') >= 3  # the row, the subtotal, the total
    assert not re.search('[\0-\x08\x0b\x0e-\x1f\x7f]', text)


@pytest.mark.parametrize('font', ['No Such Font', 'DejaVu', 'nosuch, No Such Font', ','])
def test_a_font_that_is_not_installed_is_refused(run, font):
    done = run('select 1 as a', font=font)
    assert done.returncode != 0 and not done.path.exists()
    assert f'"font": no' in done.stderr and f'"{font}" is installed' in done.stderr
    nearest = re.search(r'after a comma: "(.*)"', done.stderr)[1]
    done = run('select 1 as a', font=nearest)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize('font, got', [
    ('dejavu SANS', 'DejaVuSans'), ('DejaVuSans', 'DejaVuSans'),
    ('No Such Font, DejaVu Sans Mono, Noto Sans', 'DejaVuSansMono'),
    # A font that fontconfig puts in another one's place is not that one.
    ('Arial, DejaVu Sans Mono', 'DejaVuSansMono'), ('monospace', ''), ('No, sans-serif', '')])
def test_the_first_font_that_is_installed_is_taken(export, font, got):
    names = [name for name, *_ in pdf.fonts(export('select 1 as a', font=font))]
    assert names and all(re.fullmatch(rf'\w+\+{got}(-.*)?', n) for n in names if got)


def test_a_font_of_ones_own(export):
    path = export("select 'abc' as a", font='DejaVu Sans Mono')
    assert {name.split('+')[1] for name, *_ in pdf.fonts(path)} == {
        'DejaVuSansMono', 'DejaVuSansMono-Bold'}


def test_a_variable_font_has_its_weights(export):
    """Inter is one file with all of them: the bold header is darker than the row."""
    path = export("select 'mmmmmmmm' as mmmmmmmm", font='Inter', font_size=20)
    if not any('Inter' in name for name, *_ in pdf.fonts(path)):
        pytest.skip('Inter is not installed')
    bold, plain = [word for word in pdf.words(path) if word.text == 'mmmmmmmm']
    picture = pdf.Picture(path, dpi=144)

    def ink(word):
        box = [int(2 * edge) for edge in word[1:5]]
        colours = picture.colours(*box)
        return sum(n for (r, _, _), n in colours.items() if r < 100)
    assert ink(bold) > 1.3 * ink(plain)
    assert bold.right - bold.left > plain.right - plain.left


# ---- runs ----

def test_a_report_in_pdf(db, daemon, out):
    daemon()
    config_id = report.submit(
        db, report_name='Täglich', created_by='ann', time_zone='Asia/Kolkata',
        export_sql="select timestamptz '2026-07-01 10:00Z' as at, U&'\\0378' as lost",
        output_format='PDF', output_path='report.pdf',
        output_options={'missing_glyph': 'replace'})
    row = report.wait_done(db, config_id)
    assert row.status == 'COMPLETED', row.error_message
    pdf.check(out / 'report.pdf')
    text, = pdf.pages(out / 'report.pdf')
    assert '2026-07-01 15:30:00' in text and 'Täglich' in text
    assert re.search(r'\d Asia/Kolkata$', text, re.M)
    about = pdf.info(out / 'report.pdf')
    assert (about['Title'], about['Author']) == ('Täglich', 'ann')
    run, = report.runs(db, config_id)
    assert 'no font has' in run.remark


def test_a_missing_character_fails_the_run(db, daemon, out):
    daemon()
    config_id = report.submit(db, export_sql="select U&'\\0378' as lost", max_retries=3,
                              output_format='PDF', output_path='report.pdf')
    row = report.wait_done(db, config_id)
    assert row.status == 'FAILED'
    assert 'U+0378' in row.error_message
    assert len(report.runs(db, config_id)) == 1
    assert [*out.iterdir()] == []


@pytest.mark.shipped
def test_memory_does_not_grow_with_the_rows(db, daemon, out):
    one = daemon(workers=1)
    used = []
    for rows in 20_000, 200_000:
        config_id = report.submit(
            db, output_format='PDF', output_path=f'{rows}.pdf', export_sql=f"""
            select i, md5(i::text), i * 0.5 as half, now(), current_date,
                case i % 100 when 0 then '東京 שלום 🎉' end as note
            from generate_series(1, {rows}) i""")
        row = report.wait_done(db, config_id, timeout=120)
        assert row.status == 'COMPLETED', row.error_message
        worker, = process.children(one.pid)
        text = pathlib.Path(f'/proc/{worker}/status').read_text()
        used.append(int(re.search(r'VmHWM:\s+(\d+)', text)[1]) / 1024)
    assert used[1] < 64
    assert used[1] < used[0] + 4
    pdf.check(out / '200000.pdf')


def test_the_page_has_every_option(db):
    page = (ROOT / 'docs/pdf.md').read_text()
    table = page.split('## Options')[1].split('\n## ')[0]
    found = {name for line in table.splitlines() if line.startswith('| `')
             for name in re.findall(r'`(\w+)`', line.split('|')[1])}
    assert found == {option['option'] for option in db.value(
        "select options from reportd.output_format where format = 'PDF'")}


def test_the_example_of_the_page_works(db, daemon, out):
    page = (ROOT / 'docs/pdf.md').read_text()
    db.execute(re.search(r'```sql\n(.*?)```', page, re.S)[1])
    daemon()
    row = report.wait_done(db, db.value('select max(config_id) from reportd.report_config'))
    assert row.status == 'COMPLETED', row.error_message
    path, = out.rglob('*.pdf')
    shown = re.search(r'```\n(.*?)```', page, re.S)[1]
    text = ''.join(pdf.pages(path))
    for line in shown.splitlines():
        words = line.split()
        if words and not re.search(r'\d\d:\d\d:\d\d', line):
            assert re.search(r'\s+'.join(map(re.escape, words)), text), line
