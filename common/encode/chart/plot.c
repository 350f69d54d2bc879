/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "encode/chart/plot.h"

#define TITLE_SIZE 11.0
#define BOLD 1.1 /* bold text is this much wider than plain text */

/* Okabe and Ito, "Color Universal Design": eight colours that readers with any
 * colour vision can tell apart. Yellow comes last, as it is weak on paper. */
static const int colours[] = {0x0072B2, 0xE69F00, 0x009E73, 0xD55E00, 0xCC79A7,
    0x56B4E9, 0x000000, 0xF0E442};
#define COLOURS ((int)(sizeof(colours) / sizeof(*colours)))

/* Mixes `percent` of a grey (0 black to 255 white) into a colour. */
static int mixed(int colour, int grey, int percent)
{
	int out = 0;

	for (int shift = 16; shift >= 0; shift -= 8) {
		int part = colour >> shift & 0xFF;

		out |= (part + (grey - part) * percent / 100) << shift;
	}
	return out;
}

int chart_colour(int i)
{
	static const struct {
		int grey, percent;
	} rounds[] = {{0, 0}, {0xFF, 50}, {0x30, 55}, {0xFF, 75}, {0x80, 60}};
	int round = i / COLOURS % (int)(sizeof(rounds) / sizeof(*rounds));

	return mixed(
	    colours[i % COLOURS], rounds[round].grey, rounds[round].percent);
}

const double chart_dashes[][2] = {{0, 0}, {5, 2}, {2, 2}, {8, 3}};
#define DASHES ((int)(sizeof(chart_dashes) / sizeof(*chart_dashes)))

/* Draws the title, in a smaller size when it is too wide. */
static void title(struct plot *p)
{
	double size = TITLE_SIZE;
	char text[256];

	if (p->d->title == NULL)
		return;
	if (plot_width(p->d->title, size) * BOLD > p->width)
		size = TEXT_SIZE;
	p->pen->text(p->pen,
	    &(struct chart_text){
		.text = plot_cut(p->d->title, size, p->width / BOLD, text),
		.x = p->box.x + p->box.width / 2,
		.y = p->box.y + TITLE_SIZE,
		.size = size,
		.anchor = CHART_MIDDLE,
		.bold = true});
	p->box.y += TITLE_SIZE * 2;
	p->box.height -= TITLE_SIZE * 2;
}

/* Draws the legend into at most half of the height. "and n more" stands for the
 * series that do not fit. */
static void legend(struct plot *p)
{
	double x = p->box.x, y = p->box.y, most = y + p->box.height / 2;
	char text[256];

	for (int i = 0; i < p->d->series; i++) {
		const char *name = plot_cut(
		    p->d->names[i], TEXT_SIZE, p->box.width - 24, text);
		double width = plot_width(name, TEXT_SIZE) + 24;

		if (x + width > p->box.x + p->box.width && x > p->box.x) {
			x = p->box.x;
			y += TEXT_SIZE * 1.5;
		}
		if (y + TEXT_SIZE * 3 > most) {
			snprintf(text, sizeof(text), "and %d more",
			    p->d->series - i);
			plot_text(p, text, x, y + TEXT_SIZE, CHART_START);
			break;
		}
		plot_rect(p, (struct box){x, y + 1, 7, 7}, chart_colour(i));
		plot_text(p, name, x + 10, y + TEXT_SIZE, CHART_START);
		x += width;
	}
	y += TEXT_SIZE * 2;
	p->box.height -= y - p->box.y;
	p->box.y = y;
}

/* ---- series ---- */

static void bars(const struct plot *p)
{
	const struct chart_data *d = p->d;
	double width = plot_slot(p) * 0.8 / d->series;
	double zero = plot_height(p, 0);

	for (int row = 0; row < d->rows; row++) {
		for (int i = 0; i < d->series; i++) {
			double n = d->values[row * d->series + i];
			double x =
			    p->box.x + (row + 0.1) * plot_slot(p) + i * width;
			double y;

			if (isnan(n))
				continue;
			y = plot_height(p, n);
			plot_rect(p,
			    (struct box){
				x, fmin(y, zero), width, fabs(y - zero)},
			    chart_colour(i));
		}
	}
}

static void mark(const struct plot *p, const double at[2], int colour)
{
	plot_rect(p, (struct box){at[0] - 1.6, at[1] - 1.6, 3.2, 3.2}, colour);
}

static void lines(const struct plot *p)
{
	const struct chart_data *d = p->d;
	double(*points)[2] = mem_alloc((size_t)(d->rows + 1) * sizeof(*points));

	for (int i = 0; i < d->series; i++) {
		struct chart_stroke stroke = {
		    chart_colour(i), 1.4, (i + i / COLOURS) % DASHES};
		int n = 0;

		for (int row = 0; row <= d->rows; row++) {
			double value = row < d->rows
					   ? d->values[row * d->series + i]
					   : NAN;

			if (!isnan(value)) {
				points[n][0] =
				    p->box.x + (row + 0.5) * plot_slot(p);
				points[n][1] = plot_height(p, value);
				n++;
				continue;
			}
			/* A gap ends the line that was drawn so far. */
			if (n > 1)
				p->pen->line(p->pen, (const double(*)[2])points,
				    n, &stroke);
			for (int k = 0; k < n; k++) {
				if (n == 1 || d->rows <= CHART_MARKED)
					mark(p, points[k], stroke.colour);
			}
			n = 0;
		}
	}
	free(points);
}

/* A tip for each category, about all of its series. */
static void tips(const struct plot *p)
{
	double width = plot_slot(p), low = p->box.y + p->box.height;

	for (int row = 0; p->d->tips != NULL && row < p->d->rows; row++) {
		double x = p->box.x + row * width;
		const double area[][2] = {{x, p->box.y}, {x + width, p->box.y},
		    {x + width, low}, {x, low}};

		p->pen->tip(p->pen, area, 4, p->d->tips[row]);
	}
}

/* ---- all of it ---- */

static bool has_data(const struct chart_data *d)
{
	double sum = 0;
	bool any = false;

	for (int i = 0; i < d->rows * d->series; i++) {
		if (isnan(d->values[i]))
			continue;
		any = true;
		sum += fabs(d->values[i]);
	}
	return d->type == CHART_PIE ? sum > 0 : any;
}

static void no_data(const struct plot *p)
{
	plot_text(p, "no data", p->box.x + p->box.width / 2,
	    p->box.y + p->box.height / 2, CHART_MIDDLE);
}

static void axes(struct plot *p)
{
	struct plot_labels labels;

	legend(p);
	plot_values_begin(p);
	labels = plot_categories_begin(p);
	plot_values(p);
	plot_categories(p, &labels);
	if (p->d->type == CHART_BAR)
		bars(p);
	else
		lines(p);
	tips(p);
}

void chart_plot(const struct chart_data *d, double width, double height,
    struct chart_pen *pen)
{
	struct plot p = {.d = d,
	    .labels = chart_labels(d),
	    .pen = pen,
	    .width = width,
	    .unit = plot_unit(d),
	    .box = {0, 0, width, height}};

	title(&p);
	if (!has_data(d))
		no_data(&p);
	else if (d->type == CHART_PIE)
		plot_pie(&p);
	else
		axes(&p);
	for (int i = 0; i < d->rows; i++)
		free(p.labels[i]);
	free(p.labels);
}
