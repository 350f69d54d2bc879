/* SPDX-License-Identifier: MIT */
#ifndef HTTP_KEPT_H
#define HTTP_KEPT_H

#include "http/endpoint.h"

/*
 * Answers of the database that cost it much and that many ask for. One question
 * is under way for all who ask as the same role, and its answer is given again
 * for a while. The statement has no parameters and one row of one field.
 */
struct kept;
void kept_free(struct kept *list); /* accepts NULL */

struct kept_question {
	struct statement statement;
	int64_t keep_ms; /* for how long an answer is given again */
	/* Makes of the field what is kept, allocated; NULL: the field itself. */
	char *(*form)(const char *field);
	/* Ends the call with what is kept. */
	void (*answer)(struct call *c, const char *text);
};

/* Answers a call, at once or when the database has. The question is constant. */
void kept_ask(struct call *c, const struct kept_question *q);

#endif
