/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_TYPES_H
#define SOURCE_POSTGRES_TYPES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "rows/rows.h"
#include "source/postgres/pg.h"

/* Types that a connection has met and kind.c does not know, as pg_type
 * describes them. */
struct types {
	struct type *list;
	int count, room;
	/* how the session writes money, in a result that has some of it */
	bool has_money;
	struct money money;
};

/* Fills the columns whose types kind_fill does not know from the catalogue, in
 * the transaction that the rows are read in. It sends one query when a type is
 * new to this connection. `oids` are the columns' pg_type.oid; the OID of a
 * domain is replaced by that of its base type. */
int types_resolve(struct types *types, struct pg *pg, uint32_t *oids,
    struct schema *schema, struct err *e);
void types_free(struct types *types);

/* Fails when the session no longer writes money as it did when the last result
 * was resolved: a query has changed lc_monetary while it ran. */
int types_check_money(const struct types *types, struct pg *pg, struct err *e);

#endif
