/* SPDX-License-Identifier: MIT */
#ifndef WORKER_FILL_H
#define WORKER_FILL_H

#include "worker/job.h"

/* Fills in the parameters :'name' and :"name" of a job's SQL. */

/* Quotes as the server of `from` does; NULL: as a PostgreSQL that is not connected
 * yet. The caller frees the text; NULL on error. */
char *fill_quote(
    struct source *from, const char *text, bool identifier, struct err *e);
/* Appends SQL to `out` with its parameters filled in, quoted by fill_quote. */
int fill_sql(struct job *job, struct source *from, const char *sql,
    struct buf *out, struct err *e);

/* Appends a text of the row, such as "export_sql", to `out` with its parameters
 * filled in; nothing when the row has none. */
int fill_member(
    struct job *job, const char *key, struct buf *out, struct err *e);

#endif
