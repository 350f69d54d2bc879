/* SPDX-License-Identifier: MIT */
#ifndef WORKER_CHECK_SQL_H
#define WORKER_CHECK_SQL_H

#include "worker/job.h"

/*
 * A check of the data, written as statements of its server, with the
 * report's parameters filled in. A member that the kind of check does not need
 * is NULL.
 */
struct check_sql {
	/* Returns one row: how many rows fail, and of how many (NULL: not
	 * counted). */
	char *count;
	/* Returns the rows that fail. */
	char *rows;
	/* For a check of the columns: returns a row with the columns of the
	 * relation, and one with those that it should have. */
	char *columns, *declared;
};

/* Makes the statements of a check, an element of report_config.checks, for the server
 * of `from`; NULL: for a PostgreSQL. The caller frees them, also on error. */
int check_sql_make(struct job *job, struct source *from, const json_t *check,
    struct check_sql *sql, struct err *e);
void check_sql_free(struct check_sql *sql);

#endif
