/* SPDX-License-Identifier: MIT */
#ifndef WORKER_SWEEPING_H
#define WORKER_SWEEPING_H

#include "protocol.h"
#include "services/services.h"

/*
 * Errand MSG_SWEEP: clears away what the runs "runs" have left in places and in
 * sources. The answer has the same runs with what is still left of them.
 */
void sweeping_run(const json_t *message, struct services *services,
    const bool *stopped, struct buf *out);
void sweeping_decline(const json_t *message, struct buf *out);

#endif
