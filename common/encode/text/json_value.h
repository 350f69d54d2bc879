/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_TEXT_JSON_VALUE_H
#define ENCODE_TEXT_JSON_VALUE_H

#include <stdbool.h>

#include "encode/text/out.h"
#include "rows/array.h"
#include "rows/rows.h"

/*
 * One value as JSON (RFC 8259):
 *
 *	numbers    their own digits, exact; NaN and the infinities as text
 *	booleans   true, false
 *	json       as it is, its line breaks made spaces, halves of surrogate
 *	           pairs made U+FFFD; what is no JSON is refused
 *	arrays     arrays, nested ones too, elements by their kind
 *	timestamps RFC 3339: 2026-03-01T09:30:00.25, with time zone ...+01:00;
 *	           an offset with seconds (local mean time) is made UTC. What
 *	           RFC 3339 cannot say (BC, infinity, years past 9999) stays
 *	           as PostgreSQL writes it.
 *	intervals  ISO 8601: P1Y2M3DT4H5M6.7S
 *	bytes      base64 (RFC 4648, 4)
 *	others     their text
 */
struct json_style {
	bool text_integers; /* those past 2^53 - 1 in quotes */
	bool text_decimals; /* all decimals in quotes */
	bool null_numbers;  /* null for NaN and the infinities */
	bool text_intervals;
	bool hex; /* bytes as hexadecimal digits */
	/* For arrays, one reader for all of them; not kept open otherwise. */
	struct array_reader *reader;
	struct json_mended *mended;
};

/* Of json that was changed; one for all columns. */
struct json_mended {
	struct buf text;
	int64_t halves; /* of surrogate pairs, that became U+FFFD */
};

/* -1 for an array or json that is none; what fails below stays with `out`. */
int json_value_add(struct out *out, const struct json_style *style,
    const struct column *column, const struct value *v, struct err *e);

/* In quotes. */
void json_text_add(struct out *out, const char *s, size_t len);

#endif
