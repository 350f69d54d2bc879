# SPDX-License-Identifier: MIT
"""PDF files as qpdf and poppler's programs read them."""

import collections
import re
import shutil
import subprocess
import unicodedata

PROGRAMS = ['qpdf', 'pdftotext', 'pdffonts', 'pdfimages', 'pdfinfo', 'pdftoppm']

Word = collections.namedtuple('Word', 'page left top right bottom text')


def available():
    return all(map(shutil.which, PROGRAMS))


def run(*words):
    done = subprocess.run(words, capture_output=True, check=True)
    assert done.stderr == b'', done.stderr.decode()[:1000]
    return done.stdout


def check(path):
    """It is without errors and warnings, which would be on stderr or in the code."""
    assert b'No syntax or stream encoding errors' in run('qpdf', '--check', path)


def pages(path, *options):
    """The text of each page, laid out as on it."""
    text = run('pdftotext', *(options or ['-layout']), path, '-').decode()
    return text.split('\f')[:-1]


def words(path):
    """The words with their boxes, in points from the left and the top."""
    rows = run('pdftotext', '-tsv', path, '-').decode().splitlines()
    for row in rows[1:]:
        level, page, _, _, _, _, left, top, width, height, _, text = row.split('\t', 11)
        if level == '5':
            left, top = float(left), float(top)
            yield Word(int(page), left, top, left + float(width),
                       top + float(height), text)


def info(path):
    """{'Pages': '3', ...}; of each page 'Page    2 size'."""
    lines = run('pdfinfo', '-l', '-1', path).decode().splitlines()
    return {re.sub(r'\s+', ' ', name): value.strip() for name, _, value in
            (line.partition(':') for line in lines)}


def fonts(path):
    """(name, type, embedded, subset, unicode) of each."""
    lines = run('pdffonts', path).decode().splitlines()
    ends = [match.end() for match in re.finditer('-+', lines[1])]
    for line in lines[2:]:
        name, kind = line[:ends[0]].strip(), line[ends[0]:ends[1]].strip()
        yield name, kind, *(word == 'yes' for word in line[ends[2]:].split()[:3])


def images(path):
    return run('pdfimages', '-list', path).decode().splitlines()[2:]


class Picture:
    """A page in pixels: picture[x, y] is (red, green, blue)."""

    def __init__(self, path, page=1, dpi=72):
        data = run('pdftoppm', '-r', str(dpi), '-f', str(page), '-l', str(page), path)
        kind, size, depth, self.data = data.split(b'\n', 3)
        assert (kind, depth) == (b'P6', b'255')
        self.width, self.height = map(int, size.split())

    def __getitem__(self, place):
        x, y = place
        at = 3 * (y * self.width + x)
        return tuple(self.data[at:at + 3])

    def colours(self, left=0, top=0, right=None, bottom=None):
        """How many pixels of each colour are in a box."""
        return collections.Counter(
            self[x, y] for y in range(top, bottom or self.height)
            for x in range(left, right or self.width))


# ---- the tables of a report, cell by cell ----

def marked(name, expression, table):
    """A statement whose result `sections` finds again. Title and footer of the
    report must be TITLE and FOOTER."""
    quoted = name.replace("'", "''")
    return (f"""select '#{quoted}#' || n || '#' as "@n@", {expression} as "@v@" """
            f'from {table} order by n')


TITLE, FOOTER = '@title@', '@footer@'


def sections(path):
    """{name: {n: text}} of statements made by `marked`, in the order in which the
    page draws them; text without white space."""
    found = {}
    text = []
    for number, page in enumerate(pages(path, '-raw'), 1):
        head, _, rest = page.partition(FOOTER)
        assert head.count(TITLE) == (number > 1)
        text.append(rest.replace(TITLE, '') if number == 1 else rest)
    # Of the header, which each page repeats.
    text = re.sub(r'\s|@n@|@v@', '', ''.join(text))
    parts = re.split(r'#([^#]+)#(\d+)#', text)
    for name, number, value in zip(*(parts[i::3] for i in (1, 2, 3))):
        found.setdefault(name, {})[int(number)] = value
    return found


RTL = {'R', 'AL'}
LOST = '\N{REPLACEMENT CHARACTER}'


def is_seen(c):
    """It is no space and no sign that only steers the layout."""
    return not (c.isspace() or unicodedata.category(c) in ('Cf', 'Mn') or
                c in '\u115f\u1160\u3164\uffa0' or '\ufff0' <= c <= '\ufff8' or
                '\U000e0000' <= c <= '\U000e0fff')


def characters(text):
    """All but white space; control characters are replaced, unless they end a line."""
    text = re.sub('[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]', LOST, text)
    return [c for c in unicodedata.normalize('NFD', text) if not c.isspace()]


def same(got, want):
    """A text of a page and that which it was made of: the same letters, but for
    those that were replaced. From right to left they have another order on a page:
    there just the same ones."""
    got, want = characters(got), characters(want)
    seen = [*filter(is_seen, want)]
    kept = [c for c in got if c != LOST and is_seen(c)]
    gone = len(seen) - len(kept)
    # A sign that cannot be seen may lack a font as well.
    if not gone <= got.count(LOST) <= gone + len(want) - len(seen):
        return False
    if any(unicodedata.bidirectional(c) in RTL for c in want):
        return not collections.Counter(kept) - collections.Counter(seen)
    rest = iter(seen)
    return all(c in rest for c in kept)
