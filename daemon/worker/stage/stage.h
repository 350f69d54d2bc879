/* SPDX-License-Identifier: MIT */
#ifndef WORKER_STAGE_STAGE_H
#define WORKER_STAGE_STAGE_H

#include "worker/job.h"

/*
 * A part of a job's work. All stages that the job wants are prepared before the
 * first one runs; then they run in the order of the table in stage.c, each in the
 * session that the one before has left.
 */
struct stage {
	const char *name; /* in errors, and in report_run.error_stage */
	/* The row's text that it runs, for advice when that fails. */
	const char *sql;
	bool reads_only; /* it runs in a READ ONLY transaction */

	bool (*wanted)(const struct job *job);
	/* Fills in parameters and says what can be said before anything runs. */
	int (*prepare)(struct job *job, struct err *e);
	int (*run)(struct job *job, struct err *e);
};

/* The i-th stage, NULL after the last. */
const struct stage *stage_at(int i);

#endif
