/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_OVER_H
#define SOURCE_POSTGRES_OVER_H

#include "source/source.h"

struct pg;

/* Returns a source over a connection that stays its caller's, and that is in no
 * transaction. Its queries run in a READ ONLY transaction, which source_query_end
 * rolls back, with all that they have set. It has no config. `zone` is the
 * session's time zone. */
struct source *postgres_over(struct pg *pg, const char *zone);
/* Frees the source; the connection goes on. */
void postgres_leave(struct source *s);

/* The same for a connection to Redshift, whose session has its zone already. */
struct source *redshift_over(struct pg *pg, const char *zone);
void redshift_leave(struct source *s);

#endif
