/* SPDX-License-Identifier: MIT */
#include "source/postgres/redshift_load.h"

#include "sql/redshift.h"

static const char *or_none(const char *text)
{
	return text ? text : "";
}

bool redshift_load_refused(struct pg *pg, struct err *e)
{
	static const char *const asked[] = {
	    sql_redshift_load_error, sql_redshift_load_error_detail};
	struct pg_rows *rows = NULL;
	struct err said = *e, unused;
	bool refused;

	for (size_t i = 0; rows == NULL && i < 2 && pg_alive(pg); i++)
		rows = pg_ask(pg, asked[i], NULL, &unused);
	refused = rows != NULL && pg_rows_count(rows) > 0;
	if (refused)
		err_set(e, ERR_PERMANENT,
		    "%s: line %s of %s, column %s, value \"%.100s\": %s",
		    said.text, or_none(pg_rows_get(rows, 0, 1)),
		    or_none(pg_rows_get(rows, 0, 4)),
		    or_none(pg_rows_get(rows, 0, 2)),
		    or_none(pg_rows_get(rows, 0, 3)),
		    or_none(pg_rows_get(rows, 0, 0)));
	pg_rows_free(rows);
	return refused;
}
