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
 * The worker processes: they are started in advance, kept for many jobs, and
 * replaced when they die. A worker executes its runs one after the other
 * (`busy` counts those not yet executed), and may still hold the output of runs
 * that it has executed (`held`). A worker that is not busy is free, once it has
 * said hello. A worker that ends before its hello could not start: it had no run,
 * and the next one is started after a delay, which grows. A worker that has
 * not said hello after 20 seconds is killed.
 */
struct pool;
struct worker;

/* Calls to the owner. They come only from the loop, after it has read the lines
 * of workers, and never while the owner calls a function of the pool. */
struct pool_events {
	/* A worker that has runs sent this line, NUL-terminated. */
	void (*line)(void *arg, struct worker *w, char *line, size_t len);
	/* A worker that had runs has ended; `how` reads "worker killed by
	 * signal 9 (Killed)". The worker must not be used after this call. */
	void (*died)(void *arg, struct worker *w, const char *how);
	/* A worker became free. */
	void (*freed)(void *arg);
	/* No worker is ready, and several in a row could not start. NULL: not
	 * wanted. */
	void (*barren)(void *arg);
};

struct pool_options {
	uv_loop_t *loop;
	const struct log *log;
	const struct program *program; /* outlives the pool */
	int size;
	int64_t memory;       /* bytes, limit of each worker */
	const char *greeting; /* first line for each worker; copied */
	const char *hidden;   /* names for pool_hide; copied */
	const struct pool_events *events;
	void *arg;
};

struct pool *pool_open(const struct pool_options *options);
/* Changes the number of workers: missing ones are started, surplus free ones
 * are ended at once, surplus busy ones after their job. A changed memory limit
 * applies to workers started later. */
void pool_resize(struct pool *p, int size, int64_t memory);
/* Sets the greeting for later workers, and sends it to the present ones at
 * once. */
void pool_greet(struct pool *p, const char *greeting);
/* Sets the environment variables that workers started later do not inherit, in
 * addition to REPORTD_...: names separated by blanks; NULL: none. */
void pool_hide(struct pool *p, const char *names);
/* Ends free workers at once and the others when they are given back; starts no
 * more. */
void pool_retire(struct pool *p);
/* Ends all workers, kills those that do not end, then frees the pool. */
void pool_close(struct pool *p);

/* Returns the number of workers that are not busy and that pool_take(p, most)
 * would return. */
int pool_free_workers(const struct pool *p, int most);
/* Returns how many workers have ended although nobody told them to. */
int64_t pool_restarts(const struct pool *p);
/* Returns the number of runs that wait in a worker for the run before them. */
int pool_queued(const struct pool *p);

/* Takes the worker with the fewest runs for one more run, a free one first;
 * NULL when each has `most` runs. */
struct worker *pool_take(struct pool *p, int most);
/* Takes a free worker: first the one that was taken last for this mark, because
 * its connections are still open; then one that was taken for no mark; then the
 * one taken longest ago. NULL: none is free. */
struct worker *pool_take_for(struct pool *p, int64_t mark);
/* The worker has executed a run whose output it holds on to. */
void pool_hold(struct worker *w);
/* A run of the worker has ended; `held`: the worker held its output. */
void pool_give_back(struct worker *w, bool held);

/* Takes the bytes over and frees b. They are sent at the end of the turn of the
 * loop. */
void worker_send(struct worker *w, struct buf *b);
void worker_signal(struct worker *w, int signal);
/* Kills the worker because of one of its runs; it gets no other run. */
void worker_kill(struct worker *w);
/* Returns whether worker_kill was called for it. */
bool worker_is_killed(const struct worker *w);
int worker_pid(const struct worker *w);

#endif
