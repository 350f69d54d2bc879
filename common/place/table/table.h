/* SPDX-License-Identifier: MIT */
#ifndef PLACE_TABLE_TABLE_H
#define PLACE_TABLE_TABLE_H

#include "place/place.h"

/*
 * Tables of a target, table:NAME/schema.table. An output is the text that COPY
 * reads, and becomes rows of the table.
 *
 *	open     connects, looks at the table, and begins a COPY: into the table
 *	         itself, within the transaction that publishes them, or into a
 *	         temporary table (plan.h)
 *	finish   ends the COPY; one transaction takes the request's place in the
 *	         ledger and merges staged rows
 *	publish  COMMIT
 *
 * When the answer to COMMIT is lost, the ledger tells whether it has happened.
 */
extern const struct place_type place_table;

/* Opens an output; see place_type.open. */
struct sink *table_open(const struct place_output *output, struct err *e);

/* See place_type.staged. */
struct source *table_staged(struct sink *sink, struct err *e);
/* See place_type.begin_file and end_file. */
int table_begin_file(
    struct sink *sink, const struct schema *columns, struct err *e);
int table_end_file(struct sink *sink, struct err *e);

#endif
