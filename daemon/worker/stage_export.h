/* SPDX-License-Identifier: MIT */
#ifndef WORKER_STAGE_EXPORT_H
#define WORKER_STAGE_EXPORT_H

#include "worker/job.h"

/* Streams export_sql through the encoder into the destination. The output
 * becomes visible only when it is whole and job->may_publish agrees. */
int stage_export(struct job *job, struct err *e);

#endif
