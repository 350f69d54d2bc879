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
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "protocol.h"
#include "sink/file.h"
#include "worker/job.h"

#define PROGRESS_MS 1000
/* Idle connections are given back to the server after a while. */
#define IDLE_MS 300000
#define RESET_MS 1000
#define SOURCES 4

struct cached {
	char *type, *conninfo;
	struct source *source;
	int64_t used_ms;
};

struct worker {
	struct lines in;
	struct cached cache[SOURCES];
	struct job *job; /* NULL: idle */
	int64_t progress_ms;
	bool orphan; /* the supervisor is gone */
	sigset_t wait_mask;
	struct watch watch;
};

static volatile sig_atomic_t told_to_stop;

static void on_term(int sig)
{
	(void)sig;
	told_to_stop = 1;
}

static int say(struct buf *b, struct err *e)
{
	int rc = file_write_all(
	    PROTOCOL_FD, b->data, b->len, "to the supervisor", e);

	buf_free(b);
	return rc;
}

static bool supervisor_gone(void)
{
	struct pollfd p = {.fd = PROTOCOL_FD, .events = POLLRDHUP};

	return poll(&p, 1, 0) > 0 &&
	       (p.revents & (POLLHUP | POLLRDHUP | POLLERR)) != 0;
}

/* Every wait and every so many rows of a job come by here. */
static int look_up(void *arg, struct err *e)
{
	struct worker *w = arg;
	const struct job *job = w->job;
	int64_t now = clock_boot_ms();
	struct buf b;

	if (job == NULL)
		return 0;
	if (told_to_stop)
		return err_set(e, ERR_CANCELLED, "stopped by SIGTERM");
	if (job->deadline_ms != 0 && now >= job->deadline_ms)
		return job_timed_out(job, e);
	if (now - w->progress_ms < PROGRESS_MS)
		return 0;
	w->progress_ms = now;
	if (supervisor_gone()) {
		w->orphan = true;
		return err_set(e, ERR_LOST, "the supervisor is gone");
	}
	buf_init(&b, 4096);
	message_progress(&b, job->run_id, job->stage,
	    job->rows < 0 ? 0 : job->rows, job->bytes < 0 ? 0 : job->bytes);
	return say(&b, e);
}

/* The next line from the supervisor: 1, 0 at the end or the deadline, -1. */
static int hear(struct worker *w, char **line, size_t *len,
    const struct watch *watch, int64_t deadline_ms, struct err *e)
{
	static char chunk[64 << 10];
	ssize_t n;
	int rc;

	while ((*line = lines_next(&w->in, len)) == NULL) {
		rc = watch_wait(watch, PROTOCOL_FD, POLLIN, deadline_ms, e);
		if (rc <= 0)
			return rc;
		n = read(PROTOCOL_FD, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			w->orphan = true;
			return 0;
		}
		if (lines_feed(&w->in, chunk, (size_t)n, e) != 0)
			return -1;
	}
	return 1;
}

/*
 * The fence before a publish. The answer is good until a moment at which no
 * other daemon can have taken the lease yet; one that comes too late (this
 * process was stopped meanwhile) is asked for again.
 */
static int may_publish(void *arg, struct err *e)
{
	struct worker *w = arg;
	struct message m;
	struct buf b;
	int64_t until;
	size_t len;
	char *line;
	bool go;
	int rc;

	do {
		buf_init(&b, 4096);
		message_publish_ask(&b, w->job->run_id);
		if (say(&b, e) != 0)
			return -1;
		rc = hear(w, &line, &len, &w->watch, 0, e);
		if (rc == 0)
			err_set(e, ERR_LOST, "the supervisor is gone");
		if (rc != 1 || message_parse(line, len, &m, e) != 0)
			return -1;
		go = m.type == MSG_PUBLISH && m.run_id == w->job->run_id &&
		     json_bool(m.body, "go", false);
		until = json_int(m.body, "until", 0);
		json_decref(m.body);
		if (!go)
			return err_set(e, ERR_LOST,
			    "the lease is lost; nothing was published");
	} while (clock_boot_ms() >= until);
	return 0;
}

static void forget(struct cached *c)
{
	source_close(c->source);
	free(c->type);
	free(c->conninfo);
	*c = (struct cached){0};
}

/* A connection for the job: the cached one, or a new one in the place that was
 * not used for the longest time. */
static struct cached *connect_source(
    struct worker *w, const struct job *job, bool *reused, struct err *e)
{
	struct cached *oldest = &w->cache[0];

	for (int i = 0; i < SOURCES; i++) {
		struct cached *c = &w->cache[i];

		if (c->source != NULL &&
		    strcmp(c->conninfo, job->conninfo) == 0 &&
		    strcmp(c->type, job->source_type) == 0) {
			if (source_alive(c->source)) {
				*reused = true;
				return c;
			}
			forget(c);
		}
		if (c->used_ms < oldest->used_ms)
			oldest = c;
	}
	forget(oldest);
	*reused = false;
	oldest->source = source_connect(
	    &(struct source_options){job->source_type, job->conninfo},
	    &w->watch, e);
	if (oldest->source == NULL)
		return NULL;
	oldest->type = mem_strdup(job->source_type);
	oldest->conninfo = mem_strdup(job->conninfo);
	return oldest;
}

static struct cached *begin_on_source(struct worker *w, struct err *e)
{
	struct job *job = w->job;
	struct job_session session = {.time_zone = job->time_zone,
	    .statement_timeout_ms = job->statement_timeout_ms,
	    .read_only = !job_has(job, "prep_sql")};
	struct cached *c;
	char name[64];
	bool reused;

	snprintf(name, sizeof(name), "reportd run %" PRId64, job->run_id);
	session.application_name = name;
	for (;;) {
		c = connect_source(w, job, &reused, e);
		if (c == NULL)
			break;
		if (source_begin_job(c->source, &session, e) == 0)
			return c;
		forget(c);
		/* An old connection may have died unnoticed; a fresh one
		 * that fails has something to say. */
		if (!reused || e->kind == ERR_CANCELLED ||
		    e->kind == ERR_TIMEOUT)
			break;
	}
	err_wrap(e, "source \"%s\"", job->source_name);
	return NULL;
}

static void say_result(
    const struct job *job, const struct err *failure, struct err *e)
{
	struct run_result r = {.run_id = job->run_id,
	    .config_id = job->config_id,
	    .status = "COMPLETED",
	    .stage = job->stage,
	    .prep_ms = job->prep_ms,
	    .rows = job->rows,
	    .bytes = job->bytes,
	    .output_url = job->output_url,
	    .sha256 = job->sha256[0] ? job->sha256 : NULL};
	struct buf b;

	if (failure != NULL) {
		r.status = "FAILED";
		r.permanent = failure->kind == ERR_PERMANENT;
		r.sha256 = NULL;
		r.error_stage = job->stage;
		r.error_sqlstate =
		    failure->sqlstate[0] ? failure->sqlstate : NULL;
		r.error_message = failure->text;
	}
	buf_init(&b, PROTOCOL_LINE_MAX);
	message_result(&b, &r);
	say(&b, e);
}

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

static int run_job(struct worker *w, json_t *message)
{
	struct err failure, e;
	struct cached *c = NULL;
	struct job job;
	bool failed;

	forget_signals();
	w->job = &job;
	w->progress_ms = clock_boot_ms();
	failed = job_open(&job, message, &failure) != 0;
	job.watch = &w->watch;
	job.may_publish = may_publish;
	job.arg = w;
	if (!failed) {
		c = begin_on_source(w, &failure);
		failed = c == NULL;
	}
	if (!failed) {
		job.source = c->source;
		failed = job_prepare(&job, &failure) != 0 ||
			 job_run(&job, &failure) != 0;
	}
	say_result(&job, failed ? &failure : NULL, &e);
	w->job = NULL;
	job_free(&job);
	/* Behind the answer: cleaning up costs the report no time. */
	if (c != NULL) {
		c->used_ms = clock_boot_ms();
		if (!source_end_job(c->source))
			forget(c);
	}
	return w->orphan ? -1 : 0;
}

static int idle_check(void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	return 0;
}

/* Nothing to do: the connections are left clean after a moment, and closed after
 * a long time. */
static void leave_alone(struct worker *w, bool reset)
{
	for (int i = 0; i < SOURCES; i++) {
		if (!reset)
			forget(&w->cache[i]);
		else if (w->cache[i].source != NULL)
			source_reset(w->cache[i].source);
	}
}

static void serve(struct worker *w)
{
	struct watch idle = {.check = idle_check, .wait_mask = &w->wait_mask};
	struct message m;
	struct err e;
	bool used = false;
	size_t len;
	char *line;
	int rc;

	for (;;) {
		rc = hear(w, &line, &len, &idle,
		    clock_boot_ms() + (used ? RESET_MS : IDLE_MS), &e);
		if (rc < 0 || w->orphan)
			return;
		if (rc == 0) {
			leave_alone(w, used);
			used = false;
			continue;
		}
		used = true;
		if (message_parse(line, len, &m, &e) != 0)
			return;
		if (m.type != MSG_JOB)
			json_decref(m.body); /* an answer that came late */
		else if (run_job(w, m.body) != 0)
			return;
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

int worker_main(int64_t memory_limit)
{
	struct worker w = {0};

	prctl(PR_SET_NAME, "reportd-worker");
	limit_memory(memory_limit);
	set_signals(&w);
	lines_init(&w.in);
	w.watch = (struct watch){
	    .check = look_up, .arg = &w, .wait_mask = &w.wait_mask};
	serve(&w);
	for (int i = 0; i < SOURCES; i++)
		forget(&w.cache[i]);
	lines_free(&w.in);
	return 0;
}
