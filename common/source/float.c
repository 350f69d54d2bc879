/* SPDX-License-Identifier: MIT */
#include "source/number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/*
 * The shortest text of a double, by the algorithm of R. Giulietti, "The Schubfach
 * way to render doubles" (2021). A double is c x 2^q. With a power 10^k of the
 * size of the gap between two doubles, the numbers s x 10^k and (s+1) x 10^k
 * are the only candidates: at least one of them lies between the middles of the
 * gaps to the neighbours. All comparisons are made with 4 v x 10^-k, rounded to
 * odd, for which 126 bits of 10^-k are enough. As in PostgreSQL a text in the
 * very middle of a gap does not count, though most programs read it alike.
 */
#define MANTISSA_BITS 52
#define LEAST_Q (-1074)
#define LEAST_K (-324)
#define MOST_K 292
#define POWER_BITS 126
#define LOW_63 INT64_MAX

/* The highest 126 bits of 10^-k, plus one unit, in two halves. */
struct power {
	uint64_t high, low;
};
struct powers {
	struct power of[MOST_K - LEAST_K + 1];
};

/* ---- the powers of ten, by exact long arithmetic ---- */

/* A whole number, the lowest word first: 10^324 has 1077 bits, and a reciprocal
 * of it needs 126 more. */
#define WORDS 40
struct number {
	uint32_t words[WORDS];
};

static void multiply(struct number *n, uint32_t by)
{
	uint64_t carry = 0;

	for (int i = 0; i < WORDS; i++) {
		carry += (uint64_t)n->words[i] * by;
		n->words[i] = (uint32_t)carry;
		carry >>= 32;
	}
}

static void divide(struct number *n, uint32_t by)
{
	uint64_t rest = 0;

	for (int i = WORDS - 1; i >= 0; i--) {
		rest = rest << 32 | n->words[i];
		n->words[i] = (uint32_t)(rest / by);
		rest %= by;
	}
}

/* Returns the bit with this index; indices below zero are zeros. */
static uint32_t bit_of(const struct number *n, int i)
{
	return i < 0 ? 0 : n->words[i / 32] >> (i % 32) & 1;
}

/* Takes the highest 126 bits. */
static struct power round_up(const struct number *n)
{
	int top = WORDS * 32 - 1;
	uhuge bits = 0;

	while (bit_of(n, top) == 0)
		top--;
	for (int i = 0; i < POWER_BITS; i++)
		bits = bits << 1 | bit_of(n, top - i);
	bits++;
	return (struct power){(uint64_t)(bits >> 63), (uint64_t)bits & LOW_63};
}

struct powers *powers_open(void)
{
	struct powers *p = mem_zalloc(sizeof(*p));
	struct number n = {{1}};

	for (int k = 0; k >= LEAST_K; k--) {
		p->of[k - LEAST_K] = round_up(&n);
		multiply(&n, 10);
	}
	n = (struct number){{0}};
	n.words[WORDS - 1] = 0x80000000;
	for (int k = 1; k <= MOST_K; k++) {
		divide(&n, 10);
		p->of[k - LEAST_K] = round_up(&n);
	}
	return p;
}

void powers_close(struct powers *p)
{
	free(p);
}

/* ---- the digits ---- */

/* A positive number, digits x 10^exponent. */
struct digits {
	uint64_t digits;
	int exponent;
};

/* Whole parts of logarithms, by fixed-point factors; exact for all exponents of
 * doubles. */
static int log10_of_2_to(int q)
{
	return (int)((q * INT64_C(661971961083)) >> 41);
}

/* log10 of 3/4 x 2^q */
static int log10_of_3_4_to(int q)
{
	return (int)((q * INT64_C(661971961083) - INT64_C(274743187321)) >> 41);
}

static int log2_of_10_to(int k)
{
	return (int)((k * INT64_C(913124641741)) >> 38);
}

/* Returns g x n / 2^127, rounded to odd: the last bit is set when anything was
 * cut off. */
static uint64_t scale(struct power g, uint64_t n)
{
	uint64_t low = (uint64_t)(((uhuge)g.low * n) >> 64);
	uhuge high = (uhuge)g.high * n;
	uint64_t rest = ((uint64_t)high >> 1) + low;
	uint64_t whole = (uint64_t)(high >> 64) + (rest >> 63);

	return whole | ((rest & LOW_63) != 0);
}

static struct digits shortest(const struct powers *p, uint64_t c, int q)
{
	uint64_t four = c << 2, below, above, v, s;
	bool regular = c != UINT64_C(1) << MANTISSA_BITS || q == LEAST_Q;
	int k = regular ? log10_of_2_to(q) : log10_of_3_4_to(q);
	int h = q + log2_of_10_to(-k) + 2;
	struct power g = p->of[k - LEAST_K];

	below = scale(g, (four - (regular ? 2 : 1)) << h) + 1;
	above = scale(g, (four + 2) << h) - 1;
	v = scale(g, four << h);
	s = v >> 2;
	if (s >= 10) {
		uint64_t tens = s / 10 * 10;
		bool down = below <= tens << 2, up = (tens + 10) << 2 <= above;

		if (down != up)
			return (struct digits){down ? tens : tens + 10, k};
	}
	if ((below <= s << 2) != ((s + 1) << 2 <= above))
		return (struct digits){below <= s << 2 ? s : s + 1, k};
	/* Both fit: the nearer one, of equal ones the even one. */
	if (v < (2 * s + 1) << 1 || (v == (2 * s + 1) << 1 && (s & 1) == 0))
		return (struct digits){s, k};
	return (struct digits){s + 1, k};
}

/* Numbers that people write have few digits. m / 10^n is rounded correctly when
 * both are exact, so the first n whose quotient is v gives the digits. */
static bool few_digits(double v, struct digits *d)
{
	static const double tens[] = {1, 1e1, 1e2, 1e3, 1e4};

	for (int n = 0; n < (int)(sizeof(tens) / sizeof(*tens)); n++) {
		double m = v * tens[n];

		if (m >= 1e15)
			return false;
		d->digits = (uint64_t)(m + 0.5);
		d->exponent = -n;
		if ((double)d->digits / tens[n] == v)
			return true;
	}
	return false;
}

static void drop_zeros(struct digits *d)
{
	while (d->digits >= 100000000 && d->digits % 100000000 == 0) {
		d->digits /= 100000000;
		d->exponent += 8;
	}
	while (d->digits % 10 == 0) {
		d->digits /= 10;
		d->exponent++;
	}
}

/* ---- the text ---- */

static char *put_exponent(int power, char *to)
{
	*to++ = 'e';
	*to++ = power < 0 ? '-' : '+';
	power = power < 0 ? -power : power;
	if (power >= 100)
		*to++ = (char)('0' + power / 100);
	*to++ = (char)('0' + power / 10 % 10);
	*to++ = (char)('0' + power % 10);
	return to;
}

/* Writes as printf's %g does with `sure` digits: the exponent appears below -4,
 * and from `sure` on. */
static char *put(const struct digits *d, int sure, char *to)
{
	char digits[NUMBER_MAX];
	int n = (int)number_unsigned(d->digits, digits);
	int power = d->exponent + n - 1, whole = power + 1;

	if (power < -4 || power >= sure) {
		*to++ = digits[0];
		if (n > 1)
			*to++ = '.';
		memcpy(to, digits + 1, (size_t)n - 1);
		return put_exponent(power, to + n - 1);
	}
	if (whole <= 0) {
		memcpy(to, "0.0000", 2 + (size_t)-whole);
		to += 2 - whole;
		memcpy(to, digits, (size_t)n);
		return to + n;
	}
	if (whole >= n) {
		memcpy(to, digits, (size_t)n);
		memset(to + n, '0', (size_t)(whole - n));
		return to + whole;
	}
	memcpy(to, digits, (size_t)whole);
	to[whole] = '.';
	memcpy(to + whole + 1, digits + whole, (size_t)(n - whole));
	return to + n + 1;
}

/* Writes the sign, and the values that have no digits. Returns NULL when
 * nothing follows. */
static char *put_sign(double v, char *to, size_t *len)
{
	const char *word = isnan(v) ? "NaN" : isinf(v) ? "Infinity" : "0";
	char *p = to;

	if (signbit(v) && !isnan(v))
		*p++ = '-';
	if (isfinite(v) && v != 0)
		return p;
	memcpy(p, word, strlen(word));
	*len = (size_t)(p - to) + strlen(word);
	return NULL;
}

size_t number_double(
    const struct powers *p, double v, char to[static NUMBER_MAX])
{
	size_t len = 0;
	char *at = put_sign(v, to, &len);
	struct digits d;
	uint64_t bits, c;
	int q;

	if (at == NULL)
		return len;
	v = fabs(v);
	if (v < 1e-3 || !few_digits(v, &d)) {
		memcpy(&bits, &v, sizeof(bits));
		q = (int)(bits >> MANTISSA_BITS);
		c = bits & ((UINT64_C(1) << MANTISSA_BITS) - 1);
		if (q > 0)
			c |= UINT64_C(1) << MANTISSA_BITS;
		d = shortest(p, c, (q > 0 ? q - 1 : 0) + LEAST_Q);
		drop_zeros(&d);
	}
	return (size_t)(put(&d, DBL_DIG, at) - to);
}

/* Floats are rarer, and at most 9 of their digits count. */
size_t number_float(float v, char to[static NUMBER_MAX])
{
	size_t len = 0;
	char *at = put_sign((double)v, to, &len), text[32];
	struct digits d = {0};

	if (at == NULL)
		return len;
	v = fabsf(v);
	for (int n = 0; n < FLT_DECIMAL_DIG; n++) {
		snprintf(text, sizeof(text), "%.*e", n, (double)v);
		if (strtof(text, NULL) == v)
			break;
	}
	for (const char *s = text; *s != 'e'; s++) {
		if (*s != '.')
			d.digits = d.digits * 10 + (uint64_t)(*s - '0');
	}
	d.exponent = atoi(strchr(text, 'e') + 1) -
		     (int)(strcspn(text, "e") - (text[1] == '.')) + 1;
	drop_zeros(&d);
	return (size_t)(put(&d, FLT_DIG, at) - to);
}
