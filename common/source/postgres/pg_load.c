/* SPDX-License-Identifier: MIT */
#include <libpq-fe.h>
#include <poll.h>
#include <string.h>

#include "base/str.h"
#include "base/watch.h"
#include "source/postgres/pg_conn.h"

/* COPY ... FROM STDIN, see pg.h. */

/* The row and the column that COPY was at are in the error's context alone. */
static int load_error(struct pg *pg, const PGresult *r, struct err *e)
{
	const char *context = PQresultErrorField(r, PG_DIAG_CONTEXT);
	const char *place;

	pg_result_error(pg, r, e);
	/* "COPY table, line 2, column n": the table may be our own temporary
	 * one, whose name tells nobody anything. */
	if (context != NULL && strncmp(context, "COPY ", 5) == 0 &&
	    (place = strstr(context, ", ")) != NULL)
		err_place(e, "%.*s", (int)strcspn(place + 2, "\n"), place + 2);
	return -1;
}

int pg_load_start(struct pg *pg, const char *sql, struct err *e)
{
	PGresult *r;
	int rc = 0;

	if (pg_ready(pg, e) != 0)
		return -1;
	pg_set_sql(pg, sql, 0);
	if (PQsendQuery(pg->conn, sql) == 0)
		return pg_conn_error(pg, e);
	if (pg_flush(pg, e) != 0 || pg_next_result(pg, &r, e) != 0)
		return -1;
	if (PQresultStatus(r) != PGRES_COPY_IN) {
		rc = pg_result_error(pg, r, e);
		pg_drain(pg);
	}
	PQclear(r);
	return rc;
}

/* Reads the answers to the statement up to their end. */
static int take_answer(struct pg *pg, int64_t *rows, struct err *e)
{
	bool failed = false;
	PGresult *r;

	for (;;) {
		if (pg_next_result(pg, &r, e) != 0)
			return -1;
		if (r == NULL)
			return failed ? -1 : 0;
		if (PQresultStatus(r) == PGRES_COMMAND_OK)
			str_to_i64(PQcmdTuples(r), rows);
		else if (!failed)
			failed = load_error(pg, r, e) != 0;
		PQclear(r);
		if (PQstatus(pg->conn) != CONNECTION_OK)
			return failed ? -1 : pg_conn_error(pg, e);
	}
}

/* Says whether the server has said something. It sends no notices here
 * (client_min_messages), so it has refused a row, or ended. */
static bool has_objected(const struct pg *pg)
{
	struct pollfd p = {.fd = PQsocket(pg->conn), .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

/* Ends the COPY without its rows and takes the reason. A server that has given
 * none answers that the client has failed. */
static int give_up(struct pg *pg, struct err *e)
{
	int64_t unused;

	if (PQputCopyEnd(pg->conn, "the server has spoken") != 1)
		return pg_conn_error(pg, e);
	if (pg_flush(pg, e) != 0 || take_answer(pg, &unused, e) != 0)
		return -1;
	return err_set(e, ERR_TRANSIENT, "the server ended the COPY");
}

/* Sends what libpq holds, as pg_flush does, and notes what the server says before
 * libpq takes it in. */
static int send_rest(struct pg *pg, bool *objected, struct err *e)
{
	int n;

	while ((n = PQflush(pg->conn)) > 0) {
		if (watch_wait(pg->watch, PQsocket(pg->conn), POLLIN | POLLOUT,
			0, e) < 0)
			return -1;
		*objected = *objected || has_objected(pg);
		if (*objected && PQconsumeInput(pg->conn) == 0)
			return pg_conn_error(pg, e);
	}
	*objected = *objected || has_objected(pg);
	return n < 0 ? pg_conn_error(pg, e) : 0;
}

int pg_load_write(struct pg *pg, const void *data, size_t len, struct err *e)
{
	bool objected = false;

	if (PQputCopyData(pg->conn, data, (int)len) != 1)
		return pg_conn_error(pg, e);
	if (send_rest(pg, &objected, e) != 0)
		return -1;
	return objected ? give_up(pg, e) : 0;
}

int pg_load_end(struct pg *pg, int64_t *rows, struct err *e)
{
	*rows = 0;
	if (PQputCopyEnd(pg->conn, NULL) != 1)
		return pg_conn_error(pg, e);
	return pg_flush(pg, e) != 0 ? -1 : take_answer(pg, rows, e);
}
