/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_XLSX_WIDTH_H
#define ENCODE_XLSX_WIDTH_H

#include <stdbool.h>

#include "base/buf.h"
#include "encode/table/format.h"
#include "encode/table/layout.h"

/*
 * Widths of columns, in characters, from the texts that a reader will see. They
 * stand in front of the rows, so they come from the first ones; numbers and times
 * of later rows may be longer and get room for that.
 */
#define XLSX_LINE 60 /* of text, before it is wrapped */

struct xlsx_widths {
	const struct schema *schema;
	const struct layout *layout;
	int columns;
	struct format **formats; /* by column; NULL: General, or text */
	int *seen;               /* the widest one of each column */
	struct buf scratch;
};

void xlsx_widths_open(struct xlsx_widths *w, const struct schema *schema,
    const struct layout *layout);
void xlsx_widths_close(struct xlsx_widths *w); /* accepts zeros */

void xlsx_widths_row(struct xlsx_widths *w, const struct value *row);
/* A header, with the button of a filter beside it or without. */
void xlsx_widths_header(
    struct xlsx_widths *w, int column, const char *label, bool button);
/* A total under its own code. */
void xlsx_widths_total(struct xlsx_widths *w, int column, const char *code,
    enum column_kind kind, const struct value *v);

/* Whether a column is one of texts, which go on in a next line. */
bool xlsx_has_lines(enum column_kind kind);

/* How wide a column becomes; `more`: rows will follow that were not seen. */
double xlsx_width(const struct xlsx_widths *w, int column, bool more);

/* Characters of a header that have room in a line of a column so wide. */
int xlsx_header_room(double width, bool button);

/* How a sheet is printed. */
struct xlsx_page {
	bool landscape;
	bool fit;   /* as wide as a page; otherwise: */
	int scale;  /* percent, on as many pages as it takes */
	bool chart; /* on a page of its own */
};
/* `table` and `chart`: their characters, 0 without a chart. */
void xlsx_page_set(struct xlsx_page *p, double table, double chart);

#endif
