/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_CHILD_H
#define SUPERVISOR_CHILD_H

#include <uv.h>

#include "base/err.h"
#include "base/watch.h"

/*
 * A process for what waits for other machines, which the loop must not, or takes
 * more memory than the supervisor has: it is forked, does one thing, writes one
 * answer and is gone.
 */
struct child;

struct child_options {
	uv_loop_t *loop;
	const char *name; /* as ps shows it, 15 bytes */
	const char *task; /* "reads the secret", for messages; a literal */
	int64_t timeout_ms;
	/* In the child: the answer, or NULL and why. The watch ends its waits
	 * when the time is over. */
	char *(*work)(
	    const void *what, const struct watch *watch, struct err *e);
	const void *what; /* as it is at the start */
	/* In the supervisor. The answer is wiped after the call; NULL: *e says
	 * why there is none. */
	void (*ready)(void *arg, const char *answer, const struct err *e);
	void *arg;
};

/* NULL on error; then nobody is called. */
struct child *child_start(const struct child_options *o, struct err *e);
/* Ends it; nobody is told any more. Not after `ready`. */
void child_stop(struct child *c);

#endif
