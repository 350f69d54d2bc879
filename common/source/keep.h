/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_KEEP_H
#define SOURCE_KEEP_H

#include <time.h>

/* Credentials that services issue for a limited time. A process keeps each of
 * them until shortly before it expires, under the key that it was requested
 * with. */
struct source_keep;

/* The strings belong to the holder of the struct; credential_free wipes
 * them. */
struct credential {
	char *user, *password;
	time_t until; /* seconds since 1970 UTC */
};
void credential_free(struct credential *c); /* accepts an empty credential */

struct source_keep *source_keep_open(void);
void source_keep_close(struct source_keep *all); /* accepts NULL */

/* Returns the credential of this key, or NULL when there is none or it expires
 * within two minutes. The pointer is valid until the next call of
 * source_keep_put. */
const struct credential *source_keep_get(
    struct source_keep *all, const char *key);
/* Takes over the strings of c, which is empty afterwards, and drops the key's
 * earlier credential. Returns the kept credential, valid as above. */
const struct credential *source_keep_put(
    struct source_keep *all, const char *key, struct credential *c);

#endif
