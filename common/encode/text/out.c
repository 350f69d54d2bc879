/* SPDX-License-Identifier: MIT */
#include "encode/text/out.h"

#include <stdlib.h>

#include "base/mem.h"

/* Bytes handed to the sink at once: enough that the cost of system calls is
 * small. */
#define CHUNK ((size_t)256 << 10)
/* A piece whose bytes all become the longest escape must fit into OUT_ROOM. */
#define PIECE (OUT_ROOM / ESCAPE_MAX - 8)

void out_open(struct out *o, struct sink *sink)
{
	*o = (struct out){.sink = sink, .data = mem_alloc(CHUNK + OUT_ROOM)};
	o->at = o->data;
	o->end = o->data + CHUNK + OUT_ROOM;
}

void out_close(struct out *o)
{
	free(o->data);
	*o = (struct out){0};
}

void out_spill(struct out *o)
{
	size_t len = (size_t)(o->at - o->data);

	o->at = o->data;
	if (!o->failed && sink_write(o->sink, o->data, len, &o->err) != 0)
		o->failed = true;
}

int out_flush(struct out *o, struct err *e)
{
	out_spill(o);
	return out_check(o, e);
}

void out_add_large(struct out *o, const char *data, size_t len)
{
	out_spill(o);
	if (!o->failed && sink_write(o->sink, data, len, &o->err) != 0)
		o->failed = true;
}

#define EACH(byte) (0x0101010101010101u * (unsigned char)(byte))

/* less returns a value other than zero when one of the eight bytes is less than
 * n (n <= 128), has when one equals a byte. Both are from "Bit Twiddling
 * Hacks", by S. E. Anderson. */
static inline uint64_t less(uint64_t w, uint64_t each_n)
{
	return (w - each_n) & ~w & EACH(0x80);
}

static inline uint64_t has(uint64_t w, uint64_t each)
{
	return less(w ^ each, EACH(1));
}

/* Returns the place after the bytes written. */
static char *escape(
    const struct escapes *t, char *to, const char *s, size_t len)
{
	const uint64_t a = EACH(t->bytes[0]), b = EACH(t->bytes[1]);
	const uint64_t c = EACH(t->bytes[2]), d = EACH(t->bytes[3]);
	const uint64_t below = EACH(t->below);
	const char *end = s + len;

	while (s < end) {
		const char *text, *stop;
		uint64_t w;

		if (end - s >= 8) {
			memcpy(&w, s, 8);
			memcpy(to, &w, 8);
			if ((has(w, a) | has(w, b) | has(w, c) | has(w, d) |
				less(w, below)) == 0) {
				s += 8;
				to += 8;
				continue;
			}
		}
		stop = end - s >= 8 ? s + 8 : end;
		for (; s < stop; s++) {
			text = t->text[(unsigned char)*s];
			if (text == NULL) {
				*to++ = *s;
				continue;
			}
			while (*text != '\0')
				*to++ = *text++;
		}
	}
	return to;
}

void out_escaped(
    struct out *o, const struct escapes *t, const char *s, size_t len)
{
	while (len > PIECE) {
		o->at =
		    escape(t, out_room(o, PIECE * ESCAPE_MAX + 8), s, PIECE);
		s += PIECE;
		len -= PIECE;
	}
	o->at = escape(t, out_room(o, len * ESCAPE_MAX + 8), s, len);
}
