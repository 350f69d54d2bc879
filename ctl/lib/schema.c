/* SPDX-License-Identifier: MIT */
#include "ctl/lib/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/schema.h"
#include "sql/ctl.h"
#include "sql/upgrade.h"

#define UPGRADES (sizeof(upgrades) / sizeof(*upgrades))

int schema_wanted(void)
{
	return atoi(upgrades[UPGRADES - 1].name);
}

int schema_installed(struct pg *pg, struct schema_state *state, struct err *e)
{
	struct pg_rows *rows = pg_query(pg, sql_installed, 0, NULL, e);
	bool installed;

	*state = (struct schema_state){0};
	if (rows == NULL)
		return -1;
	installed = *pg_rows_get(rows, 0, 0) == 't';
	pg_rows_free(rows);
	if (!installed)
		return 0;
	rows = pg_query(pg, sql_schema_version, 0, NULL, e);
	if (rows == NULL)
		return -1;
	state->version = atoi(pg_rows_get(rows, 0, 0));
	state->serves = atoi(pg_rows_get(rows, 0, 1));
	pg_rows_free(rows);
	return 0;
}

int schema_check(const struct schema_state *state, struct err *e)
{
	if (state->version == 0)
		return err_set(e, ERR_PERMANENT,
		    "the database has no reportd schema; create it with "
		    "`reportctl init`");
	switch (schema_fit(state->version, state->serves, schema_wanted())) {
	case SCHEMA_TOO_OLD:
		return err_set(e, ERR_PERMANENT,
		    "the reportd schema is at version %d, this reportctl needs "
		    "version %d; upgrade it with `reportctl init`",
		    state->version, SCHEMA_OLDEST);
	case SCHEMA_TOO_NEW:
		return err_set(e, ERR_PERMANENT,
		    "the reportd schema is at version %d, this reportctl knows "
		    "version %d; use a newer reportctl",
		    state->version, schema_wanted());
	default:
		return 0;
	}
}

/* Records the upgrade that the file of this name belongs to, "009-what" or
 * "008-first/tables", and adds its name to `applied`. */
static int note(struct pg *pg, const char *file, json_t *applied, struct err *e)
{
	char version[16], name[64];
	const char *params[] = {version, NULL};
	struct pg_rows *rows;

	snprintf(version, sizeof(version), "%d", atoi(file));
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(file, "/"), file);
	params[1] = strchr(name, '-') + 1;
	json_array_append_new(applied, json_string(name));
	rows = pg_query(pg, sql_upgrade_done, 2, params, e);
	pg_rows_free(rows);
	return rows ? 0 : -1;
}

int schema_upgrade(struct pg *pg, int from, json_t *applied, struct err *e)
{
	/* The first upgrades make the table in which upgrades are recorded, so
	 * all are run before any is recorded. */
	for (size_t i = 0; i < UPGRADES; i++) {
		if (atoi(upgrades[i].name) > from &&
		    pg_exec(pg, upgrades[i].text, e) != 0)
			return err_wrap(e, "upgrade %s", upgrades[i].name);
	}
	for (size_t i = 0; i < UPGRADES; i++) {
		const char *name = upgrades[i].name;

		/* Files of one number are one upgrade. */
		if (atoi(name) <= from ||
		    (i > 0 && atoi(name) == atoi(upgrades[i - 1].name)))
			continue;
		if (note(pg, name, applied, e) != 0)
			return err_wrap(e, "upgrade %s", name);
	}
	return 0;
}
