/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_COPYTEXT_H
#define SOURCE_POSTGRES_COPYTEXT_H

#include <stddef.h>

#include "base/err.h"
#include "rows/rows.h"

/*
 * Reads one row of COPY TO in text format (PostgreSQL's manual, "COPY", File
 * Formats) as values: columns are separated by tabs, NULL is \N, and the
 * special characters are written as \b \f \n \r \t \v \\. The row is len bytes
 * with its line break and is unescaped in place; the values point into it.
 * Returns -1 when the row has a different number of columns.
 */
int copytext_row(
    char *row, size_t len, struct value *values, int columns, struct err *e);

#endif
