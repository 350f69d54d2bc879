/* SPDX-License-Identifier: MIT */
#ifndef EXPORT_PARTITION_H
#define EXPORT_PARTITION_H

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "source/rows.h"

/*
 * A result that is cut by the values of some columns, as Hive does it: each
 * value has a directory, region=North/day=2026-01-01, and the files in it leave
 * those columns out. Rows come sorted by them, so that one file is written at a
 * time.
 */
struct partition {
	const struct schema *schema;
	int *columns; /* of the schema, in the order of partition_by */
	int count;
	bool *left_out;
	struct schema rest; /* borrows the columns' names */
	struct value *values;
	struct buf key; /* of the rows at hand */
};

/* `names` is the option partition_by; the schema must outlive it. */
int partition_open(struct partition *p, const json_t *names,
    const struct schema *schema, struct err *e);
void partition_close(struct partition *p);

/* The directories of a row, in out (cleared first). A NULL is
 * __HIVE_DEFAULT_PARTITION__; what a path cannot hold is %XX. */
void partition_key(
    const struct partition *p, const struct value *row, struct buf *out);

/* The longest run of rows with one key from row `from` on: its end, its key in
 * p->key, and the rows without the columns of the key in *run. */
int partition_run(struct partition *p, const struct batch *batch, int from,
    struct batch *run);

/* Appends the query sorted by the columns. */
void partition_sort(const json_t *names, const char *sql, struct buf *out);

#endif
