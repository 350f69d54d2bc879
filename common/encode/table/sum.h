/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_TABLE_SUM_H
#define ENCODE_TABLE_SUM_H

#include <openssl/bn.h>

#include "base/buf.h"
#include "rows/rows.h"

__extension__ typedef __int128 sum_wide;

/*
 * Holds the exact sum of decimal numbers of any size and scale: small /
 * 10^small_scale, enough for nearly all sums, plus big / 10^big_scale for
 * numbers that do not fit there. An all-zero struct is the sum 0.
 */
struct decimal_sum {
	sum_wide small;
	int small_scale;
	BIGNUM *big; /* NULL: zero */
	int big_scale;
};

/* Adds a number that has no exponent and is neither NaN nor infinite. */
void decimal_sum_add(struct decimal_sum *s, const struct value *v);
void decimal_sum_merge(struct decimal_sum *s, const struct decimal_sum *other);
void decimal_sum_clear(struct decimal_sum *s);
/* Returns how many digits the sum has after the point. */
int decimal_sum_scale(const struct decimal_sum *s);
/* decimal_sum_text appends the sum to out; decimal_sum_average appends the sum
 * divided by count, rounded to `scale` digits after the point, half away from
 * zero. */
void decimal_sum_text(const struct decimal_sum *s, struct buf *out);
void decimal_sum_average(
    const struct decimal_sum *s, int64_t count, int scale, struct buf *out);

/* A running sum by Neumaier's method, which in nearly all cases is exact but
 * for the last bit. */
struct float_part {
	double sum, rest;
};
/* Holds a sum of floats. Floats large enough that their sum could overflow are
 * added up separately, in a unit in which it cannot. An all-zero struct is the
 * sum 0. */
struct float_sum {
	struct float_part usual, huge;
};
void float_sum_add(struct float_sum *s, double x); /* x is finite */
void float_sum_merge(struct float_sum *s, const struct float_sum *other);
/* Returns the sum divided by count; infinite when no float is large enough. */
double float_sum_average(const struct float_sum *s, int64_t count);

#endif
