/* SPDX-License-Identifier: MIT */
#include "supervisor/tick/poller.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/random.h"
#include "sql/queue.h"
#include "supervisor/tick/claims.h"
#include "supervisor/tick/load.h"

/* ms that a tick waits after a notification, because more may follow. */
#define SOON_MS 100
#define FAILED_MS 1000
/* ms between ticks while somebody watches progress. */
#define QUICK_MS 1000
/* ms for which an announcement that somebody watches counts. */
#define WATCHED_MS 10000
#define PURGE_MS 60000
#define COUNT_MS 60000
#define HAND_MAX (64u << 20)

static const struct statement tick = {"tick", sql_tick, 7};
static const struct statement beat = {"beat", sql_beat, 1};
static const struct statement purge = {"purge", sql_purge, 2};
static const struct statement tally = {"tally", sql_tally, 0};
static const struct statement recount = {"recount", sql_count, 0};
static const struct statement steps = {"steps", sql_steps, 1};

struct poller {
	struct poller_options o;
	struct claims *claims;
	struct load load;
	uv_timer_t tick_timer;
	bool running;
	bool ticking; /* a tick awaits its answer */
	/* reports that wait for others are being looked at, so more may become
	 * due */
	bool stepping;
	bool tick_again;
	int64_t beat_sent_ms;
	int64_t tick_sent_ms, tick_lease_ms, purged_ms, counted_ms;
	/* the clean-up looks at runs with a higher run_id */
	int64_t purge_after;
	/* ms until the next report is due, from the last tick */
	int64_t next_ms;
	int64_t watched_ms; /* boot clock, ms: somebody watches until then */
};

static void send_tick(struct poller *p);
static void tick_soon(struct poller *p);

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

	return random_shorten(
	    s->poll_interval < half ? s->poll_interval : half, 10);
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

	p->purge_after = reply ? reply_int(reply, 0, 1, 0) : 0;
	if (reply == NULL && e->kind != ERR_LOST)
		LOG(p->o.log, LVL_ERROR, L_MSG("deleting old runs failed"),
		    L_STR("error", e->text));
	if (count == 0)
		return;
	LOG(p->o.log, LVL_INFO, L_MSG("old runs deleted"),
	    L_INT("count", count));
	/* More runs may be old enough. */
	p->purged_ms -= PURGE_MS;
	send_purge(p);
}

static void send_purge(struct poller *p)
{
	char age[32], after[32];
	int64_t now = clock_boot_ms();

	if (!p->running || !queue_is_up(p->o.queue) ||
	    p->o.settings->retention == 0 || now - p->purged_ms < PURGE_MS)
		return;
	p->purged_ms = now;
	snprintf(age, sizeof(age), "%" PRId64, p->o.settings->retention);
	snprintf(after, sizeof(after), "%" PRId64, p->purge_after);
	queue_send(p->o.queue, NULL, &purge, (const char *const[]){age, after},
	    on_purged, p);
}

static void on_counted(
    void *arg, const struct reply *reply, const struct err *e)
{
	const struct poller *p = arg;

	if (reply == NULL && e->kind != ERR_LOST)
		LOG(p->o.log, LVL_ERROR, L_MSG("counting failed"),
		    L_STR("error", e->text));
}

static void send_count(struct poller *p)
{
	int64_t now = clock_boot_ms();

	if (now - p->counted_ms < COUNT_MS)
		return;
	p->counted_ms = now;
	queue_send(p->o.queue, NULL, &recount, NULL, on_counted, p);
	queue_send(p->o.queue, NULL, &tally, NULL, on_counted, p);
	load_tell(&p->load);
}

static void on_beat(void *arg, const struct reply *reply, const struct err *e)
{
	struct poller *p = arg;

	(void)e;
	if (reply != NULL && reply_rows(reply) == 1)
		lease_renewed(p->o.lease, p->beat_sent_ms, 0);
}

static void tick_failed(struct poller *p, const struct err *e)
{
	LOG(p->o.log, LVL_ERROR, L_MSG("tick failed"), L_STR("error", e->text),
	    L_STR("sqlstate", e->sqlstate));
	p->beat_sent_ms = clock_boot_ms();
	queue_send(p->o.queue, NULL, &beat,
	    (const char *const[]){lease_worker_id(p->o.lease)}, on_beat, p);
	arm_tick(p, FAILED_MS);
}

static void send_steps(struct poller *p);

/* The columns of the result of steps.sql. */
enum { RELEASED, ENDED, AGAIN };

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
	released = reply_int(reply, 0, RELEASED, 0);
	ended = reply_int(reply, 0, ENDED, 0);
	more = reply_bool(reply, 0, AGAIN);
	if (ended > 0)
		LOG(p->o.log, LVL_WARN,
		    L_MSG("requests have waited too long for other reports"),
		    L_INT("count", ended));
	load_tell_failed(p->o.settings, ended);
	if (more)
		send_steps(p);
	if (released > 0)
		claims_look(p->claims);
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

/* The columns of the result of tick.sql. */
enum {
	ALIVE,
	NEWS,
	RESCUED,
	FAILED,
	NEXT_MS,
	NOTICE_MS,
	LEFTOVERS,
	QUOTAS,
	MORE,
	STEPS,
	LISTINGS,
	MOVES,
};

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
	if (!reply_bool(reply, 0, ALIVE)) {
		runs_lose_all(p->o.runs);
		outbox_lose(p->o.outbox);
		p->running = false;
		claims_pause(p->claims);
		lease_lost(p->o.lease);
		return;
	}
	lease_renewed(p->o.lease, p->tick_sent_ms, p->tick_lease_ms);
	take_news(p, reply_text(reply, 0, NEWS));
	if (reply_int(reply, 0, RESCUED, 0) > 0)
		LOG(p->o.log, LVL_WARN, L_MSG("took over jobs of lost daemons"),
		    L_INT("count", reply_int(reply, 0, RESCUED, 0)));
	load_tell_failed(p->o.settings, reply_int(reply, 0, FAILED, 0));
	next = p->next_ms = reply_int(reply, 0, NEXT_MS, INT64_MAX);
	notice = reply_int(reply, 0, NOTICE_MS, INT64_MAX);
	if (next > 0 && next < wait)
		wait = next;
	if (notice > 0 && notice < wait)
		wait = notice;
	if (wait > QUICK_MS && is_awaited(p))
		wait = QUICK_MS;
	if (p->tick_again || reply_bool(reply, 0, MORE))
		wait = SOON_MS;
	p->tick_again = false;
	arm_tick(p, wait);
	if (notice == 0)
		outbox_look(p->o.outbox);
	sweeps_look(p->o.sweeps, reply_text(reply, 0, LEFTOVERS));
	claims_set_quotas(p->claims, reply_bool(reply, 0, QUOTAS));
	if (reply_bool(reply, 0, STEPS))
		send_steps(p);
	listings_look(p->o.listings, reply_bool(reply, 0, LISTINGS));
	if (reply_bool(reply, 0, MOVES))
		moves_look(p->o.moves);
	if (next == 0)
		claims_look(p->claims);
	else if (claims_idle(p->claims) && !p->stepping)
		p->o.events->caught_up(p->o.arg);
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
	    (const char *const[]){lease_worker_id(p->o.lease),
		queue_text(&hand), grace, lease, workers, attempts, notices},
	    on_tick, p);
	buf_free(&hand);
	send_purge(p);
	send_count(p);
}

/* Sends a tick soon, because the time of the next due report may have
 * changed. */
static void tick_soon(struct poller *p)
{
	if (uv_timer_get_due_in(&p->tick_timer) > SOON_MS)
		arm_tick(p, SOON_MS);
}

/* Keeps ticks a second apart while somebody watches. A run may begin after the
 * tick that would have shown it, and the next tick might be a poll_interval
 * away. */
static void keep_fresh(struct poller *p)
{
	int64_t due = p->tick_sent_ms + QUICK_MS;

	if (p->running && is_awaited(p) &&
	    uv_timer_get_due_in(&p->tick_timer) > QUICK_MS)
		arm_tick(p, due - clock_boot_ms());
}

/* ---- events that wake the poller ---- */

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
	claims_look(p->claims);
	tick_soon(p);
}

void poller_run_ended(struct poller *p)
{
	claims_run_ended(p->claims);
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
	send_tick(p);
	claims_start(p->claims);
}

void poller_down(struct poller *p)
{
	p->running = false;
	p->ticking = p->stepping = false;
	uv_timer_stop(&p->tick_timer);
	claims_down(p->claims);
}

bool poller_claiming(const struct poller *p)
{
	return claims_under_way(p->claims);
}

void poller_no_claims(struct poller *p)
{
	claims_end(p->claims);
}

void poller_set_settings(struct poller *p, const struct settings *settings)
{
	p->o.settings = p->load.settings = settings;
	claims_set_settings(p->claims, settings);
	if (p->running)
		arm_tick(p, 0);
}

/* ---- events of the claims ---- */

static void on_answered(void *arg)
{
	keep_fresh(arg);
}

static void on_taken(void *arg)
{
	tick_soon(arg);
}

/* Reports may be due all the same: for other daemons. */
static void on_none_left(void *arg)
{
	const struct poller *p = arg;

	if (!p->ticking && !p->stepping)
		p->o.events->caught_up(p->o.arg);
}

static void on_last(void *arg)
{
	const struct poller *p = arg;

	p->o.events->last_claim(p->o.arg);
}

static const struct claims_events claims_events = {
    .answered = on_answered,
    .taken = on_taken,
    .none_left = on_none_left,
    .last = on_last,
};

struct poller *poller_open(const struct poller_options *options)
{
	struct poller *p = mem_zalloc(sizeof(*p));

	p->o = *options;
	p->purged_ms = clock_boot_ms() - PURGE_MS;
	p->counted_ms = clock_boot_ms() - COUNT_MS;
	p->next_ms = INT64_MAX;
	p->load = (struct load){
	    .log = p->o.log, .queue = p->o.queue, .settings = p->o.settings};
	uv_timer_init(p->o.loop, &p->tick_timer);
	p->tick_timer.data = p;
	p->claims = claims_open(&(struct claims_options){.loop = p->o.loop,
	    .log = p->o.log,
	    .queue = p->o.queue,
	    .lease = p->o.lease,
	    .runs = p->o.runs,
	    .settings = p->o.settings,
	    .events = &claims_events,
	    .arg = p});
	return p;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void poller_close(struct poller *p)
{
	claims_close(p->claims);
	uv_close((uv_handle_t *)&p->tick_timer, on_closed);
}
