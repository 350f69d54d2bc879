/* SPDX-License-Identifier: MIT */
#ifndef PLACE_TABLE_REDSHIFT_REDSHIFT_H
#define PLACE_TABLE_REDSHIFT_REDSHIFT_H

#include "place/table/dialect.h"
#include "place/table/plan.h"

/*
 * A target of type redshift. Rows go into objects of S3, from there by COPY into a
 * temporary table, and from that into the table, in a transaction that locks the
 * ledger first: so no two of them work at once, and Redshift, whose keys are not
 * enforced and whose transactions are serializable, has nothing to refuse.
 */
extern const struct table_dialect table_redshift;

/* The temporary tables of a session: the rows (made by plan_stage), and of rows with the same key the
 * one that order_by puts first. */
#define REDSHIFT_STAGE "reportd_stage"
#define REDSHIFT_CHOSEN "reportd_chosen"

/* Members of the dialect; rows.c. */
int redshift_rows_open(struct table_link *l, const struct table_plan *p,
    const struct place_output *o, struct table_rows **rows, struct err *e);
int redshift_rows_write(struct table_link *l, struct table_rows *rows,
    const void *data, size_t len, struct err *e);
int redshift_rows_end(struct table_link *l, struct table_rows *rows,
    int64_t *arrived, struct err *e);
void redshift_rows_free(struct table_rows *rows);
int redshift_probe(
    struct table_link *l, const struct place_output *o, struct err *e);

/* Statements of the dialect; statement.c. */
table_statement redshift_add, redshift_remove;
table_statement redshift_find_null, redshift_find_twice, redshift_count_keys;
table_statement redshift_choose, redshift_insert;

#endif
