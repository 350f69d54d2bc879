/* SPDX-License-Identifier: MIT */
#ifndef WORKER_LISTING_H
#define WORKER_LISTING_H

#include "protocol.h"
#include "services/services.h"

/*
 * Errand MSG_LIST: finds files of a pattern ("path"), only those after the
 * address "after" if there is one. The answer has "files", the text of a JSON
 * array for sql/queue/listed.sql; "looked", the number of names that were
 * looked at; "next", where another listing goes on; "error"; or "again": it was
 * stopped before its end.
 */
void listing_run(const json_t *message, struct services *services,
    const bool *stopped, struct buf *out);
void listing_decline(const json_t *message, struct buf *out);

#endif
