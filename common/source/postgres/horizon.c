/* SPDX-License-Identifier: MIT */
#include "source/postgres/horizon.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "source/postgres/session.h"
#include "sql/source.h"

struct pg_rows *postgres_ask(struct pg *pg, const char *sql, int count,
    const char *const *params, struct err *e)
{
	char *marked = mem_printf(POSTGRES_MARK "%s", sql);
	struct pg_rows *rows = pg_query(pg, marked, count, params, e);

	free(marked);
	return rows;
}

static void take_row(const struct pg_rows *rows, struct source_moment *moment)
{
	const char *at = pg_rows_get(rows, 0, 1),
		   *why = pg_rows_get(rows, 0, 2),
		   *passes = pg_rows_get(rows, 0, 3),
		   *holder = pg_rows_get(rows, 0, 4);

	str_to_i64(pg_rows_get(rows, 0, 0), &moment->now_us);
	moment->known = at != NULL && str_to_i64(at, &moment->at_us) == 0;
	moment->passes = passes != NULL && *passes == 't';
	if (why != NULL || holder != NULL)
		moment->note = mem_strdup(why != NULL ? why : holder);
	if (!moment->known || holder == NULL)
		return;
	str_to_i64(pg_rows_get(rows, 0, 5), &moment->holder.pid);
	str_to_i64(pg_rows_get(rows, 0, 6), &moment->holder.age_s);
}

int postgres_horizon(
    struct source *s, struct source_moment *moment, struct err *e)
{
	struct pg_rows *rows = pg_query(((struct session *)s)->pg, sql_horizon,
	    1, (const char *const[]){POSTGRES_MARK}, e);

	if (rows == NULL)
		return -1;
	take_row(rows, moment);
	pg_rows_free(rows);
	return 0;
}
