/* SPDX-License-Identifier: MIT */
#ifndef PLACE_TABLE_ADDRESS_H
#define PLACE_TABLE_ADDRESS_H

#include "base/buf.h"
#include "base/err.h"

#define TABLE_PREFIX "table:"
/* Bytes of a name in PostgreSQL, NUL included (NAMEDATALEN). */
#define TABLE_NAME 64

/* The parts of table:TARGET/schema.table. Schema and table are names as SQL reads
 * them: in lower case unless they are quoted. */
struct table_address {
	char target[41]; /* NAME of [target.NAME] */
	char schema[TABLE_NAME], table[TABLE_NAME];
};

/* Refuses an address that names no table, or one of the server's own. */
int table_address_read(
    const char *address, struct table_address *to, struct err *e);

/* Appends a name as a quoted identifier. */
void table_add_name(struct buf *sql, const char *name);
/* Appends "schema"."table". */
void table_add_table(struct buf *sql, const struct table_address *at);

#endif
