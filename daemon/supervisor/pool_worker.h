/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_POOL_WORKER_H
#define SUPERVISOR_POOL_WORKER_H

#include "protocol.h"
#include "supervisor/pool.h"

/*
 * What the two files behind pool.h share: pool.c decides how many workers there are
 * and who gets one; pool_worker.c is one process, from its start to its last word.
 */

struct worker {
	struct pool *pool;
	struct worker *next;
	uv_process_t process;
	uv_pipe_t pipe;
	struct lines in;
	struct buf out; /* leaves with the turn of the loop */
	int busy, held; /* runs */
	bool leaving;   /* its pipe is closed from our side */
	bool exited, hung_up, buried;
	bool deaf;   /* what it says is not heard any more */
	bool full;   /* it is not read from until its lines were taken */
	int handles; /* closed ones of the two */
	int64_t born_ms;
	int64_t mark, marked_ms; /* see pool_take_for; 0: not yet */
	int64_t status;
	int signal;
};

struct pool {
	struct pool_options o;
	struct worker *workers;
	char *greeting, *hidden;
	uv_timer_t timer; /* the next start; at the end, the last kill */
	uv_prepare_t turn;
	uv_check_t news;
	bool freed; /* to be told */
	bool retired, closed;
	int handles; /* closed ones of the three */
};

/* pool.c */
/* If it has exited and said its last: it is over. */
void pool_bury(struct worker *w);

/* pool_worker.c */
int worker_start(struct pool *p);
/* A worker leaves when it reads the end of file. */
void worker_send_off(struct worker *w);
/* Tells the pool's owner what it has said since the last time. */
void worker_take_lines(struct worker *w);
/* What it was sent leaves. */
void worker_flush(struct worker *w);
void worker_free(struct worker *w);
/* "worker killed by signal 9 (Killed)". */
void worker_describe(const struct worker *w, char *to, size_t size);
bool worker_is_there(const struct worker *w);
bool worker_has_runs(const struct worker *w);

#endif
