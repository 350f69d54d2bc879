/* SPDX-License-Identifier: MIT */
#ifndef PLACE_TABLE_KEYS_H
#define PLACE_TABLE_KEYS_H

#include "place/table/dialect.h"
#include "place/table/plan.h"

/* The keys of staged rows, before an upsert. */

/* Runs a statement of the plan for its answer. Returns NULL on error. */
struct pg_rows *keys_ask(struct table_link *l, const struct table_plan *p,
    table_statement *make, int64_t *written, struct err *e);

/* Refuses keys with a NULL and, without order_by, rows with the same key. With
 * order_by, *count receives the number of different keys. */
int keys_check(struct table_link *l, const struct table_plan *p, int64_t *count,
    struct err *e);

#endif
