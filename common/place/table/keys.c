/* SPDX-License-Identifier: MIT */
#include "place/table/keys.h"

#include <stdlib.h>

#define SQL_MAX ((size_t)4 << 20)

struct pg_rows *keys_ask(struct table_link *l, const struct table_plan *p,
    table_statement *make, int64_t *written, struct err *e)
{
	struct pg_rows *rows;
	struct buf sql;

	buf_init(&sql, SQL_MAX);
	make(p, &sql);
	rows = link_ask(l, sql.data, written, e);
	buf_free(&sql);
	return rows;
}

static int refuse_null(
    const struct table_plan *p, const char *key, struct err *e)
{
	char *names = plan_key_names(p);

	err_set(e, ERR_PERMANENT,
	    "a row of the result has NULL in its key (%s)%s%s; leave such rows "
	    "out, or give them a value",
	    names, *key ? ", beside " : "", key);
	free(names);
	return -1;
}

static int refuse_twice(const struct table_plan *p, const char *key,
    const char *count, struct err *e)
{
	char *names = plan_key_names(p);

	err_set(e, ERR_PERMANENT,
	    "the result has %s rows with the key (%s) = (%s); say which one "
	    "wins with \"order_by\" in the options under \"table\", or make "
	    "the query return one of them",
	    count, names, key);
	free(names);
	return -1;
}

/* Returns the values of the first row but its last as text, without those that
 * are NULL; the caller frees it. */
static char *key_text(const struct pg_rows *rows)
{
	struct buf text;

	buf_init(&text, SQL_MAX);
	for (int i = 0; i + 1 < pg_rows_columns(rows); i++) {
		const char *value = pg_rows_get(rows, 0, i);

		if (value == NULL)
			continue;
		buf_str(&text, text.len > 0 ? ", " : "");
		buf_str(&text, value);
	}
	buf_str(&text, "");
	return text.data;
}

static const char *last_value(const struct pg_rows *rows)
{
	return pg_rows_get(rows, 0, pg_rows_columns(rows) - 1);
}

static int check_nulls(
    struct table_link *l, const struct table_plan *p, struct err *e)
{
	struct pg_rows *rows = keys_ask(l, p, l->dialect->find_null, NULL, e);
	int rc = rows ? 0 : -1;
	char *key;

	if (rows != NULL && pg_rows_count(rows) > 0) {
		key = key_text(rows);
		rc = refuse_null(p, key, e);
		free(key);
	}
	pg_rows_free(rows);
	return rc;
}

static int check_twice(
    const struct table_plan *p, const struct pg_rows *rows, struct err *e)
{
	char *key;
	int rc;

	if (pg_rows_count(rows) == 0)
		return 0;
	key = key_text(rows);
	rc = refuse_twice(p, key, last_value(rows), e);
	free(key);
	return rc;
}

int keys_check(struct table_link *l, const struct table_plan *p, int64_t *count,
    struct err *e)
{
	const struct table_dialect *d = l->dialect;
	bool ordered = p->order != NULL;
	struct pg_rows *rows;
	int rc = 0;

	if (check_nulls(l, p, e) != 0)
		return -1;
	rows = keys_ask(l, p, ordered ? d->count_keys : d->find_twice, NULL, e);
	if (rows == NULL)
		return -1;
	if (ordered)
		*count = strtoll(last_value(rows), NULL, 10);
	else
		rc = check_twice(p, rows, e);
	pg_rows_free(rows);
	return rc;
}
