/* SPDX-License-Identifier: MIT */
#include "source/athena/value_moment.h"

#include <string.h>

#include "rows/calendar.h"
#include "rows/interval.h"

#define DAY_US (86400 * INSTANT_SECOND)
/* Years of timestamps whose microseconds fit into 64 bits. */
#define YEAR_MAX 290000

/* Reads within [at, end); `bad` stays set. */
struct scan {
	const char *at, *end;
	bool bad;
};

static int64_t number(struct scan *s, int least, int most)
{
	const char *from = s->at;
	int64_t n = 0;

	while (s->at < s->end && s->at - from < most && *s->at >= '0' &&
	       *s->at <= '9')
		n = n * 10 + (*s->at++ - '0');
	s->bad |= s->at - from < least;
	return n;
}

static bool skip(struct scan *s, char c)
{
	if (s->at >= s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

static void expect(struct scan *s, char c)
{
	if (!skip(s, c))
		s->bad = true;
}

/* Returns days, 0 for a bad date, so that its microseconds fit. Year 0 is 1 BC. */
static int64_t date(struct scan *s)
{
	bool minus = skip(s, '-'), plus = !minus && skip(s, '+');
	int64_t year = number(s, 4, plus || minus ? 9 : 6), month, day;

	expect(s, '-');
	month = number(s, 2, 2);
	expect(s, '-');
	day = number(s, 2, 2);
	s->bad |=
	    year > YEAR_MAX || month < 1 || month > 12 || day < 1 || day > 31;
	return s->bad ? 0
		      : calendar_days(minus ? -year : year, (unsigned int)month,
			    (unsigned int)day);
}

static int64_t fraction(struct scan *s)
{
	int64_t us = 0;
	int n = 0;

	for (; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++) {
		if (n++ < 6)
			us = us * 10 + (*s->at - '0');
	}
	s->bad |= n == 0;
	for (; n < 6; n++)
		us *= 10;
	return us;
}

/* Returns microseconds of HH:MM:SS and its fraction. */
static int64_t clock_of(struct scan *s)
{
	int64_t hours = number(s, 2, 2), minutes, seconds;

	expect(s, ':');
	minutes = number(s, 2, 2);
	expect(s, ':');
	seconds = number(s, 2, 2);
	s->bad |= hours > 23 || minutes > 59 || seconds > 59;
	seconds += (hours * 60 + minutes) * 60;
	return seconds * INSTANT_SECOND + (skip(s, '.') ? fraction(s) : 0);
}

static int64_t timestamp(struct scan *s)
{
	int64_t days = date(s);

	expect(s, ' ');
	return days * DAY_US + clock_of(s);
}

/* Reads what is left as a zone. */
static int zone_of(struct scan *s, struct zones *zones, int64_t local_us,
    int32_t *offset, struct err *e)
{
	skip(s, ' ');
	if (s->bad)
		return 0;
	if (zones_offset(zones, s->at, (size_t)(s->end - s->at), local_us,
		offset, e) != 0)
		return -1;
	s->at = s->end;
	return 0;
}

static int timestamptz(
    struct scan *s, struct zones *zones, char *to, size_t *n, struct err *e)
{
	int64_t local = timestamp(s);
	int32_t offset = 0;

	if (zone_of(s, zones, local, &offset, e) != 0)
		return -1;
	if (!s->bad)
		*n = instant_timestamptz(
		    zones_own(zones), local - offset * INSTANT_SECOND, to);
	return 0;
}

static int timetz(
    struct scan *s, struct zones *zones, char *to, size_t *n, struct err *e)
{
	int64_t us = clock_of(s);
	int32_t offset = 0;

	if (zone_of(s, zones, us, &offset, e) != 0)
		return -1;
	if (!s->bad)
		*n = instant_timetz(us, offset, to);
	return 0;
}

/* "2 03:04:05.678", with one sign for all of it. */
static struct interval days_interval(struct scan *s)
{
	int64_t sign = skip(s, '-') ? -1 : 1, days = number(s, 1, 9);

	expect(s, ' ');
	return (struct interval){
	    .days = sign * days, .micros = sign * clock_of(s)};
}

/* "1-2": years and months, with one sign for both. */
static struct interval months_interval(struct scan *s)
{
	int64_t sign = skip(s, '-') ? -1 : 1, years = number(s, 1, 8);

	expect(s, '-');
	return (struct interval){
	    .months = sign * (years * 12 + number(s, 1, 2))};
}

static void add_interval(const struct interval *i, struct buf *out)
{
	struct buf text;

	buf_init(&text, INSTANT_MAX * 2);
	interval_write(i, &text);
	buf_add(out, text.data, text.len);
	buf_free(&text);
}

int athena_moment(enum value_form form, const char *text, size_t len,
    struct zones *zones, struct buf *out, struct err *e)
{
	struct scan s = {.at = text, .end = text + len};
	struct interval i = {.months = 0};
	bool is_interval = form == VALUE_DAYS || form == VALUE_MONTHS;
	char to[INSTANT_MAX];
	size_t n = 0;
	int rc = 0;

	if (form == VALUE_DATE)
		n = instant_date((int32_t)date(&s), to);
	else if (form == VALUE_TIME)
		n = instant_time(clock_of(&s), to);
	else if (form == VALUE_TIMESTAMP)
		n = instant_timestamp(timestamp(&s), to);
	else if (form == VALUE_TIMETZ)
		rc = timetz(&s, zones, to, &n, e);
	else if (form == VALUE_TIMESTAMPTZ)
		rc = timestamptz(&s, zones, to, &n, e);
	else
		i = form == VALUE_DAYS ? days_interval(&s)
				       : months_interval(&s);
	if (rc == 0 && (s.bad || s.at != s.end))
		rc = err_set(e, ERR_PERMANENT, "the text is of another type");
	if (rc != 0)
		return err_wrap(
		    e, "\"%.*s\"", (int)(len > 60 ? 60 : len), text);
	if (is_interval)
		add_interval(&i, out);
	else
		buf_add(out, to, n);
	return 0;
}
