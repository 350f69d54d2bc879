/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PARQUET_TYPE_H
#define ENCODE_PARQUET_TYPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "encode/parquet/thrift.h"
#include "rows/rows.h"

/* What a column is in a Parquet file (LogicalTypes.md of
 * apache/parquet-format), and how its text becomes that. */

/* C11 has no name for it. */
__extension__ typedef unsigned __int128 parquet_uint128;

/* The numbers are the format's own (Type in parquet.thrift). */
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
	char *name;            /* the column's in the file */
	enum column_kind kind; /* of a list: of its elements */
	bool list;
	char delimiter; /* of a list: between its elements */
	enum parquet_physical physical;
	int width;            /* bytes of a value; 0: each has its own length */
	int bits;             /* INTEGER: 16, 32 or 64 */
	int precision, scale; /* DECIMAL */
	/* Option out_of_range: values that Parquet lacks become NULL. */
	bool to_null;
	int64_t *nulled; /* and are counted here */
	int64_t *halves; /* as json_mended counts them */
};

/* Refuses a "decimal" that cannot be read. */
int parquet_check_decimal(const json_t *options, struct err *e);

/* Of options that parquet_check_decimal() has passed. */
int parquet_type_of(struct parquet_type *type, const struct column *column,
    const json_t *options, struct err *e);

/* True when a value is a number of at most 64 bits. */
static inline bool parquet_is_word(const struct parquet_type *type)
{
	return type->physical < PARQUET_BYTE_ARRAY;
}

/* Fields of the column's schema elements; three of them for a list, else 1. */
int parquet_schema_elements(const struct parquet_type *type);
void parquet_schema_add(const struct parquet_type *type, struct thrift *t);

#endif
