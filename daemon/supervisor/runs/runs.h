/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_RUNS_RUNS_H
#define SUPERVISOR_RUNS_RUNS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "supervisor/pool.h"
#include "supervisor/queue/queue.h"

/*
 * The runs in this daemon's hands, from claim to the database's word that their
 * result is recorded. What they ask of the database (may I publish, this is my
 * result) is gathered and sent once per turn of the loop, one statement of each
 * kind at a time, so that many runs share a round trip and a commit.
 */
struct runs;

struct claimed {
	int64_t run_id, config_id;
	bool scheduled;
	const char *source;
	int64_t timeout_ms; /* 0: none */
	int64_t quota_ms;   /* that its owner's runs may take; 0: no limit */
	const char *row;    /* JSON */
	const char *denied; /* what its owner may not use; NULL: nothing */
};

struct runs_events {
	/* The last run in hand is done with. */
	void (*idle)(void *arg);
	/* A result was recorded: a place may have become free. */
	void (*ended)(void *arg);
	/* The end of a run is to be told. */
	void (*notices)(void *arg);
	/* It may be due again: a retry, or the next time of a schedule. */
	void (*due_again)(void *arg);
	/* A run has news that must not wait for the next heartbeat. */
	void (*urgent)(void *arg);
	/* The moment (boot clock) until which the lease surely holds. */
	int64_t (*lease_until)(void *arg);
	/* The daemon's identity, half of the fence; NULL while it has none. */
	const char *(*worker_id)(void *arg);
};

struct runs_options {
	uv_loop_t *loop;
	const struct log *log;
	struct queue *queue;
	const struct settings *settings;
	const struct runs_events *events;
	void *arg;
};

struct runs *runs_open(const struct runs_options *options);
/* Only when runs_count is 0, or when the process ends anyway. */
void runs_close(struct runs *r);
/* After a reload. The pool is made after the runs it reports to. */
void runs_set_settings(struct runs *r, const struct settings *settings);
void runs_set_pool(struct runs *r, struct pool *pool);
extern const struct pool_events runs_pool_events; /* arg: struct runs */

/* Hands a claimed job to a free worker, or while jobs are short into the line of
 * one. What has not started after a moment is given back. */
void runs_start(struct runs *r, const struct claimed *c);

/*
 * How many jobs may be held ahead of free workers: as many as the workers would
 * get done in a few dozen milliseconds, going by how long jobs took of late. 0
 * unless they are short: nothing may wait behind a long one.
 */
int runs_ahead(const struct runs *r);
/* How many are, here or in line at a worker. */
int runs_waiting(const struct runs *r);

int runs_count(const struct runs *r);
/* How many reports have ended FAILED here, for good. */
int64_t runs_failed(const struct runs *r);
/* Of them, SCHEDULED ones that occupy a worker. */
int runs_scheduled(const struct runs *r);

/* For the heartbeat: [{"run_id", "stage", "row_count", "byte_count", "uploads"}],
 * and all run_ids as an SQL array. */
void runs_progress(const struct runs *r, struct buf *json);
void runs_ids(const struct runs *r, struct buf *array);

/* The database's news. */
void runs_cancel(struct runs *r, int64_t run_id);
void runs_lose(struct runs *r, int64_t run_id);
void runs_lose_all(struct runs *r);

/* Shutdown: what has no worker yet goes back to the queue at once. */
void runs_release_waiting(struct runs *r);
/* Then: stops all workers and gives their runs back, not counted. Called
 * again it kills. */
void runs_release_all(struct runs *r);

/* The queue is up again: what was under way is sent anew. */
void runs_resend(struct runs *r);

#endif
