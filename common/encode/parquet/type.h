/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PARQUET_TYPE_H
#define ENCODE_PARQUET_TYPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "encode/parquet/thrift.h"
#include "rows/rows.h"

/* Describes the type of a column in a Parquet file (LogicalTypes.md of
 * apache/parquet-format), and how its text is converted. */

/* C11 has no name for a 128-bit integer. */
__extension__ typedef unsigned __int128 parquet_uint128;

/* The numbers are those of the Parquet format (Type in parquet.thrift). */
enum parquet_physical {
	PARQUET_BOOLEAN = 0,
	PARQUET_INT32 = 1,
	PARQUET_INT64 = 2,
	PARQUET_FLOAT = 4,
	PARQUET_DOUBLE = 5,
	PARQUET_BYTE_ARRAY = 6,
	PARQUET_FIXED = 7,
};

struct parquet_type {
	char *name;            /* name of the column in the file */
	enum column_kind kind; /* of the elements if a list */
	bool list;
	char delimiter; /* separator of elements if a list */
	enum parquet_physical physical;
	int width; /* bytes of a value; 0: of any length */
	int bits;  /* for INTEGER: 16, 32 or 64 */
	/* for DECIMAL: digits in all and after the point */
	int precision, scale;
	/* Option out_of_range: values that the Parquet type lacks become
	 * NULL. */
	bool to_null;
	int64_t *nulled; /* number of values that became NULL */
	/* number of halves of surrogate pairs that became U+FFFD */
	int64_t *halves;
};

/* Refuses an option "decimal" that cannot be read. */
int parquet_check_decimal(const json_t *options, struct err *e);

/* Fills the type of a column. parquet_check_decimal() must have accepted the
 * options. */
int parquet_type_of(struct parquet_type *type, const struct column *column,
    const json_t *options, struct err *e);

/* Returns whether a value is a number of at most 64 bits. */
static inline bool parquet_is_word(const struct parquet_type *type)
{
	return type->physical < PARQUET_BYTE_ARRAY;
}

/* Returns how many schema elements the column has: three for a list, else
 * one. */
int parquet_schema_elements(const struct parquet_type *type);
void parquet_schema_add(const struct parquet_type *type, struct thrift *t);

#endif
