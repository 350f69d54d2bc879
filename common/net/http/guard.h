/* SPDX-License-Identifier: MIT */
#ifndef NET_HTTP_GUARD_H
#define NET_HTTP_GUARD_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/err.h"

/*
 * Which addresses a guarded call may dial: none that leads back to this machine,
 * to its own networks and private ones (RFC 1918, RFC 4193, RFC 6598), or to what
 * a cloud tells its machines. An IPv4 address counts in all of its
 * IPv6 dresses, too (mapped, NAT64, 6to4). `allow` lists exceptions, networks
 * such as "127.0.0.1/32, fd00::/8"; NULL: none.
 */
bool guard_allows(const struct sockaddr *address, const char *allow);
/* The same of a numeric address in text. */
bool guard_allows_text(const char *ip, const char *allow);

/* Whether ip, in text, lies in a network of the list. */
bool guard_listed(const char *list, const char *ip);
/* A list that cannot be read is an error that says which part. */
int guard_check_list(const char *list, struct err *e);

#endif
