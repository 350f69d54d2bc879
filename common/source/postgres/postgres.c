/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "source/dialect.h"
#include "source/postgres/config.h"
#include "source/postgres/danger.h"
#include "source/postgres/horizon.h"
#include "source/postgres/login.h"
#include "source/postgres/over.h"
#include "source/postgres/postgres_parts.h"
#include "source/postgres/written.h"
#include "source/sqltext.h"
#include "sql/source.h"

#define PROLOGUE_STATEMENTS 16
/* A rolled back transaction may leave an advisory lock or a prepared statement;
 * both are gone after this time at the latest. */
#define RESET_MS 1000
/* Fixes how values are written, where the server offers a choice. */
#define SETTINGS                                                  \
	"set datestyle = 'ISO'; set intervalstyle = 'postgres'; " \
	"set bytea_output = 'hex'; set extra_float_digits = 3; "  \
	"set standard_conforming_strings = on; "                  \
	"set client_encoding = 'UTF8'; "
#define BEGIN POSTGRES_BEGIN

static struct postgres *as_postgres(struct source *s)
{
	return (struct postgres *)s;
}

/* ---- the session ---- */

static struct source *postgres_connect(
    const struct source_how *how, struct err *e)
{
	const struct postgres_config *config =
	    (const struct postgres_config *)how->config;
	const struct login login = {
	    .conninfo = config->conninfo, .secret_arn = config->secret_arn};
	struct pg *pg = login_pg(how, &login, pg_connect, e);
	struct postgres *p;

	if (pg == NULL)
		return NULL;
	p = mem_zalloc(sizeof(*p));
	session_open(&p->session, &source_postgres, how->config, pg);
	p->reset_ms = clock_boot_ms();
	return &p->session.base;
}

struct source *postgres_over(struct pg *pg, const char *zone)
{
	struct postgres *p = mem_zalloc(sizeof(*p));

	session_open(&p->session, &source_postgres, NULL, pg);
	str_copy(p->job_zone, sizeof(p->job_zone), zone);
	buf_str(&p->session.prologue, BEGIN SETTINGS);
	return &p->session.base;
}

static void postgres_close(struct source *s)
{
	struct postgres *p = as_postgres(s);

	session_close(&p->session);
	types_free(&p->types);
	free(p);
}

void postgres_leave(struct source *s)
{
	as_postgres(s)->session.pg = NULL;
	postgres_close(s);
}

static int postgres_danger(struct source *s, char **why, struct err *e)
{
	return danger_find(as_postgres(s)->session.pg, false, why, e);
}

/* Sends the session's settings and one optional setting, which a server or a
 * pooler may refuse: with it a backend notices within seconds that its worker
 * was killed. */
static int send_session(struct postgres *p, struct err *e)
{
	struct pg *pg = p->session.pg;
	struct buf *text = &p->session.prologue;
	size_t needed = text->len;
	bool optional = !p->refused && pg_server_version(pg) >= 140000;
	int rc;

	if (optional)
		buf_str(text, "set client_connection_check_interval = '5s'");
	rc = pg_exec(pg, text->data, e);
	if (rc != 0 && optional && *e->sqlstate != '\0' && pg_alive(pg)) {
		p->refused = true;
		text->data[needed] = '\0';
		rc = pg_exec(pg, text->data, e);
	}
	buf_clear(text);
	return rc;
}

/* Sets up the session before a transaction begins. The statements of one
 * message run as one transaction, so a message with a "begin" would undo these
 * settings at the rollback. Values that the next jobs are likely to share are
 * set for the whole session. */
static int set_up_session(struct postgres *p, const struct job_session *job,
    const char *zone, struct err *e)
{
	if (p->set)
		return 0;
	buf_printf(&p->session.prologue,
	    SETTINGS "set timezone = %s; set statement_timeout = %d; ", zone,
	    session_timeout(job));
	p->set = send_session(p, e) == 0;
	str_copy(p->zone, sizeof(p->zone), job->time_zone);
	p->timeout = session_timeout(job);
	return p->set ? 0 : -1;
}

/* Adds settings for the transaction only, where the session has other
 * values. */
static void add_local(struct postgres *p, const struct job_session *job,
    const char *name, const char *zone)
{
	struct buf *text = &p->session.prologue;

	buf_str(text, BEGIN "set local application_name = ");
	buf_str(text, name);
	buf_str(text, "; ");
	if (strcmp(p->zone, job->time_zone) != 0)
		buf_printf(text, "set local timezone = %s; ", zone);
	if (p->timeout != session_timeout(job))
		buf_printf(text, "set local statement_timeout = %d; ",
		    session_timeout(job));
}

/* Sets everything for the session. A script may change how values are written,
 * so these settings are repeated in the message that begins the transaction of
 * the job's queries. */
static int set_session(struct postgres *p, const struct job_session *job,
    const char *name, const char *zone, struct err *e)
{
	struct buf *text = &p->session.prologue;

	buf_printf(text,
	    SETTINGS "set application_name to %s; set timezone to %s; "
		     "set statement_timeout to %d; ",
	    name, zone, session_timeout(job));
	if (send_session(p, e) != 0)
		return -1;
	buf_printf(text, BEGIN SETTINGS "set timezone to %s; ", zone);
	return 0;
}

/*
 * A job that only reads runs in one transaction, which is rolled back; its
 * settings belong to the transaction and are sent with its query. A job that
 * writes configures the session, which is reset after the job.
 */
static int postgres_begin(
    struct source *s, const struct job_session *job, struct err *e)
{
	struct postgres *p = as_postgres(s);
	char *name = pg_quote_literal(p->session.pg, job->application_name, e);
	char *zone = pg_quote_literal(p->session.pg, job->time_zone, e);
	int rc = -1;

	buf_clear(&p->session.prologue);
	p->wrote = !job->read_only;
	p->raw = false;
	str_copy(p->job_zone, sizeof(p->job_zone), job->time_zone);
	if (name != NULL && zone != NULL && job->read_only) {
		rc = set_up_session(p, job, zone, e);
		if (rc == 0)
			add_local(p, job, name, zone);
	} else if (name != NULL && zone != NULL) {
		rc = set_session(p, job, name, zone, e);
	}
	free(name);
	free(zone);
	return rc;
}

static void postgres_reset(struct source *s)
{
	struct postgres *p = as_postgres(s);

	pg_exec_later(p->session.pg, "discard all");
	p->set = false;
	p->reset_ms = clock_boot_ms();
}

/* Resets a session that has only read once a second at most. */
static bool postgres_end(struct source *s)
{
	struct postgres *p = as_postgres(s);

	if (!session_end(&p->session))
		return false;
	if (p->wrote || clock_boot_ms() - p->reset_ms >= RESET_MS)
		postgres_reset(s);
	p->wrote = false;
	return true;
}

/* The server parses a whole message before the settings at its head take
 * effect, so a changed string syntax is restored in a message of its own. */
static int postgres_script(struct source *s, const char *script, struct err *e)
{
	struct session *session = &as_postgres(s)->session;

	if (session_script(session, script, NULL, e) != 0)
		return -1;
	return pg_misread_by(session->pg, "UTF8") == NULL
		   ? 0
		   : pg_exec(session->pg, SETTINGS, e);
}

/* ---- rows ---- */

static int postgres_raw_text(struct source *s, bool raw, struct err *e)
{
	struct postgres *p = as_postgres(s);

	if (session_begin(&p->session, BEGIN, e) != 0)
		return -1;
	p->raw = raw;
	return pg_exec(p->session.pg,
	    raw ? POSTGRES_MARK "set local client_encoding = 'SQL_ASCII'"
		: POSTGRES_MARK "set local client_encoding = 'UTF8'",
	    e);
}

/* Describes the columns of a query; the job's prologue runs in the same round
 * trip. The caller frees *oids. */
static int describe_columns(struct session *s, const char *sql,
    struct schema *schema, uint32_t **oids, struct err *e)
{
	const char *at = s->prologue.data, *before[PROLOGUE_STATEMENTS];
	struct sqltext_part part;
	char *marked = mem_printf(POSTGRES_MARK "%s", sql);
	int count = 0, rc;

	if (!pg_in_transaction(s->pg)) {
		if (s->prologue.len == 0)
			at = BEGIN;
		while (count < PROLOGUE_STATEMENTS && sqltext_next(&at, &part))
			before[count++] = mem_strndup(part.text, part.len);
	}
	rc = pg_describe(s->pg, before, count,
	    &(struct pg_stream){marked, strlen(POSTGRES_MARK), false}, schema,
	    oids, e);
	free(marked);
	while (count > 0)
		free((char *)(uintptr_t)before[--count]);
	return rc;
}

/* Describes the columns and resolves the types that theirs are made of. */
static int describe_types(
    struct postgres *p, const char *sql, struct schema *schema, struct err *e)
{
	uint32_t *oids;
	int rc = describe_columns(&p->session, sql, schema, &oids, e);

	if (rc == 0)
		rc = types_resolve(&p->types, p->session.pg, oids, schema, e);
	free(oids);
	return rc;
}

static int postgres_describe(
    struct source *s, const char *sql, struct schema *schema, struct err *e)
{
	return describe_types(as_postgres(s), sql, schema, e);
}

/* COPY is twice as fast as single rows, because libpq makes a result object for
 * each single row. */
static int start_copy(struct postgres *p, const struct buf *sql,
    struct schema *schema, struct err *e)
{
	static const char head[] = POSTGRES_READS "copy (";
	struct buf text;
	int rc = -1;

	buf_init(&text, SOURCE_WRAP_MAX);
	buf_str(&text, head);
	buf_add(&text, sql->data, sql->len);
	/* A query may change the session's encoding while it runs. */
	buf_printf(&text, "\n) to stdout (encoding '%s'); " WRITTEN_ASK,
	    p->raw || p->held ? "SQL_ASCII" : "UTF8");
	if (dialect_check_length(&text, e) == 0 &&
	    describe_types(p, sql->data, schema, e) == 0)
		rc = pg_copy_start(p->session.pg,
		    &(struct pg_stream){text.data, sizeof(head) - 1, true}, e);
	buf_free(&text);
	return rc;
}

static int start_rows(struct postgres *p, const struct buf *sql,
    struct schema *schema, struct err *e)
{
	static const char head[] = POSTGRES_MARK;
	char *text;
	int rc;

	if (describe_types(p, sql->data, schema, e) != 0)
		return -1;
	text = mem_printf("%s%s", head, sql->data);
	rc = pg_stream_start(p->session.pg,
	    &(struct pg_stream){text, sizeof(head) - 1, false}, e);
	free(text);
	return rc;
}

static int postgres_query(
    struct source *s, const char *sql, struct schema *schema, struct err *e)
{
	struct postgres *p = as_postgres(s);
	struct buf text;
	int rc = -1;

	buf_init(&text, SOURCE_WRAP_MAX);
	p->copying = dialect_is_query(sql);
	p->held =
	    p->copying && !p->raw && pg_is_bytes(p->session.pg) ? schema : NULL;
	p->rows = 0;
	if (written_readable(p->session.pg, p->raw, e) == 0 &&
	    dialect_one(sql, "", &text, e) == 0)
		rc = p->copying ? start_copy(p, &text, schema, e)
				: start_rows(p, &text, schema, e);
	buf_free(&text);
	if (rc == 0)
		session_begin_rows(&p->session, schema->count);
	p->checked = false;
	return rc;
}

/* Fails when the query has changed a setting; compares once, after the last row.
 * The message of a COPY has asked already. */
static int check_settings(struct postgres *p, struct err *e)
{
	struct pg *pg = p->session.pg;

	p->checked = true;
	if (!p->copying && pg_answers(pg, POSTGRES_MARK WRITTEN_ASK, e) != 0)
		return -1;
	return written_compare(pg, p->job_zone, e) == 0
		   ? types_check_money(&p->types, pg, e)
		   : -1;
}

static int next_copied(
    struct session *s, struct value *values, bool wait, struct err *e)
{
	return pg_copy_next_row(s->pg, values, s->columns, wait, e);
}

static int next_streamed(
    struct session *s, struct value *values, bool wait, struct err *e)
{
	return pg_stream_next(s->pg, values, s->columns, wait, e);
}

static int check_text(
    const struct postgres *p, const struct batch *batch, struct err *e)
{
	for (int i = 0; i < batch->rows * p->held->count; i++) {
		const struct value *v = &batch->values[i];
		const char *name = p->held->columns[i % p->held->count].name;

		if (v->len < 0 || str_is_utf8(v->data, (size_t)v->len))
			continue;
		err_set(e, ERR_PERMANENT,
		    "row %" PRId64
		    ", column \"%s\": the text is not UTF-8, and "
		    "the database has no encoding (SQL_ASCII); if it is "
		    "LATIN1, "
		    "select convert_from(convert(convert_to(\"%s\", "
		    "'SQL_ASCII'), 'LATIN1', 'UTF8'), 'SQL_ASCII')",
		    p->rows + i / p->held->count + 1, name, name);
		memcpy(e->sqlstate, "22021", 6);
		return -1;
	}
	return 0;
}

static int postgres_next(struct source *s, struct batch *batch, struct err *e)
{
	struct postgres *p = as_postgres(s);
	int rc = session_batch(
	    &p->session, batch, p->copying ? next_copied : next_streamed, e);

	if (rc == 1 && p->held != NULL && check_text(p, batch, e) != 0)
		return -1;
	p->rows += rc == 1 ? batch->rows : 0;
	if (rc >= 0 && p->session.ended && !p->checked &&
	    check_settings(p, e) != 0)
		return -1;
	return rc;
}

/* Sorts by concat(), which accepts the output of any type and treats NULL as
 * ''. */
static void postgres_shape(const struct source *s, const char *sql,
    const struct source_shape *shape, struct buf *out)
{
	static const struct dialect_key key = {
	    "pg_catalog.concat(", ") collate \"C\""};

	(void)s;
	dialect_shape(sql, shape, &key, out);
}

const struct source_driver source_postgres = {
    .type = &source_type_postgres,
    .connect = postgres_connect,
    .close = postgres_close,
    .set_watch = session_set_watch,
    .alive = session_alive,
    .protection = session_protection,
    .danger = postgres_danger,
    .begin = postgres_begin,
    .end = postgres_end,
    .reset = postgres_reset,
    .script = postgres_script,
    .raw_text = postgres_raw_text,
    .query = postgres_query,
    .next = postgres_next,
    .query_end = session_query_end,
    .horizon = postgres_horizon,
    .describe = postgres_describe,
    .passing = &postgres_passing,
    .now = "now()",
    .catalogue = sql_catalogue,
    .shape = postgres_shape,
    .quote = session_quote,
    .advise = session_advise,
};
