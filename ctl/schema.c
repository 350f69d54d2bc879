/* SPDX-License-Identifier: MIT */
#include "ctl/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/ctl.h"
#include "sql/upgrade.h"

#define UPGRADES (sizeof(upgrades) / sizeof(*upgrades))

int schema_wanted(void)
{
	return atoi(upgrades[UPGRADES - 1].name);
}

/* The first field of a statement's first row as a number, null and false 0. */
static int query_int(struct pg *pg, const char *sql, int *out, struct err *e)
{
	struct pg_rows *rows = pg_query(pg, sql, 0, NULL, e);
	const char *value;

	if (rows == NULL)
		return -1;
	value = pg_rows_count(rows) ? pg_rows_get(rows, 0, 0) : NULL;
	*out = value == NULL ? 0 : *value == 't' ? 1 : atoi(value);
	pg_rows_free(rows);
	return 0;
}

int schema_installed(struct pg *pg, int *version, struct err *e)
{
	if (query_int(pg, sql_installed, version, e) != 0)
		return -1;
	return *version ? query_int(pg, sql_schema_version, version, e) : 0;
}

int schema_check(int installed, struct err *e)
{
	int wanted = schema_wanted();

	if (installed == wanted)
		return 0;
	if (installed == 0)
		return err_set(e, ERR_PERMANENT,
		    "the database has no reportd schema; create it with "
		    "`reportctl init`");
	if (installed < wanted)
		return err_set(e, ERR_PERMANENT,
		    "the reportd schema is at version %d, this reportctl needs "
		    "version %d; upgrade it with `reportctl init`",
		    installed, wanted);
	return err_set(e, ERR_PERMANENT,
	    "the reportd schema is at version %d, this reportctl knows "
	    "version %d; use a newer reportctl",
	    installed, wanted);
}

static int note(struct pg *pg, const char *name, struct err *e)
{
	char version[16];
	const char *params[] = {version, strchr(name, '-') + 1};
	struct pg_rows *rows;

	snprintf(version, sizeof(version), "%d", atoi(name));
	rows = pg_query(pg, sql_upgrade_done, 2, params, e);
	pg_rows_free(rows);
	return rows ? 0 : -1;
}

int schema_upgrade(struct pg *pg, int from, json_t *applied, struct err *e)
{
	/* The first upgrades run before there is a table to note them in. */
	for (size_t i = 0; i < UPGRADES; i++) {
		if (atoi(upgrades[i].name) > from &&
		    pg_exec(pg, upgrades[i].text, e) != 0)
			return err_wrap(e, "upgrade %s", upgrades[i].name);
	}
	for (size_t i = 0; i < UPGRADES; i++) {
		const char *name = upgrades[i].name;

		if (atoi(name) <= from)
			continue;
		if (note(pg, name, e) != 0)
			return err_wrap(e, "upgrade %s", name);
		json_array_append_new(applied, json_string(name));
	}
	return 0;
}
