/* SPDX-License-Identifier: MIT */
#ifndef WORKER_STAGE_PREP_H
#define WORKER_STAGE_PREP_H

#include "worker/stage/stage.h"

/* Runs prep_sql on the source and commits it, so that the export, and other
 * sessions, see its changes. */
extern const struct stage stage_prep;

#endif
