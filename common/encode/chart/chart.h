/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_CHART_CHART_H
#define ENCODE_CHART_CHART_H

#include "base/buf.h"
#include "base/err.h"
#include "base/option.h"
#include "encode/table/layout.h"
#include "rows/rows.h"

/*
 * output_options' "chart": one chart a section, below its table (XLSX: beside).
 *
 *	"chart": {"type": "bar", "category": "month",
 *		"values": ["sales", "costs"], "title": "Sales", "section": "Q1"}
 *
 * Without "section" each section that has all of the columns gets one.
 */
enum chart_type {
	CHART_LINE,
	CHART_BAR,
	CHART_PIE,
};

struct chart_option {
	enum chart_type type;
	const char *title; /* NULL: none */
	int category;      /* column */
	const int *values; /* columns, one series each; pie: one only */
	int count;
};

/* "chart". Its check refuses a chart without category or values, a pie of several
 * series, and a section that "sections" does not name. */
extern const struct option_owner chart_options;

/*
 * Of output_options, which outlive the chart. 1 with the chart of a section that
 * has its columns, 0 without one; -1 for values that are no numbers, and when the
 * section that the chart names lacks a column.
 */
struct section; /* encode/encoder.h */
int chart_open(struct chart_option *chart, const json_t *options,
    const struct section *section, struct err *e);
void chart_close(struct chart_option *chart); /* accepts an all-zero one */

/* The first column that the options' chart names and the section lacks; NULL
 * when it has all of them, or when there is no chart. */
const char *chart_lacks(const json_t *options, const struct section *section);

/* A value that no chart of this type can show is refused: one below zero in a
 * pie. `category` is named; both may be NULL values. */
int chart_check_value(enum chart_type type, const struct column *column,
    const struct value *v, const struct value *category, struct err *e);

/* Data for a chart that is drawn, not left to a spreadsheet. At most
 * CHART_POINTS rows; one more is an error that says so. */
#define CHART_POINTS 2000
struct chart_data;
struct chart_data *chart_data_open(const struct chart_option *chart,
    const struct schema *schema, const struct layout *layout);
int chart_data_row(
    struct chart_data *d, const struct value *row, struct err *e);
void chart_data_free(struct chart_data *d); /* accepts NULL */

/* One rule for all formats: NULL and what is no finite double are left out, and
 * the run's remark says how many of the latter there are. NAN for both: */
double chart_number(const struct column *column, const struct value *v);
bool chart_lacks_number(const struct column *column, const struct value *v);
int64_t chart_data_left_out(const struct chart_data *d); /* accepts NULL */
/* Appends it, with "; " in front when there is something; nothing for 0. */
void chart_remark(int64_t left_out, struct buf *remark);

/* The colour of a series or slice, 0xRRGGBB: eight that print and that
 * colour-blind readers tell apart, then lighter and darker ones of them. */
int chart_colour(int i);

/* The text of each row's category: as the table shows it, or as much of a date
 * or time as tells the rows apart; the caller frees it and its strings. */
char **chart_labels(const struct chart_data *d);

/*
 * Draws into width x height (points) with a pen: axes, grid, series, legend.
 * NULL values leave gaps; without any value it says "no data". x from the left,
 * y from the top; colours are 0xRRGGBB.
 */
enum chart_anchor {
	CHART_START,
	CHART_MIDDLE,
	CHART_END,
};

struct chart_stroke {
	int colour;
	double width;
	int dash; /* which pattern; 0: none */
};
/* The patterns: on and off, in widths of the line. */
extern const double chart_dashes[][2];

struct chart_text {
	const char *text; /* one line */
	double x, y;      /* of the anchor, on the baseline */
	double size;
	enum chart_anchor anchor;
	bool bold;
	bool slanted; /* from lower left to the anchor, half upright */
};

struct chart_pen {
	void (*line)(struct chart_pen *, const double (*points)[2], int count,
	    const struct chart_stroke *stroke);
	void (*area)(struct chart_pen *, const double (*points)[2], int count,
	    int colour);
	void (*text)(struct chart_pen *, const struct chart_text *text);
};
void chart_plot(const struct chart_data *d, double width, double height,
    struct chart_pen *pen);

/* The same as an <svg> element. */
int chart_svg(const struct chart_data *d, double width, double height,
    struct buf *out, struct err *e);

#endif
