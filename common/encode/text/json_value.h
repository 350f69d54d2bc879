/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_TEXT_JSON_VALUE_H
#define ENCODE_TEXT_JSON_VALUE_H

#include <stdbool.h>

#include "encode/text/out.h"
#include "rows/array.h"
#include "rows/rows.h"

/*
 * Each kind of value has this form in JSON (RFC 8259):
 *
 *	numbers    their own digits, exact; NaN and the infinities as text
 *	booleans   true, false
 *	json       unchanged, but line breaks become spaces and halves of
 *	           surrogate pairs U+FFFD; a text that is not JSON is refused
 *	arrays     arrays, nested ones too, elements by their kind
 *	timestamps RFC 3339: 2026-03-01T09:30:00.25, with time zone ...+01:00;
 *	           a time whose offset has seconds (local mean time) is
 *	           converted to UTC. Values outside of RFC 3339 (BC, infinity,
 *	           years past 9999) stay as PostgreSQL writes them.
 *	intervals  ISO 8601: P1Y2M3DT4H5M6.7S
 *	bytes      base64 (RFC 4648, 4)
 *	others     their text
 */
struct json_style {
	bool text_integers; /* integers past 2^53 - 1 in quotes */
	bool text_decimals; /* all decimals in quotes */
	bool null_numbers;  /* null for NaN and infinities */
	bool text_intervals;
	bool hex; /* bytes as hexadecimal digits, not base64 */
	/* The reader that all arrays share; not kept open between them. */
	struct array_reader *reader;
	struct json_mended *mended;
};

/* Collects changes to json values; one for all columns. */
struct json_mended {
	struct buf text;
	int64_t halves; /* halves of surrogate pairs that became U+FFFD */
};

/* Writes a value to out. Returns -1 with *e for an array or a json value that
 * cannot be read. A failed write is kept in `out`. */
int json_value_add(struct out *out, const struct json_style *style,
    const struct column *column, const struct value *v, struct err *e);

/* Writes a text as a JSON string, with quotes. */
void json_text_add(struct out *out, const char *s, size_t len);

#endif
