/* SPDX-License-Identifier: MIT */
#ifndef WORKER_STAGE_COPY_H
#define WORKER_STAGE_COPY_H

#include "worker/stage/stage.h"

/* Copies the CSV files of the only input into the table of a target, as they are:
 * the stage of a report that has a target and no export_sql. */
extern const struct stage stage_copy;

#endif
