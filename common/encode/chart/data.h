/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_CHART_DATA_H
#define ENCODE_CHART_DATA_H

#include "encode/chart/chart.h"
#include "encode/chart/repeat.h"
#include "encode/table/cell.h"
#include "encode/table/format.h"

/* The data of a chart, gathered by data.c and drawn by plot.c. */
struct chart_data {
	enum chart_type type;
	char *title;  /* NULL: none */
	int series;   /* number of series */
	char **names; /* names of the series */
	int rows, cap;
	/* category of each row as the server sent it; NULL: none */
	char **categories;
	struct chart_repeat repeat; /* counts the categories */
	double *values;             /* row * series + i; NAN: none */
	/* tip of each row: its category and values as the table shows them;
	 * NULL: the chart has none */
	char **tips;
	struct cells *cells; /* make the tips; NULL: there are none */
	int64_t left_out;    /* number of values that cannot be drawn */

	struct format *format; /* format of the axis of values; NULL: plain */
	struct format *label_format;
	const struct schema *schema;
	int category, *columns;
	enum column_kind kind; /* kind of the category */
};

#endif
