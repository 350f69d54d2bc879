/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_DRIVER_H
#define SOURCE_DRIVER_H

#include "source/source.h"

/*
 * The contract of a type of source: source.h says what each function does for its
 * caller, this page what a type has to provide. A driver puts a struct source
 * first into its own struct. A member that is marked optional may be NULL.
 *
 * - Values are text in PostgreSQL's form (rows/rows.h), whatever the type's own
 *   is. The schema has the kinds that the driver has found, and nothing else
 *   of the type's numbers and names.
 * - The SQL dialect belongs to the driver: how a statement is quoted, limited,
 *   sorted and described. Callers pass statements on as they are written.
 * - Each wait goes through the watch; a stop ends the statement at the server too
 *   before the call returns. A driver whose statements go on without a connection
 *   (HTTP) hands their handles to job_session.started as soon as it has them, and
 *   takes them back in `cancel`, which another process may call.
 * - An error that a server has given keeps its SQLSTATE or the nearest one of the
 *   standard; err.kind says whether another try can help.
 */
struct source {
	const struct source_driver *driver;
	const struct source_config *config;
};

/* Optional: exactly these bytes, made by the server. */
struct source_passing {
	bool (*can)(const struct source *, const struct source_pass *);
	int (*begin)(struct source *, const struct source_pass *, struct err *);
	int (*next)(
	    struct source *, const char **data, size_t *len, struct err *);
	int (*read)(struct source *, struct buf *to, struct err *);
	int64_t (*rows)(const struct source *);
};

/* Optional, as SOURCE_UNLOAD of its abilities says: results into S3 by the server. */
struct source_unloading {
	const char *(*to)(const struct source *);
	int (*check)(
	    const struct source *, const struct source_unload *, struct err *);
	int (*run)(struct source *, const struct source_unload *, int64_t *rows,
	    struct err *);
};

struct source_driver {
	const struct source_type *type;

	/* A session that has nothing of a job in it; NULL on error. */
	struct source *(*connect)(const struct source_how *, struct err *);
	void (*close)(struct source *);
	void (*set_watch)(struct source *, const struct watch *watch);
	/* Looks, and does not wait for an answer. */
	bool (*alive)(struct source *);
	const char *(*protection)(const struct source *, bool *weak);
	/* Optional: NULL when a login cannot reach more than data. */
	int (*danger)(struct source *, char **why, struct err *);

	int (*begin)(struct source *, const struct job_session *, struct err *);
	bool (*end)(struct source *);
	void (*reset)(struct source *); /* optional: nothing is left to reset */
	/* Optional, as SOURCE_SCRIPT of its abilities says. */
	int (*script)(struct source *, const char *script, struct err *);

	/* Optional: NULL when text cannot come as other bytes than UTF-8. */
	int (*raw_text)(struct source *, struct err *);
	int (*query)(
	    struct source *, const char *sql, struct schema *, struct err *);
	int (*next)(struct source *, struct batch *, struct err *);
	void (*query_end)(struct source *);
	/* Optional: NULL when columns are told with the first row only. A driver
	 * with `passing` has it. */
	int (*describe)(
	    struct source *, const char *sql, struct schema *, struct err *);
	const struct source_passing *passing;     /* optional */
	const struct source_unloading *unloading; /* optional */

	void (*shape)(const struct source *, const char *sql,
	    const struct source_shape *, struct buf *out);
	char *(*quote)(
	    struct source *, const char *text, bool identifier, struct err *);
	/* Optional. */
	void (*advise)(
	    const struct source *, const char *sql, bool reads, struct err *);

	/* Optional: ends a statement by its handle, which job_session.started was
	 * given, without the session that began it. A statement that has
	 * ended is no error. */
	int (*cancel)(
	    const struct source_how *, const char *handle, struct err *);
};

#endif
