/* SPDX-License-Identifier: MIT */
#include <libpq-fe.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "source/postgres/pg_conn.h"

/* Stands for PGresult, so that callers need not include libpq-fe.h. */
struct pg_rows;

static PGresult *as_result(const struct pg_rows *rows)
{
	return (PGresult *)(uintptr_t)rows;
}

bool pg_in_transaction(struct pg *pg)
{
	struct err unused;

	return pg_ready(pg, &unused) == 0 &&
	       PQtransactionStatus(pg->conn) != PQTRANS_IDLE;
}

bool pg_committed(const struct pg *pg)
{
	return pg->committed;
}

/* Checks one result of a statement that returns no stream. Returns 0 / -1. */
static int take_result(struct pg *pg, PGresult *r, struct err *e)
{
	switch (PQresultStatus(r)) {
	case PGRES_FATAL_ERROR:
	case PGRES_BAD_RESPONSE:
		return pg_result_error(pg, r, e);
	case PGRES_COPY_IN:
	case PGRES_COPY_BOTH:
		PQputCopyEnd(pg->conn, "reportd sends no data");
		return err_set(e, ERR_PERMANENT,
		    "COPY FROM STDIN: a report has no input; COPY from a file "
		    "or from a program on the server instead");
	case PGRES_COPY_OUT:
		return err_set(e, ERR_PERMANENT,
		    "COPY TO STDOUT belongs to export_sql, which takes the "
		    "query alone");
	default:
		return 0;
	}
}

int pg_exec(struct pg *pg, const char *sql, struct err *e)
{
	bool failed = false;
	PGresult *r;

	if (pg_ready(pg, e) != 0)
		return -1;
	pg_set_sql(pg, sql, 0);
	pg->committed = false;
	if (PQsendQuery(pg->conn, sql) == 0)
		return pg_conn_error(pg, e);
	if (pg_flush(pg, e) != 0)
		return -1;
	PQsetSingleRowMode(pg->conn);
	for (;;) {
		if (pg_next_result(pg, &r, e) != 0)
			return -1;
		if (r == NULL)
			return failed ? -1 : 0;
		/* The command tag is a fixed word of the protocol. */
		pg->committed |= strcmp(PQcmdStatus(r), "COMMIT") == 0;
		if (!failed && take_result(pg, r, e) != 0) {
			failed = true;
			if (PQresultStatus(r) == PGRES_COPY_OUT)
				pg_drain(pg);
		}
		PQclear(r);
		if (pg->conn == NULL)
			return -1;
	}
}

void pg_exec_later(struct pg *pg, const char *sql)
{
	struct err e;

	if (pg_ready(pg, &e) != 0 || PQsendQuery(pg->conn, sql) == 0)
		return;
	PQflush(pg->conn);
	pg->pending = true;
}

static int64_t rows_written(PGresult *r)
{
	int64_t n = 0;

	str_to_i64(PQcmdTuples(r), &n);
	return n;
}

/* Reads the answer to statements that were sent. The first error stands. */
static struct pg_rows *take_answer(
    struct pg *pg, int64_t *written, struct err *e)
{
	PGresult *last = NULL, *r;
	bool failed = pg_flush(pg, e) != 0;
	int rc = failed ? -1 : 0;

	*written = 0;
	while (rc == 0) {
		rc = pg_next_result(pg, &r, e);
		if (rc != 0 || r == NULL)
			break;
		PQclear(last);
		last = r;
		if (PQresultStatus(r) == PGRES_COMMAND_OK)
			*written += rows_written(r);
		if (!failed)
			failed = take_result(pg, r, e) != 0;
	}
	if (rc == 0 && !failed && last != NULL)
		return (struct pg_rows *)last;
	PQclear(last);
	return NULL;
}

struct pg_rows *pg_query(struct pg *pg, const char *sql, int count,
    const char *const *params, struct err *e)
{
	int64_t unused;

	if (pg_ready(pg, e) != 0)
		return NULL;
	pg_set_sql(pg, sql, 0);
	if (PQsendQueryParams(
		pg->conn, sql, count, NULL, params, NULL, NULL, 0) != 0)
		return take_answer(pg, &unused, e);
	pg_conn_error(pg, e);
	return NULL;
}

struct pg_rows *pg_ask(
    struct pg *pg, const char *sql, int64_t *written, struct err *e)
{
	int64_t unused;

	if (pg_ready(pg, e) != 0)
		return NULL;
	pg_set_sql(pg, sql, 0);
	if (PQsendQuery(pg->conn, sql) != 0)
		return take_answer(pg, written ? written : &unused, e);
	pg_conn_error(pg, e);
	return NULL;
}

int pg_processes(struct pg *pg, int *told, int *real, struct err *e)
{
	struct pg_rows *rows =
	    pg_query(pg, "select pg_catalog.pg_backend_pid()", 0, NULL, e);

	if (rows == NULL)
		return -1;
	*told = PQbackendPID(pg->conn);
	*real = atoi(pg_rows_get(rows, 0, 0));
	pg_rows_free(rows);
	return 0;
}

int pg_rows_count(const struct pg_rows *rows)
{
	return PQntuples(as_result(rows));
}

int pg_rows_columns(const struct pg_rows *rows)
{
	return PQnfields(as_result(rows));
}

const char *pg_rows_get(const struct pg_rows *rows, int row, int column)
{
	PGresult *r = as_result(rows);

	return PQgetisnull(r, row, column) ? NULL : PQgetvalue(r, row, column);
}

int64_t pg_rows_written(const struct pg_rows *rows)
{
	return rows_written(as_result(rows));
}

void pg_rows_free(struct pg_rows *rows)
{
	PQclear(as_result(rows));
}

static char *quoted(struct pg *pg, char *from_libpq, struct err *e)
{
	char *copy;

	if (from_libpq == NULL) {
		pg_conn_error(pg, e);
		e->kind = ERR_PERMANENT;
		return NULL;
	}
	copy = mem_strdup(from_libpq);
	PQfreemem(from_libpq);
	return copy;
}

/* Quotes a string for servers that do not know E'...': backslashes are
 * doubled. */
static char *old_literal(struct pg *pg, const char *text, struct err *e)
{
	size_t len = strlen(text);
	char *literal = mem_zalloc(2 * len + 3);
	int failed = 0;

	literal[0] = '\'';
	len = PQescapeStringConn(pg->conn, literal + 1, text, len, &failed);
	literal[len + 1] = '\'';
	if (failed == 0)
		return literal;
	free(literal);
	pg_conn_error(pg, e);
	e->kind = ERR_PERMANENT;
	return NULL;
}

/* A server that does not report standard_conforming_strings treats backslashes
 * as escapes in all strings; libpq assumes the same. */
char *pg_quote_literal(struct pg *pg, const char *text, struct err *e)
{
	if (PQparameterStatus(pg->conn, "standard_conforming_strings") == NULL)
		return old_literal(pg, text, e);
	return quoted(pg, PQescapeLiteral(pg->conn, text, strlen(text)), e);
}

char *pg_quote_identifier(struct pg *pg, const char *text, struct err *e)
{
	return quoted(pg, PQescapeIdentifier(pg->conn, text, strlen(text)), e);
}

int pg_wait_notify(
    struct pg *pg, int64_t deadline_ms, char **payload, struct err *e)
{
	for (;;) {
		PGnotify *n = PQnotifies(pg->conn);
		int ready_now;

		if (n != NULL) {
			*payload = mem_strdup(n->extra);
			PQfreemem(n);
			return 1;
		}
		ready_now = watch_wait(
		    pg->watch, PQsocket(pg->conn), POLLIN, deadline_ms, e);
		if (ready_now <= 0)
			return ready_now;
		if (PQconsumeInput(pg->conn) == 0)
			return pg_conn_error(pg, e);
	}
}
