/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_REDSHIFT_CLAUSE_H
#define SOURCE_POSTGRES_REDSHIFT_CLAUSE_H

#include "base/buf.h"
#include "base/err.h"
#include "source/postgres/pg.h"

/* The clauses that UNLOAD and COPY share. -1: the text cannot be quoted. */

/* Appends a word and a text in quotes, " from '...'"; nothing for NULL. */
int redshift_add_literal(struct pg *pg, struct buf *sql, const char *word,
    const char *text, struct err *e);

/* Appends the role by which Redshift reaches S3: an ARN, or "default" for the
 * cluster's own role. */
int redshift_add_role(
    struct pg *pg, struct buf *sql, const char *role, struct err *e);

#endif
