/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_XLSX_PRINT_H
#define ENCODE_XLSX_PRINT_H

#include "base/buf.h"
#include "encode/xlsx/width.h"

/* What a printed page says around the table. */
struct xlsx_print {
	const struct xlsx_page *page;
	const char *title;   /* of the report */
	const char *section; /* NULL: it has no name of its own */
	int columns;         /* of the table, beside which a chart stands */
};

/* The elements of a sheet from pageMargins on: paper, scale, title and section
 * above the page, the sheet's name and the page's number below it. */
void xlsx_print(struct buf *b, const struct xlsx_print *p);

#endif
