/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_SWEEPS_H
#define SUPERVISOR_SWEEPS_H

#include "settings/settings.h"
#include "supervisor/errands.h"
#include "supervisor/queue/queue.h"

/*
 * Uploads to S3 that runs which are over have left behind. An errand ends them, one
 * batch at a time; what it cannot end now is tried again a while later.
 */
struct sweeps;

struct sweeps_options {
	const struct log *log;
	struct queue *queue;
	struct errands *errands;
	const struct settings *settings;
};

struct sweeps *sweeps_open(const struct sweeps_options *options);
/* After errands_close. */
void sweeps_free(struct sweeps *s);
/* After a reload. */
void sweeps_set_settings(struct sweeps *s, const struct settings *settings);

/* `leftovers`: [{"run_id", "uploads"}]; NULL: none. */
void sweeps_look(struct sweeps *s, const char *leftovers);

#endif
