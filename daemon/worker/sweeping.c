/* SPDX-License-Identifier: MIT */
#include "worker/sweeping.h"

#include "place/place.h"
#include "worker/statements.h"

/* Clears away what the entries of a record name, and removes entries of which
 * nothing is left. Returns false when an entry failed. */
static bool sweep_record(struct services *services, const json_t *sources,
    json_t *list, int64_t *wait_ms, struct err *e)
{
	const struct place_lent lent = {.services = services};
	bool fine = true;
	size_t i = 0;

	while (i < json_array_size(list)) {
		const json_t *entry = json_array_get(list, i);
		int rc = place_sweep(&lent, entry, wait_ms, e);

		if (rc == 2)
			rc = statements_sweep(
			    services, sources, entry, wait_ms, e);
		if (rc == 0)
			json_array_remove(list, i);
		else
			i++;
		fine &= rc >= 0;
	}
	return fine;
}

void sweeping_run(const json_t *message, struct services *services,
    const bool *stopped, struct buf *out)
{
	json_t *runs = json_object_get(message, "runs"), *one;
	const json_t *sources = json_object_get(message, "sources");
	struct err e = {.kind = ERR_CANCELLED};
	int64_t wait_ms = INT64_MAX;
	bool failed = false;
	size_t i;

	(void)stopped;
	json_array_foreach(runs, i, one)
	{
		failed |= !sweep_record(services, sources,
		    json_object_get(one, "leftovers"), &wait_ms, &e);
	}
	/* A stopped clean-up is no failure; it continues a little later. */
	message_swept(out, json_int(message, "run_id", 0), runs,
	    wait_ms == INT64_MAX ? 0 : wait_ms,
	    failed && e.kind != ERR_CANCELLED ? e.text : NULL);
}

void sweeping_decline(const json_t *message, struct buf *out)
{
	message_swept(out, json_int(message, "run_id", 0),
	    json_object_get(message, "runs"), 0, NULL);
}
