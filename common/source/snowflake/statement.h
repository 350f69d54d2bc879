/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_SNOWFLAKE_STATEMENT_H
#define SOURCE_SNOWFLAKE_STATEMENT_H

#include <stdint.h>

#include "source/snowflake/api.h"

/*
 * One request of the SQL API, from its submission to its end. It is submitted to run
 * by itself, so that its handle is known at once; then it is asked for its end.
 */
struct statement_terms {
	const char *sql;
	bool several;       /* any number of statements, else exactly one */
	int64_t timeout_ms; /* 0: as the account says */
	const char *query_tag, *time_zone;
	/* see struct job_session */
	void (*started)(void *arg, const char *handle);
	void *arg;
};

#define HANDLE_MAX 72
struct statement {
	char handle[HANDLE_MAX]; /* "": not known */
};

/* Runs the statement; `answer` is then the first one of its result, read up to its
 * rows. After an error, and after a stop, the statement does not run any more, or
 * `started` keeps its handle. The caller ends the answer. */
int statement_run(struct api *a, const struct statement_terms *terms,
    struct statement *s, struct answer *answer, struct err *e);

/* Ends a statement by the handle that `started` was given. */
int statement_cancel(struct api *a, const char *handle, struct err *e);

#endif
