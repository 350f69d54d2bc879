/* SPDX-License-Identifier: MIT */
#ifndef PLACE_TABLE_LINK_H
#define PLACE_TABLE_LINK_H

#include "place/place.h"
#include "place/table/address.h"
#include "source/postgres/pg.h"

/*
 * A connection to a target. Its session writes everything by the target's own
 * login, finds unqualified names in pg_catalog alone, and refuses statements that
 * row-level security would change.
 */
struct table_dialect;

/* The name of each target's ledger, in a schema of its own. */
#define TABLE_LEDGER "reportd_load"

struct table_link {
	struct pg *pg;
	const struct table_dialect *dialect; /* of the target's type */
	const struct source_settings *target;
	struct table_address at;
	char *table; /* "schema"."table" */
};

/* Connects to the target of an output. `name` becomes the application_name. On
 * error nothing is left open. */
int link_open(struct table_link *l, const struct place_output *o,
    const char *name, struct err *e);
void link_close(struct table_link *l);

/* Checks that the target of an address may be used; see place_type.allow. */
int link_allow(
    const struct place_lent *lent, const char *address, struct err *e);

/* Runs a statement of the dialect in which :"schema" stands for the schema of the
 * ledger. The result is freed with pg_rows_free; NULL on error. */
struct pg_rows *link_query(struct table_link *l, const char *sql, int count,
    const char *const *params, struct err *e);
/* The same without parameters and result; several statements are allowed. */
int link_exec(struct table_link *l, const char *sql, struct err *e);
/* Runs statements as they are. *written, unless NULL, becomes the number of rows
 * that they have written. The result is that of the last one; NULL on error. */
struct pg_rows *link_ask(
    struct table_link *l, const char *sql, int64_t *written, struct err *e);
/* Adds to an error of the server what the target's login lacks. Returns -1. */
int link_advise(const struct table_link *l, struct err *e);

#endif
