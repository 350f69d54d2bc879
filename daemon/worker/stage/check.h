/* SPDX-License-Identifier: MIT */
#ifndef WORKER_STAGE_CHECK_H
#define WORKER_STAGE_CHECK_H

#include "worker/stage/stage.h"

/*
 * Asks the report's checks of the source, in the transaction and the snapshot
 * that the export reads. Rows that fail are counted by the source. The job ends
 * here when the verdict is against it (verdict.h), or with the first check that
 * cannot be asked, which is an error and never a pass.
 */
extern const struct stage stage_check;

/* Asks the checks about the files of inputs, as soon as these are there and
 * before anything runs in the source. */
extern const struct stage stage_check_files;

/* Asks the checks about the rows that are on their way into the table of a target,
 * in the target's session, after the source's transaction has ended and before the
 * table is touched. */
extern const struct stage stage_check_target;

#endif
