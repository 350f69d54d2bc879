# SPDX-License-Identifier: MIT
"""HTML as headless Chromium reads it."""

import json
import re
import shutil
import subprocess

import pytest

from lib import browser, matrix, npm
from lib.paths import ROOT

ZONE = 'Europe/Berlin'
ALL = 'select * from matrix order by n'
CONTROLS = re.compile('[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef%s]' % ''.join(
    chr(plane << 16 | last) for plane in range(17) for last in (0xfffe, 0xffff)))
OFFSET = re.compile(r'[+-]\d\d(:\d\d)*( BC)?$')

pytestmark = pytest.mark.skipif(not shutil.which('chromium'),
                                reason='there is no chromium')


@pytest.fixture
def export(ctl, tmp_path):
    """The page that `reportctl export` makes."""
    def run(sql=ALL, **options):
        page = tmp_path / 'page.html'
        words = [word for name, value in options.items() for word in (
            '--option', f'{name}={value if isinstance(value, str) else json.dumps(value)}')]
        done = ctl('export', '--sql', sql, '--format', 'html', '-o', page,
                   '--time-zone', ZONE, *words)
        assert done.returncode == 0, done.stderr
        return page
    return run


def table_of(document):
    """The texts of the cells: of the head, of the rows."""
    table = document.one('table')
    return ([th.text for th in table.one('thead').all('th')],
            [[td.text for td in tr.children] for tr in table.one('tbody').all('tr')])


def shown(name, text):
    """A value as the page shows it; NULL is nothing."""
    if name == 'bool':
        return {'t': 'true', 'f': 'false', '': ''}[text]
    if name == 'timestamptz':
        return OFFSET.sub(lambda match: match[2] or '', text)
    # However a line ends, it is a line break; what is no character of HTML is marked.
    return CONTROLS.sub('\ufffd', text.replace('\r\n', '\n').replace('\r', '\n'))


def check(db, page):
    with db.connect(row_factory=None) as conn:
        conn.execute(f"set timezone = '{ZONE}'")
        cursor = conn.execute(f'select * from ({ALL}) m limit 0')
        names = [column.name for column in cursor.description]
        # As the type's output function writes it: casts to text differ.
        fields = ', '.join("format('%s', \"{}\")".format(name.replace('"', '""'))
                           for name in names)
        want = [[shown(name, text) for name, text in zip(names, row)]
                for row in conn.execute(f'select {fields} from matrix order by matrix.n')]
    head, rows = table_of(browser.dom(page))
    assert head == names
    assert len(rows) == len(want)
    for got, row in zip(rows, want):
        for name, one, other in zip(names, got, row):
            assert one == other, f'{name} of row {row[0]}'
        assert len(got) == len(row)


def test_every_type_and_value_reads_back(db, export):
    matrix.create(db)
    check(db, export())


@pytest.mark.parametrize('seed', range(6))
def test_random_schemas_and_values_read_back(db, export, seed):
    matrix.create_random(db, seed)
    check(db, export())



def test_no_text_is_markup_or_script(db, export):
    """Neither in a cell nor as the name of a column or the title; without the
    page's own policy as well, which would stop scripts."""
    title = 'document.title'
    for text in (f"<script>{title}='pwned'</script>",
                 f"</title><script>{title}='pwned'</script>",
                 f"<img src=x onerror={title}='pwned'>",
                 f"<svg onload={title}='pwned'>", f'"><script>{title}=1</script>'):
        quoted = text.replace("'", "''")
        name = text[:60].replace('"', '""')
        page = export(f"""select '{quoted}' as "{name}" """, title=text, null=text)
        document = browser.probed(page, 'return document.title + document.scripts.length + '
                                        'document.images.length')
        assert document.one('title').text == text
        assert table_of(document) == ([text[:60]], [[text]])
        # The probe is the only script, and has run.
        assert len([*document.all('script')]) == 1
        assert document.by_id('probe').text == text + '10'


def test_scripts_would_run(export):
    """That the test above would see one."""
    page = export('select 1 as a')
    assert browser.probe(page, 'document.title = "seen"; return document.title') == 'seen'
    policy = page.read_text().replace('</body>',
                                      '<script>document.title = 1</script></body>')
    page.write_text(policy)
    assert browser.dom(page).one('title').text != '1'


SALES = """select * from (values (date '2026-01-01', 'North', 1234.50, 3),
    ('2026-02-01', 'South & East', -20.25, null)) t (month, region, amount, items)"""
COLUMNS = {'amount': {'label': 'Amount', 'format': '#,##0.00', 'total': 'sum'},
           'items': {'total': 'avg', 'align': 'center', 'width': 20}}


def test_a_table_with_formats_and_totals(export):
    document = browser.dom(export(SALES, title='Sales', columns=COLUMNS))
    assert document.one('title').text == document.one('h1').text == 'Sales'
    assert table_of(document) == (
        ['month', 'region', 'Amount', 'items'],
        [['2026-01-01', 'North', '1,234.50', '3'],
         ['2026-02-01', 'South & East', '-20.25', '']])
    foot = document.one('tfoot')
    assert [cell.text for cell in foot.one('tr').children] == [
        'Total', '', '1,214.25', 'avg 3.00']


def test_sections_have_headings_and_what_was_cut_is_said(export):
    document = browser.dom(export(
        'select generate_series(1, 5) as a; select 1 as b; select 2 as b where false',
        sections=['Five & more', 'One', 'None'], max_rows=3))
    tables = [*document.all('table')]
    assert [table.one('caption').one('h2').text for table in tables] == [
        'Five & more', 'One', 'None']
    assert [len([*table.one('tbody').all('tr')]) for table in tables] == [3, 1, 0]
    five, one, none = (p.text for p in document.all('p'))
    assert five.startswith('3 rows: ') and 'max_rows' in five
    assert (one, none) == ('1 row', '0 rows')


MONTHS = """select * from (values ('Jan <b>', 1200.5, -300), ('Feb', null, 7),
    ('März & 日本', 1500, 250)) t (month, sales, costs)"""


def drawn(page):
    """What the browser lays out: its texts with their boxes, shapes by name."""
    return json.loads(browser.probe(page, """
        const svg = document.querySelector('figure svg')
        const outer = svg.getBoundingClientRect()
        const box = e => { const r = e.getBoundingClientRect()
            return [r.left - outer.left, r.top - outer.top, r.right - outer.left,
                    r.bottom - outer.top] }
        return JSON.stringify({
            name: svg.getAttribute('aria-label'),
            size: [outer.width, outer.height],
            texts: [...svg.querySelectorAll('text')].map(e => [e.textContent, box(e)]),
            areas: [...svg.querySelectorAll('polygon')].map(
                e => [getComputedStyle(e).fill, box(e)]),
            lines: [...svg.querySelectorAll('polyline')].map(
                e => [getComputedStyle(e).stroke, e.points.length])})"""))


@pytest.mark.parametrize('kind', ['bar', 'line', 'pie'])
def test_a_chart_is_drawn(export, kind):
    values = ['sales', 'costs'] if kind != 'pie' else ['sales']
    page = export(MONTHS, columns={'sales': {'label': 'Sales <€>'}}, chart={
        'type': kind, 'category': 'month', 'values': values, 'title': 'A & <b>'})
    chart = drawn(page)
    texts = [text for text, _ in chart['texts']]
    assert chart['name'] == texts[0] == 'A & <b>'
    assert {'Jan <b>', 'Feb', 'März & 日本'} <= {*texts}
    assert ('Sales <€>' in texts) == (kind != 'pie')
    # Nothing is outside, and no text on another.
    width, height = chart['size']
    for _, (left, top, right, bottom) in chart['texts'] + chart['areas']:
        assert -2 <= left <= right <= width + 2 and -2 <= top <= bottom <= height + 2
    boxes = [box for _, box in chart['texts']]
    for i, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[i + 1:]:
            assert (other[0] >= right - 1 or other[2] <= left + 1 or
                    other[1] >= bottom - 4 or other[3] <= top + 4), (boxes[i], other)
    blue, orange = 'rgb(0, 114, 178)', 'rgb(230, 159, 0)'
    if kind == 'bar':
        # As high as the numbers are, costs down from zero.
        bars = [box for fill, box in chart['areas'] if fill == blue][1:]
        heights = [bottom - top for _, top, _, bottom in bars]
        assert heights[0] / heights[1] == pytest.approx(1200.5 / 1500, abs=0.01)
        below = [box for fill, box in chart['areas'] if fill == orange][1]
        assert below[1] == pytest.approx(bars[0][3], abs=0.2)
    elif kind == 'line':
        assert [*map(tuple, chart['lines'])].count((orange, 3)) == 1
        assert blue not in [stroke for stroke, _ in chart['lines']]  # a gap
    else:
        assert {'44.5 %', '55.5 %'} <= {*texts}


@pytest.mark.parametrize('kind', ['bar', 'line', 'pie'])
def test_text_of_a_chart_is_as_large_as_that_of_the_table(export, kind):
    page = export(MONTHS, chart={'type': kind, 'category': 'month', 'values': ['sales'],
                                 'title': 'A'})
    for width, least in [(1100, 0.9), (400, 0.6)]:
        table, *texts = json.loads(browser.probe(page, """
            return JSON.stringify([parseFloat(getComputedStyle(
                document.querySelector('td')).fontSize)].concat(
                    [...document.querySelectorAll('svg text')].map(
                        e => parseFloat(getComputedStyle(e).fontSize) *
                             e.getScreenCTM().a)))""", f'--window-size={width},900'))
        assert all(least * table <= size <= 2 * table for size in texts), (table, texts)


def test_words_of_several_parts_are_whole(export):
    ids = ['R-2026-00005', 'DE/7-1', 'one?two', 'ab-' + 'c' * 37]
    rows = ', '.join(f"('{text}', repeat('some words and more ', 40), null::text)" for text in ids)
    page = export(f"select * from (values {rows}) t (id, note, internal_remark_of_the_department)")
    document = browser.dom(page)
    assert [td.text for td in document.one('tbody').all('td')][::3] == ids
    lines = json.loads(browser.probe(page, """
        return JSON.stringify([...document.querySelectorAll('tbody tr')].map(tr => {
            const range = document.createRange();
            range.selectNodeContents(tr.cells[0]);
            return new Set([...range.getClientRects()].map(r => r.top)).size; }))""",
        '--window-size=1100,900'))
    assert lines == [1] * len(ids)
    # Texts that have spaces, or are long, may be broken.
    path = export("select 'a well-known thing' as a, repeat('b-', 50) as b").read_text()
    assert '<td>a well-known thing</td><td class="long">b-b-' in path


@pytest.mark.shipped
def test_long_text_is_not_a_word_a_line_where_the_page_scrolls(export):
    numbers = ', '.join(f"{i}::numeric * 1e18 as number_{i}" for i in range(9))
    page = export(f"""select {numbers}, 'Brazil' as land, repeat('some words ', 6 * g) as note, repeat('Снег ', 4) as snow,
        repeat('one two ', 9) as narrow from generate_series(1, 3) g""",
                  columns={'narrow': {'width': 8}})
    land, note, snow, narrow = json.loads(browser.probe(page, """
        return JSON.stringify([...document.querySelectorAll('tbody tr:last-child td')].map(
            td => td.getBoundingClientRect().width / 7).slice(9))""",
        '--window-size=1100,900'))
    assert note > 24 and land < 12 and snow < 24 and narrow < 12, (land, note, snow, narrow)
    # One cell of a column is enough.
    assert page.read_text().count('class="long"') == 1


@pytest.mark.shipped
def test_text_of_each_direction_stands_where_its_column_says(export):
    page = export("select 'محمد' as column_a, 'محمد' as column_b, 'محمد' as column_c, "
                  "'Olga' as column_d", columns={
                      'column_b': {'align': 'left'}, 'column_c': {'align': 'right'}})
    assert browser.probe(page, """
        return [...document.querySelectorAll('tbody td')].map(td => {
            const range = document.createRange(), cell = td.getBoundingClientRect();
            range.selectNodeContents(td);
            const text = range.getBoundingClientRect();
            return text.left - cell.left < 12 ? 'left' :
                cell.right - text.right < 12 ? 'right' : 'middle'; }).join(' ')""") == (
                    'left left right left')


def test_names_have_a_mark_for_what_is_no_character(export):
    bad = 'a\x01b\x7f\x85\ufffe\uffff\ufdd0c\td'
    page = export(f"""select 'x\x02y' as "{bad}", 1 as n; select 1 as n,
                  'é{bad}ﷲ，\U0001f389\U0001fffez' as o""", title=bad,
                  sections=[bad, 'B'], null=bad, chart={
                      'category': bad, 'values': ['n'], 'title': bad, 'section': bad})
    text = page.read_text()
    assert not re.search('[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]', text)
    assert f'<title>a\ufffdb{4 * chr(0xfffd)}\ufffdc\td</title>' in text
    assert 'x\ufffdy' in text
    assert f'<td>éa\ufffdb{4 * chr(0xfffd)}\ufffdc\tdﷲ，\U0001f389\ufffdz</td>' in text


def test_a_chart_for_one_section(export):
    document = browser.dom(export(f'{MONTHS}; {MONTHS}', sections=['One', 'Two'], chart={
        'category': 'month', 'values': ['sales'], 'section': 'Two'}))
    assert [len([*section.all('svg')]) for section in document.all('section')] == [0, 1]


@pytest.mark.parametrize('name, program', [('gzip', 'gzip'), ('zstd', 'zstd')])
def test_a_page_may_be_compressed(export, name, program):
    page = export(SALES)
    plain = page.read_bytes()
    page.unlink()
    packed = export(SALES, compress=name)
    unpacked = subprocess.run([program, '-dc'], input=packed.read_bytes(), check=True,
                              capture_output=True).stdout

    def without_time(text):
        return re.sub(rb'<footer>.*?</footer>', b'', text)
    assert without_time(unpacked) == without_time(plain)


def test_a_table_is_accessible(export):
    document = browser.dom(export(SALES, columns=COLUMNS, lang='de'))
    assert document.one('html')['lang'] == 'de'
    assert {th['scope'] for th in document.one('thead').all('th')} == {'col'}
    assert document.one('tfoot').one('th')['scope'] == 'row'
    label = document.one('table')['aria-labelledby']
    assert document.by_id(label).tag == 'h1'
    assert document.by_id(label).text != ''


def test_alignment_does_not_need_the_style(export):
    """As in a mail program that drops <style>."""
    page = export(SALES, columns=COLUMNS)
    text = page.read_text()
    page.write_text(re.sub('<style>.*?</style>', '', text, flags=re.S))
    assert browser.probe(page, """
        return [...document.querySelectorAll('tbody tr:first-child td')].map(
            td => getComputedStyle(td).textAlign).join(' ')""") == (
                'start start -webkit-right -webkit-center')
    assert browser.probe(page, """
        return getComputedStyle(document.querySelector('th')).backgroundColor"""
                         ) == 'rgb(228, 233, 240)'


def test_the_header_stays_in_sight(export):
    page = export('select g, g as h from generate_series(1, 500) g')
    top = browser.probe(page, """
        scrollTo(0, 5000)
        return scrollY + ' ' + document.querySelector('th').getBoundingClientRect().top""")
    assert top == '5000 0'


# The ratio of WCAG 2, of the text of each element to what is behind it.
CONTRAST = """
    const canvas = document.createElement('canvas').getContext('2d')
    function rgb(color) {
        canvas.clearRect(0, 0, 1, 1)
        canvas.fillStyle = color
        canvas.fillRect(0, 0, 1, 1)
        return [...canvas.getImageData(0, 0, 1, 1).data]
    }
    function luminance(c) {
        const [r, g, b] = c.map(v => v / 255).map(
            v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b
    }
    function behind(e) {
        const sheet = document.createElement('i')
        sheet.style.backgroundColor = 'Canvas'
        document.body.append(sheet)
        let c = rgb(getComputedStyle(sheet).backgroundColor)
        const path = []
        for (; e; e = e.parentElement)
            path.unshift(rgb(getComputedStyle(e).backgroundColor))
        for (const over of path)
            c = c.map((v, i) => v + (over[i] - v) * over[3] / 255)
        return c
    }
    const ratios = [...document.querySelectorAll('h1, th, td')].map(e => {
        const text = luminance(rgb(getComputedStyle(e).color))
        const ground = luminance(behind(e))
        return (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05)
    })
    return matchMedia('(prefers-color-scheme: dark)').matches + ' ' + Math.min(...ratios)
"""


@pytest.mark.parametrize('dark', [False, True])
def test_text_is_readable_on_light_and_dark(export, dark):
    page = export(SALES, columns=COLUMNS)
    scheme = f'--blink-settings=preferredColorScheme={0 if dark else 1}'
    mode, ratio = browser.probe(page, CONTRAST, scheme).split()
    assert mode == str(dark).lower()
    assert float(ratio) > 7


def test_nothing_is_fetched(export):
    text = export(SALES, columns=COLUMNS).read_text()
    assert not re.search(r'\b(src|href)=|url\(|@import|<script|<link', text)
    assert "default-src 'none'" in text


def test_print_repeats_the_header(export, tmp_path):
    page = export("select g as number, 'row ' || g as heading_of_text "
                  'from generate_series(1, 300) g')
    pdf = tmp_path / 'page.pdf'
    browser.pdf(page, pdf)
    pages = subprocess.run(['pdftotext', '-layout', pdf, '-'], check=True,
                           capture_output=True, text=True).stdout.split('\f')[:-1]
    assert len(pages) > 2
    assert all('heading_of_text' in page for page in pages)
    assert all(f'row {n}\n' in ''.join(pages) for n in (1, 150, 300))


def test_a_report_in_html(db, daemon, submit, wait_done, out):
    daemon()
    config_id = submit(
        db, report_name='Daily <sales>', created_by='ann',
        export_sql="select timestamptz '2026-07-01 10:00Z' as at",
        output_format='HTML', output_path='page.html', time_zone='Asia/Kolkata')
    wait_done(db, config_id)
    document = browser.dom(out / 'page.html')
    assert document.one('h1').text == 'Daily <sales>'
    assert table_of(document) == (['at'], [['2026-07-01 15:30:00']])
    run_id = db.value('select run_id from reportd.report_run')
    assert re.fullmatch(
        rf'Run {run_id}, \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d\. '
        r'Times are in Asia/Kolkata\.', document.one('footer').text)


# ---- interactive ----

# Each column has an order that its texts do not have.
KINDS = """select * from (values
    (1, 9, 1000.50, date '2026-10-01', timestamptz '2026-10-25 00:30Z', interval '2 days', 'b', 1),
    (2, 10, 90.5, '0044-03-15 BC', '2026-10-25 01:15Z', '1 mon', 'Ä', 1),
    (3, null, -7, '10000-01-01', '2026-10-25 00:45Z', '36:00:00', 'a', 2),
    (4, 9007199254740993, 'NaN', '2026-01-02', '2026-03-01 12:00Z', null, null, 2),
    (5, 9007199254740992, 0.1, null, null, '-3 days', 'Z', 1))
    t (n, whole, price, day, at, took, word, part) order by n"""
FORMS = {'price': {'format': '#,##0.00', 'total': 'sum'}, 'day': {'format': 'd.m.yyyy'}}
# n, as the rows stand.
ROWS = """const ns = () => page.$$eval('tbody tr', rows => rows.map(r => r.cells[0].innerText).join(' '));
    const said = () => page.innerText('.tools p');
    const press = async (name, key) => { await page.focus(`th[abbr=${name}] .sort`);
        await page.keyboard.press(key || 'Enter');
        await until(async () => !await page.$('table[aria-busy]')); };
    await page.goto(url);"""
needs_node = pytest.mark.skipif(not npm.available(), reason='there is no npm here')


def read(page, script, **options):
    return browser.browse(page.as_uri(), ROWS + script, **options)


def plain_of(text):
    """What is left of an interactive page when all that is for the script is gone."""
    for extra in (r'<style>\n/\*.*?</style>\n', r'<script>.*?</script>\n', r' data-v="[^"]*"',
                  r' data-kind="\w+"', r'<polygon class="tip".*?</polygon>\n', '<footer>.*',
                  "; script-src 'sha256-[^']{44}'; base-uri 'none'; form-action 'none'"):
        text = re.sub(extra, '', text, flags=re.S)
    return text


def test_an_interactive_page_is_the_plain_one_and_a_script(export):
    options = {'columns': FORMS, 'null': '–', 'chart': {
        'category': 'n', 'values': ['whole'], 'type': 'line'}}
    plain = export(KINDS, **options).read_text()
    text = export(KINDS, interactive=True, **options).read_text()
    assert plain_of(text) == plain_of(plain) and len(text) > len(plain)
    assert 'data-' not in plain and 'script' not in plain and 'tip' not in plain
    assert text.count('<script>') == 1 and text.count("script-src 'sha256-") == 1


@needs_node
def test_columns_sort_by_their_kind(export):
    page = export(KINDS, interactive=True, columns=FORMS, null='n/a')
    orders = read(page, """
        const all = {};
        for (const name of ['whole', 'price', 'day', 'at', 'took', 'word']) {
            all[name] = [];
            for (let i = 0; i < 3; i++) {
                await press(name, i ? 'Space' : 'Enter');
                all[name].push(await ns(), await page.getAttribute(`th[abbr=${name}]`, 'aria-sort'));
            }
        }
        await press('word'); await press('part'); all.stable = await ns();
        await press('part'); all.back = await ns();
        return all;""")
    assert {name: order[::2] for name, order in orders.items() if name[0] not in 'sb'} == {
        # NULL is last both ways, NaN above all, the hour that comes twice in its order.
        'whole': ['1 2 5 4 3', '4 5 2 1 3', '1 2 3 4 5'],
        'price': ['3 5 2 1 4', '4 1 2 5 3', '1 2 3 4 5'],
        'day': ['2 4 1 3 5', '3 1 4 2 5', '1 2 3 4 5'],
        'at': ['4 1 3 2 5', '2 3 1 4 5', '1 2 3 4 5'],
        'took': ['5 3 1 2 4', '2 1 3 5 4', '1 2 3 4 5'],
        'word': ['3 2 1 5 4', '5 1 2 3 4', '1 2 3 4 5']}
    assert orders['day'][1::2] == ['ascending', 'descending', 'none']
    # Within the same part by word.
    assert (orders['stable'], orders['back']) == ('2 1 5 3 4', '3 4 2 1 5')


@needs_node
def test_rows_are_searched_and_filtered_and_totals_say_so(export):
    page = export(KINDS, interactive=True, columns=FORMS)
    told = read(page, """
        // Each leads to other rows than the one before.
        const look = async (field, wish, rows) => {
            await page.fill(field, wish);
            await until(async () => await ns() === rows);
        };
        const one = '.tools input', of = name => `th[abbr=${name}] input`;
        await page.click('text=Filters');
        await look(one, 'DAYS 1.10.', '1');
        await look(one, '91,', ''); // of two cells
        await look(one, 'ä', '2');
        const told = [await said(), await page.innerText('tfoot')];
        await look(one, '', '1 2 3 4 5');
        for (const [name, wish, rows] of [
                ['price', '>= 0.1', '1 2 5'], ['price', '=90.5', '2'], ['whole', '<10', '1'],
                ['day', '=2026', '1 4'], ['day', '>2026-01', '1 3'], ['word', '=ä', '2'],
                ['word', 'A', '3']]) {
            await look(of(name), wish, rows);
            await look(of(name), '', '1 2 3 4 5');
        }
        await look(of('word'), 'b', '1');
        await look(of('price'), '> many', '1');
        await until(() => page.$('th[abbr=price] input:invalid'));
        await page.click('text=Reset');
        await until(async () => await ns() === '1 2 3 4 5');
        return [...told, await said(), await page.innerText('tfoot')];""")
    assert told[0] == '1 of 5 rows; totals are of all rows' and told[2] == ''
    assert told[1].startswith('Total of all rows') and told[3].startswith('Total\t')


@needs_node
def test_a_large_table_is_laid_out_in_parts(export, tmp_path):
    page = export("""select g as n, 'x' || g % 7 as word from generate_series(1, 1200) g;
                  select 1 as a""", interactive=True, sections=['Many', 'One'])
    pdf = tmp_path / 'page.pdf'
    seen = read(page, f"""
        const count = () => page.$$eval('section:first-of-type tbody tr', rows => rows.length);
        const all = [await count(), await page.innerText('.more')];
        await press('n'); await press('n');
        all.push(await page.innerText('tbody tr td'));
        await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
        await until(async () => await count() > 500);
        await page.fill('.tools input', 'x3');
        await until(async () => await count() === 172);
        all.push(await page.$$eval('.tools', tools => tools.length));
        const top = async what => (await (await page.$('section:first-of-type ' + what)).boundingBox()).y;
        all.push(await top('h2.name') < await top('.tools') && await top('.tools') < await top('thead'));
        all.push(await page.isVisible('caption'));
        await page.pdf({{path: {json.dumps(str(pdf))}}});
        all.push(await count());
        await press('word');
        all.push(await page.innerText('tbody tr td'));
        return all;""")
    # There is nothing to sort in a table of one row. Printed, all are there as they were.
    # The name stands above the controls, and once.
    assert seen == [500, '500 of 1,200 rows are shown. Show more', '1200', 1, True, False, 172, '1200']
    text = subprocess.run(['pdftotext', '-layout', pdf, '-'], check=True,
                          capture_output=True, text=True).stdout
    assert all(re.search('n +word', one) for one in text.split('\f')[:-2])
    ns = re.findall(r'^[ \f]*(\d+) +x\d$', text, re.M)
    assert ns == [str(n) for n in range(1, 1201)]
    assert 'Search' not in text and 'Show more' not in text and '↕' not in text
    assert text.count('Many') == 1


@needs_node
def test_hostile_values_stay_text_where_a_script_runs(export):
    bad = ("</script><script>document.title='x'</script>", '"><img src=x onerror=alert(1)>',
           "<svg onload=alert(1)>", '-->', '${1}', "' onfocus='alert(1)")
    values = ', '.join("('{}')".format(text.replace("'", "''")) for text in bad)
    name = bad[1].replace('"', '""')
    page = export(f"""select t as "{name}", 1 as n from (values {values}) v (t)""",
                  interactive=True, title=bad[0], null=bad[1], chart={
                      'category': bad[1], 'values': ['n'], 'title': bad[2]},
                  columns={'n': {'total': 'sum', 'label': bad[0]}})
    seen = read(page, """
        await page.click('.sort');
        await page.hover('svg .tip');
        const tip = await page.innerText('#tip');
        await page.click('text=Filters');
        await page.fill('thead input', '<svg');
        await until(async () => (await said()) !== '');
        return [await page.title(), tip, await (await page.innerText('tbody')).trim(), await page.evaluate(() =>
            document.scripts.length + document.images.length)];""")
    assert seen == [bad[0], f'{bad[0]}\n{bad[0]}: 1', f'{bad[2]}\t1', 1]
    # Nor does any other script run, by the page's policy.
    other = page.read_text().replace('</body>', '<script>document.title = 1</script></body>')
    page.write_text(other)
    assert browser.browse(page.as_uri(), 'await page.goto(url); return page.title();',
                          expect='Content Security Policy') == bad[0]


@needs_node
@pytest.mark.parametrize('kind', ['bar', 'line', 'pie'])
def test_a_chart_tells_its_values(export, kind):
    page = export(MONTHS, interactive=True, columns={'sales': {'format': '#,##0.00'}}, chart={
        'type': kind, 'category': 'month', 'values': ['sales', 'costs'][:1 + (kind != 'pie')]})
    tips = read(page, """
        const all = [];
        for (const tip of await page.$$('svg .tip')) {
            const box = await tip.boundingBox();
            await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
            all.push(await page.innerText('#tip'));
        }
        await page.mouse.move(1, 1);
        return [all, await page.isHidden('#tip')];""")
    costs = [''] * 3 if kind == 'pie' else ['\ncosts: -300', '\ncosts: 7', '\ncosts: 250']
    want = [f'Jan <b>\nsales: 1,200.50{costs[0]}', f'Feb\nsales: –{costs[1]}',
            f'März & 日本\nsales: 1,500.00{costs[2]}']
    assert tips == [want[::2] if kind == 'pie' else want, True]


def test_the_page_script_has_no_way_to_markup():
    script = (ROOT / 'common/encode/html/explore.js').read_text()
    for way in ('innerHTML', 'outerHTML', 'insertAdjacent', 'document.write', 'eval(',
                'localStorage', 'cookie', 'fetch(', '</', '<!--'):
        assert way not in script, way
