/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_KEEP_H
#define SOURCE_KEEP_H

#include <time.h>

/* Credentials that services give out for a while: a process keeps them until
 * shortly before they end, by the key that they were asked for with. */
struct source_keep;

/* Belongs to its holder; credential_free wipes it. */
struct credential {
	char *user, *password;
	time_t until; /* seconds since 1970 UTC */
};
void credential_free(struct credential *c); /* accepts an empty one */

struct source_keep *source_keep_open(void);
void source_keep_close(struct source_keep *all); /* accepts NULL */

/* The credential of this key; NULL when there is none, or when it ends within two
 * minutes. Valid until the next call of source_keep_put. */
const struct credential *source_keep_get(
    struct source_keep *all, const char *key);
/* Takes it over, in the place of the key's old one; c is empty then. Returns the
 * kept one, valid as above. */
const struct credential *source_keep_put(
    struct source_keep *all, const char *key, struct credential *c);

#endif
