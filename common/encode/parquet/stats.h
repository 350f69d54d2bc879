/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PARQUET_STATS_H
#define ENCODE_PARQUET_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "encode/parquet/thrift.h"
#include "encode/parquet/type.h"
#include "rows/rows.h"

/*
 * Holds the least and the greatest value of a chunk, by which readers skip row
 * groups (Statistics and ColumnOrder in parquet.thrift). Only the first
 * STATS_BYTES bytes of a long string are used: the bounds are then wider, and
 * marked as inexact.
 */
#define STATS_BYTES 64
struct parquet_stats {
	bool any;
	int64_t nans; /* NaN values of FLOAT and DOUBLE */
	union {
		int64_t word;
		double real;
	} min, max;
	struct parquet_bound {
		unsigned char data[STATS_BYTES];
		size_t len;
		bool cut;
	} least, greatest;
};

void parquet_stats_words(struct parquet_stats *s,
    const struct parquet_type *type, const int64_t *words, int n);
void parquet_stats_ref(struct parquet_stats *s, const struct parquet_type *type,
    const struct value *ref);

/* Writes the struct Statistics as field number `field`. */
void parquet_stats_add(const struct parquet_stats *s,
    const struct parquet_type *type, int64_t nulls, struct thrift *t,
    int field);

#endif
