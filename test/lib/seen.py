# SPDX-License-Identifier: MIT
"""What two outputs of one format are compared by: everything but the time and the run that
they tell."""

import io
import re
import tempfile

import openpyxl

from lib import pdf


def cells(data):
    """The cells of a workbook with their formats."""
    return [(cell.coordinate, cell.value, cell.number_format)
            for sheet in openpyxl.load_workbook(io.BytesIO(data)) for row in sheet for cell in row]


def words(data):
    """The words of a PDF and their places, without the line at the top of each page."""
    with tempfile.NamedTemporaryFile(suffix='.pdf') as file:
        file.write(data)
        file.flush()
        return [word for word in pdf.words(file.name) if word.top > 60]


def seen(name, data):
    """`data` is an output in the format `name`."""
    if name == 'PARQUET':  # with its schema
        return re.sub(rb'reportd\.(run_id|time)..[-\d: ]+', rb'\1', data[:-8], flags=re.S)
    if name == 'HTML':
        return data[data.index(b'<table'):data.rindex(b'</table')]
    return {'XLSX': cells, 'PDF': words}.get(name, bytes)(data)
