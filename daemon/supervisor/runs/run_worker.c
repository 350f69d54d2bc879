/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "settings/settings.h"
#include "supervisor/runs/runs_parts.h"

/* Notes that the worker begins the next run in its line. */
static void next_starts(const struct runs *r, const struct worker *w)
{
	struct run *next = runs_current(r, w);

	if (next == NULL)
		return;
	run_set_clock(next);
	next->started_ms = next->clock_ms;
}

static void release_worker(struct run *run, bool held)
{
	struct worker *w = run->worker;

	run->worker = NULL;
	if (w == NULL)
		return;
	pool_give_back(w, held);
	if (!held)
		next_starts(run->runs, w);
	else if (runs_current(run->runs, w) != NULL)
		/* A publish has ended, before or within the current run. */
		run_set_clock(runs_current(run->runs, w));
}

bool run_is_held(const struct run *run)
{
	return life_is_held(run->state) && !run->stays;
}

bool run_step(struct run *run, enum life_event event)
{
	struct runs *r = run->runs;
	enum life from = run->state, to = life_next(from, event);
	bool held = run_is_held(run);

	if (to == LIFE_NONE)
		return false;
	run->state = to;
	r->waiting += (to == LIFE_WAITING) - (from == LIFE_WAITING);
	if (life_is_at_worker(from) && !life_is_at_worker(to)) {
		release_worker(run, held);
	} else if (!held && run_is_held(run)) {
		pool_hold(run->worker);
		next_starts(r, run->worker);
	}
	return true;
}

/* Ends the run, whose result is recorded next; a lost run is forgotten. */
static void end_run(struct run *run)
{
	run->patience_ms = 0;
	/* Not needed again, and it may be large. */
	buf_wipe(&run->job);
	run_step(run, LIFE_END);
	if (run->intent == LOSE) {
		run_step(run, LIFE_RECORDED);
		run_forget(run);
	}
}

void run_end_with(
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
	    .error_message = message,
	    .leftovers = run->leftovers};

	buf_clear(&run->result);
	message_result(&run->result, &result);
	end_run(run);
}

/* A job much longer than the average replaces it at once; any other job moves
 * the average by an eighth of the difference. */
void runs_learn(struct runs *r, int64_t ms)
{
	double took = (double)ms;

	if (r->job_ms < 0 || took > r->job_ms * 8)
		r->job_ms = took;
	else
		r->job_ms += (took - r->job_ms) / 8;
}

/* Lets a run that its worker had not begun wait for another worker. */
static void wait_anew(struct run *run)
{
	run_step(run, LIFE_ANEW);
	run->intent = GO_ON;
	run->started_ms = clock_boot_ms();
	run->patience_ms = 0;
	str_copy(run->stage, sizeof(run->stage), "start");
}

/* Keeps the record of leftovers and has it stored with the next heartbeat, at
 * once when it is new: the record must outlive the worker and this daemon. */
static void take_leftovers(struct run *run, const json_t *body)
{
	json_t *leftovers = json_object_get(body, "leftovers");
	bool news = leftovers != NULL && !json_equal(leftovers, run->leftovers);

	json_decref(run->leftovers);
	run->leftovers = json_incref(leftovers);
	run->unloads = run->unloads || json_index_of(leftovers, "unload") <
					   json_array_size(leftovers);
	if (news)
		run->runs->o.events->urgent(run->runs->o.arg);
}

static void on_result(
    struct run *run, const char *line, size_t len, const json_t *body)
{
	const char *status = json_str(body, "status", "");
	bool completed = strcmp(status, "COMPLETED") == 0;

	str_copy(run->stage, sizeof(run->stage), json_str(body, "stage", ""));
	take_leftovers(run, body);
	if (run->intent == CANCEL && !completed) {
		run_end_with(run, "CANCELLED", false, "cancelled on request");
		return;
	}
	if (run->intent == RELEASE && !completed) {
		run_end_with(run, "RELEASED", false,
		    strcmp(run->stage, "start") == 0
			? "it had not started yet"
			: "given back: the daemon stops");
		return;
	}
	if (run->state == LIFE_RECALLED && !completed &&
	    strcmp(run->stage, "start") == 0) {
		wait_anew(run);
		runs_give_workers(run->runs);
		return;
	}
	if (!completed && strcmp(status, "FAILED") != 0) {
		run_end_with(
		    run, "FAILED", false, "the worker gave no sound result");
		return;
	}
	buf_clear(&run->result);
	buf_add(&run->result, line, len);
	if (!life_is_held(run->state))
		runs_learn(run->runs, clock_boot_ms() - run->started_ms);
	end_run(run);
}

void run_answer_publish(struct run *run)
{
	struct runs *r = run->runs;
	struct buf b;

	buf_init(&b, 4096);
	message_publish_answer(&b, run->run_id, run->state == LIFE_PUBLISHING,
	    r->o.events->lease_until(r->o.arg));
	worker_send(run->worker, &b);
}

/* Handles the worker's question whether it may publish a complete output. The
 * worker continues with its next run. */
static void on_asked(struct run *run, const json_t *question)
{
	bool held = life_is_held(run->state);

	if (!held)
		runs_learn(run->runs, clock_boot_ms() - run->started_ms);
	if (!run_step(run, LIFE_ASK))
		return;
	str_copy(run->stage, sizeof(run->stage), "publish");
	str_copy(run->horizon, sizeof(run->horizon),
	    json_str(question, "horizon", ""));
	if (run->state == LIFE_DENIED)
		run_answer_publish(run);
}

static void on_line(void *arg, struct worker *w, char *line, size_t len)
{
	struct runs *r = arg;
	struct message m;
	struct run *run;
	struct err e;

	if (message_parse(line, len, &m, &e) != 0) {
		LOG(r->o.log, LVL_ERROR,
		    L_MSG("a worker sent a line that is no message"),
		    L_INT("pid", worker_pid(w)), L_STR("error", e.text));
		worker_signal(w, SIGKILL);
		return;
	}
	run = run_find(r, m.run_id);
	if (run == NULL || run->worker != w) {
		json_decref(m.body);
		return;
	}
	switch (m.type) {
	case MSG_PROGRESS:
		str_copy(run->stage, sizeof(run->stage),
		    json_str(m.body, "stage", ""));
		run->rows = json_int(m.body, "row_count", 0);
		run->bytes = json_int(m.body, "byte_count", 0);
		take_leftovers(run, m.body);
		break;
	case MSG_PUBLISH:
		on_asked(run, m.body);
		break;
	case MSG_RESULT:
		on_result(run, line, len, m.body);
		break;
	case MSG_SETTINGS:
	case MSG_HELLO:
	case MSG_JOB:
	case MSG_STOP:
	case MSG_NOTICE:
	case MSG_NOTICE_DONE:
	case MSG_SWEEP:
	case MSG_SWEPT:
	case MSG_BEAT:
	case MSG_LIST:
	case MSG_LISTED:
	case MSG_MOVE:
	case MSG_MOVED:
	case MSG_WATCH:
	case MSG_ARRIVED:
	case MSG_HEAR:
	case MSG_HEARD:
	case MSG_INBOX:
	case MSG_INBOXED:
		break;
	}
	json_decref(m.body);
}

/* Ends the run with an error that says how its worker died. */
static void blame(struct run *run, const char *how)
{
	char text[256];

	if (run->intent == TIMED_OUT)
		snprintf(text, sizeof(text),
		    "timed out after %" PRId64 " ms in stage %s; the worker "
		    "did not stop and was killed",
		    run->timeout_ms, run->stage);
	else
		snprintf(text, sizeof(text), "%s: %s", run->stage, how);
	run_end_with(run, "FAILED", false, text);
}

/* Handles the death of a run's worker. The run ends with an error if the worker
 * was executing it and may have died of it, if the output may already be
 * visible, or if something is left. If the supervisor has killed the worker because
 * of another run, this one is given back instead. A run that had not begun waits
 * for another worker. */
static void bereave(struct run *run, bool current, bool killed, const char *how)
{
	bool to_blame = killed ? run->to_blame : current || run->leftovers;

	run->worker = NULL;
	if (run->intent == RELEASE)
		run_end_with(
		    run, "RELEASED", false, "given back: the daemon stops");
	else if (to_blame || run->state == LIFE_PUBLISHING)
		blame(run, how);
	else if (current || run->leftovers)
		run_end_with(run, "RELEASED", false,
		    "given back: its worker was killed because of another run");
	else if (run->intent > TIMED_OUT)
		run_end_with(run, "CANCELLED", false, "cancelled on request");
	else
		wait_anew(run);
}

static void on_died(void *arg, struct worker *w, const char *how)
{
	struct runs *r = arg;
	const struct run *current = runs_current(r, w);
	bool killed = worker_is_killed(w);
	struct run *next;

	for (struct run *run = r->list; run != NULL; run = next) {
		next = run->next;
		if (run->worker == w)
			bereave(run, run == current, killed, how);
	}
	runs_give_workers(r);
}

static void on_freed(void *arg)
{
	struct runs *r = arg;

	runs_give_workers(r);
	r->o.events->ended(r->o.arg);
}

static void on_barren(void *arg)
{
	struct runs *r = arg;

	r->o.events->barren(r->o.arg);
}

const struct pool_events runs_pool_events = {
    .line = on_line, .died = on_died, .freed = on_freed, .barren = on_barren};
