/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_DIALECT_H
#define SOURCE_POSTGRES_DIALECT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "source/source.h"

/* Rewrites statements for PostgreSQL and Redshift. */

/* Says whether the text begins like a query that may stand in parentheses, as a
 * subquery or inside COPY (...). */
bool dialect_is_query(const char *sql);

/* Appends the single statement of sql, without its semicolon, and then `tail`.
 * Fails when sql holds no statement or several, or when out is full. */
int dialect_one(
    const char *sql, const char *tail, struct buf *out, struct err *e);
/* Fails when out is full. */
int dialect_check_length(const struct buf *out, struct err *e);

/* Does what source_shape describes. `before` and `after` enclose each sort
 * column in ORDER BY, so that rows with the same text come together even where
 * equal values have different texts (1.5 and 1.50). */
struct dialect_key {
	const char *before, *after;
};
void dialect_shape(const char *sql, const struct source_shape *shape,
    const struct dialect_key *key, struct buf *out);

/* Appends the options inside COPY's WITH (...) that produce this form of
 * CSV. */
void dialect_copy_options(const struct csv_form *form, struct buf *out);

#endif
