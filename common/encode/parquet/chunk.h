/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PARQUET_CHUNK_H
#define ENCODE_PARQUET_CHUNK_H

#include "base/buf.h"
#include "base/err.h"
#include "encode/parquet/page.h"
#include "encode/parquet/thrift.h"
#include "encode/parquet/type.h"
#include "rows/rows.h"
#include "sink/sink.h"

/*
 * Holds one column of one row group: values come in, and pages are made as they
 * fill and kept until the row group is written. Values go through a dictionary
 * while that saves bytes: its first page must hold at least two values for each
 * distinct one, and the dictionary may take at most
 * parquet_pages.dictionary_bytes; later pages are plain.
 */
struct parquet_chunk;

struct parquet_chunk *parquet_chunk_new(
    const struct parquet_type *type, struct parquet_pages *pages);
void parquet_chunk_free(struct parquet_chunk *c); /* accepts NULL */

/* Adds `rows` values: values[0], values[step], ... */
int parquet_chunk_add(struct parquet_chunk *c, const struct value *values,
    int step, int rows, struct err *e);

/* Ends the last page; the size is final afterwards. */
int parquet_chunk_finish(struct parquet_chunk *c, struct err *e);
/* Returns the bytes that the chunk takes in the file, and in *plain the bytes
 * without compression. */
int64_t parquet_chunk_size(const struct parquet_chunk *c, int64_t *plain);

/* Writes the pages to the sink, and the metadata of the chunk, with the place
 * in the file where it begins, into t (a list item). The chunk is empty
 * afterwards. */
int parquet_chunk_write(struct parquet_chunk *c, struct sink *sink,
    int64_t place, struct thrift *t, struct err *e);

#endif
