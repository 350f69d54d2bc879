/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_ATHENA_VALUE_H
#define SOURCE_ATHENA_VALUE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "rows/rows.h"
#include "source/athena/zones.h"
#include "source/number.h"

/* The columns of a result, and the texts of their values as PostgreSQL writes
 * them. */

/* How the text of a column differs from PostgreSQL's. */
enum value_form {
	VALUE_SAME, /* not at all */
	VALUE_BOOLEAN,
	VALUE_FLOAT4,
	VALUE_FLOAT8,
	VALUE_DATE,
	VALUE_TIME,
	VALUE_TIMETZ,
	VALUE_TIMESTAMP,
	VALUE_TIMESTAMPTZ,
	VALUE_DAYS,   /* interval day to second */
	VALUE_MONTHS, /* interval year to month */
	VALUE_BYTES,
};

/* The tools that write values. */
struct value_tools {
	struct powers *powers;
	struct zones *zones;
};

/* Fills in a column, name included, from ColumnInfo of ResultSetMetadata. */
enum value_form value_column(const json_t *info, struct column *column);

/* Says whether the texts of a column tell its values apart: those of array, map and
 * row do not. */
bool value_is_exact(const json_t *info);

/* Appends a value that is not NULL in PostgreSQL's form, for any form but SAME. -1: the text is none of the form; *e says so. */
int value_write(enum value_form form, const char *text, size_t len,
    struct value_tools *tools, struct buf *out, struct err *e);

#endif
