/* SPDX-License-Identifier: MIT */
#include "ctl/lib/connect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "ctl/lib/interrupt.h"
#include "ctl/lib/schema.h"
#include "export/reach.h"
#include "settings/load.h"
#include "source/postgres/login.h"
#include "sql/ctl.h"

/* Milliseconds between two messages; the daemons remember each for 10 s. */
#define LOOKS_MS 5000

int connect_settings(struct ctl *c, struct err *e)
{
	if (c->settings != NULL)
		return 0;
	c->settings = settings_load(c->conf, e);
	if (c->settings != NULL)
		return 0;
	c->on_error = CTL_SETTINGS;
	return -1;
}

int connect_queue_settings(struct ctl *c, struct err *e)
{
	if (connect_settings(c, e) != 0)
		return -1;
	if (settings_require_queue(c->settings, e) == 0)
		return 0;
	c->on_error = CTL_SETTINGS;
	return err_wrap(e, "%s", c->conf ? c->conf : "environment");
}

struct services *connect_services(struct ctl *c, struct err *e)
{
	if (c->services == NULL && connect_settings(c, e) == 0) {
		c->services = services_open(c->settings);
		services_set_watch(c->services, &interrupt_watch);
	}
	return c->services;
}

static struct source_keep *keep(struct ctl *c)
{
	if (c->keep == NULL)
		c->keep = source_keep_open();
	return c->keep;
}

struct source *connect_source(
    struct ctl *c, const struct source_settings *source, struct err *e)
{
	const struct source_reach reach = reach_of(connect_services(c, e));

	return source_connect(&(struct source_how){.config = source->config,
				  .reach = &reach,
				  .keep = keep(c),
				  .watch = &interrupt_watch},
	    e);
}

static struct pg *log_in(struct ctl *c, struct err *e)
{
	const struct login l = {.conninfo = c->settings->queue_conninfo,
	    .secret_arn = c->settings->queue_secret_arn};
	const struct source_reach reach =
	    services_reach(connect_services(c, e));

	return login_pg(
	    &(struct source_how){.reach = &reach, .watch = &interrupt_watch},
	    &l, pg_connect, e);
}

int connect_server(struct ctl *c, struct err *e)
{
	if (connect_queue_settings(c, e) != 0)
		return -1;
	c->queue = log_in(c, e);
	/* Objects in the schemas of the user's search_path must not replace the
	 * server's own functions. A pooler in transaction mode gives the
	 * session to other clients, so with it connect_query sets the path for
	 * each statement. */
	if (c->queue != NULL &&
	    (!c->settings->listen ||
		pg_exec(c->queue, "set search_path = pg_catalog, pg_temp", e) ==
		    0))
		return 0;
	c->on_error = CTL_NO_QUEUE;
	return err_wrap(e, "queue");
}

int connect_pooled(struct ctl *c, struct err *e)
{
	int told, first, second, rc;
	struct pg *other;

	if (pg_processes(c->queue, &told, &first, e) != 0)
		return -1;
	if (told == first)
		return 0;
	other = log_in(c, e);
	if (other == NULL)
		return -1;
	rc = pg_processes(other, &told, &second, e);
	pg_close(other);
	return rc != 0 ? -1 : second == first;
}

int connect_check_encoding(struct ctl *c, struct err *e)
{
	const char *encoding = pg_server_encoding(c->queue);

	if (strcmp(encoding, "UTF8") == 0)
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "the database is encoded in %s, which cannot hold every text; the "
	    "queue needs one that is created with encoding 'UTF8'",
	    encoding);
}

/* Begins a transaction with the search_path where the session has none. */
static int begin_pinned(struct ctl *c, struct err *e)
{
	return c->settings->listen
		   ? 0
		   : pg_exec(c->queue,
			 "begin; set local search_path = pg_catalog, pg_temp",
			 e);
}

/* Ends it, as `rc` says; returns rc, or -1 when it cannot be ended well. */
static int end_pinned(struct ctl *c, int rc, struct err *e)
{
	struct err unused;

	if (c->settings->listen)
		return rc;
	if (rc == 0)
		return pg_exec(c->queue, "commit", e);
	pg_exec(c->queue, "rollback", &unused);
	return rc;
}

struct pg_rows *connect_query(struct ctl *c, const char *sql, int count,
    const char *const *params, struct err *e)
{
	struct pg_rows *rows;

	if (begin_pinned(c, e) != 0)
		return NULL;
	rows = pg_query(c->queue, sql, count, params, e);
	if (end_pinned(c, rows ? 0 : -1, e) == 0)
		return rows;
	pg_rows_free(rows);
	return NULL;
}

int connect_installed(struct ctl *c, struct schema_state *state, struct err *e)
{
	if (begin_pinned(c, e) != 0)
		return -1;
	return end_pinned(c, schema_installed(c->queue, state, e), e);
}

/* After a denial, adds which user and role were denied, and which roles they
 * lack for what. */
static void explain_denial(struct ctl *c, struct err *e)
{
	struct err unused;
	struct pg_rows *who = NULL;

	if (strcmp(e->sqlstate, "42501") == 0)
		who = pg_query(c->queue, sql_lacks, 0, NULL, &unused);
	if (who != NULL && pg_rows_get(who, 0, 2) != NULL)
		err_hint(e,
		    "this is user \"%s\" of the queue, acting as role \"%s\"; "
		    "%s: grant ROLE to \"%s\"",
		    pg_rows_get(who, 0, 0), pg_rows_get(who, 0, 1),
		    pg_rows_get(who, 0, 2), pg_rows_get(who, 0, 1));
	pg_rows_free(who);
}

int connect_queue(struct ctl *c, struct err *e)
{
	struct schema_state state;

	if (connect_server(c, e) != 0)
		return -1;
	if (connect_check_encoding(c, e) != 0)
		return err_wrap(e, "queue");
	if (connect_installed(c, &state, e) != 0) {
		explain_denial(c, e);
		return err_wrap(e, "queue");
	}
	if (schema_check(&state, e) != 0)
		return err_wrap(e, "queue");
	return 0;
}

void connect_looks(struct ctl *c)
{
	int64_t now = clock_boot_ms();
	struct err unused;

	/* A stand-by server refuses this message to the daemons. The error is
	 * ignored, and they store progress no more often than before. */
	if (!c->settings->listen ||
	    (c->looked_ms != 0 && now - c->looked_ms < LOOKS_MS))
		return;
	c->looked_ms = now;
	pg_exec(c->queue, sql_looks, &unused);
}

char *connect_text(struct ctl *c, const char *sql, int count,
    const char *const *params, struct err *e)
{
	struct pg_rows *rows = connect_query(c, sql, count, params, e);
	const char *value = NULL;
	char *text;

	if (rows == NULL) {
		explain_denial(c, e);
		return NULL;
	}
	if (pg_rows_count(rows) > 0)
		value = pg_rows_get(rows, 0, 0);
	text = mem_strdup(value ? value : "");
	pg_rows_free(rows);
	return text;
}

json_t *connect_json(struct ctl *c, const char *sql, int count,
    const char *const *params, struct err *e)
{
	char *text = connect_text(c, sql, count, params, e);
	json_error_t bad;
	json_t *v;

	if (text == NULL)
		return NULL;
	v = *text ? json_loads(text, 0, &bad) : json_null();
	if (v == NULL)
		err_set(e, ERR_PERMANENT, "the server's answer: %s", bad.text);
	free(text);
	return v;
}

char *connect_report(struct ctl *c, const char *name, struct err *e)
{
	int64_t id;

	if (str_to_i64(name, &id) == 0)
		return mem_strdup(name);
	return connect_text(c, sql_id, 1, &name, e);
}

json_t *connect_list(struct ctl *c, const char *sql, int count,
    const char *const *params, struct err *e)
{
	const char **own;
	json_t *rows;
	char *id;

	if (connect_queue(c, e) != 0)
		return NULL;
	if (params[0] == NULL)
		return connect_json(c, sql, count, params, e);
	id = connect_report(c, params[0], e);
	if (id == NULL)
		return NULL;
	own = mem_alloc((size_t)count * sizeof(*own));
	memcpy(own, params, (size_t)count * sizeof(*own));
	own[0] = id;
	rows = connect_json(c, sql, count, own, e);
	free(own);
	free(id);
	return rows;
}

void connect_print_json(json_t *v)
{
	json_dumpf(v, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
	putchar('\n');
	json_decref(v);
}
