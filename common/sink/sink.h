/* SPDX-License-Identifier: MIT */
#ifndef SINK_SINK_H
#define SINK_SINK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Takes bytes to a place. A filter is a sink with a next sink, which it owns.
 *
 *	OPEN ──finish──> FINISHED ──publish──> PUBLISHED
 *	  └── write or finish fails ──> FAILED,  abort ──> ABORTED
 *
 * write takes all bytes or fails. finish stores all of them safely at their
 * place (flushed, on disk, uploaded) but still invisible. publish makes the
 * whole output visible in one step; between the two, the caller asks whether it
 * may still publish. A sink that is freed before it was published leaves
 * nothing at its place.
 *
 * Filters pass step and publish on to the sink at the end of their chain.
 */
enum sink_state {
	SINK_OPEN,
	SINK_FINISHED,
	SINK_PUBLISHED,
	SINK_FAILED,
	SINK_ABORTED,
};

struct sink {
	const struct sink_type *type;
	struct sink *next; /* next sink of a filter, else NULL */
	enum sink_state state;
};

/* The terms of a publish. A place that stores a description beside the bytes
 * puts rows and sha256 into it. */
struct sink_terms {
	int64_t rows; /* rows in the output; -1: unknown */
	/* hash of the output in hexadecimal; "": unknown */
	const char *sha256;
	/* JSON that a ledger keeps beside the rows; NULL: none */
	const char *result;
	/* Boot clock in milliseconds: no attempt to make the output visible
	 * begins after this time. 0: no limit. */
	int64_t until_ms;
};

struct sink_type {
	const char *name;
	int (*write)(struct sink *, const void *, size_t, struct err *);
	/* A filter writes the rest of its output to next; sink_finish then
	 * finishes next. */
	int (*finish)(struct sink *, struct err *);
	/* Moves transfers that are under way, without waiting. NULL: the sink
	 * has no transfers. Called only while the sink is OPEN. */
	int (*step)(struct sink *, struct err *);
	/* NULL in a filter. */
	int (*publish)(
	    struct sink *, const struct sink_terms *terms, struct err *);
	void (*abort)(struct sink *); /* may be NULL */
	void (*free)(struct sink *);
};

int sink_write(struct sink *s, const void *data, size_t len, struct err *e);
int sink_finish(struct sink *s, struct err *e);
/* To be called while nothing is written: rows may arrive more slowly than a
 * server waits for the rest of an upload. */
int sink_step(struct sink *s, struct err *e);
/* With NULL terms, rows and digest are unknown and there is no limit. */
int sink_publish(struct sink *s, const struct sink_terms *terms, struct err *e);
void sink_abort(struct sink *s);
void sink_free(struct sink *s); /* frees all next sinks, too; accepts NULL */

#endif
