/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_QUEUE_LOGIN_H
#define SUPERVISOR_QUEUE_LOGIN_H

#include <stdbool.h>
#include <uv.h>

#include "base/err.h"
#include "settings/settings.h"

/*
 * The queue's user and password out of Secrets Manager. That waits for other
 * machines, which the loop must not, and takes more memory than the supervisor
 * has: so a child does it, which is forked, writes one answer and is gone.
 */
struct queue_login;

/* The connection string, which is gone behind the call, or NULL and why. */
typedef void queue_login_ready(
    void *arg, const char *conninfo, const struct err *e);

struct queue_login_options {
	uv_loop_t *loop;
	const struct settings *settings; /* as they are now */
	const char *conninfo, *secret_arn;
	bool fresh; /* what was read before has been refused */
	queue_login_ready *ready;
	void *arg;
};

/* NULL on error; then nobody is called. */
struct queue_login *queue_login_start(
    const struct queue_login_options *o, struct err *e);
/* Nobody is told any more. */
void queue_login_stop(struct queue_login *l);

#endif
