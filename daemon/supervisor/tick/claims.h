/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_TICK_CLAIMS_H
#define SUPERVISOR_TICK_CLAIMS_H

#include <stdbool.h>
#include <uv.h>

#include "base/log.h"
#include "settings/settings.h"
#include "supervisor/queue/queue.h"
#include "supervisor/runs/runs.h"
#include "supervisor/tick/lease.h"

/*
 * Takes waiting jobs from the queue for this daemon and hands them to the runs.
 * Only one claim is under way at a time. It asks for as many jobs as there is
 * room for, and another claim follows while more jobs are likely to wait. When
 * other daemons hold rows that a claim saw, it is repeated after a wait that
 * grows. When the server refuses a claim, the reports that cannot be claimed
 * are found and ended, so that they do not block the others.
 */
struct claims;

/* Calls to the owner, which come from the loop while the answer to a claim is
 * handled. */
struct claims_events {
	/* A claim was answered, and the runs of its jobs have started. */
	void (*answered)(void *arg);
	/* After `answered`, if the claim took all jobs that waited: another
	 * report may be due next. */
	void (*taken)(void *arg);
	/* After `answered`, if no job waited. */
	void (*none_left)(void *arg);
	/* After claims_end: the answer to the last claim has arrived, or the
	 * claim failed. */
	void (*last)(void *arg);
};

struct claims_options {
	uv_loop_t *loop;
	const struct log *log;
	struct queue *queue;
	struct lease *lease;
	struct runs *runs;
	const struct settings *settings;
	const struct claims_events *events;
	void *arg;
};

struct claims *claims_open(const struct claims_options *options);
/* Closes the claims, which are freed once the loop has closed their timer. */
void claims_close(struct claims *c);
void claims_set_settings(struct claims *c, const struct settings *settings);

/* The lease is held: claims at once, and later as needed. */
void claims_start(struct claims *c);
/* The lease is lost: sends no claim before the next claims_start. */
void claims_pause(struct claims *c);
/* The queue is not up: as claims_pause, and the answer to a claim under way
 * will not come. */
void claims_down(struct claims *c);
/* Sends no claim any more, for the shutdown. */
void claims_end(struct claims *c);

/* Jobs may be waiting: claims now, or as soon as there is room. */
void claims_look(struct claims *c);
/* A run ended or a worker became free: there may be room. */
void claims_run_ended(struct claims *c);
/* Tells, from the tick, whether owners have quotas; if so, a claim counts their
 * runs. */
void claims_set_quotas(struct claims *c, bool quotas);

/* Says whether a claim's answer is still to come. */
bool claims_under_way(const struct claims *c);
/* Says whether no claim is under way and none is wanted. */
bool claims_idle(const struct claims *c);

#endif
