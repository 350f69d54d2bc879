/* SPDX-License-Identifier: MIT */
#ifndef WORKER_STAGE_STAGE_H
#define WORKER_STAGE_STAGE_H

#include "worker/job.h"

/*
 * A part of a job's work. All stages that the job needs are prepared before the
 * first one runs. Then they run in the order of the table in stage.c, each in
 * the session as the stage before left it.
 *
 * Stages that read share one READ ONLY transaction and so one snapshot. It
 * begins with the first statement of the first of them (source_query and
 * source_pass send it along), stays open while lent.reads_on says that another
 * stage reads, and is ended after the last. A stage that reads last may end it
 * itself, as early as it can. UNLOAD alone reads outside of it. A stage that
 * writes comes before all that read.
 */
struct stage {
	const char *name; /* in errors, and in report_run.error_stage */
	/* key of the row's text that the stage runs, for advice when it fails;
	 * NULL: it runs none */
	const char *sql;
	bool reads_only; /* reads the source in the transaction above */
	/* In a source without a snapshot it may read another state of the data
	 * than the other stages. */
	bool reads_apart;
	bool writes; /* runs scripts, which may change the source's session */
	/* Is prepared and runs before the job has a source, and before the other
	 * stages are prepared: they use what it brings. */
	bool before_source;

	/* Is asked before the job has a source, too. */
	bool (*wanted)(const struct job *job);
	/* Fills in parameters and finds every error that can be found before
	 * anything runs. */
	int (*prepare)(struct job *job, struct err *e);
	int (*run)(struct job *job, struct err *e);
	/* Optional: makes visible what `run` has stored; called when some stage
	 * has set outcome.unpublished. Returns 1 when the lease must be asked
	 * for again; then it is called again, and goes on where it was. */
	int (*publish)(struct job *job, struct err *e);
	/* Optional: removes what a failed job must not show. Called for any
	 * job that fails, also before the stage was prepared. */
	void (*abort)(struct job *job);
	/* Optional: called for every job at its very end, failed or not, after
	 * its result was sent. */
	void (*drop)(struct job *job);
};

/* Returns the i-th stage, NULL after the last. */
const struct stage *stage_at(int i);

#endif
