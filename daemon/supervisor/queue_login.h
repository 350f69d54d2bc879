/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_QUEUE_LOGIN_H
#define SUPERVISOR_QUEUE_LOGIN_H

#include <stdbool.h>
#include <uv.h>

#include "base/err.h"
#include "settings/settings.h"

/*
 * The queue's user and password out of Secrets Manager. That waits for other
 * machines, which the loop must not: a thread of libuv's does it, with services
 * and a copy of the settings of its own.
 */
struct queue_login;

/* The connection string, which is gone behind the call, or NULL and why. */
typedef void queue_login_ready(
    void *arg, const char *conninfo, const struct err *e);

struct queue_login_options {
	uv_loop_t *loop;
	const struct settings *settings; /* copied */
	const char *conninfo, *secret_arn;
	bool fresh; /* what was read before has been refused */
	queue_login_ready *ready;
	void *arg;
};

struct queue_login *queue_login_start(const struct queue_login_options *o);
/* Nobody is told any more; it ends soon, by itself. */
void queue_login_stop(struct queue_login *l);

#endif
