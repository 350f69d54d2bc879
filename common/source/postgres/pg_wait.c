/* SPDX-License-Identifier: MIT */
#include <libpq-fe.h>
#include <poll.h>
#include <time.h>

#include "base/clock.h"
#include "base/watch.h"
#include "source/postgres/pg_conn.h"

#define CANCEL_MS 5000
/* A stream counts as long from this many rows on. */
#define LONG_STREAM 10000

static const struct watch no_watch = {.check = NULL};

void pg_drain(struct pg *pg)
{
	int64_t deadline = clock_boot_ms() + CANCEL_MS;
	PGresult *r;
	struct err e;

	pg_end_stream(pg);
	for (;;) {
		while (PQisBusy(pg->conn)) {
			if (watch_wait(&no_watch, PQsocket(pg->conn), POLLIN,
				deadline, &e) != 1 ||
			    PQconsumeInput(pg->conn) == 0)
				goto dead;
		}
		r = PQgetResult(pg->conn);
		if (r == NULL && PQpipelineStatus(pg->conn) == PQ_PIPELINE_OFF)
			return;
		if (clock_boot_ms() > deadline) {
			PQclear(r);
			goto dead;
		}
		/* libpq answers with this status until the COPY is ended. */
		if (PQresultStatus(r) == PGRES_COPY_IN)
			PQputCopyEnd(pg->conn, "stopped");
		if (PQresultStatus(r) == PGRES_PIPELINE_SYNC) {
			PQclear(r);
			PQexitPipelineMode(pg->conn);
			return;
		}
		if (PQresultStatus(r) == PGRES_COPY_OUT) {
			char *row = NULL;
			int n;

			while ((n = PQgetCopyData(pg->conn, &row, 1)) > 0)
				PQfreemem(row);
			if (n == 0 && (watch_wait(&no_watch, PQsocket(pg->conn),
					   POLLIN, deadline, &e) != 1 ||
					  PQconsumeInput(pg->conn) == 0)) {
				PQclear(r);
				goto dead;
			}
		}
		PQclear(r);
	}
dead:
	PQfinish(pg->conn);
	pg->conn = NULL;
}

void pg_cancel(struct pg *pg)
{
	PGcancel *c = PQgetCancel(pg->conn);
	char unused[256];

	if (c != NULL) {
		PQcancel(c, unused, sizeof(unused));
		PQfreeCancel(c);
	}
	pg_drain(pg);
}

/* Says whether a long stream has data to read. The server sends 8 kB at a time,
 * and waking up for each piece costs more than reading it, so a reader that is
 * ahead of the server pauses to let data gather. Readers of long streams check
 * the watch between rows, so no check is needed here. */
static bool has_gathered(const struct pg *pg)
{
	static const struct timespec half_a_ms = {.tv_nsec = 500000};
	struct pollfd p = {.fd = PQsocket(pg->conn), .events = POLLIN};

	if (pg->rows < LONG_STREAM)
		return false;
	if (poll(&p, 1, 0) > 0)
		return true;
	nanosleep(&half_a_ms, NULL);
	return false;
}

int pg_wait_input(struct pg *pg, struct err *e)
{
	if (!has_gathered(pg) &&
	    watch_wait(pg->watch, PQsocket(pg->conn), POLLIN, 0, e) < 0) {
		pg_cancel(pg);
		return -1;
	}
	if (PQconsumeInput(pg->conn) == 0)
		return pg_conn_error(pg, e);
	return 0;
}

int pg_next_result(struct pg *pg, PGresult **r, struct err *e)
{
	while (PQisBusy(pg->conn)) {
		if (pg_wait_input(pg, e) != 0)
			return -1;
	}
	*r = PQgetResult(pg->conn);
	return 0;
}

int pg_flush(struct pg *pg, struct err *e)
{
	int n;

	while ((n = PQflush(pg->conn)) > 0) {
		if (watch_wait(pg->watch, PQsocket(pg->conn), POLLIN | POLLOUT,
			0, e) < 0)
			return -1;
		if (PQconsumeInput(pg->conn) == 0)
			return pg_conn_error(pg, e);
	}
	return n < 0 ? pg_conn_error(pg, e) : 0;
}

int pg_ready(struct pg *pg, struct err *e)
{
	PGresult *r;

	if (pg->conn == NULL || PQstatus(pg->conn) != CONNECTION_OK)
		return err_set(e, ERR_TRANSIENT, "the connection was lost");
	while (pg->pending) {
		if (pg_next_result(pg, &r, e) != 0)
			return -1;
		if (r == NULL)
			pg->pending = false;
		else if (PQresultStatus(r) == PGRES_FATAL_ERROR) {
			pg_result_error(pg, r, e);
			PQclear(r);
			pg_drain(pg);
			PQfinish(pg->conn);
			pg->conn = NULL;
			return -1;
		}
		PQclear(r);
	}
	return 0;
}
