/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_DUCKDB_PROBLEM_H
#define SOURCE_DUCKDB_PROBLEM_H

#include "base/err.h"
#include "source/duckdb/library.h"

/* Errors of DuckDB, with the nearest SQLSTATE. Only a lack of memory and of
 * files may pass. */

/* Fills *e from the error of a result; returns -1. */
int problem_of_result(
    const struct library *l, struct duck_result *r, struct err *e);
/* Fills *e from a message that comes without its type, which it begins with:
 * "Binder Error: ..."; returns -1. */
int problem_of_text(const char *text, struct err *e);

#endif
