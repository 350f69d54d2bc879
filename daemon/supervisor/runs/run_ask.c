/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/emf.h"
#include "settings/settings.h"
#include "sql/queue.h"
#include "supervisor/runs/runs_parts.h"

/* While other runs are at work, a question to the database waits this many ms
 * for further ones, because a statement for several runs costs hardly more than
 * one for a single run. A worker waits for the answer to "publish"; nobody
 * waits for the answer to "finish". */
#define PUBLISH_MS 2
#define FINISH_MS 8
/* The same while jobs stand in line at the workers, which then have something to
 * do; half of the time for which jobs are claimed in advance. */
#define LINE_MS (RUNS_AHEAD_MS / 2)
/* A result that cannot be recorded is sent again after this many ms. */
#define AGAIN_MS 5000
#define BATCH_MAX (8u << 20)

static const struct statement publish = {"publish", sql_publish, 2};
static const struct statement publish_horizon = {
    "publish_horizon", sql_publish_horizon, 3};
static const struct statement finish = {"finish", sql_finish, 4};

static void on_published(
    void *arg, const struct reply *reply, const struct err *e)
{
	struct runs *r = arg;

	r->publish.under_way = false;
	if (reply == NULL && e->kind != ERR_LOST)
		LOG(r->o.log, LVL_ERROR,
		    L_MSG("asking whether runs may publish failed"),
		    L_STR("error", e->text));
	for (int i = 0; reply != NULL && i < reply_rows(reply); i++) {
		struct run *run = run_find(r, reply_int(reply, i, 0, 0));

		if (run != NULL && run_step(run, LIFE_YES))
			run_answer_publish(run);
	}
	for (struct run *run = r->list; run != NULL; run = run->next) {
		if (run->state != LIFE_ASKED)
			continue;
		run_step(run, reply ? LIFE_NO : LIFE_UNHEARD);
		if (reply != NULL)
			run_answer_publish(run);
	}
}

/* Takes the runs that ask into the lists for publish_horizon.sql: their numbers,
 * and the horizons of those that have one. Returns false when none has a horizon
 * or an unload, so that publish.sql serves, which costs less. */
static bool gather_publish(
    struct runs *r, struct buf *ids, struct buf *horizons)
{
	bool more = false;

	for (struct run *run = r->list; run != NULL; run = run->next) {
		if (run->state != LIFE_ASKS)
			continue;
		run_step(run, LIFE_SEND);
		more = more || run->unloads || run->horizon[0] != '\0';
		buf_printf(
		    ids, "%s%" PRId64, ids->len > 1 ? "," : "", run->run_id);
		if (run->horizon[0] == '\0')
			continue;
		buf_printf(horizons,
		    "%s{\"run_id\":%" PRId64 ",\"horizon\":\"%s\"}",
		    horizons->len > 1 ? "," : "", run->run_id, run->horizon);
	}
	return more;
}

static void send_publish(struct runs *r)
{
	struct buf ids, horizons;
	bool more;

	buf_init(&ids, BATCH_MAX);
	buf_init(&horizons, BATCH_MAX);
	buf_char(&ids, '{');
	buf_char(&horizons, '[');
	more = gather_publish(r, &ids, &horizons);
	if (ids.len > 1) {
		buf_char(&ids, '}');
		buf_char(&horizons, ']');
		r->publish.under_way = true;
		queue_send(r->o.queue, NULL, more ? &publish_horizon : &publish,
		    (const char *const[]){r->o.events->worker_id(r->o.arg),
			queue_text(&ids), queue_text(&horizons)},
		    on_published, r);
	}
	buf_free(&horizons);
	buf_free(&ids);
}

static void add_numbers(json_t *to, const char *name, int64_t value)
{
	json_object_set_new(to, name, json_integer(value));
}

/* Writes the metrics of a run as a line of the log, see base/emf.h. */
static void write_metrics(
    const struct run *run, const char *outcome, const json_t *result)
{
	const struct settings *settings = run->runs->o.settings;
	bool released = strcmp(json_str(result, "status", ""), "RELEASED") == 0;
	bool again = strcmp(outcome, "PENDING") == 0;
	json_t *o;

	if (settings->log_metrics == NULL)
		return;
	o = emf_object(&(struct emf){.namespace = settings->log_metrics,
	    .time_ms = clock_wall_us() / 1000,
	    .status = released ? "RELEASED"
		      : again  ? "RETRY"
			       : outcome,
	    .metrics = (const struct emf_metric[]){{"Runs", "Count", 1},
		{"Duration", "Seconds",
		    (double)(clock_boot_ms() - run->started_ms) / 1000},
		{.name = NULL}}});
	add_numbers(o, "run", run->run_id);
	add_numbers(o, "config", run->config_id);
	add_numbers(o, "rows", json_int(result, "row_count", 0));
	add_numbers(o, "bytes", json_int(result, "byte_count", 0));
	emf_write(o);
}

static void log_end(const struct run *run, const char *outcome)
{
	const struct log *log = run->runs->o.log;
	bool good = strcmp(outcome, "COMPLETED") == 0;
	const char *message;
	struct err e;
	json_t *v;

	if (good && log->level > LVL_INFO &&
	    run->runs->o.settings->log_metrics == NULL)
		return;
	v = json_parse_object(run->result.data, run->result.len, &e);
	write_metrics(run, outcome, v);
	message = json_str(v, "error_message", NULL);
	if (strcmp(json_str(v, "status", ""), "RELEASED") == 0)
		LOG(log, LVL_INFO, L_MSG("run given back"),
		    L_INT("run", run->run_id), L_INT("config", run->config_id),
		    L_STR("why", message));
	else if (message == NULL)
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

static void finish_failed(struct runs *r, const struct err *e)
{
	int64_t again_ms = clock_boot_ms() + AGAIN_MS;
	int sent = 0;

	for (const struct run *run = r->list; run != NULL; run = run->next)
		sent += run->state == LIFE_RECORDING;
	if (e->kind != ERR_LOST)
		LOG(r->o.log, LVL_ERROR, L_MSG("recording results failed"),
		    L_INT("runs", sent), L_STR("error", e->text),
		    L_STR("sqlstate", e->sqlstate));
	for (struct run *run = r->list; run != NULL; run = run->next) {
		if (run->state != LIFE_RECORDING)
			continue;
		run->suspect = e->kind != ERR_LOST;
		run->again_ms = again_ms;
		run_step(run,
		    message_record_failed(&run->result, &run->plain, sent, e)
			? LIFE_UNHEARD
			: LIFE_LATER);
	}
}

/* Takes the outcome of recording a result. `follows`: another request of the
 * report is due. */
static void take_outcome(struct run *run, const char *outcome, bool follows)
{
	struct runs *r = run->runs;
	bool again =
	    run->scheduled || follows || strcmp(outcome, "PENDING") == 0;

	if (strcmp(outcome, "busy") == 0) {
		/* Another session has locked the row: repeated a little
		 * later. */
		run_step(run, LIFE_LATER);
		return;
	}
	if (strcmp(outcome, "lost") == 0)
		LOG(r->o.log, LVL_WARN,
		    L_MSG("result not recorded: the lease was lost or it was "
			  "recorded before"),
		    L_INT("run", run->run_id), L_INT("config", run->config_id));
	else
		log_end(run, outcome);
	r->failed += strcmp(outcome, "FAILED") == 0;
	run_step(run, LIFE_RECORDED);
	run_forget(run);
	if (again)
		r->o.events->due_again(r->o.arg);
}

/* The columns of the result of finish.sql. */
enum { RUN_ID, OUTCOME, NOTICES, FOLLOWS };

static void on_finished(
    void *arg, const struct reply *reply, const struct err *e)
{
	struct runs *r = arg;

	r->finish.under_way = false;
	if (reply == NULL) {
		finish_failed(r, e);
		return;
	}
	for (int i = 0; i < reply_rows(reply); i++) {
		struct run *run = run_find(r, reply_int(reply, i, RUN_ID, 0));

		if (run != NULL && run->state == LIFE_RECORDING)
			take_outcome(run, reply_text(reply, i, OUTCOME),
			    reply_bool(reply, i, FOLLOWS));
	}
	if (reply_rows(reply) > 0 && reply_int(reply, 0, NOTICES, 0) > 0)
		r->o.events->notices(r->o.arg);
	r->o.events->ended(r->o.arg);
}

/* Collects the results for the next statement: a single suspect run alone, or
 * all the others. */
static void gather_results(struct runs *r, struct buf *b)
{
	struct run *suspect = NULL;

	for (struct run *run = r->list; run != NULL; run = run->next) {
		if (run->state == LIFE_ENDED && run->suspect)
			suspect = run;
	}
	for (struct run *run = r->list; run != NULL; run = run->next) {
		if (run->state != LIFE_ENDED || (suspect && run != suspect) ||
		    (b->len > 1 && b->len + run->result.len > BATCH_MAX / 2))
			continue;
		run_step(run, LIFE_SEND);
		if (b->len > 1)
			buf_char(b, ',');
		buf_add(b, run->result.data, run->result.len);
	}
}

static void send_finish(struct runs *r)
{
	const struct settings *s = r->o.settings;
	char backoff[32], most[32];
	struct buf b;

	/* Room for at least one result of the greatest length that a worker can
	 * send. */
	buf_init(&b, BATCH_MAX + PROTOCOL_LINE_MAX);
	buf_char(&b, '[');
	gather_results(r, &b);
	buf_char(&b, ']');
	snprintf(backoff, sizeof(backoff), "%" PRId64, s->retry_backoff);
	snprintf(most, sizeof(most), "%" PRId64, s->retry_backoff_max);
	r->finish.under_way = true;
	queue_send(r->o.queue, NULL, &finish,
	    (const char *const[]){r->o.events->worker_id(r->o.arg),
		queue_text(&b), backoff, most},
	    on_finished, r);
	buf_free(&b);
}

static void on_gathered(uv_timer_t *timer)
{
	struct gather *g = timer->data;

	g->over = true;
}

/* Says whether it is time to send: there are `some` questions, and either there
 * are no `others` that could still join, or the first has waited `ms`
 * milliseconds. */
static bool gathered(struct gather *g, bool some, bool others, uint64_t ms)
{
	if (!some || g->under_way)
		return false;
	if (others && !g->over) {
		if (!uv_is_active((uv_handle_t *)&g->timer))
			uv_timer_start(&g->timer, on_gathered, ms, 0);
		return false;
	}
	g->over = false;
	uv_timer_stop(&g->timer);
	return true;
}

/* Runs just before the loop sleeps. Only one statement of a kind is under way;
 * the next one takes the questions that arrive meanwhile. */
static void on_turn(uv_prepare_t *turn)
{
	struct runs *r = turn->data;
	bool finishes = false, busy = false, at_work = false;
	bool in_line = pool_queued(r->pool) > 0, waits = !in_line;
	int64_t asks = 0;

	if (r->count == 0 || !queue_is_up(r->o.queue))
		return;
	for (const struct run *run = r->list; run != NULL; run = run->next) {
		asks += run->state == LIFE_ASKS;
		finishes = finishes || run->state == LIFE_ENDED;
		busy = busy || !life_has_ended(run->state);
		at_work = at_work || (life_is_at_worker(run->state) &&
					 !life_is_held(run->state));
		/* Its worker begins nothing else before the answer. */
		waits = waits || (run->state == LIFE_ASKS && run->stays);
	}
	/* Workers whose hands are full would begin nothing else. */
	at_work = at_work && asks < r->o.settings->workers * (HANDFUL / 2);
	if (gathered(
		&r->publish, asks > 0, at_work, waits ? PUBLISH_MS : LINE_MS))
		send_publish(r);
	if (gathered(&r->finish, finishes, busy, in_line ? LINE_MS : FINISH_MS))
		send_finish(r);
}

static void open_gather(struct runs *r, struct gather *g)
{
	uv_timer_init(r->o.loop, &g->timer);
	g->timer.data = g;
}

void ask_open(struct runs *r)
{
	open_gather(r, &r->publish);
	open_gather(r, &r->finish);
	uv_prepare_init(r->o.loop, &r->turn);
	r->turn.data = r;
	uv_prepare_start(&r->turn, on_turn);
}

void runs_resend(struct runs *r)
{
	for (struct run *run = r->list; run != NULL; run = run->next) {
		if (life_has_ended(run->state))
			run_step(run, LIFE_UNHEARD);
	}
}
