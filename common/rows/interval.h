/* SPDX-License-Identifier: MIT */
#ifndef ROWS_INTERVAL_H
#define ROWS_INTERVAL_H

#include "base/buf.h"
#include "rows/rows.h"

__extension__ typedef __int128 interval_micros;

/* The three parts of an interval that PostgreSQL keeps apart: a month has no
 * fixed number of days, and a day no fixed number of hours. The fields are wide
 * enough for sums of many intervals. */
struct interval {
	int64_t months, days;
	interval_micros micros;
};

/* Reads a text in the intervalstyle postgres: 1 year -2 mons +3 days
 * 04:05:06.7. Returns false for infinity and for any other text. */
bool interval_read(struct interval *i, const struct value *v);

/* Replaces what `out` holds by the text that PostgreSQL would write. */
void interval_write(const struct interval *i, struct buf *out);

/* Returns the length in microseconds by which PostgreSQL orders intervals: a
 * month counts as 30 days, a day as 24 hours. */
interval_micros interval_order(const struct interval *i);

/* Divides *i by count as PostgreSQL does: the rest of the months becomes days,
 * the rest of the days becomes hours. */
void interval_divide(struct interval *i, int64_t count);

#endif
