/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_SNOWFLAKE_SCRIPT_H
#define SOURCE_SNOWFLAKE_SCRIPT_H

#include "base/buf.h"

/* Appends the statements of a script as one request runs them: in a transaction,
 * unless one of them ends a transaction in Snowflake (DDL) or controls it. */
void script_write(const char *script, struct buf *out);

#endif
