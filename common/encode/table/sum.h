/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_TABLE_SUM_H
#define ENCODE_TABLE_SUM_H

#include <openssl/bn.h>

#include "base/buf.h"
#include "rows/rows.h"

__extension__ typedef __int128 sum_wide;

/*
 * The exact sum of decimal numbers, of any size and scale: `small` /
 * 10^small_scale, which nearly all sums stay in, plus `big` / 10^big_scale, which
 * takes what does not fit there. All zeros is 0.
 */
struct decimal_sum {
	sum_wide small;
	int small_scale;
	BIGNUM *big; /* NULL: zero */
	int big_scale;
};

/* Adds a number without exponent that is neither NaN nor infinite. */
void decimal_sum_add(struct decimal_sum *s, const struct value *v);
void decimal_sum_merge(struct decimal_sum *s, const struct decimal_sum *other);
void decimal_sum_clear(struct decimal_sum *s);
/* How many digits after the point it has. */
int decimal_sum_scale(const struct decimal_sum *s);
/* Appends it; the second one a count-th of it, rounded to `scale` digits after the
 * point, half away from zero. */
void decimal_sum_text(const struct decimal_sum *s, struct buf *out);
void decimal_sum_average(
    const struct decimal_sum *s, int64_t count, int scale, struct buf *out);

/* Neumaier's summation: exact but for the last bit, in nearly all cases. */
struct float_part {
	double sum, rest;
};
/* The sum of floats. Those that could pass the largest float on their way are
 * added up apart, in a unit in which they cannot. All zeros is 0. */
struct float_sum {
	struct float_part usual, huge;
};
void float_sum_add(struct float_sum *s, double x); /* a finite one */
void float_sum_merge(struct float_sum *s, const struct float_sum *other);
/* A count-th of it; infinite when no float is large enough. */
double float_sum_average(const struct float_sum *s, int64_t count);

#endif
