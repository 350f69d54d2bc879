/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_QUEUE_POLLER_H
#define SUPERVISOR_QUEUE_POLLER_H

#include <stdbool.h>
#include <uv.h>

#include "base/log.h"
#include "settings/settings.h"
#include "supervisor/outbox.h"
#include "supervisor/pool.h"
#include "supervisor/queue/lease.h"
#include "supervisor/queue/queue.h"
#include "supervisor/runs/runs.h"
#include "supervisor/sweeps.h"

/*
 * Looks for work. Two statements: the tick (heartbeat, progress, rescue,
 * schedules; it tells when to look again) and the claim (see claims.h). A tick
 * comes every poll_interval or half a lease, whichever is shorter, less some
 * jitter, and when a schedule or a retry falls due; a claim when a notification,
 * a tick or a freed worker gives reason to. Idle, that is one statement an
 * interval. For ten seconds after somebody has said that he looks (NOTIFY reportd_watch), ticks come
 * every second while there are runs, so that their progress is seen.
 */
struct poller;

struct poller_events {
	/* Everything that was due is claimed, and nothing is due now but what
	 * the outbox has in hand or asks for. */
	void (*caught_up)(void *arg);
	/* After poller_no_claims: the answer to the last claim is here. What it
	 * brought waits for a worker. */
	void (*last_claim)(void *arg);
};

struct poller_options {
	uv_loop_t *loop;
	const struct log *log;
	struct queue *queue;
	struct lease *lease;
	struct runs *runs;
	struct pool *pool;
	struct outbox *outbox;
	struct sweeps *sweeps;
	const struct settings *settings;
	/* The daemon ends when all is done: with nothing in hand it looks every
	 * second whether that is so. */
	bool drains;
	const struct poller_events *events;
	void *arg;
};

struct poller *poller_open(const struct poller_options *options);
void poller_close(struct poller *p);
void poller_set_settings(struct poller *p, const struct settings *settings);

void poller_start(struct poller *p);     /* the lease is held */
void poller_down(struct poller *p);      /* the queue is not there */
void poller_no_claims(struct poller *p); /* shutdown: heartbeats only */
bool poller_claiming(const struct poller *p);

/* Asks soon whether all is caught up, instead of at the next tick. */
void poller_look(struct poller *p);
/* A heartbeat now, for what the runs have to tell. */
void poller_beat(struct poller *p);
void poller_notified(struct poller *p, const char *channel);
/* A run ended or a worker became free: there may be room for a claim. */
void poller_run_ended(struct poller *p);

#endif
