/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_CONNINFO_H
#define SOURCE_POSTGRES_CONNINFO_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Functions for libpq's connection strings, in either of their two forms. */

/* Checks that libpq can read the string. The error never repeats its values. */
int conninfo_check(const char *conninfo, struct err *e);

/* Returns the value of a keyword in the string, or NULL when the string does
 * not have it. The caller frees the value. */
char *conninfo_get(const char *conninfo, const char *keyword);

/*
 * The login replaces user and password of a connection string. Host, port and
 * dbname are added only where the string names none. A NULL member changes
 * nothing. The caller frees the result with conninfo_free; NULL on error.
 */
struct conninfo_login {
	const char *user, *password;
	const char *host, *port, *dbname;
};
char *conninfo_merge(
    const char *conninfo, const struct conninfo_login *login, struct err *e);
void conninfo_free(char *conninfo); /* wipes it; accepts NULL */

/* Returns the string with new values for some keywords. A NULL value changes
 * nothing; "" is a value. The caller frees the result with conninfo_free; NULL
 * on error. */
struct conninfo_pair {
	const char *keyword, *value;
};
char *conninfo_replace(const char *conninfo, const struct conninfo_pair *pairs,
    size_t count, struct err *e);

/*
 * How a connection is protected where its string, its service and PGSSLMODE do
 * not say so. A TCP connection to another host uses TLS, and the server's
 * certificate must be issued for that host by an authority that the system
 * trusts (libpq's own default accepts connections without TLS and checks no
 * certificate). Unix sockets and loopback addresses count as this host. Both
 * members go before dbname among libpq's keywords, so that the connection
 * string overrides them.
 */
struct conninfo_tls {
	const char *sslmode; /* "verify-full"; NULL: nothing to add */
	const char
	    *sslrootcert; /* file of certificates; NULL: nothing to add */
};
void conninfo_protect(const char *conninfo, struct conninfo_tls *tls);
/* Says whether libpq's host is this machine; a non-empty address decides
 * instead of the host. */
bool conninfo_is_here(const char *host, const char *address);
/* Returns a hint for the user when a connection failed with this libpq message;
 * "" when TLS is not the reason. */
const char *conninfo_tls_hint(
    const struct conninfo_tls *tls, const char *message);

/* `text` is libpq's message about a failed connection, made with
 * PQERRORS_VERBOSE. Removes from it, in place, the SQLSTATE and the location in
 * the server's source code. sqlstate becomes "" when no server has answered. */
void conninfo_failure(char *text, char sqlstate[static 6]);
/* Says whether the server has refused the user or the password. */
bool conninfo_refused(const char *sqlstate);

#endif
