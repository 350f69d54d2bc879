/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_INSTANT_H
#define SOURCE_INSTANT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Dates and times as PostgreSQL writes them. Each function writes into `to`,
 * without a NUL, and returns the length in bytes. */

#define INSTANT_MAX 64 /* bytes; holds every text */
#define INSTANT_SECOND INT64_C(1000000)

/* A time zone, with the offsets of days that were asked for. */
struct zone;
/* Makes `name` the time zone of this process. Fails when the host does not know
 * it. */
struct zone *zone_open(const char *name, struct err *e);
void zone_close(struct zone *z); /* accepts NULL */

/* days since 1970-01-01; INT32_MAX and -INT32_MAX: infinity */
size_t instant_date(int32_t days, char to[static INSTANT_MAX]);
/* microseconds since midnight, 24:00:00 at most */
size_t instant_time(int64_t us, char to[static INSTANT_MAX]);
/* the same, with an offset in seconds east of Greenwich */
size_t instant_timetz(int64_t us, int32_t offset, char to[static INSTANT_MAX]);
/* microseconds since 1970-01-01 00:00:00; INT64_MAX and -INT64_MAX: infinity */
size_t instant_timestamp(int64_t us, char to[static INSTANT_MAX]);
/* the same in UTC, written in the zone with its offset */
size_t instant_timestamptz(
    struct zone *z, int64_t us, char to[static INSTANT_MAX]);

#endif
