/* SPDX-License-Identifier: MIT */
#ifndef WORKER_CONNECTIONS_H
#define WORKER_CONNECTIONS_H

#include <stdbool.h>

#include "worker/job.h"

/* The source connections that a worker keeps between its jobs. */
#define CONNECTIONS 4
struct connection {
	char *login; /* all of it, as the settings say it */
	struct source_settings *from;
	struct source *source; /* NULL: an empty place */
	bool busy;             /* a job has it */
	int64_t used_ms;
	int64_t made_ms, max_age_ms; /* boot clock; 0: lives for ever */
};
struct connections {
	struct connection place[CONNECTIONS];
	struct source_keep *keep;
};

/* One with the job's session settings: kept or new. NULL on error. */
struct connection *connections_begin(
    struct connections *all, const struct job *job, struct err *e);
/* The job is done with it. */
void connections_end(struct connection *c);

/* Closes those that no job has and that are older than their max_age; when to
 * look again (boot clock, INT64_MAX: there is no need). */
int64_t connections_expire(struct connections *all);
/* Nothing to do for a moment: no job's session is left behind. */
void connections_reset(struct connections *all);
void connections_close(struct connections *all);

#endif
