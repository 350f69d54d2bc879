/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_DUCKDB_STATEMENT_H
#define SOURCE_DUCKDB_STATEMENT_H

#include "base/err.h"
#include "source/duckdb/library.h"

/* Starts the only statement of sql, which must be a SELECT, or an EXPLAIN of
 * one: the settings that are locked still let COPY write into an allowed
 * folder. The caller destroys the result. */
int statement_start(const struct library *l, duck connection, const char *sql,
    struct duck_result *result, struct err *e);

#endif
