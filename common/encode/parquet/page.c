/* SPDX-License-Identifier: MIT */
#include "encode/parquet/page.h"

#include <isa-l/crc.h>
#include <snappy-c.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/mem.h"
#include "encode/parquet/thrift.h"

/* Lengths in page headers are signed 32-bit numbers. */
#define PAGE_MAX ((size_t)INT32_MAX)
/* A page takes its memory as it is filled; these limits are for all columns
 * together. */
#define PAGES_BYTES ((size_t)8 << 20)
#define DICTIONARIES_BYTES ((size_t)4 << 20)
#define BODY_KEPT ((size_t)2 << 20)
#define ZSTD_LEVEL 3

/* Numbers are written to the file as they are in memory. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
    "Parquet is written on little-endian machines only");

static size_t share(size_t of, int columns, size_t least, size_t most)
{
	size_t n = of / (size_t)(columns > 0 ? columns : 1);

	return n < least ? least : n > most ? most : n;
}

void parquet_pages_open(
    struct parquet_pages *p, enum parquet_codec codec, int columns)
{
	*p = (struct parquet_pages){.codec = codec};
	p->page_bytes = share(PAGES_BYTES, columns, 4 << 10, 1 << 20);
	p->page_values = p->page_bytes / sizeof(uint32_t);
	p->dictionary_bytes =
	    share(DICTIONARIES_BYTES, columns, 4 << 10, 256 << 10);
	buf_init(&p->body, PAGE_MAX);
	buf_init(&p->packed, 2 * PAGE_MAX);
	buf_init(&p->scratch, PAGE_MAX);
	if (codec == PARQUET_ZSTD) {
		p->zstd = ZSTD_createCCtx();
		if (p->zstd == NULL)
			abort();
		ZSTD_CCtx_setParameter(
		    p->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
	}
}

void parquet_pages_close(struct parquet_pages *p)
{
	buf_free(&p->body);
	buf_free(&p->packed);
	buf_free(&p->scratch);
	ZSTD_freeCCtx(p->zstd);
	*p = (struct parquet_pages){0};
}

static int compress_body(struct parquet_pages *p, struct err *e)
{
	const struct buf *in = &p->body;
	struct buf *out = &p->packed;
	size_t room = p->codec == PARQUET_ZSTD
			  ? ZSTD_compressBound(in->len)
			  : snappy_max_compressed_length(in->len);

	buf_clear(out);
	if (buf_reserve(out, room) == NULL)
		return err_set(e, ERR_PERMANENT,
		    "Parquet: a page of %zu bytes does not fit into memory",
		    in->len);
	if (p->codec == PARQUET_SNAPPY) {
		snappy_compress(in->data, in->len, out->data, &room);
		out->len = room;
		return 0;
	}
	out->len = ZSTD_compress2(p->zstd, out->data, room, in->data, in->len);
	if (ZSTD_isError(out->len))
		return err_set(e, ERR_PERMANENT, "Parquet: zstd: %s",
		    ZSTD_getErrorName(out->len));
	return 0;
}

static void add_header(struct buf *out, const struct buf *body,
    const struct buf *packed, enum parquet_encoding encoding, size_t values,
    bool dictionary)
{
	uint32_t crc = crc32_gzip_refl(
	    0, (const unsigned char *)packed->data, packed->len);
	struct thrift t;

	thrift_open(&t, out);
	thrift_i32(&t, 1, dictionary ? 2 : 0);
	thrift_i32(&t, 2, (int32_t)body->len);
	thrift_i32(&t, 3, (int32_t)packed->len);
	thrift_i32(&t, 4, (int32_t)crc);
	thrift_struct(&t, dictionary ? 7 : 5);
	thrift_i32(&t, 1, (int32_t)values);
	thrift_i32(&t, 2, encoding);
	if (!dictionary) {
		thrift_i32(&t, 3, PARQUET_RLE);
		thrift_i32(&t, 4, PARQUET_RLE);
	}
	thrift_end(&t);
	thrift_end(&t);
}

/* Empties a buffer. The memory of a huge value is freed, that of an ordinary
 * page kept. */
static void empty(struct buf *b)
{
	if (b->cap > BODY_KEPT)
		buf_free(b);
	else
		buf_clear(b);
}

static struct parquet_page *new_page(
    const struct buf *header, const struct buf *packed, struct err *e)
{
	size_t len = header->len + packed->len;
	struct parquet_page *page = malloc(sizeof(*page) + len);

	if (page == NULL) {
		err_set(e, ERR_TRANSIENT,
		    "Parquet: no memory for a page of %zu bytes", len);
		return NULL;
	}
	page->next = NULL;
	page->len = len;
	memcpy(page->data, header->data, header->len);
	memcpy(page->data + header->len, packed->data, packed->len);
	return page;
}

struct parquet_page *parquet_page_make(struct parquet_pages *p,
    enum parquet_encoding encoding, size_t values, bool dictionary,
    int64_t *plain, struct err *e)
{
	const struct buf *packed = &p->body;
	struct parquet_page *page = NULL;
	struct buf header;

	buf_init(&header, 256);
	if (p->codec != PARQUET_UNCOMPRESSED && !p->body.overflow) {
		if (compress_body(p, e) != 0)
			goto out;
		packed = &p->packed;
	}
	if (p->body.overflow || packed->len > PAGE_MAX) {
		err_set(
		    e, ERR_PERMANENT, "Parquet: a page has no place for 2 GiB");
		goto out;
	}
	add_header(&header, &p->body, packed, encoding, values, dictionary);
	page = new_page(&header, packed, e);
	if (page != NULL) {
		p->held += page->len;
		*plain += (int64_t)(header.len + p->body.len);
	}
out:
	buf_free(&header);
	empty(&p->body);
	empty(&p->packed);
	return page;
}
