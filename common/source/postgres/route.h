/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_ROUTE_H
#define SOURCE_POSTGRES_ROUTE_H

#include <stdint.h>

#include "base/err.h"

/*
 * The way to a server: every host that a connection string, its service and
 * libpq's variables name, with every address of that host, in libpq's order
 * (target_session_attrs=prefer-standby goes through the hosts twice,
 * load_balance_hosts=random shuffles them). libpq would go this way within one
 * connection, but PQconnectPoll() looks names up while its caller waits, and
 * stays for ever with a host that does not answer. So the caller takes one step
 * after the other, each with a time limit of its own:
 *
 *	while ((step = route_next(r)) != ROUTE_END)
 *		ROUTE_LOOK_UP: look route_host() up, then route_found() or
 *		               route_failed()
 *		ROUTE_CONNECT: connect with route_conninfo(); done, or
 *		               route_failed()
 */
struct route;

enum route_step { ROUTE_END, ROUTE_LOOK_UP, ROUTE_CONNECT };

/* For a string that conninfo_check() takes. `attrs` is the target_session_attrs
 * of a string that says none, NULL: libpq's. */
struct route *route_open(const char *conninfo, const char *attrs);
void route_free(struct route *r); /* accepts NULL */

/* ROUTE_END: no host is left, or a server has refused, see route_failed. */
enum route_step route_next(struct route *r);

/* ROUTE_LOOK_UP: the name. */
const char *route_host(const struct route *r);
/* Its addresses, separated by blanks. */
void route_found(struct route *r, const char *addresses);
/* What route_found takes, of the resolver. Waits as long as that takes. NULL on
 * error; the caller frees. */
char *route_look_up(const char *host, struct err *e);

/* ROUTE_CONNECT: the string of one address, which says sslmode and all the rest as
 * the whole one does. Valid until the next step. */
const char *route_conninfo(const struct route *r);

/* How long a step may take: the string's connect_timeout, at least 2 s as in
 * libpq; `otherwise` when it says none. In ms. */
int64_t route_step_ms(const struct route *r, int64_t otherwise);

/*
 * The step has failed, `text` says why. sqlstate is "" when no server has spoken.
 * A server that has spoken ends the route, as in libpq: user, password and
 * database are the same everywhere. One that is just starting or ending does
 * not.
 */
void route_failed(struct route *r, const char *text, const char *sqlstate);
/* The same for a step that has not ended within `ms`. */
void route_silent(struct route *r, int64_t ms);

/* The reasons of all failed steps, one a line, and the last SQLSTATE. */
const char *route_trouble(const struct route *r);
const char *route_sqlstate(const struct route *r);

#endif
