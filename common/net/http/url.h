/* SPDX-License-Identifier: MIT */
#ifndef NET_HTTP_URL_H
#define NET_HTTP_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/err.h"

/* Writes "host:port" of a URL for messages; the rest may hold secrets. */
void http_host(const char *url, char *to, size_t size);

/* Returns the URL that a reference means in a document of the URL `base`; the
 * caller frees it. NULL: it is no reference. */
char *http_join(const char *base, const char *reference);

/* The parts of a URL that a call needs: for this folder only. */
struct http_url {
	bool tls;
	char host[256]; /* without the brackets of IPv6 */
	/* for messages: with the port if the URL names it */
	char host_port[272];
	char port[6];
};

/* Reads a URL. The error is permanent for a text that is no URL, or neither
 * http nor https. */
int url_parse(const char *url, struct http_url *to, struct err *e);

/* Returns the proxy for the URL: `proxy` or, when NULL, the environment's as
 * curl reads it. "" when there is none, or when no_proxy (or, when NULL, the
 * environment's) names the host. The caller frees it. */
char *url_proxy(
    const struct http_url *to, const char *proxy, const char *no_proxy);

/* Looks the host up and gives the first address that the guard allows. Returns
 * -1 when there is none; `refused` is then an address that it refuses, or ""
 * when the host has no address. */
int url_resolve(const struct http_url *to, const char *allow, char *address,
    size_t size, char *refused, size_t refused_size);

/* Writes a socket address as numeric text. */
void url_address(const struct sockaddr *address, char *to, size_t size);

#endif
