/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_TICK_POLLER_H
#define SUPERVISOR_TICK_POLLER_H

#include <stdbool.h>
#include <uv.h>

#include "base/log.h"
#include "settings/settings.h"
#include "supervisor/listings.h"
#include "supervisor/moves.h"
#include "supervisor/outbox.h"
#include "supervisor/queue/queue.h"
#include "supervisor/runs/runs.h"
#include "supervisor/sweeps.h"
#include "supervisor/tick/lease.h"

/*
 * Looks for work with two statements: the tick and the claim (see claims.h).
 * The tick sends heartbeat and progress, rescues reports of lost daemons, fires
 * schedules, and tells when to look again.
 *
 * A tick is sent every poll_interval or half a lease, whichever is shorter,
 * less some jitter, and when a schedule or a retry falls due. A claim is sent
 * after a notification, after a tick that found work, and when a worker becomes
 * free. An idle daemon thus sends one statement in an interval. For ten seconds
 * after somebody has announced that they watch (NOTIFY reportd_watch), ticks
 * are sent every second while there are runs, so that their progress can be
 * seen.
 */
struct poller;

struct poller_events {
	/* All due reports are claimed. Only notices may still be due, which the
	 * outbox handles. */
	void (*caught_up)(void *arg);
	/* After poller_no_claims: the answer to the last claim has arrived.
	 * Runs that it brought may still wait for a worker. */
	void (*last_claim)(void *arg);
};

struct poller_options {
	uv_loop_t *loop;
	const struct log *log;
	struct queue *queue;
	struct lease *lease;
	struct runs *runs;
	struct outbox *outbox;
	struct sweeps *sweeps;
	struct listings *listings;
	struct moves *moves;
	const struct settings *settings;
	/* The daemon ends when all work is done: it checks every second whether
	 * that is so while nothing is in hand. */
	bool drains;
	const struct poller_events *events;
	void *arg;
};

struct poller *poller_open(const struct poller_options *options);
void poller_close(struct poller *p);
void poller_set_settings(struct poller *p, const struct settings *settings);

void poller_start(struct poller *p);     /* the lease is held */
void poller_down(struct poller *p);      /* the queue is not up */
void poller_no_claims(struct poller *p); /* shutdown: only heartbeats */
/* Says whether the answer to a claim is still to come. */
bool poller_claiming(const struct poller *p);

/* Sends a tick soon, instead of waiting for the next one. */
void poller_look(struct poller *p);
/* Sends a tick now, because a run has news for the database. */
void poller_beat(struct poller *p);
/* A notification has arrived on this channel. */
void poller_notified(struct poller *p, const char *channel);
/* A run ended or a worker became free: there may be room for a claim. */
void poller_run_ended(struct poller *p);

#endif
