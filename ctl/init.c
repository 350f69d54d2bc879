/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "ctl/connect.h"
#include "ctl/ctl.h"
#include "ctl/options.h"
#include "ctl/schema.h"
#include "sql/ctl.h"

#define OLDEST_SERVER 130000

/* In one transaction, so that nobody sees a half-made schema, and under a lock,
 * so that two people at once do it once. */
static int upgrade(
    struct ctl *c, bool roles, int *from, json_t *applied, struct err *e)
{
	struct pg_rows *locked;

	if (pg_exec(c->queue, "begin", e) != 0)
		return -1;
	locked = pg_query(c->queue, sql_upgrade_lock, 0, NULL, e);
	if (locked == NULL)
		return -1;
	pg_rows_free(locked);
	if (schema_installed(c->queue, from, e) != 0)
		return -1;
	if (*from > schema_wanted())
		return schema_check(*from, e);
	if (schema_upgrade(c->queue, *from, applied, e) != 0)
		return -1;
	if (roles && pg_exec(c->queue, sql_roles, e) != 0)
		return err_wrap(e, "roles");
	return pg_exec(c->queue, "commit", e);
}

static void print(struct ctl *c, int from, bool roles, json_t *applied)
{
	int version = schema_wanted();

	if (c->json) {
		connect_print_json(json_pack("{si si sO sb}", "version",
		    version, "from", from, "applied", applied, "roles", roles));
		return;
	}
	if (from == version)
		printf("schema is at version %d already\n", version);
	else if (from == 0)
		printf("schema created, version %d\n", version);
	else
		printf(
		    "schema upgraded from version %d to %d\n", from, version);
	if (roles)
		puts("roles reportd_daemon, reportd_submitter and "
		     "reportd_viewer are set up");
}

static int run(struct ctl *c, int argc, char **argv, struct err *e)
{
	static const struct option table[] = {
	    {"roles", no_argument, NULL, 'r'},
	    OPTIONS_COMMON,
	};
	bool roles = false;
	json_t *applied;
	int o, from, rc;

	while ((o = options_next(c, argc, argv, "", table)) != -1) {
		if (o != 'r')
			return -1;
		roles = true;
	}
	if (optind < argc)
		return options_refuse(c, e, "takes no arguments");
	if (connect_server(c, e) != 0)
		return -1;
	if (pg_server_version(c->queue) < OLDEST_SERVER)
		return err_set(e, ERR_PERMANENT,
		    "init: the server is PostgreSQL %d; reportd needs %d or "
		    "newer",
		    pg_server_version(c->queue) / 10000, OLDEST_SERVER / 10000);
	applied = json_array();
	rc = upgrade(c, roles, &from, applied, e);
	if (rc == 0)
		print(c, from, roles, applied);
	else if (strcmp(e->sqlstate, "42501") == 0)
		err_wrap(e, "init needs the rights of the database's owner%s",
		    roles ? ", and CREATEROLE" : "");
	else
		err_wrap(e, "init");
	json_decref(applied);
	return rc;
}

const struct command command_init = {
    .name = "init",
    .summary = "Creates the reportd schema in the queue database or upgrades "
	       "it",
    .arguments = "[--roles]",
    .details =
	"      --roles           also the roles reportd_daemon, "
	"reportd_submitter\n"
	"                        and reportd_viewer, with the least rights "
	"each needs\n",
    .run = run,
};
