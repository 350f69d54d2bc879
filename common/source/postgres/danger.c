/* SPDX-License-Identifier: MIT */
#include "source/postgres/danger.h"

#include "base/mem.h"
#include "sql/source.h"

int danger_find(struct pg *pg, bool of_target, char **why, struct err *e)
{
	const char *params[] = {of_target ? "t" : "f"};
	struct pg_rows *rows;

	*why = NULL;
	if (pg_superuser(pg)) {
		*why = mem_printf("%s is a superuser", pg_user(pg));
		return 0;
	}
	rows = pg_query(pg, sql_danger, 1, params, e);
	if (rows == NULL)
		return -1;
	if (pg_rows_count(rows) > 0)
		*why = mem_strdup(pg_rows_get(rows, 0, 0));
	pg_rows_free(rows);
	return 0;
}
