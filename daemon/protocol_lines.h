/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_PROTOCOL_LINES_H
#define DAEMON_PROTOCOL_LINES_H

#include "base/buf.h"
#include "base/err.h"

/* Bytes, more than any job needs: 1 MiB of SQL (checked at INSERT), parameters
 * and escapes. */
#define PROTOCOL_LINE_MAX (16u << 20)

/* Splits a stream of bytes into lines. */
struct lines {
	struct buf in;
	size_t looked; /* bytes without a line break */
	size_t taken;  /* bytes of the line returned last, with its break */
};
void lines_init(struct lines *l);
void lines_free(struct lines *l);
/* Adds bytes. Returns -1 when a line grows past PROTOCOL_LINE_MAX. */
int lines_feed(struct lines *l, const char *data, size_t len, struct err *e);
/* Returns the next whole line, NUL-terminated without its break and valid until
 * the next call of either function; NULL when there is none yet. */
char *lines_next(struct lines *l, size_t *len);

#endif
