/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_OUTBOX_ITEM_H
#define SUPERVISOR_OUTBOX_ITEM_H

#include "base/buf.h"
#include "supervisor/outbox.h"

/* Of a statement's parameter, or a result. */
#define BATCH_MAX (1u << 20)

/*
 * What the two files behind outbox.h share: outbox.c claims notices and has them
 * delivered, outbox_record.c has recorded what became of them.
 */

enum state {
	DELIVERING, /* with the errands */
	ENDED,      /* its result must be sent to the database */
	RECORDING,  /* the database is asked to record it */
	UNRECORDED, /* that failed; it is sent again a while later */
};

struct item {
	struct errand errand;
	struct item *next;
	struct outbox *outbox;
	int64_t id, run_id, attempt;
	char *channel, *recipient;
	struct buf result; /* a line of message_notice_done */
	enum state state;
	int64_t again_ms; /* boot clock: its record is not repeated before */
	bool released;    /* stopped: not counted */
	bool lost;        /* somebody else has it now */
	bool plain;       /* message_make_plain */
};

struct outbox {
	struct outbox_options o;
	struct item *list, **end;
	int count; /* without those that are lost */
	bool running, stopping;
	bool claiming, recording;
	bool want;   /* there may be some to claim */
	bool hungry; /* a lane comes to its last ones */
	uv_timer_t check;
	uv_prepare_t turn;
	int handles; /* closed ones of the two */
};

/* outbox.c */
/* The database has its word on it. */
void outbox_drop(struct outbox *o, struct item *item);
/* Claims if there may be some and there is room. */
void outbox_claim(struct outbox *o);

/* outbox_record.c */
/* Sends what has ended, in one statement, if none is under way. */
void outbox_record(struct outbox *o);

#endif
