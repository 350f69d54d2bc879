/* SPDX-License-Identifier: MIT */
#include "worker/connections.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

static void wipe(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}

static void forget(struct connection *c)
{
	source_close(c->source);
	settings_free_source(c->from);
	wipe(c->login);
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
	const struct source_reach reach = services_reach(job->lent.services);
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

/* Connects in an empty place. */
static int make(struct connections *all, struct connection *c,
    const struct job *job, struct err *e)
{
	c->from = settings_unpack_source(
	    json_object_get(job->asked.message, "source"), e);
	if (c->from != NULL)
		c->source = log_in(all, job, c->from, e);
	if (c->source == NULL)
		return -1;
	c->login = name_of(c->from);
	c->made_ms = clock_boot_ms();
	c->max_age_ms = c->from->max_age;
	return 0;
}

/* Returns when the connection reaches its max_age (boot clock, ms). */
static int64_t end_of(const struct connection *c)
{
	return c->max_age_ms > 0 ? c->made_ms + c->max_age_ms : INT64_MAX;
}

/* Returns a connection for the job: the kept one, or a new one in the place
 * that was not used for the longest time. */
static struct connection *connect_source(
    struct connections *all, const struct job *job, bool *reused, struct err *e)
{
	struct connection *oldest = &all->place[0];
	char *name = name_of(job->asked.from);

	for (int i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &all->place[i];

		if (c->source != NULL && strcmp(c->login, name) == 0) {
			/* max_age of the settings may have changed. */
			c->max_age_ms = job->asked.from->max_age;
			if (end_of(c) > clock_boot_ms() &&
			    source_alive(c->source)) {
				*reused = true;
				wipe(name);
				return c;
			}
			forget(c);
		}
		if (c->used_ms < oldest->used_ms)
			oldest = c;
	}
	wipe(name);
	forget(oldest);
	*reused = false;
	if (make(all, oldest, job, e) == 0)
		return oldest;
	forget(oldest);
	return NULL;
}

struct connection *connections_begin(
    struct connections *all, const struct job *job, struct err *e)
{
	struct job_session session = {.time_zone = job->asked.time_zone,
	    .statement_timeout_ms = job->asked.statement_timeout_ms,
	    .read_only = !job_has(job, "prep_sql")};
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

void connections_close(struct connections *all)
{
	for (int i = 0; i < CONNECTIONS; i++)
		forget(&all->place[i]);
	source_keep_close(all->keep);
	all->keep = NULL;
}
