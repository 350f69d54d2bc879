/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_XLSX_SHEET_H
#define ENCODE_XLSX_SHEET_H

#include "encode/table/total.h"
#include "encode/xlsx/cell.h"
#include "encode/xlsx/chart.h"
#include "encode/xlsx/limits.h"
#include "encode/xlsx/part.h"
#include "encode/xlsx/style.h"
#include "encode/xlsx/width.h"
#include "encode/xlsx/zip.h"

/* A workbook being written, with its current section and sheet. */
struct xlsx {
	struct encoder base;
	struct xlsx_limits limits;
	struct report_info info;
	bool autofilter;
	struct zip *zip;
	struct xlsx_styles styles;
	struct xlsx_book book;
	struct buf rows;    /* rows of the sheet not yet in the archive */
	struct buf part;    /* another part on the way to the archive */
	struct buf scratch; /* text of one value */
	struct xlsx_strings strings;
	struct xlsx_losses losses;
	int64_t left_out; /* values that charts leave out, see xlsx_points */
	/* a chart draws texts as 0: it has too many rows for a hidden sheet of
	 * numbers */
	bool zeros;
	/* Cell formats of numbers by decimals, one set for each alignment, and
	 * the last one for cells apart; see xlsx_look. */
#define XLSX_SIDES 4
	int scales[XLSX_SIDES][1 + XLSX_SCALES];
	struct buf remark;

	/* The current section. */
	char *name;    /* wanted name of its sheets */
	char *section; /* NULL: the section has no name */
	const struct schema *schema;
	struct xlsx_column *columns;
	struct xlsx_widths widths;
	struct totals *totals;     /* totals of the sheet */
	struct totals *all_totals; /* totals of the sheets before */
	struct chart_option chart;
	bool has_chart;
	struct xlsx_points points; /* chart values of the sheet */
	bool sampling;  /* the head of the first sheet is not written yet */
	bool more;      /* rows followed that the widths do not include */
	bool continued; /* the rows go over several sheets */
	bool last;      /* this sheet is the last of them */

	/* The current sheet. */
	struct xlsx_page page;
	uint32_t row;   /* number of the last row written */
	uint64_t bytes; /* bytes in the archive, before packing */
};

/* Write the sheets of a section, from x->schema and x->name. The first sheet is
 * begun by the begin of the encoder, later ones by a row that has no room. The
 * rows of the sample stay in memory until the widths are known. */
int xlsx_sheet_begin(struct xlsx *x, struct err *e);
int xlsx_sheet_row(struct xlsx *x, const struct value *row, struct err *e);
int xlsx_sheet_end(struct xlsx *x, struct err *e);
/* Writes the parts of the chart of the number-th sheet, whose last row is
 * `last`; in sheet_chart.c. */
int xlsx_sheet_chart(struct xlsx *x, int number, uint32_t last, struct err *e);

/* sheet_total.c */
/* Appends the totals of the sheet and, on the last one of several, the totals
 * of all sheets. */
void xlsx_sheet_totals(struct xlsx *x);
/* Returns how many rows the totals take. */
uint32_t xlsx_total_rows(const struct xlsx *x);

/* sheet.c, for totals */
void xlsx_sheet_row_begin(struct xlsx *x, struct xlsx_row *row);
/* Append a cell that does not come from the rows of the section. */
void xlsx_sheet_cell(struct xlsx *x, struct xlsx_row *row, int column,
    const struct xlsx_rule *rule, int style, const struct value *v);
void xlsx_sheet_text(struct xlsx *x, struct xlsx_row *row, int column,
    const char *text, enum xlsx_role role);

#endif
