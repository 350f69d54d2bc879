/* SPDX-License-Identifier: MIT */
#ifndef WORKER_STAGE_RESULT_H
#define WORKER_STAGE_RESULT_H

#include "worker/stage/stage.h"

/* Runs result_sql in the snapshot that the export has read, and keeps its one row
 * as the result of the request: outcome.result. */
extern const struct stage stage_result;

#endif
