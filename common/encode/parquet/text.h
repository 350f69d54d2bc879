/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PARQUET_TEXT_H
#define ENCODE_PARQUET_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "encode/parquet/type.h"
#include "rows/rows.h"

/*
 * Text of a column's values to what Parquet stores. A level is written for each
 * value, `present` or, for NULL, one less; what is not NULL goes into words or
 * refs, one behind the other. Returns how many of them, or -1.
 */
struct parquet_cells {
	const struct value *values; /* every step-th counts */
	int step;
	int count;
	uint8_t *levels;
	uint8_t present;
};

/* For types that parquet_is_word: integers as they are, FLOAT and DOUBLE as
 * their bits, BOOLEAN as 0 and 1. */
int parquet_text_words(const struct parquet_type *type,
    const struct parquet_cells *cells, int64_t *words, struct err *e);

/* For the others. A ref points to the text, or into scratch (cleared first). */
int parquet_text_refs(const struct parquet_type *type,
    const struct parquet_cells *cells, struct value *refs, struct buf *scratch,
    struct err *e);

#endif
