/* SPDX-License-Identifier: MIT */
#ifndef NET_AWS_ENDPOINT_H
#define NET_AWS_ENDPOINT_H

#include "base/err.h"

/* Returns the URL of an AWS service in a region:
 * "https://sts.eu-west-1.amazonaws.com". The caller frees it. */
char *endpoint_of(const char *service, const char *region);

/* Returns AWS's domain that a host belongs to, such as "amazonaws.com"; NULL:
 * the host is not in AWS's domains. */
const char *endpoint_domain(const char *host);

/* Splits a URL into "https://" and "host[:port]", which the caller frees. A URL
 * with any other part is an error. */
int endpoint_split(const char *url, char **scheme, char **host, struct err *e);

#endif
