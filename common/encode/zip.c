/* SPDX-License-Identifier: MIT */
#include "encode/zip.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "encode/deflate.h"

/* APPNOTE.TXT 4.3.7 to 4.3.16. */
#define LOCAL_HEADER 0x04034b50
#define DESCRIPTOR 0x08074b50
#define CENTRAL_HEADER 0x02014b50
#define END64 0x06064b50
#define END64_LOCATOR 0x07064b50
#define END 0x06054b50

#define VERSION 20   /* deflate */
#define VERSION64 45 /* ZIP64 */
#define FLAG_DESCRIPTOR 8
#define METHOD_DEFLATE 8
#define DATE_1980 33 /* 1 January */
#define FULL32 0xFFFFFFFFu
#define FULL16 0xFFFFu

/* The directory of some hundred thousand parts. */
#define DIRECTORY_MAX ((size_t)64 << 20)

struct zip {
	struct sink *sink;
	struct deflate *deflate;
	uint64_t at; /* where the next byte goes */
	uint64_t parts;
	struct buf directory;
	struct buf head; /* being put together */
	char *name;      /* of the open part */
	uint64_t part_at, part_size;
};

struct zip *zip_open(struct sink *sink)
{
	struct zip *z = mem_zalloc(sizeof(*z));

	z->sink = sink;
	z->deflate = deflate_open();
	buf_init(&z->directory, DIRECTORY_MAX);
	buf_init(&z->head, 64 << 10);
	return z;
}

void zip_pretend(struct zip *z, uint64_t offset)
{
	z->at += offset;
}

void zip_free(struct zip *z)
{
	if (z == NULL)
		return;
	deflate_free(z->deflate);
	buf_free(&z->directory);
	buf_free(&z->head);
	free(z->name);
	free(z);
}

static void add_le(struct buf *b, uint64_t n, int bytes)
{
	for (int i = 0; i < bytes; i++)
		buf_char(b, (char)(n >> (8 * i) & 0xFF));
}

static void add16(struct buf *b, uint64_t n)
{
	add_le(b, n, 2);
}

static void add32(struct buf *b, uint64_t n)
{
	add_le(b, n, 4);
}

static void add64(struct buf *b, uint64_t n)
{
	add_le(b, n, 8);
}

/* What local and central headers share; n are the bytes of extra fields. */
static void add_common(struct buf *b, const char *name,
    const struct deflate_sum *sum, uint64_t version, size_t n)
{
	add16(b, version);
	add16(b, FLAG_DESCRIPTOR);
	add16(b, METHOD_DEFLATE);
	add16(b, 0);
	add16(b, DATE_1980);
	add32(b, sum->crc);
	add32(b, sum->out);
	add32(b, sum->in);
	add16(b, strlen(name));
	add16(b, n);
}

static int put(struct zip *z, const struct buf *b, struct err *e)
{
	if (b->overflow)
		return err_set(
		    e, ERR_PERMANENT, "ZIP: a part does not fit into memory");
	z->at += b->len;
	return sink_write(z->sink, b->data, b->len, e);
}

static int put_head(struct zip *z, struct err *e)
{
	int rc = put(z, &z->head, e);

	buf_clear(&z->head);
	return rc;
}

int zip_begin(struct zip *z, const char *name, struct err *e)
{
	static const struct deflate_sum later;

	z->name = mem_strdup(name);
	z->part_at = z->at;
	z->part_size = 0;
	add32(&z->head, LOCAL_HEADER);
	add_common(&z->head, name, &later, VERSION, 0);
	buf_str(&z->head, name);
	return put_head(z, e);
}

int zip_add(struct zip *z, struct buf *b, struct err *e)
{
	if (b->overflow)
		return err_set(e, ERR_PERMANENT,
		    "ZIP: a piece of %s does not fit into memory", z->name);
	z->part_size += b->len;
	if (z->part_size >= ZIP_PART_MAX)
		return err_set(
		    e, ERR_PERMANENT, "ZIP: %s reaches 4 GiB", z->name);
	return put(z, deflate_add(z->deflate, b), e);
}

/* Sizes fit; the place in the archive may need ZIP64. */
static void add_to_directory(struct zip *z, const struct deflate_sum *sum)
{
	struct buf *b = &z->directory;
	bool far = z->part_at >= FULL32;
	uint64_t version = far ? VERSION64 : VERSION;

	add32(b, CENTRAL_HEADER);
	add16(b, version);
	add_common(b, z->name, sum, version, far ? 12 : 0);
	add16(b, 0); /* comment */
	add16(b, 0); /* disk */
	add16(b, 0); /* internal attributes */
	add32(b, 0); /* external attributes */
	add32(b, far ? FULL32 : z->part_at);
	buf_str(b, z->name);
	if (far) {
		add16(b, 1);
		add16(b, 8);
		add64(b, z->part_at);
	}
}

int zip_end(struct zip *z, struct err *e)
{
	struct deflate_sum sum;

	if (put(z, deflate_end(z->deflate, &sum), e) != 0)
		return -1;
	if (sum.out >= ZIP_PART_MAX)
		return err_set(
		    e, ERR_PERMANENT, "ZIP: %s reaches 4 GiB", z->name);
	add32(&z->head, DESCRIPTOR);
	add32(&z->head, sum.crc);
	add32(&z->head, sum.out);
	add32(&z->head, sum.in);
	add_to_directory(z, &sum);
	z->parts++;
	free(z->name);
	z->name = NULL;
	return put_head(z, e);
}

int zip_part(struct zip *z, const char *name, struct buf *b, struct err *e)
{
	if (zip_begin(z, name, e) != 0 || zip_add(z, b, e) != 0)
		return -1;
	return zip_end(z, e);
}

static void add_end64(struct buf *b, const struct zip *z, uint64_t start)
{
	add32(b, END64);
	add64(b, 44); /* bytes behind this field */
	add16(b, VERSION64);
	add16(b, VERSION64);
	add32(b, 0);
	add32(b, 0);
	add64(b, z->parts);
	add64(b, z->parts);
	add64(b, z->at - start);
	add64(b, start);
	add32(b, END64_LOCATOR);
	add32(b, 0);
	add64(b, z->at);
	add32(b, 1);
}

int zip_finish(struct zip *z, struct err *e)
{
	uint64_t start = z->at, size;
	struct buf *b = &z->head;
	uint64_t count;

	if (put(z, &z->directory, e) != 0)
		return -1;
	size = z->at - start;
	count = z->parts < FULL16 ? z->parts : FULL16;
	if (start >= FULL32 || count == FULL16)
		add_end64(b, z, start);
	add32(b, END);
	add16(b, 0);
	add16(b, 0);
	add16(b, count);
	add16(b, count);
	add32(b, size);
	add32(b, start < FULL32 ? start : FULL32);
	add16(b, 0);
	return put_head(z, e);
}
