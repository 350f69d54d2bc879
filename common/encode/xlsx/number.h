/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_XLSX_NUMBER_H
#define ENCODE_XLSX_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "rows/rows.h"

/*
 * Writes a value as the number of a cell. These values stay text, because Excel
 * would change or refuse them as numbers: integers of more than 15 digits, NaN
 * and infinities, floats too small to be normal, dates before March 1900 or
 * after 9999, 24:00:00, and intervals that are negative, have months or are of
 * 49,710 days or longer.
 */

#define XLSX_DIGITS 15     /* significant digits of a number in Excel */
#define XLSX_NUMBER_MAX 40 /* most bytes that xlsx_number writes */

struct xlsx_rule {
	enum column_kind kind;
	/* Integers of more digits become rounded numbers, as the options choose
	 * a format for them. */
	bool rounds;
	const struct money *money; /* for KIND_MONEY */
	/* Times are cut at this many microseconds, so that no reader rounds up
	 * to the next second or day. */
	int64_t unit;
};

/* Properties of the written number. */
struct xlsx_shown {
	bool fraction; /* the value has a fraction of a second */
	bool rounded;  /* the value has more than 15 digits */
	/* `rounded`, and a digit that was cut off was not zero */
	bool lost;
	int decimals;  /* for numbers: places after the point */
	int whole;     /* for floats and rounded numbers: digits before it */
	bool exponent; /* the text of a float has an exponent */
};

/* Writes the number to `to` and returns its length in bytes; 0 when the value
 * must be text. *shown is all zeros on entry. */
int xlsx_number(char *to, const struct xlsx_rule *rule, const struct value *v,
    struct xlsx_shown *shown);

#endif
