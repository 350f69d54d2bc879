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
 * Notices, from claim to the database's word that their end is recorded. Each is
 * delivered by an errand; what became of them is gathered and recorded in one
 * statement.
 */
struct outbox;

struct outbox_events {
	/* The last notice in hand is done with, and no claim is under way. */
	void (*idle)(void *arg);
	/* One will be due again: another try. */
	void (*due_again)(void *arg);
	/* The daemon's identity, half of the fence; NULL while it has none. */
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
/* After a reload. */
void outbox_set_settings(struct outbox *o, const struct settings *settings);

/* The lease is held: claims, and records what could not be recorded before. */
void outbox_start(struct outbox *o);
/* Some are due. */
void outbox_look(struct outbox *o);
/* Notices in hand; and whether a claim may still bring some. */
int outbox_count(const struct outbox *o);
bool outbox_claiming(const struct outbox *o);
/* The lease is lost: others have taken them over. */
void outbox_lose(struct outbox *o);

/* Shutdown: claims no more, and gives back what has not begun. */
void outbox_stop(struct outbox *o);
/* Then: stops those under way and gives them back, too, not counted. Called
 * again it kills. */
void outbox_release(struct outbox *o);

#endif
