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
 * One column of one row group: values come in, pages are made as they fill and
 * kept until the row group is written. Values go through a dictionary while
 * that pays: its first page must hold at least two values for each distinct
 * one, and it may take DICTIONARY_BYTES; from there on pages are plain.
 */
struct parquet_chunk;

struct parquet_chunk *parquet_chunk_new(
    const struct parquet_type *type, struct parquet_pages *pages);
void parquet_chunk_free(struct parquet_chunk *c); /* accepts NULL */

/* values[0], values[step], ...: `rows` of them. */
int parquet_chunk_add(struct parquet_chunk *c, const struct value *values,
    int step, int rows, struct err *e);

/* Ends the last page: afterwards the size is final. */
int parquet_chunk_finish(struct parquet_chunk *c, struct err *e);
/* Bytes in the file, and what they would be without compression. */
int64_t parquet_chunk_size(const struct parquet_chunk *c, int64_t *plain);

/* Writes the pages to the sink and the chunk's metadata, with the place in the
 * file where it begins, into t (a list item); then it is empty again. */
int parquet_chunk_write(struct parquet_chunk *c, struct sink *sink,
    int64_t place, struct thrift *t, struct err *e);

#endif
