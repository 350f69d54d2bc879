/* SPDX-License-Identifier: MIT */
#ifndef WORKER_ERRAND_H
#define WORKER_ERRAND_H

#include "protocol.h"
#include "services/services.h"

/*
 * Tasks other than jobs that wait for other machines. Each kind is a line of
 * the table in errand.c.
 */
struct errand_kind {
	enum message_type type;
	const char *late; /* "not delivered", for the message on a timeout */
	/* Does the task and appends the answer to `out`. *stopped turns true
	 * when the supervisor asks for its end. */
	void (*run)(const json_t *message, struct services *services,
	    const bool *stopped, struct buf *out);
	/* Appends the answer for an errand that was stopped before it began:
	 * it may be done again. */
	void (*decline)(const json_t *message, struct buf *out);
	/* Says whether the task may be broken off and repeated later, to make
	 * room: a receiver that sees it twice recognises the repeat. */
	bool (*repeats)(const json_t *message);
};

/* Returns the kind for messages of this type; NULL: they are no errands. */
const struct errand_kind *errand_kind(enum message_type type);

#endif
