/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_RESOLVED_H
#define SOURCE_POSTGRES_RESOLVED_H

#include <libpq-fe.h>

/*
 * All that libpq goes by for a connection string: its values, those of its
 * service, of libpq's variables, and defaults. `attrs` is the target_session_attrs
 * of a string that says none, NULL: libpq's. NULL when memory is out; the caller
 * calls PQconninfoFree().
 */
PQconninfoOption *resolved_open(const char *conninfo, const char *attrs);
/* NULL: it says nothing, or "". Accepts NULL. */
const char *resolved_value(
    const PQconninfoOption *options, const char *keyword);

#endif
