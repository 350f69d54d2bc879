/* SPDX-License-Identifier: MIT */
#ifndef EXPORT_PARTITION_H
#define EXPORT_PARTITION_H

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/option.h"
#include "rows/rows.h"

/*
 * A result that is cut by the values of some columns, as Hive does it: each
 * value has a directory, region=North/day=2026-01-01, and the files in it leave
 * those columns out. Its text names it: 1.5 and 1.50 are two. Rows come sorted by
 * these texts, so that one file is written at a time.
 */
struct partition {
	const struct schema *schema;
	int *columns; /* of the schema, in the order of partition_by */
	int count;
	bool *left_out;
	struct schema rest; /* borrows the columns' names */
	struct value *values;
	struct buf key; /* of the rows at hand */
	bool blank;     /* '' was among the values, which has NULL's name */
};

extern const struct option_owner partition_options;

/* `names` is the option partition_by; the schema must outlive it. */
int partition_open(struct partition *p, const json_t *names,
    const struct schema *schema, struct err *e);
void partition_close(struct partition *p);

/* The directories of a row, in out (cleared first). NULL and '' are
 * __HIVE_DEFAULT_PARTITION__, as in Hive and Spark, so that text is refused; what
 * a path cannot hold is %XX. */
int partition_key(struct partition *p, const struct value *row, struct buf *out,
    struct err *e);

/* The longest run of rows with one key from row `from` on: its end or -1, its key
 * in p->key, and the rows without the columns of the key in *run. */
int partition_run(struct partition *p, const struct batch *batch, int from,
    struct batch *run, struct err *e);

#endif
