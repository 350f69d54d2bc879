/* SPDX-License-Identifier: MIT */
#ifndef WORKER_MOVING_H
#define WORKER_MOVING_H

#include "protocol.h"
#include "services/services.h"

/*
 * Errand MSG_MOVE: moves files ("files", made by sql/queue/moves.sql) into the
 * archive or the quarantine of their inputs. The answer has "results" for
 * sql/queue/moved.sql; files that the errand did not come to are not in it.
 */
void moving_run(const json_t *message, struct services *services,
    const bool *stopped, struct buf *out);
void moving_decline(const json_t *message, struct buf *out);

#endif
