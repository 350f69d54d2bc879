/* SPDX-License-Identifier: MIT */
#include "rows/interval.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define TEXT_MAX 100 /* bytes; PostgreSQL writes at most 70 */

static bool read_part(struct interval *i, const char **s)
{
	char *unit;
	int64_t n = strtoll(*s, &unit, 10);

	if (unit == *s)
		return false;
	if (strncmp(unit, " year", 5) == 0)
		i->months += n * 12;
	else if (strncmp(unit, " mon", 4) == 0)
		i->months += n;
	else if (strncmp(unit, " day", 4) == 0)
		i->days += n;
	else
		return false;
	*s = unit + 1 + strcspn(unit + 1, " ");
	*s += **s == ' ';
	return true;
}

/* Reads 04:05:06.7, with or without a sign, up to the end of the text. */
static bool read_time(struct interval *i, const char *s)
{
	bool negative = *s == '-';
	int64_t unit = SECOND;
	char *end;

	s += negative || *s == '+';
	for (int64_t size = HOUR; size >= SECOND; size /= 60) {
		if (!isdigit((unsigned char)*s))
			return false;
		i->micros += strtoll(s, &end, 10) * (interval_micros)size;
		s = end + (*end == ':' && size > SECOND);
	}
	if (*s == '.') {
		for (s++; isdigit((unsigned char)*s); s++)
			i->micros += (*s - '0') * (unit /= 10);
	}
	if (negative)
		i->micros = -i->micros;
	return *s == '\0';
}

bool interval_read(struct interval *i, const struct value *v)
{
	char text[TEXT_MAX];
	const char *s = text;

	*i = (struct interval){0};
	if (v->len <= 0 || v->len >= TEXT_MAX)
		return false;
	memcpy(text, v->data, (size_t)v->len);
	text[v->len] = '\0';
	while (strchr(s, ' ') != NULL) {
		if (!read_part(i, &s))
			return false;
	}
	return *s == '\0' || read_time(i, s);
}

/* Appends a part such as "2 mons"; a positive part after a negative one gets a
 * plus sign. */
static void write_part(
    int64_t n, const char *unit, bool *negative, struct buf *out)
{
	if (n == 0)
		return;
	buf_printf(out, "%s%s%" PRId64 " %s%s", out->len > 0 ? " " : "",
	    *negative && n > 0 ? "+" : "", n, unit, n != 1 ? "s" : "");
	*negative = n < 0;
}

static void write_fraction(int micros, struct buf *out)
{
	int digits = 6;

	if (micros == 0)
		return;
	for (; micros % 10 == 0; digits--)
		micros /= 10;
	buf_printf(out, ".%0*d", digits, micros);
}

void interval_write(const struct interval *i, struct buf *out)
{
	interval_micros n = i->micros < 0 ? -i->micros : i->micros;
	bool negative = false;

	buf_clear(out);
	write_part(i->months / 12, "year", &negative, out);
	write_part(i->months % 12, "mon", &negative, out);
	write_part(i->days, "day", &negative, out);
	if (n == 0 && out->len > 0)
		return;
	buf_printf(out, "%s%s%02" PRId64 ":%02d:%02d", out->len > 0 ? " " : "",
	    i->micros < 0 ? "-"
	    : negative    ? "+"
			  : "",
	    (int64_t)(n / HOUR), (int)(n / (60 * SECOND) % 60),
	    (int)(n / SECOND % 60));
	write_fraction((int)(n % SECOND), out);
}

interval_micros interval_order(const struct interval *i)
{
	return ((interval_micros)i->months * 30 + i->days) * DAY + i->micros;
}

void interval_divide(struct interval *i, int64_t count)
{
	interval_micros days =
	    i->months % count * (interval_micros)30 + i->days;
	interval_micros left = days % count * DAY + i->micros;

	i->months /= count;
	i->days = (int64_t)(days / count);
	/* Rounds a half away from zero. */
	i->micros = (2 * left + (left < 0 ? -count : count)) / (2 * count);
}
