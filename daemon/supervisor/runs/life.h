/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_RUNS_LIFE_H
#define SUPERVISOR_RUNS_LIFE_H

#include <stdbool.h>

/*
 * The life of a run in this daemon's hands, from its claim until the database
 * has recorded its result. The state of a run decides everything that may
 * happen to it next; life_next is the only way from one state to another.
 */
enum life {
	LIFE_NONE,       /* no such step, see life_next */
	LIFE_WAITING,    /* waits for a worker */
	LIFE_AT_WORKER,  /* a worker executes it, or has it in line */
	LIFE_RECALLED,   /* in line, recalled unless it has begun */
	LIFE_STOPPING,   /* told to stop, its result is awaited */
	LIFE_ASKS,       /* its output is complete, the question must be sent */
	LIFE_ASKED,      /* the database decides whether it may publish */
	LIFE_PUBLISHING, /* its worker must publish, then sends the result */
	LIFE_DENIED,    /* its worker must not publish, then sends the result */
	LIFE_ENDED,     /* its result must be sent to the database */
	LIFE_RECORDING, /* the database records its result */
	LIFE_UNRECORDED, /* recording failed, it is repeated later */
	LIFE_OVER,
	LIFE_COUNT
};

enum life_event {
	LIFE_GIVEN, /* a worker took the run */
	/* its worker's line does not move: back to wait for another worker */
	LIFE_RECALL,
	LIFE_STOP, /* the run is cancelled, given back, lost or timed out */
	LIFE_ASK,  /* the worker asks whether it may publish */
	LIFE_SEND, /* the question or the result is sent to the database */
	LIFE_YES,  /* the database's answer: it may publish */
	LIFE_NO,   /* the database's answer: it may not publish */
	/* no answer came: the question or the result is sent again */
	LIFE_UNHEARD,
	LIFE_ANEW,     /* its worker had not begun: waits for another worker */
	LIFE_END,      /* the run has a result */
	LIFE_LATER,    /* the database cannot record it now */
	LIFE_RECORDED, /* it is recorded, or belongs to another daemon */
	LIFE_EVENTS
};

/* Returns the state after the event; LIFE_NONE: the event changes nothing for a
 * run in this state. */
enum life life_next(enum life state, enum life_event event);

/* Says whether the worker has executed the run and holds its output. */
bool life_is_held(enum life state);
/* Says whether a worker has the run, in line, at work or as a held output. */
bool life_is_at_worker(enum life state);
/* Says whether only the recording of its result is left. */
bool life_has_ended(enum life state);

#endif
