/* SPDX-License-Identifier: MIT */
#include "source/postgres/resolved.h"

#include <string.h>

/* libpq tells by a connection only, so one is begun that ends before its first
 * system call to a server: there is no such channel binding. */
PQconninfoOption *resolved_open(const char *conninfo, const char *attrs)
{
	static const char *const keys[] = {
	    "target_session_attrs", "dbname", "channel_binding", NULL};
	const char *values[] = {attrs, conninfo, "none", NULL};
	PGconn *conn = PQconnectStartParams(keys, values, 1);
	PQconninfoOption *all = conn ? PQconninfo(conn) : NULL;

	PQfinish(conn);
	return all;
}

const char *resolved_value(const PQconninfoOption *options, const char *keyword)
{
	for (; options != NULL && options->keyword != NULL; options++) {
		if (strcmp(options->keyword, keyword) == 0 &&
		    options->val != NULL && *options->val != '\0')
			return options->val;
	}
	return NULL;
}
