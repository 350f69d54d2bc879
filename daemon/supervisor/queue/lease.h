/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_QUEUE_LEASE_H
#define SUPERVISOR_QUEUE_LEASE_H

#include <stdint.h>

#include "base/log.h"
#include "settings/settings.h"
#include "supervisor/queue/queue.h"
#include "supervisor/runs/runs.h"

/*
 * This daemon's place in the queue: the check that schema and binary fit, the
 * row in report_worker that is its identity, and how long the lease surely
 * holds. A daemon whose row is gone has lost its jobs; it takes a new identity.
 */
struct lease;

struct lease_events {
	void (*held)(void *arg); /* registered (again): work may begin */
	/* Schema, server or encoding do not fit; the daemon must end and say
	 * this. Any other failure is logged and tried again for ever. */
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

/* The queue connection is up. */
void lease_up(struct lease *l);
/* NULL while there is none. */
const char *lease_worker_id(const struct lease *l);
/* A heartbeat that was sent at this moment (boot clock) was accepted; it set the
 * row's lease to lease_ms, or left it (0). */
void lease_renewed(struct lease *l, int64_t sent_ms, int64_t lease_ms);
int64_t lease_until(const struct lease *l);
/* The database says that our row is gone. */
void lease_lost(struct lease *l);
/* Removes the row; `done` comes when that is answered, or at once if the queue
 * is not there. */
void lease_retire(struct lease *l, void (*done)(void *arg), void *arg);

#endif
