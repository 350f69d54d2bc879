/* SPDX-License-Identifier: MIT */
#include "supervisor/errands.h"

#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "supervisor/errands_lanes.h"
#include "supervisor/pool.h"

#define CHECK_MS 250
/* Workers that were not needed for this long, in ms, are ended, except one. */
#define REVIEW_MS 30000

struct errands {
	struct errands_options o;
	struct pool *pool;
	struct lanes lanes;
	int in_hand;
	/* workers now; most workers needed since the last review */
	int size, needed;
	int64_t review_ms;
	uv_timer_t check;
};

/* Returns how many workers may serve slow lanes, even while others have nothing to do:
 * a fast lane that becomes ready must not wait for an errand that cannot yield. */
static int slow_most(const struct errands *s)
{
	return (int)s->o.settings->notify_workers / 2;
}

static bool slow_may(const struct errands *s)
{
	return lanes_slow(&s->lanes) < slow_most(s);
}

bool errands_is_slow(const struct errands *s, int64_t id)
{
	const struct lane *lane = lanes_find(&s->lanes, id);

	return lane != NULL && lane->slow;
}

void errands_each_lane(const struct errands *s, errands_lane *each, void *arg)
{
	int64_t now = clock_boot_ms();

	for (const struct lane *lane = s->lanes.list; lane; lane = lane->next) {
		int held = lane->running != NULL;

		for (const struct errand *e = lane->first; e; e = e->next)
			held++;
		each(arg, lane->id, held, lane->slow && now >= lane->alone_ms);
	}
}

/* Returns the errands of a slow lane to their owners, except the one that runs or is
 * next, so that few errands are in hand, however many lanes turn slow. */
static void thin_out(struct errands *s, struct lane *lane)
{
	struct errand *next = NULL;

	if (!lane->slow || lane->first == NULL)
		return;
	if (lane->running == NULL)
		next = lane_take(lane);
	while (lane->first != NULL) {
		struct errand *e = lane_take(lane);

		s->in_hand--;
		e->ops->put_off(e, 0);
	}
	if (next != NULL)
		lane_add_first(lane, next);
}

/* Returns the errands of a lane that is left alone to their owners, so that
 * they take no room here. */
static void put_off(struct errands *s, struct lane *lane)
{
	int64_t ms = lane->alone_ms - clock_boot_ms();

	while (ms > 0 && lane->first != NULL) {
		struct errand *e = lane_take(lane);

		s->in_hand--;
		e->ops->put_off(e, ms);
	}
}

/* ---- workers ---- */

static void on_check(uv_timer_t *timer);

static void resize(struct errands *s, int size)
{
	s->size = size;
	pool_resize(s->pool, size, s->o.settings->worker_memory);
}

static void grow(struct errands *s)
{
	int most = (int)s->o.settings->notify_workers;
	int wanted =
	    lanes_running(&s->lanes) + lanes_ready(&s->lanes, slow_may(s));

	wanted = wanted < most ? wanted : most;
	s->needed = wanted > s->needed ? wanted : s->needed;
	if (wanted > s->size)
		resize(s, wanted);
}

static void shrink(struct errands *s, int64_t now)
{
	if (now < s->review_ms)
		return;
	s->review_ms = now + REVIEW_MS;
	if (s->size > 1 && s->needed < s->size)
		resize(s, s->needed > 1 ? s->needed : 1);
	s->needed = lanes_running(&s->lanes);
}

static bool begin(struct errands *s, struct lane *lane)
{
	struct worker *w = pool_take_for(s->pool, lane->id);
	struct errand *e;
	struct buf copy;

	if (w == NULL)
		return false;
	e = lane->running = lane_take(lane);
	e->worker = w;
	e->was_slow = lane->slow;
	e->yields = false;
	e->begun_ms = lane->used_ms = clock_boot_ms();
	e->kill_ms = e->begun_ms + e->timeout_ms + s->o.settings->cancel_grace;
	buf_init(&copy, PROTOCOL_LINE_MAX);
	buf_add(&copy, e->message.data, e->message.len);
	worker_send(w, &copy);
	return true;
}

void errands_go(struct errands *s)
{
	struct lane *lane;

	for (lane = s->lanes.list; lane != NULL; lane = lane->next) {
		put_off(s, lane);
		thin_out(s, lane);
	}
	grow(s);
	while ((lane = lanes_next(&s->lanes, slow_may(s))) != NULL &&
	       begin(s, lane))
		;
	if (s->in_hand > 0 && !uv_is_active((uv_handle_t *)&s->check))
		uv_timer_start(&s->check, on_check, CHECK_MS, CHECK_MS);
}

/* ---- what becomes of them ---- */

static struct lane *lane_of(const struct errands *s, const struct worker *w)
{
	struct lane *lane = s->lanes.list;

	while (lane != NULL &&
	       (lane->running == NULL || lane->running->worker != w))
		lane = lane->next;
	return lane;
}

/* Takes the running errand out of its lane. */
static struct errand *end(struct errands *s, struct lane *lane)
{
	struct errand *e = lane->running;

	lane->running = NULL;
	e->worker = NULL;
	s->in_hand--;
	return e;
}

static void take_answer(struct errands *s, struct lane *lane,
    const struct message *m, const char *line, size_t len)
{
	struct worker *w = lane->running->worker;
	int64_t now = clock_boot_ms(), took = now - lane->running->begun_ms;
	struct errand *e = end(s, lane);
	enum errand_outcome outcome = e->ops->answered(e, m->body, line, len);

	lane_learn(lane, took, outcome == ERRAND_IN_VAIN, now);
	if (outcome == ERRAND_AGAIN) {
		lane_add_first(lane, e);
		s->in_hand++;
	}
	pool_give_back(w, false);
}

static void on_line(void *arg, struct worker *w, char *line, size_t len)
{
	struct errands *s = arg;
	struct lane *lane = lane_of(s, w);
	struct message m;
	struct err e;

	if (message_parse(line, len, &m, &e) != 0) {
		LOG(s->o.log, LVL_ERROR,
		    L_MSG("a worker sent a line that is no message"),
		    L_INT("pid", worker_pid(w)), L_STR("error", e.text));
		worker_signal(w, SIGKILL);
		return;
	}
	if (lane != NULL && m.type == lane->running->end &&
	    m.run_id == lane->running->number)
		take_answer(s, lane, &m, line, len);
	json_decref(m.body);
}

static void on_died(void *arg, struct worker *w, const char *how)
{
	struct errands *s = arg;
	struct lane *lane = lane_of(s, w);
	int64_t now = clock_boot_ms();
	struct errand *e;

	if (lane != NULL) {
		e = end(s, lane);
		/* The next errand of the lane may end in the same way. */
		if (!e->stopped)
			lane_learn(lane, now - e->begun_ms, true, now);
		e->ops->failed(e, how);
	}
	errands_go(s);
}

static void on_freed(void *arg)
{
	errands_go(arg);
}

static const struct pool_events pool_events = {
    .line = on_line, .died = on_died, .freed = on_freed};

/* ---- time ---- */

static void check_time(struct errands *s, struct errand *e, int64_t now)
{
	if (e->kill_ms == 0 || now < e->kill_ms)
		return;
	LOG(s->o.log, LVL_WARN, L_MSG(e->ops->stuck),
	    L_INT("number", e->number), L_INT("pid", worker_pid(e->worker)));
	e->kill_ms = 0;
	worker_signal(e->worker, SIGKILL);
}

/* Returns the running errand that began last among those whose lane has turned
 * out to be slow: it loses the least work. */
static struct errand *youngest(const struct errands *s)
{
	struct errand *best = NULL;

	for (const struct lane *lane = s->lanes.list; lane; lane = lane->next) {
		struct errand *e = lane->running;

		if (e != NULL && lane->slow && !e->was_slow && !e->yields &&
		    !e->stopped &&
		    (best == NULL || e->begun_ms > best->begun_ms))
			best = e;
	}
	return best;
}

static int count_yielding(const struct errands *s)
{
	int n = 0;

	for (const struct lane *lane = s->lanes.list; lane; lane = lane->next)
		n += lane->running != NULL && lane->running->yields;
	return n;
}

static void make_room(struct errands *s)
{
	int excess = lanes_slow(&s->lanes) - slow_most(s),
	    wanted = lanes_ready(&s->lanes, false);
	struct errand *e;

	if (s->size < s->o.settings->notify_workers ||
	    pool_free_workers(s->pool, 1) > 0)
		return;
	wanted = wanted < excess ? wanted : excess;
	for (int n = count_yielding(s); n < wanted; n++) {
		struct buf b;

		e = youngest(s);
		if (e == NULL)
			return;
		e->yields = true;
		buf_init(&b, 4096);
		message_yield(&b, e->number);
		worker_send(e->worker, &b);
	}
}

static void on_check(uv_timer_t *timer)
{
	struct errands *s = timer->data;
	int64_t now = clock_boot_ms();

	for (struct lane *lane = s->lanes.list; lane != NULL;
	     lane = lane->next) {
		if (lane->running == NULL)
			continue;
		if (now - lane->running->begun_ms >= LANES_SLOW_MS)
			lane->slow = true;
		check_time(s, lane->running, now);
	}
	make_room(s);
	errands_go(s);
	shrink(s, now);
	if (s->in_hand == 0 && s->size > 1)
		uv_timer_start(&s->check, on_check, REVIEW_MS, REVIEW_MS);
	else if (s->in_hand == 0)
		uv_timer_stop(&s->check);
}

/* ---- */

void errands_add(struct errands *s, struct errand *e)
{
	e->worker = NULL;
	e->stopped = false;
	lane_add(lanes_need(&s->lanes, e->lane, clock_boot_ms()), e);
	/* The timer may run at the long interval that only ends workers;
	 * errands_go starts it anew. */
	if (s->in_hand++ == 0)
		uv_timer_stop(&s->check);
}

bool errands_withdraw(struct errands *s, struct errand *e)
{
	if (!lane_remove(lanes_find(&s->lanes, e->lane), e))
		return false;
	s->in_hand--;
	return true;
}

void errands_stop(struct errands *s, struct errand *e)
{
	struct buf b;

	if (e->worker == NULL)
		return;
	if (e->stopped) {
		worker_signal(e->worker, SIGKILL);
		return;
	}
	e->stopped = true;
	e->kill_ms = clock_boot_ms() + s->o.settings->cancel_grace;
	buf_init(&b, 4096);
	message_stop(&b, e->number);
	worker_send(e->worker, &b);
}

void errands_retire(struct errands *s)
{
	pool_retire(s->pool);
}

void errands_set_settings(
    struct errands *s, const struct settings *settings, const char *greeting)
{
	int most = (int)settings->notify_workers;

	s->o.settings = settings;
	pool_greet(s->pool, greeting);
	pool_hide(s->pool, settings->secret_variables);
	resize(s, s->size < most ? s->size : most);
}

struct errands *errands_open(const struct errands_options *options)
{
	struct errands *s = mem_zalloc(sizeof(*s));

	s->o = *options;
	s->pool = pool_open(&(struct pool_options){.loop = s->o.loop,
	    .log = s->o.log,
	    .program = s->o.program,
	    .size = 0,
	    .memory = s->o.settings->worker_memory,
	    .greeting = s->o.greeting,
	    .hidden = s->o.settings->secret_variables,
	    .events = &pool_events,
	    .arg = s});
	uv_timer_init(s->o.loop, &s->check);
	s->check.data = s;
	return s;
}

static void on_closed(uv_handle_t *handle)
{
	struct errands *s = handle->data;

	lanes_free(&s->lanes);
	free(s);
}

void errands_close(struct errands *s)
{
	pool_close(s->pool);
	uv_close((uv_handle_t *)&s->check, on_closed);
}
