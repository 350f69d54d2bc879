/* SPDX-License-Identifier: MIT */
#ifndef WORKER_PIPELINE_H
#define WORKER_PIPELINE_H

#include "worker/job.h"

/* A job's way through the stages that it needs, in the order of their table
 * (stage/stage.h), which decides everything here. */

/* Says whether some stage of the job works in its source. */
bool pipeline_needs_source(const struct job *job);
/* Says whether no stage of the job changes the session of its source. */
bool pipeline_only_reads(const struct job *job);

/* Runs the stages that come before the job has a source. With outcome.idle
 * there is nothing else to do. */
int pipeline_bring(struct job *job, struct err *e);
/* Checks everything and prepares all stages before the first one runs; needs
 * lent.source where a stage does. */
int pipeline_prepare(struct job *job, struct err *e);
/* Runs the stages. On error outcome.stage is the stage that failed. With
 * outcome.unpublished something is stored but not visible yet. */
int pipeline_run(struct job *job, struct err *e);
/* Makes visible what the stages have stored. Returns 1 when the lease must be
 * asked for again before it can continue. */
int pipeline_publish(struct job *job, struct err *e);
/* Removes what a failed job would show or leave. To be called before its result
 * is sent, which lists what is left. */
void pipeline_abort(struct job *job);
/* Removes what no reader needs, after the end of any job. */
void pipeline_drop(struct job *job);

#endif
