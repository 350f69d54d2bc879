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
	/* NULL: no files can be reached */
	const struct source_files *files;
	void *arg;
};

/* Files in a place that a source's server has written, by their addresses; arg is
 * that of source_reach. */
struct source_files {
	/* Opens a file and tells its bytes. NULL on error, which is
	 * ERR_TRANSIENT when there is none. */
	void *(*open)(
	    void *arg, const char *address, int64_t *size, struct err *e);
	/* Reads len bytes at an offset. 1: there are fewer, because the content
	 * was changed meanwhile. */
	int (*read)(
	    void *file, int64_t from, char *to, size_t len, struct err *e);
	void (*close)(void *file);
	/* Removes every file whose address begins with the prefix, even when the
	 * watch says stop. */
	int (*remove)(void *arg, const char *prefix, struct err *e);
};

/* Bytes that a line of a CSV file may have: DuckDB leaves a last line out without
 * an error that is longer than the buffer that it reads into. */
#define SOURCE_CSV_LINE 1000000

/* Files that a query reads as a relation of this name, for sources that read
 * files. */
struct source_relation {
	const char *name;
	const char *format; /* csv, jsonl, parquet */
	/* CSV: header, delimiter; CSV, which must have it, and JSONL: columns,
	 * an array of pairs of name and type. NULL: the defaults */
	const json_t *options;
	const char *const *paths; /* absolute */
	int path_count;
};

struct job_session {
	const char *application_name;
	const char *time_zone;        /* IANA name */
	int64_t statement_timeout_ms; /* 0: none */
	bool read_only;               /* no script follows: saves round trips */
	/* Receives the handle of each statement that goes on at the server
	 * without this process, before the statement can exist, and NULL when
	 * that statement has ended. A second handle replaces the first: it is of
	 * the same statement, or the first one has ended. May be NULL. */
	void (*started)(void *arg, const char *handle);
	void *arg;
	const struct source_relation *relations;
	int relation_count;
};

/* Returns a session that holds nothing of any job. Credentials that the
 * settings refer to are fetched, and fetched once more when the server refuses
 * them. Returns NULL on error; the error text never holds a password. */
struct source *source_connect(const struct source_how *how, struct err *e);
void source_close(struct source *s); /* accepts NULL */
void source_set_watch(struct source *s, const struct watch *watch);
/* Returns false once the connection is known to be dead; does not wait. */
bool source_alive(struct source *s);
/* Says whether the services of source_how must outlive the session, not only the
 * call that made it. */
bool source_is_served(const struct source *s);

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
/* Returns what the run's remark says of the job's statements so far, such as how much the server
 * bills for them; NULL: nothing. The caller frees it. */
char *source_remark(const struct source *s);
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

/* Until it is switched off, text arrives in the bytes that the server holds, not
 * converted to UTF-8. */
int source_raw_text(struct source *s, bool raw, struct err *e);

/* Starts one query in a READ ONLY transaction, which begins with the first
 * query, description or passage and lasts until source_query_end or a passage
 * that is the last: all of them read the same snapshot. The caller frees the
 * schema, after the last row and also on error. */
int source_query(
    struct source *s, const char *sql, struct schema *schema, struct err *e);
/* Returns 1 with a batch (valid until the next call), 0 at the end, -1 on
 * error. */
int source_next(struct source *s, struct batch *batch, struct err *e);
/* Ends the transaction of queries and passages that were read to their ends, by
 * a rollback: nothing in it could write. Does nothing without a transaction. */
void source_query_end(struct source *s);

/*
 * A time before which every row is committed, and seen by each transaction that
 * begins after this call, for rows that carry the now() of the transaction that
 * wrote them. To be called outside of a transaction. When the source cannot know
 * it, the time lies overlap_ms before now, and the remark says so; with
 * overlap_ms 0 that is an error.
 */
#define SOURCE_TIME 40
/* The session whose open transaction holds the horizon back. */
struct source_holder {
	int64_t pid;   /* of the source's server; 0: none does for long */
	int64_t age_s; /* of the transaction, when the source was asked */
};
struct source_horizon {
	char at[SOURCE_TIME]; /* YYYY-MM-DD HH:MM:SS.ffffff+00 */
	struct source_holder holder;
	char *remark; /* the caller frees it; NULL: none */
};
int source_horizon(struct source *s, int64_t overlap_ms,
    struct source_horizon *horizon, struct err *e);

/* Gives the columns of a query before it runs, in the transaction that will
 * read it. The caller frees the schema. Only for a source that can describe. */
bool source_can_describe(const struct source *s);
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
 * The server itself writes a result into objects of a place, and most servers a
 * manifest that lists them beside them.
 */
struct source_unload {
	const char *sql;       /* one statement */
	const char *format;    /* a value of output_format */
	const json_t *options; /* output_options of that format */
	/* Address of the objects, ending in a slash, its region, and the key to
	 * encrypt with; NULL: the server chooses. */
	const char *to, *region, *kms_key;
};
/* Returns the address that the source's settings let it write to; NULL: the
 * settings name none. */
const char *source_unload_to(const struct source *s);
/* Returns the name of the place that the server can write to; NULL: none. */
const char *source_unload_place(const struct source *s);
/* Checks, before anything runs, whether the server can do this unload; `to` is
 * not looked at. */
int source_unload_check(
    const struct source *s, const struct source_unload *u, struct err *e);
/* The objects that an unload wrote. A server that writes no manifest names the objects:
 * their addresses, when they are Parquet files, whose rows can be counted, or all that
 * a manifest has. The caller releases both. */
struct source_unloaded {
	int64_t rows;     /* -1: not known */
	json_t *files;    /* addresses; NULL: not these */
	json_t *manifest; /* NULL: not this */
};
/* Writes the result. */
int source_unload(struct source *s, const struct source_unload *u,
    struct source_unloaded *done, struct err *e);

/* Adds advice to the failure of `sql`, given as the user wrote it, where the
 * SQLSTATE suggests a mend. `reads`: sql ran as an export, which may not
 * write. */
void source_advise(
    const struct source *s, const char *sql, bool reads, struct err *e);

/* Returns the expression for the current time in the source's SQL. */
const char *source_now(const struct source *s);

/* Returns a query for the tables of a schema, :'schema', with one row of one JSON
 * object for each, as sql/source/catalogue.sql describes it. NULL: the type of
 * source has none, and *e says so. */
const char *source_catalogue(const struct source *s, struct err *e);

/* Ends a statement that another process has begun, by its handle. 0: it has ended,
 * now or before; 1: the server knows no such statement, which may still be on its
 * way there. */
int source_cancel(
    const struct source_how *how, const char *handle, struct err *e);

/* Quotes for sqltext_substitute, as the server requires. Returns NULL on
 * error. */
char *source_quote(
    struct source *s, const char *text, bool identifier, struct err *e);

#endif
