/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_DIALECT_H
#define SOURCE_DIALECT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "source/source.h"

/* Rewrites statements in SQL that is close to the standard. */

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
/* The same for a text that is known to be a query. */
void dialect_wrap(const char *sql, const struct source_shape *shape,
    const struct dialect_key *key, struct buf *out);

/* Appends a text between quotes, with each quote in it twice: as standard SQL has
 * texts ('), names (") and nothing else. */
void dialect_quote(const char *text, char quote, struct buf *out);

/* Appends the options inside COPY's WITH (...) that produce this form of
 * CSV. */
void dialect_copy_options(const struct csv_form *form, struct buf *out);

#endif
