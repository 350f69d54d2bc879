/* SPDX-License-Identifier: MIT */
#ifndef WORKER_STAGE_EXPORT_H
#define WORKER_STAGE_EXPORT_H

#include "worker/stage/stage.h"

/* Streams export_sql through the encoders into their places, where all of
 * it is whole and safe, but not visible: outcome.unpublished. */
extern const struct stage stage_export;

/* Makes it visible; see job_publish. */
int stage_publish(struct job *job, struct err *e);

#endif
