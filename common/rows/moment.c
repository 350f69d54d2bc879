/* SPDX-License-Identifier: MIT */
#include "rows/moment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rows/calendar.h"

#define DATE_LEN ((size_t)10) /* 2026-03-01 */
#define TIME_LEN ((size_t)8)  /* 09:30:00 */
/* A year that has reached this is read no further. */
#define YEAR_MAX 10000000
/* .123456; other servers may send more digits */
#define FRACTION_MAX ((size_t)10)

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Compares the start of s with the pattern, in which a 0 stands for any
 * digit. */
static inline bool has_shape(const char *s, size_t len, const char *pattern)
{
	size_t i = 0;

	while (i < len && pattern[i] != '\0' &&
	       (pattern[i] == '0' ? digit(s[i]) : s[i] == pattern[i]))
		i++;
	return pattern[i] == '\0';
}

static int two(const char *s)
{
	return (s[0] - '0') * 10 + s[1] - '0';
}

/* Returns the place after a fraction such as .25, or s when there is none. */
static inline const char *skip_fraction(const char *s, const char *end)
{
	if (s < end && *s == '.') {
		s++;
		while (s < end && digit(*s))
			s++;
	}
	return s;
}

/* Reads "+01", "+05:30" or "+00:53:28" as seconds east of UTC; returns false
 * for any other text. */
static inline bool read_offset(const char *s, const char *end, int *offset)
{
	size_t len = (size_t)(end - s);
	int east;

	if ((len != 3 && len != 6 && len != 9) || (*s != '+' && *s != '-') ||
	    !has_shape(s + 1, len - 1, &"00:00:00"[9 - len]))
		return false;
	east = two(s + 1) * 3600;
	if (len >= 6)
		east += two(s + 4) * 60;
	if (len == 9)
		east += two(s + 7);
	*offset = *s == '-' ? -east : east;
	return true;
}

/* Read YYYY-MM-DD, whose year may have more digits, and HH:MM:SS with or without
 * a fraction. They move *at past it, and return false when it is not there. */
static bool read_date(const char **at, const char *end, struct moment *m)
{
	const char *s = *at;

	while (s < end && digit(*s) && m->year < YEAR_MAX)
		m->year = m->year * 10 + *s++ - '0';
	if (s == *at || !has_shape(s, (size_t)(end - s), "-00-00"))
		return false;
	m->month = two(s + 1);
	m->day = two(s + 4);
	*at = s + 6;
	return m->month >= 1 && m->month <= 12 && m->day >= 1;
}

static bool read_time(const char **at, const char *end, struct moment *m)
{
	const char *s = *at;

	if (!has_shape(s, (size_t)(end - s), "00:00:00"))
		return false;
	m->hour = two(s);
	m->minute = two(s + 3);
	m->second = two(s + 6);
	s += TIME_LEN;
	*at = skip_fraction(s, end);
	if (s < *at)
		s++;
	for (int unit = 100000; s < *at; unit /= 10)
		m->micros += unit * (*s++ - '0');
	return true;
}

bool moment_read(enum column_kind kind, const struct value *v, struct moment *m)
{
	const char *s = v->data, *end = s + v->len;
	bool bc = v->len > 3 && memcmp(end - 3, " BC", 3) == 0;

	*m = (struct moment){0};
	if (bc)
		end -= 3;
	if (kind != KIND_TIME && kind != KIND_TIMETZ) {
		if (!read_date(&s, end, m))
			return false;
		if (bc)
			m->year = 1 - m->year;
		if (kind == KIND_DATE)
			return s == end;
		if (s == end || *s++ != ' ')
			return false;
	}
	return read_time(&s, end, m) &&
	       (s == end || read_offset(s, end, &m->offset));
}

/* Writes the moment in UTC, with the fraction of a second as it is. */
static size_t in_utc(
    const struct moment *m, const char *fraction, size_t len, char *to)
{
	int64_t seconds = calendar_days(m->year, (unsigned int)m->month,
			      (unsigned int)m->day) *
			      86400 +
			  m->hour * 3600 + m->minute * 60 + m->second -
			  m->offset;
	int64_t days = seconds / 86400 - (seconds % 86400 < 0);
	int rest = (int)(seconds - days * 86400);
	int64_t year;
	int month, day;

	calendar_date(days, &year, &month, &day);
	if (year < 1 || year > 9999)
		return 0;
	return (size_t)snprintf(to, MOMENT_MAX,
	    "%04d-%02d-%02dT%02d:%02d:%02d%.*sZ", (int)year, month, day,
	    rest / 3600, rest / 60 % 60, rest % 60, (int)len, fraction);
}

/* Copies the text, whose shape it checks, as all values of JSON pass here. */
size_t moment_rfc3339(
    enum column_kind kind, const struct value *v, char to[MOMENT_MAX])
{
	size_t date = kind == KIND_TIMETZ ? 0 : DATE_LEN + 1;
	const char *s = v->data, *end = s + v->len, *zone;
	size_t len, zone_len;
	struct moment m;
	int offset;

	if (!has_shape(s, (size_t)v->len, &"0000-00-00 00:00:00"[11 - date]))
		return 0;
	zone = skip_fraction(s + date + TIME_LEN, end);
	len = (size_t)(zone - s);
	if (len > date + TIME_LEN + FRACTION_MAX)
		return 0;
	memcpy(to, s, len);
	if (date > 0)
		to[DATE_LEN] = 'T';
	if (kind == KIND_TIMESTAMP)
		return zone == end ? len : 0;
	if (!read_offset(zone, end, &offset))
		return 0;
	zone_len = (size_t)(end - zone);
	if (zone_len == 9)
		return date == 0 || !moment_read(kind, v, &m)
			   ? 0
			   : in_utc(&m, s + date + TIME_LEN,
				 len - date - TIME_LEN, to);
	memcpy(to + len, zone, zone_len);
	len += zone_len;
	if (zone_len == 3) {
		memcpy(to + len, ":00", 3);
		len += 3;
	}
	return len;
}

size_t moment_without_offset(
    enum column_kind kind, const struct value *v, const char **rest)
{
	const char *s = v->data, *end = s + v->len, *at = s;

	*rest = end;
	if (kind == KIND_TIMESTAMPTZ)
		at = memchr(s, ' ', (size_t)v->len);
	if (at == NULL) /* infinity */
		return (size_t)v->len;
	at += *at == ' ';
	while (at < end && *at != '+' && *at != '-')
		at++;
	*rest = memchr(at, ' ', (size_t)(end - at));
	if (*rest == NULL)
		*rest = end;
	return (size_t)(at - s);
}

/* Writes -04:05:06.7 as T-4H-5M-6.7S, without parts that are zero. Returns NULL
 * when the text is no time. */
static char *add_time(char *to, const char *s, const char *end)
{
	const char *sign = *s == '-' ? "-" : "";
	const char *hours = s + (*s == '-' || *s == '+'), *minutes = hours;

	while (minutes < end && digit(*minutes))
		minutes++;
	if (minutes == hours || minutes - hours > 12 ||
	    !has_shape(minutes, (size_t)(end - minutes), ":00:00") ||
	    skip_fraction(minutes + 6, end) != end)
		return NULL;
	s = minutes + 4; /* the seconds */
	s += *s == '0';
	*to++ = 'T';
	if (atoll(hours) != 0)
		to += sprintf(to, "%s%lldH", sign, atoll(hours));
	if (two(minutes + 1) != 0)
		to += sprintf(to, "%s%dM", sign, two(minutes + 1));
	if (end - s != 1 || *s != '0')
		to += sprintf(to, "%s%.*sS", sign, (int)(end - s), s);
	return to[-1] == 'T' ? to - 1 : to;
}

/* Writes "-2 mons " as -2M. Returns the place after it in the text, or NULL
 * when the text is something else. */
static const char *add_part(char **to, const char *s, const char *end)
{
	const char *digits = s + (*s == '-'), *at;

	if (*s == '+')
		digits = ++s;
	at = digits;
	while (at < end && digit(*at))
		at++;
	if (at == digits || end - at < 2 || *at != ' ' ||
	    strchr("ymd", at[1]) == NULL)
		return NULL;
	*to += sprintf(*to, "%.*s%c", (int)(at - s), s, at[1] - 'a' + 'A');
	s = memchr(at + 1, ' ', (size_t)(end - at - 1));
	return s == NULL ? end : s + 1;
}

size_t interval_iso8601(const struct value *v, char to[MOMENT_MAX])
{
	const char *s = v->data, *end = s + v->len;
	char *out = to;

	/* PostgreSQL writes at most 70 bytes; the result is hardly longer. */
	if (v->len <= 0 || v->len > MOMENT_MAX - 16)
		return 0;
	*out++ = 'P';
	while (s < end && memchr(s, ' ', (size_t)(end - s)) != NULL) {
		s = add_part(&out, s, end);
		if (s == NULL)
			return 0;
	}
	if (s < end) {
		out = add_time(out, s, end);
		if (out == NULL)
			return 0;
	}
	if (out == to + 1)
		out += sprintf(out, "T0S");
	return (size_t)(out - to);
}
