/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_QUEUE_ASK_H
#define SUPERVISOR_QUEUE_ASK_H

#include <stdbool.h>

#include "settings/settings.h"
#include "supervisor/child.h"

/* What the queue's connection needs to know of other machines: a child asks. */
struct queue_ask {
	uv_loop_t *loop;
	const struct program *program;
	const struct settings *settings; /* as they are now */
	const char *conninfo, *secret_arn;
	bool fresh; /* the secret that was read before has been refused */
	void (*ready)(void *arg, const char *answer, const struct err *e);
	void *arg;
};

/* The queue's user and password out of Secrets Manager; the answer is the
 * connection string with them. NULL on error, as child_start. */
struct child *queue_ask_login(const struct queue_ask *q, struct err *e);

/*
 * Which server process answers a second client, as a number. When it is the one
 * that answers the first, which stays connected, then a pooler in between gives
 * a process to whoever has a transaction.
 */
struct child *queue_ask_process(const struct queue_ask *q, struct err *e);

#endif
