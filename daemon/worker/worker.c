/* SPDX-License-Identifier: MIT */
#include "worker/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "config.h"
#include "notice/notice.h"
#include "place/place.h"
#include "protocol.h"
#include "worker/connections.h"
#include "worker/job.h"

#define PROGRESS_MS 1000
/* One that works without ever waiting hears its supervisor this often. */
#define HEAR_MS 100
/* A connection that nobody needs is left clean after RESET_MS, and given back to
 * the server after IDLE_MS. */
#define RESET_MS 1000
#define IDLE_MS 300000

/* A job that has not begun, or whose output waits for the word to publish it. */
struct task {
	struct task *next;
	struct job job;
};

struct worker {
	struct lines in;
	struct buf out; /* to the supervisor; sent before any wait */
	struct task *inbox, **inbox_end;
	struct task *held;
	struct job *job;       /* at work; NULL: idle */
	json_t *broom;         /* MSG_SWEEP that has not begun */
	json_t *letter;        /* MSG_NOTICE that has not begun */
	struct notice *notice; /* being delivered */
	int64_t notice_deadline_ms, notice_timeout_ms;
	bool stop; /* the job, or the notice */
	int64_t progress_ms, heard_ms;
	int64_t idle_ms; /* since when there was nothing to do */
	bool hearing;
	bool orphan; /* the supervisor is gone */
	bool unfit;  /* ... or is of another version */
	struct connections connections;
	struct settings *settings; /* of services; NULL: not heard yet */
	struct services *services;
	json_t *news; /* settings for when nothing is held */
	sigset_t wait_mask;
	struct wake wake;
	struct watch watch;
};

static volatile sig_atomic_t told_to_stop;

static void on_term(int sig)
{
	(void)sig;
	told_to_stop = 1;
}

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
	struct run_result r = {.run_id = job->run_id,
	    .config_id = job->config_id,
	    .status = "COMPLETED",
	    .stage = job->stage,
	    .prep_ms = job->prep_ms,
	    .rows = job->rows,
	    .bytes = job->bytes,
	    .output_url = job->output_url,
	    .sha256 = job->sha256[0] ? job->sha256 : NULL,
	    .outputs = job->outputs,
	    .remark = job->remark,
	    .uploads = job->record.list};
	if (failure != NULL) {
		r.status = "FAILED";
		r.permanent = failure->kind == ERR_PERMANENT;
		r.sha256 = NULL;
		r.output_url = r.outputs = r.remark = NULL;
		r.error_stage = job->stage;
		r.error_sqlstate =
		    failure->sqlstate[0] ? failure->sqlstate : NULL;
		r.error_message = failure->text;
	}
	message_result(&w->out, &r);
}

/* ---- what waits ---- */

static struct task *task_new(json_t *message)
{
	struct task *t = mem_zalloc(sizeof(*t));

	t->job = (struct job){.message = message,
	    .run_id = json_int(message, "run_id", 0),
	    .config_id =
		json_int(json_object_get(message, "row"), "config_id", 0),
	    .stage = "start",
	    .prep_ms = -1,
	    .rows = -1,
	    .bytes = -1};
	return t;
}

static void task_free(struct task *t)
{
	job_free(&t->job);
	free(t);
}

/* Takes the run's task out of the list; NULL: it is not there. */
static struct task *task_take(struct task **list, int64_t run_id)
{
	struct task *t;

	while (*list != NULL && (*list)->job.run_id != run_id)
		list = &(*list)->next;
	t = *list;
	if (t != NULL)
		*list = t->next;
	return t;
}

static void tasks_free(struct task *list)
{
	struct task *next;

	for (; list != NULL; list = next) {
		next = list->next;
		task_free(list);
	}
}

static void add_to_inbox(struct worker *w, json_t *message)
{
	struct task *t = task_new(message);

	*w->inbox_end = t;
	w->inbox_end = &t->next;
}

static struct task *next_task(struct worker *w)
{
	struct task *t = w->inbox;

	if (t != NULL)
		w->inbox = t->next;
	if (w->inbox == NULL)
		w->inbox_end = &w->inbox;
	return t;
}

static void hold(struct worker *w, struct task *t)
{
	t->next = w->held;
	w->held = t;
	message_publish_ask(&w->out, t->job.run_id);
}

/* Ends a task that waits. */
static void end_task(
    struct worker *w, struct task *t, const struct err *failure)
{
	if (failure != NULL) /* what it leaves is part of the result */
		job_abort(&t->job);
	say_result(w, &t->job, failure);
	task_free(t);
}

/*
 * The answer of the fence. It is good until a moment at which no other daemon
 * can have taken the lease yet; one that comes too late (this process was
 * stopped meanwhile) is asked for again.
 */
static void take_answer(struct worker *w, int64_t run_id, const json_t *answer)
{
	struct task *t = task_take(&w->held, run_id);
	struct err e;
	int rc;

	if (t == NULL)
		return;
	t->job.publish_until_ms = json_int(answer, "until", 0);
	if (!json_bool(answer, "go", false))
		rc = err_set(
		    &e, ERR_LOST, "the lease is lost; nothing was published");
	else if (clock_boot_ms() >= t->job.publish_until_ms)
		rc = 1;
	else
		rc = job_publish(&t->job, &e);
	if (rc == 1)
		hold(w, t);
	else
		end_task(w, t, rc != 0 ? &e : NULL);
}

/* A recall is for what has not begun. */
static void take_stop(struct worker *w, int64_t run_id, bool recall)
{
	struct task *t;
	struct err e;

	if ((w->job != NULL && w->job->run_id == run_id) ||
	    (w->notice != NULL && w->notice->notification_id == run_id)) {
		w->stop = w->stop || !recall;
		return;
	}
	t = recall ? NULL : task_take(&w->held, run_id);
	if (t == NULL) {
		t = task_take(&w->inbox, run_id);
		w->inbox_end = &w->inbox;
		while (*w->inbox_end != NULL)
			w->inbox_end = &(*w->inbox_end)->next;
	}
	if (t == NULL)
		return;
	err_set(&e, ERR_CANCELLED, "stopped on request");
	end_task(w, t, &e);
}

static void check_deadlines(struct worker *w, int64_t now)
{
	struct task *next;
	struct err e;

	for (struct task *t = w->held; t != NULL; t = next) {
		next = t->next;
		if (t->job.deadline_ms == 0 || now < t->job.deadline_ms)
			continue;
		job_timed_out(&t->job, &e);
		end_task(w, task_take(&w->held, t->job.run_id), &e);
	}
}

/* ---- from the supervisor ---- */

static void take_line(struct worker *w, const char *line, size_t len)
{
	struct message m;
	struct err e;

	if (message_parse(line, len, &m, &e) != 0) {
		w->orphan = true;
		return;
	}
	if (m.type == MSG_JOB) {
		add_to_inbox(w, m.body);
		return;
	}
	if (m.type == MSG_NOTICE) {
		json_decref(w->letter);
		w->letter = m.body;
		return;
	}
	if (m.type == MSG_SWEEP) {
		json_decref(w->broom);
		w->broom = m.body;
		return;
	}
	if (m.type == MSG_SETTINGS) {
		json_decref(w->news);
		w->news = m.body;
		w->unfit = strcmp(json_str(m.body, "version", ""),
			       PACKAGE_VERSION) != 0;
		w->orphan = w->orphan || w->unfit;
		return;
	}
	if (m.type == MSG_PUBLISH)
		take_answer(w, m.run_id, m.body);
	else if (m.type == MSG_STOP)
		take_stop(w, m.run_id, json_bool(m.body, "recall", false));
	json_decref(m.body);
}

/* All that has come. Never waits. */
static void hear(void *arg)
{
	static char chunk[64 << 10];
	struct worker *w = arg;
	struct err e;
	size_t len;
	ssize_t n;
	char *line;

	if (w->hearing) /* a publish that waits is within here already */
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

static void say_progress(struct worker *w)
{
	const struct job *job = w->job;

	message_progress(&w->out, job->run_id, job->stage,
	    job->rows < 0 ? 0 : job->rows, job->bytes < 0 ? 0 : job->bytes,
	    job->record.list);
}

static void announce(void *arg)
{
	struct worker *w = arg;

	if (w->job == NULL)
		return;
	say_progress(w);
	flush(w);
}

/* Of a notice that is being delivered. */
static int look_up_notice(const struct worker *w, int64_t now, struct err *e)
{
	if (w->stop || told_to_stop)
		return err_set(e, ERR_CANCELLED,
		    w->stop ? "stopped on request" : "stopped by SIGTERM");
	if (now >= w->notice_deadline_ms)
		return err_set(e, ERR_TIMEOUT, "not delivered within %lld s",
		    (long long)w->notice_timeout_ms / 1000);
	return 0;
}

/* Every wait and every so many rows of a job come by here. */
static int look_up(void *arg, struct err *e)
{
	struct worker *w = arg;
	const struct job *job = w->job;
	int64_t now = clock_boot_ms();

	if (now - w->heard_ms >= HEAR_MS) {
		hear(w);
		check_deadlines(w, now);
		connections_expire(&w->connections);
	}
	if (job != NULL && now - w->progress_ms >= PROGRESS_MS) {
		w->progress_ms = now;
		say_progress(w);
	}
	flush(w);
	if (w->orphan)
		return err_set(e, ERR_LOST, "the supervisor is gone");
	if (w->notice != NULL)
		return look_up_notice(w, now, e);
	if (job == NULL) /* cleaning up */
		return 0;
	if (w->stop || told_to_stop)
		return err_set(e, ERR_CANCELLED,
		    w->stop ? "stopped on request" : "stopped by SIGTERM");
	if (job->deadline_ms != 0 && now >= job->deadline_ms)
		return job_timed_out(job, e);
	return 0;
}

/* ---- jobs ---- */

/* A SIGTERM that was meant for the job before must not hit this one: it was
 * sent before this job was, so it is here already. */
static void forget_signals(void)
{
	static const struct timespec at_once = {0};
	sigset_t term;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	while (sigtimedwait(&term, NULL, &at_once) == SIGTERM)
		;
	told_to_stop = 0;
}

static int run(struct worker *w, struct job *job, struct err *e)
{
	struct connection *c = connections_begin(&w->connections, job, e);
	int rc = -1;

	if (c == NULL)
		return -1;
	job->source = c->source;
	if (job_prepare(job, e) == 0)
		rc = job_run(job, e);
	connections_end(c);
	return rc;
}

/* An output that is held goes on to use the old ones. */
static void take_settings(struct worker *w)
{
	struct settings *settings;

	if (w->news == NULL || w->held != NULL)
		return;
	settings = settings_unpack(json_object_get(w->news, "settings"));
	json_decref(w->news);
	w->news = NULL;
	services_close(w->services);
	settings_free(w->settings);
	w->settings = settings;
	w->services = services_open(settings);
	services_set_watch(w->services, &w->watch);
}

static void run_task(struct worker *w, struct task *t)
{
	struct job *job = &t->job;
	bool failed;
	struct err e;

	forget_signals();
	take_settings(w);
	w->job = job;
	w->stop = false;
	w->progress_ms = clock_boot_ms();
	failed = job_open(job, job->message, &e) != 0;
	job->watch = &w->watch;
	job->services = job->places.services = w->services;
	job->record.announce = announce;
	job->record.arg = w;
	failed = failed || run(w, job, &e) != 0;
	w->job = NULL;
	if (!failed && job->unpublished)
		hold(w, t);
	else
		end_task(w, t, failed ? &e : NULL);
}

static void say_delivered(struct worker *w, const struct notice *n,
    const struct err *failure, const struct notice_answer *answer)
{
	struct notice_result r = {.notification_id = n->notification_id,
	    .attempt = n->attempt,
	    .state = "SENT",
	    .retry_ms = answer->retry_ms,
	    .detail = answer->detail[0] ? answer->detail : NULL};

	if (failure != NULL) {
		r.error = failure->text;
		r.state = failure->kind == ERR_PERMANENT ? "FAILED"
			  : failure->kind == ERR_CANCELLED && w->stop
			      ? "RELEASED"
			      : "RETRY";
	}
	message_notice_done(&w->out, &r);
}

static void deliver(struct worker *w)
{
	json_t *letter = w->letter;
	struct notice n;
	struct notice_answer answer;
	bool failed;
	struct err e;

	w->letter = NULL;
	forget_signals();
	take_settings(w);
	w->stop = false;
	w->notice_timeout_ms = json_int(letter, "timeout", 0);
	w->notice_deadline_ms = clock_boot_ms() + w->notice_timeout_ms;
	notice_open(&n, json_object_get(letter, "notice"));
	w->notice = &n;
	failed = notice_deliver(w->services, &n, &answer, &e) != 0;
	w->notice = NULL;
	say_delivered(w, &n, failed ? &e : NULL, &answer);
	notice_free(&n);
	json_decref(letter);
}

/* Whatever comes is more urgent. */
static int look_up_sweep(void *arg, struct err *e)
{
	struct worker *w = arg;

	if (clock_boot_ms() - w->heard_ms >= HEAR_MS)
		hear(w);
	flush(w);
	if (w->orphan || w->inbox != NULL || w->letter != NULL)
		return err_set(e, ERR_CANCELLED, "there is other work");
	return 0;
}

static void sweep(struct worker *w)
{
	struct watch watch = {
	    .check = look_up_sweep, .arg = w, .wait_mask = &w->wait_mask};
	json_t *broom = w->broom, *runs = json_object_get(broom, "runs"), *one;
	struct place_lent lent = {.services = NULL};
	struct err e = {.kind = ERR_CANCELLED};
	bool failed = false;
	size_t i;

	w->broom = NULL;
	take_settings(w);
	services_set_watch(w->services, &watch);
	lent.services = w->services;
	json_array_foreach(runs, i, one)
	{
		failed |= place_sweep(&lent, json_object_get(one, "uploads"),
			      json_int(broom, "stale", 0), &e) != 0;
	}
	services_set_watch(w->services, &w->watch);
	/* What a job has interrupted goes on a little later. */
	message_swept(
	    &w->out, runs, failed && e.kind != ERR_CANCELLED ? e.text : NULL);
	json_decref(broom);
}

/* Hears nothing: what has come would wait for the end of the wait. */
static int look_up_idle(void *arg, struct err *e)
{
	struct worker *w = arg;

	(void)e;
	check_deadlines(w, clock_boot_ms());
	flush(w);
	return 0;
}

/* Until when to sleep; `used`: there was a job, a notice since the last reset. */
static int64_t wake_ms(struct worker *w, bool used)
{
	int64_t ends = connections_expire(&w->connections);
	int64_t rest = w->idle_ms + (used ? RESET_MS : IDLE_MS);

	return rest < ends ? rest : ends;
}

/* Nothing came. */
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
		hear(w); /* a stop is heard before its job begins */
		t = next_task(w);
		if (t != NULL || w->letter != NULL) {
			used = true;
			if (t != NULL)
				run_task(w, t);
			else
				deliver(w);
			w->idle_ms = clock_boot_ms();
			continue;
		}
		if (w->broom != NULL) {
			sweep(w);
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

static void set_signals(struct worker *w)
{
	struct sigaction term = {.sa_handler = on_term};
	sigset_t block;

	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	sigprocmask(SIG_BLOCK, &block, &w->wait_mask);
	sigdelset(&w->wait_mask, SIGTERM);
	sigaction(SIGTERM, &term, NULL);
	/* A terminal's Ctrl-C and hang-up are the supervisor's to read. */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

static void limit_memory(int64_t bytes)
{
	struct rlimit limit = {(rlim_t)bytes, (rlim_t)bytes};

/* AddressSanitizer reserves terabytes of shadow. */
#ifndef __SANITIZE_ADDRESS__
	setrlimit(RLIMIT_DATA, &limit);
#else
	(void)limit;
#endif
}

/* A run of many partitions holds all their files open until it is published. */
static void allow_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int worker_main(int64_t memory_limit)
{
	struct worker w = {0};

	prctl(PR_SET_NAME, "reportd-worker");
	limit_memory(memory_limit);
	allow_files();
	set_signals(&w);
	lines_init(&w.in);
	buf_init(&w.out, 2 * PROTOCOL_LINE_MAX);
	w.inbox_end = &w.inbox;
	w.wake = (struct wake){.fd = PROTOCOL_FD, .ready = hear, .arg = &w};
	w.watch = (struct watch){.check = look_up,
	    .arg = &w,
	    .wait_mask = &w.wait_mask,
	    .wake = &w.wake};
	serve(&w);
	tasks_free(w.held);
	tasks_free(w.inbox);
	connections_close(&w.connections);
	services_close(w.services);
	settings_free(w.settings);
	json_decref(w.news);
	json_decref(w.letter);
	json_decref(w.broom);
	buf_free(&w.out);
	lines_free(&w.in);
	return w.unfit ? PROTOCOL_UNFIT : 0;
}
