/* SPDX-License-Identifier: MIT */
#ifndef WORKER_CONNECTIONS_H
#define WORKER_CONNECTIONS_H

#include <stdbool.h>

#include "worker/job.h"

/* Source connections, which a worker keeps from job to job. */
#define CONNECTIONS 4
struct connection {
	char *login; /* everything that identifies the login, see name_of */
	struct source_settings *from;
	struct source *source; /* NULL: the place is empty */
	/* job_asked.from of the job that used it last; holds passwords */
	char *packed;
	bool busy; /* a job is using it */
	int64_t used_ms;
	/* boot clock, ms; max_age_ms 0: no limit */
	int64_t made_ms, max_age_ms;
};
struct connections {
	struct connection place[CONNECTIONS];
	struct source_keep *keep;
};

/* Returns a kept or new connection with the job's session settings; NULL on
 * error. `only_reads`: no stage of the job runs a script. */
struct connection *connections_begin(
    struct connections *all, struct job *job, bool only_reads, struct err *e);
/* Ends the job's use of the connection. */
void connections_end(struct connection *c);

/* Closes unused connections that are older than their max_age. Returns when to
 * call again (boot clock, ms; INT64_MAX: no need). */
int64_t connections_expire(struct connections *all);
/* Resets the sessions of all connections while the worker is idle, so that
 * nothing of a job is left in them. */
void connections_reset(struct connections *all);
/* Closes the connections that ask the services of this process, before these are
 * closed. */
void connections_drop_served(struct connections *all);
void connections_close(struct connections *all);

#endif
