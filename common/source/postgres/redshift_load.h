/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_REDSHIFT_LOAD_H
#define SOURCE_POSTGRES_REDSHIFT_LOAD_H

#include <stdbool.h>

#include "base/err.h"
#include "source/postgres/pg.h"

/* COPY fails with SQLSTATE XX000, whatever is wrong: a row that it refuses, or
 * an S3 that does not answer. Redshift's tables of load errors tell them apart.
 *
 * Asks them whether a COPY of this session has refused a row. If so, adds the
 * object, line, column, value and reason to *e, which becomes permanent, and
 * returns true: no retry mends a row. Returns false and leaves *e as it was
 * otherwise. The session must not be in a transaction that has failed. */
bool redshift_load_refused(struct pg *pg, struct err *e);

#endif
