/* SPDX-License-Identifier: MIT */
#ifndef NET_HTTP_GUARD_H
#define NET_HTTP_GUARD_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/err.h"

/*
 * The addresses that a guarded call may connect to. It refuses this machine,
 * its own networks, private networks (RFC 1918, RFC 4193, RFC 6598), and the
 * metadata services of clouds. An IPv4 address is also recognised inside of
 * IPv6 addresses (mapped, NAT64, 6to4). `allow` lists exceptions, as networks
 * such as "127.0.0.1/32, fd00::/8"; NULL: none.
 */
bool guard_allows(const struct sockaddr *address, const char *allow);
/* Judges a numeric address given as text. */
bool guard_allows_text(const char *ip, const char *allow);

/* Says whether ip, a numeric address, lies in a network of the list. */
bool guard_listed(const char *list, const char *ip);
/* Checks that a list can be read; the error names the part that cannot. */
int guard_check_list(const char *list, struct err *e);

#endif
