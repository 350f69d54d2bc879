/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encode/chart/plot.h"

#define GRID_COLOUR 0xD0D4DA
#define AXIS_COLOUR 0x606060
/* The axis has at most this many steps. */
#define STEPS 6
#define LABEL PLOT_TICK

/* Values above UNIT or below 1 / UNIT are multiplied by a power of ten before
 * they are drawn, so that arithmetic on them cannot overflow or vanish. */
#define UNIT_EXPONENT 290
#define UNIT 1e290

double plot_unit(const struct chart_data *d)
{
	double most = 0;

	for (int i = 0; i < d->rows * d->series; i++) {
		if (!isnan(d->values[i]))
			most = fmax(most, fabs(d->values[i]));
	}
	return most > UNIT ? 1 / UNIT : most > 0 && most < 1 / UNIT ? UNIT : 1;
}

static void range_of(
    const struct chart_data *d, double unit, double *low, double *high)
{
	bool any = false;

	*low = *high = 0;
	for (int i = 0; i < d->rows * d->series; i++) {
		double n = d->values[i] * unit;

		if (isnan(n))
			continue;
		*low = !any || n < *low ? n : *low;
		*high = !any || n > *high ? n : *high;
		any = true;
	}
	/* The length of a bar is its value, so bars start at zero. A line whose
	 * values are far from zero would be flat if its axis included zero. */
	if (d->type == CHART_BAR || *low <= (*high - *low))
		*low = fmin(*low, 0);
	if (d->type == CHART_BAR || *high >= -(*high - *low))
		*high = fmax(*high, 0);
}

/* Returns a scale with at most `most` steps, or one more when the values do not
 * begin or end at a step. */
static struct scale scale_of(const struct plot *p, int most)
{
	static const int tenths[] = {10, 20, 25, 50, 100, 200, 250, 500};
	double low, high, power;
	struct scale s = {.step = 0};

	range_of(p->d, p->unit, &low, &high);
	/* All values are equal, at least within the precision of a double. */
	if (high - low <= fmax(fabs(high), fabs(low)) * 1e-12) {
		double apart = high != 0 ? fabs(high) * 0.1 : 1;

		low -= apart;
		high += apart;
	}
	s.exponent = (int)floor(log10((high - low) / 5));
	power = pow(10, s.exponent--);
	for (size_t i = 0; i < sizeof(tenths) / sizeof(*tenths); i++) {
		s.digits = tenths[i];
		s.step = tenths[i] / 10.0 * power;
		if ((high - low) / s.step <= most)
			break;
	}
	for (; s.digits % 10 == 0; s.digits /= 10)
		s.exponent++;
	s.low = (int64_t)floor(low / s.step + 1e-9);
	s.high = (int64_t)ceil(high / s.step - 1e-9);
	return s;
}

double plot_height(const struct plot *p, double value)
{
	const struct scale *s = &p->scale;
	double steps = value * p->unit / s->step - (double)s->low;

	return p->box.y + p->box.height -
	       steps / (double)(s->high - s->low) * p->box.height;
}

/* ---- labels ---- */

/* Writes n * 10^exponent with all digits. */
static void decimal_text(int64_t n, int exponent, char to[LABEL])
{
	static const char zeros[] = "0000000000000000000000000000000000000000";
	const char *sign = n < 0 ? "-" : "";
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRId64, n < 0 ? -n : n);
	int whole = len + exponent;

	if (exponent >= 0)
		snprintf(to, LABEL, "%s%s%.*s", sign, digits,
		    n != 0 ? exponent : 0, zeros);
	else if (whole > 0)
		snprintf(to, LABEL, "%s%.*s.%s", sign, whole, digits,
		    digits + whole);
	else
		snprintf(to, LABEL, "%s0.%.*s%s", sign, -whole, zeros, digits);
}

/* Writes n * 10^exponent as 2.5e-09, as the table shows a float. */
static void science_text(int64_t n, int exponent, char to[LABEL])
{
	char digits[32];

	for (; n != 0 && n % 10 == 0; n /= 10)
		exponent++;
	snprintf(digits, sizeof(digits), "%" PRId64, n < 0 ? -n : n);
	exponent += (int)strlen(digits) - 1;
	if (n == 0)
		snprintf(to, LABEL, "0");
	else
		snprintf(to, LABEL, "%s%c%s%se%+03d", n < 0 ? "-" : "", *digits,
		    digits[1] != '\0' ? "." : "", digits + 1, exponent);
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

static void format_text(const struct format *f, const char *digits, char *to)
{
	struct buf b;

	buf_init(&b, LABEL - 1);
	buf_str(&b, "");
	format_add(f, KIND_DECIMAL,
	    &(struct value){digits, (int32_t)strlen(digits)}, &b);
	snprintf(to, LABEL, "%s", b.data);
	buf_free(&b);
}

/* Numbers from LEAST to MOST are written in full; others have an exponent. */
#define LEAST 1e-4
#define MOST 1e15
/* A format writes every digit, so numbers nearer to zero than this would be
 * mostly zeros and are written with an exponent. */
#define LEAST_FORMATTED 1e-12

static void label_ticks(struct plot *p, const struct format *f)
{
	const struct scale *s = &p->scale;
	double most =
	    fmax(fabs((double)s->low), fabs((double)s->high)) * s->step;
	int shift = p->unit < 1   ? UNIT_EXPONENT
		    : p->unit > 1 ? -UNIT_EXPONENT
				  : 0;
	bool full =
	    shift == 0 && most < MOST && most >= (f ? LEAST_FORMATTED : LEAST);
	char digits[LABEL];

	p->ticks = (int)(s->high - s->low) + 1;
	for (int i = 0; i < p->ticks; i++) {
		int64_t n = (s->low + i) * s->digits;

		if (!full) {
			science_text(n, s->exponent + shift, p->tick_texts[i]);
			continue;
		}
		decimal_text(n, s->exponent, digits);
		if (f != NULL)
			format_text(f, digits, p->tick_texts[i]);
		else
			add_groups(digits, p->tick_texts[i], LABEL);
	}
}

/* Returns the place of a point that only zeros follow, as in "1,200.00 EUR", and
 * their number; NULL: there is none. */
static char *find_zeros(char *text, size_t *zeros)
{
	char *point = strrchr(text, '.');

	*zeros = point ? strspn(point + 1, "0") : 0;
	return *zeros > 0 &&
		       (point[1 + *zeros] < '0' || point[1 + *zeros] > '9')
		   ? point
		   : NULL;
}

/* The format of a column may have decimals that are zero at every step: the axis
 * is read more easily without them. */
static void drop_zeros(struct plot *p)
{
	size_t zeros;

	for (int i = 0; i < p->ticks; i++) {
		if (find_zeros(p->tick_texts[i], &zeros) == NULL)
			return;
	}
	for (int i = 0; i < p->ticks; i++) {
		char *point = find_zeros(p->tick_texts[i], &zeros);

		memmove(
		    point, point + 1 + zeros, strlen(point + 1 + zeros) + 1);
	}
}

/* Returns whether each tick's text differs from the one before. */
static bool ticks_differ(const struct plot *p)
{
	for (int i = 1; i < p->ticks; i++) {
		if (strcmp(p->tick_texts[i - 1], p->tick_texts[i]) == 0)
			return false;
	}
	return true;
}

/* Labels the axis in the format of the column. Where two labels would read the same,
 * the axis gets fewer steps; where they do so with any number of steps, the format is
 * not used. */
static void choose_scale(struct plot *p)
{
	for (int most = STEPS; most > 1 && p->d->format != NULL; most--) {
		p->scale = scale_of(p, most);
		label_ticks(p, p->d->format);
		if (ticks_differ(p)) {
			drop_zeros(p);
			return;
		}
	}
	p->scale = scale_of(p, STEPS);
	label_ticks(p, NULL);
}

/* Writes a step of the scale, at most 15 digits. */
static void end_text(const struct plot *p, int64_t n, char to[32])
{
	char exact[LABEL];
	int shift = p->unit < 1   ? UNIT_EXPONENT
		    : p->unit > 1 ? -UNIT_EXPONENT
				  : 0;

	science_text(n * p->scale.digits, p->scale.exponent + shift, exact);
	snprintf(to, 32, "%.15g", strtod(exact, NULL));
}

void chart_axis_ends(struct chart_ends *ends, const struct chart_option *chart,
    const struct layout *layout, double *values, int rows)
{
	const char *code = layout->columns[chart->values[0]].format;
	struct err unused; /* the layout has checked the format */
	struct chart_data d = {.type = chart->type,
	    .series = chart->count,
	    .rows = rows,
	    .values = values,
	    .format = code ? format_open(code, &unused) : NULL};
	struct plot p = {.d = &d, .unit = plot_unit(&d)};
	bool any = false;

	*ends = (struct chart_ends){.min = ""};
	for (int i = 0; i < rows * chart->count; i++)
		any |= !isnan(values[i]);
	if (any)
		choose_scale(&p);
	if (any && p.scale.low >= 0)
		end_text(&p, p.scale.low, ends->min);
	else if (any && p.scale.high <= 0)
		end_text(&p, p.scale.high, ends->max);
	format_close(d.format);
}

void plot_values_begin(struct plot *p)
{
	double width = 0;

	choose_scale(p);
	p->box.y += TEXT_SIZE / 2;
	p->box.height -= TEXT_SIZE / 2;
	for (int i = 0; i < p->ticks; i++)
		width = fmax(width, plot_width(p->tick_texts[i], TEXT_SIZE));
	p->box.x += width + 4;
	p->box.width -= width + 4;
}

void plot_values(const struct plot *p)
{
	for (int i = 0; i < p->ticks; i++) {
		double y = p->box.y + p->box.height -
			   p->box.height * i / (p->ticks - 1);

		plot_text(p, p->tick_texts[i], p->box.x - 4,
		    y + TEXT_SIZE * 0.35, CHART_END);
		plot_line(p, p->box.x, y, p->box.x + p->box.width, y,
		    p->scale.low + i == 0 ? AXIS_COLOUR : GRID_COLOUR);
	}
}
