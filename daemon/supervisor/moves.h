/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_MOVES_H
#define SUPERVISOR_MOVES_H

#include "supervisor/errands.h"
#include "supervisor/queue/queue.h"

/*
 * Moves files that reports are done with into archives, and files that were
 * given up into quarantines. The ledger says which; an errand moves some of them
 * at a time, and is repeated until the ledger knows of each.
 */
struct moves;

struct moves_options {
	const struct log *log;
	struct queue *queue;
	struct errands *errands;
	/* Some were moved, and more may wait. */
	void (*moved)(void *arg);
	const char *(*worker_id)(void *arg); /* NULL: no lease is held */
	void *arg;
};

struct moves *moves_open(const struct moves_options *options);
/* To be called after errands_close. */
void moves_free(struct moves *m);

/* Takes files that are to be moved, unless some are on their way. */
void moves_look(struct moves *m);
/* The queue is not up: an answer that was awaited does not come. */
void moves_down(struct moves *m);

#endif
