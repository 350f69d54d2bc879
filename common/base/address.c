/* SPDX-License-Identifier: MIT */
#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/str.h"

static int parse_port(const char *text, in_port_t *port)
{
	int64_t n;

	if (str_to_i64(text, &n) != 0 || n < 1 || n > 65535)
		return -1;
	*port = htons((uint16_t)n);
	return 0;
}

socklen_t address_parse(const char *text, struct sockaddr_storage *address)
{
	struct sockaddr_in6 *in6 = (void *)address;
	struct sockaddr_in *in = (void *)address;
	const char *colon = strrchr(text, ':');
	char ip[INET6_ADDRSTRLEN + 2];
	size_t len = colon ? (size_t)(colon - text) : 0;

	memset(address, 0, sizeof(*address));
	if (len == 0 || len >= sizeof(ip))
		return 0;
	memcpy(ip, text, len);
	ip[len] = '\0';
	if (ip[0] == '[' && ip[len - 1] == ']') {
		ip[len - 1] = '\0';
		in6->sin6_family = AF_INET6;
		return inet_pton(AF_INET6, ip + 1, &in6->sin6_addr) == 1 &&
			       parse_port(colon + 1, &in6->sin6_port) == 0
			   ? sizeof(*in6)
			   : 0;
	}
	in->sin_family = AF_INET;
	return inet_pton(AF_INET, ip, &in->sin_addr) == 1 &&
		       parse_port(colon + 1, &in->sin_port) == 0
		   ? sizeof(*in)
		   : 0;
}
