/* SPDX-License-Identifier: MIT */
#include "worker/worker.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "protocol.h"
#include "worker/errand.h"
#include "worker/pipeline.h"
#include "worker/process.h"
#include "worker/talk.h"

/* ms: an idle worker resets its source connections after RESET_MS, and closes
 * them after IDLE_MS. */
#define RESET_MS 1000
#define IDLE_MS 300000

/* ---- jobs ---- */

static int run_stages(struct job *job, struct err *e)
{
	return pipeline_prepare(job, e) == 0 ? pipeline_run(job, e) : -1;
}

static int run(struct worker *w, struct job *job, struct err *e)
{
	struct connection *c;
	int rc;

	job->needs_source = pipeline_needs_source(job);
	if (pipeline_bring(job, e) != 0)
		return -1;
	if (job->outcome.idle)
		return 0;
	if (!job->needs_source)
		return run_stages(job, e);
	c = connections_begin(
	    &w->connections, job, pipeline_only_reads(job), e);
	if (c == NULL)
		return -1;
	job->lent.source = c->source;
	rc = run_stages(job, e);
	job->outcome.of_source = source_remark(c->source);
	job_add_remark(job, job->outcome.of_source);
	connections_end(c);
	return rc;
}

static void run_job(struct worker *w, struct task *t)
{
	struct job *job = &t->job;
	bool failed;
	struct err e;

	w->progress_ms = clock_boot_ms();
	failed = job_open(job, job->asked.message, &e) != 0;
	job->lent.watch = &w->watch;
	job->lent.services = job->lent.places.services = w->services;
	job->outcome.record.announce = talk_announce;
	job->outcome.record.arg = w;
	failed = failed || run(w, job, &e) != 0;
	w->current = NULL;
	if (!failed && job->outcome.unpublished)
		talk_hold(w, t);
	else
		talk_end_task(w, t, failed ? &e : NULL);
}

/* ---- the other tasks ---- */

static void run_errand(struct worker *w, struct task *t)
{
	int64_t until_ms = json_int(t->message, "until", INT64_MAX);

	w->timeout_ms = json_int(t->message, "timeout", 0);
	w->deadline_ms = clock_boot_ms() + w->timeout_ms;
	if (until_ms < w->deadline_ms)
		w->deadline_ms = until_ms;
	errand_kind(t->type)->run(t->message, w->services, &w->stop, &w->out);
	w->current = NULL;
	task_free(t);
}

static void take_settings(struct worker *w, struct task *t)
{
	struct settings *settings =
	    settings_unpack(json_object_get(t->message, "settings"));

	if (w->settings == NULL)
		message_hello(&w->out);
	connections_drop_served(&w->connections);
	services_close(w->services);
	settings_free(w->settings);
	w->settings = settings;
	w->services = services_open(settings);
	services_set_watch(w->services, &w->watch);
	task_free(t);
}

/* Executes a task. Returns true when it may have left source connections with a
 * used session. */
static bool run_task(struct worker *w, struct task *t)
{
	if (t->type == MSG_SETTINGS) {
		take_settings(w, t);
		return false;
	}
	process_forget_signals();
	w->stop = false;
	w->current = t;
	if (t->type == MSG_JOB)
		run_job(w, t);
	else
		run_errand(w, t);
	w->idle_ms = clock_boot_ms();
	return true;
}

/* ---- */

/* Does not read the socket: a message taken here would be handled only after
 * the wait. */
static int look_up_idle(void *arg, struct err *e)
{
	struct worker *w = arg;

	(void)e;
	talk_check_deadlines(w, clock_boot_ms());
	talk_flush(w);
	return 0;
}

/* Returns until when to sleep (boot clock, ms); `used`: a task has run since
 * the last reset. */
static int64_t wake_ms(struct worker *w, bool used)
{
	int64_t ends = connections_expire(&w->connections);
	int64_t rest = w->idle_ms + (used ? RESET_MS : IDLE_MS);

	return rest < ends ? rest : ends;
}

/* Nothing has arrived: resets or closes source connections when it is time. */
static void rest(struct worker *w, bool *used)
{
	int64_t now = clock_boot_ms();

	if (*used && now >= w->idle_ms + RESET_MS) {
		connections_reset(&w->connections);
		*used = false;
	} else if (!*used && now >= w->idle_ms + IDLE_MS) {
		connections_close(&w->connections);
		w->idle_ms = now;
	}
}

/* Says whether a held output holds locks: nothing else is done before the answer
 * about it, so nobody waits for those locks longer than for this answer. */
static bool holds_locks(const struct worker *w)
{
	const struct task *t = w->held.first;

	while (t != NULL && !job_holds_locks(&t->job))
		t = t->next;
	return t != NULL;
}

static void serve(struct worker *w)
{
	struct watch idle = {
	    .check = look_up_idle, .arg = w, .wait_mask = &w->wait_mask};
	bool used = false;
	struct task *t;
	struct err e;
	int rc;

	while (!w->orphan) {
		talk_hear(w); /* so that a stop is read before its job begins */
		/* Settings are not taken while outputs are held, because these
		 * still use the old ones. */
		t = holds_locks(w)
			? NULL
			: tasks_next(&w->inbox, w->held.first != NULL);
		if (t != NULL) {
			used = run_task(w, t) || used;
			continue;
		}
		rc = watch_wait(
		    &idle, PROTOCOL_FD, POLLIN, wake_ms(w, used), &e);
		if (rc < 0)
			return;
		if (rc > 0)
			talk_hear(w);
		else
			rest(w, &used);
	}
}

int worker_main(int64_t memory_limit)
{
	struct worker w = {0};

	prctl(PR_SET_NAME, "reportd-worker");
	process_limit(memory_limit);
	process_set_signals(&w.wait_mask);
	lines_init(&w.in);
	terms_init(&w.terms);
	buf_init(&w.out, 2 * PROTOCOL_LINE_MAX);
	w.wake =
	    (struct wake){.fd = PROTOCOL_FD, .ready = talk_hear, .arg = &w};
	w.watch = (struct watch){.check = talk_look_up,
	    .arg = &w,
	    .wait_mask = &w.wait_mask,
	    .wake = &w.wake};
	serve(&w);
	tasks_free(&w.held);
	tasks_free(&w.inbox);
	connections_close(&w.connections);
	services_close(w.services);
	settings_free(w.settings);
	buf_free(&w.out);
	terms_free(&w.terms);
	lines_free(&w.in);
	return w.unfit ? PROTOCOL_UNFIT : 0;
}
