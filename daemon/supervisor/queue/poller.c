/* SPDX-License-Identifier: MIT */
#include "supervisor/queue/poller.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "sql/queue.h"

/* After a notification the tick waits a little: more may follow. */
#define SOON_MS 100
/* Another daemon held the rows we saw: look again, not in step with it. */
#define CONTENDED_MS 20
#define CONTENDED_MAX_MS 2000
/* With much waiting, a claim for several jobs costs hardly more than one for one:
 * so it waits this long until half the workers could use one. */
#define GATHER_MS 5
/* A claim that goes on where earlier ones ended does not see what was committed
 * late, with an earlier due_at: after this long it looks at all, or after this
 * many times what that look takes. */
#define CURSOR_MS 250
#define CURSOR_TIMES 20
#define CLASSES_MAX 64
#define FAILED_MS 1000
/* Between ticks while somebody waits for what they tell. */
#define QUICK_MS 1000
/* So long it counts that somebody has said that he looks. */
#define WATCHED_MS 10000
#define PURGE_MS 60000
#define COUNT_MS 60000
#define TEXT_MAX (256u << 10)
#define HAND_MAX (64u << 20)

static const struct statement tick = {"tick", sql_tick, 7};
static const struct statement beat = {"beat", sql_beat, 1};
static const struct statement claim = {"claim", sql_claim, 8};
static const struct statement claim_lock = {NULL, sql_claim_lock, 0};
static const struct statement set_aside = {NULL, sql_set_aside, 3};
static const struct statement purge = {"purge", sql_purge, 1};
static const struct statement recount = {"recount", sql_count, 0};
static const struct statement steps = {"steps", sql_steps, 1};

/* A class of waiting work, in the database's words, and where the last claim that
 * took from it ended. */
struct class
{
	char owner[16], source[48], priority[8], trigger_type[16];
	char due_at[40], config_id[24]; /* of the job that was taken last */
	int64_t running;                /* of its owner */
};

struct poller {
	struct poller_options o;
	uv_timer_t tick_timer, claim_timer;
	bool running, no_claims;
	bool ticking, claiming; /* a statement of that kind is under way */
	bool stepping;          /* and nobody is caught up meanwhile */
	bool setting_aside;     /* and no claim meanwhile */
	bool want_claim;        /* there is reason to believe in work */
	bool tick_again;
	bool held_back; /* a limit, not the queue, bounded the last claim */
	bool deep;      /* the last claim got all it wanted */
	bool quotas;    /* owners are limited: a claim counts what runs */
	struct class *passed; /* CLASSES_MAX: where claims ended */
	int passed_count;
	bool partial;      /* the claim under way goes on from earlier ones */
	char served[16];   /* the owner that was served last; 0: nobody */
	int64_t looked_ms; /* boot clock: the last claim that looked at all */
	int64_t look_ms;   /* how long it took */
	int wanted;        /* of the claim under way */
	int64_t tick_sent_ms, tick_lease_ms, purged_ms, counted_ms;
	int64_t next_ms;      /* as the last tick told it */
	int64_t watched_ms;   /* boot clock: until then somebody looks */
	int64_t contended_ms; /* how long to wait for rows that others hold */
};

static void send_tick(struct poller *p);
static void send_claim(struct poller *p);
static void tick_soon(struct poller *p);
static void on_contended(uv_timer_t *timer);

static int64_t with_jitter(int64_t ms)
{
	uint16_t r = 0;

	uv_random(NULL, NULL, &r, sizeof(r), 0, NULL);
	return ms - ms / 10 * r / 65536;
}

static void on_tick_timer(uv_timer_t *timer)
{
	send_tick(timer->data);
}

static void arm_tick(struct poller *p, int64_t ms)
{
	uv_timer_start(
	    &p->tick_timer, on_tick_timer, (uint64_t)(ms > 0 ? ms : 0), 0);
}

static int64_t interval(const struct poller *p)
{
	const struct settings *s = p->o.settings;
	int64_t half = s->lease / 2;

	return with_jitter(s->poll_interval < half ? s->poll_interval : half);
}

/* ---- the tick ---- */

static void take_news(struct poller *p, const char *text)
{
	json_t *news = text ? json_loads(text, 0, NULL) : NULL;
	const json_t *one;
	size_t i;

	json_array_foreach(news, i, one)
	{
		int64_t run_id = json_int(one, "run_id", 0);

		if (strcmp(json_str(one, "news", ""), "cancel") == 0)
			runs_cancel(p->o.runs, run_id);
		else
			runs_lose(p->o.runs, run_id);
	}
	json_decref(news);
}

static void send_purge(struct poller *p);

static void on_purged(void *arg, const struct reply *reply, const struct err *e)
{
	struct poller *p = arg;
	int64_t count = reply ? reply_int(reply, 0, 0, 0) : 0;

	if (reply == NULL && e->kind != ERR_LOST)
		LOG(p->o.log, LVL_ERROR, L_MSG("retention failed"),
		    L_STR("error", e->text));
	if (count == 0)
		return;
	LOG(p->o.log, LVL_INFO, L_MSG("old runs forgotten"),
	    L_INT("count", count));
	/* There may be more. */
	p->purged_ms -= PURGE_MS;
	send_purge(p);
}

static void send_purge(struct poller *p)
{
	char age[32];
	int64_t now = clock_boot_ms();

	if (!p->running || !queue_is_up(p->o.queue) ||
	    p->o.settings->retention == 0 || now - p->purged_ms < PURGE_MS)
		return;
	p->purged_ms = now;
	snprintf(age, sizeof(age), "%" PRId64, p->o.settings->retention);
	queue_send(
	    p->o.queue, NULL, &purge, (const char *const[]){age}, on_purged, p);
}

static void on_counted(
    void *arg, const struct reply *reply, const struct err *e)
{
	const struct poller *p = arg;

	if (reply == NULL && e->kind != ERR_LOST)
		LOG(p->o.log, LVL_ERROR, L_MSG("counting for quotas failed"),
		    L_STR("error", e->text));
}

static void send_count(struct poller *p)
{
	int64_t now = clock_boot_ms();

	if (now - p->counted_ms < COUNT_MS)
		return;
	p->counted_ms = now;
	queue_send(p->o.queue, NULL, &recount, NULL, on_counted, p);
}

static void on_beat(void *arg, const struct reply *reply, const struct err *e)
{
	struct poller *p = arg;

	(void)e;
	if (reply != NULL && reply_rows(reply) == 1)
		lease_renewed(p->o.lease, p->tick_sent_ms, 0);
}

static void tick_failed(struct poller *p, const struct err *e)
{
	LOG(p->o.log, LVL_ERROR, L_MSG("tick failed"), L_STR("error", e->text),
	    L_STR("sqlstate", e->sqlstate));
	queue_send(p->o.queue, NULL, &beat,
	    (const char *const[]){lease_worker_id(p->o.lease)}, on_beat, p);
	arm_tick(p, FAILED_MS);
}

static void send_steps(struct poller *p);

static void on_steps(void *arg, const struct reply *reply, const struct err *e)
{
	struct poller *p = arg;
	int64_t released, ended;
	bool more;

	p->stepping = false;
	if (reply == NULL) {
		/* The next tick asks again. */
		if (e->kind != ERR_LOST)
			LOG(p->o.log, LVL_ERROR,
			    L_MSG("looking at reports that wait failed"),
			    L_STR("error", e->text),
			    L_STR("sqlstate", e->sqlstate));
		return;
	}
	released = reply_int(reply, 0, 0, 0);
	ended = reply_int(reply, 0, 1, 0);
	more = strcmp(reply_text(reply, 0, 2), "t") == 0;
	if (ended > 0)
		LOG(p->o.log, LVL_WARN,
		    L_MSG("requests have waited too long for other reports"),
		    L_INT("count", ended));
	if (more)
		send_steps(p);
	if (released > 0) {
		p->want_claim = true;
		send_claim(p);
	}
	if (more || released > 0 || ended > 0)
		tick_soon(p);
}

static void send_steps(struct poller *p)
{
	if (!p->running || p->stepping || !queue_is_up(p->o.queue))
		return;
	p->stepping = true;
	queue_send(p->o.queue, NULL, &steps,
	    (const char *const[]){lease_worker_id(p->o.lease)}, on_steps, p);
}

static bool is_awaited(const struct poller *p)
{
	if (runs_count(p->o.runs) == 0)
		return p->o.drains;
	return clock_boot_ms() < p->watched_ms;
}

static void on_tick(void *arg, const struct reply *reply, const struct err *e)
{
	struct poller *p = arg;
	int64_t next, notice, wait = interval(p);

	p->ticking = false;
	if (reply == NULL) {
		if (e->kind != ERR_LOST)
			tick_failed(p, e);
		return;
	}
	if (strcmp(reply_text(reply, 0, 0), "t") != 0) {
		runs_lose_all(p->o.runs);
		outbox_lose(p->o.outbox);
		p->running = false;
		lease_lost(p->o.lease);
		return;
	}
	lease_renewed(p->o.lease, p->tick_sent_ms, p->tick_lease_ms);
	take_news(p, reply_text(reply, 0, 1));
	if (reply_int(reply, 0, 2, 0) > 0)
		LOG(p->o.log, LVL_WARN, L_MSG("took over jobs of lost daemons"),
		    L_INT("count", reply_int(reply, 0, 2, 0)));
	next = p->next_ms = reply_int(reply, 0, 5, INT64_MAX);
	notice = reply_int(reply, 0, 6, INT64_MAX);
	if (next > 0 && next < wait)
		wait = next;
	if (notice > 0 && notice < wait)
		wait = notice;
	if (wait > QUICK_MS && is_awaited(p))
		wait = QUICK_MS;
	if (p->tick_again || strcmp(reply_text(reply, 0, 9), "t") == 0)
		wait = SOON_MS;
	p->tick_again = false;
	arm_tick(p, wait);
	if (notice == 0)
		outbox_look(p->o.outbox);
	sweeps_look(p->o.sweeps, reply_text(reply, 0, 7));
	p->quotas = strcmp(reply_text(reply, 0, 8), "t") == 0;
	if (strcmp(reply_text(reply, 0, 10), "t") == 0)
		send_steps(p);
	if (next == 0) {
		p->want_claim = true;
		send_claim(p);
	} else if (!p->want_claim && !p->claiming && !p->stepping) {
		p->o.events->caught_up(p->o.arg);
	}
}

static void send_tick(struct poller *p)
{
	const struct settings *s = p->o.settings;
	char grace[32], lease[32], workers[32], attempts[32], notices[16];
	struct buf hand;

	if (!p->running || !queue_is_up(p->o.queue))
		return;
	if (p->ticking) {
		p->tick_again = true;
		return;
	}
	buf_init(&hand, HAND_MAX);
	runs_progress(p->o.runs, &hand);
	snprintf(grace, sizeof(grace), "%" PRId64, s->misfire_grace);
	snprintf(lease, sizeof(lease), "%" PRId64, s->lease);
	snprintf(workers, sizeof(workers), "%" PRId64, s->workers);
	snprintf(attempts, sizeof(attempts), "%" PRId64, s->notify_attempts);
	snprintf(notices, sizeof(notices), "%d", outbox_count(p->o.outbox));
	p->ticking = true;
	p->tick_lease_ms = s->lease;
	p->tick_sent_ms = clock_boot_ms();
	queue_send(p->o.queue, NULL, &tick,
	    (const char *const[]){lease_worker_id(p->o.lease), hand.data, grace,
		lease, workers, attempts, notices},
	    on_tick, p);
	buf_free(&hand);
	send_purge(p);
	send_count(p);
}

/* What is due next may have changed. */
static void tick_soon(struct poller *p)
{
	if (uv_timer_get_due_in(&p->tick_timer) > SOON_MS)
		arm_tick(p, SOON_MS);
}

/* While somebody waits, ticks come every second. A run may begin after the tick
 * that would have seen it, and the next one would be a poll_interval away. */
static void keep_fresh(struct poller *p)
{
	int64_t due = p->tick_sent_ms + QUICK_MS;

	if (p->running && is_awaited(p) &&
	    uv_timer_get_due_in(&p->tick_timer) > QUICK_MS)
		arm_tick(p, due - clock_boot_ms());
}

/* ---- the claim ---- */

/* The sources that the settings name, as arrays of PostgreSQL, with their
 * max_running. True: at least one is limited. */
static bool own_sources(
    const struct poller *p, struct buf *names, struct buf *most)
{
	const struct settings *s = p->o.settings;
	bool limited = false;

	buf_char(names, '{');
	buf_char(most, '{');
	for (int i = 0; i < s->source_count; i++) {
		int64_t max = s->sources[i].max_running;

		limited = limited || max > 0;
		buf_printf(names, "%s%s", i ? "," : "", s->sources[i].name);
		if (max > 0)
			buf_printf(most, "%s%" PRId64, i ? "," : "", max);
		else
			buf_printf(most, "%snull", i ? "," : "");
	}
	buf_char(names, '}');
	buf_char(most, '}');
	return limited;
}

static void on_claim_timer(uv_timer_t *timer)
{
	send_claim(timer->data);
}

static void claim_again(struct poller *p)
{
	p->want_claim = true;
	send_claim(p);
}

static void on_contended(uv_timer_t *timer)
{
	claim_again(timer->data);
}

/* Others hold rows that we saw: soon again, less and less so while it lasts. */
static void wait_contended(struct poller *p, int got)
{
	int64_t ms = got > 0 || p->contended_ms == 0 ? CONTENDED_MS
						     : 2 * p->contended_ms;

	p->contended_ms = ms < CONTENDED_MAX_MS ? ms : CONTENDED_MAX_MS;
	uv_timer_start(&p->claim_timer, on_contended,
	    (uint64_t)with_jitter(p->contended_ms), 0);
}

/* The columns of claim.sql. */
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
};

static void start_job(struct poller *p, const struct reply *reply, int row)
{
	runs_start(p->o.runs,
	    &(struct claimed){.run_id = reply_int(reply, row, RUN_ID, 0),
		.config_id = reply_int(reply, row, CONFIG_ID, 0),
		.scheduled =
		    strcmp(reply_text(reply, row, TRIGGER_TYPE), "ADHOC") != 0,
		.source = reply_text(reply, row, SOURCE),
		.timeout_ms = reply_int(reply, row, TIMEOUT_MS, 0),
		.quota_ms = reply_int(reply, row, QUOTA_MS, 0),
		.row = reply_text(reply, row, JOB),
		.denied = reply_text(reply, row, DENIED)});
}

static bool is_class(const struct class *c, const struct reply *r, int row)
{
	return strcmp(c->owner, reply_text(r, row, OWNER)) == 0 &&
	       strcmp(c->source, reply_text(r, row, SOURCE)) == 0 &&
	       strcmp(c->priority, reply_text(r, row, PRIORITY)) == 0 &&
	       strcmp(c->trigger_type, reply_text(r, row, TRIGGER_TYPE)) == 0;
}

/* The class that the job of this row is of; NULL: there are too many. */
static struct class *class_of(struct poller *p, const struct reply *r, int row)
{
	struct class *c = p->passed;

	for (int i = 0; i < p->passed_count; i++, c++) {
		if (is_class(c, r, row))
			return c;
	}
	if (p->passed_count == CLASSES_MAX)
		return NULL;
	p->passed_count++;
	str_copy(c->owner, sizeof(c->owner), reply_text(r, row, OWNER));
	str_copy(c->source, sizeof(c->source), reply_text(r, row, SOURCE));
	str_copy(
	    c->priority, sizeof(c->priority), reply_text(r, row, PRIORITY));
	str_copy(c->trigger_type, sizeof(c->trigger_type),
	    reply_text(r, row, TRIGGER_TYPE));
	return c;
}

/* How many reports of the row's owner run after this claim. */
static int64_t running_after(const struct reply *r, int row)
{
	int64_t n = reply_int(r, row, RUNNING, 0);

	for (int i = 0; i < reply_rows(r); i++)
		n += strcmp(reply_text(r, i, OWNER),
			 reply_text(r, row, OWNER)) == 0;
	return n;
}

/* Keeps where the claim ended in each class that it took from, and who was served
 * last. The rows of a class come in the order of due_at. */
static void keep_passed(struct poller *p, const struct reply *r)
{
	if (reply_text(r, 0, RUN_ID) == NULL)
		return;
	for (int i = 0; i < reply_rows(r); i++) {
		struct class *c = class_of(p, r, i);

		if (c == NULL) {
			p->passed_count = 0;
			return;
		}
		str_copy(
		    c->due_at, sizeof(c->due_at), reply_text(r, i, DUE_AT));
		str_copy(c->config_id, sizeof(c->config_id),
		    reply_text(r, i, CONFIG_ID));
		c->running = running_after(r, i);
	}
	str_copy(p->served, sizeof(p->served),
	    reply_text(r, reply_rows(r) - 1, OWNER));
}

static void list_passed(const struct poller *p, struct buf *json)
{
	buf_char(json, '[');
	for (int i = 0; i < p->passed_count; i++) {
		const struct class *c = &p->passed[i];

		buf_printf(json,
		    "%s[%s,\"%s\",%s,\"%s\",\"%s\",%s,%" PRId64 "]",
		    i ? "," : "", c->owner, c->source, c->priority,
		    c->trigger_type, c->due_at, c->config_id, c->running);
	}
	buf_char(json, ']');
}

static void send_set_aside(struct poller *p, const char *since);

static void on_set_aside(
    void *arg, const struct reply *reply, const struct err *e)
{
	struct poller *p = arg;

	p->setting_aside = false;
	if (reply == NULL && e->kind != ERR_LOST)
		LOG(p->o.log, LVL_ERROR,
		    L_MSG("looking for reports that cannot be claimed failed"),
		    L_STR("error", e->text), L_STR("sqlstate", e->sqlstate));
	else if (reply != NULL && reply_int(reply, 0, 0, 0) > 0)
		LOG(p->o.log, LVL_WARN,
		    L_MSG("reports that cannot be claimed were ended"),
		    L_INT("count", reply_int(reply, 0, 0, 0)));
	if (reply != NULL && reply_text(reply, 0, 1) != NULL && p->running &&
	    !p->no_claims)
		send_set_aside(p, reply_text(reply, 0, 1));
	else if (p->running)
		uv_timer_start(&p->claim_timer, on_contended, FAILED_MS, 0);
}

/* From `since` on, NULL: from the first. It goes on in small steps, so that
 * heartbeats pass between them. */
static void send_set_aside(struct poller *p, const char *since)
{
	struct buf names, most;

	buf_init(&names, TEXT_MAX);
	buf_init(&most, TEXT_MAX);
	own_sources(p, &names, &most);
	p->setting_aside = true;
	queue_send(p->o.queue, NULL, &set_aside,
	    (const char *const[]){
		lease_worker_id(p->o.lease), names.data, since},
	    on_set_aside, p);
	buf_free(&names);
	buf_free(&most);
}

/* A claim that the server refused: one of the rows may be the reason, and must
 * not stand before the others. */
static void claim_failed(struct poller *p, const struct err *e)
{
	LOG(p->o.log, LVL_ERROR, L_MSG("claim failed"), L_STR("error", e->text),
	    L_STR("sqlstate", e->sqlstate));
	if (queue_is_up(p->o.queue))
		send_set_aside(p, NULL);
}

static void on_claim(void *arg, const struct reply *reply, const struct err *e)
{
	struct poller *p = arg;
	int64_t seen;
	int got = 0;

	p->claiming = false;
	if (reply == NULL && p->no_claims) {
		p->o.events->last_claim(p->o.arg);
		return;
	}
	if (reply == NULL) {
		p->passed_count = 0;
		if (e->kind != ERR_LOST)
			claim_failed(p, e);
		return;
	}
	seen = reply_int(reply, 0, SEEN, 0);
	for (int i = 0; i < reply_rows(reply); i++) {
		if (reply_text(reply, i, RUN_ID) == NULL)
			continue;
		start_job(p, reply, i);
		got++;
	}
	if (p->no_claims) {
		p->o.events->last_claim(p->o.arg);
		return;
	}
	p->deep = got == p->wanted;
	if (!p->partial)
		p->look_ms = clock_boot_ms() - p->looked_ms;
	keep_passed(p, reply);
	keep_fresh(p);
	/* A notification that came meanwhile has set want_claim again; and a
	 * claim that went on from earlier ones has not seen all. */
	if (!p->deep && p->partial)
		p->looked_ms = 0;
	if (p->want_claim || p->deep || p->partial)
		claim_again(p);
	else if (seen > got)
		wait_contended(p, got);
	else if (got > 0)
		tick_soon(p);
	else if (p->next_ms > 0 && !p->ticking && !p->stepping)
		p->o.events->caught_up(p->o.arg);
}

/* How many jobs a claim may bring now. Where places are limited or kept, none
 * are taken ahead of a free worker. */
static int room(const struct poller *p)
{
	int ahead = p->deep && !p->held_back ? runs_ahead(p->o.runs) : 0;

	return pool_free_workers(p->o.pool) + ahead - runs_waiting(p->o.runs);
}

static void send_claim(struct poller *p)
{
	const struct settings *s = p->o.settings;
	int64_t scheduled = s->workers - s->adhoc_workers;
	char wanted[16], quota[32], ageing[32];
	struct buf names, most, passed;
	bool limited;

	if (!p->running || p->no_claims || p->claiming || p->setting_aside ||
	    !p->want_claim || !queue_is_up(p->o.queue))
		return;
	p->wanted = room(p);
	if (p->wanted <= 0)
		return;
	p->want_claim = false;
	p->claiming = true;
	uv_timer_stop(&p->claim_timer);
	buf_init(&names, TEXT_MAX);
	buf_init(&most, TEXT_MAX);
	limited = own_sources(p, &names, &most) || p->quotas;
	p->held_back = limited || s->adhoc_workers > 0;
	scheduled = s->adhoc_workers == 0
			? p->wanted
			: scheduled - runs_scheduled(p->o.runs);
	snprintf(wanted, sizeof(wanted), "%d", p->wanted);
	snprintf(
	    quota, sizeof(quota), "%" PRId64, scheduled > 0 ? scheduled : 0);
	snprintf(ageing, sizeof(ageing), "%" PRId64, s->ageing);
	p->partial = !limited && p->passed_count > 0 &&
		     clock_boot_ms() - p->looked_ms <
			 CURSOR_MS + CURSOR_TIMES * p->look_ms;
	if (!p->partial)
		p->looked_ms = clock_boot_ms();
	buf_init(&passed, TEXT_MAX);
	list_passed(p, &passed);
	queue_send(p->o.queue, limited ? &claim_lock : NULL, &claim,
	    (const char *const[]){lease_worker_id(p->o.lease), wanted, quota,
		names.data, most.data, ageing, p->partial ? passed.data : NULL,
		p->served},
	    on_claim, p);
	buf_free(&passed);
	buf_free(&names);
	buf_free(&most);
}

/* ---- what wakes it ---- */

void poller_notified(struct poller *p, const char *channel)
{
	if (strcmp(channel, "reportd_watch") == 0) {
		p->watched_ms = clock_boot_ms() + WATCHED_MS;
		keep_fresh(p);
		return;
	}
	if (strcmp(channel, "reportd_cancel") == 0) {
		if (runs_count(p->o.runs) > 0)
			send_tick(p);
		return;
	}
	p->want_claim = true;
	send_claim(p);
	tick_soon(p);
}

void poller_run_ended(struct poller *p)
{
	int full;

	p->want_claim = p->want_claim || p->held_back;
	full = (int)p->o.settings->workers + runs_ahead(p->o.runs);
	if (!p->deep || room(p) * 2 >= full)
		send_claim(p);
	else if (!uv_is_active((uv_handle_t *)&p->claim_timer))
		uv_timer_start(&p->claim_timer, on_claim_timer, GATHER_MS, 0);
}

void poller_look(struct poller *p)
{
	tick_soon(p);
}

void poller_beat(struct poller *p)
{
	send_tick(p);
}

void poller_start(struct poller *p)
{
	p->running = true;
	p->want_claim = true;
	send_tick(p);
	send_claim(p);
}

void poller_down(struct poller *p)
{
	p->running = false;
	p->ticking = p->claiming = false;
	p->stepping = p->setting_aside = false;
	uv_timer_stop(&p->tick_timer);
	uv_timer_stop(&p->claim_timer);
}

bool poller_claiming(const struct poller *p)
{
	return p->claiming;
}

void poller_no_claims(struct poller *p)
{
	p->no_claims = true;
	uv_timer_stop(&p->claim_timer);
}

void poller_set_settings(struct poller *p, const struct settings *settings)
{
	p->o.settings = settings;
	if (p->running)
		arm_tick(p, 0);
}

struct poller *poller_open(const struct poller_options *options)
{
	struct poller *p = mem_zalloc(sizeof(*p));

	p->o = *options;
	p->purged_ms = clock_boot_ms() - PURGE_MS;
	p->counted_ms = clock_boot_ms() - COUNT_MS;
	p->passed = mem_zalloc(CLASSES_MAX * sizeof(*p->passed));
	/* Until the first tick tells. */
	p->quotas = false;
	str_copy(p->served, sizeof(p->served), "0");
	p->next_ms = INT64_MAX;
	uv_timer_init(p->o.loop, &p->tick_timer);
	uv_timer_init(p->o.loop, &p->claim_timer);
	p->tick_timer.data = p->claim_timer.data = p;
	return p;
}

static void on_closed(uv_handle_t *handle)
{
	struct poller *p = handle->data;

	free(p->passed);
	free(p);
}

void poller_close(struct poller *p)
{
	uv_close((uv_handle_t *)&p->tick_timer, NULL);
	uv_close((uv_handle_t *)&p->claim_timer, on_closed);
}
