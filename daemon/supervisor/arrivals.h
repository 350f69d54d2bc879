/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_ARRIVALS_H
#define SUPERVISOR_ARRIVALS_H

#include "settings/settings.h"
#include "supervisor/errands.h"
#include "supervisor/queue/queue.h"

/*
 * Learns of files that arrive, so that they are listed at once instead of at
 * the next rescan: local files from the kernel, objects from the SQS queue of
 * the settings. One errand each waits for them, a minute at most at a time,
 * because a server that does not answer would otherwise hold the supervisor up.
 * The news only brings listings forward. A message is removed from its queue
 * once the news is committed; a message that comes twice brings two listings.
 */
struct arrivals;

struct arrivals_options {
	uv_loop_t *loop;
	const struct log *log;
	struct queue *queue;
	struct errands *errands;
	const struct settings *settings;
	void (*arrived)(void *arg);          /* something is to be listed */
	const char *(*worker_id)(void *arg); /* NULL: no lease is held */
	void *arg;
};

struct arrivals *arrivals_open(const struct arrivals_options *options);
void arrivals_close(struct arrivals *a);

/* Begins to listen, unless that is under way. path: the zone that is listed
 * now; NULL: the daemon has just registered, when the next listing may be far
 * away. */
void arrivals_need(struct arrivals *a, const char *path);
void arrivals_set_settings(struct arrivals *a, const struct settings *settings);
/* No more: the daemon ends. */
void arrivals_retire(struct arrivals *a);
/* The queue is not up: answers that were awaited do not come. */
void arrivals_down(struct arrivals *a);

#endif
