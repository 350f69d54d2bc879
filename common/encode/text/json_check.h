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
 * Checks the text of a json value before it becomes a part of a file. The text
 * must be JSON (RFC 8259), or the whole file could not be read. PostgreSQL's
 * json type accepts two things that readers do not: half a surrogate pair
 * ("\ud800"), and nesting of any depth.
 */

/* Some readers stop at 1,000 levels, which include the levels of the
 * surrounding file. */
#define JSON_DEPTH_MAX 500

struct json_seen {
	size_t halves; /* halves of surrogate pairs without the other half */
	bool breaks;   /* the text has line breaks, all of them white space */
};

/* Returns -1 with *e for a text that is not JSON or is nested too deeply. */
int json_check(const struct value *text, struct json_seen *seen, struct err *e);

/* Copies a text that json_check has accepted to `to`, with \ufffd for each half
 * of a surrogate pair. The copy has as many bytes as the text. */
void json_mend(const struct value *text, char *to);

/* Writes the remark on the changes by json_mend, such as "2 halves ...", and
 * returns it. `to` has room for JSON_REMARK bytes. */
#define JSON_REMARK 96
const char *json_remark(char *to, int64_t halves);

#endif
