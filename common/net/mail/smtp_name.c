/* SPDX-License-Identifier: MIT */
#include "net/mail/smtp_name.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define NAME_MAX_LEN 253 /* characters of a domain */
#define LITERAL 64

/* Returns the length of the next label, which ends at a dot or at the end of
 * the name; returns 0 when it is not a valid label. */
static size_t label(const char *s)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || (s[n] == '-' && n > 0))
		n++;
	return n > 0 && n <= 63 && s[n - 1] != '-' ? n : 0;
}

bool smtp_name_is_full(const char *name)
{
	bool dot = false, letter = false;

	if (strlen(name) > NAME_MAX_LEN)
		return false;
	for (const char *s = name;; s++) {
		size_t n = label(s);

		if (n == 0)
			return false;
		for (size_t i = 0; i < n; i++)
			letter = letter || isalpha((unsigned char)s[i]);
		s += n;
		if (*s == '\0')
			return dot && letter;
		if (*s != '.')
			return false;
		dot = true;
	}
}

/* Returns the host's full name from the name service; NULL: it has none. */
static char *look_up(const char *host)
{
	struct addrinfo hints = {
	    .ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	char *name = NULL;

	if (getaddrinfo(host, NULL, &hints, &found) != 0)
		return NULL;
	if (found->ai_canonname != NULL &&
	    smtp_name_is_full(found->ai_canonname) &&
	    strncmp(found->ai_canonname, "localhost.", 10) != 0)
		name = mem_strdup(found->ai_canonname);
	freeaddrinfo(found);
	return name;
}

/* Writes the address in brackets; false for an address that means nothing to
 * other hosts. */
static bool literal(const struct ifaddrs *one, char text[static LITERAL])
{
	const struct sockaddr *a = one->ifa_addr;
	char address[INET6_ADDRSTRLEN];
	const struct in6_addr *v6;

	if (a == NULL || (one->ifa_flags & IFF_UP) == 0 ||
	    (one->ifa_flags & IFF_LOOPBACK) != 0)
		return false;
	if (a->sa_family == AF_INET) {
		inet_ntop(AF_INET,
		    &((const struct sockaddr_in *)(const void *)a)->sin_addr,
		    address, sizeof(address));
		snprintf(text, LITERAL, "[%s]", address);
		return true;
	}
	v6 = &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
	if (a->sa_family != AF_INET6 || IN6_IS_ADDR_LINKLOCAL(v6))
		return false;
	inet_ntop(AF_INET6, v6, address, sizeof(address));
	snprintf(text, LITERAL, "[IPv6:%s]", address);
	return true;
}

/* Returns this host's address; IPv4 before IPv6, which older servers cannot
 * read. */
static char *own_address(void)
{
	char text[LITERAL], best[LITERAL] = "";
	struct ifaddrs *all;

	if (getifaddrs(&all) != 0)
		return mem_strdup("[127.0.0.1]");
	for (const struct ifaddrs *one = all; one; one = one->ifa_next) {
		if (!literal(one, text) || (*best != '\0' && text[1] == 'I'))
			continue;
		if (*best == '\0' || best[1] == 'I')
			strcpy(best, text);
	}
	freeifaddrs(all);
	return mem_strdup(*best ? best : "[127.0.0.1]");
}

char *smtp_name(const char *host)
{
	char *name;

	if (smtp_name_is_full(host))
		return mem_strdup(host);
	name = *host ? look_up(host) : NULL;
	return name ? name : own_address();
}
