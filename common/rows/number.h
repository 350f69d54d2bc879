/* SPDX-License-Identifier: MIT */
#ifndef ROWS_NUMBER_H
#define ROWS_NUMBER_H

#include <stdbool.h>

#include "rows/rows.h"

static inline const char *number_digits(const char *s, const char *end)
{
	while (s < end && *s >= '0' && *s <= '9')
		s++;
	return s;
}

/* By JSON's grammar, which is PostgreSQL's output but for NaN and the infinities:
 * a number that may stand in a file without quotes and escapes, whoever says that
 * its column is one of numbers. */
static inline bool number_is_plain(const struct value *v)
{
	const char *s = v->data, *end = s + v->len, *from;

	s += s < end && *s == '-';
	from = s;
	s = number_digits(s, end);
	if (s == from || (*from == '0' && s - from > 1))
		return false;
	if (s < end && *s == '.') {
		from = ++s;
		s = number_digits(s, end);
		if (s == from)
			return false;
	}
	if (s < end && (*s == 'e' || *s == 'E')) {
		s++;
		s += s < end && (*s == '+' || *s == '-');
		from = s;
		s = number_digits(s, end);
		if (s == from)
			return false;
	}
	return s == end;
}

#endif
