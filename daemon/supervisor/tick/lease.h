/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_TICK_LEASE_H
#define SUPERVISOR_TICK_LEASE_H

#include <stdint.h>

#include "base/log.h"
#include "settings/settings.h"
#include "supervisor/queue/queue.h"
#include "supervisor/runs/runs.h"

/*
 * The daemon's lease: the check that schema and program fit, its row in
 * report_worker, which is its identity, and the time until which the lease
 * surely holds. A daemon whose row is gone has lost its jobs and takes a new
 * identity.
 */
struct lease;

struct lease_events {
	void (*held)(void *arg); /* registered, perhaps again: work may begin */
	void (*renewed)(void *arg); /* lease_until has changed */
	/* Schema, server or encoding do not fit: the daemon must log this text
	 * and end. All other failures are logged and tried again without
	 * end. */
	void (*unfit)(void *arg, const char *text);
};

struct lease_options {
	const struct log *log;
	struct queue *queue;
	struct runs *runs;
	const struct settings *settings;
	const struct lease_events *events;
	void *arg;
};

struct lease *lease_open(const struct lease_options *options);
void lease_free(struct lease *l); /* accepts NULL */
void lease_set_settings(struct lease *l, const struct settings *settings);

/* The queue is up: checks the schema, then registers or, with an identity from
 * before, gives back claims whose answer was lost. */
void lease_up(struct lease *l);
/* Returns the daemon's identity; NULL while it has none. */
const char *lease_worker_id(const struct lease *l);
/* The database accepted a heartbeat that was sent at this moment (boot clock,
 * ms). It set the lease in the row to lease_ms, or left it as it was (0). */
void lease_renewed(struct lease *l, int64_t sent_ms, int64_t lease_ms);
/* Returns the moment (boot clock, ms) until which the lease surely holds; 0:
 * there is no lease. */
int64_t lease_until(const struct lease *l);
/* The database says that the daemon's row is gone. */
void lease_lost(struct lease *l);
/* Removes the row. `done` is called after the answer, or at once if the queue
 * is not up. */
void lease_retire(struct lease *l, void (*done)(void *arg), void *arg);

#endif
