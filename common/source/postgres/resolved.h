/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_RESOLVED_H
#define SOURCE_POSTGRES_RESOLVED_H

#include <libpq-fe.h>

/*
 * Returns every value that libpq uses for a connection string: the string's
 * own, those of its service, those of libpq's environment variables, and
 * defaults. `attrs` is the target_session_attrs for a string that sets none;
 * NULL: libpq's default. Returns NULL when memory is out. The caller calls
 * PQconninfoFree().
 */
PQconninfoOption *resolved_open(const char *conninfo, const char *attrs);
/* Returns the keyword's value; NULL when it is missing or "". Accepts NULL. */
const char *resolved_value(
    const PQconninfoOption *options, const char *keyword);

#endif
