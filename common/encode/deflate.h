/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_DEFLATE_H
#define ENCODE_DEFLATE_H

#include <stdint.h>

#include "base/buf.h"

/*
 * Raw deflate (RFC 1951) of one stream after the other, on a thread of its own
 * as soon as there is enough to do. The caller works on one buffer while the
 * thread compresses the other.
 */
struct deflate;

/* What a stream has taken and given so far. */
struct deflate_sum {
	uint32_t crc; /* CRC-32 of what went in, as ZIP and gzip have it */
	uint64_t in, out;
};

struct deflate *deflate_open(void);
void deflate_free(struct deflate *d); /* accepts NULL */

/* Takes the bytes of `in` and leaves it empty, with memory that may be another;
 * gives what came of earlier ones: read it before the next call. */
const struct buf *deflate_add(struct deflate *d, struct buf *in);

/* Ends the stream: gives the rest of it and its sums. The next deflate_add
 * begins another one. */
const struct buf *deflate_end(struct deflate *d, struct deflate_sum *sum);

#endif
