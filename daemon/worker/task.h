/* SPDX-License-Identifier: MIT */
#ifndef WORKER_TASK_H
#define WORKER_TASK_H

#include "protocol.h"
#include "worker/job.h"

/*
 * The tasks that the supervisor has sent to a worker, which does them in order:
 * a job (MSG_JOB), an errand (whose message is in the table of errand.c), or
 * settings (MSG_SETTINGS) for the tasks after them.
 */
struct task {
	struct task *next;
	enum message_type type;
	int64_t run_id;
	json_t *message; /* NULL for MSG_JOB, whose job owns it */
	struct job job;  /* only for MSG_JOB */
};

struct tasks {
	struct task *first;
};

/* Makes a task and takes the message over. */
struct task *task_new(enum message_type type, json_t *message);
void task_free(struct task *t);

/* Adds a task at the end. */
void tasks_add(struct tasks *list, struct task *t);
/* Removes and returns the task with this number, whatever its type; NULL: it is
 * not in the list. */
struct task *tasks_take(struct tasks *list, int64_t run_id);
/* Removes and returns the first task; `settled`: the first that is no
 * MSG_SETTINGS. NULL: none. */
struct task *tasks_next(struct tasks *list, bool settled);
void tasks_free(struct tasks *list);

#endif
