/* SPDX-License-Identifier: MIT */
#ifndef WORKER_UNLOADS_H
#define WORKER_UNLOADS_H

#include "base/json.h"
#include "place/place.h"

/*
 * The objects of an unload whose manifest is not published yet. They stand in the
 * record of their job (place/record.h) as {"unload", "at"}: the address of the prefix
 * that they lie below, whose last segment is the number of the run, and the time when
 * it was begun, in seconds since 1970. A sweep removes those of processes that died.
 *
 * The entry is gone before the worker asks whether it may publish; the daemon's
 * answer also removes it from the queue. From then on somebody may read the
 * manifest, and needs the objects.
 */

struct job;

/* Notes that a server is about to write below this prefix, unless that is noted. */
void unloads_begin(struct job *job, const char *prefix);
/* Notes that the objects are removed, or that their manifest is to be published.
 * Returns false when the record has no unload. */
bool unloads_over(struct job *job);

bool unloads_has(const json_t *entry);
/* Removes the objects of a record's entry of this run. 0: none are left; -1: they
 * could not be removed; *e says why. */
int unloads_sweep(const struct place_lent *lent, int64_t run_id,
    const json_t *entry, struct err *e);

#endif
