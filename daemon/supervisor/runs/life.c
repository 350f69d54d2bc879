/* SPDX-License-Identifier: MIT */
#include "supervisor/runs/life.h"

#define TO(event, state) [LIFE_##event] = LIFE_##state

static const unsigned char table[LIFE_COUNT][LIFE_EVENTS] = {
    [LIFE_WAITING] = {TO(GIVEN, AT_WORKER), TO(END, ENDED)},
    [LIFE_AT_WORKER] = {TO(RECALL, RECALLED), TO(STOP, STOPPING), TO(ASK, ASKS),
	TO(ANEW, WAITING), TO(END, ENDED)},
    /* A recalled run that asks had begun after all. */
    [LIFE_RECALLED] = {TO(STOP, STOPPING), TO(ASK, ASKS), TO(ANEW, WAITING),
	TO(END, ENDED)},
    [LIFE_STOPPING] = {TO(ASK, DENIED), TO(ANEW, WAITING), TO(END, ENDED)},
    [LIFE_ASKS] = {TO(SEND, ASKED), TO(STOP, DENIED), TO(ANEW, WAITING),
	TO(END, ENDED)},
    [LIFE_ASKED] = {TO(YES, PUBLISHING), TO(NO, DENIED), TO(UNHEARD, ASKS),
	TO(STOP, DENIED), TO(ANEW, WAITING), TO(END, ENDED)},
    /* A worker that got the answer too late asks again. The worker may have
     * made the output visible, so the run does not wait for another worker, and
     * a stop is only passed on to the worker. */
    [LIFE_PUBLISHING] = {TO(ASK, ASKS), TO(STOP, PUBLISHING), TO(END, ENDED)},
    [LIFE_DENIED] = {TO(ASK, DENIED), TO(ANEW, WAITING), TO(END, ENDED)},
    [LIFE_ENDED] = {TO(SEND, RECORDING), TO(RECORDED, OVER)},
    [LIFE_RECORDING] = {TO(UNHEARD, ENDED), TO(LATER, UNRECORDED),
	TO(RECORDED, OVER)},
    [LIFE_UNRECORDED] = {TO(UNHEARD, ENDED), TO(RECORDED, OVER)},
};

enum life life_next(enum life state, enum life_event event)
{
	return (enum life)table[state][event];
}

bool life_is_held(enum life state)
{
	return state >= LIFE_ASKS && state <= LIFE_DENIED;
}

bool life_is_at_worker(enum life state)
{
	return state >= LIFE_AT_WORKER && state <= LIFE_DENIED;
}

bool life_has_ended(enum life state)
{
	return state >= LIFE_ENDED;
}
