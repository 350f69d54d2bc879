/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_DRIVER_H
#define SOURCE_DRIVER_H

#include "source/source.h"

/*
 * The contract for a type of source. source.h says what each function does for
 * its caller; this file says what a type must provide. A driver places a struct
 * source as the first member of its own struct. A member marked optional may be
 * NULL.
 *
 * - Values are text in PostgreSQL's form (rows/rows.h), whatever form the
 *   type itself uses. The schema holds the kinds of value that the driver has
 *   found, and none of the type's own numbers and names.
 * - The SQL dialect belongs to the driver: how a statement is quoted,
 *   limited, sorted and described. Callers pass statements on as they are
 *   written.
 * - Every wait goes through the watch. A stop also ends the statement at the
 *   server before the call returns. A driver whose statements go on without a
 *   connection (HTTP) passes their handles to job_session.started before they can
 *   exist, and accepts them in `cancel`, which another process may call.
 * - An error from a server keeps its SQLSTATE, or takes the nearest one of
 *   the SQL standard; err.kind says whether another attempt can help.
 */
struct source {
	const struct source_driver *driver;
	const struct source_config *config;
};

/* Optional: the server itself makes the exact bytes of the output. */
struct source_passing {
	bool (*can)(const struct source *, const struct source_pass *);
	int (*begin)(struct source *, const struct source_pass *, struct err *);
	int (*next)(
	    struct source *, const char **data, size_t *len, struct err *);
	int (*read)(struct source *, struct buf *to, struct err *);
	int64_t (*rows)(const struct source *);
};

/* Optional, present with the ability SOURCE_UNLOAD: the server itself writes
 * results into a place. */
struct source_unloading {
	const char *place; /* name of that place's scheme */
	const char *(*to)(const struct source *);
	/* Called when the type has this format and these options. */
	int (*check)(
	    const struct source *, const struct source_unload *, struct err *);
	int (*run)(struct source *, const struct source_unload *,
	    struct source_unloaded *done, struct err *);
};

/* The answer of a source for source_horizon. Times are microseconds since 1970. */
struct source_moment {
	int64_t now_us; /* by the server's clock */
	int64_t at_us;  /* the horizon, if it is known */
	bool known;
	bool passes; /* the reason why it is not known may pass by itself */
	struct source_holder holder;
	/* why it is not known, or what holds it back for long; NULL: nothing.
	 * source_horizon frees it. */
	char *note;
};

struct source_driver {
	const struct source_type *type;
	/* A session asks the services of its reach until it is closed; else they
	 * serve `connect` alone. */
	bool served;

	/* Returns a session that holds nothing of any job; NULL on error. */
	struct source *(*connect)(const struct source_how *, struct err *);
	void (*close)(struct source *);
	void (*set_watch)(struct source *, const struct watch *watch);
	/* Checks the connection without waiting for an answer. */
	bool (*alive)(struct source *);
	const char *(*protection)(const struct source *, bool *weak);
	/* Optional: NULL when a login of this type can reach nothing but
	 * data. */
	int (*danger)(struct source *, char **why, struct err *);

	int (*begin)(struct source *, const struct job_session *, struct err *);
	bool (*end)(struct source *);
	/* Optional, before `end`: what the run's remark says of the job's
	 * statements, such as "Athena read 12.0 MB", by which they are billed;
	 * the caller frees it. NULL: nothing. */
	char *(*remark)(const struct source *);
	/* optional: NULL when there is nothing to reset */
	void (*reset)(struct source *);
	/* Optional, present with the ability SOURCE_SCRIPT. */
	int (*script)(struct source *, const char *script, struct err *);

	/* Optional: NULL when text always arrives as UTF-8. */
	int (*raw_text)(struct source *, bool raw, struct err *);
	int (*query)(
	    struct source *, const char *sql, struct schema *, struct err *);
	int (*next)(struct source *, struct batch *, struct err *);
	void (*query_end)(struct source *);
	/* Optional, present with the ability SOURCE_HORIZON. */
	int (*horizon)(struct source *, struct source_moment *, struct err *);
	/* Optional: NULL when the columns are known only with the first row. A
	 * driver that has `passing` must provide it. */
	int (*describe)(
	    struct source *, const char *sql, struct schema *, struct err *);
	const struct source_passing *passing;     /* optional */
	const struct source_unloading *unloading; /* optional */

	const char *now; /* the current time in its SQL */
	/* Optional: a query for the tables of :'schema', as sql/source/catalogue.sql
	 * describes it. */
	const char *catalogue;
	void (*shape)(const struct source *, const char *sql,
	    const struct source_shape *, struct buf *out);
	char *(*quote)(
	    struct source *, const char *text, bool identifier, struct err *);
	/* Optional: adds advice to an error. */
	void (*advise)(
	    const struct source *, const char *sql, bool reads, struct err *);

	/* Optional: ends a statement by the handle that job_session.started was
	 * given, without the session that began the statement. 0: it has ended,
	 * now or before; 1: the server knows no such statement, which may still
	 * be on its way there. */
	int (*cancel)(
	    const struct source_how *, const char *handle, struct err *);
};

#endif
