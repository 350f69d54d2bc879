/* SPDX-License-Identifier: MIT */
#include "place/table/look.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "place/table/dialect.h"

/* Refuses a relation by its pg_class.relkind. */
static int check_kind(const char *kind, struct err *e)
{
	switch (*kind) {
	case 'r':
	case 'p':
		return 0;
	case 'f':
		return err_set(e, ERR_PERMANENT,
		    "it is a foreign table, whose rows do not commit together "
		    "with the ledger; make its own server a target");
	case 'v':
	case 'm':
		return err_set(e, ERR_PERMANENT,
		    "it is a view; name the table that it shows");
	default:
		return err_set(e, ERR_PERMANENT, "it is no table");
	}
}

static bool is_true(const struct pg_rows *rows, int column)
{
	return *pg_rows_get(rows, 0, column) == 't';
}

static int check_table(const struct pg_rows *rows, struct err *e)
{
	if (check_kind(pg_rows_get(rows, 0, 1), e) != 0)
		return -1;
	if (is_true(rows, 2))
		return err_set(e, ERR_PERMANENT,
		    "it has rules, which COPY passes over; write them as "
		    "triggers");
	if (is_true(rows, 3))
		return err_set(e, ERR_PERMANENT,
		    "row-level security holds for the target's login, which "
		    "would leave rows out; give the login BYPASSRLS, or a "
		    "table "
		    "without policies");
	if (is_true(rows, 4))
		return err_set(e, ERR_PERMANENT,
		    "one of its partitions is a foreign table, whose rows do "
		    "not commit together with the ledger");
	return 0;
}

static char *cell(const struct pg_rows *rows, int row, int column)
{
	return mem_strdup(pg_rows_get(rows, row, column));
}

static int read_columns(
    struct table_look *look, struct table_link *l, struct err *e)
{
	const char *params[] = {look->oid};
	struct pg_rows *rows = link_query(l, l->dialect->columns, 1, params, e);

	if (rows == NULL)
		return -1;
	look->count = pg_rows_count(rows);
	look->columns =
	    mem_zalloc((size_t)look->count * sizeof(*look->columns));
	for (int i = 0; i < look->count; i++) {
		look->columns[i] =
		    (struct table_column){.name = cell(rows, i, 0),
			.type = cell(rows, i, 1),
			.collation = cell(rows, i, 2),
			.generated = *pg_rows_get(rows, i, 3) == 't',
			.always = *pg_rows_get(rows, i, 4) == 't',
			.money = cell(rows, i, 5),
			.class = cell(rows, i, 6)};
	}
	pg_rows_free(rows);
	return 0;
}

/* Refuses a table whose owner would have statements run with the rights of the
 * login: a report chooses the table, so it could be its writer's own. */
static int check_trust(struct table_link *l, const char *oid, struct err *e)
{
	const char *params[] = {oid};
	struct pg_rows *rows;
	int rc = 0;

	if (l->dialect->trust == NULL || l->target->trusted)
		return 0;
	rows = link_query(l, l->dialect->trust, 1, params, e);
	if (rows == NULL)
		return -1;
	if (pg_rows_count(rows) > 0)
		rc = err_set(e, ERR_PERMANENT,
		    "%s belongs to %s, whose triggers, defaults and types "
		    "would run with the rights of %s; make %s its owner, or "
		    "grant %s to %s if that role may act as this login, or "
		    "write trusted = on in [target.%s] of the settings if all "
		    "who own tables there may",
		    pg_rows_get(rows, 0, 0), pg_rows_get(rows, 0, 1),
		    pg_user(l->pg), pg_user(l->pg), pg_user(l->pg),
		    pg_rows_get(rows, 0, 1), l->target->name);
	pg_rows_free(rows);
	return rc;
}

/* Finds the table of the link, if there is one, and checks what and whose it is. */
static int find_table(
    struct table_look *look, struct table_link *l, struct err *e)
{
	const char *params[] = {l->at.schema, l->at.table};
	struct pg_rows *rows = link_query(l, l->dialect->table, 2, params, e);
	int rc = 0;

	*look = (struct table_look){0};
	if (rows == NULL)
		return -1;
	look->found = pg_rows_count(rows) > 0;
	if (look->found) {
		str_copy(look->oid, sizeof(look->oid), pg_rows_get(rows, 0, 0));
		look->partitioned = *pg_rows_get(rows, 0, 1) == 'p';
		rc = check_table(rows, e);
	}
	pg_rows_free(rows);
	return rc != 0 || !look->found ? rc : check_trust(l, look->oid, e);
}

int look_again(struct table_link *l, struct err *e)
{
	struct table_look now;

	return find_table(&now, l, e);
}

int look_open(struct table_look *look, struct table_link *l, struct err *e)
{
	int rc;

	*look = (struct table_look){0};
	if (strcmp(l->at.schema, l->target->ledger_schema) == 0)
		return err_set(e, ERR_PERMANENT,
		    "the schema %s is that of the ledger", l->at.schema);
	if (strcmp(l->at.table, TABLE_LEDGER) == 0)
		return err_set(e, ERR_PERMANENT,
		    "a table of that name is the ledger of a target");
	rc = find_table(look, l, e);
	return rc != 0 || !look->found ? rc : read_columns(look, l, e);
}

void look_free(struct table_look *look)
{
	for (int i = 0; i < look->count; i++) {
		free(look->columns[i].name);
		free(look->columns[i].type);
		free(look->columns[i].collation);
		free(look->columns[i].money);
		free(look->columns[i].class);
	}
	free(look->columns);
	*look = (struct table_look){0};
}

const struct table_column *look_column(
    const struct table_look *look, const char *name)
{
	for (int i = 0; i < look->count; i++) {
		if (strcmp(look->columns[i].name, name) == 0)
			return &look->columns[i];
	}
	return NULL;
}
