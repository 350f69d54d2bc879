/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_COPYTEXT_H
#define SOURCE_POSTGRES_COPYTEXT_H

#include <stddef.h>

#include "base/err.h"
#include "rows/rows.h"

/*
 * One row of COPY TO in text format (PostgreSQL's manual, "COPY", File Formats)
 * as values: tabs between them, \N for NULL, and \b \f \n \r \t \v \\ for what
 * would be misread. The row, of len bytes with its line break, is unescaped in
 * place; the values point into it. -1 when it has another number of columns.
 */
int copytext_row(
    char *row, size_t len, struct value *values, int columns, struct err *e);

#endif
