/* SPDX-License-Identifier: MIT */
#ifndef WORKER_ERRAND_H
#define WORKER_ERRAND_H

#include "protocol.h"
#include "services/services.h"

/*
 * What the supervisor wants done that waits for other machines, other than jobs.
 * A kind is a line of the table in errand.c.
 */
struct errand_kind {
	enum message_type type;
	const char *late; /* "not delivered", for the message after its time */
	/* Does it, and appends the answer to `out`. *stopped: the supervisor
	 * has asked for its end. */
	void (*run)(const json_t *message, struct services *services,
	    const bool *stopped, struct buf *out);
	/* Whether it may be broken off and done again later, to make room:
	 * whoever sees it twice knows it for the same. */
	bool (*repeats)(const json_t *message);
};

/* NULL: messages of this type are no errands. */
const struct errand_kind *errand_kind(enum message_type type);

#endif
