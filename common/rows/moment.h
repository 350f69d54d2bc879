/* SPDX-License-Identifier: MIT */
#ifndef ROWS_MOMENT_H
#define ROWS_MOMENT_H

#include <stddef.h>

#include "rows/rows.h"

/* No text of the functions below is longer. */
#define MOMENT_MAX 128

/*
 * A TIMESTAMP, TIMESTAMPTZ or TIMETZ (not NULL) as RFC 3339 writes it, into to;
 * its length, or 0 for what cannot be written so: BC, infinity, years past
 * 9999. The offset is the value's own, and Z when that one has seconds.
 */
size_t moment_rfc3339(
    enum column_kind kind, const struct value *v, char to[MOMENT_MAX]);

/* An INTERVAL as ISO 8601 writes it, 0 for infinity; signs stand where
 * PostgreSQL's intervalstyle iso_8601 has them: P1Y-2M3DT-4H-5M-6.7S. */
size_t interval_iso8601(const struct value *v, char to[MOMENT_MAX]);

/* The length of a TIMESTAMPTZ or TIMETZ without its offset; *rest is set to what
 * comes behind that: " BC" or nothing, up to the value's end. */
size_t moment_without_offset(
    enum column_kind kind, const struct value *v, const char **rest);

#endif
