/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_SUPERVISOR_PARTS_H
#define SUPERVISOR_SUPERVISOR_PARTS_H

#include <uv.h>

#include "base/log.h"
#include "supervisor/errands.h"
#include "supervisor/outbox.h"
#include "supervisor/pool.h"
#include "supervisor/program.h"
#include "supervisor/queue/lease.h"
#include "supervisor/queue/poller.h"
#include "supervisor/queue/queue.h"
#include "supervisor/runs/runs.h"
#include "supervisor/supervisor.h"
#include "supervisor/sweeps.h"

/*
 * What the two files behind supervisor.h share: supervisor.c joins the parts and
 * passes on what they tell; supervisor_end.c ends them.
 */
enum phase { RUNNING, STOPPING, CLOSING };

#define SUPERVISOR_SIGNALS 3

struct supervisor {
	struct supervisor_options o;
	struct settings *settings;
	struct log log;
	uv_loop_t loop;
	uv_signal_t signals[SUPERVISOR_SIGNALS];
	uv_timer_t watchdog, idle, grace, away;
	struct program *program;
	struct queue *queue;
	struct lease *lease;
	struct runs *runs;
	struct pool *pool;
	struct errands *errands;
	struct outbox *outbox;
	struct sweeps *sweeps;
	struct poller *poller;
	enum phase phase;
	bool given_up; /* the grace is over, runs are being released */
	int status;
};

/* supervisor_end.c */
void supervisor_begin_stop(struct supervisor *s, const char *why);
/* When nothing is in hand any more: gives the lease back and closes all parts. */
void supervisor_finish_stop(struct supervisor *s);
/* Told to stop once more: no more grace; then kills. */
void supervisor_hurry(struct supervisor *s);
/* Nothing is in hand, and no claim can bring anything. */
bool supervisor_at_rest(const struct supervisor *s);
/* Somebody waits for a daemon that is to end by itself; others try for ever. */
void supervisor_queue_is_away(struct supervisor *s);

#endif
