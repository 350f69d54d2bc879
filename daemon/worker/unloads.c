/* SPDX-License-Identifier: MIT */
#include "worker/unloads.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "worker/job.h"

/* ms for removing the objects of one run that died. */
#define SWEEP_MS 60000

bool unloads_has(const json_t *entry)
{
	return json_str(entry, "unload", NULL) != NULL;
}

void unloads_begin(struct job *job, const char *prefix)
{
	struct place_record *r = &job->outcome.record;

	/* A job has one unload. */
	if (json_index_of(r->list, "unload") < json_array_size(r->list))
		return;
	place_record_add(r, "unload", prefix);
	r->announce(r->arg);
}

/* The end is not announced: the job's result contains the new list. */
bool unloads_over(struct job *job)
{
	json_t *list = job->outcome.record.list;

	return json_array_remove(list, json_index_of(list, "unload")) == 0;
}

int unloads_sweep(const struct place_lent *lent, int64_t run_id,
    const json_t *entry, struct err *e)
{
	const char *prefix = json_str(entry, "unload", "");
	char own[32];
	size_t len = strlen(prefix);
	size_t own_len =
	    (size_t)snprintf(own, sizeof(own), "/%" PRId64 "/", run_id);

	/* Nothing else is ever removed, whatever the record says. */
	if (len < own_len || strcmp(prefix + len - own_len, own) != 0)
		return 0;
	return place_remove(lent, prefix, clock_boot_ms() + SWEEP_MS, e);
}
