/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_CONNINFO_H
#define SOURCE_POSTGRES_CONNINFO_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* libpq's connection strings, in either of their forms. */

/* Whether it can be read; the message never repeats its values. */
int conninfo_check(const char *conninfo, struct err *e);

/* The value of a keyword in it, the caller's to free; NULL: it has none. */
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

/* The string with other values of some keywords; NULL as a value changes nothing,
 * "" is a value. The caller conninfo_frees it; NULL on error. */
struct conninfo_pair {
	const char *keyword, *value;
};
char *conninfo_replace(const char *conninfo, const struct conninfo_pair *pairs,
    size_t count, struct err *e);

/*
 * How a connection is protected where its string, its service and PGSSLMODE do
 * not say: over TCP to another host by TLS whose certificate has been issued for
 * that host by somebody the system trusts (libpq alone would do without TLS, and
 * never look at a certificate). A Unix socket and loopback addresses are this
 * host. Both go before dbname among libpq's keywords, so that the string wins.
 */
struct conninfo_tls {
	const char *sslmode; /* "verify-full"; NULL: nothing to add */
	const char
	    *sslrootcert; /* file of certificates; NULL: nothing to add */
};
void conninfo_protect(const char *conninfo, struct conninfo_tls *tls);
/* Whether a host of libpq's, or its address where that is not "", is this one. */
bool conninfo_is_here(const char *host, const char *address);
/* A hint for the user whose connection failed with this message of libpq's; ""
 * when TLS is not the reason. */
const char *conninfo_tls_hint(
    const struct conninfo_tls *tls, const char *message);

/* The text is libpq's message about a connection that failed, with
 * PQERRORS_VERBOSE set: takes the SQLSTATE and the place in the server's source
 * out of it, in place. sqlstate becomes "" when no server has spoken. */
void conninfo_failure(char *text, char sqlstate[static 6]);
/* Whether the server has refused user or password. */
bool conninfo_refused(const char *sqlstate);

#endif
