/* SPDX-License-Identifier: MIT */
#ifndef NET_AWS_AWS_ERROR_H
#define NET_AWS_AWS_ERROR_H

#include <stdbool.h>

#include "net/aws/aws.h"

/* The content of an answer that reports a failure: for aws.c only. */
struct aws_failure {
	char *message; /* "" when there is none; the caller frees it */
	char *region;  /* region of a bucket that is elsewhere, or NULL */
};

/* Fills answer->code and request_id from the answer's headers and its XML or
 * JSON. */
void aws_error_read(struct aws_answer *answer, struct aws_failure *f);
void aws_failure_free(struct aws_failure *f);

/* Classify a failure, to choose a remedy: wait, repeat, fetch new keys. */
bool aws_error_throttled(const struct aws_answer *answer);
bool aws_error_server(const struct aws_answer *answer);
bool aws_error_expired(const struct aws_answer *answer);

/* Returns the wait that the answer asks for, in milliseconds; 0: none. */
int64_t aws_error_retry_after(const struct aws_answer *answer, time_t now);

#endif
