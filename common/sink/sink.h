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

struct sink_type {
	const char *name;
	int (*write)(struct sink *, const void *, size_t, struct err *);
	/* A filter writes its rest to next; next is finished by sink_finish. */
	int (*finish)(struct sink *, struct err *);
	int (*publish)(struct sink *, struct err *); /* NULL in filters */
	void (*abort)(struct sink *);                /* may be NULL */
	void (*free)(struct sink *);
};

int sink_write(struct sink *s, const void *data, size_t len, struct err *e);
int sink_finish(struct sink *s, struct err *e);
int sink_publish(struct sink *s, struct err *e);
void sink_abort(struct sink *s);
void sink_free(struct sink *s); /* with its nexts; accepts NULL */

#endif
