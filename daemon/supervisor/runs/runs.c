/* SPDX-License-Identifier: MIT */
#include "supervisor/runs/runs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "settings/settings.h"
#include "supervisor/runs/runs_parts.h"

#define AHEAD_MAX 128

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
	buf_wipe(&run->job);
	json_decref(run->leftovers);
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
		char *leftovers = run->leftovers
				      ? json_dumps(run->leftovers, JSON_COMPACT)
				      : NULL;

		buf_printf(json,
		    "%s{\"run_id\":%" PRId64 ",\"stage\":\"%s\","
		    "\"row_count\":%" PRId64 ",\"byte_count\":%" PRId64,
		    json->len > 1 ? "," : "", run->run_id, run->stage,
		    run->rows, run->bytes);
		if (leftovers != NULL)
			buf_printf(json, ",\"leftovers\":%s", leftovers);
		buf_char(json, '}');
		free(leftovers);
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

/* ---- starting ---- */

struct run *runs_current(const struct runs *r, const struct worker *w)
{
	struct run *oldest = NULL;

	/* The list is sorted with the newest run first. */
	for (struct run *run = r->list; run != NULL; run = run->next) {
		if (run->worker == w && life_is_at_worker(run->state) &&
		    !run_is_held(run))
			oldest = run;
	}
	return oldest;
}

void run_set_clock(struct run *run)
{
	run->clock_ms = clock_boot_ms();
	if (run->state == LIFE_STOPPING)
		run->patience_ms =
		    run->clock_ms + run->runs->o.settings->cancel_grace;
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
	run->started_ms = run->clock_ms = clock_boot_ms();
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
	    RUNS_AHEAD_MS / (r->job_ms + 0.1) * (double)r->o.settings->workers;
	int n = ahead > AHEAD_MAX ? AHEAD_MAX : (int)ahead;

	/* No jobs are claimed in advance when jobs are long, or before their
	 * length is known. */
	if (r->job_ms > RUNS_AHEAD_MS / 2.0 || r->job_ms < 0)
		return 0;
	return n;
}

int runs_waiting(const struct runs *r)
{
	return r->waiting + pool_queued(r->pool);
}

/* Returns the limit of one statement, in ms; 0: none. */
static int64_t statement_limit(
    const struct run *run, const struct source_settings *at)
{
	int64_t limit = at->statement_timeout;

	return limit == 0 || (run->timeout_ms > 0 && run->timeout_ms < limit)
		   ? run->timeout_ms
		   : limit;
}

static void forget_common(struct common *c)
{
	buf_wipe(&c->terms);
	c->source = c->target = NULL;
}

/* Returns the terms of jobs with this source and target, made anew when they are
 * not those of the job before. */
static const char *common_terms(struct runs *r,
    const struct source_settings *source, const struct source_settings *target)
{
	const struct settings *s = r->o.settings;
	struct common *known = &r->common;

	if (known->source == source && known->target == target)
		return known->terms.data;
	forget_common(known);
	known->source = source;
	known->target = target;
	message_common(
	    &known->terms, &(struct common_terms){.source = source->packed,
			       .target = target ? target->packed : NULL,
			       .output_root = s->output_root,
			       .output = s->output,
			       .file_mode = s->file_mode,
			       .no_sync = !s->fsync});
	return known->terms.data;
}

static void write_job(struct run *run, const struct claimed *c)
{
	const struct settings *s = run->runs->o.settings;
	const struct source_settings *source = settings_source(s, c->source);
	const struct source_settings *target =
	    c->target ? settings_target(s, c->target) : NULL;

	message_job(&run->job,
	    &(struct job_terms){.run_id = run->run_id,
		.config_id = run->config_id,
		.timeout_ms = run->timeout_ms,
		.statement_timeout_ms = statement_limit(run, source),
		.target_timeout_ms = target ? statement_limit(run, target) : 0,
		.row = c->row,
		.common = common_terms(run->runs, source, target)});
	/* Terms that were cut are no JSON. */
	run->job.overflow |= run->runs->common.terms.overflow;
}

/* Refuses a name that the settings lack; `kind` is "source" or "target", and
 * `known` lists what they have. */
static int refuse_name(const char *kind, const char *name,
    const struct source_settings *known, int count, struct err *e)
{
	struct buf names;

	buf_init(&names, 4096);
	for (int i = 0; i < count; i++)
		buf_printf(&names, "%s%s", i ? ", " : "", known[i].name);
	err_set(e, ERR_PERMANENT,
	    "unknown %s \"%s\"; the settings know %s. Add [%s.%s] to the "
	    "settings file, or change the report's %s",
	    kind, name, count > 0 ? names.data : "none", kind, name, kind);
	buf_free(&names);
	return -1;
}

static int check_target(
    const struct settings *s, const char *name, struct err *e)
{
	const struct source_settings *target = settings_target(s, name);

	return target == NULL
		   ? refuse_name("target", name, s->targets, s->target_count, e)
		   : settings_check_target(s, target, e);
}

/* Checks a claimed report against the settings before anything runs. */
static int check_claimed(
    const struct settings *s, const struct claimed *c, struct err *e)
{
	const struct source_settings *source = settings_source(s, c->source);

	if (source == NULL)
		return refuse_name(
		    "source", c->source, s->sources, s->source_count, e);
	if (s->job_timeout > 0 && c->timeout_ms > s->job_timeout)
		return err_set(e, ERR_PERMANENT,
		    "the report's timeout is %lld s, and job_timeout of the "
		    "settings allows %lld s; make it shorter, or have "
		    "job_timeout raised",
		    (long long)c->timeout_ms / 1000,
		    (long long)s->job_timeout / 1000);
	if (c->target != NULL && check_target(s, c->target, e) != 0)
		return -1;
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
	run->stays = c->target != NULL;
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
		runs_watch(r);
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
	buf_init(&r->common.terms, PROTOCOL_LINE_MAX);
	uv_timer_init(r->o.loop, &r->check);
	r->check.data = r;
	ask_open(r);
	return r;
}

void runs_set_settings(struct runs *r, const struct settings *settings)
{
	forget_common(&r->common);
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
		buf_wipe(&run->job);
		json_decref(run->leftovers);
		free(run);
	}
	forget_common(&r->common);
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
