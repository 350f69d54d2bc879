/* SPDX-License-Identifier: MIT */
#ifndef SINK_SINK_H
#define SINK_SINK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Bytes -> a place. A filter is a sink with a next sink, which it owns.
 *
 *	OPEN ──finish──> FINISHED ──publish──> PUBLISHED
 *	  └── write or finish fails ──> FAILED,  abort ──> ABORTED
 *
 * write takes all bytes or fails. finish makes all of them safe where they are
 * (flushed, on disk, uploaded), still invisible. publish makes the whole output
 * visible in one step; between the two the caller asks whether it still may. A
 * sink that is freed before it was published leaves nothing behind.
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
	struct sink *next; /* of a filter */
	enum sink_state state;
};

/* The terms of a publish. Places that keep a description beside the bytes put
 * rows and sha256 into it. */
struct sink_terms {
	int64_t rows;       /* in the output; -1: not known */
	const char *sha256; /* of its bytes, hexadecimal; "": not known */
	/* Boot clock, milliseconds: no attempt to make the output visible
	 * begins after it. 0: there is no limit. */
	int64_t until_ms;
};

struct sink_type {
	const char *name;
	int (*write)(struct sink *, const void *, size_t, struct err *);
	/* A filter writes its rest to next; next is finished by sink_finish. */
	int (*finish)(struct sink *, struct err *);
	/* Moves transfers that are under way, without waiting. NULL: there are
	 * none. Called while the sink is OPEN. */
	int (*step)(struct sink *, struct err *);
	/* NULL in filters. */
	int (*publish)(
	    struct sink *, const struct sink_terms *terms, struct err *);
	void (*abort)(struct sink *); /* may be NULL */
	void (*free)(struct sink *);
};

int sink_write(struct sink *s, const void *data, size_t len, struct err *e);
int sink_finish(struct sink *s, struct err *e);
/* For the time in which nobody writes: the rows may come more slowly than a
 * server waits for the rest of an upload. */
int sink_step(struct sink *s, struct err *e);
/* terms NULL: nothing is known, there is no limit. */
int sink_publish(struct sink *s, const struct sink_terms *terms, struct err *e);
void sink_abort(struct sink *s);
void sink_free(struct sink *s); /* with its nexts; accepts NULL */

#endif
