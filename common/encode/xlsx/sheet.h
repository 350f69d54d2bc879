/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_XLSX_SHEET_H
#define ENCODE_XLSX_SHEET_H

#include "encode/table/total.h"
#include "encode/xlsx/cell.h"
#include "encode/xlsx/chart.h"
#include "encode/xlsx/part.h"
#include "encode/xlsx/style.h"
#include "encode/xlsx/width.h"
#include "encode/xlsx/xlsx.h"
#include "encode/xlsx/zip.h"

/* A workbook being written, and the sheet it is at. */
struct xlsx {
	struct encoder base;
	struct xlsx_limits limits;
	struct report_info info;
	bool autofilter;
	struct zip *zip;
	struct xlsx_styles styles;
	struct xlsx_book book;
	struct buf rows;    /* of the sheet, not yet in the archive */
	struct buf part;    /* anything else on the way there */
	struct buf scratch; /* one value */
	struct xlsx_strings strings;
	struct xlsx_losses losses;
	int64_t left_out; /* of charts, see xlsx_points */
	bool zeros;       /* charts draw texts as 0: there are too many rows */
	/* Cell formats of numbers by decimals, one set an alignment; see
	 * xlsx_look. */
	int scales[3][1 + XLSX_SCALES];
	struct buf remark;

	/* The section. */
	char *name;    /* of its sheets, as it was wished */
	char *section; /* NULL: it has no name of its own */
	const struct schema *schema;
	struct xlsx_column *columns;
	struct xlsx_widths widths;
	struct totals *totals;     /* of the sheet */
	struct totals *all_totals; /* of those that are full */
	struct chart_option chart;
	bool has_chart;
	struct xlsx_points points; /* of the sheet */
	bool sampling;  /* the head of its first sheet is still to be written */
	bool more;      /* rows followed that the widths do not know */
	bool continued; /* the rows go over several sheets */
	bool last;      /* this one is the last of them */

	/* The sheet. */
	struct xlsx_page page;
	uint32_t row;   /* the last one written */
	uint64_t bytes; /* in the archive, before packing */
};

/* Sheets of x->schema from x->name on: the first of a section is begun by its
 * begin, later ones by a row that has no room. The rows of the sample stay in
 * memory until the widths are known. */
int xlsx_sheet_begin(struct xlsx *x, struct err *e);
int xlsx_sheet_row(struct xlsx *x, const struct value *row, struct err *e);
int xlsx_sheet_end(struct xlsx *x, struct err *e);
/* The parts of the number-th sheet's chart, whose last row is `last`. */
int xlsx_sheet_chart(struct xlsx *x, int number, uint32_t last, struct err *e);

#endif
