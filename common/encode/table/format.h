/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_TABLE_FORMAT_H
#define ENCODE_TABLE_FORMAT_H

#include "base/buf.h"
#include "base/err.h"
#include "rows/rows.h"

/*
 * Reads number format codes of spreadsheets (ECMA-376 part 1, 18.8.31), and
 * shows values by them as Excel does, for the formats that write text:
 *
 *	0 # ? . , %	digits, thousands, percent; trailing commas
 *			divide by 1000
 *	E+00		exponents
 *	# ?/? # ?/8	fractions
 *	y m d h s AM/PM	dates and times, .0 to .000 of a second; names are
 *			English
 *	[h] [m] [s]	the whole length of a time or an interval
 *	a;b;c;d		positive, negative, zero, text; or [>=100]a;[<0]b;c
 *	"…" \x _x *x	literal text, a space, nothing
 *	[$€-407] [Red]	the currency; nothing: text has no colour here
 *	General @	a number in up to 11 characters; a text
 *
 * Numbers are computed as decimal text: results are exact and rounded half away
 * from zero. Times are cut at the last unit that is shown. A number that is
 * shown as zero has no minus sign, unless a section for negative numbers has
 * one.
 */
struct format;

/* Returns NULL with *e, which names code and place, for a code that Excel
 * cannot read. */
struct format *format_open(const char *code, struct err *e);
void format_close(struct format *f); /* accepts NULL */

/* Sets how KIND_MONEY values are written. `money` must outlive f. Without a
 * call, a money value is appended unchanged. */
void format_set_money(struct format *f, const struct money *money);

/* The kind of value that a code shows, read from its first section. */
enum format_use {
	FORMAT_ANY, /* General, @, nothing but literal text */
	FORMAT_NUMBERS,
	FORMAT_DATES,     /* the code has a year, month or day */
	FORMAT_TIMES,     /* the code has hours, minutes, seconds only */
	FORMAT_DURATIONS, /* the same, with a unit in brackets: [h] */
};
enum format_use format_use(const struct format *f);

/* Returns how many sections the code has for numbers, 1 to 3. */
int format_sections(const struct format *f);
/* Returns whether the first section has a condition such as [>=100]. */
bool format_has_condition(const struct format *f);

/* Returns how many digits of a second's fraction the code shows, 0 to 3. */
int format_second_digits(const struct format *f);

/* Refuses a code with names of months and days in a language other than
 * English: only spreadsheets have those names. */
int format_check_language(const struct format *f, struct err *e);

/* Appends the value (not NULL) as the code shows it. A value whose kind does
 * not fit the code (text under "0.00") is appended unchanged, a boolean as true
 * or false. */
void format_add(const struct format *f, enum column_kind kind,
    const struct value *v, struct buf *out);

#endif
