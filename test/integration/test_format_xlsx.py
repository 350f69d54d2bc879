# SPDX-License-Identifier: MIT
"""XLSX as openpyxl and LibreOffice read it."""

import csv
import datetime
import decimal
import json
import pathlib
import re
import zipfile

import pytest

from lib import matrix, pdf, process, report, shown, workbook
from lib.paths import ROOT

ZONE = 'Europe/Berlin'
ALL = 'select * from matrix order by n'
OFFSET = re.compile(r'[+-]\d\d(:\d\d)*$')
EPOCH = datetime.datetime(1899, 12, 30)

pytestmark = pytest.mark.skipif(not workbook.available(),
                                reason='openpyxl or LibreOffice is missing')


@pytest.fixture
def export(ctl, tmp_path):
    """export(sql, option=value...) writes a workbook; .said is what it said."""
    def run(sql=ALL, **options):
        path = tmp_path / 'book.xlsx'
        words = [f'--option={name}={value if isinstance(value, str) else json.dumps(value)}'
                 for name, value in options.items()]
        done = ctl('export', '--sql-file', '-', '-o', path, '--time-zone', ZONE,
                   *words, input=sql)
        assert done.returncode == 0, done.stderr
        run.said = done.stderr
        return path
    return run


# ---- what a cell should hold ----

def significant(text):
    whole, _, fraction = text.lstrip('-').partition('.')
    return len((whole + fraction.rstrip('0')).lstrip('0'))


def to_millisecond(value):
    """As far as Excel shows it: nothing is rounded up to the next second."""
    return value.replace(microsecond=value.microsecond // 1000 * 1000)


def moment(text):
    """The datetime that Excel can hold, or None."""
    try:
        value = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return to_millisecond(value) if value >= datetime.datetime(1900, 3, 1) else None


def number(text):
    """Integers of more than 15 digits are text, fractions are rounded."""
    if not text[-1].isdigit():
        return text
    if significant(text) > 15 or len(text) >= 40:
        if '.' not in text:
            return text
        context = decimal.Context(prec=15, rounding=decimal.ROUND_HALF_UP)
        rounded = context.create_decimal(text)
        exists = 1e-290 < abs(rounded) < 1e308 or rounded == 0
        return rounded if exists else text
    return decimal.Decimal(text)


def duration(text):
    """The timedelta of an interval, or its text: Excel has no negative ones, and a
    month is of no length."""
    found = re.fullmatch(r'(?:(\d+) days?)? ?(?:(\d+):(\d\d):(\d\d)(\.\d+)?)?', text)
    if not found or not text:
        return text
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups()[:4])
    if days + hours / 24 > 2958466:
        return text
    return datetime.timedelta(days, seconds, hours=hours, minutes=minutes,
                              milliseconds=int(float(found[5] or 0) * 1000))


def cut(text):
    """At 32,767 units of UTF-16, whole characters."""
    return text.encode('utf-16-le')[:2 * 32767].decode('utf-16-le', 'ignore')


def expected(kind, text):
    """The value of a cell by the name of its type and PostgreSQL's text."""
    if text is None:
        return None
    if re.match(r'(int[248]|numeric|oid)(\(|$)', kind) or kind == 'n':
        return number(text)
    if kind in ('float4', 'float8'):
        value = float(text)
        normal = value == 0 or 2.3e-308 < abs(value) < float('inf')
        return value if normal else text
    if kind == 'bool':
        return text == 't'
    if kind == 'time':
        return text if text == '24:00:00' else to_millisecond(
            datetime.time.fromisoformat(
                text if '.' not in text else text.ljust(15, '0')))
    if kind == 'interval':
        return duration(text)
    if kind == 'money':
        return decimal.Decimal(re.sub('[$,]', '', text))
    if kind in ('date', 'timestamp', 'timestamptz'):
        naive = OFFSET.sub('', text) if kind == 'timestamptz' else text
        if '.' in naive:
            naive = naive.ljust(26, '0')
        return moment(naive) or text
    return cut(text)


def expected_rows(db):
    """The header and the rows of table `matrix`, by what COPY says."""
    with db.connect(row_factory=None) as conn:
        conn.execute(f"set timezone = '{ZONE}'")
        cursor = conn.execute('select * from matrix limit 0')
        names = [column.name for column in cursor.description]
        with cursor.copy(f'copy ({ALL}) to stdout') as copy:
            copy.set_types(['text'] * len(names))
            lines = list(copy.rows())
    return names, [[expected(name, text) for name, text in zip(names, line)]
                   for line in lines]


def header(names):
    return [f'{name} ({ZONE})' if name == 'timestamptz' else name
            for name in names]


def check_openpyxl(path, names, want):
    sheet, = workbook.load(path).worksheets
    got = workbook.rows(sheet)
    assert got[0] == header(names)
    assert len(got) == len(want) + 1
    for number, (cells, row) in enumerate(zip(got[1:], want), 2):
        for name, one, other in zip(names, cells, row):
            where = f'{name} in row {number}'
            if isinstance(other, (datetime.time, datetime.datetime, datetime.timedelta)):
                assert one == other, where
            elif isinstance(other, decimal.Decimal):
                assert isinstance(one, (int, float)), where
                assert not isinstance(one, bool), where
                assert decimal.Decimal(str(one)) == other or one == float(other), where
            else:
                assert type(one) is type(other) or isinstance(other, float), where
                assert one == other, where


def check_exact(path, want):
    """Numbers as they stand in the file: openpyxl rounds them."""
    cells = workbook.raw(path)
    for number, row in enumerate(want, 2):
        for i, value in enumerate(row):
            if isinstance(value, datetime.datetime):
                kind, text = cells[f'{letters(i)}{number}']
                assert kind == 'n'
                got = EPOCH + datetime.timedelta(days=float(text))
                assert abs(got - value) < datetime.timedelta(microseconds=30), value
            elif isinstance(value, datetime.time):
                text = cells[f'{letters(i)}{number}'][1]
                micros = round(float(text) * 86400e6)
                assert (EPOCH + datetime.timedelta(microseconds=micros)).time() == value
            elif isinstance(value, datetime.timedelta):
                text = cells[f'{letters(i)}{number}'][1]
                assert abs(float(text) - value / datetime.timedelta(1)) < 1e-9


def letters(index):
    name = ''
    index += 1
    while index:
        index, digit = divmod(index - 1, 26)
        name = chr(65 + digit) + name
    return name


def check_libreoffice(path, folder, names, want):
    (got, ) = workbook.libreoffice(path, folder).values()
    width = len(names)
    assert [text for _, text in got[0]] == header(names)
    rows = [cells + [None] * (width - len(cells)) for cells in got[1:]]
    rows += [[None] * width] * (len(want) - len(rows))
    for number, (cells, row) in enumerate(zip(rows, want, strict=True), 2):
        for name, one, other in zip(names, cells, row):
            compare_libreoffice(one, other, f'{name} in row {number}')


def compare_libreoffice(one, other, where):
    if other is None:
        assert one is None, where
    elif isinstance(other, bool):
        assert one == ('boolean', str(other).upper()), where
    elif isinstance(other, (decimal.Decimal, float)):
        assert one[0] in ('float', 'currency'), where
        # Its file has 15 digits.
        assert float(one[1]) == pytest.approx(float(other), rel=1e-14), where
    elif isinstance(other, datetime.datetime):
        assert one[0] == 'date', where
        got = datetime.datetime.fromisoformat((one[1] + '0' * 7)[:26]
                                              if '.' in one[1] else one[1])
        # So far out it drops parts of a second.
        room = 1000 if other.year == 9999 else 10
        assert abs(got - other) < datetime.timedelta(milliseconds=room), where
    elif isinstance(other, datetime.timedelta):
        hours, minutes, seconds = re.fullmatch(
            r'PT(\d+)H(\d+)M([\d.]+)S', one[1]).groups()
        got = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        assert got == pytest.approx(other.total_seconds(), abs=1e-3), where
    elif isinstance(other, datetime.time):
        hours, minutes, seconds = re.fullmatch(
            r'PT(\d+)H(\d+)M([\d.]+)S', one[1]).groups()
        got = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        assert got == pytest.approx(
            other.hour * 3600 + other.minute * 60 + other.second
            + other.microsecond / 1e6, abs=1e-3), where
    elif other == '':
        # LibreOffice makes no difference between nothing and an empty text.
        assert one in (None, ('string', '')), where
    else:
        assert one[0] == 'string', where
        # LibreOffice makes line feeds of other line ends.
        assert one[1].replace('\r', '\n') == re.sub('\r\n?', '\n', other), where


def check(db, path, folder):
    names, want = expected_rows(db)
    workbook.parts(path)
    check_openpyxl(path, names, want)
    check_exact(path, want)
    check_libreoffice(path, folder, names, want)


def test_every_type_and_value_reads_back(db, export, tmp_path):
    matrix.create(db)
    check(db, export(), tmp_path)
    # The megabyte and the long bytea.
    assert '2 cells were cut at 32,767 characters' in export.said


@pytest.mark.parametrize('seed', range(6))
def test_random_schemas_and_values_read_back(db, export, tmp_path, seed):
    matrix.create_random(db, seed)
    check(db, export(), tmp_path)


# ---- what people see ----

def readers(path, folder):
    """What LibreOffice and SheetJS show of the only sheet."""
    workbook.convert(path, workbook.SHOWN, folder)
    file, = folder.glob(f'{path.stem}-*.csv')
    with open(file, newline='') as lines:
        calc = list(csv.reader(lines))
    (sheetjs, ) = shown.sheetjs(path).values()
    return calc, sheetjs


def squeezed(rows):
    return [[' '.join((text or '').split()) for text in row] for row in rows]


CODES = """select {} from (values
    (1, 847.934::numeric(12,3), 0.0::float8, timestamp '2026-12-31 23:59:59.999999',
        time '23:59:59.9999', interval '26 hours 5 minutes', 12345678901234567890::numeric),
    (2, -0.004, -0.5, '2026-03-01 12:00', '00:00:00.5', '00:59:59.9', -1),
    (3, -1234.5, 1.25, '2026-03-01 09:05:07', '12:30', '0', 0)
    ) t (nr, n, f, ts, t, i, big) order by nr"""
# Column, code, what the three rows show.
CODES_SHOWN = [
    ('n', '0.00', ['847.93', '0.00', '-1234.50']),
    ('n', '#,##0.0;(#,##0.0)', ['847.9', '(0.0)', '(1,234.5)']),
    ('n', '_(* #,##0.00_);_(* \\(#,##0.00\\);_(* "-"??_);_(@_)',
     ['847.93', '(0.00)', '(1,234.50)']),
    ('n', '#,##0.00 [$€-407]', ['847.93 €', '0.00 €', '-1,234.50 €']),
    ('n', '[>=100]0.0,"k";0', ['0.8k', '0', '-1235']),
    ('f', '0.0%', ['0.0%', '-50.0%', '125.0%']),
    ('f', '# ?/?', ['0', '- 1/2', '1 1/4']),
    ('ts', 'dd/mm/yyyy hh:mm', ['31/12/2026 23:59', '01/03/2026 12:00',
                                '01/03/2026 09:05']),
    ('ts', 'yyyy-mm-dd', ['2026-12-31', '2026-03-01', '2026-03-01']),
    ('ts', 'hh:mm:ss.00', ['23:59:59.99', '12:00:00.00', '09:05:07.00']),
    ('t', 'hh:mm', ['23:59', '00:00', '12:30']),
    ('t', 'hh:mm:ss', ['23:59:59', '00:00:00', '12:30:00']),
    ('i', '[h]:mm', ['26:05', '0:59', '0:00']),
    ('big', '#,##0', ['12,345,678,901,234,600,000', '-1', '0']),
]
# HTML has all the digits.
EXACT = {'12,345,678,901,234,600,000': '12,345,678,901,234,567,890'}


def zero(text):
    """The readers keep the minus sign of what is rounded to zero; Excel does not."""
    return re.sub(r'^-(?=[0.]+\D*$)', '', text)


def test_a_format_code_shows_the_same_in_every_format(ctl, export, tmp_path):
    names = [f'c{i}' for i in range(len(CODES_SHOWN))]
    columns = {name: {'format': code} for name, (_, code, _) in zip(names, CODES_SHOWN)}
    sql = CODES.format(', '.join(
        f'{column} as {name}' for name, (column, _, _) in zip(names, CODES_SHOWN)))
    calc, sheetjs = readers(export(sql, columns=columns), tmp_path)
    page = ctl('export', '--sql-file', '-', '--format', 'HTML', '--option',
               'columns=' + json.dumps(columns), input=sql)
    assert page.returncode == 0, page.stderr
    html = re.findall(r'<td[^>]*>([^<]*)</td>', page.stdout)
    for i, (_, code, want) in enumerate(CODES_SHOWN):
        assert [' '.join(text.split()) for text in html[i::len(names)]] == [
            EXACT.get(text, text) for text in want], code
        # Both lose the minus sign of a section with a condition:
        # https://github.com/SheetJS/sheetjs/issues/2586
        for rows in (calc, sheetjs) if '[>' not in code else ():
            assert [zero(row[i]) for row in squeezed(rows)[1:]] == want, code


# ---- on paper ----

FILM = """
    select i as film_id, 'Academy Dinosaur ' || i as title,
        'A ' || (array['Epic Drama', 'Thoughtful Documentary'])[1 + i % 2] || ' of a Feminist '
        'and a Mad Scientist who must battle a Teacher in the Canadian Rockies'
        || case when i % 7 = 0 then E'\\n\\nSpecial features:\\n- Trailers' else '' end
        as description,
        2006 as release_year, 'PG-13' as rating, 4.99::numeric(4,2) as rental_rate,
        20.99::numeric(5,2) as replacement_cost, make_interval(mins => 60 + i) as length,
        timestamp '2026-02-15 05:03:42' as last_update, i * 1234.5 as revenue
    from generate_series(1, 160) i order by 1"""


def printed(path, folder):
    """The pages as LibreOffice prints them."""
    return pdf.pages(workbook.convert(path, 'pdf', folder), '-layout')


def test_ten_columns_print_as_wide_as_a_page(export, tmp_path):
    pages = printed(export(FILM), tmp_path)
    # 160 rows of two lines and more.
    assert len(pages) <= 9
    for number, page in enumerate(pages, 1):
        assert 'film_id' in page and 'revenue' in page
        assert f'{number}/{len(pages)}' in page.replace(' ', '')
    text = ' '.join(' '.join(pages).split())
    assert text.count('Canadian Rockies') == 160
    assert text.count('- Trailers') == 22
    assert '###' not in text


def test_a_printed_page_says_the_title_and_the_section(export, tmp_path):
    title = 'Q & A: 5 "&D" ' + 'ä🎉' * 60
    path = export('select 1 as a; select 2 as b', title=title,
                  sections=['2026 & before', 'x' * 300])
    for number in [1, 2]:
        sheet = workbook.parts(path)[f'xl/worksheets/sheet{number}.xml']
        header, = sheet.iter(f'{workbook.MAIN}oddHeader')
        # Excel takes no more.
        assert 100 < len(header.text.encode('utf-16-le')) / 2 <= 255
    first, second = printed(path, tmp_path)
    assert 'Q & A: 5 "&D" ä🎉ä🎉' in first and '2026 & before' in first
    assert 'Q & A: 5 "&D" ä🎉ä🎉' in second and 'xxxxx…' in second
    page, = printed(export('select 1 as a', title='Alone'), tmp_path)
    assert ''.join(page.split()) == 'Alonea1Alone1/1'
    # Texts that a reader would take for escapes are guarded, as in cells.
    export('select 1 as a', title='_x0041_')
    header, = workbook.parts(path)['xl/worksheets/sheet1.xml'].iter(f'{workbook.MAIN}oddHeader')
    assert header.text.endswith('_x005F_x0041_')


def test_what_comes_later_is_never_hashes(export, tmp_path):
    path = export(
        """select i as id, case when i < 2000 then i else 123456789012 + i end::numeric(14,2)
                as amount, case when i < 2000 then 1 else -98765432 end * interval '1 s' * -1
                as lasts, case when i < 2000 then date '2026-05-01' else '2026-09-30' end
                as day, i * 1e9::float8 as weight
            from generate_series(1, 2020) i order by 1""",
        columns={'amount': {'format': '#,##0.00 "€"', 'total': 'sum'},
                 'id': {'total': 'sum'}, 'day': {'format': 'dddd, d mmmm yyyy'}})
    text = '\n'.join(printed(path, tmp_path))
    assert '###' not in text
    assert '123,456,791,032.00 €' in text
    assert 'Wednesday, 30 September 2026' in text
    assert '2,592,594,610,462.00 €' in text     # the total


def test_wide_letters_are_not_cut(export, tmp_path):
    """They are as wide as two digits; a cell hides what is longer."""
    texts = ['MWMWMWMWMWMW', 'WQ@WQ@' * 5, 'MANAGER OF MEMORANDA WWW', 'РУКОВОДИТЕЛЬ МОСКОВСКОГО ФИЛИАЛА',
             ' '.join(['WWMMWWMM'] * 6), 'GEMMA WHO WOMMM']
    columns = ', '.join(f"'{text}' as c{i}" for i, text in enumerate(texts))
    path = export(f'select {columns} from generate_series(1, 3)', columns={'c5': {'width': 16}})
    words = [*pdf.words(workbook.convert(path, 'pdf', tmp_path))]
    starts = [word.left for word in words if word.text in ('c0', 'c1', 'c2', 'c3', 'c4', 'c5')]
    assert len(starts) == 6
    for text, right in zip(texts, [*starts[1:], None]):
        parts = [word for word in words if word.text in text.split()]
        # Whole, and left of the next column.
        assert len(parts) >= 3 * len(text.split()), text
        assert right is None or all(word.right < right for word in parts), text


def test_a_chart_is_on_one_page(export, tmp_path):
    wide = ', '.join(f"'a text of some length' as c{i}" for i in range(14))
    path = export(f"select 'r' || i as region, i as amount, {wide} from generate_series(1, 5) i",
                  chart={'type': 'bar', 'category': 'region', 'values': ['amount'],
                         'title': 'Amounts by region'})
    pages = printed(path, tmp_path)
    alone = [page for page in pages if 'Amounts by region' in page]
    assert len(alone) == 1
    assert 'a text of some length' not in alone[0]
    assert re.search(r'r1\s+r2\s+r3\s+r4\s+r5', alone[0])


def test_no_line_of_a_chart_is_on_a_further_page(export, tmp_path):
    """The header is repeated there, with whatever touches it."""
    path = export("select 'r' || i as region, i as amount from generate_series(1, 60) i",
                  chart={'type': 'bar', 'category': 'region', 'values': ['amount']})
    paper = workbook.convert(path, 'pdf', tmp_path)
    assert len(pdf.pages(paper)) == 2
    first, second = (pdf.Picture(paper, page) for page in (1, 2))
    # Beside the table, between title and page number.
    left, top, bottom = first.width // 3, 50, first.height - 60
    assert len(first.colours(left, top, None, bottom)) > 3
    assert [*second.colours(left, top, None, bottom)] == [(255, 255, 255)]


# ---- what is said ----

def test_a_long_number_with_a_format_is_a_number_and_the_run_says_so(export):
    path = export("select 12345678901234567::int8 as id, 1234567890123456789.5 as n, "
                  "avg(x) from (values (1), (2), (2)) t (x)",
                  columns={'id': {'format': '0'}})
    sheet = workbook.load(path).active
    assert [cell.data_type for cell in sheet[2]] == ['n', 'n', 'n']
    assert [cell.value for cell in sheet[2]] == [
        12345678901234600, 1.23456789012346e18, 1.66666666666667]
    assert '3 numbers were rounded to 15 digits' in export.said


def test_a_code_that_does_not_fit_its_column_is_refused(ctl, tmp_path):
    for sql, code, why in [
            ('select 1 as x', '#.##0,00 "€"', 'a comma for thousands'),
            ('select 1 as x', 'TT.MM.JJJJ', 'd m y h s for dates'),
            ('select 1 as x', 'hh:mm', 'shows a date or time'),
            ('select current_date as x', '0.00', 'shows a number'),
            ("select time '9:30' as x", 'd.m.yyyy', 'shows a day')]:
        done = ctl('export', '--sql', sql, '-o', tmp_path / 'book.xlsx', '--option',
                   'columns=' + json.dumps({'x': {'format': code}}))
        assert done.returncode != 0
        assert why in done.stderr


# ---- what the options make of it ----

SALES = """select * from (values
    ('North', date '2026-01-01', 1234.50::numeric(9,2), 3, true),
    ('South & East', '2026-02-01', -20.25, null, false),
    ('West', '2026-03-01', 0.75, 5, null)
) t (region, month, amount, items, paid)"""


def test_columns_are_shown_as_asked(export):
    path = export(SALES, columns={
        'amount': {'label': 'Amount <€>', 'format': '#,##0.00 "€";[Red]-0.00',
                   'width': 25},
        'month': {'format': 'mmm yyyy', 'align': 'center'}})
    sheet, = workbook.load(path).worksheets
    assert [cell.value for cell in sheet[1]] == [
        'region', 'month', 'Amount <€>', 'items', 'paid']
    assert all(cell.font.bold for cell in sheet[1])
    assert not sheet['A2'].font.bold
    assert sheet['C2'].number_format == '#,##0.00 "€";[Red]-0.00'
    assert sheet['C2'].alignment.horizontal == 'right'
    assert sheet['B2'].number_format == 'mmm yyyy'
    assert sheet['B2'].is_date
    assert sheet['B2'].alignment.horizontal == 'center'
    assert sheet['D2'].number_format == '0'
    assert sheet.column_dimensions['C'].width == 25
    assert sheet.column_dimensions['A'].width >= len('South & East')
    assert sheet.freeze_panes == 'A2'
    assert sheet.auto_filter.ref == 'A1:E4'
    assert sheet.print_title_rows == '$1:$1'


def test_totals_are_formulas_that_agree_with_their_results(export, tmp_path):
    path = export(SALES, columns={
        'amount': {'total': 'sum'}, 'items': {'total': 'avg'},
        'month': {'total': 'max'}, 'paid': {'total': 'count'}})
    formulas = [cell.value for cell in workbook.load(path).active[5]]
    assert formulas == ['Total', '=SUBTOTAL(104,B2:B4)', '=SUBTOTAL(109,C2:C4)',
                        '=SUBTOTAL(101,D2:D4)', '=SUBTOTAL(103,E2:E4)']
    results = [cell.value for cell in workbook.load(path, data_only=True).active[5]]
    assert results == ['Total', datetime.datetime(2026, 3, 1), 1215, 4, 2]
    # Computed again.
    (sheet, ) = workbook.libreoffice(path, tmp_path).values()
    assert [value for _, value in sheet[4]] == [
        'Total', '2026-03-01', '1215', '4', '2']


@pytest.mark.shipped
@pytest.mark.parametrize('filter', [True, False])
def test_a_text_does_not_touch_the_number_before_it(export, filter):
    sheet = workbook.load(export(
        "select 0.5 as a, interval '1 hour' as b, date '2026-03-19' as c, 'x' as d, 1 as e, "
        "'y' as f, true as g, 1.5::float8 as h, 2.5::float8 as i", autofilter=filter,
        columns={'a': {'format': '# ?/?', 'total': 'sum'}, 'i': {'align': 'left'},
                 'f': {'total': 'count'}})).active
    assert [[cell.alignment.indent for cell in row] for row in sheet] == [
        [2 * filter if i in (0, 1, 4, 7) else i in (2, 5, 8) for i in range(9)],
        *([i in (2, 5, 8) for i in range(9)],
          [i == 5 for i in range(9)])]


@pytest.mark.parametrize('kind', ['line', 'bar', 'pie'])
def test_a_chart_stands_beside_the_table(export, tmp_path, kind):
    values = ['amount'] if kind == 'pie' else ['amount', 'items']
    # A pie has no negative slices.
    sales = SALES.replace('-20.25', '20.25') if kind == 'pie' else SALES
    path = export(sales, title='Q1', chart={
        'type': kind, 'category': 'region', 'values': values, 'title': 'A & B'})
    chart, = workbook.load(path).active._charts
    assert type(chart).__name__.lower() == f'{kind}chart'
    assert [series.val.numRef.f for series in chart.series] == [
        f"'Q1'!${column}$2:${column}$4" for column in 'CD'[:len(values)]]
    assert {series.cat.strRef.f for series in chart.series} == {"'Q1'!$A$2:$A$4"}
    assert [series.tx.strRef.f for series in chart.series] == [
        f"'Q1'!${column}$1" for column in 'CD'[:len(values)]]
    text = workbook.convert(path, 'fods', tmp_path).read_text()
    assert {'line': 'chart:line', 'bar': 'chart:bar', 'pie': 'chart:circle'}[kind] in text
    assert 'A &amp; B' in text and 'Q1.C2:Q1.C4' in text


@pytest.mark.parametrize('code, shown', [
    (None, ['-400,000', '0', '1,600,000']), ('#,##0.00 "€"', ['0.00 €', '1,600,000.00 €'])])
@pytest.mark.parametrize('kind', ['line', 'bar'])
def test_the_axis_of_a_chart_has_the_format_of_its_column(
        export, tmp_path, kind, code, shown):
    page, = printed(export(
        "select * from (values ('a', 1400000.5), ('b', -250000)) t (x, y)",
        columns={'y': {'format': code}} if code else {},
        chart={'type': kind, 'category': 'x', 'values': ['y']}), tmp_path)
    for text in shown:
        assert re.search(rf'\s{re.escape(text)}$', page, re.M), page


def test_the_axis_of_a_chart_has_signs_and_steps(export, tmp_path):
    """A code of several sections would show -5 as 5, and 1000.25 as 1,000."""
    cases = [('bar', '-5, 12', ['-6', '0', '14']), ('line', '-190, -110', ['-200', '-100']),
             ('line', '1000.25, 1001', ['1000.2', '1000.4', '1001']),
             ('bar', '300, 1400', ['200', '1,400'])]
    paths = [export(
        f"select i as x, v as y from unnest(array[{values}]::numeric[]) with ordinality t (v, i)",
        chart={'type': type, 'category': 'x', 'values': ['y'], 'title': 'chart'}).rename(
            tmp_path / f'axis{i}.xlsx') for i, (type, values, _) in enumerate(cases)]
    # One start of LibreOffice for all.
    for paper, (*_, shown) in zip(workbook.convert_all(paths, 'pdf', tmp_path), cases, strict=True):
        page, = pdf.pages(paper, '-layout')
        axis = page[page.index('chart'):]
        for text in shown:
            assert re.search(rf'(?<!\S){re.escape(text)}$', axis, re.M), page


@pytest.mark.parametrize('type', ['bar', 'pie'])
def test_a_chart_of_nothing_says_so(export, tmp_path, type):
    value = 'null::int' if type == 'bar' else '0'
    for title, shown in ({}, 'no data'), ({'title': 'Sales'}, 'Sales: no data'):
        path = export(f"select 'a' as x, {value} as y",
                      chart={'type': type, 'category': 'x', 'values': ['y'], **title})
        book = workbook.parts(path)['xl/charts/chart1.xml']
        drawing = '{http://schemas.openxmlformats.org/drawingml/2006/main}t'
        assert ''.join(one.text for one in book.iter(drawing)) == shown


@pytest.mark.parametrize('first, step, code, shown, hidden', [
    ("timestamp '2026-01-01'", '1 year', None, '2027', '2027-01'),
    ("date '2026-01-01'", '1 month', None, '2026-02', '2026-02-01'),
    ("timestamptz '2026-07-01 00:00+02'", '1 day', None, '07-02', '00:00'),
    ("time '08:00'", '15 min', None, '08:15', '08:15:00'),
    ("timestamp '2026-07-01'", '1 day', 'd.m.', '2.7.', '07-02'),
    # One that is text in the table: all stand as the cells show them.
    ("timestamp '1850-01-01'", '1 year', None, '1851-01-01', None)])
def test_categories_are_times_as_short_as_can_be(
        export, tmp_path, first, step, code, shown, hidden):
    path = export(f"select {first} + i * interval '{step}' as at, 10 * i as y "
                  'from generate_series(0, 5) i',
                  columns={'at': {'format': code}} if code else {},
                  chart={'type': 'bar', 'category': 'at', 'values': ['y']})
    page, = printed(path, tmp_path)
    axis = page[page.rindex(' 0\n'):]
    assert shown in axis
    assert hidden is None or hidden not in axis


def test_a_pie_has_the_share_of_each_slice(export, tmp_path):
    page, = printed(export(
        "select * from (values ('a', 1), ('b', 2)) t (x, y)",
        chart={'type': 'pie', 'category': 'x', 'values': ['y']}), tmp_path)
    assert '33.3 %' in page and '66.7 %' in page


def test_statements_are_sheets_of_one_book(export, tmp_path):
    path = export('select 1 as a; select 2 as b, 3 as c; select 4 as d where false',
                  sections=["it's <1>", 'IT\'S <1>', 'a/b: ' + 'long ' * 9])
    book = workbook.load(path)
    names = ["it's <1>", "IT'S <1> (2)", 'a_b_ long long long long long l']
    assert book.sheetnames == names
    assert [workbook.rows(sheet) for sheet in book.worksheets] == [
        [['a'], [1]], [['b', 'c'], [2, 3]], [['d']]]
    assert list(workbook.libreoffice(path, tmp_path)) == names


def test_the_book_says_what_it_is(export):
    path = export("select timestamptz '2026-07-01 12:00Z' as at", title='A <title>')
    book = workbook.load(path)
    assert book.properties.title == 'A <title>'
    assert ZONE in book.properties.description
    age = datetime.datetime.utcnow() - book.properties.created
    assert abs(age) < datetime.timedelta(hours=1)
    assert workbook.rows(book.active) == [
        [f'at ({ZONE})'], [datetime.datetime(2026, 7, 1, 14)]]
    assert book.sheetnames == ['A <title>']


def test_a_cut_table_says_so(export):
    path = export('select generate_series(1, 5) as n', max_rows=2)
    rows = workbook.rows(workbook.load(path).active)
    assert rows[:3] == [['n'], [1], [2]]
    assert 'there are more' in rows[3][0]


def test_no_rows_leave_the_header(export, tmp_path):
    path = export('select 1 as a, 2 as b where false')
    assert workbook.rows(workbook.load(path).active) == [['a', 'b']]
    (sheet, ) = workbook.libreoffice(path, tmp_path).values()
    assert sheet == [[('string', 'a'), ('string', 'b')]]
    workbook.parts(export('select'))


def test_excel_is_another_name(ctl, tmp_path):
    for name in 'excel', 'XLSX':
        path = tmp_path / 'book'
        done = ctl('export', '--sql', 'select 1 as a', '--format', name, '-o', path)
        assert done.returncode == 0, done.stderr
        assert workbook.rows(workbook.load(open(path, 'rb')).active) == [['a'], [1]]


def test_the_same_rows_give_the_same_sheet(export):
    sheets = []
    for _ in range(2):
        with zipfile.ZipFile(export(SALES)) as archive:
            sheets.append(archive.read('xl/worksheets/sheet1.xml'))
            assert {info.date_time[0] for info in archive.infolist()} == {1980}
    assert sheets[0] == sheets[1]


# ---- large ones ----

def sheet_text(path, number):
    with zipfile.ZipFile(path) as archive:
        return archive.read(f'xl/worksheets/sheet{number}.xml')


def test_row_1048577_is_on_the_next_sheet(export):
    path = export('select generate_series(1, 1048578) as n', title='Large')
    book = workbook.load(path, read_only=True)
    assert book.sheetnames == ['Large', 'Large (2)']
    assert workbook.rows(book['Large (2)']) == [['n'], [1048576], [1048577], [1048578]]
    first = sheet_text(path, 1)
    assert first.count(b'<row ') == 1048576
    assert b'<row r="1048576"><c r="A1048576" s="1"><v>1048575</v></c></row></sheetData>' \
        in first
    assert b'<autoFilter ref="A1:A1048576"/>' in first


@pytest.mark.shipped
def test_memory_does_not_grow_with_the_rows(db, daemon, out):
    one = daemon(workers=1)
    used = []
    for rows in 20_000, 200_000:
        config_id = report.submit(
            db, output_format='EXCEL', output_path=f'{rows}.xlsx', export_sql=f"""
            select i, md5(i::text), i * 0.5, now(), current_date
            from generate_series(1, {rows}) i""")
        row = report.wait_done(db, config_id)
        assert row.status == 'COMPLETED', row.error_message
        assert zipfile.is_zipfile(out / f'{rows}.xlsx')
        worker, = process.children(one.pid)
        text = pathlib.Path(f'/proc/{worker}/status').read_text()
        used.append(int(re.search(r'VmHWM:\s+(\d+)', text)[1]) / 1024)
    assert used[1] < 32
    assert used[1] < used[0] + 4


def test_the_page_has_every_option(db):
    page = (ROOT / 'docs/xlsx.md').read_text()
    table = page.split('## Options')[1].split('\n## ')[0]
    found = {name for line in table.splitlines() if line.startswith('| `')
             for name in re.findall(r'`(\w+)`', line.split('|')[1])}
    assert found == {option['option'] for option in db.value(
        "select options from reportd.output_format where format = 'XLSX'")}


def test_the_example_of_the_page_works(db, daemon, out):
    page = (ROOT / 'docs/xlsx.md').read_text()
    db.execute(re.search(r'```sql\n(.*?)```', page, re.S)[1])
    daemon()
    row = report.wait_done(db, db.value('select max(config_id) from reportd.report_config'))
    assert row.status == 'COMPLETED', row.error_message
    path, = out.rglob('*.xlsx')
    rows = workbook.rows(workbook.load(path, data_only=True).active)
    assert rows[0] == ['region', 'month', 'Amount', 'items']
    assert rows[-1] == ['Total', None, 1215, 4]
