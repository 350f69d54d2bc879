/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_XLSX_PRINT_H
#define ENCODE_XLSX_PRINT_H

#include "base/buf.h"
#include "encode/xlsx/width.h"

/* The text that a printed page has around the table. */
struct xlsx_print {
	const struct xlsx_page *page;
	const char *title;   /* title of the report */
	const char *section; /* NULL: the section has no name */
	/* columns of the table, to the right of which a chart stands */
	int columns;
};

/* Appends the elements of a sheet from pageMargins on: paper, scale, title and
 * section above the page, name of the sheet and page number below it. */
void xlsx_print(struct buf *b, const struct xlsx_print *p);

#endif
