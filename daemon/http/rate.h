/* SPDX-License-Identifier: MIT */
#ifndef HTTP_RATE_H
#define HTTP_RATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/*
 * Limits how often one address may ask. Each address has a bucket that fills by
 * `rate` a second up to twice that; a request takes some of it out. An IPv6
 * address counts by its /64, which is one customer's. The table has a fixed
 * size: when it is full, the bucket that was touched longest ago is forgotten.
 */
struct rate;

/* An address as the limits count it. */
struct peer {
	unsigned char ip[16];
};
struct peer peer_of(const struct sockaddr *address);
bool peer_same(const struct peer *a, const struct peer *b);

struct rate *rate_open(void);
void rate_free(struct rate *r);

/* Takes a request out of the peer's bucket. Returns false when it does not hold
 * one. `rate` 0: no limit. `now_ms`: a clock that never goes back. */
bool rate_take(
    struct rate *r, const struct peer *peer, int64_t rate, int64_t now_ms);
/* Takes `cost` requests more for one that was taken. The bucket may owe them, so
 * that whoever keeps it empty pays as well. */
void rate_charge(struct rate *r, const struct peer *peer, int64_t rate,
    int64_t cost, int64_t now_ms);

#endif
