/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_RUNS_RUNS_PARTS_H
#define SUPERVISOR_RUNS_RUNS_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "protocol.h"
#include "supervisor/runs/life.h"
#include "supervisor/runs/runs.h"

/*
 * The parts that the files of the runs share: runs.c keeps the list and starts
 * runs; run_stop.c stops them; run_worker.c handles the messages of workers;
 * run_ask.c asks the database. life.h has the states.
 */

/* Why a run is being stopped, which decides the status of its end. The greatest
 * reason wins. */
enum intent { GO_ON, TIMED_OUT, CANCEL, RELEASE, LOSE };

struct run {
	struct run *next;
	struct runs *runs;
	int64_t run_id, config_id;
	bool scheduled;
	struct worker *worker; /* NULL: none yet, or no longer */
	struct buf job;        /* the line of message_job */
	enum life state;       /* only run_step changes it */
	enum intent intent;
	/* Its worker waits for the answer to "publish" and runs nothing else
	 * meanwhile: its open output holds locks of a target's tables. */
	bool stays;
	char stage[16];
	char horizon[40]; /* to be written before it publishes; empty: none */
	int64_t rows, bytes;
	/* what would be left if its worker died now; or NULL */
	json_t *leftovers;
	bool unloads; /* that has named an unload */
	int64_t started_ms, timeout_ms;
	/* Boot clock, ms: its time limit counts from here. Later than started_ms
	 * when its worker first had to publish the output of another run. */
	int64_t clock_ms;
	/* Boot clock, ms: when a worker that was told to stop this run is
	 * killed; 0: the worker does not execute this run, or is killed
	 * already. */
	int64_t patience_ms;
	bool to_blame; /* its worker was killed because of it */
	/* Recording several runs in one statement failed. This run may be the
	 * cause, so it is recorded alone. */
	bool suspect;
	/* boot clock, ms: recording is not repeated earlier */
	int64_t again_ms;
	bool plain;        /* message_record_failed has changed the result */
	struct buf result; /* a line of message_result */
};

/* A kind of question to the database, gathered from several runs. */
struct gather {
	uv_timer_t timer;
	bool over;      /* no further run is waited for: it is time to ask */
	bool under_way; /* a statement of this kind awaits its answer */
};

/* Most runs that a worker has, including those whose output it holds. */
#define HANDFUL 24

/* The terms of the last job, which the next one most often has, too. */
struct common {
	const struct source_settings *source, *target; /* NULL: none known */
	struct buf terms; /* made by message_common; holds secrets */
};

struct runs {
	struct runs_options o;
	struct common common;
	struct pool *pool;
	struct run *list;
	int count, waiting;
	int64_t failed; /* reports that ended FAILED */
	/* ms that a job takes, as a moving average; < 0: unknown */
	double job_ms;
	uv_timer_t check;
	uv_prepare_t turn; /* sends the questions gathered in a turn */
	struct gather publish, finish;
	int handles; /* how many of these four handles are closed */
};

/* runs.c */
/* Returns the run with this ID; NULL: it is not in hand. */
struct run *run_find(const struct runs *r, int64_t run_id);
/* Removes and frees a run. */
void run_forget(struct run *run);
/* Gives waiting runs to workers, the oldest first. */
void runs_give_workers(struct runs *r);
/* Returns the run that the worker executes, or will execute once it has
 * published an output; NULL: none. */
struct run *runs_current(const struct runs *r, const struct worker *w);
/* Sets the clock of the run: time limit and patience count from now. */
void run_set_clock(struct run *run);

/* run_stop.c */
/* Looks at deadlines and late kills, again and again while there are runs. */
void runs_watch(struct runs *r);

/* run_worker.c */
/* Says whether its worker holds the output of this run while it executes the
 * next one. */
bool run_is_held(const struct run *run);
/* Takes the run to the state after the event, and updates what its worker has.
 * Returns false, and does nothing, when the event changes nothing. */
bool run_step(struct run *run, enum life_event event);
/* Notes that a job took `ms` milliseconds. */
void runs_learn(struct runs *r, int64_t ms);
/* Ends a run with a result of the supervisor. The run may be freed by this
 * call. */
void run_end_with(
    struct run *run, const char *status, bool permanent, const char *message);
/* Tells the worker whether to publish, which depends on the state of the
 * run. */
void run_answer_publish(struct run *run);

/* run_ask.c */
/* Makes the handles that gather questions. */
void ask_open(struct runs *r);

#endif
