/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_WRITTEN_H
#define SOURCE_POSTGRES_WRITTEN_H

#include "source/postgres/pg.h"

/*
 * The settings of a session that decide how its values are written. A query may
 * change them while it runs, by set_config(); then some of its values are
 * written differently from the rest.
 */

/* Asks for these settings. The server plans this with every report, so each
 * setting is one plain expression. */
#define WRITTEN_ONE(name) "pg_catalog.current_setting('" name "')"
#define WRITTEN_ASK                                         \
	"select " WRITTEN_ONE("TimeZone") ", " WRITTEN_ONE( \
	    "DateStyle") ", " WRITTEN_ONE("IntervalStyle") ", " WRITTEN_ONE("bytea_output") ", " WRITTEN_ONE("extra_float_digits") ", " WRITTEN_ONE("standard_conforming_strings")

/* Compares the answer with the values that a job begins with; `zone` is its time
 * zone. Returns -1 when one differs. */
int written_compare(
    const struct pg_rows *answer, const char *zone, struct err *e);
/* Fails the query, as it changed these settings; `first` is one of the names. */
int written_refuse(const char *names, const char *first, struct err *e);

#endif
