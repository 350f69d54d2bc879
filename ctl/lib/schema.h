/* SPDX-License-Identifier: MIT */
#ifndef CTL_LIB_SCHEMA_H
#define CTL_LIB_SCHEMA_H

#include "base/json.h"
#include "source/postgres/pg.h"

/* The schema's version is the number of the last upgrade. */

/* What this program is made for. */
int schema_wanted(void);

/* What the database has. */
struct schema_state {
	int version; /* 0: no schema */
	int serves;  /* see base/schema.h */
};
int schema_installed(struct pg *pg, struct schema_state *state, struct err *e);

/* 0 when this program works with it; else *e says what to do about it. */
int schema_check(const struct schema_state *state, struct err *e);

/* Brings the schema from version `from` to the wanted one, inside the caller's
 * transaction; names of what was applied are added to the array. */
int schema_upgrade(struct pg *pg, int from, json_t *applied, struct err *e);

#endif
