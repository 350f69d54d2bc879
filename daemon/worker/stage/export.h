/* SPDX-License-Identifier: MIT */
#ifndef WORKER_STAGE_EXPORT_H
#define WORKER_STAGE_EXPORT_H

#include "worker/job.h"

/* Streams export_sql through the encoders into their places, where all of
 * it is whole and safe, but not visible: job->unpublished. */
int stage_export(struct job *job, struct err *e);

/* Makes it visible; see job_publish. */
int stage_publish(struct job *job, struct err *e);

#endif
