/* SPDX-License-Identifier: MIT */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/*
 * Tokens and keys of requests rest on these: when the system gives no random bytes,
 * the process ends with a message, as it does without memory.
 */

#define RANDOM_UUID 37 /* bytes of a UUID as text, with its final zero */

void random_bytes(void *to, size_t len);

/* Writes a random UUID (RFC 9562, version 4). */
void random_uuid(char to[static RANDOM_UUID]);

/* Returns a random number from 0 to limit - 1; 0 when the limit is less than 1. */
int64_t random_below(int64_t limit);

/* Returns `whole` less a random part of it, at most one `part`th, so that
 * processes that wait for the same thing do not act in step: 10 gives 90 to 100 %
 * of it. */
int64_t random_shorten(int64_t whole, int64_t part);

#endif
