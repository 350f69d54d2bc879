/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "encode/chart/plot.h"
#include "encode/chart/slices.h"

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
	/* A line around the only slice would look like the edge of another. */
	if (turn[1] - turn[0] < 1)
		p->pen->line(p->pen, (const double(*)[2])points, n,
		    &(struct chart_stroke){0xFFFFFF, 0.8, 0});
	if (tip != NULL)
		p->pen->tip(p->pen, (const double(*)[2])points, n, tip);
}

static double entry_x(const struct plot *p)
{
	return p->box.x + p->box.height + 24;
}

/* Draws the i-th of `count` legend entries beside the pie, closer together when
 * the chart is low. */
static void pie_entry(const struct plot *p, const int place[2],
    const char *label, double share, int colour)
{
	double pitch =
	    fmin(TEXT_SIZE * 1.6, (p->box.height - TEXT_SIZE) / place[1]);
	double y = p->box.y + place[0] * pitch;
	double x = entry_x(p);
	char percent[16];

	plot_rect(p, (struct box){x, y + 1, 7, 7}, colour);
	snprintf(percent, sizeof(percent), "%.1f %%", share * 100);
	plot_text(p, percent, x + 48, y + TEXT_SIZE, CHART_END);
	plot_text(p, label, x + 56, y + TEXT_SIZE, CHART_START);
}

/* Returns the slices that are drawn; *other: "other" follows them. */
static struct chart_slices slices_of(const struct plot *p, bool *other)
{
	struct chart_slices slices = {.rows = 0};

	for (int i = 0; i < p->d->rows; i++)
		chart_slices_add(&slices, p->d->values[i] * p->unit, NULL);
	*other = chart_slices_end(&slices);
	return slices;
}

void plot_pie(const struct plot *p)
{
	const struct chart_data *d = p->d;
	double radius = p->box.height / 2 - 2;
	double centre[2] = {
	    p->box.x + p->box.height / 2, p->box.y + p->box.height / 2};
	double sum = 0, turn[2] = {0, 0};
	bool other;
	struct chart_slices slices = slices_of(p, &other);
	int count = slices.count + other;
	char **cuts = plot_cuts(p, p->width - entry_x(p) - 56);

	for (int i = 0; i < slices.count; i++)
		sum += slices.list[i].value;
	sum += slices.rest;
	for (int i = 0; i < slices.count; i++) {
		double share = slices.list[i].value / sum;
		int64_t row = slices.list[i].row;

		turn[1] = turn[0] + share;
		slice(p, centre, radius, turn, chart_colour(i),
		    d->tips ? d->tips[row] : NULL);
		pie_entry(p, (const int[2]){i, count}, cuts[row], share,
		    chart_colour(i));
		turn[0] = turn[1];
	}
	if (other) {
		turn[1] = 1;
		slice(p, centre, radius, turn, CHART_OTHER_COLOUR,
		    d->tips ? CHART_OTHER : NULL);
		pie_entry(p, (const int[2]){slices.count, count}, CHART_OTHER,
		    1 - turn[0], CHART_OTHER_COLOUR);
	}
	plot_cuts_free(p, cuts);
	chart_slices_clear(&slices);
}
