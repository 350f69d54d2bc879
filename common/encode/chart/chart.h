/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_CHART_CHART_H
#define ENCODE_CHART_CHART_H

#include "base/buf.h"
#include "base/err.h"
#include "base/option.h"
#include "encode/table/layout.h"
#include "rows/rows.h"

/*
 * "chart" of output_options asks for one chart a section, which stands below
 * the table of the section (in XLSX beside it).
 *
 *	"chart": {"type": "bar", "category": "month",
 *		"values": ["sales", "costs"], "title": "Sales", "section": "Q1"}
 *
 * Without "section", each section that has all of the columns gets a chart.
 */
enum chart_type {
	CHART_LINE,
	CHART_BAR,
	CHART_PIE,
};

struct chart_option {
	enum chart_type type;
	const char *title; /* NULL: none */
	int category;      /* index of the column */
	/* indexes of columns, one series each; a pie has one only */
	const int *values;
	int count;
	/* the drawing says the values of a category where a reader points at
	 * it; chart_open sets false */
	bool tips;
};

/* Owns the option "chart". Its check refuses a chart without category or
 * values, a pie with several series, and a section that "sections" does not
 * name. */
extern const struct option_owner chart_options;

/*
 * Reads the chart of a section from output_options, which must outlive the
 * chart. Returns 1 when the section has the columns of the chart, 0 when it
 * gets no chart. Returns -1 with *e when a column of values is not numeric, and
 * when the section that the chart names lacks a column.
 */
struct section; /* encode/encoder.h */
int chart_open(struct chart_option *chart, const json_t *options,
    const struct section *section, struct err *e);
void chart_close(struct chart_option *chart); /* accepts an all-zero one */

/* Returns the first column that the chart of the options names and the section
 * lacks; NULL when the section has all of them, or when there is no chart. */
const char *chart_lacks(const json_t *options, const struct section *section);

/* Refuses a value that this type of chart cannot show: one below zero in a pie.
 * The error names `category`. Both values may be NULL values. */
int chart_check_value(enum chart_type type, const struct column *column,
    const struct value *v, const struct value *category, struct err *e);

/* Gathers the data of a chart that is drawn here, not by a spreadsheet. It
 * holds at most CHART_POINTS rows; chart_data_row refuses a further row with an
 * error that says so. */
#define CHART_POINTS 2000
/* Lines of at most this many points have a mark at each point. */
#define CHART_MARKED 40
struct chart_data;
struct chart_data *chart_data_open(const struct chart_option *chart,
    const struct schema *schema, const struct layout *layout);
int chart_data_row(
    struct chart_data *d, const struct value *row, struct err *e);
void chart_data_free(struct chart_data *d); /* accepts NULL */

/* All formats leave out NULL values and values that are no finite double; the
 * remark of the run counts the latter. chart_number returns NAN for both.
 * chart_lacks_number returns whether the value is one that the remark counts.
 * chart_data_left_out returns how many there were. */
double chart_number(const struct column *column, const struct value *v);
bool chart_lacks_number(const struct column *column, const struct value *v);
int64_t chart_data_left_out(const struct chart_data *d); /* accepts NULL */
/* Appends to the remark how many values were left out, after "; " when the
 * remark is not empty; appends nothing for 0. */
void chart_remark(int64_t left_out, struct buf *remark);
/* Appends to the remark, in the same way, that several rows have the same
 * category. Accepts NULL. */
void chart_data_remark(struct chart_data *d, struct buf *remark);

/* Says where the axis of values ends in charts that a spreadsheet draws: towards
 * zero where the axis ends in those that are drawn here, at zero or at the step
 * before the values; away from zero it follows the cells. Both are empty
 * when there are values of both signs, or none. `values` are row by row, as
 * chart_number returns them. */
struct chart_ends {
	char min[32], max[32]; /* decimal numbers; empty: the spreadsheet's */
};
void chart_axis_ends(struct chart_ends *ends, const struct chart_option *chart,
    const struct layout *layout, double *values, int rows);

/* Returns the colour of the i-th series or slice, 0xRRGGBB: first eight colours
 * that print well and that colour-blind readers can tell apart, then lighter
 * and darker shades of them. */
int chart_colour(int i);

/* Returns the label of each row's category: the text that the table shows, or
 * as much of a date or time as tells the rows apart. The caller frees the array
 * and its strings. */
char **chart_labels(const struct chart_data *d);

/*
 * chart_plot draws axes, grid, series and legend with a pen into an area of
 * width x height points. x counts from the left, y from the top. NULL values
 * leave gaps; a chart without any value shows "no data". Colours are 0xRRGGBB.
 */
enum chart_anchor {
	CHART_START,
	CHART_MIDDLE,
	CHART_END,
};

struct chart_stroke {
	int colour;
	double width;
	int dash; /* index into chart_dashes; 0: solid line */
};
/* Dash patterns: the lengths drawn and left blank, in widths of the line. */
extern const double chart_dashes[][2];

struct chart_text {
	const char *text; /* one line */
	double x, y;      /* of the anchor, which lies on the baseline */
	double size;
	enum chart_anchor anchor;
	bool bold;
	/* the text rises from the lower left to the anchor at 45 degrees */
	bool slanted;
};

struct chart_pen {
	void (*line)(struct chart_pen *, const double (*points)[2], int count,
	    const struct chart_stroke *stroke);
	void (*area)(struct chart_pen *, const double (*points)[2], int count,
	    int colour);
	void (*text)(struct chart_pen *, const struct chart_text *text);
	/* An area about which there is a tip, a text of several lines; called
	 * for a chart with tips only. */
	void (*tip)(struct chart_pen *, const double (*points)[2], int count,
	    const char *text);
};
void chart_plot(const struct chart_data *d, double width, double height,
    struct chart_pen *pen);

/* Appends the drawing of chart_plot to out as an <svg> element. */
int chart_svg(const struct chart_data *d, double width, double height,
    struct buf *out, struct err *e);

#endif
