/* SPDX-License-Identifier: MIT */
#ifndef SERVICES_LOGIN_H
#define SERVICES_LOGIN_H

#include <stdbool.h>

#include "base/err.h"
#include "base/watch.h"
#include "services/services.h"
#include "source/postgres/pg.h"
#include "source/source.h"

/*
 * With which user and password a database is reached: those of its connection
 * string, of a secret in Secrets Manager, or those that IAM gives out for a
 * Redshift cluster or workgroup. They are fetched when a connection is made, and
 * once more when the server refuses them, as they may have been changed
 * meanwhile; a connection that exists lives on.
 */
struct login {
	const char *type;     /* of the source */
	const char *conninfo; /* what all the rest is put into */
	const char *secret_arn;
	const char *cluster, *workgroup;
	const char *database_user; /* of the cluster; NULL: by the IAM role */
	bool trusted; /* others' SQL may run under it, whatever it may */
};

/* Whether any service has to be asked. */
bool login_is_fetched(const struct login *l);

/* Keeps what IAM gave until a while before it ends. */
struct logins;
struct logins *logins_open(void);
void logins_close(struct logins *all); /* accepts NULL */

/* The connection string to use now, the caller's to conninfo_free; NULL on
 * error. `fresh`: what was used before has been refused. services may be NULL
 * when nothing is fetched. */
char *login_conninfo(struct logins *all, struct services *services,
    const struct login *l, bool fresh, struct err *e);

/* Connect with it. NULL on error, which names no password. */
struct source *login_source(struct logins *all, struct services *services,
    const struct login *l, const struct watch *watch, struct err *e);
struct pg *login_pg(struct logins *all, struct services *services,
    const struct login *l, const struct watch *watch, struct err *e);

#endif
