/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "encode/chart/plot.h"

#define OTHER_COLOUR 0x999999
/* A pie with more slices cannot be read: the smallest are merged into one. */
#define SLICES 11

/* Draws a slice between two fractions of a turn, clockwise from the top. Its tip
 * may be NULL. */
static void slice(const struct plot *p, const double centre[2], double radius,
    const double turn[2], int colour, const char *tip)
{
	enum { MOST = 130 };
	double points[MOST][2];
	int steps = (int)ceil((turn[1] - turn[0]) * 120), n = 0;

	if (turn[1] <= turn[0])
		return;
	memcpy(points[n++], centre, sizeof(points[0]));
	for (int i = 0; i <= steps; i++) {
		double at = turn[0] + (turn[1] - turn[0]) * i / steps;

		points[n][0] = centre[0] + radius * sin(at * 2 * M_PI);
		points[n][1] = centre[1] - radius * cos(at * 2 * M_PI);
		n++;
	}
	p->pen->area(p->pen, (const double(*)[2])points, n, colour);
	p->pen->line(p->pen, (const double(*)[2])points, n,
	    &(struct chart_stroke){0xFFFFFF, 0.8, 0});
	if (tip != NULL)
		p->pen->tip(p->pen, (const double(*)[2])points, n, tip);
}

/* Draws the i-th of `count` legend entries beside the pie, closer together when
 * the chart is low. */
static void pie_entry(const struct plot *p, const int place[2],
    const char *label, double share, int colour)
{
	double pitch =
	    fmin(TEXT_SIZE * 1.6, (p->box.height - TEXT_SIZE) / place[1]);
	double y = p->box.y + place[0] * pitch;
	double x = p->box.x + p->box.height + 24;
	char text[256], percent[16];

	plot_rect(p, (struct box){x, y + 1, 7, 7}, colour);
	snprintf(percent, sizeof(percent), "%.1f %%", share * 100);
	plot_text(p, percent, x + 48, y + TEXT_SIZE, CHART_END);
	plot_text(p, plot_cut(label, TEXT_SIZE, p->width - x - 56, text),
	    x + 56, y + TEXT_SIZE, CHART_START);
}

struct part {
	double value;
	int row;
};

static int larger(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	return x->value != y->value
		   ? (x->value < y->value) - (x->value > y->value)
		   : x->row - y->row;
}

static int earlier(const void *a, const void *b)
{
	return ((const struct part *)a)->row - ((const struct part *)b)->row;
}

/* Returns the slices in the order of their rows. When there are too many, the
 * smallest are merged into a last one; *shown is the number of slices that are
 * not merged. */
static struct part *parts_of(
    const struct chart_data *d, double unit, int *shown)
{
	struct part *parts = mem_alloc((size_t)d->rows * sizeof(*parts) + 1);

	for (int i = 0; i < d->rows; i++)
		parts[i] = (struct part){
		    isnan(d->values[i]) ? 0 : d->values[i] * unit, i};
	*shown = d->rows;
	if (d->rows > SLICES + 1) {
		*shown = SLICES;
		qsort(parts, (size_t)d->rows, sizeof(*parts), larger);
		qsort(parts, SLICES, sizeof(*parts), earlier);
	}
	return parts;
}

void plot_pie(const struct plot *p)
{
	const struct chart_data *d = p->d;
	double radius = p->box.height / 2 - 2;
	double centre[2] = {
	    p->box.x + p->box.height / 2, p->box.y + p->box.height / 2};
	double sum = 0, turn[2] = {0, 0};
	int shown;
	struct part *parts = parts_of(d, p->unit, &shown);
	int count = shown + (shown < d->rows);

	for (int i = 0; i < d->rows; i++)
		sum += parts[i].value;
	for (int i = 0; i < shown; i++) {
		double share = parts[i].value / sum;

		turn[1] = turn[0] + share;
		slice(p, centre, radius, turn, chart_colour(i),
		    d->tips ? d->tips[parts[i].row] : NULL);
		pie_entry(p, (const int[2]){i, count}, p->labels[parts[i].row],
		    share, chart_colour(i));
		turn[0] = turn[1];
	}
	if (shown < d->rows) {
		turn[1] = 1;
		slice(p, centre, radius, turn, OTHER_COLOUR,
		    d->tips ? "other" : NULL);
		pie_entry(p, (const int[2]){shown, count}, "other", 1 - turn[0],
		    OTHER_COLOUR);
	}
	free(parts);
}
