/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_TABLE_ORDER_H
#define ENCODE_TABLE_ORDER_H

#include "rows/rows.h"

/* How values (not NULL) follow one another, as the server has it: minus infinity
 * first, NaN last. Kinds are those that have a minimum: numbers, intervals, dates
 * and times. */
enum order_rank {
	ORDER_MINUS,
	ORDER_FINITE,
	ORDER_PLUS,
	ORDER_NAN,
};
enum order_rank order_rank(const struct value *v);

/* Less than 0, 0 or more than 0. */
int order_compare(
    enum column_kind kind, const struct value *a, const struct value *b);

/* A value of KIND_FLOAT. */
double order_float(const struct value *v);

#endif
