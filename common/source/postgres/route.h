/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_ROUTE_H
#define SOURCE_POSTGRES_ROUTE_H

#include <stdint.h>

#include "base/err.h"

/*
 * The order in which servers are tried: every host that a connection string,
 * its service and libpq's variables name, with every address of that host, in
 * libpq's order (target_session_attrs=prefer-standby goes through the hosts
 * twice, load_balance_hosts=random shuffles them). libpq would do the same
 * within one connection, but PQconnectPoll() blocks while it looks names up,
 * and waits forever for a host that does not answer. The caller therefore takes
 * one step after another, each with its own time limit:
 *
 *	while ((step = route_next(r)) != ROUTE_END)
 *		ROUTE_LOOK_UP: look route_host() up, then route_found() or
 *		               route_failed()
 *		ROUTE_CONNECT: connect with route_conninfo(); done, or
 *		               route_failed()
 */
struct route;

enum route_step { ROUTE_END, ROUTE_LOOK_UP, ROUTE_CONNECT };

/* Opens a route for a string that conninfo_check() accepts. `attrs` is the
 * target_session_attrs for a string that sets none; NULL: libpq's default. */
struct route *route_open(const char *conninfo, const char *attrs);
void route_free(struct route *r); /* accepts NULL */

/* Returns the next step. ROUTE_END: no host is left, or a server has refused
 * the login; see route_failed. */
enum route_step route_next(struct route *r);

/* Returns the name to look up in a step ROUTE_LOOK_UP. */
const char *route_host(const struct route *r);
/* Takes the addresses of the name, separated by blanks. */
void route_found(struct route *r, const char *addresses);
/* Asks the resolver for a host's addresses, in the form that route_found takes;
 * blocks until it answers. The caller frees the text; NULL on error. */
char *route_look_up(const char *host, struct err *e);

/* Returns the connection string for one address in a step ROUTE_CONNECT;
 * sslmode and every other option are those of the whole string. Valid until the
 * next step. */
const char *route_conninfo(const struct route *r);

/* Returns the time limit of a step in ms: the string's connect_timeout, at
 * least 2 s as in libpq, or `otherwise` when the string sets none. */
int64_t route_step_ms(const struct route *r, int64_t otherwise);

/*
 * Records that the step failed; `text` says why. sqlstate is "" when no server
 * has answered. An answer from a server ends the route, as in libpq, because
 * user, password and database are the same everywhere; a server that is only
 * starting or shutting down does not end it.
 */
void route_failed(struct route *r, const char *text, const char *sqlstate);
/* Records that the step did not end within `ms`. */
void route_silent(struct route *r, int64_t ms);

/* Returns the reasons of all failed steps, one per line; route_sqlstate returns
 * the last SQLSTATE. */
const char *route_trouble(const struct route *r);
const char *route_sqlstate(const struct route *r);

#endif
