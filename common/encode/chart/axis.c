/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "encode/chart/plot.h"

#define GRID_COLOUR 0xD0D4DA
#define AXIS_COLOUR 0x606060

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

double plot_height(const struct plot *p, double value)
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

void plot_values_begin(struct plot *p)
{
	double width = 0;
	char text[64];

	p->scale = scale_of(p->d);
	p->box.y += TEXT_SIZE / 2;
	p->box.height -= TEXT_SIZE / 2;
	for (int i = 0; i <= ticks(&p->scale); i++) {
		tick_text(p, p->scale.low + i * p->scale.step, text);
		width = fmax(width, plot_width(text, TEXT_SIZE));
	}
	p->box.x += width + 4;
	p->box.width -= width + 4;
}

void plot_values(const struct plot *p)
{
	char text[64];

	for (int i = 0; i <= ticks(&p->scale); i++) {
		double value = p->scale.low + i * p->scale.step;
		double y = plot_height(p, value);

		tick_text(p, value, text);
		plot_text(
		    p, text, p->box.x - 4, y + TEXT_SIZE * 0.35, CHART_END);
		plot_line(p, p->box.x, y, p->box.x + p->box.width, y,
		    fabs(value) < p->scale.step / 2 ? AXIS_COLOUR
						    : GRID_COLOUR);
	}
}
