/* SPDX-License-Identifier: MIT */
#ifndef WORKER_ARRIVAL_H
#define WORKER_ARRIVAL_H

#include "protocol.h"
#include "services/services.h"

/*
 * Errand MSG_WATCH: waits, at most "wait" ms, until a file arrives in the
 * folder of one of the patterns "paths", or in a folder below it where files of
 * the pattern may lie. The answer has in "paths" the patterns whose folders
 * have changed, and "marks" for the next errand, which finds by them what
 * changed between the two; "error" names the folders that are not watched. A
 * path without a mark counts as changed. The answer is a hint: only listings
 * find the files.
 */
void arrival_run(const json_t *message, struct services *services,
    const bool *stopped, struct buf *out);
void arrival_decline(const json_t *message, struct buf *out);

#endif
