/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_XLSX_NUMBER_H
#define ENCODE_XLSX_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "rows/rows.h"

/*
 * Values as the number of a cell. These have none and stay text, because Excel
 * would change or refuse them: integers of more than 15 digits, NaN and
 * infinities, floats too small to be normal, dates before March 1900 or after
 * 9999, 24:00:00, intervals that are negative or have months.
 */

#define XLSX_DIGITS 15     /* significant ones of a number in Excel */
#define XLSX_NUMBER_MAX 40 /* bytes that xlsx_number writes at most */

struct xlsx_rule {
	enum column_kind kind;
	/* Integers of more digits become numbers, too: somebody has chosen how
	 * they look. */
	bool rounds;
	bool scales;               /* each value's own decimals are asked for */
	const struct money *money; /* of MONEY */
	/* Times are cut at this many microseconds, so that no reader rounds up
	 * to the next second or day. */
	int64_t unit;
};

/* What to know of the number beside its digits. */
struct xlsx_shown {
	bool fraction; /* of a second */
	bool rounded;  /* it has more than 15 digits */
	bool lost;     /* and those cut off were not all zeros */
	int decimals;  /* places after the point, of numbers */
	int whole;     /* digits before it, of floats and what is rounded */
	bool exponent; /* a float's text has one */
};

/* The bytes written to `to`, 0 when it has to be text. *shown is from zeros. */
int xlsx_number(char *to, const struct xlsx_rule *rule, const struct value *v,
    struct xlsx_shown *shown);

#endif
