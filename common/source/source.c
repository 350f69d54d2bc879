/* SPDX-License-Identifier: MIT */
#include "source/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "source/postgres/conninfo.h"
#include "source/postgres/pg.h"
#include "source/postgres/shorten.h"
#include "source/postgres/types.h"
#include "source/sqltext.h"
#include "sql/source.h"

#define PROLOGUE_MAX (64u << 10)
#define PROLOGUE_STATEMENTS 16
/* What a transaction that was rolled back may leave (an advisory lock, a
 * prepared statement) is gone after this time at the latest. */
#define RESET_MS 1000
/* A batch ends at the first of these. */
#define BATCH_ROWS 512
#define BATCH_VALUES 16384
#define BATCH_BYTES (64 << 10)

/*
 * Both kinds of server speak PostgreSQL's protocol; they differ in what they
 * take. Redshift (documentation: "Unsupported PostgreSQL features") has no COPY
 * TO STDOUT and no DISCARD, knows few settings, and makes a cursor of what is
 * prepared: so everything there is a simple query.
 */
struct source_type {
	const char *name;
	bool copy;
	bool simple;
	bool check_interval; /* client_connection_check_interval, 14 and up */
	/* NULL and '' are the same to concat, which takes any type's output. */
	struct source_text_key text_key;
	const char *settings; /* how values are written, all that counts */
	const char *reset;    /* NULL: none; who may have written is not kept */
};

static const struct source_type types[] = {
    {"postgres", true, false, true, {"pg_catalog.concat(", ") collate \"C\""},
	"set datestyle = 'ISO'; set intervalstyle = 'postgres'; "
	"set bytea_output = 'hex'; set extra_float_digits = 3; "
	"set standard_conforming_strings = on; set client_encoding = 'UTF8'; ",
	"discard all"},
    {"redshift", false, true, false, {"", ""},
	"set datestyle to 'ISO, MDY'; set extra_float_digits to 2; ", NULL},
};

struct source {
	const struct source_type *type;
	struct pg *pg;
	struct value *values;  /* a batch */
	int columns, room;     /* of how many rows */
	unsigned char *floats; /* columns to shorten: their size; NULL: none */
	bool copying;          /* the query's rows come by COPY */
	bool ended;            /* ... and the last batch was the last */
	struct buf prologue;   /* of a read only job, until it is sent */
	bool raw;              /* the job's text is not made UTF-8 */
	bool refused;          /* the server takes no optional settings */
	bool set;              /* the session has the type's settings */
	char zone[64];         /* ... and this time zone */
	int timeout;           /* ... and statement_timeout, ms */
	bool wrote;            /* the job may have changed the session */
	int64_t reset_ms;      /* boot clock: of the last reset */
	struct types types;
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
	return conninfo_check(conninfo, e);
}

char *source_conninfo_password(const char *conninfo)
{
	return conninfo_get(conninfo, "password");
}

struct source *source_connect(const struct source_options *options,
    const struct watch *watch, struct err *e)
{
	struct source *s = mem_zalloc(sizeof(*s));

	buf_init(&s->prologue, PROLOGUE_MAX);
	s->reset_ms = clock_boot_ms();
	s->type = type_named(options->type);
	if (s->type == NULL)
		err_set(e, ERR_PERMANENT, "unknown source type \"%s\"",
		    options->type);
	else
		s->pg = s->type->simple
			    ? pg_connect_plain(options->conninfo, watch, e)
			    : pg_connect(options->conninfo, watch, e);
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
	buf_free(&s->prologue);
	types_free(&s->types);
	free(s->floats);
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

/* A PostgreSQL may be read as if it were one. */
static bool is_redshift(const struct source *s)
{
	return s->type->simple && pg_server_version(s->pg) < 80100;
}

const char *source_protection(const struct source *s, bool *weak)
{
	return pg_protection(s->pg, weak);
}

/* Redshift has none of those roles; that somebody is a superuser it says at the
 * start of the session. */
int source_danger(struct source *s, char **why, struct err *e)
{
	struct pg_rows *rows = NULL;

	*why = NULL;
	if (pg_superuser(s->pg)) {
		*why = mem_printf("%s is a superuser", pg_user(s->pg));
		return 0;
	}
	if (is_redshift(s))
		return 0;
	rows = pg_query(s->pg, sql_danger, 0, NULL, e);
	if (rows == NULL)
		return -1;
	if (pg_rows_count(rows) > 0)
		*why = mem_strdup(pg_rows_get(rows, 0, 0));
	pg_rows_free(rows);
	return 0;
}

/* One snapshot for all queries of a job, which every transaction of Redshift
 * has. */
static const char *begin_of(const struct source *s)
{
	return is_redshift(s)
		   ? "begin read only; "
		   : "begin isolation level repeatable read read only; ";
}

static int send_prologue(struct source *s, struct err *e)
{
	int rc = pg_exec(s->pg, s->prologue.data, e);

	buf_clear(&s->prologue);
	return rc;
}

/* The settings of a session, and one that a server or a pooler may refuse: by it
 * a backend whose worker was killed notices within seconds. */
static int send_session(struct source *s, struct err *e)
{
	size_t needed = s->prologue.len;
	bool optional = s->type->check_interval && !s->refused &&
			pg_server_version(s->pg) >= 140000;
	int rc;

	if (optional)
		buf_str(&s->prologue,
		    "set client_connection_check_interval = '5s'");
	rc = pg_exec(s->pg, s->prologue.data, e);
	if (rc != 0 && optional && *e->sqlstate != '\0' && pg_alive(s->pg)) {
		s->refused = true;
		s->prologue.data[needed] = '\0';
		rc = pg_exec(s->pg, s->prologue.data, e);
	}
	buf_clear(&s->prologue);
	return rc;
}

/* The most that statement_timeout takes is 24 days. */
static int timeout_of(const struct job_session *session)
{
	return session->statement_timeout_ms > INT32_MAX
		   ? INT32_MAX
		   : (int)session->statement_timeout_ms;
}

/* A multi-statement string is one transaction, so with a "begin" in it the
 * session's settings would be undone with the rest. What the next jobs are
 * likely to want, too, is set for all of them. */
static int set_up_session(struct source *s, const struct job_session *session,
    const char *zone, struct err *e)
{
	if (s->set)
		return 0;
	buf_str(&s->prologue, s->type->settings);
	buf_printf(&s->prologue,
	    "set timezone = %s; set statement_timeout = %d; ", zone,
	    timeout_of(session));
	s->set = send_session(s, e) == 0;
	str_copy(s->zone, sizeof(s->zone), session->time_zone);
	s->timeout = timeout_of(session);
	return s->set ? 0 : -1;
}

/* For the transaction alone, where it is not the session's already. */
static void add_local(struct source *s, const struct job_session *session,
    const char *name, const char *zone)
{
	buf_str(&s->prologue, begin_of(s));
	buf_printf(&s->prologue, "set local application_name = %s; ", name);
	if (strcmp(s->zone, session->time_zone) != 0)
		buf_printf(&s->prologue, "set local timezone = %s; ", zone);
	if (s->timeout != timeout_of(session))
		buf_printf(&s->prologue, "set local statement_timeout = %d; ",
		    timeout_of(session));
}

/* All of it for the session. */
static int set_session(struct source *s, const struct job_session *session,
    const char *name, const char *zone, struct err *e)
{
	buf_str(&s->prologue, s->type->settings);
	/* It has no application_name to set; by query_group its queues can be
	 * chosen, and it stands in its tables. */
	buf_printf(&s->prologue, "set %s to %s; ",
	    is_redshift(s) ? "query_group" : "application_name", name);
	buf_printf(&s->prologue,
	    "set timezone to %s; set statement_timeout to %d; ", zone,
	    timeout_of(session));
	return send_session(s, e);
}

/* A script may have changed how values are written: what its queries are read
 * with is set once more, in the message that begins their transaction. */
static void add_again(struct source *s, const char *zone)
{
	buf_str(&s->prologue, begin_of(s));
	buf_str(&s->prologue, s->type->settings);
	buf_printf(&s->prologue, "set timezone to %s; ", zone);
}

/*
 * A job that only reads lives in one transaction, which is rolled back: its
 * settings are the transaction's and travel with its query. One that writes
 * sets the session up, which is reset behind it. Where there is no reset each
 * job sets it up.
 */
int source_begin_job(
    struct source *s, const struct job_session *session, struct err *e)
{
	char *name = pg_quote_literal(s->pg, session->application_name, e);
	char *zone = pg_quote_literal(s->pg, session->time_zone, e);
	int rc = -1;

	buf_clear(&s->prologue);
	s->wrote = !session->read_only;
	s->raw = false;
	if (name == NULL || zone == NULL) {
		rc = -1;
	} else if (session->read_only && s->type->reset != NULL) {
		rc = set_up_session(s, session, zone, e);
		if (rc == 0)
			add_local(s, session, name, zone);
	} else {
		rc = set_session(s, session, name, zone, e);
		if (rc == 0 && !session->read_only)
			add_again(s, zone);
	}
	free(name);
	free(zone);
	return rc;
}

void source_reset(struct source *s)
{
	if (s->type->reset == NULL)
		return;
	pg_exec_later(s->pg, s->type->reset);
	s->set = false;
	s->reset_ms = clock_boot_ms();
}

bool source_end_job(struct source *s)
{
	struct err unused;
	bool wrote = s->wrote;

	s->wrote = false;
	if ((wrote && s->type->reset == NULL) || !pg_alive(s->pg) ||
	    pg_large(s->pg) ||
	    (pg_in_transaction(s->pg) &&
		pg_exec(s->pg, "rollback", &unused) != 0))
		return false;
	if (wrote || clock_boot_ms() - s->reset_ms >= RESET_MS)
		source_reset(s);
	return true;
}

/* How far a script has come. */
struct progress {
	int number; /* of the statement that it is at */
	bool ours;  /* all of them ran in the transaction that we began */
};

/* One transaction over all statements, or none. */
static int run_statements(
    struct source *s, const char *script, struct progress *p, struct err *e)
{
	struct sqltext_part part;

	p->number = 0;
	if (p->ours && pg_exec(s->pg, "begin", e) != 0)
		return -1;
	while (sqltext_next(&script, &part)) {
		char *sql = mem_strndup(part.text, part.len);
		int rc;

		p->number++;
		rc = pg_exec(s->pg, sql, e);
		free(sql);
		if (rc != 0)
			return -1;
		p->ours =
		    p->ours && pg_in_transaction(s->pg) && !pg_committed(s->pg);
	}
	/* A script that commits by itself has left no transaction to end. */
	if (pg_in_transaction(s->pg))
		return pg_exec(s->pg, "commit", e);
	return 0;
}

static bool has_state(const struct err *e, const char *const *classes)
{
	for (; *classes != NULL; classes++) {
		if (strncmp(e->sqlstate, *classes, strlen(*classes)) == 0)
			return true;
	}
	return false;
}

/* VACUUM and the like; a procedure that commits. Redshift has not written down
 * how it refuses the latter. */
static bool wants_no_transaction(
    const struct source *s, const char *script, int number, const struct err *e)
{
	static const char *const refused[] = {"25001", "2D000", NULL};
	static const char *const of_call[] = {"0A", "25", "2D", NULL};
	struct sqltext_part part;

	if (has_state(e, refused))
		return true;
	while (number-- > 0) {
		if (!sqltext_next(&script, &part))
			return false;
	}
	return is_redshift(s) && has_state(e, of_call) &&
	       sqltext_starts_with(part.text, "call");
}

int source_run_script(struct source *s, const char *script, struct err *e)
{
	int count = sqltext_count(script), rc;
	struct progress p = {.ours = count > 1};

	rc = run_statements(s, script, &p, e);
	if (rc != 0 && p.ours && wants_no_transaction(s, script, p.number, e)) {
		if (pg_exec(s->pg, "rollback", e) != 0)
			return -1;
		p.ours = false;
		rc = run_statements(s, script, &p, e);
	}
	if (rc != 0 && count > 1 && p.number > 0)
		err_wrap(e, "statement %d of %d", p.number, count);
	/* A message is read whole before the settings at its head hold. */
	if (rc == 0 && !s->type->simple && !pg_reads_plainly(s->pg))
		rc = pg_exec(s->pg, s->type->settings, e);
	return rc;
}

static int begin_read_only(struct source *s, struct err *e)
{
	if (pg_in_transaction(s->pg))
		return 0;
	if (s->prologue.len == 0)
		buf_str(&s->prologue, begin_of(s));
	return send_prologue(s, e);
}

static int check_length(const struct buf *sql, struct err *e)
{
	if (sql->overflow)
		return err_set(e, ERR_PERMANENT,
		    "the SQL is longer than %zu bytes", SOURCE_SQL_MAX);
	return 0;
}

/* Appends the one statement of sql and the tail. */
static int one_statement(
    const char *sql, const char *tail, struct buf *out, struct err *e)
{
	struct sqltext_part part, more;

	if (!sqltext_next(&sql, &part))
		return err_set(e, ERR_PERMANENT, "the query is empty");
	if (sqltext_next(&sql, &more))
		return err_set(e, ERR_PERMANENT,
		    "this is more than one statement: %.60s", part.text);
	buf_add(out, part.text, part.len);
	buf_str(out, tail);
	return check_length(out, e);
}

int source_raw_text(struct source *s, struct err *e)
{
	if (begin_read_only(s, e) != 0)
		return -1;
	s->raw = true;
	return pg_exec(s->pg, "set local client_encoding = 'SQL_ASCII'", e);
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

bool source_encodes(const struct source *s, const char *encoding)
{
	return pg_encodes(s->pg, encoding);
}

struct source_text_key source_text_key(const struct source *s)
{
	return s->type->text_key;
}

/* The prologue runs in the same round trip. The caller frees *oids. */
static int describe_columns(struct source *s, const char *sql,
    struct schema *schema, uint32_t **oids, struct err *e)
{
	const char *at = s->prologue.data, *before[PROLOGUE_STATEMENTS];
	struct sqltext_part part;
	int count = 0, rc;

	if (!pg_in_transaction(s->pg)) {
		if (s->prologue.len == 0)
			at = begin_of(s);
		while (count < PROLOGUE_STATEMENTS && sqltext_next(&at, &part))
			before[count++] = mem_strndup(part.text, part.len);
	}
	buf_clear(&s->prologue);
	rc = pg_describe(s->pg, before, count, sql, schema, oids, e);
	while (count > 0)
		free((char *)(uintptr_t)before[--count]);
	return rc;
}

int source_describe(
    struct source *s, const char *sql, struct schema *schema, struct err *e)
{
	uint32_t *oids;
	int rc = describe_columns(s, sql, schema, &oids, e);

	free(oids);
	return rc;
}

/* With what the columns' types are made of. */
static int describe_types(
    struct source *s, const char *sql, struct schema *schema, struct err *e)
{
	uint32_t *oids;
	int rc = describe_columns(s, sql, schema, &oids, e);

	if (rc == 0)
		rc = types_resolve(&s->types, s->pg, oids, schema, e);
	free(oids);
	return rc;
}

/* Twice as fast as single rows, which libpq makes a result of each. */
static int start_copy(struct source *s, const struct buf *sql,
    struct schema *schema, struct err *e)
{
	static const char head[] = "copy (";
	struct buf text;
	int rc = -1;

	buf_init(&text, SOURCE_WRAP_MAX);
	buf_str(&text, head);
	buf_add(&text, sql->data, sql->len);
	/* A query may change the session's encoding while it runs. */
	buf_str(&text,
	    s->raw ? "\n) to stdout" : "\n) to stdout (encoding 'UTF8')");
	if (check_length(&text, e) == 0 &&
	    describe_types(s, sql->data, schema, e) == 0)
		rc = pg_copy_start(s->pg,
		    &(struct pg_stream){text.data, sizeof(head) - 1, false}, e);
	buf_free(&text);
	return rc;
}

/* Asked for exact ones, a server that is older than shortest output gives all of
 * their digits. */
static void find_floats(struct source *s, const struct schema *schema)
{
	free(s->floats);
	s->floats = NULL;
	for (int i = 0; is_redshift(s) && i < schema->count; i++) {
		if (schema->columns[i].kind != KIND_FLOAT)
			continue;
		if (s->floats == NULL)
			s->floats = mem_zalloc((size_t)schema->count);
		s->floats[i] = (unsigned char)schema->columns[i].size;
	}
}

/* Who is asked simply tells the columns when the rows begin, and has no types
 * that are not built in. */
static int start_rows(struct source *s, const struct buf *sql,
    struct schema *schema, struct err *e)
{
	struct pg_stream stream = {sql->data, 0, s->type->simple};

	if ((s->type->simple ? begin_read_only(s, e)
			     : describe_types(s, sql->data, schema, e)) != 0 ||
	    pg_stream_start(s->pg, &stream, e) != 0)
		return -1;
	if (s->type->simple)
		pg_stream_schema(s->pg, schema);
	find_floats(s, schema);
	return 0;
}

int source_query(
    struct source *s, const char *sql, struct schema *schema, struct err *e)
{
	struct buf text;
	int rc = -1;

	*schema = (struct schema){0};
	buf_init(&text, SOURCE_WRAP_MAX);
	s->copying = source_can_copy(s, sql);
	s->ended = false;
	if (one_statement(sql, "", &text, e) == 0)
		rc = s->copying ? start_copy(s, &text, schema, e)
				: start_rows(s, &text, schema, e);
	buf_free(&text);
	if (rc != 0) {
		schema_free(schema);
		return -1;
	}
	s->columns = schema->count;
	s->room = s->columns < BATCH_VALUES / BATCH_ROWS
		      ? BATCH_ROWS
		      : BATCH_VALUES / s->columns;
	s->values = mem_realloc(s->values,
	    (size_t)s->columns * (size_t)s->room + 1, sizeof(*s->values));
	return 0;
}

static int next_row(
    struct source *s, struct value *values, bool wait, struct err *e)
{
	int rc;

	if (s->copying)
		return pg_copy_next_row(s->pg, values, s->columns, wait, e);
	rc = pg_stream_next(s->pg, values, s->columns, wait, e);
	for (int i = 0; rc == 1 && s->floats != NULL && i < s->columns; i++) {
		if (s->floats[i] != 0)
			shorten_float(&values[i], s->floats[i]);
	}
	return rc;
}

/* What is at hand, but at least one row: who waits longer sees no progress. */
int source_next(struct source *s, struct batch *batch, struct err *e)
{
	int rows = 0, rc = s->ended ? 0 : 1;
	int64_t bytes = 0;

	pg_stream_release(s->pg);
	while (rc == 1 && rows < s->room && bytes < BATCH_BYTES) {
		struct value *v = s->values + (size_t)rows * (size_t)s->columns;

		rc = next_row(s, v, rows == 0, e);
		if (rc != 1)
			break;
		rows++;
		for (int i = 0; i < s->columns; i++)
			bytes += v[i].len;
	}
	s->ended = rc == 0;
	*batch = (struct batch){s->values, rows};
	return rc < 0 ? -1 : rows > 0;
}

int source_copy_csv(struct source *s, const char *sql, const char *options,
    bool last, struct err *e)
{
	struct buf text;
	size_t skip;
	int rc = -1;

	buf_init(&text, SOURCE_WRAP_MAX);
	if (!pg_in_transaction(s->pg))
		buf_str(
		    &text, s->prologue.len ? s->prologue.data : begin_of(s));
	buf_clear(&s->prologue);
	buf_str(&text, "copy (");
	skip = text.len;
	/* The line break ends a comment at the query's end. */
	if (one_statement(sql, "\n) to stdout with (", &text, e) == 0) {
		buf_printf(&text, "%s)%s", options, last ? "; rollback" : "");
		rc = check_length(&text, e);
	}
	if (rc == 0)
		rc = pg_copy_start(
		    s->pg, &(struct pg_stream){text.data, skip, true}, e);
	buf_free(&text);
	return rc;
}

int source_copy_next(
    struct source *s, const char **data, size_t *len, struct err *e)
{
	return pg_copy_next(s->pg, data, len, e);
}

int source_copy_read(struct source *s, struct buf *to, struct err *e)
{
	return pg_copy_read(s->pg, to, e);
}

int64_t source_copy_rows(const struct source *s)
{
	return pg_copy_rows(s->pg);
}

void source_query_end(struct source *s)
{
	if (pg_in_transaction(s->pg))
		pg_exec_later(s->pg, "rollback");
}

char *source_quote(
    struct source *s, const char *text, bool identifier, struct err *e)
{
	return identifier ? pg_quote_identifier(s->pg, text, e)
			  : pg_quote_literal(s->pg, text, e);
}

void source_advise(
    const struct source *s, const char *sql, bool reads, struct err *e)
{
	const char *user = pg_user(s->pg), *name;
	size_t len;

	if (strcmp(e->sqlstate, "42601") == 0 &&
	    (name = sqltext_bare_variable(sql, &len)) != NULL)
		err_hint(e,
		    "a parameter is written with quotes: :'%.*s' for a value, "
		    ":\"%.*s\" for a name",
		    (int)len, name, (int)len, name);
	else if (strcmp(e->sqlstate, "25006") == 0 && reads)
		err_hint(e,
		    "an export only reads; put statements that write into "
		    "prep_sql of a report");
	else if (strcmp(e->sqlstate, "25006") == 0)
		err_hint(e, "the server or this user takes no writes; is it a "
			    "stand-by?");
	else if (strcmp(e->sqlstate, "42501") == 0 && user != NULL)
		err_hint(e,
		    "the source logs in as \"%s\"; grant that user "
		    "what it lacks",
		    user);
}
