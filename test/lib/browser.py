# SPDX-License-Identifier: MIT
"""Loads pages in headless Chromium."""

import html.parser
import json
import re
import subprocess
import tempfile

from lib import npm
from lib.paths import ROOT

CHROMIUM = ['chromium', '--headless', '--no-sandbox', '--disable-gpu',
            '--disable-dev-shm-usage', '--no-first-run',
            '--disable-background-networking', '--hide-scrollbars']


def run(*options, page):
    with tempfile.TemporaryDirectory(prefix='chromium-') as profile:
        return subprocess.run(
            [*CHROMIUM, f'--user-data-dir={profile}', *options, page.as_uri()],
            check=True, capture_output=True, timeout=120).stdout


def dom(page, *options):
    """Returns the document after it was loaded and its scripts have run, as a Document."""
    return Document(run('--dump-dom', *options, page=page).decode())


def pdf(page, path):
    run(f'--print-to-pdf={path}', '--no-pdf-header-footer', page=page)


def probe(page, script, *options):
    """Returns the result of a script that inspects the page, see probed."""
    return probed(page, script, *options).by_id('probe').text


def probed(page, script, *options):
    """Returns the document with the result of a script that inspects the page in the
    element "probe". The page's own policy forbids scripts, so the script runs in a copy
    without that policy."""
    copy = page.with_name(f'probe-{page.name}')
    text = page.read_bytes().decode()
    text, count = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>', '', text)
    assert count == 1
    head, end, tail = text.rpartition('</body>')
    copy.write_bytes(f'{head}<pre id="probe"></pre><script>document.getElementById('
                     f'"probe").textContent = (() => {{{script}}})()</script>'
                     f'{end}{tail}'.encode())
    return dom(copy, *options)


def browse(url, script, expect=None, **options):
    """Returns what the script returns, which acts as a reader of the page: see browse.js.
    Only errors with the text `expect` may occur, and nothing is fetched from elsewhere."""
    modules = str(npm.install('playwright-core@1.48.2'))
    done = subprocess.run(
        ['node', ROOT / 'test/lib/browse.js', json.dumps({
            'modules': modules, 'url': url, **options})],
        input=script, text=True, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    errors = [e for e in answer['errors'] if not expect or str(expect) not in e]
    assert errors == [] and answer['elsewhere'] == [], answer
    return answer['result']


VOID = {'area', 'base', 'br', 'col', 'embed', 'hr', 'img', 'input', 'link', 'meta',
        'source', 'track', 'wbr'}


class Element:
    def __init__(self, tag, attributes):
        self.tag = tag
        self.attributes = dict(attributes)
        self.parts = []

    def __getitem__(self, name):
        return self.attributes.get(name)

    @property
    def children(self):
        return [part for part in self.parts if isinstance(part, Element)]

    @property
    def text(self):
        return ''.join(part if isinstance(part, str) else part.text
                       for part in self.parts)

    def all(self, tag):
        for child in self.children:
            if child.tag == tag:
                yield child
            yield from child.all(tag)

    def one(self, tag):
        found, = self.all(tag)
        return found


class Document(Element, html.parser.HTMLParser):
    """Parses markup written by the browser, in which every element is closed."""

    def __init__(self, text):
        Element.__init__(self, '', [])
        html.parser.HTMLParser.__init__(self, convert_charrefs=True)
        self.open = [self]
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        element = Element(tag, attrs)
        self.open[-1].parts.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        assert self.open[-1].tag == tag, (tag, self.open[-1].tag)
        self.open.pop()

    def handle_data(self, data):
        self.open[-1].parts.append(data)

    def by_id(self, name, within=None):
        for element in (within or self).children:
            if element['id'] == name:
                return element
            if found := self.by_id(name, element):
                return found
        return None
