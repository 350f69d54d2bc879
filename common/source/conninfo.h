/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_CONNINFO_H
#define SOURCE_CONNINFO_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* libpq's connection strings, in either of their forms. */

/* Whether it can be read; the message never repeats its values. */
int conninfo_check(const char *conninfo, struct err *e);

/* What it says of a keyword; NULL: nothing. The caller frees. */
char *conninfo_get(const char *conninfo, const char *keyword);

/*
 * The string with the login: user and password are replaced, the place (host,
 * port, dbname) is taken where the string names none. NULL members change
 * nothing. The caller wipes and frees it; NULL on error.
 */
struct conninfo_login {
	const char *user, *password;
	const char *host, *port, *dbname;
};
char *conninfo_merge(
    const char *conninfo, const struct conninfo_login *login, struct err *e);
void conninfo_free(char *conninfo); /* wipes it; accepts NULL */

/* What libpq says of a connection that failed, with PQERRORS_VERBOSE set: takes
 * the SQLSTATE and the place in the server's source out of the text, which is
 * changed in place. sqlstate becomes "" when no server has spoken. */
void conninfo_failure(char *text, char sqlstate[static 6]);
/* Whether the server has refused user or password. */
bool conninfo_refused(const char *sqlstate);

#endif
