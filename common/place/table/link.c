/* SPDX-License-Identifier: MIT */
#include "place/table/link.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "place/table/dialect.h"
#include "source/sqltext.h"

#define SQL_MAX ((size_t)1 << 20)
static const struct source_settings *target_of(
    const struct place_lent *lent, const char *name, struct err *e)
{
	if (lent->target != NULL && strcmp(lent->target->name, name) == 0)
		return lent->target;
	err_set(e, ERR_PERMANENT,
	    "the settings have no target \"%s\"; add [target.%s] to them, or "
	    "name another one",
	    name, name);
	return NULL;
}

int link_allow(
    const struct place_lent *lent, const char *address, struct err *e)
{
	struct table_address at;

	return table_address_read(address, &at, e) == 0 &&
		       target_of(lent, at.target, e) != NULL
		   ? 0
		   : -1;
}

/* Checks that the login reaches nothing but tables: a report chooses which one is
 * written. */
static int check_login(struct table_link *l, struct err *e)
{
	char *why = NULL;
	int rc;

	if (l->target->trusted)
		return 0;
	rc = l->dialect->danger(l, &why, e);
	if (rc == 0 && why != NULL)
		rc = err_set(e, ERR_PERMANENT,
		    "%s, and a report could load a table that uses it; give "
		    "the "
		    "target a login that writes its tables and no more, or "
		    "write trusted = on in [target.%s] of the settings",
		    why, l->target->name);
	free(why);
	return rc;
}

int link_open(struct table_link *l, const struct place_output *o,
    const char *name, struct err *e)
{
	struct buf table;

	*l = (struct table_link){0};
	if (table_address_read(o->address, &l->at, e) != 0)
		return -1;
	l->target = target_of(o->lent, l->at.target, e);
	if (l->target == NULL)
		return -1;
	l->dialect = table_dialect_of(l->target->config->type);
	buf_init(&table, 4 * TABLE_NAME + 8);
	table_add_table(&table, &l->at);
	l->table = table.data;
	l->pg = l->dialect->connect(l, o->lent, e);
	if (l->pg != NULL && check_login(l, e) == 0 &&
	    l->dialect->set_up(l, o, name, e) == 0)
		return 0;
	err_wrap(e, "target \"%s\"", l->at.target);
	link_close(l);
	return -1;
}

void link_close(struct table_link *l)
{
	pg_close(l->pg);
	free(l->table);
	*l = (struct table_link){0};
}

/* The parameters of a statement that is filled in. */
struct filling {
	const struct table_link *l;
	const char *const *params;
	int count;
};

/* :"schema" is the ledger's, and :'1' the first parameter. */
static char *quote(void *arg, const char *name, bool identifier, struct err *e)
{
	const struct filling *f = arg;
	int number = atoi(name);
	const char *value;

	if (identifier)
		return pg_quote_identifier(
		    f->l->pg, f->l->target->ledger_schema, e);
	value = number > 0 && number <= f->count ? f->params[number - 1] : NULL;
	return value ? pg_quote_literal(f->l->pg, value, e)
		     : mem_strdup("null");
}

static int fill_in(struct table_link *l, const char *sql, int count,
    const char *const *params, struct buf *to, struct err *e)
{
	struct filling f = {l, params, count};

	buf_init(to, SQL_MAX);
	if (sqltext_substitute(sql, quote, &f, to, e) == 0)
		return 0;
	buf_free(to);
	return -1;
}

struct pg_rows *link_query(struct table_link *l, const char *sql, int count,
    const char *const *params, struct err *e)
{
	struct pg_rows *rows;
	struct buf text;

	if (fill_in(l, sql, count, params, &text, e) != 0)
		return NULL;
	rows = l->dialect->simple
		   ? pg_ask(l->pg, text.data, NULL, e)
		   : pg_query(l->pg, text.data, count, params, e);
	buf_free(&text);
	return rows;
}

struct pg_rows *link_ask(
    struct table_link *l, const char *sql, int64_t *written, struct err *e)
{
	return pg_ask(l->pg, sql, written, e);
}

int link_exec(struct table_link *l, const char *sql, struct err *e)
{
	struct buf text;
	int rc;

	if (fill_in(l, sql, 0, NULL, &text, e) != 0)
		return -1;
	rc = pg_exec(l->pg, text.data, e);
	buf_free(&text);
	return rc;
}

int link_advise(const struct table_link *l, struct err *e)
{
	const char *user = l->pg ? pg_user(l->pg) : NULL;

	if (strcmp(e->sqlstate, "42501") == 0 && user != NULL)
		err_hint(e,
		    "the target logs in as \"%s\"; grant that user what it "
		    "lacks",
		    user);
	return -1;
}
