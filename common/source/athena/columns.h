/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_ATHENA_COLUMNS_H
#define SOURCE_ATHENA_COLUMNS_H

#include <stdbool.h>

#include "base/err.h"

/*
 * A statement of this program's own, which takes a table's columns from a value:
 *
 *	CREATE EXTERNAL TABLE sales.orders COLUMNS FROM :'after__KEY__orders'
 *	STORED AS PARQUET LOCATION 's3://…'
 *
 * The literal is a JSON array of names and types, [["id", "BIGINT"]], with the types
 * that DuckDB's DESCRIBE tells of a Parquet file.
 */
bool columns_is(const char *sql);

/* Returns the statement for Athena, which the caller frees; NULL on error. */
char *columns_statement(const char *sql, struct err *e);

#endif
