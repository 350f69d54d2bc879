/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <uv.h>

#include "base/clock.h"
#include "config.h"
#include "protocol.h"
#include "settings/apart.h"
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
	supervisor_queue_is_away(s);
	sdnotify("STATUS=waiting for the queue database");
}

static void on_notified(void *arg, const char *channel)
{
	struct supervisor *s = arg;

	poller_notified(s->poller, channel);
}

static const struct queue_events queue_events = {
    .up = on_queue_up, .down = on_queue_down, .notified = on_notified};

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

static const struct lease_events lease_events = {
    .held = on_held, .unfit = on_unfit};

static void on_quiet(uv_timer_t *timer)
{
	struct supervisor *s = timer->data;

	if (supervisor_at_rest(s))
		supervisor_begin_stop(s, "idle");
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
	if (s->phase == RUNNING && s->poller != NULL)
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

static const struct runs_events runs_events = {.idle = on_idle,
    .ended = on_run_ended,
    .notices = on_notices,
    .due_again = on_due_again,
    .urgent = on_urgent,
    .lease_until = on_lease_until,
    .worker_id = on_worker_id};

static const struct outbox_events outbox_events = {
    .idle = on_idle, .due_again = on_due_again, .worker_id = on_worker_id};

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
	if (retry_ms <= s->settings->poll_interval ||
	    strcmp(reply_text(reply, 0, 1), "t") == 0)
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

/* ---- settings and signals ---- */

/* Returns the channels to listen to. A daemon that limits a source listens for
 * the end of runs on all daemons as well. */
static const char *const *channels(const struct settings *settings)
{
	static const char *const some[] = {
	    "reportd_pending", "reportd_cancel", "reportd_watch", NULL};
	static const char *const all[] = {"reportd_pending", "reportd_cancel",
	    "reportd_watch", "reportd_done", NULL};

	if (!settings->listen)
		return NULL;
	for (int i = 0; i < settings->source_count; i++) {
		if (settings->sources[i].max_running > 0)
			return all;
	}
	return some;
}

static struct queue_options queue_options(struct supervisor *s)
{
	return (struct queue_options){.loop = &s->loop,
	    .log = &s->log,
	    .conninfo = s->settings->queue_conninfo,
	    .secret_arn = s->settings->queue_secret_arn,
	    .program = s->program,
	    .settings = s->settings,
	    .channels = channels(s->settings),
	    .timeout_ms = s->settings->queue_timeout,
	    .events = &queue_events,
	    .arg = s};
}

/* Uses these settings. The caller frees the old ones. */
static void use_settings(struct supervisor *s, struct settings *settings)
{
	if (s->o.workers > 0)
		settings->workers = s->o.workers;
	s->settings = settings;
	s->log = settings_log(settings);
	if (s->log.target == LOG_TARGET_SYSLOG)
		openlog("reportd", LOG_PID, LOG_DAEMON);
	/* adhoc_workers can reach the number of workers only by --workers. */
	if (settings->adhoc_workers < settings->workers)
		return;
	settings->adhoc_workers = settings->workers - 1;
	LOG(&s->log, LVL_WARN,
	    L_MSG("--workers leaves none for SCHEDULED reports: fewer are "
		  "kept for ADHOC ones than adhoc_workers says"),
	    L_INT("workers", settings->workers),
	    L_INT("adhoc_workers", settings->adhoc_workers));
}

/* Returns the first line for each worker, which the caller frees. */
static char *greeting(const struct supervisor *s, enum settings_reader reader)
{
	char *settings = settings_pack(s->settings, reader);
	struct buf line;

	buf_init(&line, PROTOCOL_LINE_MAX);
	message_settings(&line, settings);
	free(settings);
	return line.data;
}

static void look_at_file(const struct supervisor *s)
{
	struct err e;

	if (settings_check_private(s->settings, s->o.settings_path, &e) != 0)
		LOG(&s->log, LVL_WARN, L_MSG("the settings are not private"),
		    L_STR("error", e.text));
}

static void reload(struct supervisor *s)
{
	struct settings *settings, *old = s->settings;
	struct queue_options q;
	char *hello;
	struct err e;

	sdnotify_reloading();
	settings = s->o.load(s->o.settings_path, &e);
	if (settings == NULL) {
		LOG(&s->log, LVL_ERROR,
		    L_MSG("the new settings are wrong, the old ones stay"),
		    L_STR("error", e.text));
		sdnotify("READY=1");
		return;
	}
	use_settings(s, settings);
	runs_set_settings(s->runs, settings);
	lease_set_settings(s->lease, settings);
	poller_set_settings(s->poller, settings);
	outbox_set_settings(s->outbox, settings);
	sweeps_set_settings(s->sweeps, settings);
	hello = greeting(s, FOR_NOTICES);
	errands_set_settings(s->errands, settings, hello);
	free(hello);
	/* No module uses the old settings any more. The following calls may
	 * call back into the modules. */
	settings_free(old);
	hello = greeting(s, FOR_REPORTS);
	pool_greet(s->pool, hello);
	free(hello);
	pool_hide(s->pool, settings->secret_variables);
	pool_resize(s->pool, (int)settings->workers, settings->worker_memory);
	q = queue_options(s);
	queue_reopen(s->queue, &q);
	LOG(&s->log, LVL_INFO, L_MSG("settings read again"));
	look_at_file(s);
	sdnotify("READY=1");
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct supervisor *s = handle->data;

	if (number == SIGHUP) {
		if (s->phase == RUNNING)
			reload(s);
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
	char *hello = greeting(s, FOR_NOTICES);

	s->errands = errands_open(&(struct errands_options){.loop = &s->loop,
	    .log = &s->log,
	    .program = s->program,
	    .settings = s->settings,
	    .greeting = hello});
	free(hello);
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
}

static void open_parts(struct supervisor *s)
{
	struct queue_options q = queue_options(s);
	char *hello = greeting(s, FOR_REPORTS);

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
	free(hello);
	runs_set_pool(s->runs, s->pool);
	open_errands(s);
	s->poller = poller_open(&(struct poller_options){.loop = &s->loop,
	    .log = &s->log,
	    .queue = s->queue,
	    .lease = s->lease,
	    .runs = s->runs,
	    .outbox = s->outbox,
	    .sweeps = s->sweeps,
	    .settings = s->settings,
	    .drains = s->o.drain,
	    .events = &poller_events,
	    .arg = s});
}

static int open_program(struct supervisor *s)
{
	struct err e;

	s->program = program_open(&e);
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

	use_settings(&s, options->settings);
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
	look_at_file(&s);
	open_parts(&s);
	supervisor_queue_is_away(&s);
	sdnotify("READY=1\nSTATUS=waiting for the queue database");
	uv_run(&s.loop, UV_RUN_DEFAULT);
	uv_loop_close(&s.loop);
	lease_free(s.lease);
	sweeps_free(s.sweeps);
	program_close(s.program);
	settings_free(s.settings);
	return s.status;
}
