# SPDX-License-Identifier: MIT
"""XLSX: 500,000 rows x 10 columns, beside a C program on libxlsxwriter's
constant-memory mode, and once beside Python's XlsxWriter."""

import pathlib
import subprocess
import zipfile

import formats
import rig

PROGRAM = rig.WORK / 'xlsxwriter'


def setup(conn):
    formats.setup(conn)
    flags = subprocess.run(['pkg-config', '--cflags', '--libs', 'libpq', 'xlsxwriter'],
                           check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    subprocess.run(['gcc', '-O2', '-o', PROGRAM, rig.HERE / 'xlsxwriter.c', *flags],
                   check=True)


def pair(conn, *words):
    out = rig.folder('xlsx')
    both = (formats.report(conn, out, formats.MEDIUM_SQL, 'XLSX'),
            formats.command(out / 'peer.xlsx', *words, rig.CONNINFO,
                            formats.MEDIUM_SQL, out / 'peer.xlsx'))
    for one in both:
        check(one['path'])
    return formats.show(['reportd', words[-1].name], both)


def check(path):
    """Every row is there."""
    rows = 0
    with zipfile.ZipFile(path) as archive, \
            archive.open('xl/worksheets/sheet1.xml') as sheet:
        last = b''
        while data := sheet.read(1 << 20):
            rows += (last + data).count(b'</row')
            last = data[-4:]
    if rows != formats.MEDIUM + 1:
        raise SystemExit(f'bench: {path} has {rows} rows')


def run(conn, count):
    setup(conn)
    name = f'XLSX, {formats.MEDIUM:,} rows x 10'
    pair(conn, PROGRAM)  # not counted: warms up
    yield from formats.rows(f'{name}; libxlsxwriter',
                            [pair(conn, PROGRAM) for _ in range(count)])
    script = rig.HERE / 'xlsxwriter.py'
    yield from formats.rows(f'{name}; Python XlsxWriter',
                            [pair(conn, pathlib.Path('/usr/bin/python3'), script)])
