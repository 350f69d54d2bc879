/* SPDX-License-Identifier: MIT */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Growable bytes with a hard maximum. Appending past the maximum (or past what
 * memory gives) sets `overflow` and drops the bytes; callers append freely and
 * look at the flag once, at the end. `data` is always NUL-terminated, the NUL
 * not counted in `len`.
 */
struct buf {
	char *data;
	size_t len;
	size_t cap;
	size_t max;
	bool overflow;
};

void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b);  /* may be used again after it */
void buf_clear(struct buf *b); /* keeps the memory */
void buf_add(struct buf *b, const void *data, size_t len);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_int(struct buf *b, int64_t n); /* in decimal */
/* For XML and HTML: the entity of <, >, & and ", any other one as it is. */
void buf_markup(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Room for `len` more bytes at the returned place, or NULL (overflow set);
 * the caller writes there and adds what it wrote to `len` itself. */
char *buf_reserve(struct buf *b, size_t len);

/* Removes the first n bytes (n <= len). */
void buf_consume(struct buf *b, size_t n);

#endif
