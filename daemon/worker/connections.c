/* SPDX-License-Identifier: MIT */
#include "worker/connections.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "source/postgres/conninfo.h"

static void forget(struct connection *c)
{
	source_close(c->source);
	conninfo_free(c->login);
	*c = (struct connection){0};
}

static const char *text(const char *s)
{
	return s ? s : "";
}

/* What tells logins apart. Made with an older password, a connection lives on
 * for as long as it works. */
static char *name_of(const struct login *l)
{
	return mem_printf("%s\n%s\n%s\n%s\n%s\n%s\n%d", l->type, l->conninfo,
	    text(l->secret_arn), text(l->cluster), text(l->workgroup),
	    text(l->database_user), l->trusted);
}

/* Once a connection: no statement of a report leads to a role that the login was
 * not a member of. */
static int check_login(struct source *s, const struct job *job, struct err *e)
{
	char *why = NULL;
	int rc = source_danger(s, &why, e);

	if (rc == 0 && why != NULL)
		rc = err_set(e, ERR_PERMANENT,
		    "%s, and the SQL of a report could use that; give the "
		    "source a login that reads what reports need and no more, "
		    "or write trusted = on in [source.%s] of the settings",
		    why, job->source_name);
	free(why);
	return rc;
}

static struct source *log_in(
    struct connections *all, const struct job *job, struct err *e)
{
	struct source *s;

	if (all->logins == NULL)
		all->logins = logins_open();
	s = login_source(
	    all->logins, job->services, &job->login, job->watch, e);
	if (s == NULL || job->login.trusted || check_login(s, job, e) == 0)
		return s;
	source_close(s);
	return NULL;
}

/* When it is too old. */
static int64_t end_of(const struct connection *c)
{
	return c->max_age_ms > 0 ? c->made_ms + c->max_age_ms : INT64_MAX;
}

/* A connection for the job: the cached one, or a new one in the place that was
 * not used for the longest time. */
static struct connection *connect_source(
    struct connections *all, const struct job *job, bool *reused, struct err *e)
{
	struct connection *oldest = &all->place[0];
	char *name = name_of(&job->login);

	for (int i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &all->place[i];

		if (c->source != NULL && strcmp(c->login, name) == 0) {
			/* The settings may have changed. */
			c->max_age_ms = job->max_age_ms;
			if (end_of(c) > clock_boot_ms() &&
			    source_alive(c->source)) {
				*reused = true;
				conninfo_free(name);
				return c;
			}
			forget(c);
		}
		if (c->used_ms < oldest->used_ms)
			oldest = c;
	}
	forget(oldest);
	*reused = false;
	oldest->source = log_in(all, job, e);
	oldest->login = name;
	oldest->made_ms = clock_boot_ms();
	oldest->max_age_ms = job->max_age_ms;
	if (oldest->source != NULL)
		return oldest;
	forget(oldest);
	return NULL;
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
		if (source_begin_job(c->source, &session, e) == 0) {
			c->busy = true;
			return c;
		}
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
	c->busy = false;
	c->used_ms = clock_boot_ms();
	if (!source_end_job(c->source))
		forget(c);
}

int64_t connections_expire(struct connections *all)
{
	int64_t now = clock_boot_ms(), next = INT64_MAX;

	for (int i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &all->place[i];

		if (c->source == NULL || c->busy)
			continue;
		if (end_of(c) <= now)
			forget(c);
		else if (end_of(c) < next)
			next = end_of(c);
	}
	return next;
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
	logins_close(all->logins);
	all->logins = NULL;
}
