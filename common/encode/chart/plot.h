/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_CHART_PLOT_H
#define ENCODE_CHART_PLOT_H

#include "encode/chart/data.h"

/* Shared by the parts of a drawing: the axis of values, the axis of categories
 * and the pie. Lengths are in points. */
#define TEXT_SIZE 8.0

struct box {
	double x, y, width, height;
};

/* The axis of values runs from low * step to high * step. */
struct scale {
	int64_t low, high;
	double step;          /* in the unit of the plot */
	int digits, exponent; /* the exact step: 25 and -1 mean 2.5 */
};
#define PLOT_TICKS 10
#define PLOT_TICK 96 /* bytes */

struct plot {
	const struct chart_data *d;
	char **labels; /* label of each row */
	struct chart_pen *pen;
	double width;   /* width of the drawing */
	struct box box; /* area that is still free */
	double unit;    /* factor on all values, see plot_unit */
	struct scale scale;
	int ticks;
	char tick_texts[PLOT_TICKS][PLOT_TICK];
};

/* Returns the power of ten by which values near the limits of a double are
 * multiplied so that arithmetic on them is safe; nearly always 1. */
double plot_unit(const struct chart_data *d);

void plot_text(const struct plot *p, const char *text, double x, double y,
    enum chart_anchor anchor);
void plot_line(const struct plot *p, double x1, double y1, double x2, double y2,
    int colour);
void plot_rect(const struct plot *p, struct box b, int colour);

/* Estimate the width of a character, in em, and of a text, in the unit of
 * `size`. They do not look at the font, so that all outputs have the same
 * layout. */
double plot_em(uint32_t c);
double plot_width(const char *text, double size);
/* Copies as much of a label as fits into `room` to a buffer of 256 bytes, and
 * returns it. */
const char *plot_cut(const char *text, double size, double room, char to[256]);
/* Returns the labels of all rows, those that are wider than `room` cut. They are
 * cut at the end, or else where different ones do not look the same. The caller
 * frees them with plot_cuts_free. */
char **plot_cuts(const struct plot *p, double room);
void plot_cuts_free(const struct plot *p, char **cuts);

/* plot_values_begin chooses the scale and takes room for its labels from the
 * left of the box. plot_values draws grid and labels once the box is final. */
void plot_values_begin(struct plot *p);
void plot_values(const struct plot *p);
/* Returns the y of a value, in points. */
double plot_height(const struct plot *p, double value);

/* Says how the labels of the categories are written below the axis. */
struct plot_labels {
	enum {
		IN_LINE,
		WRAPPED,
		SLANTED,
	} how;
	int every; /* every n-th category has a label */
	double widest;
	double height;
};
/* plot_categories_begin chooses the way and takes room for it from the bottom
 * of the box. plot_categories draws the labels. */
struct plot_labels plot_categories_begin(struct plot *p);
void plot_categories(const struct plot *p, const struct plot_labels *l);
/* Returns the width of the place of one category, in points. */
double plot_slot(const struct plot *p);

void plot_pie(const struct plot *p);

#endif
