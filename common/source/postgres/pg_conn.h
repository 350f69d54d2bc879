/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_PG_CONN_H
#define SOURCE_POSTGRES_PG_CONN_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

#include "source/postgres/conninfo.h"
#include "source/postgres/pg.h"

/* The inside of a struct pg, for the pg*.c files alone. */
struct pg {
	PGconn *conn;
	const struct watch *watch;
	bool pending;     /* pg_exec_later's answer has not been read */
	PGresult *result; /* the stream's current result */
	bool fresh;       /* ... which nobody has looked at yet */
	char *copy;       /* the COPY chunk that the caller looks at */
	/* Rows of a stream whose values the caller looks at. */
	struct held {
		PGresult *result;
		char *copy;
	} * held;
	int held_count, held_room;
	int64_t rows;   /* of the stream so far */
	size_t piece;   /* of a row that pg_copy_read has not wholly read */
	bool large;     /* there was a large row */
	bool committed; /* the last pg_exec held a COMMIT */
	struct conninfo_tls tls;
	char *sql; /* the statement, for positions in errors */
	size_t skip;
};

/* Each fills *e and returns -1: by what libpq says itself (it has no codes), by
 * what the connection says, and by what the server says in a result. */
int pg_libpq_error(const char *text, struct err *e);
int pg_conn_error(struct pg *pg, struct err *e);
int pg_result_error(struct pg *pg, const PGresult *r, struct err *e);
/* Takes the line breaks and blanks from the text's end. */
void pg_trim(char *text);

/* The statement that positions in errors count in, without its first `skip`
 * bytes. Copied. */
void pg_set_sql(struct pg *pg, const char *sql, size_t skip);
/* Forgets the stream's result and its count of rows. */
void pg_end_stream(struct pg *pg);

/* Waits until the socket has something to read, and reads it; a stop of the
 * watch cancels the statement. 0 / -1. */
int pg_wait_input(struct pg *pg, struct err *e);
/* The next result of the statement into *r, NULL at its end. 0 / -1. */
int pg_next_result(struct pg *pg, PGresult **r, struct err *e);
/* Sends what libpq still holds. 0 / -1. */
int pg_flush(struct pg *pg, struct err *e);
/* Reads the rest of a statement and throws it away. A server that does not answer
 * within five seconds loses the connection: pg->conn is NULL then. */
void pg_drain(struct pg *pg);
/* Collects the answer to pg_exec_later; then the connection may be used. 0 / -1. */
int pg_ready(struct pg *pg, struct err *e);
/* Checks one result of a statement that returns no stream. 0 / -1. */
int pg_take_result(struct pg *pg, PGresult *r, struct err *e);

/* Whether the server reports this value of a setting, or none. */
bool pg_reported(const struct pg *pg, const char *name, const char *value);

#endif
