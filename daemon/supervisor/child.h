/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_CHILD_H
#define SUPERVISOR_CHILD_H

#include <uv.h>

#include "base/buf.h"
#include "base/err.h"
#include "supervisor/program.h"

/*
 * A process that does one thing, writes one answer and ends, for work that waits
 * for other machines, which the loop must not. It is the worker's program with a
 * question (see protocol.h). The supervisor kills it when its time is over,
 * whatever it waits for.
 */
struct child;

struct child_options {
	uv_loop_t *loop;
	const struct program *program;
	const char *ask;            /* the task's name in protocol.h */
	const struct buf *question; /* what it reads; used at the start only */
	const char *task; /* "reads the secret", for messages; a literal */
	int64_t timeout_ms;
	/* The answer is wiped after the call; NULL: *e says why there is none.
	 * The child is gone after the call. */
	void (*ready)(void *arg, const char *answer, const struct err *e);
	void *arg;
};

/* NULL on error; then nobody is called. */
struct child *child_start(const struct child_options *o, struct err *e);
/* Kills it; nobody is told any more. Not after `ready`. */
void child_stop(struct child *c);

#endif
