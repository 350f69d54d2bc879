/* SPDX-License-Identifier: MIT */
#ifndef PLACE_TABLE_LEDGER_H
#define PLACE_TABLE_LEDGER_H

#include "place/table/link.h"

/*
 * The ledger of a target: one row for each request whose rows were loaded, written
 * in the transaction that loads them. So it tells the truth about a COMMIT whose
 * answer was lost, and lets two attempts at one request commit once.
 */

/* Returns the application_name of a session that loads for this request, which is
 * found by it in pg_stat_activity. The caller frees it. */
char *ledger_session_name(const struct place_output *o);

/* Sets *made to whether the ledger is there, and refuses one that others can
 * write. */
int ledger_check(struct table_link *l, bool *made, struct err *e);
/* Makes the ledger when it is missing, and refuses one that others can write. */
int ledger_prepare(struct table_link *l, struct err *e);

/* Asks for the request. Returns 1 with *found, 0 when the ledger does not know
 * it, or -1. A ledger that is missing knows nothing. */
int ledger_find(struct table_link *l, const struct place_output *o,
    struct place_landed *found, struct err *e);

/* Ends other sessions of the same request. */
int ledger_end_rivals(struct table_link *l, const char *name, struct err *e);

/* Takes the request's place in the transaction under way; waits for another one
 * that has it. Returns 1 when the request was loaded by a transaction that has
 * committed, else 0 or -1. */
int ledger_begin(
    struct table_link *l, const struct place_output *o, struct err *e);
/* Writes the number of rows (-1: unknown) and the result into the request's
 * row. */
int ledger_end(struct table_link *l, const struct place_output *o,
    const struct sink_terms *terms, struct err *e);

/* The answer to COMMIT was lost: asks for a while whether it has happened. Returns 0
 * when it has; else -1, *e still with the reason why the answer was lost. */
int ledger_settle(const struct place_output *o, struct err *e);

#endif
