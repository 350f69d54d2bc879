/* SPDX-License-Identifier: MIT */
#include "source/postgres/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "source/sqltext.h"

#define PROLOGUE_MAX (64u << 10)
/* A batch ends when it reaches the first of these limits. */
#define BATCH_ROWS 512
#define BATCH_VALUES 16384
#define BATCH_BYTES (64 << 10)

static struct session *as_session(struct source *s)
{
	return (struct session *)s;
}

static const struct session *as_const(const struct source *s)
{
	return (const struct session *)s;
}

void session_open(struct session *s, const struct source_driver *driver,
    const struct source_config *config, struct pg *pg)
{
	s->base.config = config;
	s->base.driver = driver;
	s->pg = pg;
	buf_init(&s->prologue, PROLOGUE_MAX);
}

void session_close(struct session *s)
{
	pg_close(s->pg);
	buf_free(&s->prologue);
	free(s->values);
}

void session_set_watch(struct source *s, const struct watch *watch)
{
	pg_set_watch(as_session(s)->pg, watch);
}

bool session_alive(struct source *s)
{
	return pg_alive(as_session(s)->pg);
}

const char *session_protection(const struct source *s, bool *weak)
{
	return pg_protection(as_const(s)->pg, weak);
}

void session_query_end(struct source *s)
{
	struct pg *pg = as_session(s)->pg;

	if (pg_in_transaction(pg))
		pg_exec_later(pg, "rollback");
}

char *session_quote(
    struct source *s, const char *text, bool identifier, struct err *e)
{
	struct pg *pg = as_session(s)->pg;

	return identifier ? pg_quote_identifier(pg, text, e)
			  : pg_quote_literal(pg, text, e);
}

void session_advise(
    const struct source *s, const char *sql, bool reads, struct err *e)
{
	const char *user = pg_user(as_const(s)->pg), *name;
	size_t len;

	if (strcmp(e->sqlstate, "42601") == 0 &&
	    (name = sqltext_bare_variable(sql, &len)) != NULL)
		err_hint(e,
		    "a parameter is written with quotes: :'%.*s' for a value, "
		    ":\"%.*s\" for a name",
		    (int)len, name, (int)len, name);
	else if (strcmp(e->sqlstate, "42601") == 0 && sqltext_has_command(sql))
		err_hint(e,
		    "psql's commands, which begin with a backslash, do not "
		    "work here; leave them out");
	else if (strcmp(e->sqlstate, "25006") == 0 && reads)
		err_hint(e,
		    "an export only reads; put statements that write into "
		    "prep_sql of a report");
	else if (strcmp(e->sqlstate, "25006") == 0)
		err_hint(e, "the server or this user takes no writes; is it a "
			    "stand-by?");
	else if (strcmp(e->sqlstate, "42501") == 0 && user != NULL)
		err_hint(e,
		    "the %s logs in as \"%s\"; grant that user "
		    "what it lacks",
		    s->config != NULL ? "source" : "target", user);
}

int session_timeout(const struct job_session *job)
{
	return job->statement_timeout_ms > INT32_MAX
		   ? INT32_MAX
		   : (int)job->statement_timeout_ms;
}

int session_begin(struct session *s, const char *begin, struct err *e)
{
	if (pg_in_transaction(s->pg))
		return 0;
	return pg_exec(s->pg, s->prologue.len ? s->prologue.data : begin, e);
}

bool session_end(struct session *s)
{
	struct err unused;

	/* The beginning of the next job asks the socket. */
	return pg_usable(s->pg) && !pg_large(s->pg) &&
	       (!pg_in_transaction(s->pg) ||
		   pg_exec(s->pg, "rollback", &unused) == 0);
}

/* How far a script has been run. */
struct progress {
	int number; /* number of the current statement, from 1 */
	bool ours;  /* all statements ran in the transaction begun here */
};

/* Runs all statements in one transaction when p->ours is set, else each on its
 * own. */
static int run_statements(
    struct session *s, const char *script, struct progress *p, struct err *e)
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
	/* A script that commits has left no transaction to end. */
	if (pg_in_transaction(s->pg))
		return pg_exec(s->pg, "commit", e);
	return 0;
}

/* SQLSTATE 25001 refuses VACUUM and the like; 2D000 a procedure that
 * commits. */
static bool wants_no_transaction(const struct err *e)
{
	return strcmp(e->sqlstate, "25001") == 0 ||
	       strcmp(e->sqlstate, "2D000") == 0;
}

int session_script(
    struct session *s, const char *script, session_top *top, struct err *e)
{
	int count = sqltext_count(script), rc;
	struct progress p = {.ours = count > 1};

	rc = run_statements(s, script, &p, e);
	if (rc != 0 && p.ours &&
	    (wants_no_transaction(e) ||
		(top != NULL && top(script, p.number, e)))) {
		if (pg_exec(s->pg, "rollback", e) != 0)
			return -1;
		p.ours = false;
		rc = run_statements(s, script, &p, e);
	}
	if (rc != 0 && count > 1 && p.number > 0)
		err_wrap(e, "statement %d of %d", p.number, count);
	return rc;
}

void session_begin_rows(struct session *s, int columns)
{
	s->ended = false;
	s->columns = columns;
	s->room = columns < BATCH_VALUES / BATCH_ROWS ? BATCH_ROWS
						      : BATCH_VALUES / columns;
	s->values = mem_realloc(s->values,
	    (size_t)columns * (size_t)s->room + 1, sizeof(*s->values));
}

/* Fills the batch with the rows that have arrived, but with at least one:
 * waiting for more rows would delay the reports of progress. */
int session_batch(
    struct session *s, struct batch *batch, session_row *next, struct err *e)
{
	int rows = 0, rc = s->ended ? 0 : 1;
	int64_t bytes = 0;

	pg_stream_release(s->pg);
	while (rc == 1 && rows < s->room && bytes < BATCH_BYTES) {
		struct value *v = s->values + (size_t)rows * (size_t)s->columns;

		rc = next(s, v, rows == 0, e);
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
