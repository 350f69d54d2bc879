/* SPDX-License-Identifier: MIT */
#ifndef WORKER_STAGE_EXPORT_H
#define WORKER_STAGE_EXPORT_H

#include "worker/stage/stage.h"

/* Streams the result of export_sql through the encoders into the places of the
 * outputs, where the outputs are complete and stored at the end, but not
 * visible: outcome.unpublished. */
extern const struct stage stage_export;

/* Makes the outputs visible; see job_publish. */
int stage_publish(struct job *job, struct err *e);

#endif
