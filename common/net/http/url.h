/* SPDX-License-Identifier: MIT */
#ifndef NET_HTTP_URL_H
#define NET_HTTP_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/err.h"

/* What a URL leads to, and through which proxy: for http.c alone. */
struct http_url {
	bool tls;
	char host[256];      /* without the brackets of IPv6 */
	char host_port[272]; /* for messages: the port only where it is said */
	char port[6];
};

/* Permanent on a URL that is none, or neither http nor https. */
int url_parse(const char *url, struct http_url *to, struct err *e);

/* The proxy for it: `proxy` or, when NULL, what the environment says as curl
 * reads it; "" when there is none or no_proxy (the same) names the host. The
 * caller's to free. */
char *url_proxy(
    const struct http_url *to, const char *proxy, const char *no_proxy);

/* Looks the name up and gives the first address that the guard allows. -1: there
 * is none; `refused` is one that it does not, "" when there is no address. */
int url_resolve(const struct http_url *to, const char *allow, char *address,
    size_t size, char *refused, size_t refused_size);

/* A numeric address as text. */
void url_address(const struct sockaddr *address, char *to, size_t size);

#endif
