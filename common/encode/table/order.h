/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_TABLE_ORDER_H
#define ENCODE_TABLE_ORDER_H

#include "rows/rows.h"

/* Orders values (not NULL) as the server does: minus infinity first, NaN
 * last. It takes only kinds that have a minimum: numbers, intervals, dates
 * and times. */
enum order_rank {
	ORDER_MINUS,
	ORDER_FINITE,
	ORDER_PLUS,
	ORDER_NAN,
};
enum order_rank order_rank(const struct value *v);

/* Returns a number below, equal to or above 0 as a sorts before, with or after
 * b. */
int order_compare(
    enum column_kind kind, const struct value *a, const struct value *b);

/* Reads a value of KIND_FLOAT. */
double order_float(const struct value *v);

#endif
