# SPDX-License-Identifier: MIT
"""    xlsxwriter.py CONNINFO QUERY FILE

The same as xlsxwriter.c with Python's XlsxWriter and psycopg, both in their
modes of constant memory."""

import datetime
import decimal
import sys

sys.path.pop(0)  # this file has the module's name

import psycopg  # noqa: E402
import xlsxwriter  # noqa: E402

CODES = {20: '0', 23: '0', 1700: '0.00', 1082: 'yyyy-mm-dd',
         1184: 'yyyy-mm-dd hh:mm:ss'}


def main(conninfo, query, path):
    book = xlsxwriter.Workbook(path, {'constant_memory': True,
                                      'remove_timezone': True})
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    with psycopg.connect(conninfo) as conn, \
            conn.cursor(name='rows') as cursor:
        cursor.itersize = 2000
        cursor.execute(query)
        columns = cursor.description
        formats = [book.add_format({'num_format': CODES[c.type_code]})
                   if c.type_code in CODES else None for c in columns]
        sheet.write_row(0, 0, [c.name for c in columns],
                        book.add_format({'bold': True}))
        sheet.set_column(0, len(columns) - 1, 15)
        n = 0
        for n, row in enumerate(cursor, 1):
            for i, value in enumerate(row):
                if value is None:
                    continue
                if isinstance(value, bool):
                    sheet.write_boolean(n, i, value, formats[i])
                elif isinstance(value, (int, float, decimal.Decimal)):
                    sheet.write_number(n, i, value, formats[i])
                elif isinstance(value, (datetime.date, datetime.datetime)):
                    sheet.write_datetime(n, i, value, formats[i])
                else:
                    sheet.write_string(n, i, value, formats[i])
    sheet.autofilter(0, 0, n, len(columns) - 1)
    book.close()


main(*sys.argv[1:])
