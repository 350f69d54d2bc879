/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "supervisor/pool_worker.h"

/* ms: a worker that dies before this age without a job has trouble starting;
 * its successor waits this long. */
#define YOUNG_MS 1000
/* ms: after each worker that ends before its hello the next start waits twice as
 * long as before, but not longer than this. */
#define DELAY_MAX_MS 30000
/* ms: a worker that has not said hello by then is killed. Starting takes a tenth of
 * a second, and longer where a disk or a machine is busy. */
#define HELLO_MS 20000
/* ms: when the delay is this long and no worker is ready, the owner is told. */
#define BARREN_MS 8000
/* ms: when the pool closes, a worker that does not end within this time is
 * killed. */
#define LEAVE_MS 2000

static void fill(struct pool *p);
static void on_turn(uv_prepare_t *turn);
static void on_news(uv_check_t *news);

/* Counts the workers that are not about to end, those that start included. */
static int count(const struct pool *p)
{
	int n = 0;

	for (const struct worker *w = p->workers; w != NULL; w = w->next)
		n += worker_is_there(w);
	return n;
}

/* Says whether a worker may be given one more run, when none is to have more
 * than `most`. */
static bool takes_one(const struct worker *w, int most)
{
	return worker_is_there(w) && w->ready && !w->killed &&
	       w->busy + w->held < most;
}

int pool_free_workers(const struct pool *p, int most)
{
	int room = p->o.size, idle = 0;

	for (const struct worker *w = p->workers; w != NULL; w = w->next) {
		room -= worker_is_there(w) && w->busy > 0;
		idle += w->busy == 0 && takes_one(w, most);
	}
	return p->retired || room < 0 ? 0 : idle < room ? idle : room;
}

int pool_queued(const struct pool *p)
{
	int n = 0;

	for (const struct worker *w = p->workers; w != NULL; w = w->next)
		n += w->busy > 1 ? w->busy - 1 : 0;
	return n;
}

static void on_pool_closed(uv_handle_t *handle)
{
	struct pool *p = handle->data;

	if (++p->handles < 4)
		return;
	mem_wipe(p->greeting);
	free(p->hidden);
	free(p);
}

static void on_worker_closed(uv_handle_t *handle)
{
	struct worker *w = handle->data;
	struct pool *p = w->pool;
	struct worker **at = &p->workers;

	if (++w->handles < 2)
		return;
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	worker_free(w);
	if (p->closed && p->workers == NULL)
		uv_close((uv_handle_t *)&p->timer, on_pool_closed);
}

static void respawn_later(struct pool *p);

/* Starts workers at once: the cause of the delay may be gone. */
static void start_at_once(struct pool *p)
{
	p->delay_ms = 0;
	uv_timer_stop(&p->timer);
	fill(p);
}

static bool has_ready(const struct pool *p)
{
	const struct worker *w = p->workers;

	while (w != NULL && !(w->ready && worker_is_there(w)))
		w = w->next;
	return w != NULL;
}

/* Delays the next start after a worker that ended before its hello. It had no
 * run, so no run is to blame. */
static void miscarried(struct pool *p, const char *how)
{
	if (p->delay_ms == 0)
		p->delay_ms = YOUNG_MS;
	else if (!uv_is_active((uv_handle_t *)&p->timer))
		p->delay_ms *= 2;
	if (p->delay_ms > DELAY_MAX_MS)
		p->delay_ms = DELAY_MAX_MS;
	LOG(p->o.log, LVL_ERROR,
	    L_MSG("a worker ended before it was ready for work; if this goes "
		  "on, install reportd again, or raise worker_memory"),
	    L_STR("how", how), L_INT("next_ms", p->delay_ms));
	respawn_later(p);
	if (p->delay_ms >= BARREN_MS && !has_ready(p) && p->o.events->barren)
		p->o.events->barren(p->o.arg);
}

/* Replaces a worker that ended without a run. */
static void gone(struct pool *p, const struct worker *w, const char *how)
{
	LOG(p->o.log, LVL_WARN, L_MSG("idle worker gone"), L_STR("how", how));
	if (clock_boot_ms() - w->born_ms < YOUNG_MS)
		respawn_later(p);
	else
		fill(p);
}

/* Ends a worker once both its exit status and the end of its lines have
 * arrived. */
void pool_bury(struct worker *w)
{
	struct pool *p = w->pool;
	bool had_runs = worker_has_runs(w);
	char how[128];

	if (!w->exited || !w->hung_up || w->buried)
		return;
	w->buried = true;
	worker_describe(w, how, sizeof(how));
	uv_close((uv_handle_t *)&w->process, on_worker_closed);
	uv_close((uv_handle_t *)&w->pipe, on_worker_closed);
	if (p->closed)
		return;
	p->restarts += !w->leaving;
	w->busy = w->held = 0;
	if (had_runs)
		p->o.events->died(p->o.arg, w, how);
	if (w->signal == 0 && w->status == PROTOCOL_UNFIT)
		program_is_unfit(p->o.program);
	else if (!w->ready && !w->leaving)
		miscarried(p, how);
	else if (!had_runs && !w->leaving)
		gone(p, w, how);
	else
		fill(p);
}

void pool_welcome(struct worker *w)
{
	struct pool *p = w->pool;

	w->ready = p->freed = true;
	if (p->delay_ms > 0)
		start_at_once(p);
}

static void tell_freed(struct pool *p)
{
	if (!p->freed)
		return;
	p->freed = false;
	p->o.events->freed(p->o.arg);
}

/* Runs after the loop has read from workers and waited for processes. The owner
 * is told of workers only here and in on_turn, so that a call never interrupts
 * the owner's own work. */
static void on_news(uv_check_t *news)
{
	struct pool *p = news->data;

	for (struct worker *w = p->workers; w != NULL; w = w->next) {
		worker_take_lines(w);
		pool_bury(w);
	}
	tell_freed(p);
}

static void on_respawn(uv_timer_t *timer)
{
	fill(timer->data);
}

static void respawn_later(struct pool *p)
{
	if (!uv_is_active((uv_handle_t *)&p->timer))
		uv_timer_start(&p->timer, on_respawn,
		    (uint64_t)(p->delay_ms ? p->delay_ms : YOUNG_MS), 0);
}

/* No worker is started before the timer's end, after one that failed. */
static bool waits_to_start(const struct pool *p)
{
	return p->delay_ms > 0 && uv_is_active((const uv_handle_t *)&p->timer);
}

/* Kills the workers that are late with their hello, and looks again when the next
 * one would be. */
static void on_hello_due(uv_timer_t *timer)
{
	struct pool *p = timer->data;
	int64_t now = clock_boot_ms(), next = INT64_MAX;

	for (struct worker *w = p->workers; w != NULL; w = w->next) {
		int64_t due = w->born_ms + HELLO_MS;

		if (w->ready || w->late || !worker_is_there(w))
			continue;
		w->late = due <= now;
		if (w->late)
			worker_signal(w, SIGKILL);
		else if (due < next)
			next = due;
	}
	if (next != INT64_MAX)
		uv_timer_start(timer, on_hello_due, (uint64_t)(next - now), 0);
}

static void fill(struct pool *p)
{
	int have = count(p);

	if (p->retired)
		return;
	while (have < p->o.size && !waits_to_start(p)) {
		if (worker_start(p) != 0) {
			respawn_later(p);
			break;
		}
		have++;
		if (!uv_is_active((uv_handle_t *)&p->hello))
			uv_timer_start(&p->hello, on_hello_due, HELLO_MS, 0);
	}
	for (struct worker *w = p->workers; w != NULL && have > p->o.size;
	     w = w->next) {
		if (!worker_has_runs(w) && worker_is_there(w)) {
			worker_send_off(w);
			have--;
		}
	}
	/* There may be room for more runs now. */
	p->freed = true;
}

int64_t pool_restarts(const struct pool *p)
{
	return p->restarts;
}

struct pool *pool_open(const struct pool_options *options)
{
	struct pool *p = mem_zalloc(sizeof(*p));

	p->o = *options;
	p->greeting = mem_strdup(options->greeting);
	pool_hide(p, options->hidden);
	uv_timer_init(p->o.loop, &p->timer);
	p->timer.data = p;
	uv_timer_init(p->o.loop, &p->hello);
	p->hello.data = p;
	uv_prepare_init(p->o.loop, &p->turn);
	p->turn.data = p;
	uv_prepare_start(&p->turn, on_turn);
	uv_check_init(p->o.loop, &p->news);
	p->news.data = p;
	uv_check_start(&p->news, on_news);
	/* Starts the workers from the loop, because starting processes takes
	 * longer than everything else at the start. */
	uv_timer_start(&p->timer, on_respawn, 0, 0);
	return p;
}

void pool_resize(struct pool *p, int size, int64_t memory)
{
	bool other = memory != p->o.memory;

	p->o.size = size;
	p->o.memory = memory;
	if (other && p->delay_ms > 0)
		start_at_once(p);
	else
		fill(p);
}

void pool_greet(struct pool *p, const char *greeting)
{
	mem_wipe(p->greeting);
	p->greeting = mem_strdup(greeting);
	for (struct worker *w = p->workers; w != NULL; w = w->next) {
		if (worker_is_there(w))
			buf_str(&w->out, p->greeting);
	}
}

void pool_hide(struct pool *p, const char *names)
{
	free(p->hidden);
	p->hidden = mem_strdup(names ? names : "");
}

void pool_retire(struct pool *p)
{
	p->retired = true;
	uv_timer_stop(&p->timer);
	for (struct worker *w = p->workers; w != NULL; w = w->next) {
		if (!worker_has_runs(w) && worker_is_there(w))
			worker_send_off(w);
	}
}

static void kill_all(uv_timer_t *timer)
{
	struct pool *p = timer->data;

	for (struct worker *w = p->workers; w != NULL; w = w->next)
		worker_signal(w, SIGKILL);
}

void pool_close(struct pool *p)
{
	p->retired = p->closed = true;
	uv_close((uv_handle_t *)&p->turn, on_pool_closed);
	uv_close((uv_handle_t *)&p->news, on_pool_closed);
	uv_close((uv_handle_t *)&p->hello, on_pool_closed);
	for (struct worker *w = p->workers; w != NULL; w = w->next) {
		if (!w->leaving && !w->hung_up)
			worker_send_off(w);
		pool_bury(w);
	}
	if (p->workers == NULL)
		uv_close((uv_handle_t *)&p->timer, on_pool_closed);
	else
		uv_timer_start(&p->timer, kill_all, LEAVE_MS, 0);
}

struct worker *pool_take(struct pool *p, int most)
{
	struct worker *best = NULL;

	if (p->retired)
		return NULL;
	for (struct worker *w = p->workers; w != NULL; w = w->next) {
		if (takes_one(w, most) &&
		    (best == NULL || w->busy < best->busy))
			best = w;
	}
	/* The pool has more workers than its size: the surplus is still
	 * executing jobs. */
	if (best == NULL ||
	    (best->busy == 0 && pool_free_workers(p, most) == 0))
		return NULL;
	best->busy++;
	return best;
}

/* Says whether a is better than b for this mark. */
static bool suits(const struct worker *a, const struct worker *b, int64_t mark)
{
	bool a_is = a->marked_ms != 0 && a->mark == mark;
	bool b_is = b->marked_ms != 0 && b->mark == mark;

	return a_is != b_is ? a_is : a->marked_ms < b->marked_ms;
}

struct worker *pool_take_for(struct pool *p, int64_t mark)
{
	struct worker *best = NULL;

	for (struct worker *w = p->workers; w != NULL; w = w->next) {
		if (takes_one(w, 1) && (best == NULL || suits(w, best, mark)))
			best = w;
	}
	if (best == NULL || pool_free_workers(p, 1) == 0)
		return NULL;
	best->busy++;
	best->mark = mark;
	best->marked_ms = clock_boot_ms();
	return best;
}

void pool_hold(struct worker *w)
{
	struct pool *p = w->pool;

	w->held++;
	if (--w->busy == 0)
		p->freed = true;
}

void pool_give_back(struct worker *w, bool held)
{
	struct pool *p = w->pool;

	if (held)
		w->held--;
	else
		w->busy--;
	if (!worker_has_runs(w) && (p->retired || count(p) > p->o.size))
		worker_send_off(w);
	else
		p->freed = true;
}

/* Runs just before the loop sleeps: sends what was added for each worker. */
static void on_turn(uv_prepare_t *turn)
{
	struct pool *p = turn->data;

	tell_freed(p);
	for (struct worker *w = p->workers; w != NULL; w = w->next) {
		if (w->out.len > 0 && worker_is_there(w))
			worker_flush(w);
	}
}
