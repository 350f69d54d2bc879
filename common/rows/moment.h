/* SPDX-License-Identifier: MIT */
#ifndef ROWS_MOMENT_H
#define ROWS_MOMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rows/rows.h"

/* Size in bytes that holds every text of the functions below. */
#define MOMENT_MAX 128

/* A date or a time of day, or both, as the text says it. */
struct moment {
	int64_t year; /* 0: 1 BC */
	int month, day;
	int hour, minute, second; /* the hour is 24 at the end of a day */
	int micros;               /* of the second; further digits are cut */
	int offset; /* seconds east of UTC; 0 in a text without one */
};

/* Reads a DATE, TIME, TIMETZ, TIMESTAMP or TIMESTAMPTZ (not NULL) as PostgreSQL
 * writes it. The members that the kind lacks are 0. Returns false for infinity,
 * and for a text that is no such value. */
bool moment_read(
    enum column_kind kind, const struct value *v, struct moment *m);

/*
 * Writes a TIMESTAMP, TIMESTAMPTZ or TIMETZ (not NULL) into `to` in the form of
 * RFC 3339. Returns the length in bytes, or 0 for a value that RFC 3339 cannot
 * express: BC, infinity, years after 9999. The offset is the one in the text;
 * when that offset has seconds, the time is converted to UTC and ends in Z.
 */
size_t moment_rfc3339(
    enum column_kind kind, const struct value *v, char to[MOMENT_MAX]);

/* Writes an INTERVAL into `to` in the form of ISO 8601. Returns the length in
 * bytes, or 0 for infinity. Signs stand where PostgreSQL's intervalstyle
 * iso_8601 puts them: P1Y-2M3DT-4H-5M-6.7S. */
size_t interval_iso8601(const struct value *v, char to[MOMENT_MAX]);

/* Returns the length in bytes of a TIMESTAMPTZ or TIMETZ without its offset.
 * *rest is set to the text after the offset, " BC" or nothing, which ends at
 * the end of the value. */
size_t moment_without_offset(
    enum column_kind kind, const struct value *v, const char **rest);

#endif
