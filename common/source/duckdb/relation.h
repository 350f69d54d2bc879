/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_DUCKDB_RELATION_H
#define SOURCE_DUCKDB_RELATION_H

#include "base/buf.h"
#include "base/err.h"
#include "source/source.h"

/* The files that a job brings along (struct source_relation) as views. */

/* Appends the statements that make a view of each. */
int relations_add(
    const struct job_session *job, struct buf *sql, struct err *e);
/* Appends the setting that lets these files, and no others beside them, be
 * read. */
void relations_allow(const struct job_session *job, struct buf *sql);

#endif
