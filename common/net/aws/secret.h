/* SPDX-License-Identifier: MIT */
#ifndef NET_AWS_SECRET_H
#define NET_AWS_SECRET_H

#include <stdbool.h>

#include "base/err.h"
#include "net/aws/aws.h"

/*
 * A user, a password and other members of a secret in Secrets Manager. The
 * secret's text is a JSON object in the form of RDS (username, password, host,
 * port, dbname, engine) or of a Snowflake account, or plain text, which is then
 * the password. The client
 * keeps a secret for five minutes; `fresh` reads it again at once, for a
 * password that was refused.
 */
#define SECRET_MEMBERS(MEMBER)         \
	MEMBER(username)               \
	MEMBER(password)               \
	MEMBER(host)                   \
	MEMBER(port)                   \
	MEMBER(dbname)                 \
	/* for Snowflake */            \
	MEMBER(account)                \
	MEMBER(user)                   \
	MEMBER(database)               \
	MEMBER(schema)                 \
	MEMBER(warehouse)              \
	MEMBER(role)                   \
	MEMBER(private_key)            \
	MEMBER(private_key_passphrase) \
	MEMBER(token)
struct secret {
#define SECRET_TEXT(name) char *name; /* NULL: the secret has no such member */
	SECRET_MEMBERS(SECRET_TEXT)
#undef SECRET_TEXT
};

int secret_get(struct aws *secretsmanager, const char *arn, bool fresh,
    struct secret *secret, struct err *e);
void secret_free(struct secret *secret); /* wipes the texts first */

#endif
