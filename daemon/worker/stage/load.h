/* SPDX-License-Identifier: MIT */
#ifndef WORKER_STAGE_LOAD_H
#define WORKER_STAGE_LOAD_H

#include "worker/stage/stage.h"

/* Completes the outputs that hold locks, such as the table of a target, after
 * everything that reads the source: so neither the source's snapshot nor those
 * locks are held longer than they are needed. */
extern const struct stage stage_load;

#endif
