/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_ATHENA_EXECUTION_H
#define SOURCE_ATHENA_EXECUTION_H

#include "net/aws/aws.h"
#include "source/athena/config.h"

/*
 * A statement from its start to its end at Athena, which executes it whether or not
 * anybody waits. Shapes and limits are those of the service's API of 2017-05-18.
 */

/* Most characters of a statement, with the comment that names its run. */
#define ATHENA_SQL_MAX 262144

struct execution_terms {
	struct aws *aws;
	const struct athena_config *config;
	const struct watch *watch;
	const char *label; /* names the run, in a comment of the statement */
	/* ms that one statement may take; 0: no limit */
	int64_t timeout_ms;
	int64_t *scanned; /* gets the bytes added that Athena bills */
	/* see job_session */
	void (*started)(void *arg, const char *handle);
	void *arg;
};

/* Executes a statement and waits for its end. Returns QueryExecution of
 * GetQueryExecution, whose State is SUCCEEDED; NULL on error. A statement that fails
 * to end in time, or that the watch stops, is stopped at Athena, too. `started` is
 * told when nothing of it is left there. */
json_t *execution_run(
    const struct execution_terms *terms, const char *sql, struct err *e);

/* Does what source_driver.cancel describes. */
int execution_cancel(struct aws *aws, const struct athena_config *config,
    const char *handle, struct err *e);

/* Calls an operation of Athena. Returns its answer; NULL on error. Takes the
 * arguments over. `code` gets the error code and may be NULL. */
json_t *execution_ask(struct aws *aws, const char *operation, json_t *arguments,
    char code[64], struct err *e);

#endif
