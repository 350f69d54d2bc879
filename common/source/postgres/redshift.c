/* SPDX-License-Identifier: MIT */
#include "source/postgres/redshift.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "source/dialect.h"
#include "source/postgres/login.h"
#include "source/postgres/over.h"
#include "source/postgres/redshift_load.h"
#include "source/postgres/shorten.h"
#include "source/sqltext.h"
#include "sql/redshift.h"

/* Fixes how values are written, where the server offers a choice. */
#define SETTINGS "set datestyle to 'ISO, MDY'; set extra_float_digits to 2; "
/* Each transaction in Redshift reads one snapshot. */
#define BEGIN "begin read only; "

static struct redshift *as_redshift(struct source *s)
{
	return (struct redshift *)s;
}

static struct source *redshift_connect(
    const struct source_how *how, struct err *e)
{
	const struct redshift_config *config =
	    (const struct redshift_config *)how->config;
	const struct login login = {.conninfo = config->postgres.conninfo,
	    .secret_arn = config->postgres.secret_arn,
	    .cluster = config->cluster,
	    .workgroup = config->workgroup,
	    .database_user = config->database_user};
	struct pg *pg = login_pg(how, &login, pg_connect_plain, e);
	struct redshift *r;

	if (pg == NULL)
		return NULL;
	r = mem_zalloc(sizeof(*r));
	session_open(&r->session, &source_redshift, how->config, pg);
	return &r->session.base;
}

struct source *redshift_over(struct pg *pg, const char *zone)
{
	struct redshift *r = mem_zalloc(sizeof(*r));

	(void)zone;
	session_open(&r->session, &source_redshift, NULL, pg);
	buf_str(&r->session.prologue, BEGIN SETTINGS);
	return &r->session.base;
}

static void redshift_close(struct source *s)
{
	struct redshift *r = as_redshift(s);

	session_close(&r->session);
	free(r->floats);
	free(r);
}

void redshift_leave(struct source *s)
{
	as_redshift(s)->session.pg = NULL;
	redshift_close(s);
}

/* Redshift has no role other than a superuser that reaches more than data; but a
 * target's ledger is data that no report may change. */
static int redshift_danger(struct source *s, char **why, struct err *e)
{
	struct pg *pg = as_redshift(s)->session.pg;
	struct pg_rows *rows;

	if (pg_superuser(pg)) {
		*why = mem_printf("%s is a superuser", pg_user(pg));
		return 0;
	}
	rows = pg_ask(pg, sql_redshift_reaches_ledger, NULL, e);
	if (rows == NULL)
		return -1;
	if (pg_rows_count(rows) > 0)
		*why = mem_printf("%s may change %s, the ledger of a target",
		    pg_user(pg), pg_rows_get(rows, 0, 0));
	pg_rows_free(rows);
	return 0;
}

/* Redshift has no command that resets a session, so each job sets everything.
 * It has no application_name; query_group stands for it, which selects
 * Redshift's queues and appears in its system tables. */
static int set_session(struct session *s, const struct job_session *job,
    const char *name, const char *zone, struct err *e)
{
	int rc;

	buf_printf(&s->prologue,
	    SETTINGS "set query_group to %s; set timezone to %s; "
		     "set statement_timeout to %d; ",
	    name, zone, session_timeout(job));
	rc = pg_exec(s->pg, s->prologue.data, e);
	buf_clear(&s->prologue);
	/* A script may change how values are written, so these settings are
	 * repeated in the message that begins the transaction of the job's
	 * queries. */
	if (rc == 0 && !job->read_only)
		buf_printf(
		    &s->prologue, BEGIN SETTINGS "set timezone to %s; ", zone);
	return rc;
}

static int redshift_begin(
    struct source *base, const struct job_session *job, struct err *e)
{
	struct session *s = &as_redshift(base)->session;
	char *name = pg_quote_literal(s->pg, job->application_name, e);
	char *zone = pg_quote_literal(s->pg, job->time_zone, e);
	int rc = -1;

	buf_clear(&s->prologue);
	as_redshift(base)->wrote = !job->read_only;
	if (name != NULL && zone != NULL)
		rc = set_session(s, job, name, zone, e);
	free(name);
	free(zone);
	return rc;
}

/* A session that has only read is clean once it is rolled back. */
static bool redshift_end(struct source *s)
{
	return !as_redshift(s)->wrote && session_end(&as_redshift(s)->session);
}

/* Says whether the failed statement is a CALL, which may run a procedure with
 * COMMIT or TRUNCATE. Redshift's documentation does not name the code that
 * refuses such a procedure inside of a transaction, so every possible class
 * counts. */
static bool wants_top(const char *script, int number, const struct err *e)
{
	static const char *const classes[] = {"0A", "25", "2D"};
	struct sqltext_part part = {.text = ""};
	bool could = false;

	for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++)
		could |= strncmp(e->sqlstate, classes[i], 2) == 0;
	while (could && number-- > 0)
		could = sqltext_next(&script, &part);
	return could && sqltext_starts_with(part.text, "call");
}

static int redshift_script(struct source *s, const char *script, struct err *e)
{
	struct session *session = &as_redshift(s)->session;

	if (session_script(session, script, wants_top, e) == 0)
		return 0;
	if (strcmp(e->sqlstate, "XX000") == 0 && session_end(session))
		redshift_load_refused(session->pg, e);
	return -1;
}

/* Notes the columns of floats: older servers do not choose the shortest exact
 * text and give more digits than needed. */
static void find_floats(struct redshift *r, const struct schema *schema)
{
	free(r->floats);
	r->floats = NULL;
	for (int i = 0; i < schema->count; i++) {
		if (schema->columns[i].kind != KIND_FLOAT)
			continue;
		if (r->floats == NULL)
			r->floats = mem_zalloc((size_t)schema->count);
		r->floats[i] = (unsigned char)schema->columns[i].size;
	}
}

static int redshift_query(
    struct source *base, const char *sql, struct schema *schema, struct err *e)
{
	struct redshift *r = as_redshift(base);
	struct session *s = &r->session;
	struct buf text;
	int rc = -1;

	buf_init(&text, SOURCE_WRAP_MAX);
	if (dialect_one(sql, "", &text, e) == 0 &&
	    session_begin(s, BEGIN, e) == 0)
		rc = pg_stream_start(
		    s->pg, &(struct pg_stream){text.data, 0, true}, e);
	buf_free(&text);
	if (rc != 0)
		return -1;
	pg_stream_schema(s->pg, schema);
	find_floats(r, schema);
	session_begin_rows(s, schema->count);
	return 0;
}

static int next_row(
    struct session *s, struct value *values, bool wait, struct err *e)
{
	const unsigned char *floats = ((struct redshift *)s)->floats;
	int rc = pg_stream_next(s->pg, values, s->columns, wait, e);

	for (int i = 0; rc == 1 && floats != NULL && i < s->columns; i++) {
		if (floats[i] != 0)
			shorten_float(&values[i], floats[i]);
	}
	return rc;
}

static int redshift_next(struct source *s, struct batch *batch, struct err *e)
{
	return session_batch(&as_redshift(s)->session, batch, next_row, e);
}

static void redshift_shape(const struct source *s, const char *sql,
    const struct source_shape *shape, struct buf *out)
{
	static const struct dialect_key key = {"", ""};

	(void)s;
	dialect_shape(sql, shape, &key, out);
}

const struct source_driver source_redshift = {
    .type = &source_type_redshift,
    .connect = redshift_connect,
    .close = redshift_close,
    .set_watch = session_set_watch,
    .alive = session_alive,
    .protection = session_protection,
    .danger = redshift_danger,
    .begin = redshift_begin,
    .end = redshift_end,
    .script = redshift_script,
    .query = redshift_query,
    .next = redshift_next,
    .unloading = &redshift_unloading,
    .query_end = session_query_end,
    .now = "getdate()",
    .shape = redshift_shape,
    .quote = session_quote,
    .advise = session_advise,
};
