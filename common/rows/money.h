/* SPDX-License-Identifier: MIT */
#ifndef ROWS_MONEY_H
#define ROWS_MONEY_H

#include "base/buf.h"
#include "rows/rows.h"

/* Writes the amount as a decimal number such as -1234.50 into `to`, and lets
 * *out point there. Returns false for a text that does not look like the
 * samples in *m. */
bool money_read(const struct money *m, const struct value *v,
    char to[MONEY_MAX], struct value *out);

/* Appends a decimal number, with m->scale digits after its point, as an amount
 * that looks like the samples in *m. */
void money_write(const struct money *m, const char *decimal, struct buf *out);

#endif
