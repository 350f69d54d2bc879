/* SPDX-License-Identifier: MIT */
#ifndef NET_AWS_ERROR_H
#define NET_AWS_ERROR_H

#include <stdbool.h>

#include "net/aws/aws.h"

/* What an answer that is no success says: for aws.c alone. */
struct aws_failure {
	char *message; /* "" when there is none; the caller's to free */
	char *region;  /* of a bucket that is elsewhere; NULL: not that */
};

/* Fills answer->code and request_id from its headers and its XML or JSON. */
void aws_error_read(struct aws_answer *answer, struct aws_failure *f);
void aws_failure_free(struct aws_failure *f);

/* What may help. */
bool aws_error_throttled(const struct aws_answer *answer);
bool aws_error_server(const struct aws_answer *answer);
bool aws_error_expired(const struct aws_answer *answer);

/* The wait that the answer asks for, milliseconds; 0: for none. */
int64_t aws_error_retry_after(const struct aws_answer *answer, time_t now);

#endif
