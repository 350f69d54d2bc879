/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_PG_CONN_H
#define SOURCE_POSTGRES_PG_CONN_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

#include "source/postgres/conninfo.h"
#include "source/postgres/pg.h"

/* The members of struct pg, for the pg*.c files only. */
struct pg {
	PGconn *conn;
	const struct watch *watch;
	bool ended;       /* the server said that it ends the session */
	bool pending;     /* the answer to pg_exec_later is unread */
	PGresult *result; /* the stream's current result */
	PGresult *answers[PG_ANSWERS_MAX]; /* of the statements after a COPY */
	int answer_count;
	bool fresh; /* no caller has looked at result yet */
	char *copy; /* the COPY chunk that the caller is reading */
	/* Rows of a stream whose values the caller is reading. */
	struct held {
		PGresult *result;
		char *copy;
	} * held;
	int held_count, held_room;
	int64_t rows;   /* rows of the stream so far */
	size_t piece;   /* bytes of an incompletely read row (pg_copy_read) */
	bool large;     /* a large row has been read */
	bool committed; /* the last pg_exec held a COMMIT */
	struct conninfo_tls tls;
	char *sql; /* the statement that error positions refer to */
	size_t skip;
};

/* Each of these fills *e and returns -1. The error comes from libpq's own
 * message (libpq has no error codes), from the state of the connection, or from
 * a result that the server sent. */
int pg_libpq_error(const char *text, struct err *e);
int pg_conn_error(struct pg *pg, struct err *e);
int pg_result_error(struct pg *pg, const PGresult *r, struct err *e);

/* Sets the statement that positions in errors refer to, counted after its first
 * `skip` bytes. The text is copied. */
void pg_set_sql(struct pg *pg, const char *sql, size_t skip);
/* Frees the stream's result and resets its count of rows. */
void pg_end_stream(struct pg *pg);

/* Waits until the socket has data, and reads it. A stop by the watch cancels
 * the statement. Returns 0 / -1. */
int pg_wait_input(struct pg *pg, struct err *e);
/* Puts the next result of the statement into *r, NULL at its end. Returns 0 /
 * -1. */
int pg_next_result(struct pg *pg, PGresult **r, struct err *e);
/* Sends the data that libpq still holds. Returns 0 / -1. */
int pg_flush(struct pg *pg, struct err *e);
/* Reads the rest of a statement's answer and discards it. When the server does
 * not answer within five seconds, the connection is closed and pg->conn becomes
 * NULL. */
void pg_drain(struct pg *pg);
/* Asks the server to cancel the statement, and drains its answer. */
void pg_cancel(struct pg *pg);
/* Collects the answer to pg_exec_later, so that the connection can be used
 * again. Returns 0 / -1. */
int pg_ready(struct pg *pg, struct err *e);

#endif
