/* SPDX-License-Identifier: MIT */
#ifndef PLACE_TABLE_DIALECT_H
#define PLACE_TABLE_DIALECT_H

#include "place/place.h"

/*
 * How a type of target is loaded: how its servers are reached, the SQL that they
 * take, and the way that rows go. table.c says in which order these are called;
 * every type speaks PostgreSQL's protocol.
 */

struct pg;
struct source;
struct source_type;
struct table_column;
struct table_field;
struct table_link;
struct table_look;
struct table_plan;

/* Rows on their way into a table; a type that has none to keep uses NULL. */
struct table_rows;

typedef void table_statement(const struct table_plan *, struct buf *sql);

struct table_dialect {
	const struct source_type *type;
	/* Statements go by the simple protocol, with their parameters written as
	 * :'1', :'2'... instead of $1, $2... */
	bool simple;
	/* Rows are always staged: no lock of the table or the ledger is held
	 * while rows stream. */
	bool stages;
	/* why a table may take another number of rows than were sent */
	const char *lost;

	struct pg *(*connect)(const struct table_link *l,
	    const struct place_lent *lent, struct err *e);
	/* Sets *why as danger_find does. */
	int (*danger)(struct table_link *l, char **why, struct err *e);
	/* Fixes how values are read. `name` tells the session from others. */
	int (*set_up)(struct table_link *l, const struct place_output *o,
	    const char *name, struct err *e);

	/* ---- catalogue and ledger: statements, see sql/target ---- */
	const char *table, *columns;
	const char *trust; /* NULL: writing a table runs nothing of others */
	const char *ledger_state, *ledger_schema, *ledger_make, *ledger_find;
	const char *rivals; /* NULL: they are not ended */
	/* See ledger.h. */
	int (*ledger_begin)(
	    struct table_link *l, const struct place_output *o, struct err *e);
	int (*ledger_end)(struct table_link *l, const struct place_output *o,
	    const struct sink_terms *terms, struct err *e);

	/* ---- the plan ---- */

	/* Appends the type that a column gets which is made. -1: the target has
	 * none that holds each of its values; the error goes on after "the result
	 * has a column "x", ". */
	int (*make_type)(
	    const struct column *column, struct buf *sql, struct err *e);
	/* Optional: checks that the table's column takes each value as it is,
	 * and may change type and cast of the field. */
	int (*stage_type)(const struct column *column,
	    const struct table_column *to, struct table_field *f,
	    struct err *e);
	/* Optional: checks that the table can be updated by the key. */
	int (*check_key)(const struct table_plan *p,
	    const struct table_look *look, struct table_link *l, struct err *e);

	/* ---- statements of the plan, see plan.h ---- */
	table_statement *create, *add, *stage, *remove, *find_null;
	/* Optional: locks the table as what follows needs it. */
	table_statement *lock;
	table_statement *find_twice, *count_keys;
	/* Optional: for an upsert with order_by, after the staged rows were
	 * checked and before the transaction that merges them. */
	table_statement *choose;
	/* all statements that write rows; what they have written is counted */
	table_statement *insert;
	/* A source over the session, whose queries see the staged rows; `leave`
	 * frees it. */
	struct source *(*over)(struct pg *pg, const char *time_zone);
	void (*leave)(struct source *source);
	/* Optional: a COPY of one CSV file, which the server reads as it is. */
	void (*copy_csv)(const struct table_plan *p,
	    const struct schema *columns, const struct place_csv *csv,
	    struct buf *sql);

	/* Optional: tries the way of the rows, for `reportctl doctor`. */
	int (*probe)(
	    struct table_link *l, const struct place_output *o, struct err *e);

	/* ---- rows, in the text format of PostgreSQL's COPY ---- */

	/* Opens the way into the staging table, or into the table itself. */
	int (*rows_open)(struct table_link *l, const struct table_plan *p,
	    const struct place_output *o, struct table_rows **rows,
	    struct err *e);
	int (*rows_write)(struct table_link *l, struct table_rows *rows,
	    const void *data, size_t len, struct err *e);
	/* Ends it; *arrived receives how many rows the server took. */
	int (*rows_end)(struct table_link *l, struct table_rows *rows,
	    int64_t *arrived, struct err *e);
	/* Optional: leaves nothing of the rows outside of the server; called
	 * once the table has them, or gets none of them. Accepts NULL. */
	void (*rows_free)(struct table_rows *rows);
};

extern const struct table_dialect table_postgres;

/* `type` has the ability SOURCE_TARGET. */
const struct table_dialect *table_dialect_of(const struct source_type *type);

#endif
