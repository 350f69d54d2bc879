/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PARQUET_TEXT_PARSE_H
#define ENCODE_PARQUET_TEXT_PARSE_H

#include "encode/parquet/text.h"

/* What words and refs share. */

#define INLINE static inline __attribute__((always_inline))

enum parsed {
	PARSED,
	LACKING, /* a good value that the Parquet type does not have */
	BROKEN,  /* not the text of such a value */
};

INLINE bool digit(char c)
{
	return (unsigned char)(c - '0') < 10;
}

/* The digits of a decimal as a number of units of its scale. */
enum parsed parquet_decimal_digits(const struct parquet_type *t,
    const struct value *v, parquet_uint128 *units);

/* The error of a value that was not parsed, or 0: it goes on as NULL. */
int parquet_text_refuse(const struct parquet_type *t, const struct value *v,
    enum parsed why, struct err *e);

#endif
