/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_LOGIN_H
#define SOURCE_POSTGRES_LOGIN_H

#include <stdbool.h>

#include "base/err.h"
#include "source/postgres/config.h"
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
	const char *conninfo; /* takes up all the rest */
	const char *secret_arn;
	const char *cluster, *workgroup;
	const char *database_user; /* of the cluster; NULL: by the IAM role */
};

/* Whether a service has to be asked. */
bool login_is_fetched(const struct login *l);

/* The connection string to use now, the caller's to conninfo_free; NULL on
 * error. `fresh`: the one that was used before has been refused. Of `how` the
 * services and what is kept count; both may be NULL when nothing is fetched, keep
 * may be when it is a secret. */
char *login_conninfo(const struct source_how *how, const struct login *l,
    bool fresh, struct err *e);

/* Connects with it, by pg_connect or pg_connect_plain. NULL on error, whose text
 * holds no password. */
typedef struct pg *login_connect(
    const char *conninfo, const struct watch *watch, struct err *e);
struct pg *login_pg(const struct source_how *how, const struct login *l,
    login_connect *connect, struct err *e);

/* User and password by IAM, for a login with a cluster or a workgroup. */
int login_ask_iam(const struct source_reach *reach, const struct login *l,
    const char *dbname, struct credential *c, struct err *e);

#endif
