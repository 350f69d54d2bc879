/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_ATHENA_EXECUTION_PARTS_H
#define SOURCE_ATHENA_EXECUTION_PARTS_H

#include "source/athena/execution.h"

/* The parts that the files of an execution share: execution.c starts a statement and
 * waits for it, cancel.c ends one. */

/* A handle is a token, until Athena has given the statement an id, and then "id:" with
 * the id. After its beginning, a token has the time in hexadecimal digits, in seconds
 * since 1970, and digits at random. Bytes, with the NUL. */
#define EXECUTION_TOKEN_BEGINS "reportd-"
#define EXECUTION_TOKEN_TIME 8
#define EXECUTION_TOKEN 41
#define EXECUTION_ID_BEGINS "id:"
/* Bytes of an answer; a page of rows has at least one row. */
#define EXECUTION_REPLY_MAX ((size_t)48 << 20)

struct execution_call {
	const char *operation;
	json_t *arguments; /* released by the call */
	/* boot clock, ms; such a call goes on when the watch says stop; 0: it
	 * does not */
	int64_t deadline_ms;
};
json_t *execution_ask_by(struct aws *aws, const struct execution_call *call,
    char code[64], struct err *e);

/* Returns QueryExecution, with a state; NULL on error. *answered says whether Athena has
 * answered. The deadline is that of execution_call. */
json_t *execution_look(struct aws *aws, const char *id, int64_t deadline_ms,
    bool *answered, struct err *e);
bool execution_is_over(const json_t *execution);

/* ms for ending a statement and seeing its end. */
#define EXECUTION_STOP_MS 5000

/* Ends the statement of a handle. 0: it is over; 1: Athena knows none. The deadline is
 * that of execution_call. */
int execution_end(struct aws *aws, const struct athena_config *config,
    const char *handle, int64_t deadline_ms, struct err *e);
/* Ends a statement, whatever the watch says. 0: it is over; -1: it may still be
 * executed. */
int execution_stop(struct aws *aws, const char *id, struct err *e);

#endif
