/* SPDX-License-Identifier: MIT */
#ifndef SCALE_SCALE_H
#define SCALE_SCALE_H

#include <stdbool.h>

#include "base/json.h"
#include "services/services.h"
#include "source/postgres/pg.h"

/*
 * Decides once how many daemons there should be, and starts the tasks of ECS that
 * are missing. Only one process decides at a time: the turn is a row of the queue
 * that the daemon's role alone can take, for a minute at most. No task is ever
 * stopped: a daemon ends by itself (--idle-exit), by the same number
 * (reportd.scale_leave).
 *
 * The queue's login is a member of reportd_daemon. With dry_run nothing is
 * started, and nobody's turn is taken.
 */

/* Returns what was counted and done, which the caller releases:
 *
 *	{"due", "running", "oldest_due_s", "daemons", "tasks", "starting",
 *	 "wanted", "missing", "started", "failures": [text, ...], "action"}
 *
 * action: "enough", "started", "would start", "failed" (something is missing and
 * no task was started), or "busy", which stands alone: another process decides.
 * NULL with *e when the queue or ECS cannot be asked. */
json_t *scale_once(
    struct pg *queue, struct services *services, bool dry_run, struct err *e);

/* Checks that [scale] is set, and that the tasks of its family can be counted;
 * *count receives how many there are. */
int scale_check(struct services *services, int *count, struct err *e);

#endif
