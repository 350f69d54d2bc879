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

/* The limit, in bytes, for SQL that a source accepts, with its parameters
 * filled in. The text that a driver adds around it (a limit, a sort, COPY) has
 * SOURCE_WRAP_MAX more. A worker holds several copies of the SQL at once. */
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
 * After a failed call, source_end_job says whether the connection can be kept.
 * source/driver.h is the contract for a new type of source.
 */
struct source;
struct aws;
struct http;
struct http_terms;

/* How to reach a source. All members outlive the call. */
struct source_how {
	const struct source_config *config;
	/* The services that a login may need; NULL: none can be asked, and a
	 * login that needs one fails with an error that says so. */
	const struct source_reach *reach;
	/* credentials kept between connections; NULL: none */
	struct source_keep *keep;
	const struct watch *watch;
};

/* The services that a type may need in addition to its server. */
struct source_reach {
	/* Returns the client of an AWS service, such as "secretsmanager"; NULL
	 * on error. The client belongs to the reach. */
	struct aws *(*aws)(void *arg, const char *service, struct err *e);
	/* Returns the HTTP client; *terms get its proxy, certificates and
	 * timeouts. */
	struct http *(*http)(void *arg, struct http_terms *terms);
	void *arg;
};

struct job_session {
	const char *application_name;
	const char *time_zone;        /* IANA name */
	int64_t statement_timeout_ms; /* 0: none */
	bool read_only;               /* no script follows: saves round trips */
	/* Receives the handle of each statement that goes on at the server
	 * without this process, and NULL when that statement has ended. May be
	 * NULL. */
	void (*started)(void *arg, const char *handle);
	void *arg;
};

/* Returns a session that holds nothing of any job. Credentials that the
 * settings refer to are fetched, and fetched once more when the server refuses
 * them. Returns NULL on error; the error text never holds a password. */
struct source *source_connect(const struct source_how *how, struct err *e);
void source_close(struct source *s); /* accepts NULL */
void source_set_watch(struct source *s, const struct watch *watch);
/* Returns false once the connection is known to be dead; does not wait. */
bool source_alive(struct source *s);

/* Describes the protection of the connection, such as "TLS, the server
 * verified". *weak is true when somebody between this host and the server could
 * read the traffic or impersonate the server. */
const char *source_protection(const struct source *s, bool *weak);

/*
 * Sets *why to the reason why SQL written by others must not run under this
 * login, such as "alice is a superuser"; the caller frees it. NULL: there is no
 * reason. The answer covers every role that a statement could switch to: SET
 * ROLE reaches the roles that the login is a member of, RESET ROLE the login
 * itself, and only a superuser may SET SESSION AUTHORIZATION. To be called
 * before the first job. Returns -1 on error.
 */
int source_danger(struct source *s, char **why, struct err *e);

/* Checks that the source has the abilities (enum source_ability) that a job
 * needs; the error gives the reason and the mend. The functions of an ability
 * may be called only after this check: source_run_script for SOURCE_SCRIPT,
 * source_unload_* for SOURCE_UNLOAD. */
int source_check(const struct source *s, unsigned needed, struct err *e);

int source_begin_job(
    struct source *s, const struct job_session *session, struct err *e);
/* Returns false when the connection is not clean and must be closed. After a
 * job that only read, a driver may delay its reset; a caller that leaves the
 * connection idle calls source_reset. */
bool source_end_job(struct source *s);
void source_reset(struct source *s);

/*
 * Runs the statements in order, in one transaction. When a statement cannot run
 * inside of a transaction (SQLSTATE 25001: VACUUM and the like; 2D000: a
 * procedure that commits), the transaction is rolled back and all statements
 * run again, each on its own, unless the script itself has ended the
 * transaction: committed work is never repeated. Session settings of the script
 * (search_path, role) stay in force for the queries, except the settings that
 * control how values are written.
 */
int source_run_script(struct source *s, const char *script, struct err *e);

/* For the rest of the job, text arrives in the bytes that the server holds, not
 * converted to UTF-8. */
int source_raw_text(struct source *s, struct err *e);

/* Starts one query in a READ ONLY transaction; all queries of a job read the
 * same snapshot. The caller frees the schema, also on error. */
int source_query(
    struct source *s, const char *sql, struct schema *schema, struct err *e);
/* Returns 1 with a batch (valid until the next call), 0 at the end, -1 on
 * error. */
int source_next(struct source *s, struct batch *batch, struct err *e);
/* Ends the transaction of a query or passage that was read to its end, by a
 * rollback: nothing in it could write. */
void source_query_end(struct source *s);

/* Gives the columns of a query before it runs, in the transaction that will
 * read it. The caller frees the schema. */
int source_describe(
    struct source *s, const char *sql, struct schema *schema, struct err *e);

/* Appends the query to out, changed so that it returns `limit` rows at most (0:
 * all), with rows whose `sort_by` columns (an array of names) have the same
 * texts side by side. A statement that cannot be changed like this is appended
 * as it is. */
struct source_shape {
	int64_t limit;
	const json_t *sort_by; /* NULL: in any order */
};
void source_shape(const struct source *s, const char *sql,
    const struct source_shape *shape, struct buf *out);

/*
 * Passthrough: the server itself produces the bytes of a query's result in
 * exactly the requested form, and they are passed on unchanged.
 */
struct source_pass {
	const char *sql;
	const struct csv_form *form;
	bool last; /* no query of the job follows */
};
/* Says whether the source can pass this query through; source_pass may be
 * called only when it can. */
bool source_can_pass(const struct source *s, const struct source_pass *pass);
int source_pass(
    struct source *s, const struct source_pass *pass, struct err *e);
/* Returns 1 with the bytes of one row (valid until the next call), 0 at the
 * end, -1 on error. */
int source_pass_next(
    struct source *s, const char **data, size_t *len, struct err *e);
/* Reads a passage without looking at its rows: fills `to` up to its max and
 * returns 1, or returns 0 at the end with the last bytes in `to`.
 * source_pass_rows is the approximate number of rows so far; after the end it
 * is the exact number, without a header. */
int source_pass_read(struct source *s, struct buf *to, struct err *e);
int64_t source_pass_rows(const struct source *s);

/*
 * The server itself writes a result into S3 objects, with a manifest that lists
 * them beside them.
 */
struct source_unload {
	const char *sql;       /* one statement */
	const char *format;    /* a value of output_format */
	const json_t *options; /* output_options of that format */
	/* s3://bucket/prefix/ of the objects, the bucket's region, and the KMS
	 * key to encrypt with; NULL: the server chooses. */
	const char *to, *region, *kms_key;
};
/* Returns the s3://bucket/prefix/ that the source's settings let it write to;
 * NULL: the settings name none. */
const char *source_unload_to(const struct source *s);
/* Checks, before anything runs, whether the server can do this unload; `to` is
 * not looked at. */
int source_unload_check(
    const struct source *s, const struct source_unload *u, struct err *e);
/* Writes the result; *rows receives the number of rows. */
int source_unload(struct source *s, const struct source_unload *u,
    int64_t *rows, struct err *e);

/* Adds advice to the failure of `sql`, given as the user wrote it, where the
 * SQLSTATE suggests a mend. `reads`: sql ran as an export, which may not
 * write. */
void source_advise(
    const struct source *s, const char *sql, bool reads, struct err *e);

/* Quotes for sqltext_substitute, as the server requires. Returns NULL on
 * error. */
char *source_quote(
    struct source *s, const char *text, bool identifier, struct err *e);

#endif
