/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_SOURCE_H
#define SOURCE_SOURCE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/watch.h"
#include "rows/form.h"
#include "rows/rows.h"
#include "source/keep.h"
#include "source/type.h"

/* SQL that a source takes, its parameters filled in, in bytes. The text that a
 * driver puts around it (a limit, a sort, COPY) has SOURCE_WRAP_MAX on top. A
 * worker holds some copies of it at once. */
#define SOURCE_SQL_MAX ((size_t)4 << 20)
#define SOURCE_WRAP_MAX (SOURCE_SQL_MAX + ((size_t)128 << 10))

/*
 * A database that reports read, over one connection that may serve many jobs:
 *
 *	source_connect
 *	  source_begin_job          session settings of the job
 *	    source_run_script ...   prep
 *	    source_query, source_next ..., source_query_end
 *	      or source_pass, source_pass_read ..., source_query_end
 *	  source_end_job            back to a clean session
 *	source_close
 *
 * A failed call leaves the connection to source_end_job, which says whether it
 * can be kept. source/driver.h is the contract for those who add a type.
 */
struct source;
struct aws;
struct http;
struct http_terms;

/* How a source is reached. All of it outlives the call. */
struct source_how {
	const struct source_config *config;
	/* NULL: no service can be asked, and an error says so when one must. */
	const struct source_reach *reach;
	struct source_keep *keep; /* NULL: nothing is kept */
	const struct watch *watch;
};

/* The services that a type may need beside its server. */
struct source_reach {
	/* The client of an AWS service, such as "secretsmanager"; NULL on error.
	 * It stays the reach's. */
	struct aws *(*aws)(void *arg, const char *service, struct err *e);
	/* The HTTP client, and with which proxy, certificates and timeouts. */
	struct http *(*http)(void *arg, struct http_terms *terms);
	void *arg;
};

struct job_session {
	const char *application_name;
	const char *time_zone;        /* IANA name */
	int64_t statement_timeout_ms; /* 0: none */
	bool read_only; /* there is no script: saves round trips */
	/* Is given the handle of each statement that goes on at the server
	 * without this process, and NULL when it has ended. NULL: nobody keeps
	 * them. */
	void (*started)(void *arg, const char *handle);
	void *arg;
};

/* A session that has nothing of a job in it. Credentials of its settings are
 * fetched, and once more when the server refuses them. NULL on error, whose text
 * never holds a password. */
struct source *source_connect(const struct source_how *how, struct err *e);
void source_close(struct source *s); /* accepts NULL */
void source_set_watch(struct source *s, const struct watch *watch);
/* False once the connection is known to be dead; does not wait. */
bool source_alive(struct source *s);

/* How the connection is protected, such as "TLS, the server verified"; *weak: others
 * between here and the server could read it, or be taken for the server. */
const char *source_protection(const struct source *s, bool *weak);

/*
 * Why others' SQL must not run under this login, such as "alice is a superuser",
 * the caller's to free; NULL when nothing speaks against it. It counts for all
 * roles that a statement could lead to: SET ROLE reaches what the login is a
 * member of, RESET ROLE the login, SET SESSION AUTHORIZATION is a superuser's.
 * Before the first job. -1 on error.
 */
int source_danger(struct source *s, char **why, struct err *e);

/* Whether it has the abilities (enum source_ability) that a job needs, with the
 * reason and the mend when not. Only then may the functions follow that stand for
 * them: SOURCE_SCRIPT for source_run_script, SOURCE_UNLOAD for source_unload_*. */
int source_check(const struct source *s, unsigned needed, struct err *e);

int source_begin_job(
    struct source *s, const struct job_session *session, struct err *e);
/* False: the connection is not clean and must be closed. After a job that only
 * read, a driver may keep the session as it is for a moment; the caller who lets
 * the connection rest calls source_reset. */
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
/* Ends the transaction (rolled back: nothing in it could write) of a query or
 * passage that was read to its end. */
void source_query_end(struct source *s);

/* The columns of a query that is not run yet, in the transaction that it will be
 * read in. The caller frees the schema. */
int source_describe(
    struct source *s, const char *sql, struct schema *schema, struct err *e);

/* Appends the query to out so that it returns `limit` rows at most (0: all), rows
 * whose columns in `sort_by` (an array of names) have the same texts side by
 * side. A statement that cannot be changed so is appended as it is. */
struct source_shape {
	int64_t limit;
	const json_t *sort_by; /* NULL: in any order */
};
void source_shape(const struct source *s, const char *sql,
    const struct source_shape *shape, struct buf *out);

/*
 * Passthrough: the server itself makes the bytes of a query, exactly those of the
 * form, and they pass untouched.
 */
struct source_pass {
	const char *sql;
	const struct csv_form *form;
	bool last; /* the job has no query after it */
};
/* Whether the source can; only then source_pass may follow. */
bool source_can_pass(const struct source *s, const struct source_pass *pass);
int source_pass(
    struct source *s, const struct source_pass *pass, struct err *e);
/* 1 with one row's bytes (valid until the next call), 0 at the end, -1. */
int source_pass_next(
    struct source *s, const char **data, size_t *len, struct err *e);
/* The same for a caller who does not look at the rows: fills `to` up to its max,
 * 1; 0 at the end, with what came before it. source_pass_rows is about how many
 * came so far, and after the end how many there were, without a header. */
int source_pass_read(struct source *s, struct buf *to, struct err *e);
int64_t source_pass_rows(const struct source *s);

/*
 * The server writes a result into objects of S3 by itself, with a manifest of them
 * beside them.
 */
struct source_unload {
	const char *sql;       /* one statement */
	const char *format;    /* as output_format names it */
	const json_t *options; /* of that format */
	/* s3://bucket/prefix/ of the objects; the bucket's region and the key to
	 * encrypt with, NULL: the server's own choice. */
	const char *to, *region, *kms_key;
};
/* Where its settings let it write, s3://bucket/prefix/; NULL: they name nothing. */
const char *source_unload_to(const struct source *s);
/* Before anything runs: whether it can, but for `to`. */
int source_unload_check(
    const struct source *s, const struct source_unload *u, struct err *e);
/* *rows gets how many there were. */
int source_unload(struct source *s, const struct source_unload *u,
    int64_t *rows, struct err *e);

/* Adds to the failure of `sql`, as it was written, what to do about it, where the
 * SQLSTATE tells. `reads`: it ran as an export, which may not write. */
void source_advise(
    const struct source *s, const char *sql, bool reads, struct err *e);

/* For sqltext_substitute: quotes as the server wants it. NULL on error. */
char *source_quote(
    struct source *s, const char *text, bool identifier, struct err *e);

#endif
