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
 * question (see protocol.h), or, where the C library alone is needed, a copy of
 * the supervisor, which starts ten times faster. The supervisor kills it when its
 * time is over, whatever it waits for.
 */
struct child;

struct child_options {
	uv_loop_t *loop;
	const char *task; /* "reads the secret", for messages; lives as long */
	int64_t timeout_ms; /* 0: until child_stop */
	/* A program, and what it reads, used at the start only ... */
	const struct program *program;
	const char *ask; /* the task's name in protocol.h */
	const struct buf *question;
	/* ... or, with program NULL, a function that is called in a copy. It
	 * returns the answer, or NULL and why. */
	char *(*work)(const void *what, struct err *e);
	const void *what; /* as it is at the start */
	const char *name; /* as ps shows it, 15 bytes */
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
