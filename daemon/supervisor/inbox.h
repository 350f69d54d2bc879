/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_INBOX_H
#define SUPERVISOR_INBOX_H

#include "settings/settings.h"
#include "supervisor/errands.h"
#include "supervisor/queue/queue.h"

/*
 * The inbox of the settings. When the queue says that a turn is due, a worker reads the
 * table page by page and writes back what has changed; after each step the queue says
 * what is next (sql/upgrade). One daemon at a time holds the turn.
 */
struct inbox;

struct inbox_events {
	/* A turn has ended: reports may be due now, and a daemon that waited
	 * for the turn may end. */
	void (*ended)(void *arg);
	const char *(*worker_id)(void *arg); /* NULL: no lease is held */
};

struct inbox_options {
	uv_loop_t *loop;
	const struct log *log;
	struct queue *queue;
	struct errands *errands;
	const struct settings *settings;
	const struct inbox_events *events;
	void *arg;
};

struct inbox *inbox_open(const struct inbox_options *options);
/* Closes the timer; frees *i later, in the loop. After errands_close. */
void inbox_close(struct inbox *i);
void inbox_set_settings(struct inbox *i, const struct settings *settings);

/* Asks the queue for a turn: the daemon holds its lease, or a notification has
 * come. */
void inbox_look(struct inbox *i);
/* A run has ended: something may have to be written back. */
void inbox_run_ended(struct inbox *i);
/* The queue is not up: answers that were awaited do not come. */
void inbox_down(struct inbox *i);
/* Takes no more turns. The one in hand ends with its step, or at once if the
 * step has not begun. To be called after errands_retire, since which such a
 * step would never begin. */
void inbox_retire(struct inbox *i);
/* Stops the step in hand, after inbox_retire; the second call kills its worker. */
void inbox_release(struct inbox *i);
/* Says whether a turn is in hand, or may be once the queue has answered. */
bool inbox_is_busy(const struct inbox *i);
/* Says whether a daemon may end as far as the inbox is concerned: all that is
 * to be written back was written, or cannot be now. Otherwise it asks for a
 * turn at once, whose end calls `ended`. */
bool inbox_is_settled(struct inbox *i);

#endif
