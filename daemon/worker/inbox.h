/* SPDX-License-Identifier: MIT */
#ifndef WORKER_INBOX_H
#define WORKER_INBOX_H

#include "protocol.h"
#include "services/services.h"

/*
 * Errand MSG_INBOX: one step in a turn of the inbox, see reportd.inbox_step() in
 * sql/upgrade. The message has the source, packed, in "source", "table" and "columns" of
 * the settings, "limit": ms for one statement, "until": boot clock, ms, after which none is
 * sent, and either
 *
 *	"read": true, "after": ID, "pending": bool
 *	    -> "rows", "last", "nameless", "unreadable", "more", "pending": see
 *	       struct inbox_page
 *	"tell": [{"id", "revision", "status", "message", "output", "shared",
 *	          "stoppable"}]
 *	    -> "told": [[id, revision]] of the first of them, or of all; "aside":
 *	       {id: text}, see struct inbox_told
 *
 * On failure the answer is "error", a text, and "over": true when no statement of the step
 * can still run in the source. A step that was stopped answers "again": true, and "over".
 */
void inbox_run(const json_t *message, struct services *services,
    const bool *stopped, struct buf *out);
void inbox_decline(const json_t *message, struct buf *out);
bool inbox_repeats(const json_t *message);

#endif
