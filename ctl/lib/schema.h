/* SPDX-License-Identifier: MIT */
#ifndef CTL_LIB_SCHEMA_H
#define CTL_LIB_SCHEMA_H

#include "base/json.h"
#include "source/postgres/pg.h"

/* The version of the schema is the number of its last upgrade. */

/* The version that this program is made for. */
int schema_wanted(void);

/* The schema of a database. */
struct schema_state {
	int version; /* 0: there is no schema */
	int serves;  /* see base/schema.h */
};
int schema_installed(struct pg *pg, struct schema_state *state, struct err *e);

/* Returns 0 when this program works with the schema, or -1 with *e, which says
 * what to do. */
int schema_check(const struct schema_state *state, struct err *e);

/* Upgrades the schema from version `from` to the wanted one, in the caller's
 * transaction; adds the names of the upgrades to the array. */
int schema_upgrade(struct pg *pg, int from, json_t *applied, struct err *e);

#endif
