/* SPDX-License-Identifier: MIT */
#ifndef PLACE_RECORD_H
#define PLACE_RECORD_H

#include "base/json.h"

/*
 * The record of what this process would leave behind if it died now, such as an
 * upload that is under way: whoever reads it can end that (place_sweep).
 *
 * `list` is [{"place", "id", "at"}]: the address, the place's own name for it and
 * when it was begun, in seconds since 1970. An entry without an id may stand for
 * something all the same: the answer that held the id was lost.
 */
struct place_record {
	json_t *list; /* NULL: empty so far; freed by the record's owner */
	/* Called when an entry came or got its id, before the place does
	 * anything else: what is known outside is never less than what is
	 * there. */
	void (*announce)(void *arg);
	void *arg;
};

/* Something is about to begin at the address, has an id, is over. Accepts NULL:
 * nobody keeps a record. */
void place_record_begins(struct place_record *r, const char *address);
void place_record_made(
    struct place_record *r, const char *address, const char *id);
void place_record_over(
    struct place_record *r, const char *address, const char *id);

#endif
