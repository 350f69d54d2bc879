/* SPDX-License-Identifier: MIT */
#ifndef WORKER_STAGE_STAGE_H
#define WORKER_STAGE_STAGE_H

#include "worker/job.h"

/*
 * A part of a job's work. All stages that the job needs are prepared before the
 * first one runs. Then they run in the order of the table in stage.c, each in
 * the session as the stage before left it.
 */
struct stage {
	const char *name; /* in errors, and in report_run.error_stage */
	/* key of the row's text that the stage runs, for advice when it
	 * fails */
	const char *sql;
	bool reads_only; /* runs in a READ ONLY transaction */

	bool (*wanted)(const struct job *job);
	/* Fills in parameters and finds every error that can be found before
	 * anything runs. */
	int (*prepare)(struct job *job, struct err *e);
	int (*run)(struct job *job, struct err *e);
};

/* Returns the i-th stage, NULL after the last. */
const struct stage *stage_at(int i);

#endif
