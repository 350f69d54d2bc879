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
 * A blocking libpq connection whose every wait goes through a struct watch. When
 * the watch stops a statement, the server is told to cancel it (PQcancel) and
 * the answer is awaited, so that no backend goes on unseen; a server
 * that does not answer in CANCEL_MS loses the connection instead.
 */
struct pg;
struct pg_rows;

/* The watch must outlive the connection; pg_set_watch changes it. An error's
 * text never holds the connection string; a server's refusal has its SQLSTATE.
 * NULL on failure. */
struct pg *pg_connect(
    const char *conninfo, const struct watch *watch, struct err *e);
/* The same with the few start-up parameters that Redshift takes; those of libpq's
 * environment are forgotten for good. */
struct pg *pg_connect_plain(
    const char *conninfo, const struct watch *watch, struct err *e);
void pg_set_watch(struct pg *pg, const struct watch *watch);
void pg_close(struct pg *pg); /* accepts NULL */

/* False once the connection is known to be dead; looks at the socket. */
bool pg_alive(struct pg *pg);
bool pg_in_transaction(struct pg *pg);
/* Whether a COMMIT was among the statements of the last pg_exec: then a
 * transaction that is open now (COMMIT AND CHAIN) is another one. */
bool pg_committed(const struct pg *pg);
/* True when it has read a row of many megabytes and holds memory for the next
 * one of that size. */
bool pg_large(const struct pg *pg);
/* Whether the server reads statements as they are written here: in UTF-8, their
 * strings standard ones. A script may have changed that. */
bool pg_reads_plainly(const struct pg *pg);
/* -1 with the error that a query has changed these settings, which decide how
 * values are written. */
int pg_refuse_changes(const char *names, struct err *e);
/* Whether the server makes text of this encoding: of a database in UTF-8 any, of
 * another only its own and UTF-8. It knows no way from LATIN1 to WIN1252, and passes
 * the bytes of a database that has no encoding as they are. */
bool pg_encodes(const struct pg *pg, const char *encoding);
const char *pg_user(const struct pg *pg);   /* that logged in; NULL: gone */
int pg_server_version(const struct pg *pg); /* as PQserverVersion */
/* How it is protected, such as "TLS, the server verified"; *weak: others between
 * here and the server could read it, or be taken for the server. */
const char *pg_protection(const struct pg *pg, bool *weak);
/* Whether the server says that the session is a superuser's. */
bool pg_superuser(const struct pg *pg);
/* The server process: as it was told at the start, and as it says itself. They
 * differ when a pooler stands between. */
int pg_processes(struct pg *pg, int *told, int *real, struct err *e);
const char *pg_server_encoding(const struct pg *pg); /* such as UTF8 */

/* Simple protocol, so several statements are allowed; rows are thrown away as
 * they come. COPY from or to the client is refused. */
int pg_exec(struct pg *pg, const char *sql, struct err *e);

/* Sends pg_exec's statement and does not wait: the next call on this connection
 * collects the answer, and an error in it breaks the connection. For
 * ROLLBACK of what only read, and for DISCARD. */
void pg_exec_later(struct pg *pg, const char *sql);

/* One statement with $n parameters (text, NULL for null) and its whole result;
 * for small results. The caller frees it. */
struct pg_rows *pg_query(struct pg *pg, const char *sql, int count,
    const char *const *params, struct err *e);
int pg_rows_count(const struct pg_rows *rows);
int pg_rows_columns(const struct pg_rows *rows);
const char *pg_rows_name(const struct pg_rows *rows, int column);
/* NULL for null; belongs to rows. */
const char *pg_rows_get(const struct pg_rows *rows, int row, int column);
void pg_rows_free(struct pg_rows *rows); /* accepts NULL */

/*
 * A streamed result: start, next until 0, then end (also after an error). With
 * `simple` the simple protocol is used, which Redshift wants. `skip` bytes at
 * the head of sql are ours: positions in errors are counted from their end.
 */
struct pg_stream {
	const char *sql;
	size_t skip;
	bool simple;
};
int pg_stream_start(
    struct pg *pg, const struct pg_stream *stream, struct err *e);
/* After start: the columns, owned by the caller (schema_free). */
void pg_stream_schema(struct pg *pg, struct schema *schema);
/* 1 with one row in values[0..columns-1], valid until pg_stream_release, which
 * gives back all rows so far; 0 at the end. Without `wait` PG_NOT_YET when the
 * next one has not arrived. */
#define PG_NOT_YET 2
int pg_stream_next(
    struct pg *pg, struct value *values, int columns, bool wait, struct err *e);
void pg_stream_release(struct pg *pg);

/* The columns that a statement would return, none for one without a result, in
 * one round trip in which `before` is run first: statements that return
 * nothing, such as BEGIN. The caller frees the schema, and *oids: the columns'
 * pg_type.oid, NULL when there are none. */
int pg_describe(struct pg *pg, const char *const *before, int count,
    const char *sql, struct schema *schema, uint32_t **oids, struct err *e);

/* COPY ... TO STDOUT: start as above, then chunks of whole rows until 0. With
 * `simple`, statements without a result may stand before and after it. */
int pg_copy_start(struct pg *pg, const struct pg_stream *stream, struct err *e);
int pg_copy_next(struct pg *pg, const char **data, size_t *len, struct err *e);
/* Or in one go: fills `to` up to its max, 1; 0 at the end, with what came
 * before it. pg_copy_rows is about how many came so far, header included, and
 * after the end how many there were, header not included. */
int pg_copy_read(struct pg *pg, struct buf *to, struct err *e);
int64_t pg_copy_rows(const struct pg *pg);
/* One row of a COPY in text format, as pg_stream_next. */
int pg_copy_next_row(
    struct pg *pg, struct value *values, int columns, bool wait, struct err *e);

/* libpq's escape functions; the result is the caller's to free. */
char *pg_quote_literal(struct pg *pg, const char *text, struct err *e);
char *pg_quote_identifier(struct pg *pg, const char *text, struct err *e);

/* 1 when a notification arrived on any channel (its payload goes to *payload,
 * the caller frees it), 0 at the deadline (boot clock), -1 on error. */
int pg_wait_notify(
    struct pg *pg, int64_t deadline_ms, char **payload, struct err *e);

#endif
