/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PARQUET_CHUNK_PARTS_H
#define ENCODE_PARQUET_CHUNK_PARTS_H

#include "encode/parquet/chunk.h"
#include "encode/parquet/stats.h"
#include "rows/array.h"
#include "rows/dictionary.h"

/* The parts that the two files of a chunk share: chunk.c takes rows and writes the
 * finished chunk; chunk_page.c keeps their values and makes pages of them. */
struct parquet_chunk {
	const struct parquet_type *type;
	struct parquet_pages *pages;
	struct array_reader array;

	/* The page that is being filled: levels, and values either as indices
	 * into the dictionary or plain (booleans: a byte each). */
	struct buf repetition, levels;
	struct buf indices;
	struct buf plain;
	size_t nulls;

	bool with_dictionary; /* false once a dictionary saves nothing */
	struct dictionary dictionary;

	/* The finished pages. */
	struct parquet_page *first, **last, *dictionary_page;
	int dictionary_pages, plain_pages;
	int64_t values, all_nulls;
	int64_t bytes, plain_bytes;
	struct parquet_stats stats;
};

/* chunk_page.c */
/* Adds at most PARQUET_SLICE values: values[0], values[step], ..., and a level for
 * each; `present` is the level of one that is not null. */
int parquet_chunk_values(struct parquet_chunk *c, const struct value *values,
    int step, int count, uint8_t present, struct err *e);
/* Ends the page, unless it is empty. */
int parquet_chunk_page(struct parquet_chunk *c, struct err *e);
/* Ends a full page; called only between two rows. */
int parquet_chunk_page_if_full(struct parquet_chunk *c, struct err *e);

#endif
