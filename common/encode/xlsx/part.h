/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_XLSX_PART_H
#define ENCODE_XLSX_PART_H

#include <stdint.h>

#include "encode/encoder.h"

/* Writes the small parts of a workbook, with elements and attributes in the
 * order that Excel requires. */

#define XLSX_XML \
	"<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n"
#define XLSX_MAIN "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
#define XLSX_DOCUMENT \
	"http://schemas.openxmlformats.org/officeDocument/2006/relationships"
#define XLSX_PACKAGE "http://schemas.openxmlformats.org/package/2006"

/* The data kept of a sheet that has been written. */
struct xlsx_sheet {
	char *name;
	char filter[40]; /* range of the autofilter, $A$1:$J$100; empty: none */
	bool chart;
	bool hidden;
};

struct xlsx_book {
	struct xlsx_sheet *sheets;
	int count, room;
	bool formulas; /* a sheet has formulas */
	bool strings;  /* the workbook has xl/sharedStrings.xml */
};

/* Adds a sheet. `wanted` is changed to a name that Excel accepts and that no
 * other sheet has, regardless of case, such as "Sales (2)". NULL, or a name of
 * which nothing is left, gives "Sheet". */
struct xlsx_sheet *xlsx_book_add(struct xlsx_book *book, const char *wanted);
void xlsx_book_free(struct xlsx_book *book);

/* Appends a text escaped for an element or attribute; a character that XML
 * forbids becomes "?". */
void xlsx_escape(struct buf *b, const char *s);
/* Does the same where a reader decodes _x0041_, so that it decodes nothing in
 * s. */
void xlsx_attribute(struct buf *b, const char *s);
/* Appends the name of a sheet as formulas quote it, 'Q1''s', escaped. */
void xlsx_quote_name(struct buf *b, const char *name);

/* Write _rels/.rels, docProps/core.xml and docProps/app.xml. */
void xlsx_root_rels(struct buf *b);
void xlsx_core(struct buf *b, const struct report_info *info);
void xlsx_app(struct buf *b);
/* Writes xl/worksheets/_rels/sheetN.xml.rels of a sheet with a chart. */
void xlsx_sheet_rels(struct buf *b, int number);
/* Write xl/workbook.xml, xl/_rels/workbook.xml.rels and [Content_Types].xml. */
void xlsx_workbook(struct buf *b, const struct xlsx_book *book);
void xlsx_workbook_rels(struct buf *b, const struct xlsx_book *book);
void xlsx_content_types(struct buf *b, const struct xlsx_book *book);

#endif
