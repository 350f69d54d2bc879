# SPDX-License-Identifier: MIT
"""One random table, read once, into every format that holds text or numbers as
they are, and back. The seed is new each time; REPORTD_SEED=N repeats one. Parquet
and PDF have theirs where they are read."""

import csv
import json
import os
import random
import secrets
import shutil

import pytest

import test_format_html
import test_format_json
import test_format_xlsx
from lib import matrix, pdf, workbook

ZONE = 'Europe/Berlin'
ALL = 'select * from matrix order by n'


@pytest.fixture
def seed():
    """Shown with a test that failed."""
    seed = int(os.environ.get('REPORTD_SEED') or secrets.randbits(32))
    print(f'REPORTD_SEED={seed}')
    return seed


def check_csv(db, path, delimiter):
    with db.connect(row_factory=None) as conn:
        conn.execute(f"set timezone = '{ZONE}'")
        names = [column.name for column in
                 conn.execute('select * from matrix limit 0').description]
        fields = ', '.join(f"""format('%s', "{name}")""" for name in names)
        want = [list(row) for row in
                conn.execute(f'select {fields} from matrix order by n')]
    with open(path, newline='', encoding='utf-8') as file:
        csv.field_size_limit(1 << 30)
        got = [*csv.reader(file, delimiter=delimiter)]
    assert got[0] == names
    assert got[1:] == want


def check_json(db, path, whole):
    want = test_format_json.expected_rows(db)
    assert [test_format_json.loads(line) for line in
            test_format_json.lines_of(path.read_bytes())] == want
    assert test_format_json.loads(whole.read_bytes()) == want


def test_a_random_table_reads_back_from_every_format(db, ctl, tmp_path, seed):
    matrix.create_random(db, seed)
    delimiter = random.Random(seed).choice(',;|\t')
    formats = 'csv,json,jsonl,html,xlsx'
    done = ctl('export', '--sql', ALL, '--format', formats, '-o', tmp_path / 'all.{ext}',
               '--time-zone', ZONE,
               '--option', f'CSV={json.dumps({"delimiter": delimiter})}')
    assert done.returncode == 0, done.stderr

    def file(extension):
        return tmp_path / f'all.{extension}'
    check_csv(db, file('csv'), delimiter)
    check_json(db, file('jsonl'), file('json'))
    if shutil.which('chromium'):
        test_format_html.check(db, file('html'))
    if workbook.available():
        test_format_xlsx.check(db, file('xlsx'), tmp_path)


def test_random_numbers_agree_in_all_formats(db, ctl, tmp_path, seed):
    """Their sums, too, which each encoder gets from the same arithmetic."""
    dice = random.Random(seed)
    scale = dice.randrange(6)

    def number():
        text = f'{dice.randrange(10 ** dice.randrange(1, 15) * 10 ** scale):0{scale + 1}}'
        return (dice.choice(['', '-']) + text[:len(text) - scale] + '.' * (scale > 0)
                + text[len(text) - scale:])
    numbers = [None if dice.random() < 0.1 else number()
               for _ in range(dice.choice([1, 40, 500]))]
    db.execute(f'create table numbers (i int, n numeric(30, {scale}))')
    with db.conn.cursor() as cursor, cursor.copy('copy numbers from stdin') as copy:
        for row in enumerate(numbers):
            copy.write_row(row)
    done = ctl('export', '--sql', 'select * from numbers order by i',
               '--format', 'html,pdf', '-o', tmp_path / 'n.{ext}', '--option',
               'columns={"n": {"total": "sum"}}')
    assert done.returncode == 0, done.stderr
    total = str(db.value('select sum(n) from numbers'))
    page = (tmp_path / 'n.html').read_text()
    for text in (total, *map(str, db.value('select array_agg(n) from numbers'))):
        assert text == 'None' or f'>{text}<' in page, text
    if not pdf.available():
        return
    text = ' '.join(pdf.pages(tmp_path / 'n.pdf')).split()
    assert total == 'None' or text[text.index('Total') + 1] == total
    assert all(str(n) in text for n in db.value('select array_agg(n) from numbers')
               if n is not None)
