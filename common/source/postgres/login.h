/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_LOGIN_H
#define SOURCE_POSTGRES_LOGIN_H

#include <stdbool.h>

#include "base/err.h"
#include "source/postgres/config.h"
#include "source/postgres/pg.h"
#include "source/source.h"

/*
 * The user and password that a database is reached with. They come from the
 * connection string, from a secret in Secrets Manager, or from IAM, which
 * issues them for a Redshift cluster or workgroup. They are fetched when a
 * connection is made, and once more when the server refuses them, because they
 * may have changed since. An open connection is not affected by a change.
 */
struct login {
	const char *conninfo; /* completed with the fetched credentials */
	const char *secret_arn;
	const char *cluster, *workgroup;
	/* user of the cluster; NULL: the IAM role's own */
	const char *database_user;
};

/* Says whether the credentials have to be fetched from a service. */
bool login_is_fetched(const struct login *l);

/* Returns the connection string to use now, which the caller frees with
 * conninfo_free; NULL on error. `fresh` says that the server refused the
 * earlier credentials. Only `reach` and `keep` of `how` are read; both may be
 * NULL when nothing is fetched, and keep may be NULL with a secret. */
char *login_conninfo(const struct source_how *how, const struct login *l,
    bool fresh, struct err *e);

/* Connects with the login, using pg_connect or pg_connect_plain. Returns NULL
 * on error; the error text holds no password. */
typedef struct pg *login_connect(
    const char *conninfo, const struct watch *watch, struct err *e);
struct pg *login_pg(const struct source_how *how, const struct login *l,
    login_connect *connect, struct err *e);

/* Asks IAM for user and password, for a login with a cluster or a workgroup. */
int login_ask_iam(const struct source_reach *reach, const struct login *l,
    const char *dbname, struct credential *c, struct err *e);

#endif
