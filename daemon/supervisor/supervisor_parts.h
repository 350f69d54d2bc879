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
 * The parts that the two files of the supervisor share: supervisor.c connects
 * its modules and passes on their events; supervisor_end.c ends them.
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
	bool given_up; /* shutdown_grace is over, runs are being given back */
	int status;
};

/* supervisor_end.c */
/* Begins the shutdown; `why` is for the log. */
void supervisor_begin_stop(struct supervisor *s, const char *why);
/* Ends the shutdown when nothing is in hand any more: gives the lease back and
 * closes all modules. */
void supervisor_finish_stop(struct supervisor *s);
/* Handles a further signal during the shutdown: ends the grace, or kills the
 * workers when the grace is over. */
void supervisor_hurry(struct supervisor *s);
/* Says whether nothing is in hand, and no claim can bring anything. */
bool supervisor_at_rest(const struct supervisor *s);
/* Notes that the queue cannot be used. A daemon that ends by itself gives up
 * after the length of a lease; all others try for ever. */
void supervisor_queue_is_away(struct supervisor *s);

#endif
