# SPDX-License-Identifier: MIT
"""Charts: the same ones are drawn, and refused, in each format that has them."""

import collections
import datetime
import json
import re
import shutil

import pytest

from lib import browser, pdf, report, workbook

FORMATS = ['pdf', 'html', 'xlsx']
SALES = """select * from (values ('North', 10, 3), ('South', 20, 4), ('East', 5, 5))
    t (region, amount, items)"""

pytestmark = pytest.mark.skipif(not pdf.available() or not shutil.which('chromium'),
                                reason='a reader of PDF or a browser is missing')


@pytest.fixture
def run(ctl, tmp_path):
    """run(format, sql, chart={}...): reportctl export to .path, whatever comes of it."""
    def run(kind, sql, **options):
        path = tmp_path / f'report.{kind}'
        words = [f'--option={name}={json.dumps(value)}' for name, value in options.items()]
        done = ctl('export', '--sql-file', '-', '-o', path, *words, input=sql)
        done.path = path
        return done
    return run


@pytest.fixture
def export(run):
    def export(kind, sql, **options):
        done = run(kind, sql, **options)
        assert done.returncode == 0, done.stderr
        return done.path
    return export


def svg(path):
    """Size, texts with their boxes, and the colours of areas, as a browser has them."""
    return json.loads(browser.probe(path, """
        const svg = document.querySelector('svg'), outer = svg.getBoundingClientRect();
        const box = e => { const b = e.getBoundingClientRect(); return [
            b.left - outer.left, b.top - outer.top, b.right - outer.left,
            b.bottom - outer.top]; };
        return JSON.stringify({size: [outer.width, outer.height],
            texts: [...svg.querySelectorAll('text')].map(
                e => [e.textContent, box(e), e.hasAttribute('transform')]),
            areas: [...svg.querySelectorAll('polygon')].map(
                e => getComputedStyle(e).fill)})"""))


def charts(path):
    """How many an output has."""
    if path.suffix == '.html':
        return path.read_text().count('<svg')
    if path.suffix == '.xlsx':
        return sum(len(sheet._charts) for sheet in workbook.load(path).worksheets)
    return ''.join(pdf.pages(path)).count('@chart@')


# ---- what is refused ----

@pytest.mark.parametrize('kind', FORMATS)
@pytest.mark.parametrize('chart, message', [
    ({'category': 'Region', 'values': ['amount']},
     'the result has no column "Region", which "chart" names; '
     'its columns: region, amount, items'),
    ({'category': 'region', 'values': ['amount', 'costs']}, 'no column "costs"'),
    ({'category': 'region', 'values': ['amount'], 'section': 'One'},
     '"chart" names the section "One", which is not one of "sections"'),
    ({'category': 'region', 'values': []}, '"chart.values" must not be empty'),
    ({'category': 'amount', 'values': ['region']}, '"region": it holds no numbers')])
def test_a_chart_that_cannot_be_is_refused(run, kind, chart, message):
    done = run(kind, SALES, chart=chart)
    assert done.returncode != 0 and message in done.stderr, done.stderr
    assert not done.path.exists()


@pytest.mark.parametrize('kind', FORMATS)
def test_one_of_several_results_has_the_columns(run, export, kind):
    chart = {'category': 'region', 'values': ['amount'], 'title': '@chart@'}
    path = export(kind, f'select 1 as a; {SALES}; select 2 as b; {SALES}', chart=chart)
    assert charts(path) == 2
    done = run(kind, 'select 1 as region; select 2 as amount', chart=chart)
    assert done.returncode != 0
    assert ('no result has all columns of the chart: the last one has no column "region", '
            'which "chart" names; its columns: amount') in done.stderr


@pytest.mark.parametrize('kind', FORMATS)
def test_a_section_is_named_by_the_options(run, export, kind):
    chart = {'category': 'region', 'values': ['amount'], 'title': '@chart@'}
    two = f'{SALES}; {SALES}'
    path = export(kind, two, chart=chart | {'section': 'Two'}, sections=['One', 'Two'])
    assert charts(path) == 1
    done = run(kind, two, chart=chart | {'section': 'Too'}, sections=['One', 'Two'])
    assert '"Too", which is not one of "sections": One, Two' in done.stderr
    done = run(kind, f'{SALES}; select 1 as a', chart=chart | {'section': 'Two'},
               sections=['One', 'Two'])
    assert 'names the column "region", which section "Two" does not have' in done.stderr


@pytest.mark.parametrize('where', [
    lambda chart: {'chart': chart},
    lambda chart: {'PDF': {'chart': chart}},
    lambda chart: {'chart': chart | {'section': 'One'}, 'PDF': {'chart': chart}}],
    ids=['of all formats', 'of one', 'of one in place of that of all'])
def test_the_queue_and_a_run_agree_on_the_section_of_several_formats(
        ctl, db, daemon, out, where):
    daemon()
    chart = {'category': 'region', 'values': ['amount'], 'title': '@chart@'}
    sql = f'{SALES}; {SALES}'

    def options(section):
        return {'sections': ['One', 'Two'], **where(chart | {'section': section})}

    row = report.wait_done(db, report.submit(
        db, export_sql=sql, output_format='XLSX,PDF,CSV', output_path='a{part}.{ext}',
        output_options=options('Two')))
    assert row.status == 'COMPLETED', row.error_message
    [path] = out.glob('*.pdf')
    assert charts(path) == 1
    with pytest.raises(Exception, match='names the section "Too", which is not one of'):
        report.submit(db, export_sql=sql, output_format='XLSX,PDF', output_path='a.{ext}',
                      output_options=options('Too'))
    done = ctl('export', '--sql', sql, '--format', 'XLSX,PDF', '-o', out / 'b.{ext}',
               *(f'--option={k}={json.dumps(v)}' for k, v in options('Too').items()))
    assert done.returncode != 0 and 'names the section "Too", which is not' in done.stderr


@pytest.mark.parametrize('kind', FORMATS)
def test_a_pie_has_no_negative_slices_in_any_format(run, export, kind):
    sql = "select * from (values ('a', 5.5), ('b', {}), ('c', null)) t (x, y)"
    chart = {'type': 'pie', 'category': 'x', 'values': ['y']}
    done = run(kind, sql.format('-0.25'), chart=chart)
    assert done.returncode != 0
    assert 'no place for the negative value -0.25 of "b": draw bars' in done.stderr
    export(kind, sql.format('-0.00'), chart=chart)
    export(kind, sql.format('-0.25'), chart=chart | {'type': 'bar'})


def test_a_run_with_such_a_chart_fails_for_good(db, daemon, out):
    daemon()
    config_id = report.submit(
        db, export_sql=SALES, output_format='PDF', output_path='a.pdf', max_retries=3,
        output_options={'chart': {'category': 'area', 'values': ['amount']}})
    row = report.wait_done(db, config_id)
    assert row.status == 'FAILED' and 'its columns: region, amount' in row.error_message
    assert len(report.runs(db, config_id)) == 1
    assert [*out.iterdir()] == []


# ---- what is drawn ----

@pytest.mark.parametrize('kind', ['bar', 'line', 'pie'])
def test_without_data_a_chart_says_so(export, kind):
    for sql in SALES + ' where false', 'select region, null::int as amount from (' + SALES + ') s':
        chart = {'type': kind, 'category': 'region', 'values': ['amount'], 'title': 'Sales'}
        drawn = svg(export('html', sql, chart=chart))
        assert [text for text, *_ in drawn['texts']] == ['Sales', 'no data']
        assert drawn['areas'] == []
        assert 'no data' in pdf.pages(export('pdf', sql, chart=chart))[0]


@pytest.mark.shipped
@pytest.mark.parametrize('category, labels', [
    ("date '2025-03-29' + i", r'2025-0\d-\d\d'),
    ("timestamp '2025-03-29' + i * interval '1 day'", r'2025-0\d-\d\d'),
    ("timestamp '2025-03-29 22:30' + i * interval '1 hour'", r'2025-0\d-\d\d \d\d:30'),
    ("date '2024-11-01' + i * interval '1 month'", r'20\d\d-\d\d'),
    ("make_date(2000 + i, 1, 1)", r'20\d\d'),
    ("i * 1000000", r'\d+000000')])
@pytest.mark.parametrize('rows', [3, 30])
def test_labels_of_an_axis_are_whole_and_apart(export, category, labels, rows):
    sql = f'select {category} as x, i as y from generate_series(1, {rows}) i'
    chart = {'type': 'line', 'category': 'x', 'values': ['y']}
    drawn = svg(export('html', sql, chart=chart))
    width = drawn['size'][0]
    bottom = max(box[1] for _, box, _ in drawn['texts'])
    axis = [(text, box) for text, box, _ in drawn['texts'] if abs(box[1] - bottom) < 1]
    assert 2 <= len(axis) <= rows
    assert all(re.fullmatch(labels, text) for text, _ in axis), axis
    assert all(left >= -0.5 and right <= width + 0.5 for _, (left, _, right, _) in axis)
    assert all(a[2] < b[0] for (_, a), (_, b) in zip(axis, axis[1:]))
    words = [*pdf.words(export('pdf', sql, chart=chart))]
    assert {*axis[0][0].split()} <= {word.text for word in words}
    assert all(33 < word.left < word.right < 562.5 for word in words)


def test_each_name_has_a_label_however_many_there_are(export):
    for rows in 2, 5, 9, 24:
        sql = f"""select (array['Garden furniture', 'Electronics', 'Books and newspapers',
            'Food'])[i % 4 + 1] || ' ' || i as x, i as y from generate_series(1, {rows}) i"""
        path = export('html', sql, chart={'category': 'x', 'values': ['y']})
        drawn = svg(path)
        width, height = drawn['size']
        assert all(left >= -1 and top >= -1 and right <= width + 1 and bottom <= height + 1
                   for _, (left, top, right, bottom), _ in drawn['texts'])
        text = ' '.join(text for text, *_ in drawn['texts'])
        assert all(f'{name} {i}' in text for i in range(1, rows + 1)
                   for name in [['Garden furniture', 'Electronics', 'Books and newspapers',
                                 'Food'][i % 4]])


NAMES = {
    'end': "'Department of many things ' || md5(i::text) || ' of all countries' || i",
    'beginning': "'Department of many things that are of some importance ' || i",
    'after the beginning': "'Department of many things that are of some importance ' || i || "
                           "' for all of the countries in the whole of the world'",
    'middle': "chr(64 + i) || repeat('o', 90) || chr(90 - i)"}


@pytest.mark.parametrize('kind', ['bar', 'pie'])
@pytest.mark.parametrize('differ', NAMES)
def test_long_names_are_cut_where_they_stay_different(export, kind, differ):
    sql = f'select {NAMES[differ]} as x, i as y from generate_series(1, 12) i'
    drawn = svg(export('html', sql, chart={'type': kind, 'category': 'x', 'values': ['y']}))
    cut = [text for text, *_ in drawn['texts'] if '…' in text]
    assert len(cut) == 12 == len(set(cut)), cut
    assert all(left >= -1 and right <= drawn['size'][0] + 1
               for _, (left, _, right, _), _ in drawn['texts'])


def test_long_names_that_differ_at_once_are_cut_at_their_end(export):
    sql = "select md5(i::text) || repeat(' more', 20) as x, i as y from generate_series(1, 12) i"
    drawn = svg(export('html', sql, chart={'category': 'x', 'values': ['y']}))
    cut = [text for text, *_ in drawn['texts'] if '…' in text]
    assert len(cut) == 12 and all(re.fullmatch('[0-9a-f]+…', text) for text in cut)


def test_the_only_slice_has_no_edge(export):
    chart = {'type': 'pie', 'category': 'x', 'values': ['y']}
    one = export('html', "select 'a' as x, 1 as y", chart=chart).read_text()
    two = export('html', "select i as x, i as y from generate_series(1, 2) i",
                 chart=chart).read_text()
    assert one.count('<polyline') == 0 and two.count('<polyline') == 2


def marks(path):
    """For each series, the mark of its line and the points that have one of their own."""
    space = '{http://schemas.openxmlformats.org/drawingml/2006/chart}'
    root = workbook.parts(path)['xl/charts/chart1.xml']
    return [(one.find(f'{space}marker/{space}symbol').get('val'),
             [int(point.find(f'{space}idx').get('val')) for point in one.iter(f'{space}dPt')
              if point.find(f'{space}marker/{space}symbol').get('val') != 'none'])
            for one in root.iter(f'{space}ser')]


@pytest.mark.parametrize('rows, mark, points', [(1, 'square', []), (40, 'square', []),
                                                (41, 'none', [0, 20, 40])])
def test_a_point_without_neighbours_is_seen_in_a_workbook(export, rows, mark, points):
    """No line reaches it."""
    path = export('xlsx', f"""select i, case when i % 20 = 0 then i end as alone,
        case when i = 7 then 'NaN' when i <> 9 then i::float end as gaps
        from generate_series(0, {rows - 1}) i""",
                  chart={'type': 'line', 'category': 'i', 'values': ['alone', 'gaps']})
    assert marks(path) == [(mark, points), (mark, [8] if points else [])]


def test_months_and_hours_that_come_twice_are_told_apart(run, export, ctl, tmp_path):
    drawn = svg(export(
        'html', "select date '2025-12-01' + i * 365 as x, i as y from generate_series(0, 1) i",
        columns={'x': {'format': 'mmm'}}, chart={'category': 'x', 'values': ['y']}))
    assert {'Dec 2025', 'Dec 2026'} <= {text for text, *_ in drawn['texts']}
    path = tmp_path / 'hours.html'
    done = ctl('export', '-o', path, '--time-zone', 'Europe/Berlin', '--option',
               'chart={"category": "x", "values": ["y"]}', '--sql',
               "select timestamptz '2026-10-25 00:00Z' + i * interval '1 hour' as x, "
               'i as y from generate_series(0, 1) i')
    assert done.returncode == 0, done.stderr
    assert {'2026-10-25 02:00+02', '2026-10-25 02:00+01'} <= {
        text for text, *_ in svg(path)['texts']}


def test_the_smallest_slices_of_a_pie_are_one(export):
    # Its largest value comes last.
    sql = "select 'slice ' || i as x, i * i as y from generate_series(1, 20) i"
    path = export('html', sql, chart={'type': 'pie', 'category': 'x', 'values': ['y']})
    texts = [text for text, *_ in svg(path)['texts']]
    assert [text for text in texts if 'slice' in text or text == 'other'] == [
        *(f'slice {i}' for i in range(10, 21)), 'other']
    total = sum(i * i for i in range(1, 21))
    assert f'{sum(i * i for i in range(1, 10)) / total * 100:.1f} %' in texts
    assert f'{400 / total * 100:.1f} %' in texts


def slices(path):
    """Label, value and colour of the slices of the workbook's pie, from the cells that it
    reads."""
    book = workbook.load(path)
    pie, = (one.series[0] for sheet in book.worksheets for one in sheet._charts)

    def cells(reference):
        name, cells = reference.f.rsplit('!', 1)
        return [cell.value for cell, in book[name.strip("'")][cells.replace('$', '')]]
    colours = [one.graphicalProperties.solidFill.srgbClr for one in pie.dPt]
    return [*zip(cells(pie.cat.strRef), cells(pie.val.numRef), colours, strict=True)]


PIE = {'type': 'pie', 'category': 'x', 'values': ['y'], 'title': '@chart@'}


def test_a_workbook_has_the_slices_of_other_formats(export, tmp_path):
    sql = "select 'slice ' || i as x, i * i as y from generate_series(1, 20) i"
    path = export('xlsx', sql, chart=PIE)
    found = slices(path)
    assert [found[i][:2] for i in range(12)] == [
        *((f'slice {i}', i * i) for i in range(10, 21)),
        ('other', sum(i * i for i in range(1, 10)))]
    drawn = svg(export('html', sql, chart=PIE))
    assert [f'rgb({int(c[:2], 16)}, {int(c[2:4], 16)}, {int(c[4:], 16)})'
            for *_, c in found] == [*dict.fromkeys(drawn['areas'])]
    assert [sheet.sheet_state for sheet in workbook.load(path).worksheets] == [
        'visible', 'hidden']
    page, = pdf.pages(workbook.convert(path, 'pdf', tmp_path), '-layout')
    assert re.search(r' other$', page, re.M) and ' slice 10\n' in page
    # The label of 400 is beside that of 285.
    assert '13.9 %' in page and '9.9 %' in page


def test_the_label_of_a_black_slice_is_beside_it(export):
    path = export('xlsx', 'select i as x, i as y from generate_series(1, 20) i', chart=PIE)
    pie, = workbook.load(path).worksheets[0]._charts
    black = [i for i, (*_, colour) in enumerate(slices(path)) if colour == '000000']
    labels = pie.series[0].dLbls
    assert [(one.idx, one.dLblPos) for one in labels.dLbl] == [(i, 'outEnd') for i in black]
    assert len(black) == 1 and labels.dLblPos == 'bestFit'


def test_twelve_slices_are_read_from_the_table(export):
    path = export('xlsx', 'select i as x, i as y from generate_series(1, 12) i', chart=PIE)
    assert len(workbook.load(path).worksheets) == 1
    assert [one[:2] for one in slices(path)] == [(i, i) for i in range(1, 13)]


@pytest.mark.parametrize('category, value, shown, others', [
    ("date '2026-03-01' + i", 'i', datetime.datetime(2026, 3, 31), 190),
    # "other" is no truth value, nor NULL.
    ('i = 30', 'i', True, 190),
    ("nullif(i::text, '30')", 'i', None, 190),
    ("'a' || chr(1) || '<' || i || '>'", 'i::money', 'a_x0001_<30>', 190),
    # Values that are text in the table.
    ("i || ''", "case i when 3 then 'NaN' else i::numeric end", '30', 187),
    ("i || ''", '10000000000000000 * i::numeric', '30', 190e16)])
def test_slices_of_a_workbook_look_as_in_the_table(export, category, value, shown, others):
    found = slices(export('xlsx', f'select {category} as x, {value} as y '
                          'from generate_series(1, 30) i', chart=PIE))
    assert len(found) == 12 and found[10][0] == shown
    assert found[11][:2] == ('other', others)


def test_a_workbook_has_the_slices_of_many_rows(export):
    # Equal ones are taken in the order of the rows.
    found = slices(export('xlsx', 'select i as x, least(i, 2990) as y '
                          'from generate_series(1, 3000) i', chart=PIE))
    assert [one[:2] for one in found] == [
        *((i, 2990) for i in range(2990, 3001)), ('other', 2989 * 2990 / 2)]


def test_slices_whose_sum_is_no_float_have_their_shares(export):
    found = slices(export('xlsx', "select i as x, '1e308'::float8 as y "
                          'from generate_series(1, 30) i', chart=PIE))
    total = sum(value for _, value, _ in found)
    assert [round(value / total, 9) for _, value, _ in found] == [
        *[round(1 / 30, 9)] * 11, round(19 / 30, 9)]


@pytest.mark.parametrize('kind', ['bar', 'line'])
def test_twenty_series_have_colours_of_their_own(export, kind):
    names = [f's{i}' for i in range(20)]
    sql = f"""select q as x, {', '.join(f'{i} + q as s{i}' for i in range(20))}
        from generate_series(1, 3) q"""
    chart = {'type': kind, 'category': 'x', 'values': names}
    drawn = svg(export('html', sql, chart=chart))
    assert len(collections.Counter(drawn['areas'])) == 20
    book, = workbook.load(export('xlsx', sql, chart=chart)).active._charts
    shapes = [s.graphicalProperties for s in book.series]
    colours = {(s.line if kind == 'line' else s).solidFill.srgbClr for s in shapes}
    assert {tuple(int(c[i:i + 2], 16) for i in (0, 2, 4)) for c in colours} == {
        tuple(map(int, c[4:-1].split(','))) for c in drawn['areas']}


def test_numbers_of_any_length_are_drawn(export):
    """The longest by their weight: bars that are as high as the numbers."""
    digits = '1234567890' * 9
    sql = f"select * from (values ('a', 0.{digits}), ('b', 0.5), ('c', {digits})) t (x, y)"
    for chosen, rows in ("x <> 'c'", 2), ('true', 3):
        path = export('html', f'{sql} where {chosen}',
                      chart={'category': 'x', 'values': ['y']})
        assert len(svg(path)['areas']) == 1 + rows


# ---- numbers of any size ----

def drawn(kind, path):
    """The texts of the chart, without those of the table."""
    if kind == 'html':
        return [text for text, _, _ in svg(path)['texts']]
    text = ''.join(pdf.pages(path))
    return text[text.index('@chart@'):text.rindex('Page 1 of')].split()


AXES = [
    ('g * 1e-9::float8', ['0', '1e-09', '6e-09']),
    ('g * 2.5e-10::float8', ['0', '5e-10', '1e-09', '1.5e-09']),
    ('100 + g * 1e-9::float8', ['100.000000001', '100.000000006']),
    ('g * 1e300::float8', ['0', '1e+300', '6e+300']),
    ('(g - 3) * 5.9e307::float8', ['-1e+308', '0', '1e+308', '2e+308']),
    ('g * 1e-320::float8', ['0', '1e-320', '6e-320']),
    ('g * 0.01', ['0.00', '0.01', '0.06']),
    ('g * 1000', ['0', '1,000', '6,000']),
    ('1e18 + g * 1e7', ['1.00000000002e+18', '1.00000000006e+18']),
    ('5e-9::float8 + 0 * g', ['4.6e-09', '5.4e-09'])]


@pytest.mark.shipped
@pytest.mark.parametrize('kind', ['html', 'pdf'])
@pytest.mark.parametrize('value, labels', AXES)
def test_an_axis_has_digits_for_its_steps(export, kind, value, labels):
    texts = drawn(kind, export(
        kind, f"select 'k' || g as k, {value} as x from generate_series(1, 6) g",
        chart={'type': 'line', 'category': 'k', 'values': ['x'], 'title': '@chart@'}))
    assert 'data' not in texts and {*labels} <= {*texts}, texts
    axis = [float(text.replace(',', '')) for text in texts
            if re.fullmatch(r'-?[\d,.]+(e[+-]\d+)?', text)]
    assert len(axis) == len({*axis}) >= 4, texts


def test_a_format_of_few_digits_has_steps_that_it_can_tell(export):
    def axis(code, step):
        texts = drawn('html', export(
            'html', f"select 'k' || g as k, g * {step} as x from generate_series(1, 4) g",
            columns={'x': {'format': code}},
            chart={'type': 'line', 'category': 'k', 'values': ['x']}))
        return [text for text in texts if text[0] not in 'kx']
    assert axis('0%', 0.005) == ['0%', '1%', '2%']
    assert axis('0%', 0.25) == ['0%', '20%', '40%', '60%', '80%', '100%']
    # None at all: the axis has the numbers themselves.
    assert axis('0.0', 1e-6) == ['0', '1e-06', '2e-06', '3e-06', '4e-06']


@pytest.mark.parametrize('kind', FORMATS)
def test_what_is_no_number_is_left_out_and_the_run_says_so(run, kind):
    chart = {'type': 'line', 'category': 'k', 'values': ['x'], 'title': '@chart@'}
    done = run(kind, """select * from (values ('a', 'NaN'::float8), ('b', 4), ('c', null),
        ('d', '-Infinity'), ('e', 3)) t (k, x)""", chart=chart)
    assert done.returncode == 0
    assert ('2 values of the chart are not drawn: NaN, infinite, or larger than any float'
            in done.stderr)
    done = run(kind, "select 'a' as k, 1 as x union all select 'b', null", chart=chart)
    assert done.returncode == 0 and 'not drawn' not in done.stderr


@pytest.mark.shipped
@pytest.mark.parametrize('kind', FORMATS)
@pytest.mark.parametrize('type', ['bar', 'line', 'pie'])
def test_rows_of_one_category_are_drawn_each_and_the_run_says_so(run, kind, type):
    chart = {'type': type, 'category': 'k', 'values': ['x']}
    done = run(kind, "select case when g < 9 then 'k' || g % 2 end as k, g as x "
               'from generate_series(1, 9) g', chart=chart)
    assert done.returncode == 0
    assert ('9 rows of the chart have 3 different values of "k", and each row is drawn: '
            'let the query group by it') in done.stderr
    done = run(kind, "select 'k' || g as k, 1 as x from generate_series(1, 9) g", chart=chart)
    assert done.returncode == 0 and 'different' not in done.stderr


@pytest.mark.shipped
@pytest.mark.parametrize('type, values, axis', [
    ('line', '114198.26 + g * 5000', (None, 115000)),
    ('line', '-114198.26 - g * 5000', (-115000, None)),
    ('line', 'g * 1000', (None, 0)),
    ('line', '(g - 2) * 1000', (None, None)),
    ('bar', '114198.26 + g * 5000', (None, 0)),
    ('bar', '-g', (0, None)),
    ('line', '1.002 + g / 1000.0', (None, 1.003)),
    ('line', 'null::int + g', (None, None))])
def test_an_axis_begins_at_the_same_value_in_every_format(export, type, values, axis):
    asked = {'sql': f"select 'k' || g as k, {values} as x from generate_series(1, 4) g",
             'chart': {'type': type, 'category': 'k', 'values': ['x']}}
    chart, = workbook.load(export('xlsx', **asked)).active._charts
    scaling = chart.y_axis.scaling
    assert (scaling.max, scaling.min) == axis
    # The texts of the steps come first, from the lowest one.
    texts = re.findall('<text[^>]*>([^<kx]+)<', export('html', **asked).read_text())
    if axis[1] is not None:
        assert float(texts[0].replace(',', '')) == axis[1]
    elif axis[0] is not None:
        assert float(texts[-1].replace(',', '')) == axis[0]


def test_a_sheet_draws_no_text_as_zero(run, export, tmp_path):
    """Numbers that had to be text are read from a sheet that nobody sees."""
    rows = """select * from (values ('a', 'NaN'::numeric, 1), ('b', 4, 2), ('c', null, 3),
        ('d', 12345678901234567890, 4), ('e', 3, 5)) t (k, x, y)"""
    path = export('xlsx', f'{rows}; select 1 as other', chart={
        'type': 'line', 'category': 'k', 'values': ['x', 'y'], 'title': '@chart@'})
    book = workbook.load(path)
    first, data, _ = book.worksheets
    assert [sheet.sheet_state for sheet in book.worksheets] == ['visible', 'hidden', 'visible']
    series = first._charts[0].series
    assert [one.val.numRef.f for one in series] == [
        f"'{data.title}'!${column}$2:${column}$6" for column in 'AB']
    assert {one.cat.strRef.f for one in series} == {f"'{first.title}'!$A$2:$A$6"}
    assert [[cell.value for cell in row] for row in data['A2:B6']] == [
        [None, 1], [4, 2], [None, 3], [float('12345678901234567890'), 4], [3, 5]]
    # Charts of whole numbers read the cells.
    path = export('xlsx', 'select 1 as k, 2 as x', chart={'category': 'k', 'values': ['x']})
    assert len(workbook.load(path).worksheets) == 1
    done = run('xlsx', """select g as k, case g when 7 then 'NaN' else g::float8 end as x
        from generate_series(1, 2001) g""", chart={'category': 'k', 'values': ['x']})
    assert 'charts of more than 2000 rows, numbers that had to be text are drawn as 0' in (
        done.stderr)
