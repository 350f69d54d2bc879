/* SPDX-License-Identifier: MIT */
#ifndef WORKER_TALK_H
#define WORKER_TALK_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/watch.h"
#include "protocol.h"
#include "worker/connections.h"
#include "worker/task.h"

/*
 * The talk of a worker with its supervisor, also while a task is at work: messages
 * that come, results and progress that go, outputs that wait for the answer to
 * "publish". worker.c does the tasks.
 */
struct worker {
	struct lines in;
	struct terms terms;
	struct buf out; /* lines for the supervisor, sent before any wait */
	struct tasks inbox;
	/* jobs whose output waits for the answer to "publish" */
	struct tasks held;
	struct task *current; /* the task at work; NULL: idle */
	/* boot clock, ms: end of an errand; its time limit */
	int64_t deadline_ms, timeout_ms;
	bool stop; /* the current task must stop */
	int64_t progress_ms, heard_ms;
	int64_t idle_ms; /* boot clock, ms: when the last task ended */
	bool hearing;
	bool orphan; /* the supervisor has closed the connection */
	bool unfit;  /* the supervisor is of another version */
	struct connections connections;
	/* settings of `services`; NULL: none received yet */
	struct settings *settings;
	struct services *services;
	sigset_t wait_mask;
	struct wake wake;
	struct watch watch;
};

/* Writes the lines in `out`. */
void talk_flush(struct worker *w);
/* Reads and handles all messages that have arrived, without waiting; arg: struct
 * worker. */
void talk_hear(void *arg);
/* Asks whether the job may publish, and holds its output until the answer. */
void talk_hold(struct worker *w, struct task *t);
/* Sends the result of a job and frees its task; failure NULL: it has succeeded. */
void talk_end_task(struct worker *w, struct task *t, const struct err *failure);
/* Ends the held outputs whose time is over. */
void talk_check_deadlines(struct worker *w, int64_t now);
/* Sends the progress of the current job at once; arg: struct worker. */
void talk_announce(void *arg);
/* A watch.check: called during every wait of a task, and regularly while it handles
 * rows; arg: struct worker. */
int talk_look_up(void *arg, struct err *e);

#endif
