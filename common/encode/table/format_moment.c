/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encode/table/format_code.h"
#include "rows/interval.h"
#include "rows/moment.h"

struct shown {
	long year;
	int month, day, minute, second, micros;
	long hour; /* in an interval: all hours, past 23 too */
	bool has_date, negative;
};

/* Returns false for infinity and for years before 1, which are shown
 * unchanged. */
static bool read_moment(
    struct shown *m, enum column_kind kind, const struct value *v)
{
	struct moment at;

	if (!moment_read(kind, v, &at))
		return false;
	*m = (struct shown){.year = (long)at.year,
	    .month = at.month,
	    .day = at.day,
	    .hour = at.hour,
	    .minute = at.minute,
	    .second = at.second,
	    .micros = at.micros,
	    .has_date = kind != KIND_TIME && kind != KIND_TIMETZ};
	return !m->has_date || m->year >= 1;
}

/* Returns false for an interval with months or years, which have no fixed
 * number of hours, and for one whose days and hours have opposite signs. */
static bool read_interval(struct shown *m, const struct value *v)
{
	struct interval i;
	interval_micros n;

	if (!interval_read(&i, v) || i.months != 0 ||
	    (i.days < 0 && i.micros > 0) || (i.days > 0 && i.micros < 0))
		return false;
	n = interval_order(&i);
	*m = (struct shown){.negative = n < 0};
	n = n < 0 ? -n : n;
	m->hour = (long)(n / (3600 * INT64_C(1000000)));
	m->minute = (int)(n / (60 * INT64_C(1000000)) % 60);
	m->second = (int)(n / 1000000 % 60);
	m->micros = (int)(n % 1000000);
	return true;
}

/* Returns the day of the week by Sakamoto's method; 0 is Sunday. */
static int day_of_week(long y, int m, int d)
{
	static const int t[] = {0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4};

	y -= m < 3;
	return (int)((y + y / 4 - y / 100 + y / 400 + t[m - 1] + d) % 7);
}

static void add_name(const char *name, int letters, struct buf *out)
{
	if (letters == 3)
		buf_add(out, name, 3);
	else if (letters == 5)
		buf_char(out, *name);
	else
		buf_str(out, name);
}

static void add_date(const struct format_token *t,
    const struct format_section *p, const struct shown *m, struct buf *out)
{
	static const char *const months[] = {"January", "February", "March",
	    "April", "May", "June", "July", "August", "September", "October",
	    "November", "December"};
	static const char *const days[] = {"Sunday", "Monday", "Tuesday",
	    "Wednesday", "Thursday", "Friday", "Saturday"};
	char fraction[16];
	int n = 0;

	switch (t->letter) {
	case 'y':
		if (t->len <= 2)
			buf_printf(out, "%02ld", m->year % 100);
		else
			buf_printf(out, "%04ld", m->year);
		return;
	case 'f':
		snprintf(fraction, sizeof(fraction), "%06d", m->micros);
		buf_printf(out, ".%.*s", t->len, fraction);
		return;
	case 'm':
		if (t->len > 2) {
			add_name(months[m->month - 1], t->len, out);
			return;
		}
		n = m->month;
		break;
	case 'd':
		if (t->len > 2) {
			add_name(days[day_of_week(m->year, m->month, m->day)],
			    t->len, out);
			return;
		}
		n = m->day;
		break;
	case 'h':
		n = (int)(m->hour % 24 + (m->hour == 24) * 24);
		if (p->half_day)
			n = n % 12 ? n % 12 : 12;
		break;
	case 'M':
		n = m->minute;
		break;
	case 's':
		n = m->second;
		break;
	}
	buf_printf(out, "%0*d", t->len > 1 ? 2 : 1, n);
}

/* Appends AM/PM or A/P in the letter case of the code. */
static void add_half(
    const struct format_token *t, const struct shown *m, struct buf *out)
{
	int at = m->hour % 24 < 12 ? 0 : t->len == 5 ? 3 : 2;

	if (t->len == 5)
		buf_str(out, at ? "PM" : "AM");
	else
		buf_char(out, t->text[at]);
}

static void add_elapsed(
    const struct format_token *t, const struct shown *m, struct buf *out)
{
	long n = t->letter == 'h' ? m->hour
		 : t->letter == 'm'
		     ? m->hour * 60 + m->minute
		     : (m->hour * 60 + m->minute) * 60 + m->second;

	buf_printf(out, "%0*ld", t->len, n);
}

/* Returns whether the section can show the moment. A time of day has no year,
 * month or day. A date may be shown with hours (midnight), but not with elapsed
 * ones: it has no start to count from. */
static bool fits(const struct format_section *p, const struct shown *m)
{
	if (!p->date || (m->has_date && p->elapsed))
		return false;
	for (int i = 0; i < p->count; i++) {
		const struct format_token *t = &p->tokens[i];

		if (t->type == FORMAT_DATE && !m->has_date &&
		    strchr("ymd", t->letter) != NULL)
			return false;
	}
	return true;
}

bool format_moment(const struct format_section *p, enum column_kind kind,
    const struct value *v, struct buf *out)
{
	struct shown m;

	if (!(kind == KIND_INTERVAL ? read_interval(&m, v)
				    : read_moment(&m, kind, v)) ||
	    !fits(p, &m))
		return false;
	if (m.negative)
		buf_char(out, '-');
	for (int i = 0; i < p->count; i++) {
		const struct format_token *t = &p->tokens[i];

		if (t->type == FORMAT_LITERAL)
			buf_add(out, t->text, (size_t)t->len);
		else if (t->type == FORMAT_AMPM)
			add_half(t, &m, out);
		else if (t->type == FORMAT_DATE)
			add_date(t, p, &m, out);
		else if (t->type == FORMAT_ELAPSED)
			add_elapsed(t, &m, out);
	}
	return true;
}
