/* SPDX-License-Identifier: MIT */
#ifndef SINK_DIGEST_H
#define SINK_DIGEST_H

#include "sink/sink.h"

#define DIGEST_HEX 65 /* SHA-256 as lower-case hexadecimal, and its NUL */

/* A filter that passes bytes on and takes their number and SHA-256. Owns next,
 * also when it fails. */
struct sink *digest_open(struct sink *next, struct err *e);
uint64_t digest_bytes(const struct sink *s);
/* After finish. */
const char *digest_sha256(const struct sink *s);

#endif
