/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_RUNS_RUNS_H
#define SUPERVISOR_RUNS_RUNS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "supervisor/pool.h"
#include "supervisor/queue/queue.h"

/*
 * The runs in this daemon's hands, from claim until the database has recorded
 * their result. Their questions to the database (may I publish, this is my
 * result) are gathered and sent once in each turn of the loop, with one
 * statement of each kind under way, so that many runs share a round trip and a
 * commit.
 */
struct runs;

struct claimed {
	int64_t run_id, config_id;
	bool scheduled;
	const char *source;
	const char *target; /* whose table it loads; NULL: none */
	int64_t timeout_ms; /* ms; 0: no limit */
	int64_t quota_ms; /* ms that runs of its owner may take; 0: no limit */
	const char *row;  /* the job as JSON, from claim.sql */
	/* an error when the owner lacks a right; NULL: none */
	const char *denied;
};

struct runs_events {
	/* No run is in hand any more. */
	void (*idle)(void *arg);
	/* A result was recorded or a worker became free: there may be room for
	 * another run. */
	void (*ended)(void *arg);
	/* The end of a run has notices that must be sent. */
	void (*notices)(void *arg);
	/* A report may be due again: for a retry, or at the next time of its
	 * schedule. */
	void (*due_again)(void *arg);
	/* A run has news for the database that must not wait for the next
	 * heartbeat. */
	void (*urgent)(void *arg);
	/* No worker can be started. */
	void (*barren)(void *arg);
	/* Returns the moment (boot clock, ms) until which the lease surely
	 * holds. */
	int64_t (*lease_until)(void *arg);
	/* Returns the daemon's worker_id, by which the database recognises its
	 * claims; NULL while it has none. */
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
/* To be called only when runs_count is 0, or when the process ends in any
 * case. */
void runs_close(struct runs *r);
/* Use new settings after a reload, and the pool, which is made after the runs
 * because it reports to them. */
void runs_set_settings(struct runs *r, const struct settings *settings);
void runs_set_pool(struct runs *r, struct pool *pool);
extern const struct pool_events runs_pool_events; /* arg: struct runs */

/* Gives a claimed job to a free worker, or, while jobs are short, puts it into
 * the line of a worker. A job that has not started after half a second is given
 * back. */
void runs_start(struct runs *r, const struct claimed *c);

/*
 * Returns how many jobs may be held in advance of free workers: as many as the
 * workers complete in RUNS_AHEAD_MS, judged by the time that recent jobs took. 0 unless
 * jobs are short, because no job may wait for a long one.
 */
#define RUNS_AHEAD_MS 30
int runs_ahead(const struct runs *r);
/* Returns the number of workers that are not busy and would take a job now. */
int runs_free_workers(const struct runs *r);
/* Returns how many jobs are held in advance, here or in line at a worker. */
int runs_waiting(const struct runs *r);

/* Returns the number of runs in hand. */
int runs_count(const struct runs *r);
/* Returns how many reports have ended FAILED here without a further retry. */
int64_t runs_failed(const struct runs *r);
/* Returns the number of runs in hand that are not ADHOC and have not ended. */
int runs_scheduled(const struct runs *r);

/* Append, for the heartbeat, the progress as JSON, [{"run_id", "stage",
 * "row_count", "byte_count", "leftovers"}], and all run_ids as an SQL array. */
void runs_progress(const struct runs *r, struct buf *json);
void runs_ids(const struct runs *r, struct buf *array);

/* Stop a run that is cancelled, a run that belongs to another daemon now, or
 * all runs after the lease was lost. */
void runs_cancel(struct runs *r, int64_t run_id);
void runs_lose(struct runs *r, int64_t run_id);
void runs_lose_all(struct runs *r);

/* Begins the shutdown: runs that no worker has begun return to the queue at
 * once. */
void runs_release_waiting(struct runs *r);
/* Then stops all workers and gives their runs back without counting the
 * attempt. The second call kills the workers. */
void runs_release_all(struct runs *r);

/* The queue can be used again: results that were under way are sent again. */
void runs_resend(struct runs *r);

#endif
