/* SPDX-License-Identifier: MIT */
#include "encode/xlsx/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encode/xlsx/put.h"
#include "rows/calendar.h"
#include "rows/money.h"
#include "rows/number.h"

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ---- numbers ---- */

/* Counts the digits of a plain number without an exponent. Significant digits go
 * from the first that is not 0 to the last, without zeros at the end of the
 * fraction. */
struct digits {
	const char *first; /* first digit that is not 0; NULL: there is none */
	int significant;
	int whole;    /* digits before the point, without leading zeros */
	int decimals; /* all digits after the point */
	int trailing; /* zeros at the end of the fraction */
	int zeros;    /* zeros between the point and the first digit */
};

/* `point` is where the fraction begins, or the end. */
static void count_digits(
    struct digits *d, const char *s, const char *point, const char *end)
{
	const char *last = end;

	*d = (struct digits){.first = NULL};
	s += *s == '-';
	while (s < point && *s == '0')
		s++;
	d->whole = (int)(point - s);
	if (point < end)
		d->decimals = (int)(end - point - 1);
	while (last > point + 1 && last[-1] == '0')
		last--;
	d->trailing = (int)(end - last);
	if (d->whole == 0) {
		s = point < end ? point + 1 : end;
		while (s < end && *s == '0')
			s++;
		d->zeros = d->decimals - (int)(end - s);
	}
	if (s == end)
		return;
	d->first = s;
	d->significant = d->whole + d->decimals - d->zeros - d->trailing;
}

/* Writes the first 15 digits, rounded half away from zero. Returns true when
 * rounding carried into a new digit, as 999... to 1000... */
static bool round_digits(char *digits, const char *s, const char *end)
{
	int n = 0, i;

	for (; s < end && n <= XLSX_DIGITS; s++) {
		if (*s != '.')
			digits[n++] = *s;
	}
	i = n > XLSX_DIGITS && digits[XLSX_DIGITS] >= '5' ? XLSX_DIGITS : 0;
	while (i > 0) {
		if (digits[i - 1] != '9') {
			digits[i - 1]++;
			return false;
		}
		digits[--i] = '0';
		if (i == 0) {
			digits[0] = '1';
			return true;
		}
	}
	return false;
}

/* Numbers with more digits before the point, or zeros after it, do not fit into
 * a double: 1.8e308. */
#define WHOLE_MAX 308
#define ZEROS_MAX 290

/* Writes 15 digits as 1.23456789012346E+25, whatever the size of the number. */
static int put_rounded(char *to, const struct digits *d, bool negative,
    const char *end, struct xlsx_shown *shown)
{
	char digits[XLSX_DIGITS + 1] = {0}, *p = to;
	int power = d->whole > 0 ? d->whole - 1 : -d->zeros - 1,
	    n = XLSX_DIGITS;

	if (d->whole > WHOLE_MAX || d->zeros > ZEROS_MAX)
		return 0;
	memset(digits, '0', XLSX_DIGITS);
	power += round_digits(digits, d->first, end);
	shown->rounded = true;
	shown->lost = d->significant > XLSX_DIGITS;
	shown->whole = power >= 0 ? power + 1 : 0;
	while (n > 1 && digits[n - 1] == '0')
		n--;
	shown->decimals = n - 1 - power > 0 ? n - 1 - power : 0;
	if (negative)
		*p++ = '-';
	*p++ = digits[0];
	if (n > 1) {
		*p++ = '.';
		p = xlsx_put_bytes(p, digits + 1, (size_t)n - 1);
	}
	p = XLSX_PUT(p, "E");
	*p++ = power < 0 ? '-' : '+';
	return (int)(xlsx_put_unsigned(p, (uint32_t)abs(power)) - to);
}

static int put_exact(char *to, const struct xlsx_rule *rule,
    const struct value *v, struct xlsx_shown *shown)
{
	size_t len = (size_t)v->len;
	const char *s = v->data, *end = s + len;
	struct number_parts parts;
	struct digits d;

	if (!number_parse(v, &parts))
		return 0;
	if (len <= XLSX_DIGITS) {
		shown->decimals =
		    parts.point ? (int)(end - parts.point - 1) : 0;
		xlsx_put_bytes(to, s, len);
		return v->len;
	}
	if (parts.exponent != NULL)
		/* servers of PostgreSQL's kind never write an exponent here */
		return 0;
	count_digits(&d, s, parts.point ? parts.point : end, end);
	if (d.significant <= XLSX_DIGITS && len < XLSX_NUMBER_MAX) {
		shown->whole = d.whole;
		shown->decimals = d.decimals;
		/* A division makes such long fractions; zeros at their end are
		 * not shown. */
		if (d.whole + d.decimals > XLSX_DIGITS)
			shown->decimals -= d.trailing;
		xlsx_put_bytes(to, s, len);
		return v->len;
	}
	if (d.decimals == 0 && !rule->rounds)
		return 0;
	if (d.first == NULL)
		return (int)(xlsx_put_unsigned(to, 0) - to);
	return put_rounded(to, &d, *s == '-', end, shown);
}

/* Writes a float. Doubles below 2.2e-308 are denormal, and Excel would take
 * them for 0. */
static int put_float(char *to, const struct value *v, struct xlsx_shown *shown)
{
	size_t len = (size_t)v->len;
	const char *s = v->data;
	struct number_parts parts;

	if (len >= XLSX_NUMBER_MAX || !number_parse(v, &parts))
		return 0;
	if (len > 5 && memcmp(s + len - 5, "e-3", 3) == 0 &&
	    s[len - 2] * 10 + s[len - 1] >= '0' * 11 + 8)
		return 0;
	xlsx_put_bytes(to, s, len);
	/* Notes what style_of needs for floats longer than General shows, such
	 * as 123456789012.5. */
	shown->exponent = parts.exponent != NULL;
	shown->decimals = parts.point ? (int)(s + len - parts.point - 1) : 0;
	shown->whole =
	    (int)len - (parts.point ? shown->decimals + 1 : 0) - (*s == '-');
	if (shown->whole + shown->decimals > XLSX_DIGITS)
		shown->decimals = XLSX_DIGITS - shown->whole;
	return v->len;
}

/* ---- dates and times ---- */

/* moment_read() would do; these functions read only what a cell can show, which is
 * faster, as they run for each value. */

#define SERIAL_ZERO (-25569) /* 1899-12-30, days since 1970-01-01 */
/* LibreOffice shows #FMT for an elapsed time of 2^32 seconds or more, which are
 * 49,710 days and six hours; Excel and SheetJS show up to 2,958,465 days. */
#define ELAPSED_DAYS 49710
#define HOUR_MICROS INT64_C(3600000000)

/* Returns the number made of n digits at s, or -1. */
static inline int digits_at(const char *s, int n)
{
	int x = 0;

	for (int i = 0; i < n; i++) {
		if (!is_digit(s[i]))
			return -1;
		x = x * 10 + (s[i] - '0');
	}
	return x;
}

/*
 * Returns the days of YYYY-MM-DD as Excel counts them: 61 is 1900-03-01.
 * Returns 0 for an earlier date or no date: Excel has a 1900-02-29, other
 * programs have not, so they disagree about the days before it.
 */
static int serial_day(const char *s)
{
	int y = digits_at(s, 4), m = digits_at(s + 5, 2),
	    d = digits_at(s + 8, 2), days;

	if (y < 1900 || s[4] != '-' || s[7] != '-' || m < 1 || d < 1)
		return 0;
	days = (int)calendar_days(y, (unsigned int)m, (unsigned int)d) -
	       SERIAL_ZERO;
	return days > 60 ? days : 0;
}

/* Returns the microseconds of HH:MM:SS with or without a fraction, ignoring any
 * text that follows; -1 when it cannot be read, and for 24:00:00. */
static int64_t micros_of_day(const char *s, size_t len, bool *fraction)
{
	int h, m, sec, micros = 0;

	if (len < 8)
		return -1;
	h = digits_at(s, 2);
	m = digits_at(s + 3, 2);
	sec = digits_at(s + 6, 2);
	if (h < 0 || h > 23 || m < 0 || sec < 0)
		return -1;
	if (len > 9 && s[8] == '.') {
		size_t i = 9;

		for (; i < len && i < 15 && is_digit(s[i]); i++)
			micros = micros * 10 + (s[i] - '0');
		for (; i < 15; i++)
			micros *= 10;
		*fraction = true;
	}
	return ((h * 60 + m) * 60 + sec) * INT64_C(1000000) + micros;
}

/* Writes microseconds as the digits after the point of a fraction of a day: 12
 * or 15 digits, which is finer than a microsecond and as much as a double holds
 * beside the days. */
static char *put_fraction(char *p, int64_t micros, int digits)
{
	/* 10^12 / 86,400,000,000 is 625 / 54. */
	int64_t n = (micros * (digits == 12 ? 625 : 625000) + 27) / 54;
	char *end = p + digits + 1;

	if (n == 0)
		return p;
	*p = '.';
	/* Three at a time, as a division of 64 bits is slow. */
	for (char *d = end - 3; d > p; d -= 3, n /= 1000) {
		unsigned int three = (unsigned int)(n % 1000);

		d[0] = (char)('0' + three / 100);
		d[1] = (char)('0' + three / 10 % 10);
		d[2] = (char)('0' + three % 10);
	}
	while (end[-1] == '0')
		end--;
	return end;
}

static int put_date(char *to, const struct value *v)
{
	int days = v->len == 10 ? serial_day(v->data) : 0;

	return days ? (int)(xlsx_put_unsigned(to, (uint32_t)days) - to) : 0;
}

static int put_time(
    char *to, const struct value *v, int64_t unit, bool *fraction)
{
	int64_t micros = micros_of_day(v->data, (size_t)v->len, fraction);

	if (micros < 0)
		return 0;
	micros -= micros % unit;
	*to = '0';
	return (int)(put_fraction(to + 1, micros, 15) - to);
}

/* Writes the local time that the text shows, whatever time zone follows. */
static int put_timestamp(
    char *to, const struct value *v, int64_t unit, bool *fraction)
{
	size_t len = (size_t)v->len;
	int64_t micros;
	int days;

	if (len < 19 || v->data[10] != ' ' || v->data[len - 1] == 'C')
		return 0;
	days = serial_day(v->data);
	micros = micros_of_day(v->data + 11, len - 11, fraction);
	if (days == 0 || micros < 0)
		return 0;
	micros -= micros % unit;
	return (int)(put_fraction(
			 xlsx_put_unsigned(to, (uint32_t)days), micros, 12) -
		     to);
}

/* Writes an interval such as "3 days 04:05:06.7" whose parts have one sign, and
 * that positive; returns 0 for one of ELAPSED_DAYS or longer. */
static int put_interval(
    char *to, const struct value *v, int64_t unit, bool *fraction)
{
	const char *s = v->data, *end = s + v->len, *hours;
	int64_t days = 0, micros = 0;

	if (v->len == 0 || memchr(s, '-', (size_t)v->len) != NULL)
		return 0;
	hours = memchr(s, ' ', (size_t)v->len);
	if (hours != NULL) {
		if (end - hours < 4 || memcmp(hours, " day", 4) != 0)
			return 0;
		days = strtoll(s, NULL, 10);
		s = hours + 4 + (hours + 4 < end && hours[4] == 's');
		s += s < end && *s == ' ';
	}
	if (s < end) {
		const char *colon = memchr(s, ':', (size_t)(end - s));
		char clock[24];
		int len;

		if (colon == NULL || !is_digit(*s))
			return 0;
		/* The time within the hour is read as a time of day, and the
		 * hours are added. */
		len = snprintf(
		    clock, sizeof(clock), "00%.*s", (int)(end - colon), colon);
		micros = micros_of_day(clock, (size_t)len, fraction);
		if (micros < 0)
			return 0;
		days += strtoll(s, NULL, 10) / 24;
		micros += strtoll(s, NULL, 10) % 24 * HOUR_MICROS;
	}
	if (days >= ELAPSED_DAYS)
		return 0;
	micros -= micros % unit;
	return (int)(put_fraction(
			 xlsx_put_unsigned(to, (uint32_t)days), micros, 12) -
		     to);
}

/* Writes an amount of money. An amount with more digits stays text, which keeps
 * them all. */
static int put_money(char *to, const struct xlsx_rule *rule,
    const struct value *v, struct xlsx_shown *shown)
{
	char decimal[MONEY_MAX];
	struct value number;
	int n;

	if (rule->money == NULL ||
	    !money_read(rule->money, v, decimal, &number))
		return 0;
	n = put_exact(to, rule, &number, shown);
	return shown->rounded && !rule->rounds ? 0 : n;
}

int xlsx_number(char *to, const struct xlsx_rule *rule, const struct value *v,
    struct xlsx_shown *shown)
{
	switch (rule->kind) {
	case KIND_INTEGER:
	case KIND_DECIMAL:
		return put_exact(to, rule, v, shown);
	case KIND_FLOAT:
		return put_float(to, v, shown);
	case KIND_MONEY:
		return put_money(to, rule, v, shown);
	case KIND_BOOLEAN:
		*to = v->data[0] == 't' ? '1' : '0';
		return 1;
	case KIND_DATE:
		return put_date(to, v);
	case KIND_TIME:
		return put_time(to, v, rule->unit, &shown->fraction);
	case KIND_TIMESTAMP:
	case KIND_TIMESTAMPTZ:
		return put_timestamp(to, v, rule->unit, &shown->fraction);
	case KIND_INTERVAL:
		return put_interval(to, v, rule->unit, &shown->fraction);
	default:
		return 0;
	}
}
