/* SPDX-License-Identifier: MIT */
#include "worker/sweeping.h"

#include "place/place.h"
#include "worker/statements.h"
#include "worker/unloads.h"

struct sweeping {
	struct services *services;
	const json_t *sources; /* packed settings, by name */
	int64_t wait_ms;       /* until the next look; INT64_MAX: none */
};

static int sweep_entry(
    struct sweeping *s, int64_t run_id, const json_t *entry, struct err *e)
{
	const struct place_lent lent = {.services = s->services};
	int rc;

	if (unloads_has(entry))
		return unloads_sweep(&lent, run_id, entry, e);
	rc = place_sweep(&lent, entry, &s->wait_ms, e);
	return rc != 2 ? rc
		       : statements_sweep(
			     s->services, s->sources, entry, &s->wait_ms, e);
}

/* Clears away what the entries of a record name, unloads or all others, and removes
 * entries of which nothing is left. Returns false when an entry failed. */
static bool sweep_some(struct sweeping *s, int64_t run_id, json_t *list,
    bool unloads, struct err *e)
{
	bool fine = true;
	size_t i = 0;

	while (i < json_array_size(list)) {
		const json_t *entry = json_array_get(list, i);
		int rc = 1;

		if (unloads_has(entry) == unloads)
			rc = sweep_entry(s, run_id, entry, e);
		if (rc == 0)
			json_array_remove(list, i);
		else
			i++;
		fine &= rc >= 0;
	}
	return fine;
}

static bool has_only_unloads(const json_t *list)
{
	size_t i = 0;

	while (
	    i < json_array_size(list) && unloads_has(json_array_get(list, i)))
		i++;
	return i == json_array_size(list);
}

/* A statement that goes on would write new objects. */
static bool sweep_record(
    struct sweeping *s, int64_t run_id, json_t *list, struct err *e)
{
	return sweep_some(s, run_id, list, false, e) &&
	       (!has_only_unloads(list) ||
		   sweep_some(s, run_id, list, true, e));
}

void sweeping_run(const json_t *message, struct services *services,
    const bool *stopped, struct buf *out)
{
	json_t *runs = json_object_get(message, "runs"), *one;
	struct sweeping s = {.services = services,
	    .sources = json_object_get(message, "sources"),
	    .wait_ms = INT64_MAX};
	struct err e = {.kind = ERR_CANCELLED};
	bool failed = false;
	size_t i;

	(void)stopped;
	json_array_foreach(runs, i, one)
	{
		failed |= !sweep_record(&s, json_int(one, "run_id", 0),
		    json_object_get(one, "leftovers"), &e);
	}
	/* A stopped clean-up is no failure; it continues a little later. */
	message_swept(out, json_int(message, "run_id", 0), runs,
	    s.wait_ms == INT64_MAX ? 0 : s.wait_ms,
	    failed && e.kind != ERR_CANCELLED ? e.text : NULL);
}

void sweeping_decline(const json_t *message, struct buf *out)
{
	message_swept(out, json_int(message, "run_id", 0),
	    json_object_get(message, "runs"), 0, NULL);
}
