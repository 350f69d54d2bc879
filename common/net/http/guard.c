/* SPDX-License-Identifier: MIT */
#include "net/http/guard.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* Bytes of an address. All addresses are kept as IPv6; IPv4 as
 * ::ffff:a.b.c.d. */
#define IP 16
static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

struct network {
	unsigned char ip[IP];
	int bits;
};

static const char refused[] =
    "0.0.0.0/8 127.0.0.0/8 169.254.0.0/16" /* this host, link-local */
    " 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10" /* private */
    " 198.18.0.0/15 192.0.0.0/24"                            /* RFC 6890 */
    " 224.0.0.0/3"      /* multicast, reserved */
    " 168.63.129.16/32" /* a metadata service; others have private addresses */
    " ::/128 ::1/128 fe80::/10 fec0::/10 ff00::/8 fc00::/7";

/* Networks whose IPv6 addresses contain an IPv4 address, and its first byte. */
static const struct {
	const char *network;
	size_t at;
} dresses[] = {
    {"64:ff9b::/96", 12},    /* NAT64, RFC 6052 */
    {"64:ff9b:1::/48", 12},  /* NAT64 of a site, RFC 8215 */
    {"::ffff:0:0:0/96", 12}, /* SIIT, RFC 7915 */
    {"::/96", 12},           /* "compatible", RFC 4291 */
    {"2002::/16", 2},        /* 6to4, RFC 3056 */
};

static int parse_ip(const char *text, unsigned char ip[IP])
{
	if (inet_pton(AF_INET6, text, ip) == 1)
		return 128;
	if (inet_pton(AF_INET, text, ip + sizeof(mapped)) != 1)
		return -1;
	memcpy(ip, mapped, sizeof(mapped));
	return 32;
}

/* Reads "a.b.c.d" or "a.b.c.d/n", or the same for IPv6. */
static int parse_network(const char *text, struct network *n)
{
	char ip[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	int64_t bits;
	int all;

	if (len >= sizeof(ip))
		return -1;
	memcpy(ip, text, len);
	ip[len] = '\0';
	all = parse_ip(ip, n->ip);
	bits = all;
	if (all < 0 || (slash != NULL && str_to_i64(slash + 1, &bits) != 0) ||
	    bits < 0 || bits > all)
		return -1;
	n->bits = 128 - all + (int)bits;
	return 0;
}

static bool inside(const struct network *n, const unsigned char ip[IP])
{
	size_t bytes = (size_t)n->bits / 8;
	unsigned mask = 0xff00u >> n->bits % 8 & 0xff;

	return memcmp(n->ip, ip, bytes) == 0 &&
	       (mask == 0 || ((n->ip[bytes] ^ ip[bytes]) & mask) == 0);
}

/* Calls a function for each part of a list until it returns true. */
static bool any(const char *list,
    bool (*found)(const char *part, const void *arg), const void *arg)
{
	char *copy = mem_strdup(list ? list : ""), *rest = copy;
	bool yes = false;

	for (char *part; !yes && (part = strsep(&rest, ", \t")) != NULL;)
		yes = *part != '\0' && found(part, arg);
	free(copy);
	return yes;
}

static bool holds(const char *part, const void *ip)
{
	struct network n;

	return parse_network(part, &n) == 0 && inside(&n, ip);
}

static bool to_ip(const struct sockaddr *address, unsigned char ip[IP])
{
	if (address != NULL && address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)address;

		memcpy(ip, &in6->sin6_addr, IP);
	} else if (address != NULL && address->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)address;

		memcpy(ip, mapped, sizeof(mapped));
		memcpy(ip + sizeof(mapped), &in->sin_addr, 4);
	} else {
		return false;
	}
	return true;
}

/* Counts the leading one bits of a mask; for IPv4, the prefix ::ffff:0:0 counts
 * as ones. */
static int mask_bits(const struct sockaddr *mask)
{
	unsigned char ip[IP];
	int n = mask->sa_family == AF_INET ? 8 * (int)sizeof(mapped) : 0;

	if (!to_ip(mask, ip))
		return 8 * IP;
	while (n < 8 * IP && (ip[n / 8] & 0x80 >> n % 8) != 0)
		n++;
	return n;
}

/* Says whether the address is this machine's or a neighbour's: in a network,
 * even a public one, that an interface of the machine belongs to. */
static bool is_near(const unsigned char ip[IP])
{
	struct ifaddrs *all = NULL;
	bool near = false;

	if (getifaddrs(&all) != 0)
		return true;
	for (const struct ifaddrs *a = all; a != NULL && !near;
	     a = a->ifa_next) {
		struct network n;

		if (!to_ip(a->ifa_addr, n.ip))
			continue;
		n.bits = a->ifa_netmask ? mask_bits(a->ifa_netmask) : 8 * IP;
		/* A network that holds every address says nothing about
		 * neighbours. */
		if (n.bits <= (a->ifa_addr->sa_family == AF_INET ? 96 : 0))
			n.bits = 8 * IP;
		near = inside(&n, ip);
	}
	freeifaddrs(all);
	return near;
}

static bool allowed(const unsigned char ip[IP], const char *allow)
{
	if (any(allow, holds, ip))
		return true;
	if (any(refused, holds, ip) || is_near(ip))
		return false;
	for (size_t i = 0; i < sizeof(dresses) / sizeof(*dresses); i++) {
		unsigned char inner[IP];

		if (!holds(dresses[i].network, ip))
			continue;
		memcpy(inner, mapped, sizeof(mapped));
		memcpy(inner + sizeof(mapped), ip + dresses[i].at, 4);
		return allowed(inner, allow);
	}
	return true;
}

bool guard_allows(const struct sockaddr *address, const char *allow)
{
	unsigned char ip[IP];

	return to_ip(address, ip) && allowed(ip, allow);
}

bool guard_allows_text(const char *text, const char *allow)
{
	unsigned char ip[IP];
	char plain[INET6_ADDRSTRLEN];

	/* A zone ("%eth0") is not part of the address. */
	str_copy(plain, sizeof(plain), text);
	plain[strcspn(plain, "%")] = '\0';
	return parse_ip(plain, ip) > 0 && allowed(ip, allow);
}

bool guard_listed(const char *list, const char *text)
{
	unsigned char ip[IP];

	return parse_ip(text, ip) > 0 && any(list, holds, ip);
}

static bool unreadable(const char *part, const void *e)
{
	struct network n;

	if (parse_network(part, &n) == 0)
		return false;
	err_set(*(struct err *const *)e, ERR_PERMANENT,
	    "%s is no network; write one as 10.0.0.0/8 or fd00::/8", part);
	return true;
}

int guard_check_list(const char *list, struct err *e)
{
	return any(list, unreadable, &e) ? -1 : 0;
}
