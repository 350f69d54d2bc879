/* SPDX-License-Identifier: MIT */
#ifndef BASE_JSON_READER_H
#define BASE_JSON_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * Reads a JSON text (RFC 8259) of any length piece by piece, with memory for
 * one value only. The caller asks for the kind of value that must come next;
 * anything else is an error, which is transient, because it means that the
 * answer was not written as its sender intended.
 *
 */
struct json_reader {
	/* Gives the next piece, which is valid until the next call. Returns 1, 0 at
	 * the end, -1 on error. */
	int (*more)(void *arg, const char **data, size_t *len, struct err *e);
	void *arg;
	const char *at, *end; /* rest of the piece at hand */
	bool ended;
	bool first; /* an object or array has begun and holds nothing yet */
};

int json_reader_object(struct json_reader *r, struct err *e);
/* Puts the member's name in place of what `name` holds. */
int json_reader_member(struct json_reader *r, struct buf *name, struct err *e);
int json_reader_array(struct json_reader *r, struct err *e);
int json_reader_element(struct json_reader *r, struct err *e);
/* Sets *c to the first byte of what comes next, which tells its kind. Returns 0,
 * or -1 on error. */
int json_reader_peek(struct json_reader *r, char *c, struct err *e);
/* Says whether an array comes next; -1 on error. */
int json_reader_is_array(struct json_reader *r, struct err *e);
/* Appends the characters of a string to `to`. Returns 1, or 0 for null. The
 * characters are valid UTF-8 without a NUL. */
int json_reader_text(struct json_reader *r, struct buf *to, struct err *e);
/* Appends the text of a value of any kind to `to`. Its inside is not checked
 * beyond its quotes and brackets. */
int json_reader_copy(struct json_reader *r, struct buf *to, struct err *e);
/* Fails unless only white space follows up to the end. */
int json_reader_end(struct json_reader *r, struct err *e);

#endif
