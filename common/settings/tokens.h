/* SPDX-License-Identifier: MIT */
#ifndef SETTINGS_TOKENS_H
#define SETTINGS_TOKENS_H

#include "base/buf.h"
#include "base/err.h"

/*
 * The tokens that clients may show, and the role that each acts as. The file has
 * a line for each token: the role, blanks, and the SHA-256 of the token in hex.
 * Empty lines and lines that begin with # count for nothing. The tokens
 * themselves are nowhere.
 */
struct tokens;

/* Reads the file. NULL path: there are no tokens. Returns NULL on error: it
 * cannot be read, others than its owner may write it, or a line is wrong. */
struct tokens *tokens_load(const char *path, struct err *e);
void tokens_free(struct tokens *t); /* accepts NULL */

/* Returns the role that an Authorization field acts as; NULL: it has no token of
 * the file. The time that this takes tells nothing about the file. */
const char *tokens_role(const struct tokens *t, const char *authorization);

/* Appends the roles as an array of PostgreSQL. */
void tokens_list_roles(const struct tokens *t, struct buf *b);
/* Notes why nobody may act as a role. tokens_refusal returns that text; NULL:
 * there is none. */
void tokens_refuse(struct tokens *t, const char *role, const char *why);
const char *tokens_refusal(const struct tokens *t, const char *role);

#endif
