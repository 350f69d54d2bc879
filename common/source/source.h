/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_SOURCE_H
#define SOURCE_SOURCE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/watch.h"
#include "rows/rows.h"

/* SQL that a source takes, its parameters filled in, in bytes. What wraps it for
 * the server (a limit, a sort, COPY) has SOURCE_WRAP_MAX on top. A worker holds
 * some copies of it at once. */
#define SOURCE_SQL_MAX ((size_t)4 << 20)
#define SOURCE_WRAP_MAX (SOURCE_SQL_MAX + ((size_t)128 << 10))

/*
 * A database that reports read, over one connection that may serve many jobs:
 *
 *	source_connect
 *	  source_begin_job          session settings of the job
 *	    source_run_script ...   prep
 *	    source_query, query_next ..., query_end
 *	      or source_copy_csv, copy_next ..., query_end
 *	  source_end_job            back to a clean session
 *	source_close
 *
 * A failed call leaves the connection to source_end_job, which says whether it
 * can be kept.
 */
struct source;

struct source_options {
	const char *type;     /* "postgres" or "redshift" */
	const char *conninfo; /* libpq's */
};

struct job_session {
	const char *application_name;
	const char *time_zone;        /* IANA name */
	int64_t statement_timeout_ms; /* 0: none */
	bool read_only; /* there is no script: saves round trips */
};

/* True for a type that source_connect knows; *known lists them. */
bool source_type_known(const char *type, const char **known);

/* Whether libpq can read the string; the message never repeats its values. */
int source_check_conninfo(const char *conninfo, struct err *e);
/* The password in it, the caller's to wipe and free; NULL: there is none. */
char *source_conninfo_password(const char *conninfo);

struct source *source_connect(const struct source_options *options,
    const struct watch *watch, struct err *e);
void source_close(struct source *s); /* accepts NULL */
void source_set_watch(struct source *s, const struct watch *watch);
bool source_alive(struct source *s);

/* As pg_protection. */
const char *source_protection(const struct source *s, bool *weak);

/*
 * Why others' SQL must not run under this login, such as "alice is a superuser",
 * the caller's to free; NULL when nothing speaks against it. It counts for all
 * roles that a statement could lead to: SET ROLE reaches what the login is a
 * member of, RESET ROLE the login, SET SESSION AUTHORIZATION is a superuser's.
 * Before the first job. -1 on error.
 */
int source_danger(struct source *s, char **why, struct err *e);

int source_begin_job(
    struct source *s, const struct job_session *session, struct err *e);
/* False: the connection is not clean and must be closed. Behind a job that only
 * read the session is reset once a second at most; one who lets the connection
 * rest calls source_reset. Redshift has no reset: what only read is kept as it
 * is, as it has been rolled back. */
bool source_end_job(struct source *s);
void source_reset(struct source *s);

/*
 * Runs the statements in order, in one transaction. Where a statement forbids
 * that (SQLSTATE 25001: VACUUM and the like; 2D000: a procedure that commits)
 * the transaction is rolled back and all of them run again, each on its own,
 * unless the script has ended the transaction itself: what it has committed is
 * never run twice. What it sets for the session (search_path, role) stays for
 * the queries, but for the settings that say how values are written.
 */
int source_run_script(struct source *s, const char *script, struct err *e);

/* For the rest of the job text comes as the bytes that the server holds, not
 * made UTF-8. */
int source_raw_text(struct source *s, struct err *e);

/* Rows of one query, read in a READ ONLY transaction; several queries one after
 * the other see one snapshot. The caller frees the schema, also on error. */
int source_query(
    struct source *s, const char *sql, struct schema *schema, struct err *e);
/* 1 with a batch (valid until the next call), 0 at the end, -1. */
int source_next(struct source *s, struct batch *batch, struct err *e);

/* What stands around a column in ORDER BY so that rows of one text stand
 * together, where values may be equal and their texts not (1.5 and 1.50). */
struct source_text_key {
	const char *before, *after;
};
struct source_text_key source_text_key(const struct source *s);

/* The columns of a query that is not run yet, in the transaction that it will be
 * read in. The caller frees the schema. */
int source_describe(
    struct source *s, const char *sql, struct schema *schema, struct err *e);

/* Whether source_copy_csv can serve this query: the source has COPY TO STDOUT
 * and the text is something that COPY takes. */
bool source_can_copy(const struct source *s, const char *sql);
/* Whether COPY there makes text of this encoding. */
bool source_encodes(const struct source *s, const char *encoding);
/* The same rows as CSV text made by the server. `options` is the inside of
 * COPY's WITH (...). With `last` the transaction ends behind it. */
int source_copy_csv(struct source *s, const char *sql, const char *options,
    bool last, struct err *e);
/* 1 with one row's bytes (valid until the next call), 0 at the end, -1. */
int source_copy_next(
    struct source *s, const char **data, size_t *len, struct err *e);
/* The same for one who does not look at the rows: fills `to` up to its max, 1; 0
 * at the end, with what came before it. source_copy_rows is about how many came
 * so far, and after the end how many there were, without a header. */
int source_copy_read(struct source *s, struct buf *to, struct err *e);
int64_t source_copy_rows(const struct source *s);

/* Ends the transaction (rolled back: nothing in it could write) of a query or
 * copy that was read to its end. */
void source_query_end(struct source *s);

/* Adds to the failure of `sql`, as it was written, what to do about it, where the
 * SQLSTATE tells. `reads`: it ran as an export, which may not write. */
void source_advise(
    const struct source *s, const char *sql, bool reads, struct err *e);

/* For sqltext_substitute: quotes as the server wants it. NULL on error. */
char *source_quote(
    struct source *s, const char *text, bool identifier, struct err *e);

#endif
