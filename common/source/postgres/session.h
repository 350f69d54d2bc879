/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_SESSION_H
#define SOURCE_POSTGRES_SESSION_H

#include <stdbool.h>

#include "source/driver.h"
#include "source/postgres/pg.h"

/*
 * The part that the drivers of PostgreSQL and Redshift share: a session over libpq,
 * its scripts and its batches. They differ in what they say to their servers.
 */
struct session {
	struct source base;
	struct pg *pg;
	struct buf prologue;  /* of the job's transaction, until it is sent */
	struct value *values; /* a batch */
	int columns, room;    /* of how many rows */
	bool ended;           /* the last batch was the last */
};

/* Takes pg over; session_close gives all of it back, but not s itself. */
void session_open(struct session *s, const struct source_driver *driver,
    const struct source_config *config, struct pg *pg);
void session_close(struct session *s);

/* Members of a driver that are the same for both. */
void session_set_watch(struct source *s, const struct watch *watch);
bool session_alive(struct source *s);
const char *session_protection(const struct source *s, bool *weak);
void session_query_end(struct source *s);
char *session_quote(
    struct source *s, const char *text, bool identifier, struct err *e);
void session_advise(
    const struct source *s, const char *sql, bool reads, struct err *e);

/* The value of statement_timeout in ms, which is 24 days at most. */
int session_timeout(const struct job_session *job);

/* Begins the transaction that the job's queries are read in, unless it is open:
 * with the prologue, or by `begin` where there is none. */
int session_begin(struct session *s, const char *begin, struct err *e);
/* Rolls back a transaction that is open. False: the connection cannot be kept. */
bool session_end(struct session *s);

/* As source_run_script. `top` says whether statement `number` of the script failed
 * because it must stand outside of a transaction, when its SQLSTATE alone does not
 * tell; NULL: the SQLSTATE tells. */
typedef bool session_top(const char *script, int number, const struct err *e);
int session_script(
    struct session *s, const char *script, session_top *top, struct err *e);

/* Before the first batch of a result with this many columns. */
void session_begin_rows(struct session *s, int columns);
/* As source_next. `next` fetches one row, as pg_stream_next. */
typedef int session_row(
    struct session *s, struct value *values, bool wait, struct err *e);
int session_batch(
    struct session *s, struct batch *batch, session_row *next, struct err *e);

#endif
