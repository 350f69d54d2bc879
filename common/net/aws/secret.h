/* SPDX-License-Identifier: MIT */
#ifndef NET_AWS_SECRET_H
#define NET_AWS_SECRET_H

#include <stdbool.h>

#include "base/err.h"
#include "net/aws/aws.h"

/*
 * A user and a password (and whatever else) out of Secrets Manager. The secret's
 * text is a JSON object as RDS keeps it: username, password, host, port, dbname,
 * engine; or plain text, which is the password. Kept for five minutes by the
 * client; `fresh` reads it again at once, for when the password was refused.
 */
struct secret {
	char *username, *password; /* NULL: not in it */
	char *host, *port, *dbname;
};

int secret_get(struct aws *secretsmanager, const char *arn, bool fresh,
    struct secret *secret, struct err *e);
void secret_free(struct secret *secret); /* wiped first */

#endif
