/* SPDX-License-Identifier: MIT */
#ifndef ROWS_DICTIONARY_H
#define ROWS_DICTIONARY_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "rows/rows.h"

/*
 * Holds distinct values in the order in which they came, and finds them by
 * hash. A dictionary holds either words or byte strings. The caller bounds its
 * size.
 */
struct dictionary {
	uint64_t *slots; /* high half: that of the hash; low half: 1 + index */
	size_t mask;     /* number of slots - 1 */
	size_t count;
	struct buf values; /* int64_t each, or bytes one after another */
	struct buf ends;   /* for byte strings: a size_t each, the end of it */
};

void dictionary_open(struct dictionary *d);
void dictionary_close(struct dictionary *d);
/* Empties the dictionary and frees its memory. */
void dictionary_clear(struct dictionary *d);

/* Return the index of the value, which is added if it is new: then the index is
 * the count before the call. They fail only for lack of memory, which sets
 * values.overflow. */
uint32_t dictionary_word(struct dictionary *d, int64_t word);
uint32_t dictionary_bytes(struct dictionary *d, const struct value *v);

/* Returns the index of the value without adding it; the count when it is not
 * there. */
uint32_t dictionary_find(const struct dictionary *d, const struct value *v);

int64_t dictionary_word_at(const struct dictionary *d, size_t index);
struct value dictionary_bytes_at(const struct dictionary *d, size_t index);

#endif
