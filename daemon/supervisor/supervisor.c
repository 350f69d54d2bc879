/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/mem.h"
#include "config.h"
#include "sql/queue.h"
#include "supervisor/sdnotify.h"
#include "supervisor/supervisor_parts.h"

static const int signal_numbers[SUPERVISOR_SIGNALS] = {SIGTERM, SIGINT, SIGHUP};

static const struct statement drained = {"drained", sql_drained, 1};

/* ---- what the parts tell ---- */

static void on_queue_up(void *arg)
{
	struct supervisor *s = arg;

	lease_up(s->lease);
}

static void on_queue_down(void *arg, const struct err *e)
{
	struct supervisor *s = arg;

	(void)e;
	poller_down(s->poller);
	inbox_down(s->inbox);
	listings_down(s->listings);
	moves_down(s->moves);
	arrivals_down(s->arrivals);
	supervisor_queue_is_away(s);
	sdnotify("STATUS=waiting for the queue database");
}

static void on_notified(void *arg, const char *channel)
{
	struct supervisor *s = arg;

	if (strcmp(channel, "reportd_inbox") == 0)
		inbox_look(s->inbox);
	else
		poller_notified(s->poller, channel);
}

const struct queue_events supervisor_queue_events = {
    .up = on_queue_up, .down = on_queue_down, .notified = on_notified};

static void hear(const struct supervisor *s, const char *path)
{
	if (s->phase == RUNNING && !s->o.drain)
		arrivals_need(s->arrivals, path);
}

static void on_held(void *arg)
{
	struct supervisor *s = arg;

	if (s->phase == CLOSING)
		return;
	queue_works(s->queue);
	uv_timer_stop(&s->away);
	sdnotify("STATUS=working");
	runs_resend(s->runs);
	outbox_start(s->outbox);
	inbox_look(s->inbox);
	hear(s, NULL);
	poller_start(s->poller);
}

static void on_unfit(void *arg, const char *text)
{
	struct supervisor *s = arg;

	LOG(&s->log, LVL_ERROR, L_MSG(text));
	s->status = STATUS_UNFIT;
	supervisor_begin_stop(s, "the queue cannot be used");
}

static void on_program_unfit(void *arg)
{
	struct supervisor *s = arg;

	if (s->phase != RUNNING)
		return;
	LOG(&s->log, LVL_ERROR,
	    L_MSG("the worker program is of another version than this daemon: "
		  "install both of one version, and start reportd again"),
	    L_STR("version", PACKAGE_VERSION));
	s->status = STATUS_UNFIT;
	supervisor_begin_stop(s, "no worker can be started");
}

static void on_renewed(void *arg)
{
	supervisor_tell_web(arg);
}

static const struct lease_events lease_events = {
    .held = on_held, .renewed = on_renewed, .unfit = on_unfit};

static void on_quiet(uv_timer_t *timer)
{
	supervisor_ask_to_leave(timer->data);
}

/* Called when the last run or the last notice has ended. */
static void on_idle(void *arg)
{
	struct supervisor *s = arg;

	if (s->phase == STOPPING && supervisor_at_rest(s))
		supervisor_finish_stop(s);
	uv_timer_stop(&s->idle);
	if (s->phase == RUNNING && (s->o.drain || s->o.idle_exit_ms > 0))
		poller_look(s->poller);
}

static void on_due_again(void *arg)
{
	struct supervisor *s = arg;

	if (s->phase == RUNNING)
		poller_look(s->poller);
}

static void on_notices(void *arg)
{
	struct supervisor *s = arg;

	outbox_look(s->outbox);
}

static void on_urgent(void *arg)
{
	struct supervisor *s = arg;

	poller_beat(s->poller);
}

static void on_run_ended(void *arg)
{
	struct supervisor *s = arg;

	/* The pool starts its workers before the poller exists. */
	if (s->phase != RUNNING || s->poller == NULL)
		return;
	inbox_run_ended(s->inbox);
	poller_run_ended(s->poller);
}

static int64_t on_lease_until(void *arg)
{
	struct supervisor *s = arg;

	return lease_until(s->lease);
}

static const char *on_worker_id(void *arg)
{
	struct supervisor *s = arg;

	return lease_worker_id(s->lease);
}

/* A daemon that ends by itself ends now, because its work will not get less. Any
 * other waits for a program that can start. */
static void on_barren(void *arg)
{
	struct supervisor *s = arg;

	if (s->phase != RUNNING || !(s->o.drain || s->o.idle_exit_ms > 0))
		return;
	s->status = STATUS_UNFIT;
	supervisor_begin_stop(s, "no worker can be started");
}

static const struct runs_events runs_events = {.idle = on_idle,
    .barren = on_barren,
    .ended = on_run_ended,
    .notices = on_notices,
    .due_again = on_due_again,
    .urgent = on_urgent,
    .lease_until = on_lease_until,
    .worker_id = on_worker_id};

static const struct outbox_events outbox_events = {
    .idle = on_idle, .due_again = on_due_again, .worker_id = on_worker_id};

static void on_begun(void *arg, const char *path)
{
	hear(arg, path);
}

static const struct listings_events listings_events = {
    .listed = on_due_again, .worker_id = on_worker_id, .begun = on_begun};

static void on_inbox_ended(void *arg)
{
	struct supervisor *s = arg;

	if (s->phase == STOPPING && supervisor_at_rest(s))
		supervisor_finish_stop(s);
	else
		on_due_again(s);
}

static const struct inbox_events inbox_events = {
    .ended = on_inbox_ended, .worker_id = on_worker_id};

/* Decides whether a draining daemon ends. It stays for a retry that is due
 * within poll_interval, for the reports of a daemon that has died, and for
 * AFTER reports that have still to be opened. It does not wait for reports that
 * run on other daemons. */
static void on_drained(
    void *arg, const struct reply *reply, const struct err *e)
{
	struct supervisor *s = arg;
	int64_t retry_ms;

	if (reply == NULL && e->kind != ERR_LOST)
		LOG(&s->log, LVL_ERROR, L_MSG("looking for more work failed"),
		    L_STR("error", e->text), L_STR("sqlstate", e->sqlstate));
	if (reply == NULL || s->phase != RUNNING || !supervisor_at_rest(s))
		return;
	retry_ms = reply_int(reply, 0, 0, INT64_MAX);
	if (retry_ms <= s->settings->poll_interval || reply_bool(reply, 0, 1) ||
	    !inbox_is_settled(s->inbox))
		return;
	if (runs_failed(s->runs) > 0 || retry_ms < INT64_MAX)
		s->status = STATUS_REPORTS;
	supervisor_begin_stop(s, "nothing is due any more");
}

static void on_caught_up(void *arg)
{
	struct supervisor *s = arg;

	if (!supervisor_at_rest(s))
		uv_timer_stop(&s->idle);
	else if (s->o.drain && s->phase == RUNNING)
		queue_send(s->queue, NULL, &drained,
		    (const char *const[]){lease_worker_id(s->lease)},
		    on_drained, s);
	else if (s->o.idle_exit_ms > 0 &&
		 !uv_is_active((uv_handle_t *)&s->idle))
		uv_timer_start(
		    &s->idle, on_quiet, (uint64_t)s->o.idle_exit_ms, 0);
}

static void on_last_claim(void *arg)
{
	struct supervisor *s = arg;

	if (s->phase != STOPPING)
		return;
	runs_release_waiting(s->runs);
	if (supervisor_at_rest(s))
		supervisor_finish_stop(s);
}

static const struct poller_events poller_events = {
    .caught_up = on_caught_up, .last_claim = on_last_claim};

/* ---- signals and timers ---- */

static void on_signal(uv_signal_t *handle, int number)
{
	struct supervisor *s = handle->data;

	if (number == SIGHUP) {
		if (s->phase == RUNNING)
			supervisor_reload(s);
	} else if (s->phase == RUNNING) {
		supervisor_begin_stop(s, strsignal(number));
	} else if (s->phase == STOPPING) {
		supervisor_hurry(s);
	}
}

static void on_watchdog(uv_timer_t *timer)
{
	(void)timer;
	sdnotify("WATCHDOG=1");
}

static void start_timers(struct supervisor *s)
{
	int64_t watchdog = sdnotify_watchdog_ms();

	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < SUPERVISOR_SIGNALS; i++) {
		uv_signal_init(&s->loop, &s->signals[i]);
		s->signals[i].data = s;
		uv_signal_start(&s->signals[i], on_signal, signal_numbers[i]);
	}
	uv_timer_init(&s->loop, &s->watchdog);
	uv_timer_init(&s->loop, &s->idle);
	uv_timer_init(&s->loop, &s->grace);
	uv_timer_init(&s->loop, &s->away);
	s->idle.data = s->grace.data = s->away.data = s;
	if (watchdog > 0)
		uv_timer_start(
		    &s->watchdog, on_watchdog, 0, (uint64_t)watchdog);
}

static void open_errands(struct supervisor *s)
{
	char *hello = supervisor_greeting(s, FOR_NOTICES);

	s->errands = errands_open(&(struct errands_options){.loop = &s->loop,
	    .log = &s->log,
	    .program = s->program,
	    .settings = s->settings,
	    .greeting = hello});
	mem_wipe(hello);
	s->outbox = outbox_open(&(struct outbox_options){.loop = &s->loop,
	    .log = &s->log,
	    .queue = s->queue,
	    .errands = s->errands,
	    .settings = s->settings,
	    .events = &outbox_events,
	    .arg = s});
	s->sweeps = sweeps_open(&(struct sweeps_options){.log = &s->log,
	    .queue = s->queue,
	    .errands = s->errands,
	    .settings = s->settings});
	s->inbox = inbox_open(&(struct inbox_options){.loop = &s->loop,
	    .log = &s->log,
	    .queue = s->queue,
	    .errands = s->errands,
	    .settings = s->settings,
	    .events = &inbox_events,
	    .arg = s});
	s->listings = listings_open(&(struct listings_options){.log = &s->log,
	    .queue = s->queue,
	    .errands = s->errands,
	    .settings = s->settings,
	    .events = &listings_events,
	    .arg = s});
	s->moves = moves_open(&(struct moves_options){.log = &s->log,
	    .queue = s->queue,
	    .errands = s->errands,
	    .moved = on_due_again,
	    .worker_id = on_worker_id,
	    .arg = s});
	s->arrivals = arrivals_open(&(struct arrivals_options){.loop = &s->loop,
	    .log = &s->log,
	    .queue = s->queue,
	    .errands = s->errands,
	    .settings = s->settings,
	    .arrived = on_due_again,
	    .worker_id = on_worker_id,
	    .arg = s});
}

static void open_parts(struct supervisor *s)
{
	struct queue_options q = supervisor_queue_options(s);
	char *hello = supervisor_greeting(s, FOR_REPORTS);

	s->web = web_open(&(struct web_options){
	    .loop = &s->loop, .log = &s->log, .settings = s->settings});
	s->queue = queue_open(&q);
	s->runs = runs_open(&(struct runs_options){.loop = &s->loop,
	    .log = &s->log,
	    .queue = s->queue,
	    .settings = s->settings,
	    .events = &runs_events,
	    .arg = s});
	s->lease = lease_open(&(struct lease_options){.log = &s->log,
	    .queue = s->queue,
	    .runs = s->runs,
	    .settings = s->settings,
	    .events = &lease_events,
	    .arg = s});
	s->pool = pool_open(&(struct pool_options){.loop = &s->loop,
	    .log = &s->log,
	    .program = s->program,
	    .size = (int)s->settings->workers,
	    .memory = s->settings->worker_memory,
	    .greeting = hello,
	    .hidden = s->settings->secret_variables,
	    .events = &runs_pool_events,
	    .arg = s->runs});
	mem_wipe(hello);
	runs_set_pool(s->runs, s->pool);
	open_errands(s);
	s->poller = poller_open(&(struct poller_options){.loop = &s->loop,
	    .log = &s->log,
	    .queue = s->queue,
	    .lease = s->lease,
	    .runs = s->runs,
	    .outbox = s->outbox,
	    .sweeps = s->sweeps,
	    .listings = s->listings,
	    .moves = s->moves,
	    .settings = s->settings,
	    .drains = s->o.drain,
	    .events = &poller_events,
	    .arg = s});
}

static int open_program(struct supervisor *s)
{
	struct err e;

	s->program = program_open(PROGRAM_WORKER, &e);
	if (s->program == NULL) {
		LOG(&s->log, LVL_ERROR, L_MSG("no worker can be started"),
		    L_STR("error", e.text));
		return -1;
	}
	program_watch(s->program, on_program_unfit, s);
	return 0;
}

int supervisor_run(const struct supervisor_options *options)
{
	struct supervisor s = {.o = *options};

	supervisor_use_settings(&s, options->settings);
	if (open_program(&s) != 0) {
		settings_free(s.settings);
		return STATUS_UNFIT;
	}
	uv_loop_init(&s.loop);
	start_timers(&s);
	LOG(&s.log, LVL_INFO, L_MSG("starting"),
	    L_STR("version", PACKAGE_VERSION),
	    L_INT("workers", s.settings->workers),
	    L_STR("output_root", s.settings->output_root));
	supervisor_look_at_file(&s);
	open_parts(&s);
	supervisor_survey(&s);
	supervisor_queue_is_away(&s);
	sdnotify("READY=1\nSTATUS=waiting for the queue database");
	uv_run(&s.loop, UV_RUN_DEFAULT);
	uv_loop_close(&s.loop);
	lease_free(s.lease);
	sweeps_free(s.sweeps);
	listings_free(s.listings);
	moves_free(s.moves);
	program_close(s.program);
	settings_free(s.settings);
	return s.status;
}
