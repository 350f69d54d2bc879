/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_OUTBOX_ITEM_H
#define SUPERVISOR_OUTBOX_ITEM_H

#include "base/buf.h"
#include "supervisor/outbox.h"

/* Bytes: limit of a statement's parameter, and of a result. */
#define BATCH_MAX (1u << 20)

/*
 * The parts that the two files of the outbox share: outbox.c claims notices and
 * has them delivered, outbox_record.c has their outcomes recorded.
 */

enum state {
	DELIVERING, /* an errand delivers it */
	ENDED,      /* the result waits to be sent to the database */
	RECORDING,  /* the database records the result now */
	UNRECORDED, /* recording failed; it is repeated later */
};

struct item {
	struct errand errand;
	struct item *next;
	struct outbox *outbox;
	int64_t id, run_id, attempt;
	char *channel, *recipient;
	/* the outcome, as message_notice_done of protocol.h writes it */
	struct buf result;
	enum state state;
	/* boot clock, ms: recording is not repeated earlier */
	int64_t again_ms;
	bool released; /* stopped by a shutdown: the attempt does not count */
	bool lost;     /* another daemon has taken it over */
	/* the database could not store the result; it is sent again with texts in
	 * ASCII */
	bool plain;
	/* a statement with its result failed: it is sent alone */
	bool suspect;
};

struct outbox {
	struct outbox_options o;
	struct item *list, **end;
	int count; /* notices in `list` that are not lost */
	bool running, stopping;
	bool claiming, recording;
	bool want;   /* notices may be due */
	bool hungry; /* a lane is running out of notices */
	uv_timer_t check;
	uv_prepare_t turn;
	int handles; /* how many of the two handles are closed */
};

/* outbox.c */
/* Forgets a notice that is recorded or lost. */
void outbox_drop(struct outbox *o, struct item *item);
/* Claims notices if some may be due and there is room. */
void outbox_claim(struct outbox *o);

/* outbox_record.c */
/* Sends all ended results in one statement, if none is under way. */
void outbox_record(struct outbox *o);

#endif
