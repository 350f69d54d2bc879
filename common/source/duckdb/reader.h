/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_DUCKDB_READER_H
#define SOURCE_DUCKDB_READER_H

#include <sys/types.h>

#include "base/err.h"
#include "source/duckdb/engine.h"

/*
 * The process of a single job that holds DuckDB: forked from the worker, and
 * killed when the job ends. All that DuckDB loads, allocates and spills ends
 * with it, a crash on a hostile file ends one job, and a kill stops any query
 * at once.
 */
struct reader {
	pid_t pid; /* 0: none */
	int fd;    /* messages, see frame.h */
};

int reader_start(
    struct reader *r, const struct engine_options *o, struct err *e);
/* Fills *e with the reason why the process has ended by itself; returns -1. */
int reader_died(struct reader *r, struct err *e);
/* Kills the process and waits for its end. */
void reader_stop(struct reader *r); /* accepts an empty struct */

#endif
