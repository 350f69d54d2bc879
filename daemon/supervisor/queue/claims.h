/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_QUEUE_CLAIMS_H
#define SUPERVISOR_QUEUE_CLAIMS_H

#include <stdbool.h>
#include <uv.h>

#include "base/log.h"
#include "settings/settings.h"
#include "supervisor/pool.h"
#include "supervisor/queue/lease.h"
#include "supervisor/queue/queue.h"
#include "supervisor/runs/runs.h"

/*
 * Takes waiting jobs out of the queue for this daemon and hands them to the runs.
 * One claim is under way at a time. It asks for as many jobs as there is room for,
 * and another follows while there is reason to believe that more are waiting.
 * Rows that other daemons hold are asked for again after a wait that grows. When
 * the server refuses a claim, the reports that cannot be claimed are looked for
 * and ended, so that they do not stop the others.
 */
struct claims;

/* Each is called from the loop, while the answer to a claim is taken. */
struct claims_events {
	/* A claim was answered, and the runs of its jobs have begun. */
	void (*answered)(void *arg);
	/* Then: it took all jobs that were waiting. Another time may be due
	 * next. */
	void (*taken)(void *arg);
	/* Or: no job was waiting. */
	void (*none_left)(void *arg);
	/* The answer to the last claim before claims_end is here, or the claim
	 * failed. */
	void (*last)(void *arg);
};

struct claims_options {
	uv_loop_t *loop;
	const struct log *log;
	struct queue *queue;
	struct lease *lease;
	struct runs *runs;
	struct pool *pool;
	const struct settings *settings;
	const struct claims_events *events;
	void *arg;
};

struct claims *claims_open(const struct claims_options *options);
/* Frees it once the loop has let go of its timer. */
void claims_close(struct claims *c);
void claims_set_settings(struct claims *c, const struct settings *settings);

/* The lease is held: claims at once, and from now on. */
void claims_start(struct claims *c);
/* The lease is lost: begins no claim before claims_start. */
void claims_pause(struct claims *c);
/* The queue is not there: as claims_pause, and no answer will come. */
void claims_down(struct claims *c);
/* Begins no claim any more: the daemon shuts down. */
void claims_end(struct claims *c);

/* Something may be waiting: claims now, or as soon as there is room. */
void claims_look(struct claims *c);
/* A run ended or a worker became free: there may be room. */
void claims_run_ended(struct claims *c);
/* Whether owners are limited, as the tick tells: then a claim counts their
 * runs. */
void claims_set_quotas(struct claims *c, bool quotas);

/* Says whether a claim's answer is still to come. */
bool claims_under_way(const struct claims *c);
/* Says whether no claim is under way and none is wanted. */
bool claims_idle(const struct claims *c);

#endif
