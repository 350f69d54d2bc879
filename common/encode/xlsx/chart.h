/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_XLSX_CHART_H
#define ENCODE_XLSX_CHART_H

#include <stdint.h>

#include "base/buf.h"
#include "encode/chart/chart.h"
#include "encode/xlsx/cell.h"

/*
 * A sheet's chart, which reads the sheet's cells. Spreadsheets draw text as 0: where
 * numbers had to be text, the chart reads a hidden sheet of its numbers alone, as
 * long as there are no more than CHART_POINTS rows.
 */
struct xlsx_points {
	double *values; /* row by row; NAN: none */
	uint32_t rows;  /* all of the sheet's */
	uint32_t cap;
	int64_t left_out; /* of all sheets, see chart_remark */
};
void xlsx_points_begin(struct xlsx_points *p); /* a sheet */
void xlsx_points_row(struct xlsx_points *p, const struct chart_option *chart,
    const struct schema *schema, const struct value *row);
void xlsx_points_free(struct xlsx_points *p); /* accepts an all-zero one */

/* xl/drawings/drawingN.xml: where it stands, right of so many columns. */
void xlsx_drawing(struct buf *b, int columns);
/* xl/drawings/_rels/drawingN.xml.rels */
void xlsx_drawing_rels(struct buf *b, int number);
/* xl/charts/chartN.xml: of rows 2 to last of the sheet. */
struct xlsx_plot {
	const struct chart_option *chart;
	const struct layout *layout;
	const char *sheet;
	uint32_t last;
	const char *data; /* sheet of the series, from A2 on; NULL: this one */
};
void xlsx_chart(struct buf *b, const struct xlsx_plot *p);

#endif
