/* SPDX-License-Identifier: MIT */
#include "net/aws/endpoint.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"

/* Partitions of AWS with their own domain; all other regions use
 * amazonaws.com. */
static const struct {
	const char *region; /* prefix of the partition's regions */
	const char *domain;
} partitions[] = {
    {"cn-", "amazonaws.com.cn"},
    {"us-iso-", "c2s.ic.gov"},
    {"us-isob-", "sc2s.sgov.gov"},
    {"eusc-", "amazonaws.eu"},
    {"", "amazonaws.com"},
};

char *endpoint_of(const char *service, const char *region)
{
	size_t i = 0;

	while (strncmp(region, partitions[i].region,
		   strlen(partitions[i].region)) != 0)
		i++;
	return mem_printf(
	    "https://%s.%s.%s", service, region, partitions[i].domain);
}

const char *endpoint_domain(const char *host)
{
	for (size_t i = 0; i < sizeof(partitions) / sizeof(*partitions); i++) {
		const char *domain = partitions[i].domain;
		size_t n = strlen(host), m = strlen(domain);

		if (n > m && host[n - m - 1] == '.' &&
		    strcasecmp(host + n - m, domain) == 0)
			return domain;
	}
	return NULL;
}

int endpoint_split(const char *url, char **scheme, char **host, struct err *e)
{
	const char *start = strstr(url, "://");
	size_t len;

	if (start == NULL || (strncasecmp(url, "https://", 8) != 0 &&
				 strncasecmp(url, "http://", 7) != 0))
		return err_set(e, ERR_PERMANENT,
		    "endpoint %s must begin with https:// or http://", url);
	start += 3;
	len = strcspn(start, "/?#@");
	if (len == 0 || (start[len] != '\0' && strcmp(start + len, "/") != 0))
		return err_set(e, ERR_PERMANENT,
		    "an endpoint must be https://HOST or https://HOST:PORT "
		    "and nothing more");
	*scheme = mem_strndup(url, (size_t)(start - url));
	*host = mem_strndup(start, len);
	return 0;
}
