/* SPDX-License-Identifier: MIT */
#ifndef WORKER_DELIVERY_H
#define WORKER_DELIVERY_H

#include "protocol.h"
#include "services/services.h"

/*
 * Errand MSG_NOTICE: delivers "notice" to its recipient and answers how that ended,
 * see struct notice_result.
 */
void delivery_run(const json_t *message, struct services *services,
    const bool *stopped, struct buf *out);
void delivery_decline(const json_t *message, struct buf *out);
/* Says whether the channel's receiver recognises a notice that comes twice. */
bool delivery_repeats(const json_t *message);

#endif
