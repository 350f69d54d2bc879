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

/* The places of the characters in a number that are not digits; NULL: it does
 * not have them. */
struct number_parts {
	const char *point;
	const char *exponent; /* e or E */
};

/* Says whether the value is a number by JSON's grammar, which is PostgreSQL's
 * output except NaN and the infinities, and finds its parts. */
static inline bool number_parse(
    const struct value *v, struct number_parts *parts)
{
	const char *s = v->data, *end = s + v->len, *from;

	*parts = (struct number_parts){NULL, NULL};
	s += s < end && *s == '-';
	from = s;
	s = number_digits(s, end);
	if (s == from || (*from == '0' && s - from > 1))
		return false;
	if (s < end && *s == '.') {
		parts->point = s;
		from = ++s;
		s = number_digits(s, end);
		if (s == from)
			return false;
	}
	if (s < end && (*s == 'e' || *s == 'E')) {
		parts->exponent = s;
		s++;
		s += s < end && (*s == '+' || *s == '-');
		from = s;
		s = number_digits(s, end);
		if (s == from)
			return false;
	}
	return s == end;
}

/* A value of which number_parse is true may stand in a file without quotes and
 * escapes; the check does not rely on what a source says about the column. */
static inline bool number_is_plain(const struct value *v)
{
	struct number_parts unused;

	return number_parse(v, &unused);
}

/*
 * Returns how many bytes of a numeric without a declared scale are shown to
 * people. A division pads its result with zeros to at least 16 digits: 847.93
 * becomes 847.9300000000000000. When the value has more than NUMBER_TYPED
 * digits in all, and no more than that without the zeros at the end, these
 * zeros carry no information and are left out. 1.50 keeps its zero, and
 * 0.3333333333333333 all of its digits.
 */
#define NUMBER_TYPED 15
static inline int32_t number_shown(const struct value *v)
{
	const char *s = v->data, *end = s + v->len, *point, *first;

	if (v->len <= NUMBER_TYPED)
		return v->len;
	s += *s == '-';
	while (s < end && *s == '0')
		s++;
	point = number_digits(s, end);
	if (point == end || *point != '.' ||
	    number_digits(point + 1, end) != end || end - s - 1 <= NUMBER_TYPED)
		return v->len;
	while (end[-1] == '0')
		end--;
	if (end - 1 == point)
		return (int32_t)(point - v->data);
	for (first = s; *first == '0' || *first == '.';)
		first++;
	return end - first - (first < point) <= NUMBER_TYPED
		   ? (int32_t)(end - v->data)
		   : v->len;
}

#endif
