/* SPDX-License-Identifier: MIT */
#include "supervisor/runs.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "protocol.h"
#include "settings/settings.h"
#include "sql/queue.h"
#include "supervisor/status.h"

/* Deadlines and kills are looked at this often while there are runs. */
#define CHECK_MS 250
/* While others still run, what is asked of the database waits this long for
 * company: a statement for several runs costs hardly more than for one. */
#define GATHER_MS 3
#define BATCH_MAX (8u << 20)

static const struct statement publish = {"publish", sql_publish, 2};
static const struct statement finish = {"finish", sql_finish, 4};

/* Why a run is being stopped; it decides what its end counts as. */
enum intent { GO_ON, CANCEL, RELEASE, LOSE };
enum state { RUNNING, ENDED };
/* A question to the database: not asked, waits to be sent, under way. */
enum asking { NO, WAITS, SENT };

struct run {
	struct run *next;
	struct runs *runs;
	int64_t run_id, config_id;
	bool scheduled;
	struct worker *worker; /* NULL: it has none any more */
	enum state state;
	enum intent intent;
	enum asking publish, finish;
	char stage[16];
	int64_t rows, bytes;
	int64_t started_ms, timeout_ms;
	int64_t kill_ms;   /* boot clock; 0: not yet */
	struct buf result; /* a line of message_result */
};

struct runs {
	struct runs_options o;
	struct pool *pool;
	struct run *list;
	int count;
	uv_prepare_t turn; /* sends what the turn of the loop has gathered */
	uv_timer_t check;
	uv_timer_t gather;
	bool due;                   /* the gathering is over */
	bool publishing, finishing; /* a statement of that kind is under way */
};

static struct run *find(const struct runs *r, int64_t run_id)
{
	struct run *run = r->list;

	while (run != NULL && run->run_id != run_id)
		run = run->next;
	return run;
}

static void forget(struct run *run)
{
	struct runs *r = run->runs;
	struct run **at = &r->list;

	while (*at != run)
		at = &(*at)->next;
	*at = run->next;
	buf_free(&run->result);
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

int runs_scheduled(const struct runs *r)
{
	int n = 0;

	for (const struct run *run = r->list; run != NULL; run = run->next)
		n += run->scheduled && run->worker != NULL;
	return n;
}

void runs_progress(const struct runs *r, struct buf *json)
{
	buf_char(json, '[');
	for (const struct run *run = r->list; run != NULL; run = run->next) {
		if (run->state == ENDED)
			continue;
		buf_printf(json,
		    "%s{\"run_id\":%" PRId64 ",\"stage\":\"%s\","
		    "\"row_count\":%" PRId64 ",\"byte_count\":%" PRId64 "}",
		    json->len > 1 ? "," : "", run->run_id, run->stage,
		    run->rows, run->bytes);
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

/* ---- results ---- */

static void release_worker(struct run *run)
{
	struct worker *w = run->worker;

	run->worker = NULL;
	if (w != NULL)
		pool_give_back(w);
}

/* The run has come to its end; what is left is to have it recorded. */
static void end_run(struct run *run)
{
	run->state = ENDED;
	run->publish = NO;
	run->kill_ms = 0;
	if (run->intent == LOSE) {
		release_worker(run);
		forget(run);
		return;
	}
	run->finish = WAITS;
	release_worker(run);
}

/* A result in the supervisor's own words. */
static void end_with(
    struct run *run, const char *status, bool permanent, const char *message)
{
	struct run_result result = {.run_id = run->run_id,
	    .config_id = run->config_id,
	    .status = status,
	    .permanent = permanent,
	    .stage = run->stage,
	    .prep_ms = -1,
	    .rows = -1,
	    .bytes = -1,
	    .error_stage = run->stage,
	    .error_message = message};

	buf_clear(&run->result);
	message_result(&run->result, &result);
	end_run(run);
}

static void on_result(
    struct run *run, const char *line, size_t len, const json_t *body)
{
	const char *status = json_str(body, "status", "");
	bool completed = strcmp(status, "COMPLETED") == 0;

	str_copy(run->stage, sizeof(run->stage), json_str(body, "stage", ""));
	if (run->intent == RELEASE && !completed) {
		end_with(
		    run, "RELEASED", false, "given back: the daemon stops");
		return;
	}
	if (!status_may_become("PROCESSING", status)) {
		end_with(
		    run, "FAILED", false, "the worker gave no sound result");
		return;
	}
	buf_clear(&run->result);
	buf_add(&run->result, line, len);
	end_run(run);
}

static void answer_publish(struct run *run, bool go)
{
	struct runs *r = run->runs;
	struct buf b;

	run->publish = NO;
	if (run->worker == NULL)
		return;
	buf_init(&b, 4096);
	message_publish_answer(&b, run->run_id, go && run->intent == GO_ON,
	    r->o.events->lease_until(r->o.arg));
	worker_send(run->worker, &b);
}

static void on_line(void *arg, void *of, char *line, size_t len)
{
	struct run *run = of;
	struct runs *r = arg;
	struct message m;
	struct err e;

	if (message_parse(line, len, &m, &e) != 0) {
		LOG(r->o.log, LVL_ERROR, L_MSG("worker talks nonsense"),
		    L_INT("run", run->run_id), L_STR("error", e.text));
		worker_signal(run->worker, SIGKILL);
		return;
	}
	if (m.run_id != run->run_id) {
		json_decref(m.body);
		return;
	}
	switch (m.type) {
	case MSG_PROGRESS:
		str_copy(run->stage, sizeof(run->stage),
		    json_str(m.body, "stage", ""));
		run->rows = json_int(m.body, "row_count", 0);
		run->bytes = json_int(m.body, "byte_count", 0);
		break;
	case MSG_PUBLISH:
		str_copy(run->stage, sizeof(run->stage), "publish");
		if (run->intent == GO_ON)
			run->publish = WAITS;
		else
			answer_publish(run, false);
		break;
	case MSG_RESULT:
		on_result(run, line, len, m.body);
		break;
	case MSG_JOB:
		break;
	}
	json_decref(m.body);
}

static void on_died(void *arg, void *of, const char *how)
{
	struct run *run = of;
	char text[256];

	(void)arg;
	run->worker = NULL;
	if (run->intent == RELEASE) {
		end_with(
		    run, "RELEASED", false, "given back: the daemon stops");
		return;
	}
	if (run->kill_ms < 0 && run->intent == GO_ON)
		snprintf(text, sizeof(text),
		    "timed out after %" PRId64 " s in stage %s; the worker "
		    "did not stop and was killed",
		    run->timeout_ms / 1000, run->stage);
	else
		snprintf(text, sizeof(text), "%s: %s", run->stage, how);
	end_with(run, "FAILED", false, text);
}

static void on_freed(void *arg)
{
	struct runs *r = arg;

	r->o.events->ended(r->o.arg);
}

const struct pool_events runs_pool_events = {
    .line = on_line, .died = on_died, .freed = on_freed};

/* ---- what is asked of the database ---- */

static bool worth_repeating(const struct err *e)
{
	/* A broken connection is repeated by runs_resend. */
	return e->kind == ERR_LOST;
}

static void on_published(
    void *arg, const struct reply *reply, const struct err *e)
{
	struct runs *r = arg;
	struct run *next;

	r->publishing = false;
	if (reply == NULL && !worth_repeating(e))
		LOG(r->o.log, LVL_ERROR, L_MSG("publish question failed"),
		    L_STR("error", e->text));
	for (struct run *run = r->list; run != NULL; run = next) {
		bool go = false;

		next = run->next;
		if (run->publish != SENT)
			continue;
		if (reply == NULL) {
			run->publish = WAITS;
			continue;
		}
		for (int i = 0; i < reply_rows(reply) && !go; i++)
			go = reply_int(reply, i, 0, 0) == run->run_id;
		answer_publish(run, go);
	}
}

static void send_publish(struct runs *r)
{
	struct buf ids;

	buf_init(&ids, BATCH_MAX);
	buf_char(&ids, '{');
	for (struct run *run = r->list; run != NULL; run = run->next) {
		if (run->publish != WAITS)
			continue;
		run->publish = SENT;
		buf_printf(
		    &ids, "%s%" PRId64, ids.len > 1 ? "," : "", run->run_id);
	}
	buf_char(&ids, '}');
	if (ids.len > 2) {
		r->publishing = true;
		queue_send(r->o.queue, NULL, &publish,
		    (const char *const[]){
			r->o.events->worker_id(r->o.arg), ids.data},
		    on_published, r);
	}
	buf_free(&ids);
}

static void log_end(const struct run *run, const char *outcome)
{
	const struct log *log = run->runs->o.log;
	struct err e;
	json_t *v = json_parse_object(run->result.data, run->result.len, &e);
	const char *message = json_str(v, "error_message", NULL);
	bool good = strcmp(outcome, "COMPLETED") == 0;

	if (message == NULL)
		LOG(log, good ? LVL_INFO : LVL_WARN, L_MSG("run ended"),
		    L_INT("run", run->run_id), L_INT("config", run->config_id),
		    L_STR("status", outcome),
		    L_INT("ms", clock_boot_ms() - run->started_ms),
		    L_INT("rows", json_int(v, "row_count", 0)),
		    L_INT("bytes", json_int(v, "byte_count", 0)),
		    L_STR("output", json_str(v, "output_url", "")));
	else
		LOG(log, LVL_WARN, L_MSG("run ended"),
		    L_INT("run", run->run_id), L_INT("config", run->config_id),
		    L_STR("status",
			strcmp(outcome, "PENDING") == 0 ? "RETRY" : outcome),
		    L_INT("ms", clock_boot_ms() - run->started_ms),
		    L_STR("error", message));
	json_decref(v);
}

static void on_finished(
    void *arg, const struct reply *reply, const struct err *e)
{
	struct runs *r = arg;
	bool any = false;

	r->finishing = false;
	if (reply == NULL && e->kind != ERR_LOST)
		LOG(r->o.log, LVL_ERROR, L_MSG("recording results failed"),
		    L_STR("error", e->text), L_STR("sqlstate", e->sqlstate));
	for (struct run *run = r->list; run != NULL; run = run->next) {
		if (run->finish == SENT)
			run->finish = WAITS;
	}
	for (int i = 0; reply != NULL && i < reply_rows(reply); i++) {
		struct run *run = find(r, reply_int(reply, i, 0, 0));
		const char *outcome = reply_text(reply, i, 1);

		if (run == NULL || run->state != ENDED)
			continue;
		if (strcmp(outcome, "busy") == 0) {
			/* Its row is locked by somebody: a little later. */
			run->finish = NO;
			continue;
		}
		if (strcmp(outcome, "lost") == 0)
			LOG(r->o.log, LVL_WARN,
			    L_MSG("result not recorded: the lease was lost or "
				  "it was recorded before"),
			    L_INT("run", run->run_id),
			    L_INT("config", run->config_id));
		else
			log_end(run, outcome);
		forget(run);
		any = true;
	}
	if (any)
		r->o.events->ended(r->o.arg);
	/* A statement that failed as a whole waits for the next check. */
	if (reply == NULL && e->kind != ERR_LOST) {
		for (struct run *run = r->list; run; run = run->next) {
			if (run->finish == WAITS)
				run->finish = NO;
		}
	}
}

static void send_finish(struct runs *r)
{
	const struct settings *s = r->o.settings;
	char backoff[32], most[32];
	struct buf b;

	buf_init(&b, BATCH_MAX);
	buf_char(&b, '[');
	for (struct run *run = r->list; run != NULL; run = run->next) {
		if (run->finish != WAITS ||
		    (b.len > 1 && b.len + run->result.len > BATCH_MAX / 2))
			continue;
		run->finish = SENT;
		if (b.len > 1)
			buf_char(&b, ',');
		buf_add(&b, run->result.data, run->result.len);
	}
	buf_char(&b, ']');
	if (b.len > 2) {
		snprintf(
		    backoff, sizeof(backoff), "%" PRId64, s->retry_backoff);
		snprintf(most, sizeof(most), "%" PRId64, s->retry_backoff_max);
		r->finishing = true;
		queue_send(r->o.queue, NULL, &finish,
		    (const char *const[]){r->o.events->worker_id(r->o.arg),
			b.data, backoff, most},
		    on_finished, r);
	}
	buf_free(&b);
}

static void on_gathered(uv_timer_t *timer)
{
	struct runs *r = timer->data;

	r->due = true;
}

/* True when it is time to send: nobody is left who could join, or the first has
 * waited long enough. */
static bool gathered(struct runs *r)
{
	bool waits = false, others = false;

	for (const struct run *run = r->list; run != NULL; run = run->next) {
		if (run->publish == WAITS || run->finish == WAITS)
			waits = true;
		else if (run->state == RUNNING && run->publish == NO)
			others = true;
	}
	if (waits && others && !r->due) {
		if (!uv_is_active((uv_handle_t *)&r->gather))
			uv_timer_start(&r->gather, on_gathered, GATHER_MS, 0);
		return false;
	}
	r->due = false;
	uv_timer_stop(&r->gather);
	return waits;
}

/* Just before the loop sleeps: one statement of a kind at a time, what comes
 * meanwhile is the next one's. */
static void on_turn(uv_prepare_t *turn)
{
	struct runs *r = turn->data;

	if (r->count == 0 || !queue_is_up(r->o.queue) ||
	    (r->publishing && r->finishing) || !gathered(r))
		return;
	if (!r->publishing)
		send_publish(r);
	if (!r->finishing && queue_is_up(r->o.queue))
		send_finish(r);
}

void runs_resend(struct runs *r)
{
	for (struct run *run = r->list; run != NULL; run = run->next) {
		if (run->state == ENDED)
			run->finish = WAITS;
	}
}

/* ---- stopping ---- */

static void stop(struct run *run, enum intent intent)
{
	const struct settings *s = run->runs->o.settings;

	if (run->state == ENDED || run->worker == NULL)
		return;
	if (intent > run->intent)
		run->intent = intent;
	if (run->publish == WAITS)
		answer_publish(run, false);
	if (run->kill_ms != 0)
		return;
	worker_signal(run->worker, SIGTERM);
	run->kill_ms = clock_boot_ms() + s->cancel_grace;
}

void runs_cancel(struct runs *r, int64_t run_id)
{
	struct run *run = find(r, run_id);

	if (run == NULL || run->intent != GO_ON || run->state == ENDED)
		return;
	LOG(r->o.log, LVL_INFO, L_MSG("cancelling"), L_INT("run", run_id),
	    L_INT("config", run->config_id));
	stop(run, CANCEL);
}

void runs_lose(struct runs *r, int64_t run_id)
{
	struct run *run = find(r, run_id);

	if (run == NULL || run->intent == LOSE || run->state == ENDED)
		return;
	LOG(r->o.log, LVL_WARN,
	    L_MSG("lease lost: stopping the run, nothing is published"),
	    L_INT("run", run_id), L_INT("config", run->config_id));
	stop(run, LOSE);
}

void runs_lose_all(struct runs *r)
{
	for (struct run *run = r->list; run != NULL; run = run->next)
		runs_lose(r, run->run_id);
}

void runs_release_all(struct runs *r)
{
	for (struct run *run = r->list; run != NULL; run = run->next) {
		if (run->worker == NULL)
			continue;
		if (run->intent == RELEASE)
			worker_signal(run->worker, SIGKILL);
		else
			stop(run, RELEASE);
	}
}

static void on_check(uv_timer_t *timer)
{
	struct runs *r = timer->data;
	int64_t now = clock_boot_ms();

	for (struct run *run = r->list; run != NULL; run = run->next) {
		if (run->state == ENDED) {
			/* Busy or failed before: try again. */
			if (run->finish == NO)
				run->finish = WAITS;
		} else if (run->kill_ms > 0 && now >= run->kill_ms) {
			LOG(r->o.log, LVL_WARN,
			    L_MSG("worker did not stop, killing it"),
			    L_INT("run", run->run_id),
			    L_INT("pid", worker_pid(run->worker)));
			run->kill_ms = -1;
			worker_signal(run->worker, SIGKILL);
		} else if (run->kill_ms == 0 && run->timeout_ms > 0 &&
			   now >= run->started_ms + run->timeout_ms +
				      r->o.settings->cancel_grace) {
			/* The worker watches its deadline itself. */
			run->kill_ms = -1;
			worker_signal(run->worker, SIGKILL);
		}
	}
}

/* ---- starting ---- */

static void send_job(struct run *run, const struct claimed *c)
{
	const struct settings *s = run->runs->o.settings;
	const struct source_settings *source = settings_source(s, c->source);
	int64_t statement = source->statement_timeout;
	struct buf b;

	if (statement == 0 ||
	    (run->timeout_ms > 0 && run->timeout_ms < statement))
		statement = run->timeout_ms;
	buf_init(&b, PROTOCOL_LINE_MAX);
	message_job(
	    &b, &(struct job_terms){.run_id = run->run_id,
		    .deadline_ms =
			run->timeout_ms ? run->started_ms + run->timeout_ms : 0,
		    .timeout_ms = run->timeout_ms,
		    .statement_timeout_ms = statement,
		    .source_type = source->type,
		    .conninfo = settings_conninfo(s, source),
		    .output_root = s->output_root,
		    .output = s->output,
		    .file_mode = s->file_mode,
		    .no_sync = !s->fsync,
		    .row = c->row});
	if (b.overflow)
		end_with(run, "FAILED", true, "the report's row is too large");
	else
		worker_send(run->worker, &b);
	buf_free(&b);
}

static void refuse_source(struct run *run, const char *source)
{
	const struct settings *s = run->runs->o.settings;
	struct buf names;
	char *text;

	buf_init(&names, 4096);
	for (int i = 0; i < s->source_count; i++)
		buf_printf(&names, "%s%s", i ? ", " : "", s->sources[i].name);
	text = mem_printf("unknown source \"%s\"; the settings know %s. Add "
			  "[source.%s] to the settings file, or change the "
			  "report's source",
	    source, names.data, source);
	end_with(run, "FAILED", true, text);
	free(text);
	buf_free(&names);
}

void runs_start(struct runs *r, const struct claimed *c)
{
	const struct settings *s = r->o.settings;
	struct run *run = mem_zalloc(sizeof(*run));

	run->runs = r;
	run->run_id = c->run_id;
	run->config_id = c->config_id;
	run->scheduled = c->scheduled;
	run->started_ms = clock_boot_ms();
	run->timeout_ms = c->timeout_ms ? c->timeout_ms : s->job_timeout;
	str_copy(run->stage, sizeof(run->stage), "start");
	buf_init(&run->result, PROTOCOL_LINE_MAX);
	run->next = r->list;
	r->list = run;
	if (r->count++ == 0)
		uv_timer_start(&r->check, on_check, CHECK_MS, CHECK_MS);
	run->worker = pool_take(r->pool, run);
	LOG(r->o.log, LVL_DEBUG, L_MSG("claimed"), L_INT("run", run->run_id),
	    L_INT("config", run->config_id));
	if (run->worker == NULL)
		end_with(
		    run, "RELEASED", false, "given back: no worker was free");
	else if (settings_source(s, c->source) == NULL)
		refuse_source(run, c->source);
	else
		send_job(run, c);
}

struct runs *runs_open(const struct runs_options *options)
{
	struct runs *r = mem_zalloc(sizeof(*r));

	r->o = *options;
	uv_prepare_init(r->o.loop, &r->turn);
	uv_timer_init(r->o.loop, &r->check);
	uv_timer_init(r->o.loop, &r->gather);
	r->turn.data = r->check.data = r->gather.data = r;
	uv_prepare_start(&r->turn, on_turn);
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

	/* The other handles, closed first, are gone already. */
	while (r->list != NULL) {
		struct run *run = r->list;

		r->list = run->next;
		buf_free(&run->result);
		free(run);
	}
	free(r);
}

void runs_close(struct runs *r)
{
	uv_close((uv_handle_t *)&r->turn, NULL);
	uv_close((uv_handle_t *)&r->gather, NULL);
	uv_close((uv_handle_t *)&r->check, on_closed);
}
