/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_TEXT_OUT_H
#define ENCODE_TEXT_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "sink/sink.h"

/*
 * Collects bytes for a sink in chunks: memory stays the same however long a
 * value is. After a failed write the error is kept and later bytes are dropped,
 * so callers add freely and call out_check, which is cheap, now and then.
 */
struct out {
	struct sink *sink;
	char *data, *at, *end;
	bool failed;
	struct err err;
};

void out_open(struct out *o, struct sink *sink);
void out_close(struct out *o); /* drops bytes that were not flushed */
int out_flush(struct out *o, struct err *e);

static inline int out_check(const struct out *o, struct err *e)
{
	if (o->failed)
		*e = o->err;
	return o->failed ? -1 : 0;
}

/* Returns a place with room for n bytes, at most OUT_ROOM. The caller writes
 * there and moves o->at past the bytes written. */
#define OUT_ROOM ((size_t)64 << 10)
void out_spill(struct out *o);
static inline char *out_room(struct out *o, size_t n)
{
	if (n > (size_t)(o->end - o->at))
		out_spill(o);
	return o->at;
}

void out_add_large(struct out *o, const char *data, size_t len);
static inline void out_add(struct out *o, const void *data, size_t len)
{
	if (len > OUT_ROOM) {
		out_add_large(o, data, len);
		return;
	}
	memcpy(out_room(o, len), data, len);
	o->at += len;
}

static inline void out_str(struct out *o, const char *s)
{
	out_add(o, s, strlen(s));
}

static inline void out_char(struct out *o, char c)
{
	*out_room(o, 1) = c;
	o->at++;
}

/*
 * Escapes for a format: `text` has the replacement of each byte, NULL for bytes
 * that stay. The scan reads eight bytes at once, so it needs the bytes to look
 * for in another form: up to four bytes (one may be listed twice), and all
 * bytes below `below` (at most 0x80).
 */
struct escapes {
	char bytes[4];
	unsigned char below;
	const char *text[256]; /* each of at most ESCAPE_MAX bytes */
};
#define ESCAPE_MAX 6
void out_escaped(
    struct out *o, const struct escapes *t, const char *s, size_t len);

#endif
