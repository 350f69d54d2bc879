/* SPDX-License-Identifier: MIT */
#include "worker/talk.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/io.h"
#include "config.h"
#include "protocol.h"
#include "worker/errand.h"
#include "worker/pipeline.h"
#include "worker/process.h"
#include "worker/unloads.h"

#define PROGRESS_MS 1000
/* ms: a task that works without waiting reads messages of the supervisor this
 * often. */
#define HEAR_MS 100

/* ---- to the supervisor ---- */

void talk_flush(struct worker *w)
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
	    .stage_ms = job->outcome.stage_ms,
	    .rows = job->outcome.rows,
	    .bytes = job->outcome.bytes,
	    .output_url = job->outcome.output_url,
	    .sha256 = job->outcome.sha256[0] ? job->outcome.sha256 : NULL,
	    .outputs = job->outcome.outputs,
	    .remark = job->outcome.remark,
	    .result = job->outcome.result,
	    .horizon = job->outcome.horizon[0] ? job->outcome.horizon : NULL,
	    .holder_pid = job->outcome.holder.pid,
	    .holder_age_s = job->outcome.holder.age_s,
	    .leftovers = job->outcome.record.list,
	    .aside = job->outcome.aside,
	    .checks = job->outcome.checks,
	    .score = job->outcome.checks ? job->outcome.score : -1,
	    .waits = failure != NULL && job->outcome.waits};
	if (failure != NULL) {
		r.status = "FAILED";
		r.holder_pid = 0;
		r.permanent = failure->kind == ERR_PERMANENT;
		r.sha256 = NULL;
		r.output_url = r.outputs = r.horizon = NULL;
		r.remark = job->outcome.of_source;
		r.result = NULL;
		r.error_stage = job->outcome.stage;
		r.error_sqlstate =
		    failure->sqlstate[0] ? failure->sqlstate : NULL;
		r.error_message = failure->text;
	}
	message_result(&w->out, &r);
}

static void say_progress(struct worker *w, const struct job *job)
{
	message_progress(&w->out, job->asked.run_id, job->outcome.stage,
	    job->outcome.rows < 0 ? 0 : job->outcome.rows,
	    job->outcome.bytes < 0 ? 0 : job->outcome.bytes,
	    job->outcome.record.list);
}

/* ---- outputs that wait for the answer to "publish" ---- */

void talk_hold(struct worker *w, struct task *t)
{
	tasks_add(&w->held, t);
	if (unloads_over(&t->job))
		say_progress(w, &t->job);
	message_publish_ask(&w->out, t->job.asked.run_id,
	    t->job.outcome.horizon[0] ? t->job.outcome.horizon : NULL);
}

void talk_end_task(struct worker *w, struct task *t, const struct err *failure)
{
	/* done first, because the result lists what is left */
	if (failure != NULL)
		pipeline_abort(&t->job);
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
		rc = pipeline_publish(&t->job, &e);
	if (rc == 1)
		talk_hold(w, t);
	else
		talk_end_task(w, t, rc != 0 ? &e : NULL);
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
		talk_end_task(w, t, &e);
		return;
	}
	errand_kind(t->type)->decline(t->message, &w->out);
	task_free(t);
}

void talk_check_deadlines(struct worker *w, int64_t now)
{
	struct task *next;
	struct err e;

	for (struct task *t = w->held.first; t != NULL; t = next) {
		next = t->next;
		if (t->job.asked.deadline_ms == 0 ||
		    now < t->job.asked.deadline_ms)
			continue;
		job_timed_out(&t->job, &e);
		talk_end_task(w, tasks_take(&w->held, t->run_id), &e);
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

	if (message_parse_task(&w->terms, line, len, &m, &e) != 0) {
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

void talk_hear(void *arg)
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

void talk_announce(void *arg)
{
	struct worker *w = arg;

	if (w->current == NULL)
		return;
	say_progress(w, &w->current->job);
	talk_flush(w);
}

static int look_up_job(
    struct worker *w, const struct job *job, int64_t now, struct err *e)
{
	if (now - w->progress_ms >= PROGRESS_MS) {
		w->progress_ms = now;
		say_progress(w, job);
		talk_flush(w);
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

int talk_look_up(void *arg, struct err *e)
{
	struct worker *w = arg;
	int64_t now = clock_boot_ms();

	if (now - w->heard_ms >= HEAR_MS) {
		talk_hear(w);
		talk_check_deadlines(w, now);
		connections_expire(&w->connections);
	}
	talk_flush(w);
	if (w->orphan)
		return err_set(e, ERR_LOST, "the supervisor is gone");
	if (w->current == NULL) /* a held output is being published */
		return 0;
	return w->current->type == MSG_JOB
		   ? look_up_job(w, &w->current->job, now, e)
		   : look_up_errand(w, now, e);
}
