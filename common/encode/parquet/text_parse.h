/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PARQUET_TEXT_PARSE_H
#define ENCODE_PARQUET_TEXT_PARSE_H

#include "encode/parquet/text.h"

/* Shared by text_words.c and text_refs.c. */

#define INLINE static inline __attribute__((always_inline))

enum parsed {
	PARSED,
	LACKING, /* a valid value that the Parquet type does not have */
	BROKEN,  /* not the text of a value of this kind */
};

INLINE bool digit(char c)
{
	return (unsigned char)(c - '0') < 10;
}

/* Reads a decimal as a number of units of the scale of the type, without its
 * sign. */
enum parsed parquet_decimal_digits(const struct parquet_type *t,
    const struct value *v, parquet_uint128 *units);

/* Sets the error for a value that was not parsed and returns -1; returns 0 when
 * the value becomes NULL by option. */
int parquet_text_refuse(const struct parquet_type *t, const struct value *v,
    enum parsed why, struct err *e);

#endif
