/* SPDX-License-Identifier: MIT */
#ifndef ROWS_INTERVAL_H
#define ROWS_INTERVAL_H

#include "base/buf.h"
#include "rows/rows.h"

__extension__ typedef __int128 interval_micros;

/* What PostgreSQL keeps of an interval: a month has no fixed number of days,
 * and a day none of hours. Sums of many have room in it. */
struct interval {
	int64_t months, days;
	interval_micros micros;
};

/* Of a text in the intervalstyle postgres: 1 year -2 mons +3 days 04:05:06.7.
 * False for infinity. */
bool interval_read(struct interval *i, const struct value *v);

/* The text that PostgreSQL would write. */
void interval_write(const struct interval *i, struct buf *out);

/* In microseconds, as PostgreSQL orders intervals: a month is 30 days, a day
 * 24 hours. */
interval_micros interval_order(const struct interval *i);

/* i / count, as PostgreSQL divides: what is left of months becomes days, what
 * is left of days becomes hours. */
void interval_divide(struct interval *i, int64_t count);

#endif
