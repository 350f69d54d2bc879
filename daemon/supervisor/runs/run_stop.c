/* SPDX-License-Identifier: MIT */
#include <signal.h>

#include "base/clock.h"
#include "settings/settings.h"
#include "supervisor/runs/runs_parts.h"

/* ms: deadlines and kills are checked this often while there are runs. */
#define CHECK_MS 250
/* ms: a job claimed in advance that has not started by then, because a long job
 * came before it, returns to the queue. */
#define AHEAD_MAX_MS 500

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

/* Says whether the run's worker publishes the output of another run. Meanwhile
 * it may not have begun this run, nor read that it must stop. */
static bool is_behind_publish(const struct run *run)
{
	for (const struct run *other = run->runs->list; other;
	     other = other->next) {
		if (other != run && other->worker == run->worker &&
		    other->state == LIFE_PUBLISHING)
			return true;
	}
	return false;
}

/* Kills a worker that has not kept the deadline, which it watches itself. */
static void check_deadline(struct run *run, int64_t now)
{
	if (run->timeout_ms == 0 ||
	    now < run->clock_ms + run->timeout_ms +
		      run->runs->o.settings->cancel_grace ||
	    is_behind_publish(run))
		return;
	if (run->intent == GO_ON)
		run->intent = TIMED_OUT;
	run_step(run, LIFE_STOP);
	kill_worker(run);
}

static void check_patience(struct run *run, int64_t now)
{
	if (run->patience_ms == 0 || now < run->patience_ms ||
	    is_behind_publish(run))
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

void runs_watch(struct runs *r)
{
	uv_timer_start(&r->check, on_check, CHECK_MS, CHECK_MS);
}
