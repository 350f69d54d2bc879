/* SPDX-License-Identifier: MIT */
#include "supervisor/tick/claims.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/str.h"
#include "sql/queue.h"
#include "supervisor/tick/load.h"
#include "supervisor/tick/own_sources.h"

/* ms until the first and the longest wait after a claim whose rows other
 * daemons held; jitter keeps the daemons out of step. */
#define CONTENDED_MS 20
#define CONTENDED_MAX_MS 2000
/* ms. While many jobs wait, a claim for several jobs costs hardly more than a
 * claim for one, so a claim waits this long, or until half of the workers need
 * a job. */
#define GATHER_MS 5
/* The same where jobs are claimed in advance and no worker is without one; half
 * of the time for which they are claimed. */
#define LINE_MS (RUNS_AHEAD_MS / 2)
/* A claim that continues where earlier claims ended does not see jobs that were
 * committed later with an earlier due_at. A claim that looks from the start
 * follows after CURSOR_MS, prolonged by CURSOR_TIMES times the duration of such
 * a claim. */
#define CURSOR_MS 250
#define CURSOR_TIMES 20
#define CLASSES_MAX 64
#define FAILED_MS 1000
#define TEXT_MAX (256u << 10)

static const struct statement claim = {"claim", sql_claim, 8};
static const struct statement claim_lock = {NULL, sql_claim_lock, 0};
static const struct statement set_aside = {NULL, sql_set_aside, 3};

/* A class of waiting jobs, as text from the database, and the place in it where
 * the last claim that took one of its jobs ended. */
struct class
{
	char owner[16], source[48], priority[8], trigger_type[16];
	char due_at[40], config_id[24]; /* of the last job that was taken */
	int64_t running;                /* running reports of its owner */
};

struct claims {
	struct claims_options o;
	uv_timer_t timer;
	bool running, ended;
	bool claiming; /* a claim awaits its answer */
	/* reports that cannot be claimed are being ended; no claim meanwhile */
	bool setting_aside;
	bool want; /* jobs may be waiting */
	/* a limit, not the number of waiting jobs, bounded the last claim */
	bool held_back;
	bool deep;   /* the last claim got as many jobs as it asked for */
	bool quotas; /* owners have quotas: a claim counts their runs */
	struct class *passed; /* array of CLASSES_MAX: where claims ended */
	int passed_count;
	/* the claim under way continues where earlier ones ended */
	bool partial;
	char served[16]; /* oid of the owner served last; 0: none */
	/* boot clock, ms: the last claim that looked from the start */
	int64_t looked_ms;
	int64_t look_ms;      /* ms that this claim took */
	int wanted;           /* jobs that the claim under way asks for */
	int64_t contended_ms; /* ms to wait for rows that other daemons hold */
};

static void send_claim(struct claims *c);
static int room(const struct claims *c);

static void on_timer(uv_timer_t *timer)
{
	send_claim(timer->data);
}

static void claim_again(struct claims *c)
{
	c->want = true;
	send_claim(c);
}

/* Claims at once, or a little later if many jobs wait and the workers need only a
 * few of them. */
static void claim_gathered(struct claims *c)
{
	int ahead = runs_ahead(c->o.runs);
	int full = (int)c->o.settings->workers + ahead;

	if (!c->deep || room(c) * 2 >= full ||
	    (ahead > 0 && runs_free_workers(c->o.runs) > 0))
		send_claim(c);
	else if (!uv_is_active((uv_handle_t *)&c->timer))
		uv_timer_start(
		    &c->timer, on_timer, ahead > 0 ? LINE_MS : GATHER_MS, 0);
}

static void on_contended(uv_timer_t *timer)
{
	claim_again(timer->data);
}

/* Claims again soon, because other daemons hold rows that the claim saw. The
 * wait doubles as long as claims get nothing. */
static void wait_contended(struct claims *c, int got)
{
	int64_t ms = got > 0 || c->contended_ms == 0 ? CONTENDED_MS
						     : 2 * c->contended_ms;

	c->contended_ms = ms < CONTENDED_MAX_MS ? ms : CONTENDED_MAX_MS;
	uv_timer_start(&c->timer, on_contended,
	    (uint64_t)random_shorten(c->contended_ms, 10), 0);
}

/* The columns of the result of claim.sql. */
enum {
	SEEN,
	RUN_ID,
	CONFIG_ID,
	TRIGGER_TYPE,
	SOURCE,
	TIMEOUT_MS,
	JOB,
	DENIED,
	OWNER,
	PRIORITY,
	DUE_AT,
	RUNNING,
	QUOTA_MS,
	TARGET,
};

static void start_job(struct claims *c, const struct reply *reply, int row)
{
	runs_start(c->o.runs,
	    &(struct claimed){.run_id = reply_int(reply, row, RUN_ID, 0),
		.config_id = reply_int(reply, row, CONFIG_ID, 0),
		.scheduled =
		    strcmp(reply_text(reply, row, TRIGGER_TYPE), "ADHOC") != 0,
		.source = reply_text(reply, row, SOURCE),
		.timeout_ms = reply_int(reply, row, TIMEOUT_MS, 0),
		.quota_ms = reply_int(reply, row, QUOTA_MS, 0),
		.row = reply_text(reply, row, JOB),
		.denied = reply_text(reply, row, DENIED),
		.target = reply_text(reply, row, TARGET)});
}

static bool is_class(const struct class *one, const struct reply *r, int row)
{
	return strcmp(one->owner, reply_text(r, row, OWNER)) == 0 &&
	       strcmp(one->source, reply_text(r, row, SOURCE)) == 0 &&
	       strcmp(one->priority, reply_text(r, row, PRIORITY)) == 0 &&
	       strcmp(one->trigger_type, reply_text(r, row, TRIGGER_TYPE)) == 0;
}

/* Returns the class of the job in this row, and adds it if it is new; NULL:
 * there are too many classes. */
static struct class *class_of(struct claims *c, const struct reply *r, int row)
{
	struct class *one = c->passed;

	for (int i = 0; i < c->passed_count; i++, one++) {
		if (is_class(one, r, row))
			return one;
	}
	if (c->passed_count == CLASSES_MAX)
		return NULL;
	c->passed_count++;
	str_copy(one->owner, sizeof(one->owner), reply_text(r, row, OWNER));
	str_copy(one->source, sizeof(one->source), reply_text(r, row, SOURCE));
	str_copy(
	    one->priority, sizeof(one->priority), reply_text(r, row, PRIORITY));
	str_copy(one->trigger_type, sizeof(one->trigger_type),
	    reply_text(r, row, TRIGGER_TYPE));
	return one;
}

/* Returns how many reports of the row's owner run after this claim. */
static int64_t running_after(const struct reply *r, int row)
{
	int64_t n = reply_int(r, row, RUNNING, 0);

	for (int i = 0; i < reply_rows(r); i++)
		n += strcmp(reply_text(r, i, OWNER),
			 reply_text(r, row, OWNER)) == 0;
	return n;
}

/* Keeps the place where the claim ended in each class, and the owner served
 * last. The rows of a class are in the order of due_at. */
static void keep_passed(struct claims *c, const struct reply *r)
{
	if (reply_text(r, 0, RUN_ID) == NULL)
		return;
	for (int i = 0; i < reply_rows(r); i++) {
		struct class *one = class_of(c, r, i);

		if (one == NULL) {
			c->passed_count = 0;
			return;
		}
		str_copy(
		    one->due_at, sizeof(one->due_at), reply_text(r, i, DUE_AT));
		str_copy(one->config_id, sizeof(one->config_id),
		    reply_text(r, i, CONFIG_ID));
		one->running = running_after(r, i);
	}
	str_copy(c->served, sizeof(c->served),
	    reply_text(r, reply_rows(r) - 1, OWNER));
}

static void list_passed(const struct claims *c, struct buf *json)
{
	buf_char(json, '[');
	for (int i = 0; i < c->passed_count; i++) {
		const struct class *one = &c->passed[i];

		buf_printf(json,
		    "%s[%s,\"%s\",%s,\"%s\",\"%s\",%s,%" PRId64 "]",
		    i ? "," : "", one->owner, one->source, one->priority,
		    one->trigger_type, one->due_at, one->config_id,
		    one->running);
	}
	buf_char(json, ']');
}

static void send_set_aside(struct claims *c, const char *since);

static void on_set_aside(
    void *arg, const struct reply *reply, const struct err *e)
{
	struct claims *c = arg;
	int64_t ended = reply ? reply_int(reply, 0, 0, 0) : 0;

	c->setting_aside = false;
	if (reply == NULL && e->kind != ERR_LOST)
		LOG(c->o.log, LVL_ERROR,
		    L_MSG("looking for reports that cannot be claimed failed"),
		    L_STR("error", e->text), L_STR("sqlstate", e->sqlstate));
	else if (ended > 0)
		LOG(c->o.log, LVL_WARN,
		    L_MSG("reports that cannot be claimed were ended"),
		    L_INT("count", ended));
	load_tell_failed(c->o.settings, ended);
	if (reply != NULL && reply_text(reply, 0, 1) != NULL && c->running &&
	    !c->ended)
		send_set_aside(c, reply_text(reply, 0, 1));
	else if (c->running)
		uv_timer_start(&c->timer, on_contended, FAILED_MS, 0);
}

/* Ends the reports that cannot be claimed, from the place `since` on; NULL:
 * from the start. It continues in small steps, so that heartbeats can pass
 * between them. */
static void send_set_aside(struct claims *c, const char *since)
{
	struct own_sources own;

	own_sources_list(&own, c->o.settings);
	c->setting_aside = true;
	queue_send(c->o.queue, NULL, &set_aside,
	    (const char *const[]){
		lease_worker_id(c->o.lease), queue_text(&own.names), since},
	    on_set_aside, c);
	own_sources_free(&own);
}

/* Handles a claim that the server refused. A single row may be the cause, which
 * must not block the others. */
static void claim_failed(struct claims *c, const struct err *e)
{
	LOG(c->o.log, LVL_ERROR, L_MSG("claim failed"), L_STR("error", e->text),
	    L_STR("sqlstate", e->sqlstate));
	if (queue_is_up(c->o.queue))
		send_set_aside(c, NULL);
}

static void on_claim(void *arg, const struct reply *reply, const struct err *e)
{
	struct claims *c = arg;
	int64_t seen;
	int got = 0;

	c->claiming = false;
	if (reply == NULL && c->ended) {
		c->o.events->last(c->o.arg);
		return;
	}
	if (reply == NULL) {
		c->passed_count = 0;
		if (e->kind != ERR_LOST)
			claim_failed(c, e);
		return;
	}
	seen = reply_int(reply, 0, SEEN, 0);
	for (int i = 0; i < reply_rows(reply); i++) {
		if (reply_text(reply, i, RUN_ID) == NULL)
			continue;
		start_job(c, reply, i);
		got++;
	}
	if (c->ended) {
		c->o.events->last(c->o.arg);
		return;
	}
	c->deep = got == c->wanted;
	if (!c->partial)
		c->look_ms = clock_boot_ms() - c->looked_ms;
	keep_passed(c, reply);
	c->o.events->answered(c->o.arg);
	/* Claims again when a notification has arrived meanwhile (want is set),
	 * and when this claim continued from earlier ones and so has not seen
	 * all jobs. */
	c->want = c->want || c->deep || c->partial;
	if (c->want)
		claim_gathered(c);
	else if (seen > got)
		wait_contended(c, got);
	else if (got > 0)
		c->o.events->taken(c->o.arg);
	else
		c->o.events->none_left(c->o.arg);
}

/* Returns how many jobs a claim may take now. When sources or owners are
 * limited, or places are kept for ADHOC reports, no job is taken in advance of
 * a free worker. */
static int room(const struct claims *c)
{
	int ahead = c->deep && !c->held_back ? runs_ahead(c->o.runs) : 0;

	return runs_free_workers(c->o.runs) + ahead - runs_waiting(c->o.runs);
}

static void send_claim(struct claims *c)
{
	const struct settings *s = c->o.settings;
	int64_t scheduled = s->workers - s->adhoc_workers;
	char wanted[16], quota[32], ageing[32];
	struct own_sources own;
	struct buf passed;
	bool limited;

	if (!c->running || c->ended || c->claiming || c->setting_aside ||
	    !c->want || !queue_is_up(c->o.queue))
		return;
	c->wanted = room(c);
	if (c->wanted <= 0)
		return;
	c->want = false;
	c->claiming = true;
	uv_timer_stop(&c->timer);
	own_sources_list(&own, s);
	limited = own.limited || c->quotas;
	c->held_back = limited || s->adhoc_workers > 0;
	scheduled = s->adhoc_workers == 0
			? c->wanted
			: scheduled - runs_scheduled(c->o.runs);
	snprintf(wanted, sizeof(wanted), "%d", c->wanted);
	snprintf(
	    quota, sizeof(quota), "%" PRId64, scheduled > 0 ? scheduled : 0);
	snprintf(ageing, sizeof(ageing), "%" PRId64, s->ageing);
	/* When the last claim found less than it asked for, one that looks from
	 * the start would have to follow at once. */
	c->partial = c->deep && !limited && c->passed_count > 0 &&
		     clock_boot_ms() - c->looked_ms <
			 CURSOR_MS + CURSOR_TIMES * c->look_ms;
	if (!c->partial)
		c->looked_ms = clock_boot_ms();
	buf_init(&passed, TEXT_MAX);
	list_passed(c, &passed);
	queue_send(c->o.queue, limited ? &claim_lock : NULL, &claim,
	    (const char *const[]){lease_worker_id(c->o.lease), wanted, quota,
		queue_text(&own.names), queue_text(&own.most), ageing,
		c->partial ? queue_text(&passed) : NULL, c->served},
	    on_claim, c);
	buf_free(&passed);
	own_sources_free(&own);
}

/* ---- the owner's calls ---- */

void claims_look(struct claims *c)
{
	claim_again(c);
}

void claims_run_ended(struct claims *c)
{
	c->want = c->want || c->held_back;
	claim_gathered(c);
}

void claims_set_quotas(struct claims *c, bool quotas)
{
	c->quotas = quotas;
}

void claims_start(struct claims *c)
{
	c->running = true;
	claim_again(c);
}

void claims_pause(struct claims *c)
{
	c->running = false;
}

void claims_down(struct claims *c)
{
	c->running = false;
	c->claiming = c->setting_aside = false;
	uv_timer_stop(&c->timer);
}

void claims_end(struct claims *c)
{
	c->ended = true;
	uv_timer_stop(&c->timer);
}

bool claims_under_way(const struct claims *c)
{
	return c->claiming;
}

bool claims_idle(const struct claims *c)
{
	return !c->want && !c->claiming;
}

void claims_set_settings(struct claims *c, const struct settings *settings)
{
	c->o.settings = settings;
}

struct claims *claims_open(const struct claims_options *options)
{
	struct claims *c = mem_zalloc(sizeof(*c));

	c->o = *options;
	c->passed = mem_zalloc(CLASSES_MAX * sizeof(*c->passed));
	/* Unknown until the first tick. */
	c->quotas = false;
	str_copy(c->served, sizeof(c->served), "0");
	uv_timer_init(c->o.loop, &c->timer);
	c->timer.data = c;
	return c;
}

static void on_closed(uv_handle_t *handle)
{
	struct claims *c = handle->data;

	free(c->passed);
	free(c);
}

void claims_close(struct claims *c)
{
	uv_close((uv_handle_t *)&c->timer, on_closed);
}
