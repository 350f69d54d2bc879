/* SPDX-License-Identifier: MIT */
#include "worker/connections.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

static void forget(struct connection *c)
{
	source_close(c->source);
	free(c->type);
	free(c->conninfo);
	*c = (struct connection){0};
}

/* A connection for the job: the cached one, or a new one in the place that was
 * not used for the longest time. */
static struct connection *connect_source(
    struct connections *all, const struct job *job, bool *reused, struct err *e)
{
	struct connection *oldest = &all->place[0];

	for (int i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &all->place[i];

		if (c->source != NULL &&
		    strcmp(c->conninfo, job->conninfo) == 0 &&
		    strcmp(c->type, job->source_type) == 0) {
			if (source_alive(c->source)) {
				*reused = true;
				return c;
			}
			forget(c);
		}
		if (c->used_ms < oldest->used_ms)
			oldest = c;
	}
	forget(oldest);
	*reused = false;
	oldest->source = source_connect(
	    &(struct source_options){job->source_type, job->conninfo},
	    job->watch, e);
	if (oldest->source == NULL)
		return NULL;
	oldest->type = mem_strdup(job->source_type);
	oldest->conninfo = mem_strdup(job->conninfo);
	return oldest;
}

struct connection *connections_begin(
    struct connections *all, const struct job *job, struct err *e)
{
	struct job_session session = {.time_zone = job->time_zone,
	    .statement_timeout_ms = job->statement_timeout_ms,
	    .read_only = !job_has(job, "prep_sql")};
	struct connection *c;
	char name[64];
	bool reused;

	snprintf(name, sizeof(name), "reportd run %" PRId64, job->run_id);
	session.application_name = name;
	for (;;) {
		c = connect_source(all, job, &reused, e);
		if (c == NULL)
			break;
		if (source_begin_job(c->source, &session, e) == 0)
			return c;
		forget(c);
		/* An old connection may have died unnoticed; a fresh one
		 * that fails has something to say. */
		if (!reused || e->kind == ERR_CANCELLED ||
		    e->kind == ERR_TIMEOUT)
			break;
	}
	err_wrap(e, "source \"%s\"", job->source_name);
	return NULL;
}

void connections_end(struct connection *c)
{
	c->used_ms = clock_boot_ms();
	if (!source_end_job(c->source))
		forget(c);
}

void connections_reset(struct connections *all)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		if (all->place[i].source != NULL)
			source_reset(all->place[i].source);
	}
}

void connections_close(struct connections *all)
{
	for (int i = 0; i < CONNECTIONS; i++)
		forget(&all->place[i]);
}
