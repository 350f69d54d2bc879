/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_SNOWFLAKE_LOGIN_H
#define SOURCE_SNOWFLAKE_LOGIN_H

#include "source/snowflake/config.h"
#include "source/source.h"

/*
 * The login: user, key or token, and host, from the settings, completed by the
 * members of the secret. A token is kept until shortly before its end, and is
 * fetched or made anew when the server refuses it.
 */
struct login;

/* NULL on error. No token is fetched yet. */
struct login *login_open(const struct source_how *how, struct err *e);
void login_close(struct login *l); /* accepts NULL */

/* Returns https://HOST of the account. */
const char *login_endpoint(const struct login *l);
/* Return what statements run in; NULL: the default of the user. */
const char *login_warehouse(const struct login *l);
const char *login_database(const struct login *l);
const char *login_schema(const struct login *l);
const char *login_role(const struct login *l);

/* A token for a request. The texts are valid until the next call. */
struct login_token {
	const char *text;
	const char *type; /* of X-Snowflake-Authorization-Token-Type */
};
/* fresh: the last token was refused. server_now: the server's clock, in seconds
 * since 1970; 0: not known. */
int login_token(struct login *l, bool fresh, int64_t server_now,
    struct login_token *token, struct err *e);

/* Appends to a refusal what an administrator compares with DESCRIBE USER. */
void login_explain(const struct login *l, int64_t server_now, struct err *e);

/* Says how the source logs in, for source_protection. */
const char *login_says(const struct login *l);

#endif
