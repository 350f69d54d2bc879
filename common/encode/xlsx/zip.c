/* SPDX-License-Identifier: MIT */
#include "encode/xlsx/zip.h"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Signatures of records, from APPNOTE.TXT 4.3.7 to 4.3.16. */
#define LOCAL_HEADER 0x04034b50
#define DESCRIPTOR 0x08074b50
#define CENTRAL_HEADER 0x02014b50
#define END64 0x06064b50
#define END64_LOCATOR 0x07064b50
#define END 0x06054b50

#define VERSION 20   /* version needed to extract deflate */
#define VERSION64 45 /* version needed to extract ZIP64 */
#define FLAG_DESCRIPTOR 8
#define METHOD_DEFLATE 8
#define DATE_1980 33 /* 1980-01-01 */
#define FULL32 0xFFFFFFFFu
#define FULL16 0xFFFFu

/* Enough for a directory of some hundred thousand parts. */
#define DIRECTORY_MAX ((size_t)64 << 20)

/* Bytes handed to the sink at once. */
#define CHUNK ((size_t)256 << 10)
/* Bytes of output that the compressor is given room for at a time. */
#define STEP ((uint32_t)64 << 10)

/* The CRC-32 of a part, and its bytes before and after packing. */
struct sums {
	uint32_t crc;
	uint64_t size, packed;
};

struct zip {
	struct sink *sink;
	struct isal_zstream stream;
	uint8_t *level_buf; /* memory of the compressor */
	struct buf out;     /* bytes not yet in the sink */
	uint64_t flushed;   /* bytes in the sink */
	uint64_t parts;
	struct buf directory;
	char *name; /* name of the open part */
	uint64_t part_at;
	struct sums sums;
};

struct zip *zip_open(struct sink *sink)
{
	struct zip *z = mem_zalloc(sizeof(*z));

	z->sink = sink;
	z->level_buf = mem_alloc(ISAL_DEF_LVL1_DEFAULT);
	buf_init(&z->directory, DIRECTORY_MAX);
	buf_init(&z->out, DIRECTORY_MAX + 2 * CHUNK);
	return z;
}

void zip_pretend(struct zip *z, uint64_t offset)
{
	z->flushed += offset;
}

void zip_free(struct zip *z)
{
	if (z == NULL)
		return;
	free(z->level_buf);
	buf_free(&z->directory);
	buf_free(&z->out);
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

/* Appends the fields that local and central headers share; n is the number of
 * bytes of extra fields. */
static void add_common(struct buf *b, const char *name, const struct sums *sums,
    uint64_t version, size_t n)
{
	add16(b, version);
	add16(b, FLAG_DESCRIPTOR);
	add16(b, METHOD_DEFLATE);
	add16(b, 0);
	add16(b, DATE_1980);
	add32(b, sums->crc);
	add32(b, sums->packed);
	add32(b, sums->size);
	add16(b, strlen(name));
	add16(b, n);
}

/* Returns the place of the next byte in the archive. */
static uint64_t here(const struct zip *z)
{
	return z->flushed + z->out.len;
}

static int flush(struct zip *z, struct err *e)
{
	if (z->out.overflow)
		return err_set(
		    e, ERR_PERMANENT, "ZIP: the directory is too large");
	if (sink_write(z->sink, z->out.data, z->out.len, e) != 0)
		return -1;
	z->flushed += z->out.len;
	buf_clear(&z->out);
	return 0;
}

/* Compresses the input into out; `last` ends the part. */
static int compress(
    struct zip *z, const struct buf *in, bool last, struct err *e)
{
	struct isal_zstream *s = &z->stream;

	s->next_in = (uint8_t *)in->data;
	s->avail_in = (uint32_t)in->len;
	s->end_of_stream = last;
	do {
		if (z->out.len >= CHUNK && flush(z, e) != 0)
			return -1;
		s->next_out = (uint8_t *)buf_reserve(&z->out, STEP);
		s->avail_out = STEP;
		if (s->next_out == NULL)
			return flush(z, e);
		isal_deflate(s);
		z->out.len += STEP - s->avail_out;
		z->sums.packed += STEP - s->avail_out;
	} while (s->avail_out == 0);
	return 0;
}

void zip_begin(struct zip *z, const char *name)
{
	isal_deflate_init(&z->stream);
	z->stream.level = 1;
	z->stream.level_buf = z->level_buf;
	z->stream.level_buf_size = ISAL_DEF_LVL1_DEFAULT;
	z->name = mem_strdup(name);
	z->part_at = here(z);
	z->sums = (struct sums){0};
	add32(&z->out, LOCAL_HEADER);
	add_common(&z->out, name, &z->sums, VERSION, 0);
	buf_str(&z->out, name);
}

int zip_add(struct zip *z, struct buf *b, struct err *e)
{
	int rc;

	if (b->overflow)
		return err_set(e, ERR_PERMANENT,
		    "ZIP: a piece of %s does not fit into memory", z->name);
	z->sums.size += b->len;
	if (z->sums.size >= ZIP_PART_MAX)
		return err_set(
		    e, ERR_PERMANENT, "ZIP: %s reaches 4 GiB", z->name);
	z->sums.crc =
	    crc32_gzip_refl(z->sums.crc, (unsigned char *)b->data, b->len);
	rc = compress(z, b, false, e);
	buf_clear(b);
	return rc;
}

/* Adds the part to the directory. Sizes fit into 32 bits; the place in the
 * archive may need ZIP64. */
static void add_to_directory(struct zip *z)
{
	struct buf *b = &z->directory;
	bool far = z->part_at >= FULL32;
	uint64_t version = far ? VERSION64 : VERSION;

	add32(b, CENTRAL_HEADER);
	add16(b, version);
	add_common(b, z->name, &z->sums, version, far ? 12 : 0);
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
	static const struct buf nothing;

	if (compress(z, &nothing, true, e) != 0)
		return -1;
	if (z->sums.packed >= ZIP_PART_MAX)
		return err_set(
		    e, ERR_PERMANENT, "ZIP: %s reaches 4 GiB", z->name);
	add32(&z->out, DESCRIPTOR);
	add32(&z->out, z->sums.crc);
	add32(&z->out, z->sums.packed);
	add32(&z->out, z->sums.size);
	add_to_directory(z);
	z->parts++;
	free(z->name);
	z->name = NULL;
	return 0;
}

int zip_part(struct zip *z, const char *name, struct buf *b, struct err *e)
{
	zip_begin(z, name);
	return zip_add(z, b, e) == 0 ? zip_end(z, e) : -1;
}

static void add_end64(struct buf *b, const struct zip *z, uint64_t start)
{
	uint64_t end = here(z);

	add32(b, END64);
	add64(b, 44); /* bytes after this field */
	add16(b, VERSION64);
	add16(b, VERSION64);
	add32(b, 0);
	add32(b, 0);
	add64(b, z->parts);
	add64(b, z->parts);
	add64(b, end - start);
	add64(b, start);
	add32(b, END64_LOCATOR);
	add32(b, 0);
	add64(b, end);
	add32(b, 1);
}

int zip_finish(struct zip *z, struct err *e)
{
	uint64_t start = here(z), size = z->directory.len;
	uint64_t count = z->parts < FULL16 ? z->parts : FULL16;
	struct buf *b = &z->out;

	buf_add(b, z->directory.data, z->directory.len);
	if (z->directory.overflow)
		b->overflow = true;
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
	return flush(z, e);
}
