/* SPDX-License-Identifier: MIT */
#include "place/table/redshift/redshift.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "place/table/redshift/type.h"
#include "source/postgres/config.h"
#include "source/postgres/login.h"
#include "source/postgres/over.h"
#include "sql/redshift.h"

/* Bytes of a report's name that the ledger keeps. */
#define REPORT_BYTES 4000

/* ---- the session ---- */

static struct pg *connect_target(
    const struct table_link *l, const struct place_lent *lent, struct err *e)
{
	const struct redshift_config *config =
	    (const struct redshift_config *)l->target->config;
	const struct source_reach reach = services_reach(lent->services);
	const struct login login = {.conninfo = config->postgres.conninfo,
	    .secret_arn = config->postgres.secret_arn,
	    .cluster = config->cluster,
	    .workgroup = config->workgroup,
	    .database_user = config->database_user};
	struct source_keep *keep = source_keep_open();
	struct pg *pg =
	    login_pg(&(struct source_how){.config = l->target->config,
			 .reach = &reach,
			 .keep = keep,
			 .watch = services_watch(lent->services)},
		&login, pg_connect_plain, e);

	source_keep_close(keep);
	return pg;
}

/* Redshift has no role other than a superuser that reaches more than data. */
static int danger(struct table_link *l, char **why, struct err *e)
{
	(void)e;
	*why = pg_superuser(l->pg)
		   ? mem_printf("%s is a superuser", pg_user(l->pg))
		   : NULL;
	return 0;
}

/* query_group stands for the application_name, which Redshift lacks. */
static int set_up(struct table_link *l, const struct place_output *o,
    const char *name, struct err *e)
{
	int64_t limit = o->lent->target_timeout_ms;
	char *zone =
	    pg_quote_literal(l->pg, o->time_zone ? o->time_zone : "UTC", e);
	char *group = pg_quote_literal(l->pg, name, e);
	char *sql;
	int rc = -1;

	if (zone != NULL && group != NULL) {
		sql = mem_printf("set datestyle to 'ISO, MDY'; "
				 "set extra_float_digits to 2; "
				 "set search_path to pg_catalog; "
				 "set query_group to %s; set timezone to %s; "
				 "set statement_timeout to %d",
		    group, zone, (int)(limit > INT_MAX ? INT_MAX : limit));
		rc = pg_exec(l->pg, sql, e);
		free(sql);
	}
	free(zone);
	free(group);
	return rc;
}

/* ---- the ledger ---- */

static int ledger_begins(
    struct table_link *l, const struct place_output *o, struct err *e)
{
	const char *params[] = {o->queue, o->request_id};
	struct pg_rows *rows;
	bool landed;

	if (link_exec(l, sql_redshift_ledger_lock, e) != 0)
		return -1;
	rows = link_query(l, sql_redshift_ledger_find, 2, params, e);
	landed = rows != NULL && pg_rows_count(rows) > 0;
	pg_rows_free(rows);
	return rows ? landed : -1;
}

static int ledger_ends(struct table_link *l, const struct place_output *o,
    const struct sink_terms *terms, struct err *e)
{
	char number[24];
	char *report =
	    mem_printf("%.*s", REPORT_BYTES, o->report ? o->report : "");
	const char *params[] = {o->queue, o->request_id, report, l->table,
	    terms->rows < 0 ? NULL : number, terms->result};
	struct pg_rows *done;

	snprintf(number, sizeof(number), "%" PRId64, terms->rows);
	done = link_query(l, sql_redshift_ledger_end, 6, params, e);
	free(report);
	pg_rows_free(done);
	return done ? 0 : -1;
}

const struct table_dialect table_redshift = {
    .type = &source_type_redshift,
    .simple = true,
    .stages = true,
    .lost = "it has several rows with the same key, as Redshift enforces none",
    .connect = connect_target,
    .danger = danger,
    .set_up = set_up,
    .table = sql_redshift_table,
    .columns = sql_redshift_columns,
    .ledger_state = sql_redshift_ledger_state,
    .ledger_schema = sql_redshift_ledger_schema,
    .ledger_make = sql_redshift_ledger_make,
    .ledger_find = sql_redshift_ledger_find,
    .ledger_begin = ledger_begins,
    .ledger_end = ledger_ends,
    .make_type = redshift_make_type,
    .stage_type = redshift_stage_type,
    .create = plan_create,
    .add = redshift_add,
    .stage = plan_stage,
    .remove = redshift_remove,
    .find_null = redshift_find_null,
    .find_twice = redshift_find_twice,
    .count_keys = redshift_count_keys,
    .choose = redshift_choose,
    .insert = redshift_insert,
    .over = redshift_over,
    .leave = redshift_leave,
    .probe = redshift_probe,
    .rows_open = redshift_rows_open,
    .rows_write = redshift_rows_write,
    .rows_end = redshift_rows_end,
    .rows_free = redshift_rows_free,
};
