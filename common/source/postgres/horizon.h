/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_HORIZON_H
#define SOURCE_POSTGRES_HORIZON_H

#include "source/driver.h"
#include "source/postgres/pg.h"

/* Begins each message of a transaction that a job reads in. By it postgres_horizon
 * knows the transactions that only read. A script cannot send a message that
 * begins so, because its statements go without the comments before them. */
#define POSTGRES_MARK "/* reportd reads */ "
/* Begins the transactions that jobs read in: all queries of a job read one
 * snapshot. The message goes on with the job's settings. */
#define POSTGRES_BEGIN \
	POSTGRES_MARK "begin isolation level repeatable read read only; "
/* Begins a message with a job's query in such a transaction, where it changes
 * nothing. */
#define POSTGRES_READS POSTGRES_MARK "set transaction read only; "

/* Asks the server something by pg_query in such a transaction. */
struct pg_rows *postgres_ask(struct pg *pg, const char *sql, int count,
    const char *const *params, struct err *e);

/* Implements source_driver.horizon; see sql/source/horizon.sql. */
int postgres_horizon(
    struct source *s, struct source_moment *moment, struct err *e);

#endif
