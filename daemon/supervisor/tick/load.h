/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_TICK_LOAD_H
#define SUPERVISOR_TICK_LOAD_H

#include "base/log.h"
#include "settings/settings.h"
#include "supervisor/queue/queue.h"

/* Metrics of the queue in the log, see base/emf.h: one line a minute, when the
 * settings name a namespace for them. */
struct load {
	const struct log *log;
	struct queue *queue;
	const struct settings *settings; /* those in use */
};

/* Asks the queue, and writes the line when the answer comes. */
void load_tell(struct load *l);
/* Writes a line for `count` reports that ended FAILED outside the hands of this
 * daemon's workers; none when `count` is 0. A run in these hands has a line of
 * its own. */
void load_tell_failed(const struct settings *settings, int64_t count);

#endif
