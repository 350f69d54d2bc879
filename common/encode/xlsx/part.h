/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_XLSX_PART_H
#define ENCODE_XLSX_PART_H

#include <stdint.h>

#include "encode/encoder.h"

/* The small parts of a workbook, in the order and with the attributes that
 * Excel insists on. */

#define XLSX_XML \
	"<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n"
#define XLSX_MAIN "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
#define XLSX_DOCUMENT \
	"http://schemas.openxmlformats.org/officeDocument/2006/relationships"
#define XLSX_PACKAGE "http://schemas.openxmlformats.org/package/2006"

/* What the workbook remembers of a sheet that is written. */
struct xlsx_sheet {
	char *name;
	char filter[40]; /* of the autofilter, $A$1:$J$100; empty: none */
	bool chart;
	bool hidden;
};

struct xlsx_book {
	struct xlsx_sheet *sheets;
	int count, room;
	bool formulas; /* there are some */
	bool strings;  /* xl/sharedStrings.xml is there */
};

/* Adds a sheet: `wanted` becomes a name that Excel takes and that no other sheet
 * has in any case, as "Sales (2)". NULL or nothing that is left: "Sheet". */
struct xlsx_sheet *xlsx_book_add(struct xlsx_book *book, const char *wanted);
void xlsx_book_free(struct xlsx_book *book);

/* Escapes for an element or attribute; what XML forbids becomes "?". */
void xlsx_escape(struct buf *b, const char *s);
/* The same where a reader undoes _x0041_: it undoes none of s. */
void xlsx_attribute(struct buf *b, const char *s);
/* A sheet's name as formulas have it, 'Q1''s', escaped. */
void xlsx_quote_name(struct buf *b, const char *name);

/* _rels/.rels, docProps/core.xml, docProps/app.xml */
void xlsx_root_rels(struct buf *b);
void xlsx_core(struct buf *b, const struct report_info *info);
void xlsx_app(struct buf *b);
/* xl/worksheets/_rels/sheetN.xml.rels of a sheet with a chart */
void xlsx_sheet_rels(struct buf *b, int number);
/* xl/workbook.xml, xl/_rels/workbook.xml.rels, [Content_Types].xml */
void xlsx_workbook(struct buf *b, const struct xlsx_book *book);
void xlsx_workbook_rels(struct buf *b, const struct xlsx_book *book);
void xlsx_content_types(struct buf *b, const struct xlsx_book *book);

#endif
