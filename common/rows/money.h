/* SPDX-License-Identifier: MIT */
#ifndef ROWS_MONEY_H
#define ROWS_MONEY_H

#include "base/buf.h"
#include "rows/rows.h"

/* Writes the amount as a decimal number, -1234.50, into to, which *out is then;
 * false for a text of another look. */
bool money_read(const struct money *m, const struct value *v,
    char to[MONEY_MAX], struct value *out);

/* Appends the amount of a decimal number with m->scale digits after its point. */
void money_write(const struct money *m, const char *decimal, struct buf *out);

#endif
