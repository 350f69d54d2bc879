/* SPDX-License-Identifier: MIT */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A buffer of bytes that grows up to a hard maximum. Appending past the
 * maximum, or past the available memory, sets `overflow` and drops the bytes;
 * callers append without checks and look at the flag once, at the end. `data`
 * is always NUL-terminated; `len` does not count the NUL.
 */
struct buf {
	char *data;
	size_t len;
	size_t cap;
	size_t max;
	bool overflow;
};

void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b); /* can be reused afterwards */
/* Overwrites bytes that hold a secret, then frees them as buf_free does. */
void buf_wipe(struct buf *b);
void buf_clear(struct buf *b); /* keeps the memory */
void buf_add(struct buf *b, const void *data, size_t len);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_int(struct buf *b, int64_t n); /* in decimal */
/* Appends a character for XML and HTML: <, >, & and " as entities, any other as
 * it is. */
void buf_markup(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Returns a place with room for `len` more bytes, or NULL with overflow set.
 * The caller writes there and adds the number of bytes written to `len`
 * itself. */
char *buf_reserve(struct buf *b, size_t len);

/* Removes the first n bytes (n <= len). */
void buf_consume(struct buf *b, size_t n);

#endif
