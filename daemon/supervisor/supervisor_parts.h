/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_SUPERVISOR_PARTS_H
#define SUPERVISOR_SUPERVISOR_PARTS_H

#include <uv.h>

#include "base/log.h"
#include "supervisor/arrivals.h"
#include "supervisor/errands.h"
#include "supervisor/inbox.h"
#include "supervisor/listings.h"
#include "supervisor/moves.h"
#include "supervisor/outbox.h"
#include "supervisor/pool.h"
#include "supervisor/program.h"
#include "supervisor/queue/queue.h"
#include "supervisor/runs/runs.h"
#include "supervisor/supervisor.h"
#include "supervisor/survey.h"
#include "supervisor/sweeps.h"
#include "supervisor/tick/lease.h"
#include "supervisor/tick/poller.h"
#include "supervisor/web.h"

/*
 * The parts that the files of the supervisor share: supervisor.c connects its
 * modules and passes on their events; supervisor_settings.c gives them settings;
 * supervisor_end.c ends them.
 */
enum phase { RUNNING, STOPPING, CLOSING };

#define SUPERVISOR_SIGNALS 3

struct supervisor {
	struct supervisor_options o;
	struct settings *settings;
	struct settings
	    *next; /* read again, and not in use before the survey */
	struct survey *survey; /* NULL: none is under way */
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
	struct inbox *inbox;
	struct listings *listings;
	struct moves *moves;
	struct arrivals *arrivals;
	struct poller *poller;
	struct web *web;
	enum phase phase;
	bool given_up; /* shutdown_grace is over, runs are being given back */
	int status;
};

/* supervisor.c */
extern const struct queue_events supervisor_queue_events;

/* supervisor_settings.c */
/* Uses these settings. The caller frees the old ones. */
void supervisor_use_settings(struct supervisor *s, struct settings *settings);
struct queue_options supervisor_queue_options(struct supervisor *s);
/* Returns the first line for each process of this kind, which holds secrets:
 * mem_wipe() frees it. */
char *supervisor_greeting(
    const struct supervisor *s, enum settings_reader reader);
/* Warns when others can read a settings file that holds secrets, and of variables
 * that win over its keys. */
void supervisor_look_at_file(const struct supervisor *s);
/* Begins the survey of the first settings, which only warns. */
void supervisor_survey(struct supervisor *s);
/* Ends a survey, and forgets settings that wait for it. */
void supervisor_end_survey(struct supervisor *s);
/* Reads the settings again, and takes them after a survey; wrong ones change
 * nothing. */
void supervisor_reload(struct supervisor *s);

/* supervisor_end.c */
/* Begins the shutdown; `why` is for the log. */
void supervisor_begin_stop(struct supervisor *s, const char *why);
/* Begins it when the queue says that nothing is left for a daemon with nothing in
 * hand. */
void supervisor_ask_to_leave(struct supervisor *s);
/* Ends the shutdown when nothing is in hand any more: gives the lease back and
 * closes all modules. */
void supervisor_finish_stop(struct supervisor *s);
/* Handles a further signal during the shutdown: ends the grace, or kills the
 * workers when the grace is over. */
void supervisor_hurry(struct supervisor *s);
/* Tells reportd-http how the daemon is. */
void supervisor_tell_web(struct supervisor *s);
/* Says whether nothing is in hand, and no claim can bring anything. */
bool supervisor_at_rest(const struct supervisor *s);
/* Notes that the queue cannot be used. A daemon that ends by itself gives up
 * after the length of a lease; all others try for ever. */
void supervisor_queue_is_away(struct supervisor *s);

#endif
