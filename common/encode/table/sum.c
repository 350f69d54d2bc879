/* SPDX-License-Identifier: MIT */
#include "encode/table/sum.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Numbers of this many digits fit into 64 bits; the product of two fits into
 * 128. */
#define SMALL_DIGITS 18
/* Floats from HUGE_FROM on are added up in units of HUGE_UNIT. */
#define HUGE_UNIT 0x1p200
#define HUGE_FROM 0x1p900

/* Ends the process when a small allocation fails. */
static void must(int ok)
{
	if (!ok)
		abort();
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

static BIGNUM *big_of(sum_wide n)
{
	unsigned char bytes[16];
	BIGNUM *b;
	bool negative = n < 0;
	/* The least negative number has no positive partner. */
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

/* Adds b / 10^scale to the sum and takes ownership of b. */
static void add_big(struct decimal_sum *s, BIGNUM *b, int scale)
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

static void spill(struct decimal_sum *s)
{
	add_big(s, big_of(s->small), s->small_scale);
	s->small = 0;
}

static sum_wide power_of_ten(int n)
{
	sum_wide p = 1;

	while (n-- > 0)
		p *= 10;
	return p;
}

static void add_small(struct decimal_sum *s, sum_wide n, int scale)
{
	sum_wide exact = n, sum;

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

/* The number may have any count of digits, with or without a point. */
void decimal_sum_add(struct decimal_sum *s, const struct value *v)
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

void decimal_sum_merge(struct decimal_sum *s, const struct decimal_sum *other)
{
	BIGNUM *copy;

	add_small(s, other->small, other->small_scale);
	if (other->big == NULL)
		return;
	copy = BN_dup(other->big);
	must(copy != NULL);
	add_big(s, copy, other->big_scale);
}

void decimal_sum_clear(struct decimal_sum *s)
{
	BN_free(s->big);
	*s = (struct decimal_sum){0};
}

/* Returns the sum as one big number, which the caller clears. */
static struct decimal_sum whole(const struct decimal_sum *s)
{
	struct decimal_sum sum = {
	    .big = big_of(s->small), .big_scale = s->small_scale};

	if (s->big != NULL) {
		BIGNUM *copy = BN_dup(s->big);

		must(copy != NULL);
		add_big(&sum, copy, s->big_scale);
	}
	return sum;
}

int decimal_sum_scale(const struct decimal_sum *s)
{
	return s->big != NULL && s->big_scale > s->small_scale ? s->big_scale
							       : s->small_scale;
}

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

/* Divides n by count and rounds to `wanted` digits after the point, half away
 * from zero. */
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

void decimal_sum_text(const struct decimal_sum *s, struct buf *out)
{
	struct decimal_sum sum = whole(s);

	put_big(sum.big, sum.big_scale, out);
	decimal_sum_clear(&sum);
}

void decimal_sum_average(
    const struct decimal_sum *s, int64_t count, int scale, struct buf *out)
{
	struct decimal_sum sum = whole(s);

	divide(sum.big, &sum.big_scale, scale, count);
	put_big(sum.big, sum.big_scale, out);
	decimal_sum_clear(&sum);
}

static void add_to(struct float_part *r, double x)
{
	double sum = r->sum + x;

	if (fabs(r->sum) >= fabs(x))
		r->rest += (r->sum - sum) + x;
	else
		r->rest += (x - sum) + r->sum;
	r->sum = sum;
}

void float_sum_add(struct float_sum *s, double x)
{
	if (fabs(x) < HUGE_FROM)
		add_to(&s->usual, x);
	else
		add_to(&s->huge, x / HUGE_UNIT);
}

void float_sum_merge(struct float_sum *s, const struct float_sum *other)
{
	add_to(&s->usual, other->usual.sum);
	add_to(&s->usual, other->usual.rest);
	add_to(&s->huge, other->huge.sum);
	add_to(&s->huge, other->huge.rest);
}

double float_sum_average(const struct float_sum *s, int64_t count)
{
	double usual = s->usual.sum + s->usual.rest;
	double huge = s->huge.sum + s->huge.rest;

	if (huge == 0)
		return usual / (double)count;
	return (huge + usual / HUGE_UNIT) / (double)count * HUGE_UNIT;
}
