/* SPDX-License-Identifier: MIT */
/*
 *	xlsxwriter CONNINFO QUERY FILE
 *
 * A program as one would write it by hand: libpq's rows one by one, libxlsxwriter in its
 * constant-memory mode, the same cell types and formats as reportd.
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xlsxwriter.h>

enum {
	BOOL = 16,
	INT8 = 20,
	INT4 = 23,
	FLOAT8 = 701,
	DATE = 1082,
	TIMESTAMPTZ = 1184,
	NUMERIC = 1700
};

static void fail(const char *what)
{
	fprintf(stderr, "xlsxwriter: %s\n", what);
	exit(1);
}

static const char *code_of(Oid type)
{
	switch (type) {
	case INT4:
	case INT8:
		return "0";
	case NUMERIC:
		return "0.00";
	case DATE:
		return "yyyy-mm-dd";
	case TIMESTAMPTZ:
		return "yyyy-mm-dd hh:mm:ss";
	default:
		return NULL;
	}
}

static void write_time(lxw_worksheet *sheet, lxw_row_t row, lxw_col_t column,
    const char *text, lxw_format *format)
{
	lxw_datetime t = {0};

	sscanf(text, "%d-%d-%d %d:%d:%lf", &t.year, &t.month, &t.day, &t.hour,
	    &t.min, &t.sec);
	worksheet_write_datetime(sheet, row, column, &t, format);
}

static void write_cell(lxw_worksheet *sheet, lxw_row_t row, lxw_col_t column,
    Oid type, const char *text, lxw_format *format)
{
	switch (type) {
	case BOOL:
		worksheet_write_boolean(
		    sheet, row, column, *text == 't', format);
		break;
	case INT4:
	case INT8:
	case FLOAT8:
	case NUMERIC:
		worksheet_write_number(
		    sheet, row, column, strtod(text, NULL), format);
		break;
	case DATE:
	case TIMESTAMPTZ:
		write_time(sheet, row, column, text, format);
		break;
	default:
		worksheet_write_string(sheet, row, column, text, format);
	}
}

int main(int argc, char **argv)
{
	lxw_workbook_options options = {.constant_memory = LXW_TRUE};
	lxw_format *bold, *formats[64] = {NULL};
	lxw_workbook *book;
	lxw_worksheet *sheet;
	lxw_row_t row = 0;
	PGconn *conn;
	PGresult *r;
	int columns = 0;

	if (argc != 4)
		fail("CONNINFO QUERY FILE");
	conn = PQconnectdb(argv[1]);
	if (PQsendQueryParams(conn, argv[2], 0, NULL, NULL, NULL, NULL, 0) ==
		0 ||
	    PQsetSingleRowMode(conn) == 0)
		fail(PQerrorMessage(conn));
	book = workbook_new_opt(argv[3], &options);
	sheet = workbook_add_worksheet(book, NULL);
	bold = workbook_add_format(book);
	format_set_bold(bold);
	worksheet_freeze_panes(sheet, 1, 0);
	while ((r = PQgetResult(conn)) != NULL) {
		if (row == 0) {
			columns = PQnfields(r);
			for (int i = 0; i < columns && i < 64; i++) {
				const char *code = code_of(PQftype(r, i));

				if (code != NULL) {
					formats[i] = workbook_add_format(book);
					format_set_num_format(formats[i], code);
				}
				worksheet_set_column(sheet, (lxw_col_t)i,
				    (lxw_col_t)i, 15, NULL);
				worksheet_write_string(sheet, 0, (lxw_col_t)i,
				    PQfname(r, i), bold);
			}
		}
		if (PQresultStatus(r) == PGRES_SINGLE_TUPLE) {
			row++;
			for (int i = 0; i < columns && i < 64; i++) {
				if (!PQgetisnull(r, 0, i))
					write_cell(sheet, row, (lxw_col_t)i,
					    PQftype(r, i), PQgetvalue(r, 0, i),
					    formats[i]);
			}
		} else if (PQresultStatus(r) != PGRES_TUPLES_OK) {
			fail(PQerrorMessage(conn));
		}
		PQclear(r);
	}
	worksheet_autofilter(sheet, 0, 0, row, (lxw_col_t)(columns - 1));
	if (workbook_close(book) != LXW_NO_ERROR)
		fail("the file was not written");
	PQfinish(conn);
	return 0;
}
