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
 * Converts the texts of a column's values to the form that Parquet stores. A
 * level is written for each value: `present`, or one less for NULL. Values that
 * are not NULL go into words or refs, one after another. Both functions return
 * the number of those, or -1 with *e.
 */
struct parquet_cells {
	const struct value *values; /* every step-th is a value of the column */
	int step;
	int count;
	uint8_t *levels;
	uint8_t present;
};

/* Converts values of types for which parquet_is_word is true: integers
 * unchanged, FLOAT and DOUBLE as their bits, BOOLEAN as 0 and 1. */
int parquet_text_words(const struct parquet_type *type,
    const struct parquet_cells *cells, int64_t *words, struct err *e);

/* Converts values of the other types. A ref points to the text, or into
 * scratch, which is cleared first. */
int parquet_text_refs(const struct parquet_type *type,
    const struct parquet_cells *cells, struct value *refs, struct buf *scratch,
    struct err *e);

#endif
