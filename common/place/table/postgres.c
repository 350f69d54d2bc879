/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "place/table/dialect.h"
#include "place/table/made.h"
#include "place/table/plan.h"
#include "source/postgres/config.h"
#include "source/postgres/danger.h"
#include "source/postgres/login.h"
#include "source/postgres/over.h"
#include "sql/target.h"

/* A target of type postgres; its statements are in statement.c. */

#define SQL_MAX ((size_t)4 << 20)
/* Fixes how values are read, where the server offers a choice. Nothing may be
 * left out silently: neither by row-level security nor by a time limit of idle
 * transactions, which would end a load that waits for slow rows. */
#define SETTINGS                                                      \
	"set client_encoding = 'UTF8'; set datestyle = 'ISO, YMD'; "  \
	"set intervalstyle = 'postgres'; set xmloption = 'content'; " \
	"set standard_conforming_strings = on; "                      \
	"set search_path = pg_catalog, pg_temp; "                     \
	"set client_min_messages = error; set row_security = off; "   \
	"set idle_in_transaction_session_timeout = 0; "               \
	"set default_transaction_isolation = 'read committed'; "      \
	"set default_transaction_read_only = off; "

/* ---- the session ---- */

static struct pg *connect_target(
    const struct table_link *l, const struct place_lent *lent, struct err *e)
{
	const struct postgres_config *config =
	    (const struct postgres_config *)l->target->config;
	const struct source_reach reach = services_reach(lent->services);
	const struct login login = {
	    .conninfo = config->conninfo, .secret_arn = config->secret_arn};

	return login_pg(&(struct source_how){.config = l->target->config,
			    .reach = &reach,
			    .watch = services_watch(lent->services)},
	    &login, pg_connect, e);
}

static int danger(struct table_link *l, char **why, struct err *e)
{
	return danger_find(l->pg, true, why, e);
}

static int set_up(struct table_link *l, const struct place_output *o,
    const char *name, struct err *e)
{
	int64_t limit = o->lent->target_timeout_ms;
	char *zone =
	    pg_quote_literal(l->pg, o->time_zone ? o->time_zone : "UTC", e);
	char *who = pg_quote_literal(l->pg, name, e);
	struct err unused;
	char *sql;
	int rc = -1;

	if (zone != NULL && who != NULL) {
		sql = mem_printf(SETTINGS
		    "set timezone = %s; set application_name = %s; "
		    "set statement_timeout = %d",
		    zone, who, (int)(limit > INT_MAX ? INT_MAX : limit));
		rc = pg_exec(l->pg, sql, e);
		free(sql);
	}
	free(zone);
	free(who);
	/* Lets the server notice within seconds that this process was killed;
	 * not all servers take it. */
	if (rc == 0 && pg_server_version(l->pg) >= 140000)
		pg_exec(l->pg, "set client_connection_check_interval = '5s'",
		    &unused);
	return rc;
}

/* ---- the ledger ---- */

/* Waits for another transaction that has the request's row. */
static int ledger_begins(
    struct table_link *l, const struct place_output *o, struct err *e)
{
	const char *params[] = {
	    o->queue, o->request_id, o->report ? o->report : "", l->table};
	struct pg_rows *rows =
	    link_query(l, sql_target_ledger_begin, 4, params, e);
	bool landed = rows != NULL && pg_rows_written(rows) == 0;

	pg_rows_free(rows);
	return rows ? landed : -1;
}

static int ledger_ends(struct table_link *l, const struct place_output *o,
    const struct sink_terms *terms, struct err *e)
{
	char number[24];
	const char *params[] = {o->queue, o->request_id,
	    terms->rows < 0 ? NULL : number, terms->result};
	struct pg_rows *done;

	snprintf(number, sizeof(number), "%" PRId64, terms->rows);
	done = link_query(l, sql_target_ledger_end, 4, params, e);
	pg_rows_free(done);
	return done ? 0 : -1;
}

/* ---- the plan ---- */

static int make_type(const struct column *c, struct buf *sql, struct err *e)
{
	(void)e;
	made_type(c, sql);
	return 0;
}

static char *as_array(const json_t *names)
{
	const json_t *one;
	struct buf b;
	size_t i;

	buf_init(&b, PLAN_NAMES_MAX);
	json_array_foreach(names, i, one)
	{
		buf_char(&b, i == 0 ? '{' : ',');
		buf_char(&b, '"');
		for (const char *c = json_string_value(one); *c; c++) {
			if (*c == '"' || *c == '\\')
				buf_char(&b, '\\');
			buf_char(&b, *c);
		}
		buf_char(&b, '"');
	}
	buf_char(&b, '}');
	return b.data;
}

static int refuse_key(const struct table_plan *p, struct err *e)
{
	char *names = plan_key_names(p);

	err_set(e, ERR_PERMANENT,
	    "it has no unique index of just (%s), by which rows are updated; "
	    "make one: create unique index on %s (%s)",
	    names, p->table, names);
	free(names);
	return -1;
}

/* Checks that the table has an index that the mode upsert can work with. */
static int check_unique(const struct table_plan *p,
    const struct table_look *look, struct table_link *l, struct err *e)
{
	char *names = as_array(p->choice.key);
	const char *params[] = {look->oid, names};
	struct pg_rows *rows = link_query(l, sql_target_unique, 2, params, e);
	bool fits = rows != NULL && *pg_rows_get(rows, 0, 0) == 't';

	pg_rows_free(rows);
	free(names);
	return rows == NULL ? -1 : fits ? 0 : refuse_key(p, e);
}

/* ---- rows: COPY reads them as they come ---- */

static int rows_open(struct table_link *l, const struct table_plan *p,
    const struct place_output *o, struct table_rows **rows, struct err *e)
{
	struct buf sql;
	int rc;

	(void)o;
	*rows = NULL;
	buf_init(&sql, SQL_MAX);
	plan_copy(p, &sql);
	rc = pg_load_start(l->pg, sql.data, e);
	buf_free(&sql);
	return rc;
}

static int rows_write(struct table_link *l, struct table_rows *rows,
    const void *data, size_t len, struct err *e)
{
	(void)rows;
	return pg_load_write(l->pg, data, len, e);
}

static int rows_end(struct table_link *l, struct table_rows *rows,
    int64_t *arrived, struct err *e)
{
	(void)rows;
	return pg_load_end(l->pg, arrived, e);
}

const struct table_dialect table_postgres = {
    .type = &source_type_postgres,
    .lost = "a trigger of it left the others out",
    .connect = connect_target,
    .danger = danger,
    .set_up = set_up,
    .table = sql_target_table,
    .columns = sql_target_columns,
    .trust = sql_target_trust,
    .ledger_state = sql_target_ledger_state,
    .ledger_schema = sql_target_ledger_schema,
    .ledger_make = sql_target_ledger_make,
    .ledger_find = sql_target_ledger_find,
    .rivals = sql_target_rivals,
    .ledger_begin = ledger_begins,
    .ledger_end = ledger_ends,
    .make_type = make_type,
    .check_key = check_unique,
    .create = plan_create,
    .add = plan_add,
    .stage = plan_stage,
    .remove = plan_delete,
    .lock = plan_lock,
    .find_null = plan_find_null,
    .find_twice = plan_find_twice,
    .count_keys = plan_count_keys,
    .insert = plan_insert,
    .over = postgres_over,
    .leave = postgres_leave,
    .copy_csv = plan_copy_csv,
    .rows_open = rows_open,
    .rows_write = rows_write,
    .rows_end = rows_end,
};
