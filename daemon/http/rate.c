/* SPDX-License-Identifier: MIT */
#include "http/rate.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

/* Sets of places: an address has a place in one of them, so nobody can fill the
 * table for all others by many addresses of one set. */
#define SETS 256
#define PLACES 8

struct bucket {
	struct peer peer;
	int64_t level;   /* thousandths of a request; below 0: a debt */
	int64_t seen_ms; /* 0: the place is free */
};

struct rate {
	struct bucket buckets[SETS][PLACES];
};

struct peer peer_of(const struct sockaddr *address)
{
	struct peer p = {{0}};

	if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)address;
		bool mapped = IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);

		memcpy(p.ip, &in6->sin6_addr, mapped ? 16 : 8);
	} else if (address->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)address;

		p.ip[10] = p.ip[11] = 0xff;
		memcpy(p.ip + 12, &in->sin_addr, 4);
	}
	return p;
}

bool peer_same(const struct peer *a, const struct peer *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

struct rate *rate_open(void)
{
	return mem_zalloc(sizeof(struct rate));
}

void rate_free(struct rate *r)
{
	free(r);
}

static unsigned set_of(const struct peer *peer)
{
	uint32_t hash = hash32(HASH32_BEGIN, peer->ip, sizeof(peer->ip));

	return (hash ^ hash >> 16) % SETS;
}

static struct bucket *find(struct rate *r, const struct peer *peer)
{
	struct bucket *set = r->buckets[set_of(peer)], *oldest = set;

	for (int i = 0; i < PLACES; i++) {
		if (set[i].seen_ms != 0 && peer_same(&set[i].peer, peer))
			return &set[i];
		if (set[i].seen_ms < oldest->seen_ms)
			oldest = &set[i];
	}
	*oldest = (struct bucket){.peer = *peer};
	return oldest;
}

/* Returns the peer's bucket as it is filled by now. */
static struct bucket *filled(
    struct rate *r, const struct peer *peer, int64_t rate, int64_t now_ms)
{
	struct bucket *b = find(r, peer);
	int64_t full = 2 * rate * 1000;

	b->level =
	    b->seen_ms == 0 ? full : b->level + (now_ms - b->seen_ms) * rate;
	if (b->level > full)
		b->level = full;
	b->seen_ms = now_ms > 0 ? now_ms : 1;
	return b;
}

bool rate_take(
    struct rate *r, const struct peer *peer, int64_t rate, int64_t now_ms)
{
	struct bucket *b;

	if (rate == 0)
		return true;
	b = filled(r, peer, rate, now_ms);
	if (b->level < 1000)
		return false;
	b->level -= 1000;
	return true;
}

void rate_charge(struct rate *r, const struct peer *peer, int64_t rate,
    int64_t cost, int64_t now_ms)
{
	if (rate != 0)
		filled(r, peer, rate, now_ms)->level -= cost * 1000;
}
