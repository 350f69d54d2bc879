/* SPDX-License-Identifier: MIT */
#include "net/credentials.h"

#include <stddef.h>

struct credentials *credentials_open(const struct credentials_options *o)
{
	(void)o;
	return NULL;
}

void credentials_free(struct credentials *c)
{
	(void)c;
}

char *credentials_region(const char *given, const char *profile)
{
	(void)given;
	(void)profile;
	return NULL;
}
