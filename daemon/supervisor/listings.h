/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_LISTINGS_H
#define SUPERVISOR_LISTINGS_H

#include "settings/settings.h"
#include "supervisor/errands.h"
#include "supervisor/queue/queue.h"

/*
 * Lists the places from which reports read files: takes the zones that are due
 * from the queue, has a worker list each page by page, and records the pages.
 * The queue decides what follows from the files.
 */
struct listings;

struct listings_events {
	/* A listing has ended: requests may have become due. */
	void (*listed)(void *arg);
	const char *(*worker_id)(void *arg);        /* NULL: no lease is held */
	void (*begun)(void *arg, const char *path); /* it is being listed */
};

struct listings_options {
	const struct log *log;
	struct queue *queue;
	struct errands *errands;
	const struct settings *settings;
	const struct listings_events *events;
	void *arg;
};

struct listings *listings_open(const struct listings_options *options);
/* To be called after errands_close. */
void listings_free(struct listings *l);
void listings_set_settings(struct listings *l, const struct settings *settings);

/* Takes zones that are due, if some are, and has those listed again that the queue
 * believes to be in hand though their claim or their end was lost. */
void listings_look(struct listings *l, bool due);
/* The queue is not up: answers that were awaited do not come. */
void listings_down(struct listings *l);

#endif
