# SPDX-License-Identifier: MIT
"""longtable.py CONNINFO SQL FILE: the same table with reportlab's LongTable, as its
manual has it: plain texts, the header on each page."""

import sys

import psycopg
from psycopg.pq import Format
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.platypus import LongTable, SimpleDocTemplate

conninfo, sql, path = sys.argv[1:]

with psycopg.connect(conninfo) as conn:
    result = conn.pgconn.exec_params(sql.encode(), None, result_format=Format.TEXT)
    columns = range(result.nfields)
    data = [[result.fname(i).decode() for i in columns]]
    data += [[(result.get_value(row, i) or b'').decode() for i in columns]
             for row in range(result.ntuples)]
    numbers = [i for i in columns if result.ftype(i) in (20, 21, 23, 700, 701, 1700)]

style = [('FONT', (0, 0), (-1, -1), 'Helvetica', 7),
         ('FONT', (0, 0), (-1, 0), 'Helvetica-Bold', 7),
         ('TOPPADDING', (0, 0), (-1, -1), 1), ('BOTTOMPADDING', (0, 0), (-1, -1), 1),
         ('ROWBACKGROUNDS', (0, 1), (-1, -1), [None, colors.whitesmoke]),
         *(('ALIGN', (i, 0), (i, -1), 'RIGHT') for i in numbers)]


def foot(canvas, document):
    canvas.setFont('Helvetica', 7)
    canvas.drawString(36, 24, f'Page {document.page}')


SimpleDocTemplate(path, pagesize=landscape(A4), leftMargin=36, rightMargin=36,
                  topMargin=36, bottomMargin=36).build(
    [LongTable(data, repeatRows=1, style=style)], onFirstPage=foot, onLaterPages=foot)
