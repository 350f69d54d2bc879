/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_TYPES_H
#define SOURCE_POSTGRES_TYPES_H

#include <stdint.h>

#include "base/err.h"
#include "rows/rows.h"
#include "source/postgres/pg.h"

/* The types that a connection has met and kind.c does not know, by pg_type. */
struct types {
	struct type *list;
	int count, room;
};

/* Fills the columns whose types kind_fill does not know, by what the catalogue
 * says they are made of: one query when there is a type that was not met
 * before. In the transaction that the rows are read in. `oids` are the columns'
 * pg_type.oid; a domain's is replaced by that of what it is over. */
int types_resolve(struct types *types, struct pg *pg, uint32_t *oids,
    struct schema *schema, struct err *e);
void types_free(struct types *types);

#endif
