/* SPDX-License-Identifier: MIT */
#include "source/postgres/resolved.h"

#include <string.h>

/* libpq reveals the values it would use only for a connection, so this function
 * begins one that fails before its first system call to a server: its
 * channel_binding value does not exist. */
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
