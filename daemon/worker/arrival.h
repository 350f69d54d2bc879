/* SPDX-License-Identifier: MIT */
#ifndef WORKER_ARRIVAL_H
#define WORKER_ARRIVAL_H

#include "protocol.h"
#include "services/services.h"

/*
 * Errand MSG_WATCH: waits until a file arrives in the folder of one of the
 * patterns "paths", or in one within that files of the pattern may lie in, at most
 * "wait" ms. The answer has in "paths" the patterns whose folders have changed, and
 * "marks", which the next errand gets: by them it finds what changed between the
 * two; "error" says which folders are not listened to. A path without a mark counts as changed. It is a hint: what is there,
 * listings find out.
 */
void arrival_run(const json_t *message, struct services *services,
    const bool *stopped, struct buf *out);
void arrival_decline(const json_t *message, struct buf *out);

#endif
