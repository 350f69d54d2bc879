/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_CHART_DATA_H
#define ENCODE_CHART_DATA_H

#include "encode/chart/chart.h"
#include "encode/table/format.h"

/* What chart_data.c has gathered and chart_plot.c draws. */
struct chart_data {
	enum chart_type type;
	char *title;  /* NULL: none */
	int series;   /* in all */
	char **names; /* of the series */
	int rows, cap;
	char **categories; /* of the rows, as they came; NULL: none */
	double *values;    /* row * series + i; NAN: none */
	int64_t left_out;  /* values that are no number to draw */

	struct format *format; /* of the values' axis; NULL: plain */
	struct format *label_format;
	const struct schema *schema;
	int category, *columns;
	enum column_kind kind; /* of the category */
};

#endif
