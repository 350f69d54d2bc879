/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_CHILD_H
#define SUPERVISOR_CHILD_H

#include <uv.h>

#include "base/buf.h"
#include "base/err.h"
#include "supervisor/program.h"

/*
 * A process that does one task, writes one answer and ends. It serves for tasks
 * that wait for other machines, for which the loop must not wait. It is either
 * the worker's program, which gets a question (see protocol.h), or a copy of
 * the supervisor, which starts ten times faster and serves for tasks that need
 * only the C library. The supervisor kills it when its time is over, whatever
 * it waits for, and never waits until it is dead.
 */
struct child;

struct child_options {
	uv_loop_t *loop;
	/* "reads the secret", for messages; outlives the child */
	const char *task;
	int64_t timeout_ms; /* 0: no limit until child_stop */
	/* Either a program and its question, both used only during child_start
	 * ... */
	const struct program *program;
	const char *ask; /* the task's name in protocol.h */
	const struct buf *question;
	/* ... or, with program NULL, a function that is called in a copy of the
	 * supervisor. It returns the answer, or NULL with the reason in *e. */
	char *(*work)(const void *what, struct err *e);
	const void *what; /* the copy has its contents at the start */
	const char *name; /* name in ps, at most 15 bytes */
	/* Called once at the end. The answer is wiped after the call; NULL: *e
	 * says why there is none. The struct is not to be used after the call. */
	void (*ready)(void *arg, const char *answer, const struct err *e);
	void *arg;
};

/* Returns NULL on error; `ready` is not called then. */
struct child *child_start(const struct child_options *o, struct err *e);
/* Kills the child; `ready` is not called any more. Not to be called after
 * `ready`. */
void child_stop(struct child *c);

#endif
