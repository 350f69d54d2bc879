/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_DIALECT_H
#define SOURCE_POSTGRES_DIALECT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "source/source.h"

/* Statements as PostgreSQL and Redshift take them. */

/* Whether it begins as a query that may stand in parentheses: a subquery, COPY's. */
bool dialect_is_query(const char *sql);

/* Appends the one statement of sql, without its semicolon, and the tail; an error
 * when there is none or another one, or when out is full. */
int dialect_one(
    const char *sql, const char *tail, struct buf *out, struct err *e);
/* An error when out is full. */
int dialect_check_length(const struct buf *out, struct err *e);

/* As source_shape. `before` and `after` stand around a column in ORDER BY, so that
 * rows of one text stand side by side although values may be equal and their
 * texts not (1.5 and 1.50). */
struct dialect_key {
	const char *before, *after;
};
void dialect_shape(const char *sql, const struct source_shape *shape,
    const struct dialect_key *key, struct buf *out);

/* Appends the inside of COPY's WITH (...) that makes this form. */
void dialect_copy_options(const struct csv_form *form, struct buf *out);

#endif
