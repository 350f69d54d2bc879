/* SPDX-License-Identifier: MIT */
#ifndef WORKER_HEARING_H
#define WORKER_HEARING_H

#include "protocol.h"
#include "services/services.h"

/*
 * Waits for messages in the SQS queue of the settings, as an errand. The
 * request has "receipts", an array of those of earlier messages, which are
 * removed first. The answer has "heard" (false: wait before the next time; then
 * "error" gives the reason), "objects" (addresses of new objects), "receipts",
 * and "refused": messages that tell of no object, each of which is named when
 * it is received for the first time. The daemon does not remove these; the
 * queue's redrive policy moves them.
 */
void hearing_run(const json_t *message, struct services *services,
    const bool *stopped, struct buf *out);
void hearing_decline(const json_t *message, struct buf *out);

#endif
