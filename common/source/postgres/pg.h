/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_PG_H
#define SOURCE_POSTGRES_PG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/watch.h"
#include "rows/rows.h"

/*
 * A blocking libpq connection whose every wait goes through a struct watch.
 * When the watch stops a statement, the client asks the server to cancel it
 * (PQcancel) and waits for the answer, so that no backend goes on working
 * unnoticed. When the server does not answer within CANCEL_MS, the connection
 * is closed instead.
 */
struct pg;
struct pg_rows;

/* Connects to a server. The watch must outlive the connection; pg_set_watch
 * replaces it. An error text never holds the connection string; a refusal by
 * the server carries its SQLSTATE. Returns NULL on failure. */
struct pg *pg_connect(
    const char *conninfo, const struct watch *watch, struct err *e);
/* Connects as pg_connect does, but sends only the few start-up parameters that
 * Redshift accepts. Removes libpq's variables for other parameters from this
 * process's environment for good. */
struct pg *pg_connect_plain(
    const char *conninfo, const struct watch *watch, struct err *e);
void pg_set_watch(struct pg *pg, const struct watch *watch);
/* Cancels a statement whose answer nobody has read to its end. Accepts NULL. */
void pg_close(struct pg *pg);

/* Returns false once the connection is known to be dead. */
bool pg_usable(const struct pg *pg);
/* The same; reads the socket, without waiting, for news of the connection's end. */
bool pg_alive(struct pg *pg);
bool pg_in_transaction(struct pg *pg);
/* Says whether the last pg_exec contained a COMMIT. A transaction that is open
 * after it (COMMIT AND CHAIN) is then a different one. */
bool pg_committed(const struct pg *pg);
/* Says whether the connection has read a row of many megabytes: libpq keeps
 * memory for another row of that size. */
bool pg_large(const struct pg *pg);
/* Returns the setting by which the server does not read statements as this
 * program writes them: in this encoding, with standard strings; NULL when it
 * does. A script or a query may have changed it; the server reports it. */
const char *pg_misread_by(const struct pg *pg, const char *encoding);
/* Says whether the database has no encoding (SQL_ASCII): its texts are any bytes. */
bool pg_is_bytes(const struct pg *pg);
/* Says whether all that the server sends is text in this encoding. A database in
 * UTF-8 converts to any encoding; another one sends only its own encoding and UTF-8,
 * and cannot convert, for example, LATIN1 to WIN1252; one without an encoding sends
 * its bytes unchanged, for SQL_ASCII alone. */
bool pg_encodes(const struct pg *pg, const char *encoding);
/* the user that logged in; NULL: connection lost */
const char *pg_user(const struct pg *pg);
int pg_server_version(const struct pg *pg); /* 160004 for 16.4 */
/* Describes the protection of the connection, such as "TLS, the server
 * verified". *weak is true when somebody between this host and the server could
 * read the traffic or impersonate the server. */
const char *pg_protection(const struct pg *pg, bool *weak);
/* Says whether the server reports the session's user as a superuser. */
bool pg_superuser(const struct pg *pg);
/* Gives the process ID of the server process as announced at the start (*told)
 * and as pg_backend_pid() gives it (*real). They differ when a connection
 * pooler stands between. */
int pg_processes(struct pg *pg, int *told, int *real, struct err *e);
const char *pg_server_encoding(const struct pg *pg); /* such as UTF8 */

/* Runs statements by the simple protocol, which allows several of them in one
 * text. Rows are discarded as they arrive. COPY from or to the client is
 * refused. */
int pg_exec(struct pg *pg, const char *sql, struct err *e);

/* Sends statements as pg_exec does but does not wait: the next call on this
 * connection collects the answer, and an error in that answer breaks the
 * connection. For DISCARD, and for a ROLLBACK after statements that only
 * read. */
void pg_exec_later(struct pg *pg, const char *sql);

/* Runs one statement with $n parameters (text, NULL for null) and returns its
 * whole result; for small results. The caller frees the result. */
struct pg_rows *pg_query(struct pg *pg, const char *sql, int count,
    const char *const *params, struct err *e);
/* Runs statements by the simple protocol and returns the result of the last one;
 * for small results. *written, unless NULL, becomes the number of rows that they
 * have written together. */
struct pg_rows *pg_ask(
    struct pg *pg, const char *sql, int64_t *written, struct err *e);
int pg_rows_count(const struct pg_rows *rows);
int pg_rows_columns(const struct pg_rows *rows);
/* Returns NULL for null. The text belongs to rows. */
const char *pg_rows_get(const struct pg_rows *rows, int row, int column);
/* Returns the number of rows that the statement has written. */
int64_t pg_rows_written(const struct pg_rows *rows);
void pg_rows_free(struct pg_rows *rows); /* accepts NULL */

/*
 * A result that is streamed: call start, then next until it returns 0, then end
 * (also after an error). `simple` selects the simple protocol, which Redshift
 * needs. The first `skip` bytes of sql are added by this program: positions in
 * error messages count from the byte after them.
 */
struct pg_stream {
	const char *sql;
	size_t skip;
	bool simple;
};
int pg_stream_start(
    struct pg *pg, const struct pg_stream *stream, struct err *e);
/* Gives the columns of the result, once the stream is started. The caller frees
 * them with schema_free. */
void pg_stream_schema(struct pg *pg, struct schema *schema);
/* Returns 1 with one row in values[0..columns-1], valid until
 * pg_stream_release, which releases all rows read so far; 0 at the end. Without
 * `wait` it returns PG_NOT_YET when the next row has not arrived. */
#define PG_NOT_YET 2
int pg_stream_next(
    struct pg *pg, struct value *values, int columns, bool wait, struct err *e);
void pg_stream_release(struct pg *pg);

/* Gives the columns that a statement would return; none for a statement without
 * a result. The statements in `before`, which return nothing (such as BEGIN),
 * run first in the same round trip. The caller frees the schema and *oids, the
 * columns' pg_type.oid; *oids is NULL when there are no columns. */
int pg_describe(struct pg *pg, const char *const *before, int count,
    const struct pg_stream *stream, struct schema *schema, uint32_t **oids,
    struct err *e);

/* Streams COPY ... TO STDOUT: start as above, then chunks of whole rows until
 * 0. With `simple`, statements without a result may precede and follow the
 * COPY, and up to PG_ANSWERS_MAX with a value may follow, such as SHOW; they
 * belong to the stream. */
#define PG_ANSWERS_MAX 8
int pg_copy_start(struct pg *pg, const struct pg_stream *stream, struct err *e);
int pg_copy_next(struct pg *pg, const char **data, size_t *len, struct err *e);
/* Reads a COPY without looking at its rows: fills `to` up to its max and
 * returns 1, or returns 0 at the end with the last bytes in `to`. pg_copy_rows
 * is the approximate number of rows so far, header included; after the end it
 * is the exact number, header not included. */
int pg_copy_read(struct pg *pg, struct buf *to, struct err *e);
int64_t pg_copy_rows(const struct pg *pg);
/* Runs statements of this kind that follow no COPY in their message. */
int pg_answers(struct pg *pg, const char *sql, struct err *e);
/* Returns the value of the nth such statement, from 0, until the next stream
 * begins; NULL when there is none. */
const char *pg_answer(const struct pg *pg, int n);
/* Reads one row of a COPY in text format; returns what pg_stream_next
 * returns. */
int pg_copy_next_row(
    struct pg *pg, struct value *values, int columns, bool wait, struct err *e);

/* Streams COPY ... FROM STDIN: start, then data in the form that the statement
 * names, cut anywhere, then end; *rows receives how many the server took. The
 * session's client_min_messages must be `error`. After a failed start, the
 * connection may be used on; after any other failure the caller closes it. */
int pg_load_start(struct pg *pg, const char *sql, struct err *e);
int pg_load_write(struct pg *pg, const void *data, size_t len, struct err *e);
int pg_load_end(struct pg *pg, int64_t *rows, struct err *e);

/* Quotes with libpq's escape functions. The caller frees the result. */
char *pg_quote_literal(struct pg *pg, const char *text, struct err *e);
char *pg_quote_identifier(struct pg *pg, const char *text, struct err *e);

/* Returns 1 when a notification arrived on any channel (*payload is its
 * payload, which the caller frees), 0 at the deadline (boot clock), -1 on
 * error. */
int pg_wait_notify(
    struct pg *pg, int64_t deadline_ms, char **payload, struct err *e);

#endif
