/* SPDX-License-Identifier: MIT */
#ifndef WORKER_TASK_H
#define WORKER_TASK_H

#include "protocol.h"
#include "worker/job.h"

/*
 * What the supervisor has asked a worker for, one after the other: MSG_JOB, an
 * errand (MSG_NOTICE, MSG_SWEEP), or MSG_SETTINGS to use from then on.
 */
struct task {
	struct task *next;
	enum message_type type;
	int64_t run_id;
	json_t *message; /* a job takes it over */
	struct job job;  /* of MSG_JOB */
};

struct tasks {
	struct task *first;
};

/* Takes the message over. */
struct task *task_new(enum message_type type, json_t *message);
void task_free(struct task *t);

/* At the end. */
void tasks_add(struct tasks *list, struct task *t);
/* Takes that of this type and run out of the list; NULL: it is not there. */
struct task *tasks_take(
    struct tasks *list, enum message_type type, int64_t run_id);
/* Takes the first; `settled`: of those that are no MSG_SETTINGS. NULL: none. */
struct task *tasks_next(struct tasks *list, bool settled);
void tasks_free(struct tasks *list);

#endif
