/* SPDX-License-Identifier: MIT */
#include "net/http/url.h"

#include <curl/curl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "net/http/guard.h"

/* Copies a part of the URL; "" when the URL does not have it. */
static void get_part(
    CURLU *u, CURLUPart part, unsigned flags, char *to, size_t size)
{
	char *text = NULL;

	*to = '\0';
	if (curl_url_get(u, part, &text, flags) == CURLUE_OK)
		str_copy(to, size, text);
	curl_free(text);
}

static void strip_brackets(char *host)
{
	size_t len = strlen(host);

	if (host[0] == '[' && len > 1 && host[len - 1] == ']') {
		memmove(host, host + 1, len - 2);
		host[len - 2] = '\0';
	}
}

int url_parse(const char *url, struct http_url *to, struct err *e)
{
	CURLU *u = curl_url();
	char scheme[16], host[258], port[6];
	CURLUcode code = curl_url_set(
	    u, CURLUPART_URL, url, CURLU_PATH_AS_IS | CURLU_NON_SUPPORT_SCHEME);

	get_part(u, CURLUPART_SCHEME, 0, scheme, sizeof(scheme));
	get_part(u, CURLUPART_HOST, 0, host, sizeof(host));
	get_part(u, CURLUPART_PORT, 0, port, sizeof(port));
	get_part(
	    u, CURLUPART_PORT, CURLU_DEFAULT_PORT, to->port, sizeof(to->port));
	curl_url_cleanup(u);
	to->tls = strcasecmp(scheme, "https") == 0;
	if (code != CURLUE_OK || host[0] == '\0' ||
	    (!to->tls && strcasecmp(scheme, "http") != 0)) {
		/* The URL is not shown, because it may hold a secret. */
		to->host_port[0] = '\0';
		return err_set(e, ERR_PERMANENT,
		    "a URL is wrong (%s); it must begin with https:// or "
		    "http:// and a host",
		    code != CURLUE_OK ? curl_url_strerror(code)
		    : host[0] == '\0' ? "no host"
				      : "another scheme");
	}
	snprintf(to->host_port, sizeof(to->host_port), "%s%s%s", host,
	    port[0] ? ":" : "", port);
	strip_brackets(host);
	str_copy(to->host, sizeof(to->host), host);
	return 0;
}

char *http_join(const char *base, const char *reference)
{
	CURLU *u = curl_url();
	char *joined = NULL, *copy = NULL;

	/* Set twice, the second URL is read as a reference in the first. */
	if (curl_url_set(u, CURLUPART_URL, base, CURLU_PATH_AS_IS) ==
		CURLUE_OK &&
	    curl_url_set(u, CURLUPART_URL, reference, CURLU_PATH_AS_IS) ==
		CURLUE_OK &&
	    curl_url_get(u, CURLUPART_URL, &joined, 0) == CURLUE_OK)
		copy = mem_strdup(joined);
	curl_free(joined);
	curl_url_cleanup(u);
	return copy;
}

void http_host(const char *url, char *to, size_t size)
{
	struct http_url parts;
	struct err unused;
	char *with_scheme =
	    strstr(url, "://") ? mem_strdup(url) : mem_printf("http://%s", url);

	str_copy(to, size, "?");
	if (url_parse(with_scheme, &parts, &unused) == 0)
		str_copy(to, size, parts.host_port);
	free(with_scheme);
}

static const char *first_set(const char *const *names)
{
	for (; *names != NULL; names++) {
		const char *value = getenv(*names);

		if (value != NULL && *value != '\0')
			return value;
	}
	return "";
}

/* Says whether an entry of no_proxy (*, a network, or a name that stands for
 * its subdomains, too) covers the host. */
static bool excepts(const char *entry, const char *host)
{
	size_t len, host_len = strlen(host);

	if (strcmp(entry, "*") == 0 || guard_listed(entry, host))
		return true;
	entry += entry[0] == '.';
	len = strlen(entry);
	if (len == 0 || len > host_len ||
	    strcasecmp(host + host_len - len, entry) != 0)
		return false;
	return len == host_len || host[host_len - len - 1] == '.';
}

static bool listed(const char *list, const char *host)
{
	char *copy = mem_strdup(list), *rest = copy;
	bool found = false;

	for (char *one; !found && (one = strsep(&rest, ", \t")) != NULL;)
		found = *one != '\0' && excepts(one, host);
	free(copy);
	return found;
}

char *url_proxy(
    const struct http_url *to, const char *proxy, const char *no_proxy)
{
	/* HTTP_PROXY in capitals is not read: in CGI it may come from a
	 * request. */
	static const char *const plain[] = {
	    "http_proxy", "all_proxy", "ALL_PROXY", NULL};
	static const char *const tls[] = {
	    "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", NULL};
	static const char *const none[] = {"no_proxy", "NO_PROXY", NULL};

	if (proxy == NULL)
		proxy = first_set(to->tls ? tls : plain);
	if (no_proxy == NULL)
		no_proxy = first_set(none);
	return mem_strdup(listed(no_proxy, to->host) ? "" : proxy);
}

void url_address(const struct sockaddr *address, char *to, size_t size)
{
	socklen_t len = address->sa_family == AF_INET6
			    ? sizeof(struct sockaddr_in6)
			    : sizeof(struct sockaddr_in);

	if (getnameinfo(address, len, to, (socklen_t)size, NULL, 0,
		NI_NUMERICHOST) != 0)
		str_copy(to, size, "?");
}

int url_resolve(const struct http_url *to, const char *allow, char *address,
    size_t size, char *refused, size_t refused_size)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all = NULL;
	int rc = -1;

	*refused = '\0';
	if (getaddrinfo(to->host, to->port, &hints, &all) != 0)
		return -1;
	for (struct addrinfo *a = all; a != NULL && rc != 0; a = a->ai_next) {
		if (guard_allows(a->ai_addr, allow)) {
			url_address(a->ai_addr, address, size);
			rc = 0;
		} else if (*refused == '\0') {
			url_address(a->ai_addr, refused, refused_size);
		}
	}
	freeaddrinfo(all);
	return rc;
}
