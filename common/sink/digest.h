/* SPDX-License-Identifier: MIT */
#ifndef SINK_DIGEST_H
#define SINK_DIGEST_H

#include "sink/sink.h"

#define DIGEST_HEX 65 /* SHA-256 as lower-case hexadecimal, and its NUL */

/* A filter that passes bytes on and computes their SHA-256 and their number.
 * The filter owns next, even when opening fails. */
struct sink *digest_open(struct sink *next, struct err *e);
uint64_t digest_bytes(const struct sink *s);
/* Returns the digest; valid after finish. */
const char *digest_sha256(const struct sink *s);

#endif
