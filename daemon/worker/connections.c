/* SPDX-License-Identifier: MIT */
#include "worker/connections.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "export/reach.h"
#include "worker/statements.h"

static void forget(struct connection *c)
{
	source_close(c->source);
	settings_free_source(c->from);
	mem_wipe(c->login);
	mem_wipe(c->packed);
	*c = (struct connection){0};
}

/* Returns a text that identifies a login, without its password: a connection
 * made with an older password is kept as long as it works. */
static char *name_of(const struct source_settings *from)
{
	json_t *all = json_pack("{ss sb}", "type", from->config->type->name,
	    "trusted", from->trusted);
	char *name;

	source_config_pack(from->config, all);
	name = json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(all);
	return name;
}

/* Checks that the login of a new connection reaches nothing but tables (see
 * sql/source/danger.sql). One check for each connection is enough, because no
 * statement of a report makes the login a member of another role. */
static int check_login(struct source *s, const struct job *job, struct err *e)
{
	char *why = NULL;
	int rc = source_danger(s, &why, e);

	if (rc == 0 && why != NULL)
		rc = err_set(e, ERR_PERMANENT,
		    "%s, and the SQL of a report could use that; give the "
		    "source a login that reads what reports need and no more, "
		    "or write trusted = on in [source.%s] of the settings",
		    why, job->asked.source_name);
	free(why);
	return rc;
}

static struct source *log_in(struct connections *all, const struct job *job,
    const struct source_settings *from, struct err *e)
{
	const struct source_reach reach = reach_of(job->lent.services);
	struct source *s;

	if (all->keep == NULL)
		all->keep = source_keep_open();
	s = source_connect(&(struct source_how){.config = from->config,
			       .reach = &reach,
			       .keep = all->keep,
			       .watch = job->lent.watch},
	    e);
	if (s == NULL || from->trusted || check_login(s, job, e) == 0)
		return s;
	source_close(s);
	return NULL;
}

/* Makes a connection in an unused place of the table. Takes `from` over, also
 * on error. */
static int make(struct connections *all, struct connection *c,
    const struct job *job, struct source_settings *from, struct err *e)
{
	c->from = from;
	c->source = log_in(all, job, from, e);
	if (c->source == NULL)
		return -1;
	c->login = name_of(from);
	c->packed = mem_strdup(job->asked.from);
	c->made_ms = clock_boot_ms();
	c->max_age_ms = from->max_age;
	return 0;
}

/* Returns when the connection reaches its max_age (boot clock, ms). */
static int64_t end_of(const struct connection *c)
{
	return c->max_age_ms > 0 ? c->made_ms + c->max_age_ms : INT64_MAX;
}

static bool is_good(struct connection *c)
{
	return end_of(c) > clock_boot_ms() && source_alive(c->source);
}

/* Returns the connection that was made with the very settings of the job; this
 * is the usual case, and compares texts only. */
static struct connection *same_settings(
    struct connections *all, const struct job *job)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &all->place[i];

		if (c->source != NULL &&
		    strcmp(c->packed, job->asked.from) == 0 && is_good(c))
			return c;
	}
	return NULL;
}

/* Returns the connection that has the login of `from`, whose other settings may
 * have changed since; NULL: there is none. */
static struct connection *same_login(struct connections *all,
    const struct job *job, const struct source_settings *from)
{
	struct connection *found = NULL;
	char *name = name_of(from);

	for (int i = 0; i < CONNECTIONS && found == NULL; i++) {
		struct connection *c = &all->place[i];

		if (c->source == NULL || strcmp(c->login, name) != 0)
			continue;
		c->max_age_ms = from->max_age;
		mem_wipe(c->packed);
		c->packed = mem_strdup(job->asked.from);
		if (is_good(c))
			found = c;
		else
			forget(c);
	}
	mem_wipe(name);
	return found;
}

/* Returns a place for a new connection: the one that was not used for the
 * longest time. */
static struct connection *empty_place(struct connections *all)
{
	struct connection *oldest = &all->place[0];

	for (int i = 1; i < CONNECTIONS; i++) {
		if (all->place[i].used_ms < oldest->used_ms)
			oldest = &all->place[i];
	}
	forget(oldest);
	return oldest;
}

/* Returns a connection for the job, kept or new. */
static struct connection *connect_source(
    struct connections *all, const struct job *job, bool *reused, struct err *e)
{
	struct connection *c = same_settings(all, job);
	struct source_settings *from;

	*reused = c != NULL;
	if (c != NULL)
		return c;
	from = settings_unpack_source(job->asked.from, e);
	if (from == NULL)
		return NULL;
	c = same_login(all, job, from);
	*reused = c != NULL;
	if (c != NULL) {
		settings_free_source(from);
		return c;
	}
	c = empty_place(all);
	if (make(all, c, job, from, e) == 0)
		return c;
	forget(c);
	return NULL;
}

struct connection *connections_begin(
    struct connections *all, struct job *job, bool only_reads, struct err *e)
{
	struct job_session session = {.time_zone = job->asked.time_zone,
	    .statement_timeout_ms = job->asked.statement_timeout_ms,
	    .read_only = only_reads,
	    .started = statements_started,
	    .arg = job,
	    .relations = job->relations,
	    .relation_count = job->relation_count};
	struct connection *c;
	char name[64];
	bool reused;

	snprintf(name, sizeof(name), "reportd run %" PRId64, job->asked.run_id);
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
		/* A reused connection may have died unnoticed, so another one
		 * is tried. The error of a new connection is final. */
		if (!reused || e->kind == ERR_CANCELLED ||
		    e->kind == ERR_TIMEOUT)
			break;
	}
	err_wrap(e, "source \"%s\"", job->asked.source_name);
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

void connections_drop_served(struct connections *all)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &all->place[i];

		if (c->source != NULL && source_is_served(c->source))
			forget(c);
	}
}

void connections_close(struct connections *all)
{
	for (int i = 0; i < CONNECTIONS; i++)
		forget(&all->place[i]);
	source_keep_close(all->keep);
	all->keep = NULL;
}
