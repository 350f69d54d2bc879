/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_SWEEPS_H
#define SUPERVISOR_SWEEPS_H

#include "supervisor/errands.h"
#include "supervisor/queue/queue.h"

/*
 * Cleans up what runs that have ended have left in other systems: unfinished
 * uploads, and statements that a source still executes. An errand ends one batch
 * of them at a time; what it cannot end, or what is too young for that, is tried
 * again later.
 */
struct sweeps;

struct sweeps_options {
	const struct log *log;
	struct queue *queue;
	struct errands *errands;
	const struct settings *settings;
};

struct sweeps *sweeps_open(const struct sweeps_options *options);
/* To be called after errands_close. */
void sweeps_free(struct sweeps *s);

/* Uses new settings after a reload. */
void sweeps_set_settings(struct sweeps *s, const struct settings *settings);

/* Starts to clean these up, unless a clean-up is running or one was
 * tried shortly before. `leftovers`: JSON, [{"run_id", "leftovers"}]; NULL:
 * none. */
void sweeps_look(struct sweeps *s, const char *leftovers);

#endif
