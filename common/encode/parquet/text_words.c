/* SPDX-License-Identifier: MIT */
#include "encode/parquet/text_parse.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "rows/calendar.h"

#define DAY INT64_C(86400000000) /* microseconds */

/* ---- numbers ---- */

INLINE enum parsed integer(
    const struct parquet_type *t, const struct value *v, int64_t *word)
{
	const char *s = v->data, *end = s + v->len;
	bool minus = s < end && *s == '-';
	uint64_t n = 0;

	s += minus;
	/* A number of 19 digits is below 2^64. */
	if (s == end || end - s > 19)
		return BROKEN;
	for (; s < end; s++) {
		if (!digit(*s))
			return BROKEN;
		n = n * 10 + (uint64_t)(*s - '0');
	}
	if (n > ((UINT64_C(1) << (t->bits - 1)) - 1) + minus)
		return BROKEN;
	*word = (int64_t)(minus ? -n : n);
	return PARSED;
}

INLINE enum parsed boolean(
    const struct parquet_type *t, const struct value *v, int64_t *word)
{
	(void)t;
	if (v->len != 1 || (v->data[0] != 't' && v->data[0] != 'f'))
		return BROKEN;
	*word = v->data[0] == 't';
	return PARSED;
}

/* Reads rare and unusual numbers with the C library. */
static enum parsed real_slow(
    const struct parquet_type *t, const struct value *v, int64_t *word)
{
	/* A value in an array does not end with a NUL. */
	char *text = mem_strndup(v->data, (size_t)v->len), *end;
	bool all;

	if (t->physical == PARQUET_FLOAT) {
		float f = strtof(text, &end);
		uint32_t bits;

		memcpy(&bits, &f, 4);
		*word = bits;
	} else {
		double d = strtod(text, &end);

		memcpy(word, &d, 8);
	}
	all = v->len > 0 && end == text + v->len;
	free(text);
	return all ? PARSED : BROKEN;
}

#if LDBL_MANT_DIG == 64
/*
 * Computes m x 10^e, where m has at most 19 digits and |e| <= 27. Both factors
 * are exact in a mantissa of 64 bits, so q, the result of one operation on
 * them, is the true number rounded once. As rounding is monotonic, rounding q
 * again gives the same as rounding the true number, unless q is halfway between
 * two results; then the function returns false and the slow way is taken.
 */
INLINE bool scaled(uint64_t m, int e, bool single, double *d)
{
	static const long double powers[] = {1e0L, 1e1L, 1e2L, 1e3L, 1e4L, 1e5L,
	    1e6L, 1e7L, 1e8L, 1e9L, 1e10L, 1e11L, 1e12L, 1e13L, 1e14L, 1e15L,
	    1e16L, 1e17L, 1e18L, 1e19L, 1e20L, 1e21L, 1e22L, 1e23L, 1e24L,
	    1e25L, 1e26L, 1e27L};
	int drop = single ? 40 : 11;
	long double q;
	uint64_t bits;

	if (e < -27 || e > 27)
		return false;
	q = e < 0 ? (long double)m / powers[-e] : (long double)m * powers[e];
	memcpy(&bits, &q, 8);
	if ((bits & ((UINT64_C(1) << drop) - 1)) == UINT64_C(1) << (drop - 1))
		return false;
	*d = single ? (double)(float)q : (double)q;
	return true;
}
#else
INLINE bool scaled(uint64_t m, int e, bool single, double *d)
{
	static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7,
	    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
	    1e19, 1e20, 1e21, 1e22};

	/* Both factors are exact in a double, so one operation rounds only
	 * once. */
	if (single || e < -22 || e > 22 || m > UINT64_C(1) << 53)
		return false;
	*d = e < 0 ? (double)m / powers[-e] : (double)m * powers[e];
	return true;
}
#endif

INLINE enum parsed real(
    const struct parquet_type *t, const struct value *v, int64_t *word)
{
	const char *s = v->data, *end = s + v->len, *point = NULL, *first;
	bool minus = s < end && *s == '-',
	     single = t->physical == PARQUET_FLOAT;
	uint64_t m = 0;
	uint32_t bits;
	double d;
	float f;
	int e = 0;

	first = s += minus;
	for (; s < end; s++) {
		if (digit(*s))
			m = m * 10 + (uint64_t)(*s - '0');
		else if (*s == '.' && point == NULL)
			point = s;
		else
			break;
	}
	if (s == first || s - first > 19 || (point != NULL && s == first + 1))
		return real_slow(t, v, word);
	if (point != NULL)
		e = (int)(point + 1 - s);
	if (end - s >= 3 && end - s <= 5 && *s == 'e') {
		bool down = s[1] == '-';
		int n = 0;

		for (s += 2; s < end && digit(*s); s++)
			n = n * 10 + (*s - '0');
		e += down ? -n : n;
	}
	if (s != end || !scaled(m, e, single, &d))
		return real_slow(t, v, word);
	if (minus)
		d = -d;
	if (single) {
		f = (float)d;
		memcpy(&bits, &f, 4);
		*word = bits;
	} else {
		memcpy(word, &d, 8);
	}
	return PARSED;
}

/* Returns whether the value is NaN or an infinity of numeric. */
static bool no_number(const struct value *v)
{
	const char *s = v->data;
	int32_t len = v->len;

	if (len == 9 && *s == '-')
		s++, len--;
	return (len == 8 && memcmp(s, "Infinity", 8) == 0) ||
	       (v->len == 3 && memcmp(v->data, "NaN", 3) == 0);
}

enum parsed parquet_decimal_digits(
    const struct parquet_type *t, const struct value *v, parquet_uint128 *units)
{
	const char *s = v->data, *end = s + v->len;
	parquet_uint128 n = 0;
	int whole = 0, fraction = 0;
	bool point = false;

	s += s < end && *s == '-';
	if (s == end)
		return BROKEN;
	for (; s < end; s++) {
		if (*s == '.' && !point) {
			point = true;
			continue;
		}
		if (!digit(*s))
			return no_number(v) ? LACKING : BROKEN;
		if (point && fraction == t->scale) {
			if (*s != '0')
				return LACKING;
			continue;
		}
		whole += !point && (n != 0 || *s != '0');
		if (whole > t->precision - t->scale)
			return LACKING;
		fraction += point;
		n = n * 10 + (unsigned)(*s - '0');
	}
	for (; fraction < t->scale; fraction++)
		n *= 10;
	*units = n;
	return PARSED;
}

/* Reads decimals of up to 18 digits of the common form fast, and all others
 * with parquet_decimal_digits. */
INLINE enum parsed decimal(
    const struct parquet_type *t, const struct value *v, int64_t *word)
{
	const char *s = v->data, *end = s + v->len, *first;
	bool minus = s < end && *s == '-';
	parquet_uint128 units;
	enum parsed result;
	uint64_t n = 0;

	first = s += minus;
	while (s < end && digit(*s))
		n = n * 10 + (uint64_t)(*s++ - '0');
	if (s > first && s - first <= t->precision - t->scale &&
	    end - s == t->scale + (t->scale > 0) && (s == end || *s == '.')) {
		if (s < end)
			s++;
		while (s < end && digit(*s))
			n = n * 10 + (uint64_t)(*s++ - '0');
		if (s == end) {
			*word = (int64_t)(minus ? -n : n);
			return PARSED;
		}
	}
	result = parquet_decimal_digits(t, v, &units);
	n = (uint64_t)units;
	*word = (int64_t)(minus ? -n : n);
	return result;
}

/* ---- dates and times ---- */

/* moment_read() would do; these functions are part of the loop over the values of
 * a column, which is faster. */

INLINE bool two_digits(const char *s, unsigned *n)
{
	unsigned high = (unsigned char)(s[0] - '0');
	unsigned low = (unsigned char)(s[1] - '0');

	*n = high * 10 + low;
	return high < 10 && low < 10;
}

/* Reads YYYY-MM-DD at *at and moves *at past it; the year may have more
 * digits. */
INLINE bool read_date(const char **at, const char *end, bool bc, int64_t *days)
{
	const char *s = *at;
	unsigned month, day;
	int64_t year = 0;

	while (s < end && digit(*s) && s - *at < 8)
		year = year * 10 + (*s++ - '0');
	if (s - *at < 4 || end - s < 6 || s[0] != '-' || s[3] != '-' ||
	    !two_digits(s + 1, &month) || !two_digits(s + 4, &day) ||
	    month - 1 > 11 || day - 1 > 30)
		return false;
	*at = s + 6;
	*days = calendar_days(bc ? 1 - year : year, month, day);
	return true;
}

/* Reads HH:MM:SS and up to 6 digits of a fraction at *at, and moves *at past
 * it. */
INLINE bool read_time(const char **at, const char *end, int64_t *micros)
{
	const char *s = *at;
	unsigned hour, minute, second;
	int64_t fraction = 0;
	int digits = 0;

	if (end - s < 8 || s[2] != ':' || s[5] != ':' ||
	    !two_digits(s, &hour) || !two_digits(s + 3, &minute) ||
	    !two_digits(s + 6, &second) || minute > 59 || second > 60)
		return false;
	s += 8;
	if (s < end && *s == '.') {
		for (s++; s < end && digit(*s) && digits < 6; s++, digits++)
			fraction = fraction * 10 + (*s - '0');
		if (digits == 0)
			return false;
		for (; digits < 6; digits++)
			fraction *= 10;
	}
	*at = s;
	*micros =
	    (int64_t)(hour * 3600 + minute * 60 + second) * 1000000 + fraction;
	return true;
}

/* Reads an offset: +HH, +HH:MM or +HH:MM:SS. */
INLINE bool read_offset(const char **at, const char *end, int64_t *micros)
{
	const char *s = *at;
	unsigned part, unit = 3600;
	int64_t seconds = 0;
	bool minus = s < end && *s == '-';

	if (s == end || (*s != '+' && !minus))
		return false;
	do {
		if (end - ++s < 2 || !two_digits(s, &part) || unit == 0)
			return false;
		seconds += part * unit;
		unit /= 60;
		s += 2;
	} while (s < end && *s == ':');
	*at = s;
	*micros = (minus ? -seconds : seconds) * 1000000;
	return true;
}

/* Returns whether the value is infinity or -infinity. */
static bool infinite(const struct value *v)
{
	return (v->len == 8 && memcmp(v->data, "infinity", 8) == 0) ||
	       (v->len == 9 && memcmp(v->data, "-infinity", 9) == 0);
}

INLINE bool is_bc(const struct value *v, const char **end)
{
	bool bc = v->len > 3 && memcmp(*end - 3, " BC", 3) == 0;

	if (bc)
		*end -= 3;
	return bc;
}

INLINE enum parsed date(
    const struct parquet_type *t, const struct value *v, int64_t *word)
{
	const char *s = v->data, *end = s + v->len;
	bool bc = is_bc(v, &end);

	(void)t;
	if (!read_date(&s, end, bc, word) || s != end)
		return infinite(v) ? LACKING : BROKEN;
	return *word == (int32_t)*word ? PARSED : LACKING;
}

INLINE enum parsed time_of_day(
    const struct parquet_type *t, const struct value *v, int64_t *word)
{
	const char *s = v->data, *end = s + v->len;

	(void)t;
	if (!read_time(&s, end, word) || s != end || *word > DAY)
		return BROKEN;
	return *word < DAY ? PARSED : LACKING; /* 24:00:00 */
}

INLINE enum parsed timestamp_at(const struct value *v, bool zone, int64_t *word)
{
	const char *s = v->data, *end = s + v->len;
	bool bc = is_bc(v, &end);
	int64_t days, micros, offset = 0;

	if (!read_date(&s, end, bc, &days) || s == end || *s++ != ' ' ||
	    !read_time(&s, end, &micros) ||
	    (zone && !read_offset(&s, end, &offset)) || s != end)
		return infinite(v) ? LACKING : BROKEN;
	if (__builtin_mul_overflow(days, DAY, word) ||
	    __builtin_add_overflow(*word, micros - offset, word))
		return LACKING;
	return PARSED;
}

INLINE enum parsed timestamp(
    const struct parquet_type *t, const struct value *v, int64_t *word)
{
	(void)t;
	return timestamp_at(v, false, word);
}

INLINE enum parsed timestamptz(
    const struct parquet_type *t, const struct value *v, int64_t *word)
{
	(void)t;
	return timestamp_at(v, true, word);
}

/* ---- whole columns ---- */

typedef enum parsed parse_word(
    const struct parquet_type *, const struct value *, int64_t *);

/* Parses a whole column. It is inlined once for each kind, with the parser of
 * the kind in the loop. */
INLINE int each_word(const struct parquet_type *t,
    const struct parquet_cells *c, parse_word *parse, int64_t *words,
    struct err *e)
{
	const struct value *v = c->values;
	int n = 0;

	for (int i = 0; i < c->count; i++, v += c->step) {
		enum parsed result;

		c->levels[i] = c->present - 1;
		if (v->len < 0)
			continue;
		result = parse(t, v, &words[n]);
		if (__builtin_expect(result != PARSED, 0)) {
			if (parquet_text_refuse(t, v, result, e) != 0)
				return -1;
			continue;
		}
		c->levels[i]++;
		n++;
	}
	return n;
}

int parquet_text_words(const struct parquet_type *t,
    const struct parquet_cells *c, int64_t *words, struct err *e)
{
	switch (t->kind) {
	case KIND_INTEGER:
		return each_word(t, c, integer, words, e);
	case KIND_DECIMAL:
		return each_word(t, c, decimal, words, e);
	case KIND_FLOAT:
		return each_word(t, c, real, words, e);
	case KIND_BOOLEAN:
		return each_word(t, c, boolean, words, e);
	case KIND_DATE:
		return each_word(t, c, date, words, e);
	case KIND_TIME:
		return each_word(t, c, time_of_day, words, e);
	case KIND_TIMESTAMP:
		return each_word(t, c, timestamp, words, e);
	default:
		return each_word(t, c, timestamptz, words, e);
	}
}
