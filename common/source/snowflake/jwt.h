/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_SNOWFLAKE_JWT_H
#define SOURCE_SNOWFLAKE_JWT_H

#include <stdint.h>

#include "base/err.h"

/* A private RSA key, which signs tokens. */
struct jwt_key;

/* Reads a key in PEM. passphrase NULL: the key has none. The error names the
 * mend, and nothing of the key. */
struct jwt_key *jwt_key_read(
    const char *pem, const char *passphrase, struct err *e);
void jwt_key_free(struct jwt_key *key); /* accepts NULL */

/* Returns SHA256:... of the public key, as DESCRIBE USER shows it. */
const char *jwt_key_fingerprint(const struct jwt_key *key);

/* Seconds that a token is good for: the server takes an hour at most. */
#define JWT_LIFE_S (59 * 60)

/* Returns a token of this account and user, both in upper case, issued at `now`
 * (seconds since 1970); the caller wipes it. NULL on error. */
char *jwt_make(const struct jwt_key *key, const char *account, const char *user,
    int64_t now, struct err *e);

#endif
