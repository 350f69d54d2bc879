/* SPDX-License-Identifier: MIT */
#include "supervisor/runs/runs.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "settings/settings.h"
#include "supervisor/runs/run.h"

/* ms: deadlines and kills are checked this often while there are runs. */
#define CHECK_MS 250
/* Jobs claimed in advance should start within AHEAD_MS; a job that has not
 * started after AHEAD_MAX_MS, because a long job came before it, returns to the
 * queue. */
#define AHEAD_MS 30
#define AHEAD_MAX_MS 500
#define AHEAD_MAX 128
/* Most runs that a worker has, including those whose output it holds. */
#define HANDFUL 24

struct run *run_find(const struct runs *r, int64_t run_id)
{
	struct run *run = r->list;

	while (run != NULL && run->run_id != run_id)
		run = run->next;
	return run;
}

void run_forget(struct run *run)
{
	struct runs *r = run->runs;
	struct run **at = &r->list;

	while (*at != run)
		at = &(*at)->next;
	*at = run->next;
	buf_free(&run->result);
	buf_free(&run->job);
	json_decref(run->uploads);
	free(run);
	if (--r->count == 0) {
		uv_timer_stop(&r->check);
		r->o.events->idle(r->o.arg);
	}
}

int runs_count(const struct runs *r)
{
	return r->count;
}

int64_t runs_failed(const struct runs *r)
{
	return r->failed;
}

int runs_scheduled(const struct runs *r)
{
	int n = 0;

	for (const struct run *run = r->list; run != NULL; run = run->next)
		n += run->scheduled && !life_has_ended(run->state);
	return n;
}

void runs_progress(const struct runs *r, struct buf *json)
{
	buf_char(json, '[');
	for (const struct run *run = r->list; run != NULL; run = run->next) {
		char *uploads = run->uploads
				    ? json_dumps(run->uploads, JSON_COMPACT)
				    : NULL;

		buf_printf(json,
		    "%s{\"run_id\":%" PRId64 ",\"stage\":\"%s\","
		    "\"row_count\":%" PRId64 ",\"byte_count\":%" PRId64,
		    json->len > 1 ? "," : "", run->run_id, run->stage,
		    run->rows, run->bytes);
		if (uploads != NULL)
			buf_printf(json, ",\"uploads\":%s", uploads);
		buf_char(json, '}');
		free(uploads);
	}
	buf_char(json, ']');
}

void runs_ids(const struct runs *r, struct buf *array)
{
	buf_char(array, '{');
	for (const struct run *run = r->list; run != NULL; run = run->next)
		buf_printf(array, "%s%" PRId64, array->len > 1 ? "," : "",
		    run->run_id);
	buf_char(array, '}');
}

/* ---- stopping ---- */

static void tell_stop(const struct run *run)
{
	struct buf b;

	buf_init(&b, 4096);
	message_stop(&b, run->run_id);
	worker_send(run->worker, &b);
}

static void stop(struct run *run, enum intent intent)
{
	bool current = run == runs_current(run->runs, run->worker);

	if (life_has_ended(run->state))
		return;
	if (intent > run->intent)
		run->intent = intent;
	if (run->state == LIFE_WAITING) {
		run_end_with(run, intent == CANCEL ? "CANCELLED" : "RELEASED",
		    false, "it had not started yet");
		return;
	}
	if (!run_step(run, LIFE_STOP))
		return;
	tell_stop(run);
	if (current)
		run->patience_ms =
		    clock_boot_ms() + run->runs->o.settings->cancel_grace;
}

static void recall(struct run *run)
{
	struct buf b;

	run_step(run, LIFE_RECALL);
	buf_init(&b, 4096);
	message_recall(&b, run->run_id);
	worker_send(run->worker, &b);
}

void runs_cancel(struct runs *r, int64_t run_id)
{
	struct run *run = run_find(r, run_id);

	if (run == NULL || run->intent != GO_ON || life_has_ended(run->state))
		return;
	LOG(r->o.log, LVL_INFO, L_MSG("cancelling"), L_INT("run", run_id),
	    L_INT("config", run->config_id));
	stop(run, CANCEL);
}

void runs_lose(struct runs *r, int64_t run_id)
{
	struct run *run = run_find(r, run_id);

	if (run == NULL || run->intent == LOSE || life_has_ended(run->state))
		return;
	LOG(r->o.log, LVL_WARN,
	    L_MSG("lease lost: stopping the run, nothing is published"),
	    L_INT("run", run_id), L_INT("config", run->config_id));
	stop(run, LOSE);
}

void runs_lose_all(struct runs *r)
{
	struct run *next;

	for (struct run *run = r->list; run != NULL; run = next) {
		next = run->next;
		runs_lose(r, run->run_id);
	}
}

/* Says whether the run waits in line at its worker, which executes another
 * run. */
static bool is_in_line(const struct run *run)
{
	return (run->state == LIFE_AT_WORKER || run->state == LIFE_RECALLED) &&
	       run != runs_current(run->runs, run->worker);
}

void runs_release_waiting(struct runs *r)
{
	for (struct run *run = r->list; run != NULL; run = run->next) {
		if (run->state == LIFE_WAITING || is_in_line(run))
			stop(run, RELEASE);
	}
}

void runs_release_all(struct runs *r)
{
	for (struct run *run = r->list; run != NULL; run = run->next) {
		if (run->intent == RELEASE && run->worker != NULL)
			worker_signal(run->worker, SIGKILL);
		else
			stop(run, RELEASE);
	}
}

/* Kills the worker because of this run; its other runs are not to blame. */
static void kill_worker(struct run *run)
{
	run->to_blame = true;
	worker_kill(run->worker);
}

/* Kills a worker that has not kept the deadline, which it watches itself. */
static void check_deadline(struct run *run, int64_t now)
{
	if (run->timeout_ms == 0 ||
	    now < run->started_ms + run->timeout_ms +
		      run->runs->o.settings->cancel_grace)
		return;
	if (run->intent == GO_ON)
		run->intent = TIMED_OUT;
	run_step(run, LIFE_STOP);
	kill_worker(run);
}

static void check_patience(struct run *run, int64_t now)
{
	if (run->patience_ms == 0 || now < run->patience_ms)
		return;
	LOG(run->runs->o.log, LVL_WARN,
	    L_MSG("worker did not stop, killing it"), L_INT("run", run->run_id),
	    L_INT("pid", worker_pid(run->worker)));
	run->patience_ms = 0;
	kill_worker(run);
}

static void check_run(struct run *run, int64_t now)
{
	bool late = now - run->started_ms > AHEAD_MAX_MS;

	if (run->state == LIFE_WAITING) {
		if (late)
			stop(run, RELEASE);
	} else if (run->state == LIFE_UNRECORDED) {
		if (now >= run->again_ms)
			run_step(run, LIFE_UNHEARD);
	} else if (run->state == LIFE_STOPPING) {
		check_patience(run, now);
	} else if (is_in_line(run)) {
		if (late && run->state == LIFE_AT_WORKER)
			recall(run);
	} else if (life_is_at_worker(run->state)) {
		if (!life_is_held(run->state) &&
		    now - run->started_ms > CHECK_MS)
			runs_learn(run->runs, now - run->started_ms);
		check_deadline(run, now);
	}
}

static void on_check(uv_timer_t *timer)
{
	struct runs *r = timer->data;
	int64_t now = clock_boot_ms();
	struct run *next;

	for (struct run *run = r->list; run != NULL; run = next) {
		next = run->next;
		check_run(run, now);
	}
}

/* ---- starting ---- */

struct run *runs_current(const struct runs *r, const struct worker *w)
{
	struct run *oldest = NULL;

	/* The list is sorted with the newest run first. */
	for (struct run *run = r->list; run != NULL; run = run->next) {
		if (run->worker == w && life_is_at_worker(run->state) &&
		    !life_is_held(run->state))
			oldest = run;
	}
	return oldest;
}

/* Returns the number of runs, held ones included, that a worker may have. While
 * jobs are long it is 1: a worker that holds an output may publish for long. */
static int most_of_worker(const struct runs *r)
{
	return runs_ahead(r) > 0 ? HANDFUL : 1;
}

int runs_free_workers(const struct runs *r)
{
	return pool_free_workers(r->pool, most_of_worker(r));
}

/* Gives the run to a worker. Returns false when no worker takes it. */
static bool give_worker(struct run *run)
{
	struct runs *r = run->runs;
	struct buf copy;

	run->worker = pool_take(r->pool, most_of_worker(r));
	if (run->worker == NULL)
		return false;
	run_step(run, LIFE_GIVEN);
	run->started_ms = clock_boot_ms();
	/* The job is kept for another worker, in case this one dies before it
	 * starts the job. */
	buf_init(&copy, PROTOCOL_LINE_MAX);
	buf_add(&copy, run->job.data, run->job.len);
	worker_send(run->worker, &copy);
	return true;
}

void runs_give_workers(struct runs *r)
{
	struct run *oldest;

	do {
		oldest = NULL;
		for (struct run *run = r->list; r->waiting > 0 && run;
		     run = run->next) {
			if (run->state == LIFE_WAITING)
				oldest = run;
		}
	} while (oldest != NULL && give_worker(oldest));
}

int runs_ahead(const struct runs *r)
{
	double ahead =
	    AHEAD_MS / (r->job_ms + 0.1) * (double)r->o.settings->workers;
	int n = ahead > AHEAD_MAX ? AHEAD_MAX : (int)ahead;

	/* No jobs are claimed in advance when jobs are long, or before their
	 * length is known. */
	if (r->job_ms > AHEAD_MS / 2.0 || r->job_ms < 0)
		return 0;
	return n;
}

int runs_waiting(const struct runs *r)
{
	return r->waiting + pool_queued(r->pool);
}

static void write_job(struct run *run, const struct claimed *c)
{
	const struct settings *s = run->runs->o.settings;
	const struct source_settings *source = settings_source(s, c->source);
	char *packed = settings_pack_source(source);
	int64_t statement = source->statement_timeout;

	if (statement == 0 ||
	    (run->timeout_ms > 0 && run->timeout_ms < statement))
		statement = run->timeout_ms;
	message_job(&run->job, &(struct job_terms){.run_id = run->run_id,
				   .config_id = run->config_id,
				   .timeout_ms = run->timeout_ms,
				   .statement_timeout_ms = statement,
				   .source = packed,
				   .output_root = s->output_root,
				   .output = s->output,
				   .file_mode = s->file_mode,
				   .no_sync = !s->fsync,
				   .row = c->row});
	explicit_bzero(packed, strlen(packed));
	free(packed);
}

static int refuse_source(
    const struct settings *s, const char *source, struct err *e)
{
	struct buf names;

	buf_init(&names, 4096);
	for (int i = 0; i < s->source_count; i++)
		buf_printf(&names, "%s%s", i ? ", " : "", s->sources[i].name);
	err_set(e, ERR_PERMANENT,
	    "unknown source \"%s\"; the settings know %s. Add [source.%s] to "
	    "the settings file, or change the report's source",
	    source, names.data, source);
	buf_free(&names);
	return -1;
}

/* Checks a claimed report against the settings before anything runs. */
static int check_claimed(
    const struct settings *s, const struct claimed *c, struct err *e)
{
	const struct source_settings *source = settings_source(s, c->source);

	if (source == NULL)
		return refuse_source(s, c->source, e);
	if (s->job_timeout > 0 && c->timeout_ms > s->job_timeout)
		return err_set(e, ERR_PERMANENT,
		    "the report's timeout is %lld s, and job_timeout of the "
		    "settings allows %lld s; make it shorter, or have "
		    "job_timeout raised",
		    (long long)c->timeout_ms / 1000,
		    (long long)s->job_timeout / 1000);
	return settings_check_source(s, source, e);
}

void runs_start(struct runs *r, const struct claimed *c)
{
	const struct settings *s = r->o.settings;
	struct run *run = mem_zalloc(sizeof(*run));
	struct err e;

	run->runs = r;
	run->state = LIFE_WAITING;
	run->run_id = c->run_id;
	run->config_id = c->config_id;
	run->scheduled = c->scheduled;
	run->started_ms = clock_boot_ms();
	run->timeout_ms = c->timeout_ms ? c->timeout_ms : s->job_timeout;
	if (c->quota_ms > 0 &&
	    (run->timeout_ms == 0 || c->quota_ms < run->timeout_ms))
		run->timeout_ms = c->quota_ms;
	str_copy(run->stage, sizeof(run->stage), "start");
	buf_init(&run->result, PROTOCOL_LINE_MAX);
	buf_init(&run->job, PROTOCOL_LINE_MAX);
	r->waiting++;
	run->next = r->list;
	r->list = run;
	if (r->count++ == 0)
		uv_timer_start(&r->check, on_check, CHECK_MS, CHECK_MS);
	LOG(r->o.log, LVL_DEBUG, L_MSG("claimed"), L_INT("run", run->run_id),
	    L_INT("config", run->config_id));
	if (c->denied != NULL) {
		run_end_with(run, "FAILED", true, c->denied);
		return;
	}
	if (check_claimed(s, c, &e) != 0) {
		run_end_with(run, "FAILED", true, e.text);
		return;
	}
	write_job(run, c);
	if (run->job.overflow)
		run_end_with(
		    run, "FAILED", true, "the report's row is too large");
	else
		give_worker(run);
}

struct runs *runs_open(const struct runs_options *options)
{
	struct runs *r = mem_zalloc(sizeof(*r));

	r->o = *options;
	r->job_ms = -1;
	uv_timer_init(r->o.loop, &r->check);
	r->check.data = r;
	ask_open(r);
	return r;
}

void runs_set_settings(struct runs *r, const struct settings *settings)
{
	r->o.settings = settings;
}

void runs_set_pool(struct runs *r, struct pool *pool)
{
	r->pool = pool;
}

static void on_closed(uv_handle_t *handle)
{
	struct runs *r = handle->data;

	if (++r->handles < 4)
		return;
	while (r->list != NULL) {
		struct run *run = r->list;

		r->list = run->next;
		buf_free(&run->result);
		buf_free(&run->job);
		json_decref(run->uploads);
		free(run);
	}
	free(r);
}

void runs_close(struct runs *r)
{
	uv_handle_t *handles[] = {(uv_handle_t *)&r->turn,
	    (uv_handle_t *)&r->publish.timer, (uv_handle_t *)&r->finish.timer,
	    (uv_handle_t *)&r->check};

	for (int i = 0; i < 4; i++) {
		handles[i]->data = r;
		uv_close(handles[i], on_closed);
	}
}
