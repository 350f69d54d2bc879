/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_SESSION_H
#define SOURCE_POSTGRES_SESSION_H

#include <stdbool.h>

#include "source/driver.h"
#include "source/postgres/pg.h"

/*
 * The code that the drivers of PostgreSQL and Redshift share: a session over
 * libpq, its scripts and its batches. The drivers differ in the statements that
 * they send.
 */
struct session {
	struct source base;
	struct pg *pg;
	/* begins each transaction that the job reads in; empty: the driver's
	 * own words */
	struct buf prologue;
	struct value *values; /* the values of one batch */
	int columns, room;    /* room: rows that fit into values */
	bool ended;           /* the result has no further batch */
};

/* Takes pg over. session_close frees everything in s, but not s itself. */
void session_open(struct session *s, const struct source_driver *driver,
    const struct source_config *config, struct pg *pg);
void session_close(struct session *s);

/* Functions that both drivers use as members of their struct source_driver. */
void session_set_watch(struct source *s, const struct watch *watch);
bool session_alive(struct source *s);
const char *session_protection(const struct source *s, bool *weak);
void session_query_end(struct source *s);
char *session_quote(
    struct source *s, const char *text, bool identifier, struct err *e);
void session_advise(
    const struct source *s, const char *sql, bool reads, struct err *e);

/* Returns the value for statement_timeout in ms, limited to 24 days. */
int session_timeout(const struct job_session *job);

/* Begins the transaction that the job's queries run in, unless it is open;
 * sends the prologue, or `begin` when there is no prologue. */
int session_begin(struct session *s, const char *begin, struct err *e);
/* Rolls back an open transaction. Returns false when the connection cannot be
 * kept. */
bool session_end(struct session *s);

/* Says whether statement `number` of the script failed because it must run
 * outside of a transaction, for servers whose SQLSTATE alone does not tell.
 * session_script does what source_run_script describes; its `top` may be
 * NULL. */
typedef bool session_top(const char *script, int number, const struct err *e);
int session_script(
    struct session *s, const char *script, session_top *top, struct err *e);

/* Prepares for a result with this many columns, before its first batch. */
void session_begin_rows(struct session *s, int columns);
/* Fetches one row as pg_stream_next does; session_batch returns what
 * source_next returns. */
typedef int session_row(
    struct session *s, struct value *values, bool wait, struct err *e);
int session_batch(
    struct session *s, struct batch *batch, session_row *next, struct err *e);

#endif
