# SPDX-License-Identifier: MIT
"""The page, in a browser. With REPORTD_PICTURES=FOLDER it leaves the manual's pictures
there."""

import json
import math
import os
import pathlib
import re
import subprocess

import pytest
from lib import browser, npm, showcase
from lib.manual import says
from lib.paths import ROOT
from lib.process import Daemon, write_conf
from lib.server import Server
from lib.wait import wait_for as until

ANN, VERA = 'web_ann', 'web_vera'

pytestmark = [pytest.mark.shipped,
              pytest.mark.skipif(not npm.available(), reason='there is no npm here')]


@pytest.fixture(scope='module')
def shown(cluster, template, tmp_path_factory):
    """A server with history, and shown.browse(script)."""
    db = cluster.create(template)
    folder = tmp_path_factory.mktemp('page')
    one = Server(db, folder, unlimited='127.0.0.0/8')
    one.db = db
    db.execute("select reportd.register_source('default', 'postgres')")
    db.execute("select reportd.grant_source('default', %s), reportd.grant_path('/', %s)",
               ANN, ANN)
    one.ids = showcase.fill(db, ANN)
    one.daemon = Daemon(db, write_conf(folder / 'page.conf', db, one.sections,
                                       shutdown_grace='0'))

    def browse(script, role=ANN, **options):
        return browser.browse(f'http://127.0.0.1:{one.port}', script,
                              token=one.tokens[role], **options)
    one.browse = browse
    until(one.is_ready)
    yield one
    try:
        one.daemon.end()
    finally:
        db.drop()


@says('No page of another site can use it: neither by a form, nor by a script, nor by a '
      'name that leads here.')
def test_a_browser_may_run_nothing_but_the_page(shown):
    answer = shown.get('/')
    assert answer.status == 200 and answer.headers['Content-Type'] == 'text/html; charset=utf-8'
    policy = answer.headers['Content-Security-Policy']
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert 'unsafe' not in policy and len(re.findall("'sha256-", policy)) == 2
    text = answer.body.decode()
    assert not re.search(r'(src|href)="(?!#)|\son\w+=|style="|url\(|@import', text)


def test_the_page_shows_what_is_there(shown):
    text = shown.browse('''await signIn();
        await page.waitForSelector('#list tr:nth-child(12)');
        return await page.innerText('main');''')
    for name, key, *_ in showcase.REPORTS:
        assert f'{name} ({key})' in text
    assert 'What to do' in text and 'relation "web.visit_2026_11" does not exist' in text
    assert 'after customers, orders' in text and 'Europe/Berlin' in text


# ---- what is drawn, against what the page was told ----

# data(name): what the API answered to the page. axis(svg): [[text, height]] of the marks on
# the left side.
DRAWN = '''const told = {};
    page.on('response', async r => {
        const name = /api.v1.(hours|points|dependencies)/.exec(r.url());
        if (name) told[name[1]] = await r.json();
    });
    await signIn();
    await until(() => Object.keys(told).length === 3);
    return {told, drawn: await page.evaluate(() => {
        const number = (node, name) => Number(node.getAttribute(name));
        const axis = svg => [...svg.querySelectorAll('text[text-anchor=end]')]
            .filter(t => number(t, 'x') < 60)
            .map(t => [t.textContent, number(t, 'y') - 4]);
        const dots = id => [...document.querySelectorAll(`#${id} .dot`)].map(d => d.tagName === 'rect'
            ? [number(d, 'x') + 3.2, number(d, 'y') + 3.2, 'no']
            : [number(d, 'cx'), number(d, 'cy'), d.classList[1]]);
        return {
            hours: [...document.querySelectorAll('#hours svg > g')].map(g => Object.fromEntries(
                [...g.querySelectorAll('rect[class]')].map(r =>
                    [r.classList[0], [number(r, 'y'), number(r, 'height')]]))),
            hoursAxis: axis(document.querySelector('#hours svg')),
            took: dots('took'), tookAxis: axis(document.querySelector('#took svg')),
            size: dots('size'), sizeAxis: axis(document.querySelector('#size svg')),
            nodes: [...document.querySelectorAll('#graph .node')].map(n => ({
                name: n.querySelector('title').textContent,
                at: /\\((.*)\\)/.exec(n.getAttribute('transform'))[1].split(' ').map(Number),
                size: ['width', 'height'].map(k => number(n.querySelector('rect'), k))})),
            edges: [...document.querySelectorAll('#graph .edge')].map(e =>
                e.getAttribute('d').match(/-?[\\d.]+/g).map(Number))};
    })};'''
UNITS = {'ms': .001, 's': 1, 'min': 60, 'h': 3600, 'B': 1, 'kB': 1e3, 'MB': 1e6, 'GB': 1e9}


def kind(status):
    return {'COMPLETED': 'ok', 'FAILED': 'no', 'LOST': 'no'}.get(status, 'un')


def on_axis(axis, y, value=float, log=False):
    """The value at the height y, by the texts beside the marks."""
    (text, low), *_, (top, high) = axis
    low_value, high_value = value(text), value(top)
    if log:
        low_value, high_value = math.log10(low_value), math.log10(high_value)
    found = low_value + (high_value - low_value) * (y - low) / (high - low)
    return 10 ** found if log else found


def of_mark(text):
    """The number of a mark such as `10 min`."""
    number, unit = text.split()
    return float(number) * UNITS[unit]


def test_bars_are_as_high_as_the_axis_says(shown):
    answer = shown.browse(DRAWN)
    told, bars = answer['told']['hours'], answer['drawn']['hours']
    axis = answer['drawn']['hoursAxis']
    assert len(told) == len(bars) == 48 and sum(h['failed'] for h in told) > 0
    for hour, bar in zip(told, bars):
        wanted = {'ok': hour['completed'], 'un': hour['other'], 'no': hour['failed']}
        assert bar.keys() == {name for name, n in wanted.items() if n}
        for name, (y, height) in bar.items():
            found = on_axis(axis, y) - on_axis(axis, y + height)
            # Half a pixel is left between two, and a mark is rounded to whole runs.
            assert found == pytest.approx(wanted[name], abs=.2), (hour, name)


@pytest.mark.parametrize('plot, column', [('took', 3), ('size', 5)])
def test_points_are_where_the_axis_says(shown, plot, column):
    answer = shown.browse(DRAWN)
    told = [p for p in answer['told']['points'] if (p[column] or 0) > 0]
    drawn, axis = answer['drawn'][plot], answer['drawn'][f'{plot}Axis']
    assert len(told) == len(drawn) > 400
    # Time goes from the first to the last run, evenly.
    first, last = (min(told, key=lambda p: p[2]), max(told, key=lambda p: p[2]))
    left, right = (drawn[told.index(p)][0] for p in (first, last))
    for point, (x, y, shape) in zip(told, drawn):
        assert shape == kind(point[6])
        # A tenth of a pixel on a scale of powers of ten.
        assert on_axis(axis, y, of_mark, True) == pytest.approx(point[column], rel=.02)
        share = (point[2] - first[2]) / (last[2] - first[2])
        assert x == pytest.approx(left + (right - left) * share, abs=.2)


def test_an_arrow_leads_from_each_report_to_those_that_wait_for_it(shown):
    drawn = shown.browse(DRAWN)['drawn']
    nodes = drawn['nodes']

    def at(x, y):
        """The report whose box has this point on its left or right side."""
        name, = [n['name'] for n in nodes if n['at'][1] < y < n['at'][1] + n['size'][1]
                 and min(abs(x - n['at'][0]), abs(x - n['at'][0] - n['size'][0])) <= 8]
        return name
    arrows = {(at(*edge[:2]), at(*edge[-2:])) for edge in drawn['edges']}
    names = {key: f'{name} ({key})' for name, key, *_ in showcase.REPORTS}
    assert arrows == {(names[parent], names[key]) for _, key, _, _, after, *_ in showcase.REPORTS
                      for parent in after or []}
    place = {n['name']: n['at'] for n in nodes}
    assert all(place[parent][0] < place[child][0] for parent, child in arrows)
    assert len({tuple(at) for at in place.values()}) == len(nodes)


def test_a_run_shows_its_checks_its_score_and_its_stages(shown):
    run_id = shown.db.value(
        '''insert into reportd.report_run (config_id, owner, report_name, attempt, scheduled_for,
            worker_id, status, finished_at, error_stage, error_message, score, stage_ms)
        values (%s, %s::regrole, 'Margin', 1, now(), gen_random_uuid(), 'FAILED', now(), 'check',
            'check: "total" failed', 75, '{"prep": 1500, "export": 90000}') returning run_id''',
        shown.ids['margin'], ANN)
    shown.db.execute(
        '''insert into reportd.report_check (run_id, position, config_id, owner, name, severity,
            status, failures, total, message)
        select %s, * from (values
            (1, %s, %s::regrole, 'total', 'error', 'failed', 3, 1200, null),
            (2, %s, %s::regrole, 'fresh', 'warn', 'passed', 0, null, 'an hour old')) v''',
        run_id, shown.ids['margin'], ANN, shown.ids['margin'], ANN)
    text = shown.browse('''await signIn();
        const row = page.locator('#last tr', {hasText: 'check: "total" failed'});
        const listed = await row.innerText();
        await row.getByRole('button').click();
        await page.waitForSelector('#run[open]');
        return [listed, await page.innerText('#run-body')];''')
    assert 'score 75' in text[0]
    for line in ('Score\n75 of 100', 'Check total\nfailed: 3 of 1,200 fail',
                 'Check fresh\npassed (an hour old)', 'Stages\nprep 1.5 s, export 1 min 30 s'):
        assert line in re.sub(r'\n+', '\n', text[1])


def test_a_failed_report_is_tried_again(shown):
    shown.browse('''await signIn();
        const card = page.locator('#failed article', {hasText: 'Returns'});
        await card.getByRole('button', {name: 'Retry'}).click();
        await page.waitForSelector('#toast p:has-text("Retry: done")');
        await card.waitFor({state: 'detached'});''')
    assert until(lambda: shown.db.value(
        "select status from reportd.report_config where report_key = 'returns'") == 'COMPLETED')


def test_a_token_stays_in_the_tab(shown):
    kept = shown.browse('''await signIn();
        const other = await context.newPage();
        await other.goto(url + '/');
        return [await page.evaluate(() => [localStorage.length, document.cookie,
                Object.keys(sessionStorage), location.href]),
            await other.isVisible('#in')];''')
    assert kept[0][:3] == [0, '', ['reportd']] and '?' not in kept[0][3] and kept[1] is True
    assert shown.browse('''await page.goto(url + '/');
        await page.fill('#token', token);
        await page.uncheck('#keep');
        await page.click('#in button');
        await page.waitForSelector('#tiles .tile');
        return await page.evaluate(() => sessionStorage.length);''') == 0


def test_a_wrong_token_says_so(shown):
    assert shown.browse('''await page.goto(url + '/');
        await page.fill('#token', 'nonsense');
        await page.click('#in button');
        await page.waitForSelector('#in-error:not(:empty)');
        return [await page.innerText('#in-error'), await page.isVisible('#all')];''',
                        expect=401) == ['The token is not known (any more).', False]


def test_reports_are_run_paused_and_resumed_with_the_keyboard(shown):
    shown.browse('''await signIn();
        await page.keyboard.press('/');
        await page.keyboard.type('exchange');
        await until(async () => await page.locator('#list tr').count() === 1);
        const named = verb => page.locator('#list button', {hasText: verb});
        const focused = async verb => await named(verb).count() === 1 &&
            await named(verb).evaluate(b => b === document.activeElement);
        await named('Pause').focus();
        for (const verb of ['Pause', 'Resume', 'Run now']) {
            if (verb === 'Run now') await named(verb).focus();
            const done = page.waitForResponse(r => r.request().method() === 'POST');
            await page.keyboard.press('Enter');
            const status = (await done).status();
            if (status >= 300) throw new Error(`${verb}: ${status}`);
            await page.waitForSelector(`#toast p:has-text("${verb}: done")`);
            // The list is shown anew, and its button has the focus.
            if (verb === 'Pause') await until(() => focused('Resume'));
            if (verb === 'Resume') await until(() => focused('Pause'));
        }''')
    row = shown.db.row('select is_active, request_id from reportd.report_config '
                       "where report_key = 'rates'")
    assert row.is_active and row.request_id is not None


def test_what_is_done_while_the_page_looks_is_shown(shown):
    shown.browse('''await signIn();
        await page.fill('#q', 'exchange');
        await until(async () => await page.locator('#list tr').count() === 1);
        // A look now lasts longer than the list needs to be there.
        await page.route('**/api/v1/points*', async route => {
            await page.waitForTimeout(2000);
            await route.continue();
        });
        for (const [verb, next] of [['Pause', 'Resume'], ['Resume', 'Pause']]) {
            await page.locator('#list button', {hasText: verb}).click();
            await page.locator('#list button', {hasText: next}).waitFor();
        }
        await page.unrouteAll({behavior: 'wait'});''')


# state(): what the page says beside its name.
STATE = '''await page.clock.install();
    await signIn();
    const state = () => page.innerText('#state');
    await until(async () => await state() === 'web_ann');'''


def test_what_could_not_be_read_is_said_until_it_is_read(shown):
    shown.browse(STATE + '''let asked = 0;
        await page.route('**/api/v1/dependencies', route =>
            ++asked <= 2 ? route.abort() : route.continue());
        await page.locator('#list button.link').first().click();
        await until(async () => await state() === 'no answer; trying on');
        // The next look hears all but this again.
        await until(() => asked === 2);
        await until(async () => await state() === 'no answer; trying on');
        await until(async () => await state() === 'web_ann');
        if (asked !== 3) throw new Error(`asked ${asked} times`);''', expect='ERR_FAILED')


def test_a_request_that_is_never_answered_does_not_stop_the_page(shown):
    shown.browse(STATE + '''let asked = 0;
        await page.route('**/api/v1/overview*', () => { asked++; });
        await until(() => asked === 1);
        await page.clock.fastForward(30000);
        await until(async () => await state() === 'no answer; trying on');
        await page.unrouteAll({behavior: 'ignoreErrors'});
        await until(async () => await state() === 'web_ann');''')


def test_a_running_report_is_seen_and_cancelled(shown):
    showcase.keep_busy(shown.db, ANN, shown.ids)
    shown.browse('''page.on('dialog', d => d.accept());
        await signIn();
        const card = page.locator('#running article', {hasText: 'Stock levels'});
        await card.waitFor();
        const first = await card.innerText();
        await until(async () => await card.innerText() !== first);
        await card.getByText('Cancel').click();
        await card.waitFor({state: 'detached'});''')
    assert until(lambda: shown.db.value(
        "select status from reportd.report_config where report_key = 'stock'") == 'CANCELLED')


def test_a_viewer_sees_and_has_no_buttons(shown):
    assert shown.browse('''await signIn();
        await page.waitForSelector('#list tr:nth-child(12)');
        return await page.locator('#all button', {hasText: /Run now|Pause|Retry|Cancel/})
            .count();''', VERA) == 0


def test_names_and_messages_are_texts(shown):
    evil = '<img src=x onerror=alert(1)><script>alert(2)</script>'
    config_id = shown.db.value(
        "insert into reportd.report_config (report_name, export_sql, owner, trigger_type, "
        "schedule_expression) values (%s, 'select 1', %s::regrole, 'SCHEDULED', '0 0 1 1 *') "
        'returning config_id', evil, ANN)
    shown.db.execute(
        '''insert into reportd.report_run (config_id, owner, report_name, attempt, scheduled_for,
            worker_id, status, finished_at, error_message)
        values (%s, %s::regrole, %s, 1, now(), gen_random_uuid(), 'FAILED', now(), %s)''',
        config_id, ANN, evil, evil)
    try:
        assert shown.browse('''let dialogs = 0;
            page.on('dialog', d => { dialogs++; d.dismiss(); });
            await signIn();
            await page.waitForSelector('#last tr');
            return [dialogs, await page.locator('main img, main script').count(),
                (await page.innerText('#last')).includes('onerror=alert')];''') == [0, 0, True]
    finally:
        shown.db.execute('delete from reportd.report_config where config_id = %s', config_id)


def test_a_hundred_thousand_runs(shown):
    """The page asks for what it shows: it is as large as with few."""
    shown.db.execute(
        '''insert into reportd.report_run (config_id, owner, report_name, attempt, scheduled_for,
            worker_id, status, started_at, finished_at, row_count, byte_count)
        select %s, %s::regrole, 'Stock levels', 1, t, gen_random_uuid(), 'COMPLETED', t,
            t + interval '2 seconds', 100, 1000
        from generate_series(now() - interval '40 hours', now(), interval '40 hours' / 100000) t''',
        shown.ids['stock'], ANN)
    shown.db.execute('analyze reportd.report_run')
    sizes = shown.browse('''const sizes = [];
        page.on('response', async r => sizes.push((await r.body().catch(() => '')).length));
        await signIn();
        await page.waitForSelector('#last tr');
        await page.click('#last-more');
        await until(async () => await page.locator('#last tr').count() === 50);
        return [Math.max(...sizes), await page.evaluate(() => document.querySelectorAll('*').length)];''')
    assert sizes[0] < 200_000 and sizes[1] < 5000


PICTURES = {'phone': {'phone': True}, 'phone-dark': {'phone': True, 'dark': True},
            'dark': {'dark': True}, 'light': {}}


@pytest.mark.parametrize('how', PICTURES.values(), ids=PICTURES)
def test_it_fits_and_the_pictures_of_the_manual(shown, tmp_path, how, request):
    folder = pathlib.Path(os.environ.get('REPORTD_PICTURES') or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    picture = folder / f'page-{request.node.callspec.id}.png'
    wide = shown.browse(f'''await signIn();
        await page.waitForSelector('#list tr:nth-child(12)');
        await page.screenshot({{path: {json.dumps(str(picture))}}});
        return await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);''',
                        **how)
    assert wide[0] <= wide[1]
    assert picture.read_bytes()[:8] == b'\x89PNG\r\n\x1a\n' and picture.stat().st_size > 20000


def test_the_manual_shows_each_picture(tmp_path):
    """In its web pages; the page of the tree says in a sentence where they are seen."""
    stand_in = tmp_path / 'pandoc'
    stand_in.write_text('#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\ncat > "$2"\n')
    stand_in.chmod(0o755)
    drawn = [f'page-{how}.png' for how in PICTURES]
    for name in drawn:
        (tmp_path / name).write_text(name)
    page = (ROOT / 'docs/http.md').read_text()
    assert '<!--' not in page
    path = f'{tmp_path}:{os.environ["PATH"]}'
    subprocess.run([ROOT / 'docs/manual', ROOT, tmp_path, tmp_path / 'manual'], check=True,
                   env={**os.environ, 'PATH': path})
    made = (tmp_path / 'manual/docs/http.html').read_text()
    shown = re.findall(r'^!\[.+\]\(pictures/(.+)\)$', made, re.M)
    assert sorted(shown) == sorted(drawn)
    assert [(tmp_path / 'manual/docs/pictures' / name).read_text() for name in shown] == shown
    lost = set(page.splitlines()) - set(made.splitlines())
    assert [line for line in lost if '.md' not in line] == [
        'The web pages of the manual show it here, light and dark, on a desk and on a phone; '
        'a running server shows it at `/`.']


def test_the_script_has_no_way_to_markup():
    script = (ROOT / 'daemon/http/page/page.js').read_text()
    for way in ('innerHTML', 'outerHTML', 'insertAdjacent', 'document.write', 'eval(',
                'localStorage', 'cookie'):
        assert way not in script, way
