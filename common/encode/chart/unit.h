/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_CHART_UNIT_H
#define ENCODE_CHART_UNIT_H

#include <stdbool.h>
#include <stddef.h>

#include "rows/rows.h"

/* Finds the largest unit of time in which all dates or times of a column can be
 * told: whole years, months, days, minutes or seconds. Begins all zero. */
struct chart_unit {
	int rows;
	bool any; /* one that is not NULL */
	bool odd; /* one of another shape, such as infinity or 44 BC */
	/* one that is not the first second, minute of the day, day or month */
	bool second, minute, day, month;
};

/* Adds a value of a kind that kind_is_moment(). */
void chart_unit_add(
    struct chart_unit *u, enum column_kind kind, const struct value *v);

/* Returns how many bytes of 2026-03-29 14:00:00, or of 14:00:00 for times, show
 * all values: up to the year, month, day, minute or second. 0: whole values. */
size_t chart_unit_length(const struct chart_unit *u, enum column_kind kind);

#endif
