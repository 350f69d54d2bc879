/* SPDX-License-Identifier: MIT */
#include "worker/statements.h"

#include "base/clock.h"
#include "worker/job.h"

/* Seconds: a statement that its server does not know by then never reached it. */
#define LATE_S 600
/* ms between two questions about a statement that is not known yet. */
#define AGAIN_MS 10000

static int64_t now_s(void)
{
	return clock_wall_us() / 1000000;
}

/* The end is not announced: the job's result contains the new list. */
void statements_started(void *arg, const char *handle)
{
	struct job *job = arg;
	struct place_record *r = &job->outcome.record;
	/* A job has one statement at a time. */
	size_t i = json_index_of(r->list, "source");

	if (handle == NULL) {
		json_array_remove(r->list, i);
		return;
	}
	if (i == json_array_size(r->list))
		place_record_add(r, "source", job->asked.source_name);
	json_object_set_new(
	    json_array_get(r->list, i), "id", json_string(handle));
	r->announce(r->arg);
}

/* Returns as source_cancel does. */
static int cancel(struct services *services, const char *packed,
    const char *handle, struct err *e)
{
	const struct source_reach reach = services_reach(services);
	struct source_settings *from = settings_unpack_source(packed, e);
	int rc = -1;

	if (from == NULL)
		return -1;
	rc = source_cancel(&(struct source_how){.config = from->config,
			       .reach = &reach,
			       .watch = services_watch(services)},
	    handle, e);
	if (rc < 0)
		err_wrap(e, "source \"%s\"", from->name);
	settings_free_source(from);
	return rc;
}

int statements_sweep(struct services *services, const json_t *sources,
    const json_t *entry, int64_t *wait_ms, struct err *e)
{
	const char *packed =
	    json_str(sources, json_str(entry, "source", ""), NULL);
	int rc;

	if (packed == NULL)
		return 2;
	rc = cancel(services, packed, json_str(entry, "id", ""), e);
	if (rc == 1 && now_s() > json_int(entry, "at", 0) + LATE_S)
		return 0;
	if (rc == 1 && *wait_ms > AGAIN_MS)
		*wait_ms = AGAIN_MS;
	return rc;
}
