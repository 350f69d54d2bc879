/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ctl/ctl.h"
#include "ctl/lib/connect.h"
#include "ctl/lib/options.h"
#include "ctl/lib/schema.h"
#include "sql/ctl.h"

#define OLDEST_SERVER 130000
/* The oldest version that can be upgraded; it had no roles yet. */
#define BEFORE_ROLES 7
/* An upgrade waits this long for transactions that use the schema: sessions that
 * come after it would wait with it. A lock_timeout that the user has set is kept. */
#define PATIENCE                                                    \
	"select pg_catalog.set_config('lock_timeout', '5s', true) " \
	"where pg_catalog.current_setting('lock_timeout') = '0'"

/* Makes the schema, or upgrades it to the newest version, as reportd_owner. A
 * schema without roles is set aside, made anew, filled from the old one, and
 * dropped. */
static int make(struct ctl *c, int from, json_t *applied, struct err *e)
{
	bool before_roles = from == BEFORE_ROLES;

	if (pg_exec(c->queue, PATIENCE, e) != 0)
		return -1;
	if (before_roles && pg_exec(c->queue, sql_from_7_begin, e) != 0)
		return err_wrap(e, "upgrade from version %d", from);
	if (pg_exec(c->queue, sql_roles, e) != 0)
		return err_wrap(e, "roles");
	if (schema_upgrade(c->queue, before_roles ? 0 : from, applied, e) != 0)
		return -1;
	if (before_roles && pg_exec(c->queue, sql_from_7_end, e) != 0)
		return err_wrap(e, "upgrade from version %d", from);
	return 0;
}

struct upgrade {
	int from;        /* the version before; 0: there was no schema */
	json_t *applied; /* the names of what was applied */
	char *daemons;   /* daemons that ran meanwhile; NULL or "": none */
};

/* Upgrades in one transaction, so that nobody sees an incomplete schema. When
 * two upgrades run at the same time, the lock makes the second wait; it then
 * finds the version of the first. */
static int upgrade(struct ctl *c, struct upgrade *u, struct err *e)
{
	struct schema_state state;

	if (pg_exec(c->queue,
		"begin; set local search_path = pg_catalog, pg_temp", e) != 0 ||
	    schema_installed(c->queue, &state, e) != 0)
		return -1;
	if (state.version > 0 &&
	    (pg_exec(c->queue, sql_upgrade_lock, e) != 0 ||
		schema_installed(c->queue, &state, e) != 0))
		return -1;
	u->from = state.version;
	if (state.version > schema_wanted()) {
		/* nothing to do for a newer schema that serves this program */
		return schema_check(&state, e);
	}
	if (state.version > 0 && state.version < BEFORE_ROLES)
		return err_set(e, ERR_PERMANENT,
		    "the reportd schema is at version %d; only version %d and "
		    "later can be upgraded",
		    state.version, BEFORE_ROLES);
	/* Before: an old schema's rows of daemons are not taken over. */
	free(u->daemons);
	u->daemons = state.version > 0 && state.version < schema_wanted()
			 ? connect_text(c, sql_running_daemons, 0, NULL, e)
			 : mem_strdup("");
	if (u->daemons == NULL || make(c, state.version, u->applied, e) != 0)
		return -1;
	return pg_exec(c->queue, "commit", e);
}

/* Repeats the upgrade when somebody else made a schema or role at the same
 * moment: the repeat finds it. */
static int upgrade_once(struct ctl *c, struct upgrade *u, struct err *e)
{
	for (int i = 0; i < 3; i++) {
		struct err unused;

		if (upgrade(c, u, e) == 0)
			return 0;
		/* Class 23: a unique key; 42710, 42P06: an object or a schema
		 * exists; XX000: a row of the catalogue changed meanwhile. */
		if (strncmp(e->sqlstate, "23", 2) != 0 &&
		    strcmp(e->sqlstate, "42710") != 0 &&
		    strcmp(e->sqlstate, "42P06") != 0 &&
		    strcmp(e->sqlstate, "XX000") != 0)
			return -1;
		json_array_clear(u->applied);
		if (pg_exec(c->queue, "rollback", &unused) != 0)
			return -1;
	}
	return -1;
}

/* Says who uses the schema, so that an upgrade got no lock. */
static void name_holders(struct ctl *c, struct err *e)
{
	struct err unused;
	char *holders = NULL;

	if (pg_exec(c->queue, "rollback", &unused) == 0)
		holders = connect_text(c, sql_holders, 0, NULL, &unused);
	if (holders != NULL && *holders != '\0')
		err_wrap(e,
		    "transactions that are open use the schema: %s; "
		    "try again when they have ended, or end them by "
		    "pg_terminate_backend()",
		    holders);
	free(holders);
}

/* Warns of daemons that were started before the upgrade: they keep running the
 * old program. */
static void warn_of_daemons(const char *daemons)
{
	if (daemons != NULL && *daemons != '\0')
		fprintf(stderr,
		    "reportctl: daemons run that were started before the "
		    "upgrade; restart them: %s\n",
		    daemons);
}

static void print(struct ctl *c, const struct upgrade *u)
{
	/* A newer schema is left unchanged. */
	int from = u->from;
	int version = from > schema_wanted() ? from : schema_wanted();

	if (c->json) {
		connect_print_json(json_pack("{si si sO}", "version", version,
		    "from", from, "applied", u->applied));
		return;
	}
	if (from >= version)
		printf("schema is at version %d already\n", version);
	else if (from == 0)
		printf("schema created, version %d\n", version);
	else
		printf(
		    "schema upgraded from version %d to %d\n", from, version);
}

static int run(struct ctl *c, int argc, char **argv, struct err *e)
{
	static const struct option table[] = {
	    OPTIONS_COMMON,
	};
	struct upgrade u = {0};
	int rc;

	if (options_next(c, argc, argv, "", table) != -1)
		return -1;
	if (optind < argc)
		return options_refuse(c, e, "takes no arguments");
	if (connect_server(c, e) != 0 || connect_check_encoding(c, e) != 0)
		return -1;
	if (pg_server_version(c->queue) < OLDEST_SERVER)
		return err_set(e, ERR_PERMANENT,
		    "init: the server is PostgreSQL %d; reportd needs %d or "
		    "newer",
		    pg_server_version(c->queue) / 10000, OLDEST_SERVER / 10000);
	u.applied = json_array();
	rc = upgrade_once(c, &u, e);
	if (rc == 0) {
		warn_of_daemons(u.daemons);
		print(c, &u);
	} else if (strcmp(e->sqlstate, "42501") == 0) {
		err_wrap(e, "init needs CREATE on the database, and the "
			    "reportd roles or CREATEROLE to make them");
	} else {
		if (strcmp(e->sqlstate, "55P03") == 0)
			name_holders(c, e);
		err_wrap(e, "init");
	}
	json_decref(u.applied);
	free(u.daemons);
	return rc;
}

const struct command command_init = {
    .name = "init",
    .summary = "Creates the reportd schema in the queue database or upgrades "
	       "it",
    .arguments = "",
    .details = "It also makes the roles reportd_owner, reportd_daemon, "
	       "reportd_submitter,\n"
	       "reportd_operator and reportd_viewer, unless they are there.\n",
    .run = run,
};
