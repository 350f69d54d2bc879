/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_OUTBOX_H
#define SUPERVISOR_OUTBOX_H

#include <stdbool.h>
#include <uv.h>

#include "base/log.h"
#include "settings/settings.h"
#include "supervisor/errands.h"
#include "supervisor/queue/queue.h"

/*
 * Notices in the daemon's hands, from their claim until the database has
 * recorded their end. An errand delivers each of them; the outcomes are
 * gathered and recorded together in one statement.
 */
struct outbox;

struct outbox_events {
	/* No notice is in hand any more, and no claim is under way. */
	void (*idle)(void *arg);
	/* A notice will be tried again. */
	void (*due_again)(void *arg);
	/* Returns the daemon's worker_id, by which the database recognises its
	 * claims; NULL while it has none. */
	const char *(*worker_id)(void *arg);
};

struct outbox_options {
	uv_loop_t *loop;
	const struct log *log;
	struct queue *queue;
	struct errands *errands;
	const struct settings *settings;
	const struct outbox_events *events;
	void *arg;
};

struct outbox *outbox_open(const struct outbox_options *options);
void outbox_close(struct outbox *o);
/* Uses new settings after a reload. */
void outbox_set_settings(struct outbox *o, const struct settings *settings);

/* The lease is held: claims notices, and records outcomes that could not be
 * recorded before. */
void outbox_start(struct outbox *o);
/* Notices are due: claims them. */
void outbox_look(struct outbox *o);
/* Return the number of notices in hand, and whether a claim may still bring
 * some. */
int outbox_count(const struct outbox *o);
bool outbox_claiming(const struct outbox *o);
/* The lease is lost: other daemons have taken the notices over. */
void outbox_lose(struct outbox *o);

/* Begins the shutdown: claims no more notices, and gives back those whose
 * delivery has not begun. */
void outbox_stop(struct outbox *o);
/* Then stops running deliveries and gives their notices back without counting
 * the attempt. The second call kills their workers. */
void outbox_release(struct outbox *o);

#endif
