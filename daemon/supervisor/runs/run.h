/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_RUNS_RUN_H
#define SUPERVISOR_RUNS_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "protocol.h"
#include "supervisor/runs/life.h"
#include "supervisor/runs/runs.h"

/*
 * What the files behind runs.h share: runs.c keeps the table, starts and stops;
 * run_worker.c hears the workers; run_ask.c asks the database. life.h has the
 * states.
 */

/* Why a run is being stopped; it decides what its end counts as. The greater one
 * wins. */
enum intent { GO_ON, TIMED_OUT, CANCEL, RELEASE, LOSE };

struct run {
	struct run *next;
	struct runs *runs;
	int64_t run_id, config_id;
	bool scheduled;
	struct worker *worker; /* NULL: it has none yet, or none any more */
	struct buf job;        /* message_job */
	enum life state;       /* run_step changes it */
	enum intent intent;
	char stage[16];
	int64_t rows, bytes;
	json_t *uploads; /* that are left when its worker dies now; or NULL */
	int64_t started_ms, timeout_ms;
	/* Boot clock: when a worker that was told to stop is killed; 0: it is
	 * not at this run, or is killed already. */
	int64_t patience_ms;
	/* A finish of several runs failed as a whole: one of them is to blame,
	 * so they are sent one by one. */
	bool suspect;
	int64_t again_ms;  /* boot clock: its finish is not repeated before */
	bool plain;        /* message_make_plain */
	struct buf result; /* a line of message_result */
};

/* One kind of question to the database, gathered from several runs. */
struct gather {
	uv_timer_t timer;
	bool over;      /* the first has waited long enough */
	bool under_way; /* a statement of this kind is being answered */
};

struct runs {
	struct runs_options o;
	struct pool *pool;
	struct run *list;
	int count, waiting;
	int64_t failed; /* reports, for good */
	double job_ms;  /* how long jobs take: a moving average */
	uv_timer_t check;
	uv_prepare_t turn; /* sends what the turn of the loop has gathered */
	struct gather publish, finish;
	int handles; /* closed ones of these four */
};

/* runs.c */
struct run *run_find(const struct runs *r, int64_t run_id);
void run_forget(struct run *run);
/* Gives those that wait to workers, the oldest first. */
void runs_give_workers(struct runs *r);
/* The one that the worker is at; NULL: none. */
struct run *runs_current(const struct runs *r, const struct worker *w);

/* run_worker.c */
/* Takes the run to its next state, and its worker's share in it along. False when
 * the event changes nothing for it; then nothing happens. */
bool run_step(struct run *run, enum life_event event);
void runs_learn(struct runs *r, int64_t ms); /* that a job takes so long */
/* Ends a run with a result in the supervisor's own words. The run may be gone
 * afterwards. */
void run_end_with(
    struct run *run, const char *status, bool permanent, const char *message);
/* Tells its worker whether to publish, by the run's state. */
void run_answer_publish(struct run *run);

/* run_ask.c */
void ask_open(struct runs *r);

#endif
