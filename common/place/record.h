/* SPDX-License-Identifier: MIT */
#ifndef PLACE_RECORD_H
#define PLACE_RECORD_H

#include "base/json.h"

/*
 * The record of the things that this process would leave in a place if it died
 * now, such as an unfinished upload. A reader of the record can remove them
 * (place_sweep). Entries that name no place belong to others: see
 * worker/statements.h and worker/unloads.h.
 *
 * `list` is [{"place", "id", "at"}]: the address, the place's own name of the
 * thing, and the time when it was begun, in seconds since 1970. An entry
 * without an id may stand for a real thing, too: the answer that contained the
 * id may have been lost.
 */
struct place_record {
	json_t *list; /* NULL: empty so far; the record's owner frees it */
	/* Called when an entry was added or got its id, before the place does
	 * anything else. So the announced record never lacks a thing that
	 * exists. */
	void (*announce)(void *arg);
	void *arg;
};

/* Note that a thing is about to be begun at the address (begins), that it has
 * got an id (made), and that it exists no longer (over; id NULL: that it was not
 * begun after all). r NULL: no record is kept. */
void place_record_begins(struct place_record *r, const char *address);
void place_record_made(
    struct place_record *r, const char *address, const char *id);
void place_record_over(
    struct place_record *r, const char *address, const char *id);

/* Adds an entry of others, which has a text by a name of their own in place of
 * "place" and begins now; announces nothing. json_index_of() finds it. */
void place_record_add(
    struct place_record *r, const char *name, const char *text);

#endif
