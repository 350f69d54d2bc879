/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_SNOWFLAKE_WORKLOAD_H
#define SOURCE_SNOWFLAKE_WORKLOAD_H

#include <stdint.h>

#include "source/source.h"

/*
 * Returns a token by which AWS vouches for the role of this host, in the form that
 * Snowflake takes; the caller wipes it. *until is when to ask for another one, in
 * seconds since 1970. NULL on error.
 */
char *workload_token(const struct source_reach *reach, int64_t now,
    int64_t *until, struct err *e);

#endif
