/* SPDX-License-Identifier: MIT */
#ifndef NET_AWS_ENDPOINT_H
#define NET_AWS_ENDPOINT_H

#include "base/err.h"

/* Where a service of AWS is in a region: "https://sts.eu-west-1.amazonaws.com".
 * The caller's to free. */
char *endpoint_of(const char *service, const char *region);

/* The domain of AWS that a host belongs to, "amazonaws.com"; NULL: none. */
const char *endpoint_domain(const char *host);

/* Cuts a URL into "https://" and "host[:port]", each the caller's to free. A URL
 * with more than these is an error. */
int endpoint_split(const char *url, char **scheme, char **host, struct err *e);

#endif
