/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_RUNS_LIFE_H
#define SUPERVISOR_RUNS_LIFE_H

#include <stdbool.h>

/*
 * The life of a run in this daemon's hands, from its claim to the database's word
 * that its result is recorded. All that a run may do next follows from its state:
 * life_next is the only way from one to another.
 */
enum life {
	LIFE_NONE,      /* the table's word for "not now" */
	LIFE_WAITING,   /* for a worker */
	LIFE_AT_WORKER, /* the worker is at it, or has it in line behind others */
	LIFE_RECALLED,   /* in line, asked back unless it has begun */
	LIFE_STOPPING,   /* told to stop; its result is waited for */
	LIFE_ASKS,       /* its output is whole, the question must be sent */
	LIFE_ASKED,      /* the database is asked whether it may publish */
	LIFE_PUBLISHING, /* its worker was told to publish; its result is next */
	LIFE_DENIED,     /* its worker was told not to; its result is next */
	LIFE_ENDED,      /* its result must be sent to the database */
	LIFE_RECORDING,  /* the database is asked to record it */
	LIFE_UNRECORDED, /* that failed; it is sent again a while later */
	LIFE_OVER,
	LIFE_COUNT
};

enum life_event {
	LIFE_GIVEN,   /* a worker took it */
	LIFE_RECALL,  /* its line does not move: back, for another worker */
	LIFE_STOP,    /* it is cancelled, given back, lost or out of time */
	LIFE_ASK,     /* the worker asks whether it may publish */
	LIFE_SEND,    /* the question, or the result, leaves for the database */
	LIFE_YES,     /* the answer: it may publish */
	LIFE_NO,      /* it may not */
	LIFE_UNHEARD, /* no answer: the question, or the result, is sent anew */
	LIFE_ANEW,    /* its worker had not begun: it waits for another one */
	LIFE_END,     /* it has a result */
	LIFE_LATER,   /* the database could not record it now */
	LIFE_RECORDED, /* it is recorded, or somebody else's */
	LIFE_EVENTS
};

/* LIFE_NONE: the event changes nothing for a run in this state. */
enum life life_next(enum life state, enum life_event event);

/* The worker's time is not spent on it any more, its output waits there. */
bool life_is_held(enum life state);
/* A worker has it, whatever it does with it. */
bool life_is_at_worker(enum life state);
/* What is left is to have its result recorded. */
bool life_has_ended(enum life state);

#endif
