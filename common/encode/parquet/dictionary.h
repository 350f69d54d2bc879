/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PARQUET_DICTIONARY_H
#define ENCODE_PARQUET_DICTIONARY_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "rows/rows.h"

/*
 * Distinct values in the order in which they came, found by hash. One holds
 * either words or byte strings. The caller bounds its size.
 */
struct parquet_dictionary {
	uint64_t *slots; /* high half: of the hash; low half: 1 + index */
	size_t mask;     /* slots - 1 */
	size_t count;
	struct buf values; /* int64_t each, or bytes one behind the other */
	struct buf ends;   /* of byte strings: size_t, where it ends */
};

void parquet_dictionary_open(struct parquet_dictionary *d);
void parquet_dictionary_close(struct parquet_dictionary *d);
/* Gives its memory back. */
void parquet_dictionary_clear(struct parquet_dictionary *d);

/* The index of the value, which is a new one when it equals the count before.
 * Never fails but for memory, which shows as values.overflow. */
uint32_t parquet_dictionary_word(struct parquet_dictionary *d, int64_t word);
uint32_t parquet_dictionary_bytes(
    struct parquet_dictionary *d, const struct value *v);

/* Looks only: the count when it is not there. */
uint32_t parquet_dictionary_find(
    const struct parquet_dictionary *d, const struct value *v);

int64_t parquet_dictionary_word_at(
    const struct parquet_dictionary *d, size_t index);
struct value parquet_dictionary_bytes_at(
    const struct parquet_dictionary *d, size_t index);

#endif
