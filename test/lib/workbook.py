# SPDX-License-Identifier: MIT
"""Reads workbooks with openpyxl and LibreOffice, and as XML."""

import contextlib
import csv
import shutil
import subprocess
import warnings
import zipfile
from xml.etree import ElementTree

MAIN = '{http://schemas.openxmlformats.org/spreadsheetml/2006/main}'
TABLE = '{urn:oasis:names:tc:opendocument:xmlns:table:1.0}'
OFFICE = '{urn:oasis:names:tc:opendocument:xmlns:office:1.0}'
# https://wiki.documentfoundation.org/Documentation/DevGuide/Spreadsheet_Documents
# Filter Options for the CSV Filter: UTF-8, texts in quotes, numbers as they are
# or cells as shown, every sheet.
CSV = 'csv:Text - txt - csv (StarCalc):44,34,76,1,,0,true,true,false,false,false,-1'
SHOWN = CSV.replace('true,true,false', 'true,true,true')


def available():
    with contextlib.suppress(ImportError):
        import openpyxl  # noqa: F401
        return shutil.which('soffice') is not None
    return False


def load(path, **options):
    """Returns openpyxl's workbook."""
    import openpyxl
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        return openpyxl.load_workbook(path, **options)


def rows(sheet):
    """Returns the values of the cells; escapes in texts are undone, as Excel does."""
    from openpyxl.utils.escape import unescape
    return [[unescape(value) if isinstance(value, str) else value
             for value in row] for row in sheet.iter_rows(values_only=True)]


def parts(path):
    """Returns {name: root element}; checks that every part is well-formed."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: ElementTree.fromstring(archive.read(name))
                for name in archive.namelist()}


def raw(path, number=1):
    """Returns {A1: (type, text)} of a sheet from its XML."""
    root = parts(path)[f'xl/worksheets/sheet{number}.xml']
    return {cell.get('r'): (cell.get('t', 'n'), ''.join(cell.itertext()))
            for cell in root.iter(f'{MAIN}c')}


# ---- LibreOffice ----

def convert_all(paths, to, folder):
    """Converts the files with one start of LibreOffice, which gets a profile of its own."""
    done = subprocess.run(
        ['soffice', '--headless', f'-env:UserInstallation=file://{folder}/lo',
         '--convert-to', to, '--outdir', folder, *paths],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    assert done.returncode == 0 and 'Error' not in done.stdout, done.stdout
    return [folder / f'{path.stem}.{to.split(":")[0]}' for path in paths]


def convert(path, to, folder):
    return convert_all([path], to, folder)[0]


def cell(element):
    """Returns (type, value) of a cell, None for an empty one."""
    kind = element.get(f'{OFFICE}value-type')
    if kind in (None, 'string'):
        return kind and (kind, None)
    if element.get(f'{TABLE}formula') in ('of:=TRUE()', 'of:=FALSE()'):
        return 'boolean', element.get(f'{TABLE}formula')[4:-2]
    name = {'date': 'date-value', 'time': 'time-value',
            'boolean': 'boolean-value'}.get(kind, 'value')
    return kind, element.get(OFFICE + name)


def sheets(path, folder):
    """Returns (name, rows of cells) of the sheets, without empty cells and rows at the
    end."""
    root = ElementTree.parse(convert(path, 'fods', folder)).getroot()
    for table in root.iter(f'{TABLE}table'):
        lines = []
        for row in table.iter(f'{TABLE}table-row'):
            cells = []
            for element in row:
                repeated = int(element.get(f'{TABLE}number-columns-repeated', 1))
                cells += [cell(element)] * min(repeated, 2000)
            while cells and cells[-1] is None:
                cells.pop()
            repeated = int(row.get(f'{TABLE}number-rows-repeated', 1))
            lines += [cells] * (repeated if cells else min(repeated, 10))
        while lines and not lines[-1]:
            lines.pop()
        yield table.get(f'{TABLE}name'), lines


def libreoffice(path, folder):
    """Returns {sheet: rows of (type, value)} as LibreOffice reads them. The texts come
    from another conversion, because LibreOffice's own XML loses white space."""
    found = {}
    convert(path, CSV, folder)
    for name, lines in sheets(path, folder):
        with open(folder / f'{path.stem}-{name}.csv', newline='') as file:
            shown = list(csv.reader(file))
        found[name] = [
            [('string', shown[i][j]) if one and one[0] == 'string' else one
             for j, one in enumerate(line)] for i, line in enumerate(lines)]
    return found
