/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PARQUET_PAGE_H
#define ENCODE_PARQUET_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "rows/rows.h"

/*
 * Makes finished pages: each has a header with a checksum, and its compressed
 * bytes as they are in the file (PageHeader in parquet.thrift).
 */

/* The numbers are those of the Parquet format (CompressionCodec, Encoding). */
enum parquet_codec {
	PARQUET_UNCOMPRESSED = 0,
	PARQUET_SNAPPY = 1,
	PARQUET_ZSTD = 6,
};

enum parquet_encoding {
	PARQUET_PLAIN = 0,
	PARQUET_RLE = 3,
	PARQUET_RLE_DICTIONARY = 8,
};

/* The number of values that are parsed before they are stored. */
#define PARQUET_SLICE 256

/* The state that all columns share. */
struct parquet_pages {
	enum parquet_codec codec;
	size_t page_bytes;       /* a page ends when its values pass this */
	size_t page_values;      /* or when it has this many values */
	size_t dictionary_bytes; /* most bytes of a dictionary */
	size_t held;             /* bytes of pages not yet written */
	struct buf body;         /* body of the page that is being made */
	struct buf packed;
	struct ZSTD_CCtx_s *zstd;
	/* Buffers for the values that are being stored. */
	int64_t words[PARQUET_SLICE];
	struct value refs[PARQUET_SLICE];
	struct buf scratch;
};

struct parquet_page {
	struct parquet_page *next;
	size_t len;
	char data[];
};

void parquet_pages_open(
    struct parquet_pages *p, enum parquet_codec codec, int columns);
void parquet_pages_close(struct parquet_pages *p);

/* Compresses p->body into a page. Adds to *plain the bytes that the page takes
 * without compression, and to p->held the bytes that it takes. The caller frees
 * the page and subtracts its bytes from p->held. NULL with *e on failure. */
struct parquet_page *parquet_page_make(struct parquet_pages *p,
    enum parquet_encoding encoding, size_t values, bool dictionary,
    int64_t *plain, struct err *e);

#endif
