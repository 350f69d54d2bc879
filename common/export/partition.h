/* SPDX-License-Identifier: MIT */
#ifndef EXPORT_PARTITION_H
#define EXPORT_PARTITION_H

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/option.h"
#include "rows/rows.h"
#include "source/source.h"

/*
 * Splits a result by the values of some columns, in the way of Hive: each value
 * has a directory, such as region=North/day=2026-01-01, and the files in it
 * lack these columns. The text of a value counts: 1.5 and 1.50 are two
 * directories. The rows must be sorted by these texts, so that only one file is
 * written at a time.
 */
struct partition {
	const struct schema *schema;
	int *columns; /* indexes into schema, in the order of partition_by */
	int count;
	bool *left_out;
	struct schema rest; /* the other columns; borrows their names */
	struct value *values;
	struct buf key; /* key of the current rows */
	/* '' was among the values; it shares the directory of NULL */
	bool blank;
};

extern const struct option_owner partition_options;

/* `names` is the option partition_by; the schema must outlive the partition. */
int partition_open(struct partition *p, const json_t *names,
    const struct schema *schema, struct err *e);
void partition_close(struct partition *p);

/* Refuses columns that the result of the query does not have, before the server
 * is asked to sort by them. A source that cannot describe a query is not
 * asked. */
int partition_check(
    struct source *s, const char *sql, const json_t *names, struct err *e);

/* Writes the directories of a row to out, which is cleared first. NULL and ''
 * become __HIVE_DEFAULT_PARTITION__, as in Hive and Spark; a value with that
 * text is refused. Characters that a path cannot hold become %XX. */
int partition_key(struct partition *p, const struct value *row, struct buf *out,
    struct err *e);

/* Finds the longest run of rows that have one key and begin with row `from`.
 * Returns the row after its end, or -1; sets p->key to its key and *run to its
 * rows without the columns of the key. */
int partition_run(struct partition *p, const struct batch *batch, int from,
    struct batch *run, struct err *e);

#endif
