/* SPDX-License-Identifier: MIT */
#include "worker/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "config.h"
#include "protocol.h"
#include "worker/connections.h"
#include "worker/errand.h"
#include "worker/process.h"
#include "worker/task.h"

#define PROGRESS_MS 1000
/* ms: a task that works without waiting reads messages of the supervisor this
 * often. */
#define HEAR_MS 100
/* ms: an idle worker resets its source connections after RESET_MS, and closes
 * them after IDLE_MS. */
#define RESET_MS 1000
#define IDLE_MS 300000

struct worker {
	struct lines in;
	struct buf out; /* lines for the supervisor, sent before any wait */
	struct tasks inbox;
	/* jobs whose output waits for the answer to "publish" */
	struct tasks held;
	struct task *current; /* the task at work; NULL: idle */
	/* boot clock, ms: end of an errand; its time limit */
	int64_t deadline_ms, timeout_ms;
	bool stop; /* the current task must stop */
	int64_t progress_ms, heard_ms;
	int64_t idle_ms; /* boot clock, ms: when the last task ended */
	bool hearing;
	bool orphan; /* the supervisor has closed the connection */
	bool unfit;  /* the supervisor is of another version */
	struct connections connections;
	/* settings of `services`; NULL: none received yet */
	struct settings *settings;
	struct services *services;
	sigset_t wait_mask;
	struct wake wake;
	struct watch watch;
};

/* ---- to the supervisor ---- */

static void flush(struct worker *w)
{
	struct err unused;

	if (w->out.len > 0 && io_write_all(PROTOCOL_FD, w->out.data, w->out.len,
				  "to the supervisor", &unused) != 0)
		w->orphan = true;
	buf_clear(&w->out);
}

static void say_result(
    struct worker *w, const struct job *job, const struct err *failure)
{
	struct run_result r = {.run_id = job->asked.run_id,
	    .config_id = job->asked.config_id,
	    .status = "COMPLETED",
	    .stage = job->outcome.stage,
	    .prep_ms = job->outcome.prep_ms,
	    .rows = job->outcome.rows,
	    .bytes = job->outcome.bytes,
	    .output_url = job->outcome.output_url,
	    .sha256 = job->outcome.sha256[0] ? job->outcome.sha256 : NULL,
	    .outputs = job->outcome.outputs,
	    .remark = job->outcome.remark,
	    .uploads = job->outcome.record.list};
	if (failure != NULL) {
		r.status = "FAILED";
		r.permanent = failure->kind == ERR_PERMANENT;
		r.sha256 = NULL;
		r.output_url = r.outputs = r.remark = NULL;
		r.error_stage = job->outcome.stage;
		r.error_sqlstate =
		    failure->sqlstate[0] ? failure->sqlstate : NULL;
		r.error_message = failure->text;
	}
	message_result(&w->out, &r);
}

/* ---- outputs that wait for the answer to "publish" ---- */

static void hold(struct worker *w, struct task *t)
{
	tasks_add(&w->held, t);
	message_publish_ask(&w->out, t->job.asked.run_id);
}

/* Sends the result of a job and frees its task. */
static void end_task(
    struct worker *w, struct task *t, const struct err *failure)
{
	/* done first, because the result lists what is left */
	if (failure != NULL)
		job_abort(&t->job);
	say_result(w, &t->job, failure);
	task_free(t);
}

/*
 * Handles the answer to "publish". It is valid until a moment before which no
 * other daemon can take the lease. When the answer comes too late, because this
 * process was suspended meanwhile, it is asked for again.
 */
static void take_answer(struct worker *w, int64_t run_id, const json_t *answer)
{
	struct task *t = tasks_take(&w->held, run_id);
	struct err e;
	int rc;

	if (t == NULL)
		return;
	t->job.lent.publish_until_ms = json_int(answer, "until", 0);
	if (!json_bool(answer, "go", false))
		rc = err_set(
		    &e, ERR_LOST, "the lease is lost; nothing was published");
	else if (clock_boot_ms() >= t->job.lent.publish_until_ms)
		rc = 1;
	else
		rc = job_publish(&t->job, &e);
	if (rc == 1)
		hold(w, t);
	else
		end_task(w, t, rc != 0 ? &e : NULL);
}

/* Stops the current task. A recall does not stop it, because it has begun; a
 * yield stops only an errand that may be repeated. */
static void stop_current(struct worker *w, const json_t *how)
{
	const struct errand_kind *kind = errand_kind(w->current->type);

	if (json_bool(how, "recall", false))
		return;
	if (json_bool(how, "yield", false) &&
	    (kind == NULL || !kind->repeats(w->current->message)))
		return;
	w->stop = true;
}

static void take_stop(struct worker *w, int64_t run_id, const json_t *how)
{
	bool recall = json_bool(how, "recall", false);
	struct task *t;
	struct err e;

	if (w->current != NULL && w->current->run_id == run_id) {
		stop_current(w, how);
		return;
	}
	t = recall ? NULL : tasks_take(&w->held, run_id);
	if (t == NULL)
		t = tasks_take(&w->inbox, run_id);
	if (t == NULL)
		return;
	if (t->type == MSG_JOB) {
		err_set(&e, ERR_CANCELLED, "stopped on request");
		end_task(w, t, &e);
		return;
	}
	errand_kind(t->type)->decline(t->message, &w->out);
	task_free(t);
}

static void check_deadlines(struct worker *w, int64_t now)
{
	struct task *next;
	struct err e;

	for (struct task *t = w->held.first; t != NULL; t = next) {
		next = t->next;
		if (t->job.asked.deadline_ms == 0 ||
		    now < t->job.asked.deadline_ms)
			continue;
		job_timed_out(&t->job, &e);
		end_task(w, tasks_take(&w->held, t->run_id), &e);
	}
}

/* ---- from the supervisor ---- */

/* Ends a job whose message cannot be parsed as failed; the other jobs go on. */
static void refuse_line(struct worker *w, const char *line, struct err *e)
{
	struct job job = {
	    .outcome = {
		.stage = "start", .prep_ms = -1, .rows = -1, .bytes = -1}};

	if (!message_is_job(line, &job.asked.run_id, &job.asked.config_id)) {
		w->orphan = true;
		return;
	}
	err_wrap(e, "start: the report's values cannot be read");
	e->kind = ERR_PERMANENT;
	say_result(w, &job, e);
}

static void take_line(struct worker *w, const char *line, size_t len)
{
	struct message m;
	struct err e;

	if (message_parse(line, len, &m, &e) != 0) {
		refuse_line(w, line, &e);
		return;
	}
	if (m.type == MSG_SETTINGS) {
		w->unfit = strcmp(json_str(m.body, "version", ""),
			       PACKAGE_VERSION) != 0;
		w->orphan = w->orphan || w->unfit;
	}
	if (m.type == MSG_JOB || m.type == MSG_SETTINGS ||
	    errand_kind(m.type) != NULL) {
		tasks_add(&w->inbox, task_new(m.type, m.body));
		return;
	}
	if (m.type == MSG_PUBLISH)
		take_answer(w, m.run_id, m.body);
	else if (m.type == MSG_STOP)
		take_stop(w, m.run_id, m.body);
	json_decref(m.body);
}

/* Reads and handles all messages that have arrived, without waiting. */
static void hear(void *arg)
{
	static char chunk[64 << 10];
	struct worker *w = arg;
	struct err e;
	size_t len;
	ssize_t n;
	char *line;

	/* a publish called from here may wait, which calls this again */
	if (w->hearing)
		return;
	w->hearing = true;
	w->heard_ms = clock_boot_ms();
	do {
		n = recv(PROTOCOL_FD, chunk, sizeof(chunk), MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) ||
		    (n > 0 && lines_feed(&w->in, chunk, (size_t)n, &e) != 0))
			w->orphan = true;
		while (!w->orphan && (line = lines_next(&w->in, &len)) != NULL)
			take_line(w, line, len);
	} while (!w->orphan && n == sizeof(chunk));
	w->hearing = false;
}

static void say_progress(struct worker *w, const struct job *job)
{
	message_progress(&w->out, job->asked.run_id, job->outcome.stage,
	    job->outcome.rows < 0 ? 0 : job->outcome.rows,
	    job->outcome.bytes < 0 ? 0 : job->outcome.bytes,
	    job->outcome.record.list);
}

static void announce(void *arg)
{
	struct worker *w = arg;

	if (w->current == NULL)
		return;
	say_progress(w, &w->current->job);
	flush(w);
}

static int look_up_job(
    struct worker *w, const struct job *job, int64_t now, struct err *e)
{
	if (now - w->progress_ms >= PROGRESS_MS) {
		w->progress_ms = now;
		say_progress(w, job);
		flush(w);
	}
	if (w->stop || process_is_told_to_stop())
		return err_set(e, ERR_CANCELLED,
		    w->stop ? "stopped on request" : "stopped by SIGTERM");
	if (job->asked.deadline_ms != 0 && now >= job->asked.deadline_ms)
		return job_timed_out(job, e);
	return 0;
}

static int look_up_errand(const struct worker *w, int64_t now, struct err *e)
{
	if (w->stop || process_is_told_to_stop())
		return err_set(e, ERR_CANCELLED,
		    w->stop ? "stopped on request" : "stopped by SIGTERM");
	if (now >= w->deadline_ms)
		return err_set(e, ERR_TIMEOUT, "%s within %lld s",
		    errand_kind(w->current->type)->late,
		    (long long)w->timeout_ms / 1000);
	return 0;
}

/* Called during every wait of a task, and regularly while it handles rows. */
static int look_up(void *arg, struct err *e)
{
	struct worker *w = arg;
	int64_t now = clock_boot_ms();

	if (now - w->heard_ms >= HEAR_MS) {
		hear(w);
		check_deadlines(w, now);
		connections_expire(&w->connections);
	}
	flush(w);
	if (w->orphan)
		return err_set(e, ERR_LOST, "the supervisor is gone");
	if (w->current == NULL) /* a held output is being published */
		return 0;
	return w->current->type == MSG_JOB
		   ? look_up_job(w, &w->current->job, now, e)
		   : look_up_errand(w, now, e);
}

/* ---- jobs ---- */

static int run(struct worker *w, struct job *job, struct err *e)
{
	struct connection *c = connections_begin(&w->connections, job, e);
	int rc = -1;

	if (c == NULL)
		return -1;
	job->lent.source = c->source;
	if (job_prepare(job, e) == 0)
		rc = job_run(job, e);
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
	job->outcome.record.announce = announce;
	job->outcome.record.arg = w;
	failed = failed || run(w, job, &e) != 0;
	w->current = NULL;
	if (!failed && job->outcome.unpublished)
		hold(w, t);
	else
		end_task(w, t, failed ? &e : NULL);
}

/* ---- the other tasks ---- */

static void run_errand(struct worker *w, struct task *t)
{
	w->timeout_ms = json_int(t->message, "timeout", 0);
	w->deadline_ms = clock_boot_ms() + w->timeout_ms;
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
	check_deadlines(w, clock_boot_ms());
	flush(w);
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

static void serve(struct worker *w)
{
	struct watch idle = {
	    .check = look_up_idle, .arg = w, .wait_mask = &w->wait_mask};
	bool used = false;
	struct task *t;
	struct err e;
	int rc;

	while (!w->orphan) {
		hear(w); /* so that a stop is read before its job begins */
		/* Settings are not taken while outputs are held, because these
		 * still use the old ones. */
		t = tasks_next(&w->inbox, w->held.first != NULL);
		if (t != NULL) {
			used = run_task(w, t) || used;
			continue;
		}
		rc = watch_wait(
		    &idle, PROTOCOL_FD, POLLIN, wake_ms(w, used), &e);
		if (rc < 0)
			return;
		if (rc > 0)
			hear(w);
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
	buf_init(&w.out, 2 * PROTOCOL_LINE_MAX);
	w.wake = (struct wake){.fd = PROTOCOL_FD, .ready = hear, .arg = &w};
	w.watch = (struct watch){.check = look_up,
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
	lines_free(&w.in);
	return w.unfit ? PROTOCOL_UNFIT : 0;
}
