/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_WRITTEN_H
#define SOURCE_POSTGRES_WRITTEN_H

#include "source/postgres/pg.h"

/*
 * The settings of a session that decide how its values are written. A query may
 * change them while it runs, by set_config(); then some of its values are
 * written differently from the rest.
 */

/* Asks for these settings. The server does this with every report: SHOW costs
 * it half of what a call of current_setting() does. */
#define WRITTEN_ASK                                           \
	"show timezone; show datestyle; show intervalstyle; " \
	"show bytea_output; show extra_float_digits"

/* Compares the answers of the connection with the values that a job begins
 * with; `zone` is its time zone. Returns -1 when one differs. */
int written_compare(const struct pg *pg, const char *zone, struct err *e);
/* Fails the query, as it changed these settings; `first` is one of the names. */
int written_refuse(const char *names, const char *first, struct err *e);

/* Fails the next query of a transaction when one before it has changed how the
 * server reads statements; `raw`: the job has set the encoding SQL_ASCII. */
int written_readable(struct pg *pg, bool raw, struct err *e);

#endif
