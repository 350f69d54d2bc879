/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_POOL_H
#define SUPERVISOR_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "base/log.h"

/*
 * The worker processes: started ahead, kept for many jobs, replaced when they
 * die. A worker is free, or taken by one run, whose pointer it carries.
 */
struct pool;
struct worker;

struct pool_events {
	/* A line from a taken worker, NUL-terminated. */
	void (*line)(void *arg, void *run, char *line, size_t len);
	/* A taken worker is gone; `how` reads "worker killed by signal 9
	 * (Killed)". It is no longer there to be used. */
	void (*died)(void *arg, void *run, const char *how);
	/* A worker became free. */
	void (*freed)(void *arg);
};

struct pool_options {
	uv_loop_t *loop;
	const struct log *log;
	int size;
	int64_t memory; /* limit of each, bytes */
	const struct pool_events *events;
	void *arg;
};

struct pool *pool_open(const struct pool_options *options);
/* More are started, free ones too many are ended, busy ones after their job. A
 * changed memory limit counts for workers started from now on. */
void pool_resize(struct pool *p, int size, int64_t memory);
/* Ends free workers, and taken ones when they are given back; starts no more. */
void pool_retire(struct pool *p);
/* Ends all workers, with force where they do not leave, then frees itself. */
void pool_close(struct pool *p);

int pool_free_workers(const struct pool *p);

/* A free worker for the run, NULL when there is none. */
struct worker *pool_take(struct pool *p, void *run);
void pool_give_back(struct worker *w);

/* Takes the bytes over and empties b. */
void worker_send(struct worker *w, struct buf *b);
void worker_signal(struct worker *w, int signal);
int worker_pid(const struct worker *w);

#endif
