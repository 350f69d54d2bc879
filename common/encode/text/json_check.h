/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_TEXT_JSON_CHECK_H
#define ENCODE_TEXT_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "rows/rows.h"

/*
 * The text of a json value, before it becomes a part of a file: it must be JSON
 * (RFC 8259), or the whole file cannot be read. The json type of PostgreSQL takes
 * two things that readers do not: half a surrogate pair ("\ud800"), and nesting
 * without end.
 */

/* Some readers stop at 1,000 levels, those of the file around it included. */
#define JSON_DEPTH_MAX 500

struct json_seen {
	size_t halves; /* of surrogate pairs, each without the other half */
	bool breaks;   /* there are line breaks, all of them white space */
};

/* -1 for what is no JSON, or is too deep. */
int json_check(const struct value *text, struct json_seen *seen, struct err *e);

/* The text, which json_check has passed, with \ufffd for each half, at `to`: it
 * takes as many bytes. */
void json_mend(const struct value *text, char *to);

/* What json_mend has done, for a remark: "2 halves ...". `to` has room for
 * JSON_REMARK bytes. */
#define JSON_REMARK 96
const char *json_remark(char *to, int64_t halves);

#endif
