# SPDX-License-Identifier: MIT
"""Reads PDF files with qpdf and poppler's programs."""

import collections
import itertools
import re
import shutil
import statistics
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
    """Checks a file with qpdf, which reports errors and warnings on stderr or by its
    code."""
    assert b'No syntax or stream encoding errors' in run('qpdf', '--check', path)


def pages(path, *options):
    """Returns the text of each page in its layout."""
    text = run('pdftotext', *(options or ['-layout']), path, '-').decode()
    return text.split('\f')[:-1]


def words(path):
    """Returns the words with their boxes, in points from the left and the top."""
    rows = run('pdftotext', '-tsv', path, '-').decode().splitlines()
    for row in rows[1:]:
        level, page, _, _, _, _, left, top, width, height, _, text = row.split('\t', 11)
        if level == '5':
            left, top = float(left), float(top)
            yield Word(int(page), left, top, left + float(width),
                       top + float(height), text)


def overlaps(words):
    """Pairs of words of a page that are drawn over each other by more than a point. The
    boxes of a font of pictures are far taller than what it draws: they are left out."""
    line = statistics.median(word.bottom - word.top for word in words)
    words = sorted((word for word in words if word.bottom - word.top < 2 * line),
                   key=lambda word: word.top)
    for at, one in enumerate(words):
        for two in itertools.islice(words, at + 1, None):
            if two.top >= one.bottom - 1:
                break
            if (min(one.right, two.right) - max(one.left, two.left) > 1 and
                    min(one.bottom, two.bottom) - two.top > 1):
                yield one, two


def info(path):
    """Returns {'Pages': '3', ...}; the size of each page is 'Page    2 size'."""
    lines = run('pdfinfo', '-l', '-1', path).decode().splitlines()
    return {re.sub(r'\s+', ' ', name): value.strip() for name, _, value in
            (line.partition(':') for line in lines)}


def page_sizes(path):
    """Returns {page: (width, height)}, in points."""
    return {int(page): (float(width), float(height)) for page, width, height in re.findall(
        r'^Page +(\d+) size: +([\d.]+) x ([\d.]+)', run('pdfinfo', '-l', '-1', path).decode(), re.M)}


def fonts(path):
    """Returns (name, type, embedded, subset, unicode) of each font."""
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

    def has_ink(self, left, top, right, bottom):
        """Whether a box holds pixels of different colours."""
        found = {bytes(row[at:at + 3]) for y in range(top, min(bottom + 1, self.height))
                 for row in [self.data[3 * (y * self.width + left):
                                       3 * (y * self.width + min(right + 1, self.width))]]
                 for at in range(0, len(row), 3)}
        return len(found) > 1

    def colours(self, left=0, top=0, right=None, bottom=None):
        """Counts the pixels of each colour in a box."""
        return collections.Counter(
            self[x, y] for y in range(top, bottom or self.height)
            for x in range(left, right or self.width))


# ---- the tables of a report, cell by cell ----

def marked(name, expression, table):
    """Returns a statement whose result `sections` can find in the file. The report's
    title and footer must be TITLE and FOOTER."""
    quoted = name.replace("'", "''")
    return (f"""select '#{quoted}#' || n || '#' as "@n@", {expression} as "@v@" """
            f'from {table} order by n')


TITLE, FOOTER = '@title@', '@footer@'


def sections(path):
    """Returns {name: {n: text}} for statements made by `marked`, in the order in which
    the pages draw them; texts have no white space."""
    found = {}
    text = []
    for number, page in enumerate(pages(path, '-raw'), 1):
        head, _, rest = page.partition(FOOTER)
        assert head.count(TITLE) == (number > 1)
        text.append(rest.replace(TITLE, '') if number == 1 else rest)
    # Each page repeats the table's header.
    text = re.sub(r'\s|@n@|@v@', '', ''.join(text))
    parts = re.split(r'#([^#]+)#(\d+)#', text)
    for name, number, value in zip(*(parts[i::3] for i in (1, 2, 3))):
        found.setdefault(name, {})[int(number)] = value
    return found


RTL = {'R', 'AL'}
LOST = '\N{REPLACEMENT CHARACTER}'


def is_seen(c):
    """Says whether a character is visible: no space, and no sign that only controls the
    layout."""
    return not (c.isspace() or unicodedata.category(c) in ('Cf', 'Mn') or
                c in '\u115f\u1160\u3164\uffa0' or '\ufff0' <= c <= '\ufff8' or
                '\U000e0000' <= c <= '\U000e0fff')


def characters(text):
    """Returns all characters except white space; control characters are replaced, unless
    they end a line."""
    text = re.sub('[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]', LOST, text)
    return [c for c in unicodedata.normalize('NFD', text) if not c.isspace()]


def same(got, want):
    """Says whether a page shows a text: the same letters in the same order, except
    replaced ones. With right-to-left letters, whose order on a page differs, only the
    set of letters is compared."""
    got, want = characters(got), characters(want)
    seen = [*filter(is_seen, want)]
    kept = [c for c in got if c != LOST and is_seen(c)]
    gone = len(seen) - len(kept)
    # A font may lack an invisible sign as well.
    if not gone <= got.count(LOST) <= gone + len(want) - len(seen):
        return False
    if any(unicodedata.bidirectional(c) in RTL for c in want):
        return not collections.Counter(kept) - collections.Counter(seen)
    rest = iter(seen)
    return all(c in rest for c in kept)
