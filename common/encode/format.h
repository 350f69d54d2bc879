/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_FORMAT_H
#define ENCODE_FORMAT_H

#include "base/buf.h"
#include "base/err.h"
#include "source/rows.h"

/*
 * Number format codes as spreadsheets have them (ECMA-376 part 1, 18.8.31), for
 * the formats that write text: 0 # ? . , % literals in quotes or behind a
 * backslash, E+00 for exponents, up to three sections ("positive;negative;zero"),
 * and y m d h s AM/PM [h] [m] [s] for dates, times and intervals; month and day
 * names in English. The arithmetic is
 * on decimal text: exact, half away from zero.
 */
struct format;

/* NULL with *e for a code that it cannot read, naming code and place. */
struct format *format_open(const char *code, struct err *e);
void format_close(struct format *f); /* accepts NULL */

/* Appends the value (not NULL) as the code shows it. A value whose kind the
 * code does not fit (text under "0.00") is appended as it is. */
void format_add(const struct format *f, enum column_kind kind,
    const struct value *v, struct buf *out);

#endif
