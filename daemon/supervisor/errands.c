/* SPDX-License-Identifier: MIT */
#include "supervisor/errands.h"

#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "supervisor/pool.h"

#define CHECK_MS 250
/* See errands.h. */
#define SLOW_MS 1000
/* A lane whose errand was in vain after VAIN_MS or longer is left alone for
 * VAIN_TIMES as long, doubling each time in a row. */
#define VAIN_MS 1000
#define VAIN_TIMES 2
#define VAIN_DOUBLES 10
#define ALONE_MAX_MS 600000
/* So many are remembered, beside those that have errands in hand. */
#define LANES_MAX 256
/* Workers that were not needed for so long are ended, all but one. */
#define REVIEW_MS 30000

struct lane {
	struct lane *next;
	int64_t id;
	struct errand *first; /* that wait, the oldest first */
	struct errand *running;
	bool slow;
	int in_vain;      /* in a row */
	int64_t alone_ms; /* boot clock: it is left alone until then */
	int64_t used_ms;
};

struct errands {
	struct errands_options o;
	struct pool *pool;
	struct lane *lanes;
	int lane_count, in_hand;
	int size, needed; /* workers; the most that were of use of late */
	int64_t review_ms;
	uv_timer_t check;
};

/* ---- lanes ---- */

static struct lane *find_lane(const struct errands *s, int64_t id)
{
	struct lane *lane = s->lanes;

	while (lane != NULL && lane->id != id)
		lane = lane->next;
	return lane;
}

static void forget_oldest(struct errands *s)
{
	struct lane **oldest = NULL, *lane;

	for (struct lane **at = &s->lanes; *at != NULL; at = &(*at)->next) {
		if ((*at)->first == NULL && (*at)->running == NULL &&
		    (oldest == NULL || (*at)->used_ms < (*oldest)->used_ms))
			oldest = at;
	}
	if (oldest == NULL)
		return;
	lane = *oldest;
	*oldest = lane->next;
	s->lane_count--;
	free(lane);
}

static struct lane *need_lane(struct errands *s, int64_t id)
{
	struct lane *lane = find_lane(s, id);

	if (lane != NULL)
		return lane;
	if (s->lane_count >= LANES_MAX)
		forget_oldest(s);
	lane = mem_zalloc(sizeof(*lane));
	lane->id = id;
	lane->used_ms = clock_boot_ms();
	lane->next = s->lanes;
	s->lanes = lane;
	s->lane_count++;
	return lane;
}

static bool is_slow(const struct lane *lane)
{
	return lane->slow ||
	       (lane->running != NULL &&
		   clock_boot_ms() - lane->running->begun_ms >= SLOW_MS);
}

bool errands_is_slow(const struct errands *s, int64_t id)
{
	const struct lane *lane = find_lane(s, id);

	return lane != NULL && is_slow(lane);
}

static int slow_most(const struct errands *s)
{
	return (int)s->o.settings->notify_workers / 2;
}

static int count_slow(const struct errands *s)
{
	int n = 0;

	for (const struct lane *lane = s->lanes; lane; lane = lane->next)
		n += lane->running != NULL && is_slow(lane);
	return n;
}

static int count_running(const struct errands *s)
{
	int n = 0;

	for (const struct lane *lane = s->lanes; lane; lane = lane->next)
		n += lane->running != NULL;
	return n;
}

/* Its next errand could begin if there were a worker. */
static bool is_ready(const struct lane *lane, bool slow_too)
{
	return lane->first != NULL && lane->running == NULL &&
	       (slow_too || !lane->slow);
}

static int count_ready(const struct errands *s, bool slow_too)
{
	int n = 0;

	for (const struct lane *lane = s->lanes; lane; lane = lane->next)
		n += is_ready(lane, slow_too);
	return n;
}

/* Took so long; learnt for its next ones. */
static void learn(struct lane *lane, int64_t took, bool in_vain)
{
	int64_t wait = took * VAIN_TIMES;

	lane->slow = took >= SLOW_MS;
	if (!in_vain || took < VAIN_MS) {
		lane->in_vain = 0;
		return;
	}
	wait <<= lane->in_vain < VAIN_DOUBLES ? lane->in_vain : VAIN_DOUBLES;
	lane->in_vain++;
	lane->alone_ms =
	    clock_boot_ms() + (wait < ALONE_MAX_MS ? wait : ALONE_MAX_MS);
}

/* ---- who is next ---- */

static int count_of_owner(const struct errands *s, int64_t owner)
{
	int n = 0;

	for (const struct lane *lane = s->lanes; lane; lane = lane->next)
		n += lane->running != NULL && lane->running->owner == owner;
	return n;
}

static struct lane *next_lane(const struct errands *s)
{
	bool slow_too = count_slow(s) < slow_most(s);
	struct lane *best = NULL;
	int fewest = 0;

	for (struct lane *lane = s->lanes; lane; lane = lane->next) {
		int n;

		if (!is_ready(lane, slow_too))
			continue;
		n = count_of_owner(s, lane->first->owner);
		if (best != NULL &&
		    (n > fewest ||
			(n == fewest && lane->used_ms >= best->used_ms)))
			continue;
		best = lane;
		fewest = n;
	}
	return best;
}

static struct errand *take_first(struct lane *lane)
{
	struct errand *e = lane->first;

	lane->first = e->next;
	e->next = NULL;
	return e;
}

/* Its errands wait elsewhere, so that they are in nobody's way. */
static void put_off(struct errands *s, struct lane *lane)
{
	int64_t ms = lane->alone_ms - clock_boot_ms();

	while (ms > 0 && lane->first != NULL) {
		struct errand *e = take_first(lane);

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
	    count_running(s) + count_ready(s, count_slow(s) < slow_most(s));

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
	s->needed = count_running(s);
}

static bool begin(struct errands *s, struct lane *lane)
{
	struct worker *w = pool_take_for(s->pool, lane->id);
	struct errand *e;
	struct buf copy;

	if (w == NULL)
		return false;
	e = lane->running = take_first(lane);
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

	for (lane = s->lanes; lane != NULL; lane = lane->next)
		put_off(s, lane);
	grow(s);
	while ((lane = next_lane(s)) != NULL && begin(s, lane))
		;
	if (s->in_hand > 0 && !uv_is_active((uv_handle_t *)&s->check))
		uv_timer_start(&s->check, on_check, CHECK_MS, CHECK_MS);
}

/* ---- what becomes of them ---- */

static struct lane *lane_of(const struct errands *s, const struct worker *w)
{
	struct lane *lane = s->lanes;

	while (lane != NULL &&
	       (lane->running == NULL || lane->running->worker != w))
		lane = lane->next;
	return lane;
}

/* Nothing runs in the lane any more. */
static struct errand *end(struct errands *s, struct lane *lane)
{
	struct errand *e = lane->running;

	lane->running = NULL;
	e->worker = NULL;
	s->in_hand--;
	return e;
}

static void begin_again(struct errands *s, struct lane *lane, struct errand *e)
{
	e->next = lane->first;
	lane->first = e;
	s->in_hand++;
}

static void take_answer(struct errands *s, struct lane *lane,
    const struct message *m, const char *line, size_t len)
{
	struct worker *w = lane->running->worker;
	int64_t took = clock_boot_ms() - lane->running->begun_ms;
	struct errand *e = end(s, lane);
	enum errand_outcome outcome = e->ops->answered(e, m->body, line, len);

	learn(lane, took, outcome == ERRAND_IN_VAIN);
	if (outcome == ERRAND_AGAIN)
		begin_again(s, lane, e);
	pool_give_back(w, false);
}

static void on_line(void *arg, struct worker *w, char *line, size_t len)
{
	struct errands *s = arg;
	struct lane *lane = lane_of(s, w);
	struct message m;
	struct err e;

	if (message_parse(line, len, &m, &e) != 0) {
		LOG(s->o.log, LVL_ERROR, L_MSG("worker talks nonsense"),
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
	struct errand *e;

	if (lane != NULL) {
		e = end(s, lane);
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

/* The youngest of those whose lane has turned out slow: least is lost of it. */
static struct errand *youngest(const struct errands *s)
{
	struct errand *best = NULL;

	for (const struct lane *lane = s->lanes; lane; lane = lane->next) {
		struct errand *e = lane->running;

		if (e != NULL && is_slow(lane) && !e->was_slow && !e->yields &&
		    !e->stopped &&
		    (best == NULL || e->begun_ms > best->begun_ms))
			best = e;
	}
	return best;
}

static int count_yielding(const struct errands *s)
{
	int n = 0;

	for (const struct lane *lane = s->lanes; lane; lane = lane->next)
		n += lane->running != NULL && lane->running->yields;
	return n;
}

static void make_room(struct errands *s)
{
	int excess = count_slow(s) - slow_most(s),
	    wanted = count_ready(s, false);
	struct errand *e;

	if (s->size < s->o.settings->notify_workers ||
	    pool_free_workers(s->pool) > 0)
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

	for (struct lane *lane = s->lanes; lane != NULL; lane = lane->next) {
		if (lane->running == NULL)
			continue;
		lane->slow = is_slow(lane);
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
	struct errand **at = &need_lane(s, e->lane)->first;

	while (*at != NULL)
		at = &(*at)->next;
	e->next = NULL;
	e->worker = NULL;
	e->stopped = false;
	*at = e;
	/* A timer that only counts to the end of workers goes faster again. */
	if (s->in_hand++ == 0)
		uv_timer_stop(&s->check);
}

bool errands_withdraw(struct errands *s, struct errand *e)
{
	struct errand **at = &find_lane(s, e->lane)->first;

	while (*at != NULL && *at != e)
		at = &(*at)->next;
	if (*at == NULL)
		return false;
	*at = e->next;
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
	struct lane *next;

	for (struct lane *lane = s->lanes; lane != NULL; lane = next) {
		next = lane->next;
		free(lane);
	}
	free(s);
}

void errands_close(struct errands *s)
{
	pool_close(s->pool);
	uv_close((uv_handle_t *)&s->check, on_closed);
}
