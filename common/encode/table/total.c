/* SPDX-License-Identifier: MIT */
#include "encode/table/total.h"

#include <ctype.h>
#include <float.h>
#include <math.h>
#include <openssl/bn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "rows/interval.h"
#include "rows/money.h"

/* What fits into 64 bits; two of them multiplied fit into 128. */
#define SMALL_DIGITS 18
#define TEXT_MAX ((size_t)1 << 20)

__extension__ typedef __int128 wide;

/*
 * A sum is `small` / 10^small_scale, which nearly all sums stay in, plus `big` /
 * 10^big_scale, which takes what does not fit there.
 */
struct state {
	int64_t count;
	wide small;
	int small_scale;
	BIGNUM *big; /* NULL: zero */
	int big_scale;
	double real, rest; /* of floats, by Neumaier's summation */
	struct interval elapsed;
	bool nan, plus, minus;
	struct buf best; /* the minimum or maximum so far */
};

struct totals {
	const struct layout *layout;
	const struct schema *schema;
	struct state *states;
};

struct totals *totals_open(
    const struct layout *layout, const struct schema *schema)
{
	struct totals *t = mem_zalloc(sizeof(*t));

	t->layout = layout;
	t->schema = schema;
	t->states = mem_zalloc((size_t)layout->count * sizeof(*t->states) + 1);
	for (int i = 0; i < layout->count; i++)
		buf_init(&t->states[i].best, TEXT_MAX);
	return t;
}

void totals_clear(struct totals *t)
{
	for (int i = 0; i < t->layout->count; i++) {
		struct state *s = &t->states[i];
		struct buf best = s->best;

		BN_free(s->big);
		buf_clear(&best);
		*s = (struct state){.best = best};
	}
}

void totals_free(struct totals *t)
{
	if (t == NULL)
		return;
	totals_clear(t);
	for (int i = 0; i < t->layout->count; i++)
		buf_free(&t->states[i].best);
	free(t->states);
	free(t);
}

/* A small allocation: no memory ends the process. */
static void must(int ok)
{
	if (!ok)
		abort();
}

enum {
	RANK_MINUS,
	RANK_FINITE,
	RANK_PLUS,
	RANK_NAN,
};

/* By which values are ordered first. */
static int rank(const struct value *v)
{
	if (v->len >= 3 && v->data[0] == 'N')
		return RANK_NAN;
	if (v->len >= 8 && memcmp(v->data + v->len - 5, "inity", 5) == 0)
		return v->data[0] == '-' ? RANK_MINUS : RANK_PLUS;
	return RANK_FINITE;
}

static BIGNUM *big_new(void)
{
	BIGNUM *b = BN_new();

	must(b != NULL);
	return b;
}

static void big_shift(BIGNUM *b, int digits)
{
	for (; digits > 0; digits -= SMALL_DIGITS) {
		BN_ULONG power = 1;

		for (int i = 0; i < digits && i < SMALL_DIGITS; i++)
			power *= 10;
		must(BN_mul_word(b, power));
	}
}

static BIGNUM *big_of(wide n)
{
	unsigned char bytes[16];
	BIGNUM *b;
	bool negative = n < 0;
	/* The least one has no positive partner. */
	__extension__ unsigned __int128 u = (unsigned __int128)n;

	if (negative)
		u = -u;
	for (int i = 15; i >= 0; i--, u >>= 8)
		bytes[i] = (unsigned char)u;
	b = BN_bin2bn(bytes, sizeof(bytes), NULL);
	must(b != NULL);
	BN_set_negative(b, negative);
	return b;
}

/* Takes b over. */
static void add_big(struct state *s, BIGNUM *b, int scale)
{
	if (s->big == NULL) {
		s->big = b;
		s->big_scale = scale;
		return;
	}
	if (scale < s->big_scale) {
		big_shift(b, s->big_scale - scale);
	} else {
		big_shift(s->big, scale - s->big_scale);
		s->big_scale = scale;
	}
	must(BN_add(s->big, s->big, b));
	BN_free(b);
}

static void spill(struct state *s)
{
	add_big(s, big_of(s->small), s->small_scale);
	s->small = 0;
}

static wide power_of_ten(int n)
{
	wide p = 1;

	while (n-- > 0)
		p *= 10;
	return p;
}

static void add_small(struct state *s, wide n, int scale)
{
	wide exact = n, sum;

	if (scale > s->small_scale) {
		if (__builtin_mul_overflow(
			s->small, power_of_ten(scale - s->small_scale), &sum)) {
			spill(s);
			sum = 0;
		}
		s->small = sum;
		s->small_scale = scale;
	} else if (__builtin_mul_overflow(
		       n, power_of_ten(s->small_scale - scale), &n)) {
		add_big(s, big_of(exact), scale);
		return;
	}
	if (__builtin_add_overflow(s->small, n, &sum)) {
		spill(s);
		sum = n;
	}
	s->small = sum;
}

/* NaN and the infinities: true when that is what it is. */
static bool add_special(struct state *s, const struct value *v)
{
	int r = rank(v);

	s->minus |= r == RANK_MINUS;
	s->plus |= r == RANK_PLUS;
	s->nan |= r == RANK_NAN;
	return r != RANK_FINITE;
}

/* Digits of any number of them, with or without a point. */
static void add_decimal(struct state *s, const struct value *v)
{
	const char *at = v->data, *end = at + v->len, *point;
	bool negative = *at == '-';
	char *digits;
	BIGNUM *b = NULL;
	int scale;
	int64_t n = 0;

	at += negative;
	point = memchr(at, '.', (size_t)(end - at));
	scale = point ? (int)(end - point - 1) : 0;
	if (end - at <= SMALL_DIGITS) {
		for (; at < end; at++) {
			if (at != point)
				n = n * 10 + *at - '0';
		}
		add_small(s, negative ? -n : n, scale);
		return;
	}
	digits = mem_strndup(v->data, (size_t)v->len);
	if (point != NULL) {
		size_t before = (size_t)(point - v->data);

		memmove(
		    digits + before, digits + before + 1, (size_t)scale + 1);
	}
	must(BN_dec2bn(&b, digits));
	free(digits);
	add_big(s, b, scale);
}

static double to_double(const struct value *v)
{
	char text[64];

	snprintf(text, sizeof(text), "%.*s", (int)v->len, v->data);
	return strtod(text, NULL);
}

static void add_real(struct state *s, double x)
{
	double sum = s->real + x;

	if (fabs(s->real) >= fabs(x))
		s->rest += (s->real - sum) + x;
	else
		s->rest += (x - sum) + s->real;
	s->real = sum;
}

static void add_interval(struct state *s, const struct interval *i)
{
	s->elapsed.months += i->months;
	s->elapsed.days += i->days;
	s->elapsed.micros += i->micros;
}

static void add(struct state *s, enum column_kind kind, const struct value *v)
{
	struct interval i;

	if (add_special(s, v))
		return;
	if (kind == KIND_FLOAT)
		add_real(s, to_double(v));
	else if (kind != KIND_INTERVAL)
		add_decimal(s, v);
	else if (interval_read(&i, v))
		add_interval(s, &i);
}

/* Order of values. */

static int compare_decimals(const struct value *a, const struct value *b)
{
	const struct value *v[2] = {a, b};
	const char *at[2], *end[2];
	long whole[2];
	bool negative[2];
	int r = 0;

	for (int i = 0; i < 2; i++) {
		at[i] = v[i]->data;
		end[i] = at[i] + v[i]->len;
		negative[i] = *at[i] == '-';
		at[i] += negative[i];
		while (at[i] < end[i] && *at[i] == '0')
			at[i]++;
		whole[i] = 0;
		while (at[i] + whole[i] < end[i] && at[i][whole[i]] != '.')
			whole[i]++;
	}
	if (negative[0] != negative[1])
		return negative[0] ? -1 : 1;
	if (whole[0] != whole[1])
		r = whole[0] < whole[1] ? -1 : 1;
	while (r == 0 && (at[0] < end[0] || at[1] < end[1])) {
		char x = at[0] < end[0] ? *at[0]++ : '0';
		char y = at[1] < end[1] ? *at[1]++ : '0';

		if (x == '.' || y == '.') /* the other has ended */
			continue;
		r = (x > y) - (x < y);
	}
	return negative[0] ? -r : r;
}

/* Days since 1970 in the proleptic Gregorian calendar (Howard Hinnant, "chrono-
 * Compatible Low-Level Date Algorithms"). */
static int64_t days_from_civil(int64_t y, int m, int d)
{
	int64_t era, of_era, of_year;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	of_era = y - era * 400;
	of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
	       of_year - 719468;
}

/* Microseconds, of UTC where there is an offset. */
static wide instant(enum column_kind kind, const struct value *v)
{
	char text[64], *s = text;
	int64_t days = 0;
	int64_t us = 0;
	long part[3] = {0};

	snprintf(text, sizeof(text), "%.*s", (int)v->len, v->data);
	if (kind != KIND_TIME && kind != KIND_TIMETZ) {
		int64_t year = strtoll(s, &s, 10);
		/* Its minus signs are separators. */
		int month = (int)-strtol(s, &s, 10);
		int day = (int)-strtol(s, &s, 10);

		if (strstr(s, " BC") != NULL)
			year = 1 - year;
		days = days_from_civil(year, month, day);
	}
	for (int i = 0; i < 3 && kind != KIND_DATE; i++) {
		part[i] = strtol(s, &s, 10);
		s += *s == ':';
	}
	if (*s == '.') {
		int64_t unit = 100000;

		for (s++; isdigit((unsigned char)*s); s++, unit /= 10)
			us += unit * (*s - '0');
	}
	us += ((part[0] * 60 + part[1]) * 60 + part[2]) * INT64_C(1000000);
	if (*s == '+' || *s == '-') {
		int64_t sign = *s == '-' ? -1 : 1, seconds = 0;

		s++;
		for (int64_t unit = 3600;
		     unit > 0 && isdigit((unsigned char)*s); unit /= 60) {
			seconds += unit * strtol(s, &s, 10);
			s += *s == ':';
		}
		us -= sign * seconds * 1000000;
	}
	return (wide)days * 86400 * 1000000 + us;
}

static wide order(enum column_kind kind, const struct value *v)
{
	struct interval i;

	if (kind != KIND_INTERVAL)
		return instant(kind, v);
	return interval_read(&i, v) ? interval_order(&i) : 0;
}

static int compare(
    enum column_kind kind, const struct value *a, const struct value *b)
{
	int ra = rank(a), rb = rank(b);

	if (ra != rb || ra != RANK_FINITE)
		return (ra > rb) - (ra < rb);
	if (kind == KIND_INTEGER || kind == KIND_DECIMAL)
		return compare_decimals(a, b);
	if (kind == KIND_FLOAT) {
		double x = to_double(a), y = to_double(b);

		return (x > y) - (x < y);
	}
	wide x = order(kind, a), y = order(kind, b);

	return (x > y) - (x < y);
}

static void take_best(struct state *s, enum column_kind kind,
    const struct value *v, enum total total)
{
	struct value best = {s->best.data, (int32_t)s->best.len};

	if (s->count > 0) {
		int r = compare(kind, v, &best);

		if (total == TOTAL_MIN ? r >= 0 : r <= 0)
			return;
	}
	buf_clear(&s->best);
	buf_add(&s->best, v->data, (size_t)v->len);
}

/* Money is added up as the decimal number that it is. */
static enum column_kind kind_of(const struct column *c)
{
	return c->kind == KIND_MONEY ? KIND_DECIMAL : c->kind;
}

static const struct value *amount(const struct column *c, const struct value *v,
    char decimal[MONEY_MAX], struct value *number)
{
	static const struct value unknown = {"NaN", 3};

	if (c->kind != KIND_MONEY)
		return v;
	return money_read(c->money, v, decimal, number) ? number : &unknown;
}

void totals_row(struct totals *t, const struct value *row)
{
	char decimal[MONEY_MAX];
	struct value number;
	const struct value *v;

	for (int i = 0; i < t->layout->count; i++) {
		enum total total = t->layout->columns[i].total;
		enum column_kind kind = kind_of(&t->schema->columns[i]);
		struct state *s = &t->states[i];

		if (total == TOTAL_NONE || row[i].len < 0)
			continue;
		if (total == TOTAL_COUNT) {
			s->count++;
			continue;
		}
		v = amount(&t->schema->columns[i], &row[i], decimal, &number);
		if (total == TOTAL_MIN || total == TOTAL_MAX)
			take_best(s, kind, v, total);
		else
			add(s, kind, v);
		s->count++;
	}
}

void totals_merge(struct totals *t, const struct totals *group)
{
	for (int i = 0; i < t->layout->count; i++) {
		enum total total = t->layout->columns[i].total;
		struct state *s = &t->states[i];
		const struct state *g = &group->states[i];

		if (g->count == 0)
			continue;
		if (total == TOTAL_MIN || total == TOTAL_MAX)
			take_best(s, kind_of(&t->schema->columns[i]),
			    &(struct value){g->best.data, (int32_t)g->best.len},
			    total);
		add_small(s, g->small, g->small_scale);
		if (g->big != NULL) {
			BIGNUM *copy = BN_dup(g->big);

			must(copy != NULL);
			add_big(s, copy, g->big_scale);
		}
		add_real(s, g->real);
		add_real(s, g->rest);
		add_interval(s, &g->elapsed);
		s->nan |= g->nan;
		s->plus |= g->plus;
		s->minus |= g->minus;
		s->count += g->count;
	}
}

/* Results. */

static void put_big(BIGNUM *b, int scale, struct buf *out)
{
	char *digits;
	size_t len;

	if (BN_is_negative(b))
		buf_char(out, '-');
	BN_set_negative(b, 0);
	digits = BN_bn2dec(b);
	must(digits != NULL);
	len = strlen(digits);
	if ((size_t)scale < len) {
		buf_add(out, digits, len - (size_t)scale);
	} else {
		buf_char(out, '0');
	}
	if (scale > 0) {
		buf_char(out, '.');
		for (size_t i = len; i < (size_t)scale; i++)
			buf_char(out, '0');
		buf_str(
		    out, (size_t)scale < len ? digits + len - scale : digits);
	}
	OPENSSL_free(digits);
}

/* The absolute value of n / count at `scale`, half away from zero. */
static void divide(BIGNUM *n, int *scale, int wanted, int64_t count)
{
	bool negative = BN_is_negative(n);
	BN_CTX *context = BN_CTX_new();
	BIGNUM *by = big_of(count), *rest = big_new();

	must(context != NULL);
	BN_set_negative(n, 0);
	big_shift(*scale < wanted ? n : by,
	    *scale < wanted ? wanted - *scale : *scale - wanted);
	must(BN_div(n, rest, n, by, context) && BN_lshift1(rest, rest));
	if (BN_cmp(rest, by) >= 0)
		must(BN_add_word(n, 1));
	BN_set_negative(n, negative && !BN_is_zero(n));
	*scale = wanted;
	BN_free(by);
	BN_free(rest);
	BN_CTX_free(context);
}

static void put_exact(const struct state *s, const struct column *column,
    bool average, struct buf *out)
{
	struct state sum = {
	    .big = big_of(s->small), .big_scale = s->small_scale};
	int scale;

	if (s->big != NULL) {
		BIGNUM *copy = BN_dup(s->big);

		must(copy != NULL);
		add_big(&sum, copy, s->big_scale);
	}
	scale = column->precision > 0 && column->scale >= 0 ? column->scale
							    : sum.big_scale;
	if (average && column->kind == KIND_MONEY)
		divide(sum.big, &sum.big_scale, column->money->scale, s->count);
	else if (average)
		divide(sum.big, &sum.big_scale, scale + 2, s->count);
	put_big(sum.big, sum.big_scale, out);
	BN_free(sum.big);
}

/* The fewest digits that mean this number or, of a fraction, one as near as a
 * sum of doubles is right: 0.1 and 0.2 are 0.3, not 0.30000000000000004. */
static void put_real(double x, struct buf *out)
{
	double noise = x == trunc(x) ? 0 : DBL_EPSILON * fabs(x);
	char text[40];

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, x);
		if (fabs(strtod(text, NULL) - x) <= noise)
			break;
	}
	buf_str(out, isinf(x) ? x < 0 ? "-Infinity" : "Infinity" : text);
}

static void put_interval(const struct state *s, bool average, struct buf *out)
{
	struct interval i = s->elapsed;

	if (average)
		interval_divide(&i, s->count);
	interval_write(&i, out);
}

/* In place of the number that it is. */
static void write_money(const struct money *m, struct buf *out)
{
	char *decimal = mem_strndup(out->data, out->len);

	buf_clear(out);
	money_write(m, decimal, out);
	free(decimal);
}

bool totals_text(
    const struct totals *t, int column, struct buf *out, enum column_kind *kind)
{
	const struct state *s = &t->states[column];
	const struct column *c = &t->schema->columns[column];
	enum total total = t->layout->columns[column].total;

	buf_clear(out);
	*kind = c->kind;
	if (total == TOTAL_NONE || (s->count == 0 && total != TOTAL_COUNT))
		return false;
	if (total == TOTAL_COUNT) {
		*kind = KIND_INTEGER;
		buf_printf(out, "%lld", (long long)s->count);
	} else if (total == TOTAL_MIN || total == TOTAL_MAX) {
		buf_add(out, s->best.data, s->best.len);
	} else if (s->nan || (s->plus && s->minus)) {
		buf_str(out, "NaN");
	} else if (s->plus || s->minus) {
		buf_str(out, s->minus ? "-" : "");
		buf_str(
		    out, c->kind == KIND_INTERVAL ? "infinity" : "Infinity");
	} else if (c->kind == KIND_INTERVAL) {
		put_interval(s, total == TOTAL_AVG, out);
	} else if (c->kind == KIND_FLOAT) {
		double sum = s->real + s->rest;

		put_real(
		    total == TOTAL_AVG ? sum / (double)s->count : sum, out);
	} else {
		put_exact(s, c, total == TOTAL_AVG, out);
		if (total == TOTAL_AVG && c->kind == KIND_INTEGER)
			*kind = KIND_DECIMAL;
	}
	if (*kind == KIND_MONEY && *out->data != 'N')
		write_money(c->money, out);
	return true;
}
