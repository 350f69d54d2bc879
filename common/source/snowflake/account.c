/* SPDX-License-Identifier: MIT */
#include "source/snowflake/account.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

#define DOMAIN ".snowflakecomputing.com"

/* Returns the account without what belongs to a URL or a host name. */
static char *plain(const char *account)
{
	const char *scheme = strstr(account, "://");
	char *name, *domain;

	account = scheme ? scheme + 3 : account;
	name = mem_strndup(account, strcspn(account, "/"));
	domain = strcasestr(name, DOMAIN);
	if (domain != NULL)
		*domain = '\0';
	return name;
}

/* A host name has hyphens where an account's name has underscores. */
char *account_endpoint(const char *account)
{
	char *name = plain(account), *url;

	for (char *c = name; *c != '\0'; c++)
		*c = *c == '_' ? '-' : (char)tolower((unsigned char)*c);
	url = mem_printf("https://%s" DOMAIN, name);
	free(name);
	return url;
}

/* A .global name ends at its first hyphen, any other at its first dot, as in
 * Snowflake's own connectors. */
char *account_claim(const char *account)
{
	char *name = plain(account);

	name[strcspn(name, strcasestr(name, ".global") ? "-." : ".")] = '\0';
	for (char *c = name; *c != '\0'; c++)
		*c = (char)toupper((unsigned char)*c);
	return name;
}
