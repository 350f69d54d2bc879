/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_XLSX_WIDTH_H
#define ENCODE_XLSX_WIDTH_H

#include <stdbool.h>

#include "base/buf.h"
#include "encode/table/format.h"
#include "encode/table/layout.h"

/*
 * Finds the widths of columns, in characters, from the texts that a reader will
 * see. Widths stand before the rows in the file, so they come from the first
 * rows; columns of numbers and times get extra room for longer values in later
 * rows.
 */
#define XLSX_LINE 60 /* characters of text in a line before it is wrapped */

struct xlsx_widths {
	const struct schema *schema;
	const struct layout *layout;
	int columns;
	/* format of each column; NULL: General, or text */
	struct format **formats;
	int *seen; /* widest text of each column */
	struct buf scratch;
};

void xlsx_widths_open(struct xlsx_widths *w, const struct schema *schema,
    const struct layout *layout);
void xlsx_widths_close(struct xlsx_widths *w); /* accepts an all-zero one */

void xlsx_widths_row(struct xlsx_widths *w, const struct value *row);
/* Counts in a header; `button`: the button of a filter stands beside it. */
void xlsx_widths_header(
    struct xlsx_widths *w, int column, const char *label, bool button);
/* Counts in a total under its own format code. */
void xlsx_widths_total(struct xlsx_widths *w, int column, const char *code,
    enum column_kind kind, const struct value *v);

/* Returns whether a column has texts, which continue in a next line. */
bool xlsx_has_lines(enum column_kind kind);

/* Returns the width of a column; `more`: rows will follow that were not
 * seen. */
double xlsx_width(const struct xlsx_widths *w, int column, bool more);

/* Returns how many characters of a header fit into a line of a column of this
 * width. */
int xlsx_header_room(double width, bool button);

/* Says how a sheet is printed. */
struct xlsx_page {
	bool landscape;
	bool fit;   /* the table is scaled to the width of a page; otherwise: */
	int scale;  /* percent; the table takes as many pages as it needs */
	bool chart; /* the chart has a page of its own */
};
/* Sets how a sheet is printed. `table` and `chart` are widths in characters, 0
 * without a chart. */
void xlsx_page_set(struct xlsx_page *p, double table, double chart);

#endif
