/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_XLSX_CHART_H
#define ENCODE_XLSX_CHART_H

#include <stdint.h>

#include "base/buf.h"
#include "encode/chart/chart.h"
#include "encode/chart/repeat.h"
#include "encode/chart/slices.h"
#include "encode/chart/unit.h"
#include "encode/xlsx/cell.h"

/*
 * Writes the chart of a sheet, which reads the cells of the sheet. Spreadsheets
 * draw text as 0: when numbers had to be written as text, the chart reads a
 * hidden sheet that has only its numbers, if there are at most CHART_POINTS
 * rows. A pie with many rows reads a hidden sheet that has its slices.
 */
struct xlsx_points {
	double *values; /* values row by row; NAN: none */
	uint32_t rows;  /* all rows of the sheet */
	uint32_t cap;
	double low, high; /* of all values; low above high: there is none */
	int64_t left_out; /* values left out on all sheets, see chart_remark */
	struct chart_unit unit; /* of categories that are dates or times */
	struct chart_repeat repeat;
	struct chart_slices slices; /* of a pie, in XLSX_SLICE_UNIT */
};
/* The sum of all rows of a sheet is finite when each value is multiplied by
 * this. */
#define XLSX_SLICE_UNIT 0x1p-32
void xlsx_points_begin(struct xlsx_points *p); /* begins a sheet */
void xlsx_points_row(struct xlsx_points *p, const struct chart_option *chart,
    const struct schema *schema, const struct value *row);
void xlsx_points_free(struct xlsx_points *p); /* accepts an all-zero one */

/* Writes xl/drawings/drawingN.xml: the place of the chart, right of this many
 * columns. */
void xlsx_drawing(struct buf *b, int columns);
/* Writes xl/drawings/_rels/drawingN.xml.rels. */
void xlsx_drawing_rels(struct buf *b, int number);
/* Writes xl/charts/chartN.xml: the chart of the rows 2 to `last` of the
 * sheet, or of `data`. */
struct xlsx_plot {
	const struct chart_option *chart;
	const struct layout *layout;
	const char *sheet;
	uint32_t last;
	/* sheet of the series, from its cell A2 on; NULL: `sheet` */
	const char *data;
	/* the categories are in `data`, too, in its column A; the last one is
	 * "other" */
	bool slices;
	/* number format of the categories, which are dates or times; NULL: they
	 * are read as text */
	const char *times;
	/* the numbers of the sheet, which tell the points that no line reaches */
	const struct xlsx_points *points;
	struct chart_ends ends; /* of the axis of values */
	const char *code;       /* number format of that axis */
	bool empty;             /* there is nothing to draw */
};
/* Returns the number format of an axis of values whose columns have none. */
const char *xlsx_points_code(const struct xlsx_points *p, enum chart_type type);
/* Returns whether the rows have nothing that a chart of this type draws. */
bool xlsx_points_empty(const struct xlsx_points *p, enum chart_type type);
/* Returns the number format in which the categories are as short as can be;
 * NULL: they are no dates or times, or not all alike. */
const char *xlsx_points_times(
    const struct xlsx_points *p, enum column_kind kind);
void xlsx_chart(struct buf *b, const struct xlsx_plot *p);

#endif
