/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_QUEUE_ASK_H
#define SUPERVISOR_QUEUE_ASK_H

#include <stdbool.h>

#include "settings/settings.h"
#include "supervisor/child.h"

/* Questions to other machines that the connection to the queue depends on; a
 * child process asks them. */
struct queue_ask {
	uv_loop_t *loop;
	const struct program *program;
	const struct settings *settings; /* the settings now in use */
	const char *conninfo, *secret_arn;
	bool fresh; /* the server has refused the secret that was read before */
	void (*ready)(void *arg, const char *answer, const struct err *e);
	void *arg;
};

/* Reads the queue's user and password from Secrets Manager; the answer is the
 * connection string with them. Returns NULL on error, as child_start. */
struct child *queue_ask_login(const struct queue_ask *q, struct err *e);

/*
 * Asks for the number of the server process that answers a second client. If it
 * is the process that answers the first client, which is still connected, a
 * pooler gives a process to each transaction.
 */
struct child *queue_ask_process(const struct queue_ask *q, struct err *e);

#endif
