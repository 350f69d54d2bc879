/* SPDX-License-Identifier: MIT */
#ifndef HTTP_TURNS_H
#define HTTP_TURNS_H

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/queue/queue.h"

/*
 * The statements that wait for a session. Roles take turns, so that nobody who asks
 * much, or whose statements wait for locks, keeps others waiting.
 */

/* The statements of a role: those that run, and those that wait. */
struct turn {
	struct turn *next;
	char *role;
	int busy;       /* sessions with a statement of it */
	int waiting;    /* its statements that wait */
	int64_t served; /* number of its last statement; 0: there was none */
};

/* As store_answer. */
typedef void turns_answer(void *arg, const struct reply *reply,
    const struct err *e, const char *hint);

struct waiter {
	struct waiter *next;
	int64_t until_ms; /* boot clock */
	struct turn *turn;
	const struct statement *st;
	char **params;
	turns_answer *answer;
	void *arg;
};

struct turns {
	struct turn *roles;
	struct waiter *waiters; /* the oldest first */
	int waiting;
	int64_t served; /* statements so far */
};

struct turn *turns_of(struct turns *t, const char *role);
/* Appends a copy of the waiter, which keeps copies of the parameters. */
void turns_add(struct turns *t, const struct waiter *w);
/* Takes the waiter at this place out; the caller frees it. */
struct waiter *turns_take(struct turns *t, struct waiter **place);
void turns_free_waiter(struct waiter *w);
/* Frees the roles; nothing may wait. */
void turns_free(struct turns *t);

/* Says whether a role may have one more of the idle sessions: as many as it has stay
 * idle for others. */
bool turns_may_take(const struct turn *turn, int idle);
/* Returns the place of the statement that goes next: the oldest of the role that was
 * served longest ago. NULL: none may go now. */
struct waiter **turns_next(struct turns *t, int idle);
/* Returns the place of the newest statement of the role that has most of them. NULL: no
 * role has more than one above those of `turn`. */
struct waiter **turns_excess(struct turns *t, const struct turn *turn);

#endif
