/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_POOL_H
#define SUPERVISOR_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "base/log.h"
#include "supervisor/program.h"

/*
 * The worker processes: started ahead, kept for many jobs, replaced when they
 * die. Runs are given to a worker; it works at one after the other (`busy`), and
 * some it has worked at and still holds (`held`). One that is not busy is free.
 */
struct pool;
struct worker;

/* All of them are called from the loop itself, after it has read what workers
 * say: never while the owner calls a function of the pool. */
struct pool_events {
	/* A line from a worker that has runs, NUL-terminated. */
	void (*line)(void *arg, struct worker *w, char *line, size_t len);
	/* A worker that had runs is gone; `how` reads "worker killed by signal 9
	 * (Killed)". It is no longer there to be used. */
	void (*died)(void *arg, struct worker *w, const char *how);
	/* A worker became free. */
	void (*freed)(void *arg);
};

struct pool_options {
	uv_loop_t *loop;
	const struct log *log;
	const struct program *program; /* lives as long as the pool */
	int size;
	int64_t memory;       /* limit of each, bytes */
	const char *greeting; /* the first line to each; copied */
	const char *hidden;   /* see pool_hide; copied */
	const struct pool_events *events;
	void *arg;
};

struct pool *pool_open(const struct pool_options *options);
/* More are started, free ones too many are ended, busy ones after their job. A
 * changed memory limit counts for workers started from now on. */
void pool_resize(struct pool *p, int size, int64_t memory);
/* A new greeting, which those that are there get at once. */
void pool_greet(struct pool *p, const char *greeting);
/* Variables that workers started from now on do not inherit, beside REPORTD_...:
 * names separated by blanks; NULL: none. */
void pool_hide(struct pool *p, const char *names);
/* Ends free workers, and taken ones when they are given back; starts no more. */
void pool_retire(struct pool *p);
/* Ends all workers, with force where they do not leave, then frees itself. */
void pool_close(struct pool *p);

int pool_free_workers(const struct pool *p);
/* Runs in line behind the one that their worker is at. */
int pool_queued(const struct pool *p);

/* The worker with the fewest runs for one more, a free one first; NULL when all
 * have `most`. */
struct worker *pool_take(struct pool *p, int most);
/* A free worker: the one that was taken for this mark last, as its connections are
 * still there; else one that was taken for none; else whose turn was longest ago.
 * NULL: none is free. */
struct worker *pool_take_for(struct pool *p, int64_t mark);
/* The worker is through with the work of a run that it goes on to hold. */
void pool_hold(struct worker *w);
/* One of its runs is over. */
void pool_give_back(struct worker *w, bool held);

/* Takes the bytes over and frees b. They leave with the turn of the loop. */
void worker_send(struct worker *w, struct buf *b);
void worker_signal(struct worker *w, int signal);
int worker_pid(const struct worker *w);

#endif
