/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_DANGER_H
#define SOURCE_POSTGRES_DANGER_H

#include <stdbool.h>

#include "base/err.h"
#include "source/postgres/pg.h"

/* Sets *why to what the login of the session reaches beyond tables, such as "alice
 * is a superuser"; the caller frees it. NULL: nothing. The login of a target
 * works a ledger, that of a source must not. */
int danger_find(struct pg *pg, bool of_target, char **why, struct err *e);

#endif
