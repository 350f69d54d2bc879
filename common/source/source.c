/* SPDX-License-Identifier: MIT */
#include "source/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "source/pg.h"
#include "source/sqltext.h"

#define SQL_MAX (4u << 20)

/*
 * Both kinds of server speak PostgreSQL's protocol; they differ in what they
 * take. Redshift (documentation: "Unsupported PostgreSQL features") has no COPY
 * TO STDOUT and no DISCARD, and wants the simple protocol for what is streamed.
 */
struct source_type {
	const char *name;
	bool copy;
	bool simple;
	bool check_interval; /* client_connection_check_interval, 14 and up */
	const char *settings;
	const char *reset; /* NULL: a session serves one job only */
};

static const struct source_type types[] = {
    {"postgres", true, false, true,
	"set datestyle = 'ISO'; set intervalstyle = 'postgres'; "
	"set bytea_output = 'hex'; set standard_conforming_strings = on; ",
	"discard all"},
    {"redshift", false, true, false, "set datestyle = 'ISO'; ", NULL},
};

struct source {
	const struct source_type *type;
	struct pg *pg;
	struct value *values; /* one row */
	int columns;
	bool began; /* the read only transaction */
};

static const struct source_type *type_named(const char *name)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (strcmp(types[i].name, name) == 0)
			return &types[i];
	}
	return NULL;
}

bool source_type_known(const char *type, const char **known)
{
	*known = "postgres, redshift";
	return type_named(type) != NULL;
}

int source_check_conninfo(const char *conninfo, struct err *e)
{
	return pg_check_conninfo(conninfo, e);
}

struct source *source_connect(const struct source_options *options,
    const struct watch *watch, struct err *e)
{
	struct source *s = mem_zalloc(sizeof(*s));

	s->type = type_named(options->type);
	if (s->type == NULL)
		err_set(e, ERR_PERMANENT, "unknown source type \"%s\"",
		    options->type);
	else
		s->pg = pg_connect(options->conninfo, watch, e);
	if (s->pg == NULL) {
		source_close(s);
		return NULL;
	}
	return s;
}

void source_close(struct source *s)
{
	if (s == NULL)
		return;
	pg_close(s->pg);
	free(s->values);
	free(s);
}

void source_set_watch(struct source *s, const struct watch *watch)
{
	pg_set_watch(s->pg, watch);
}

bool source_alive(struct source *s)
{
	return pg_alive(s->pg);
}

int source_begin_job(
    struct source *s, const struct job_session *session, struct err *e)
{
	char *name = pg_quote_literal(s->pg, session->application_name, e);
	char *zone = pg_quote_literal(s->pg, session->time_zone, e);
	struct buf sql;
	int rc = -1;

	buf_init(&sql, SQL_MAX);
	if (name == NULL || zone == NULL)
		goto out;
	buf_printf(&sql,
	    "%sset application_name = %s; set timezone = %s; "
	    "set statement_timeout = %lld",
	    s->type->settings, name, zone,
	    (long long)(session->statement_timeout_ms > INT32_MAX
			    ? INT32_MAX /* the most that it takes: 24 days */
			    : session->statement_timeout_ms));
	/* A backend whose worker was killed notices within seconds. */
	if (s->type->check_interval && pg_server_version(s->pg) >= 140000)
		buf_str(&sql, "; set client_connection_check_interval = '5s'");
	if (session->read_only)
		buf_str(&sql, "; begin read only");
	rc = pg_exec(s->pg, sql.data, e);
	s->began = rc == 0 && session->read_only;
out:
	buf_free(&sql);
	free(name);
	free(zone);
	return rc;
}

bool source_end_job(struct source *s)
{
	struct err unused;

	if (s->type->reset == NULL ||
	    (pg_in_transaction(s->pg) &&
		pg_exec(s->pg, "rollback", &unused) != 0) ||
	    !pg_alive(s->pg))
		return false;
	pg_exec_later(s->pg, s->type->reset);
	return true;
}

/* One transaction over all statements, or none. `number` is the statement that
 * the script is at. */
static int run_statements(struct source *s, const char *script,
    bool transaction, int *number, struct err *e)
{
	struct sqltext_part part;

	*number = 0;
	if (transaction && pg_exec(s->pg, "begin", e) != 0)
		return -1;
	while (sqltext_next(&script, &part)) {
		char *sql = mem_strndup(part.text, part.len);
		int rc;

		++*number;
		rc = pg_exec(s->pg, sql, e);
		free(sql);
		if (rc != 0)
			return -1;
	}
	/* A script that commits by itself has left no transaction to end. */
	if (pg_in_transaction(s->pg))
		return pg_exec(s->pg, "commit", e);
	return 0;
}

int source_run_script(struct source *s, const char *script, struct err *e)
{
	int count = sqltext_count(script), number, rc;

	rc = run_statements(s, script, count > 1, &number, e);
	if (rc != 0 && count > 1 &&
	    (strcmp(e->sqlstate, "25001") == 0 ||
		strcmp(e->sqlstate, "2D000") == 0)) {
		if (pg_exec(s->pg, "rollback", e) != 0)
			return -1;
		rc = run_statements(s, script, false, &number, e);
	}
	if (rc != 0 && count > 1 && number > 0)
		err_wrap(e, "statement %d of %d", number, count);
	return rc;
}

static int begin_read_only(struct source *s, struct err *e)
{
	if (!s->began && pg_exec(s->pg, "begin read only", e) != 0)
		return -1;
	s->began = false;
	return 0;
}

/* The one statement of sql between head and tail, in out. */
static int one_statement(const char *sql, const char *head, const char *tail,
    struct buf *out, struct err *e)
{
	struct sqltext_part part, more;

	if (!sqltext_next(&sql, &part))
		return err_set(e, ERR_PERMANENT, "the query is empty");
	if (sqltext_next(&sql, &more))
		return err_set(e, ERR_PERMANENT,
		    "export_sql holds more than one statement; put what "
		    "prepares the data into prep_sql");
	buf_str(out, head);
	buf_add(out, part.text, part.len);
	buf_str(out, tail);
	return 0;
}

int source_raw_text(struct source *s, struct err *e)
{
	return pg_exec(s->pg, "set client_encoding = 'SQL_ASCII'", e);
}

int source_query(
    struct source *s, const char *sql, struct schema *schema, struct err *e)
{
	struct buf text;
	int rc = -1;

	buf_init(&text, SQL_MAX);
	if (one_statement(sql, "", "", &text, e) == 0 &&
	    begin_read_only(s, e) == 0)
		rc = pg_stream_start(s->pg,
		    &(struct pg_stream){text.data, 0, s->type->simple}, e);
	buf_free(&text);
	if (rc != 0 || pg_stream_schema(s->pg, schema, e) != 0)
		return -1;
	s->columns = schema->count;
	s->values =
	    mem_realloc(s->values, (size_t)s->columns, sizeof(*s->values));
	return 0;
}

int source_next(struct source *s, struct batch *batch, struct err *e)
{
	batch->values = s->values;
	batch->rows = 1;
	return pg_stream_next(s->pg, s->values, s->columns, e);
}

bool source_can_copy(const struct source *s, const char *sql)
{
	static const char *const words[] = {
	    "select", "with", "values", "table"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (sqltext_starts_with(sql, words[i]))
			return s->type->copy;
	}
	return false;
}

int source_copy_csv(
    struct source *s, const char *sql, const char *options, struct err *e)
{
	static const char head[] = "copy (";
	struct buf text;
	int rc = -1;

	buf_init(&text, SQL_MAX);
	/* The line break ends a comment at the query's end. */
	if (one_statement(sql, head, "\n) to stdout with (", &text, e) == 0) {
		buf_printf(&text, "%s)", options);
		if (begin_read_only(s, e) == 0)
			rc = pg_copy_start(s->pg,
			    &(struct pg_stream){
				text.data, sizeof(head) - 1, false},
			    e);
	}
	buf_free(&text);
	return rc;
}

int source_copy_next(
    struct source *s, const char **data, size_t *len, struct err *e)
{
	return pg_copy_next(s->pg, data, len, e);
}

void source_query_end(struct source *s)
{
	pg_exec_later(s->pg, "commit");
}

char *source_quote(
    struct source *s, const char *text, bool identifier, struct err *e)
{
	return identifier ? pg_quote_identifier(s->pg, text, e)
			  : pg_quote_literal(s->pg, text, e);
}
