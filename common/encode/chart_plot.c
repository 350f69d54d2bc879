/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "encode/chart_data.h"
#include "encode/pdf_utf8.h"

#define TEXT_SIZE 8.0
#define TITLE_SIZE 11.0
#define GRID_COLOUR 0xD0D4DA
#define AXIS_COLOUR 0x606060
#define OTHER_COLOUR 0x999999
#define LABEL_WIDTH 110.0
/* More slices cannot be told apart: the others are one. */
#define SLICES 11
/* Lines with fewer points have a mark at each. */
#define MARKED_POINTS 40

/* Of Okabe and Ito, "Color Universal Design": eight that differ for all kinds of
 * sight; yellow comes late, it is weak on paper. */
static const int colours[] = {0x0072B2, 0xE69F00, 0x009E73, 0xD55E00, 0xCC79A7,
    0x56B4E9, 0x000000, 0xF0E442};
#define COLOURS ((int)(sizeof(colours) / sizeof(*colours)))

const double chart_dashes[][2] = {{0, 0}, {5, 2}, {2, 2}, {8, 3}};
#define DASHES ((int)(sizeof(chart_dashes) / sizeof(*chart_dashes)))

/* About: without the font, so that all outputs have the same shape. */
static double width_of(const char *text, double size)
{
	const char *end = text + strlen(text);
	double width = 0;

	while (text < end)
		width += utf8_next(&text, end) >= 0x1100 ? 1 : 0.57;
	return width * size;
}

struct box {
	double x, y, width, height;
};

/* The values' axis: from low to high in steps. */
struct scale {
	double low, high, step;
	int decimals;
};

struct plot {
	const struct chart_data *d;
	struct chart_pen *pen;
	struct box box; /* what is left to draw in */
	struct scale scale;
};

static void text_at(const struct plot *p, const char *text, double x, double y,
    enum chart_anchor anchor)
{
	p->pen->text(p->pen, &(struct chart_text){.text = text,
				 .x = x,
				 .y = y,
				 .size = TEXT_SIZE,
				 .anchor = anchor});
}

static void line(const struct plot *p, double x1, double y1, double x2,
    double y2, int colour)
{
	p->pen->line(p->pen, (const double[][2]){{x1, y1}, {x2, y2}}, 2,
	    &(struct chart_stroke){colour, 0.6, 0});
}

static void rect(const struct plot *p, struct box b, int colour)
{
	p->pen->area(p->pen,
	    (const double[][2]){{b.x, b.y}, {b.x + b.width, b.y},
		{b.x + b.width, b.y + b.height}, {b.x, b.y + b.height}},
	    4, colour);
}

/* As much of a label as has room, into 256 bytes. */
static const char *cut(const char *text, double room, char to[256])
{
	const char *end = text + strlen(text), *at = text, *fits = text;
	double width = TEXT_SIZE;

	if (width_of(text, TEXT_SIZE) <= room)
		return text;
	while (at < end && fits - text < 240) {
		width += (utf8_next(&at, end) >= 0x1100 ? 1 : 0.57) * TEXT_SIZE;
		if (width > room)
			break;
		fits = at;
	}
	snprintf(to, 256, "%.*s\u2026", (int)(fits - text), text);
	return to;
}

static void title(struct plot *p)
{
	if (p->d->title == NULL)
		return;
	p->pen->text(p->pen, &(struct chart_text){.text = p->d->title,
				 .x = p->box.x + p->box.width / 2,
				 .y = p->box.y + TITLE_SIZE,
				 .size = TITLE_SIZE,
				 .anchor = CHART_MIDDLE,
				 .bold = true});
	p->box.y += TITLE_SIZE * 2;
	p->box.height -= TITLE_SIZE * 2;
}

static void legend(struct plot *p)
{
	double x = p->box.x, y = p->box.y;
	char text[256];

	for (int i = 0; i < p->d->series; i++) {
		const char *name = cut(p->d->names[i], LABEL_WIDTH * 2, text);
		double width = width_of(name, TEXT_SIZE) + 24;

		if (x + width > p->box.x + p->box.width && x > p->box.x) {
			x = p->box.x;
			y += TEXT_SIZE * 1.5;
		}
		rect(p, (struct box){x, y + 1, 7, 7}, colours[i % COLOURS]);
		text_at(p, name, x + 10, y + TEXT_SIZE, CHART_START);
		x += width;
	}
	y += TEXT_SIZE * 2;
	p->box.height -= y - p->box.y;
	p->box.y = y;
}

/* ---- axes ---- */

static void range_of(const struct chart_data *d, double *low, double *high)
{
	bool any = false;

	*low = *high = 0;
	for (int i = 0; i < d->rows * d->series; i++) {
		double n = d->values[i];

		if (isnan(n))
			continue;
		*low = !any || n < *low ? n : *low;
		*high = !any || n > *high ? n : *high;
		any = true;
	}
	/* Bars tell by their length, which begins at zero; a line far away
	 * from zero would be flat. */
	if (d->type == CHART_BAR || *low <= (*high - *low))
		*low = fmin(*low, 0);
	if (d->type == CHART_BAR || *high >= -(*high - *low))
		*high = fmax(*high, 0);
}

static struct scale scale_of(const struct chart_data *d)
{
	static const double nice[] = {1, 2, 2.5, 5, 10};
	double low, high, power, step;
	struct scale s;

	range_of(d, &low, &high);
	/* Nothing to tell apart, at least not in this arithmetic. */
	if (high - low <= fmax(fabs(high), fabs(low)) * 1e-12 + 1e-300) {
		double apart = fabs(high) > 1 ? fabs(high) * 0.1 : 1;

		low -= apart;
		high += apart;
	}
	power = pow(10, floor(log10((high - low) / 5)));
	step = power;
	for (size_t i = 0; i < sizeof(nice) / sizeof(*nice); i++) {
		step = nice[i] * power;
		if ((high - low) / step <= 6)
			break;
	}
	s = (struct scale){.low = floor(low / step + 1e-9) * step,
	    .high = ceil(high / step - 1e-9) * step,
	    .step = step};
	while (s.decimals < 9 && fabs(step * pow(10, s.decimals) -
				      round(step * pow(10, s.decimals))) > 1e-6)
		s.decimals++;
	return s;
}

static double height_at(const struct plot *p, double value)
{
	const struct scale *s = &p->scale;

	return p->box.y + p->box.height -
	       (value - s->low) / (s->high - s->low) * p->box.height;
}

static void add_groups(const char *digits, char *to, size_t size)
{
	size_t n = strcspn(digits + (*digits == '-'), "."), at = 0;

	if (*digits == '-')
		to[at++] = *digits++;
	for (size_t i = 0; digits[i] != '\0' && at + 3 < size; i++) {
		if (i > 0 && i < n && (n - i) % 3 == 0)
			to[at++] = ',';
		to[at++] = digits[i];
	}
	to[at] = '\0';
}

static void tick_text(const struct plot *p, double value, char to[64])
{
	char digits[48];
	struct buf b;

	if (fabs(value) < p->scale.step / 2)
		value = 0;
	if (fabs(value) >= 1e15) {
		snprintf(to, 64, "%.3g", value);
		return;
	}
	snprintf(digits, sizeof(digits), "%.*f", p->scale.decimals, value);
	if (p->d->format == NULL) {
		add_groups(digits, to, 64);
		return;
	}
	buf_init(&b, 63);
	format_add(p->d->format, KIND_DECIMAL,
	    &(struct value){digits, (int32_t)strlen(digits)}, &b);
	snprintf(to, 64, "%s", b.data ? b.data : "");
	buf_free(&b);
}

static int ticks(const struct scale *s)
{
	return (int)round((s->high - s->low) / s->step);
}

/* Grid and labels of the values; leaves the box of the series. */
static void value_axis(struct plot *p)
{
	double width = 0;
	char text[64];

	p->box.height -= TEXT_SIZE * 2; /* the labels below */
	p->box.y += TEXT_SIZE / 2;
	p->box.height -= TEXT_SIZE / 2;
	for (int i = 0; i <= ticks(&p->scale); i++) {
		tick_text(p, p->scale.low + i * p->scale.step, text);
		width = fmax(width, width_of(text, TEXT_SIZE));
	}
	p->box.x += width + 4;
	p->box.width -= width + 4;
	for (int i = 0; i <= ticks(&p->scale); i++) {
		double value = p->scale.low + i * p->scale.step;
		double y = height_at(p, value);

		tick_text(p, value, text);
		text_at(p, text, p->box.x - 4, y + TEXT_SIZE * 0.35, CHART_END);
		line(p, p->box.x, y, p->box.x + p->box.width, y,
		    fabs(value) < p->scale.step / 2 ? AXIS_COLOUR
						    : GRID_COLOUR);
	}
}

static double slot(const struct plot *p)
{
	return p->box.width / (p->d->rows ? p->d->rows : 1);
}

/* As many labels as have room beside each other. */
static void category_axis(const struct plot *p)
{
	double widest = 1, y = p->box.y + p->box.height + TEXT_SIZE * 1.5;
	char text[256];
	int every;

	for (int i = 0; i < p->d->rows; i++)
		widest = fmax(widest, width_of(p->d->labels[i], TEXT_SIZE));
	widest = fmin(widest, LABEL_WIDTH);
	every = (int)ceil((widest + 6) / slot(p));
	for (int i = 0; i < p->d->rows; i += every)
		text_at(p, cut(p->d->labels[i], widest, text),
		    p->box.x + (i + 0.5) * slot(p), y, CHART_MIDDLE);
}

/* ---- series ---- */

static void bars(const struct plot *p)
{
	const struct chart_data *d = p->d;
	double width = slot(p) * 0.8 / d->series;
	double zero = height_at(p, 0);

	for (int row = 0; row < d->rows; row++) {
		for (int i = 0; i < d->series; i++) {
			double n = d->values[row * d->series + i];
			double x = p->box.x + (row + 0.1) * slot(p) + i * width;
			double y;

			if (isnan(n))
				continue;
			y = height_at(p, n);
			rect(p,
			    (struct box){
				x, fmin(y, zero), width, fabs(y - zero)},
			    colours[i % COLOURS]);
		}
	}
}

static void mark(const struct plot *p, const double at[2], int colour)
{
	rect(p, (struct box){at[0] - 1.6, at[1] - 1.6, 3.2, 3.2}, colour);
}

static void lines(const struct plot *p)
{
	const struct chart_data *d = p->d;
	double(*points)[2] = mem_alloc((size_t)(d->rows + 1) * sizeof(*points));

	for (int i = 0; i < d->series; i++) {
		struct chart_stroke stroke = {
		    colours[i % COLOURS], 1.4, i % DASHES};
		int n = 0;

		for (int row = 0; row <= d->rows; row++) {
			double value = row < d->rows
					   ? d->values[row * d->series + i]
					   : NAN;

			if (!isnan(value)) {
				points[n][0] = p->box.x + (row + 0.5) * slot(p);
				points[n][1] = height_at(p, value);
				n++;
				continue;
			}
			/* A gap: what was before it is whole. */
			if (n > 1)
				p->pen->line(p->pen, (const double(*)[2])points,
				    n, &stroke);
			for (int k = 0; k < n; k++) {
				if (n == 1 || d->rows <= MARKED_POINTS)
					mark(p, points[k], stroke.colour);
			}
			n = 0;
		}
	}
	free(points);
}

/* From one part of the turn to another, clockwise from the top. */
static void slice(const struct plot *p, const double centre[2], double radius,
    const double turn[2], int colour)
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
}

static void pie_entry(
    const struct plot *p, int i, const char *label, double share, int colour)
{
	double y = p->box.y + i * TEXT_SIZE * 1.6;
	double x = p->box.x + p->box.height + 24;
	char text[256], percent[16];

	if (y + TEXT_SIZE > p->box.y + p->box.height)
		return;
	rect(p, (struct box){x, y + 1, 7, 7}, colour);
	snprintf(percent, sizeof(percent), "%.1f %%", share * 100);
	text_at(p, percent, x + 48, y + TEXT_SIZE, CHART_END);
	text_at(p, cut(label, LABEL_WIDTH * 2, text), x + 54, y + TEXT_SIZE,
	    CHART_START);
}

static void pie(const struct plot *p)
{
	const struct chart_data *d = p->d;
	double radius = p->box.height / 2 - 2;
	double centre[2] = {
	    p->box.x + p->box.height / 2, p->box.y + p->box.height / 2};
	double sum = 0, turn[2] = {0, 0};
	int shown = d->rows <= SLICES + 1 ? d->rows : SLICES;

	for (int i = 0; i < d->rows; i++)
		sum += isnan(d->values[i]) ? 0 : d->values[i];
	for (int i = 0; sum > 0 && i < shown; i++) {
		double share = isnan(d->values[i]) ? 0 : d->values[i] / sum;
		int colour =
		    i < COLOURS ? colours[i] : colours[i % COLOURS] | 0x606060;

		turn[1] = turn[0] + share;
		slice(p, centre, radius, turn, colour);
		pie_entry(p, i, d->labels[i], share, colour);
		turn[0] = turn[1];
	}
	if (sum > 0 && shown < d->rows) {
		turn[1] = 1;
		slice(p, centre, radius, turn, OTHER_COLOUR);
		pie_entry(p, shown, "other", 1 - turn[0], OTHER_COLOUR);
	}
}

void chart_plot(const struct chart_data *d, double width, double height,
    struct chart_pen *pen)
{
	struct plot p = {.d = d, .pen = pen, .box = {0, 0, width, height}};

	title(&p);
	if (d->type == CHART_PIE) {
		pie(&p);
		return;
	}
	p.scale = scale_of(d);
	legend(&p);
	value_axis(&p);
	category_axis(&p);
	if (d->type == CHART_BAR)
		bars(&p);
	else
		lines(&p);
}
