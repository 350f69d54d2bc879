/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_DUCKDB_ENGINE_H
#define SOURCE_DUCKDB_ENGINE_H

#include "rows/rows.h"
#include "source/duckdb/cell.h"
#include "source/duckdb/config.h"
#include "source/duckdb/library.h"
#include "source/source.h"

/*
 * DuckDB in this process: a database that reads files below the allowed folders
 * and nothing else, and one statement at a time. Its settings are locked before
 * the first statement of a report is seen.
 */
struct engine {
	struct library library;
	duck database, connection;
	struct cell_tools tools;
	/* the statement at hand */
	struct duck_result result;
	bool begun;
	struct cell *cells;
	struct schema schema;
};

/* The folder of a job's own for what does not fit into memory; NULL: none. */
struct engine_options {
	const struct duckdb_config *config;
	const struct job_session *session;
	const char *scratch;
};

/* Opens the database. The struct is zeroed before; engine_close accepts what a
 * failure leaves. */
int engine_open(
    struct engine *n, const struct engine_options *o, struct err *e);
/* Ends the statement at hand. The database is left to the end of the process. */
void engine_close(struct engine *n);

/* Starts one statement, which must be a SELECT or an EXPLAIN of one. Its
 * columns are in n->schema. */
int engine_query(struct engine *n, const char *sql, struct err *e);
/* Points the cells at the next rows; returns 1 with their number, 0 at the end,
 * -1 on error. The caller gives the chunk back with engine_done. */
int engine_next(struct engine *n, duck *chunk, uint64_t *rows, struct err *e);
void engine_done(struct engine *n, duck chunk);

#endif
