/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_CHART_PLOT_H
#define ENCODE_CHART_PLOT_H

#include "encode/chart/data.h"

/* What the parts of a drawing share: the axis of values, the one of categories,
 * the pie. Lengths are points. */
#define TEXT_SIZE 8.0

struct box {
	double x, y, width, height;
};

/* The values' axis: from the low-th to the high-th step. */
struct scale {
	int64_t low, high;
	double step;          /* in the plot's unit */
	int digits, exponent; /* the same exactly: 25 and -1 are 2.5 */
};
#define PLOT_TICKS 10
#define PLOT_TICK 96 /* bytes */

struct plot {
	const struct chart_data *d;
	char **labels; /* of the rows */
	struct chart_pen *pen;
	double width;   /* of all of it */
	struct box box; /* what is left to draw in */
	double unit;    /* what values are multiplied by, see plot_unit */
	struct scale scale;
	int ticks;
	char tick_texts[PLOT_TICKS][PLOT_TICK];
};

/* A power of ten that brings values near the ends of what a double holds away
 * from them; nearly always 1. */
double plot_unit(const struct chart_data *d);

void plot_text(const struct plot *p, const char *text, double x, double y,
    enum chart_anchor anchor);
void plot_line(const struct plot *p, double x1, double y1, double x2, double y2,
    int colour);
void plot_rect(const struct plot *p, struct box b, int colour);

/* About how wide a character, in em, and a text are; without the font, so that
 * all outputs have the same shape. */
double plot_em(uint32_t c);
double plot_width(const char *text, double size);
/* As much of a label as has room, into 256 bytes. */
const char *plot_cut(const char *text, double size, double room, char to[256]);

/* Sets the scale, and leaves room for its labels left of the box; draws grid and
 * labels when the box is final. */
void plot_values_begin(struct plot *p);
void plot_values(const struct plot *p);
/* The place of a value. */
double plot_height(const struct plot *p, double value);

/* How the labels of categories are written below the axis. */
struct plot_labels {
	enum {
		IN_LINE,
		WRAPPED,
		SLANTED,
	} how;
	int every; /* the n-th has one */
	double widest;
	double height;
};
/* Chooses it, and leaves room below the box; draws them. */
struct plot_labels plot_categories_begin(struct plot *p);
void plot_categories(const struct plot *p, const struct plot_labels *l);
/* The width of a category's place. */
double plot_slot(const struct plot *p);

void plot_pie(const struct plot *p);

#endif
