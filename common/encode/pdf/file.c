/* SPDX-License-Identifier: MIT */
#include "encode/pdf/file.h"

#include <isa-l/igzip_lib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "encode/text/out.h"

/* The table of objects has ten digits for the place of an object. */
#define FILE_MAX 9999999999
/* A deflate block of incompressible data needs five more bytes per 64 KiB; the
 * wrapping by zlib needs six. */
#define DEFLATE_MORE(len) ((len) / 8192 + 4096)

struct pdf_file {
	struct out out;
	int64_t at; /* bytes written so far */
	/* place of each object in bytes; 0: not written yet */
	int64_t *objects;
	int count, cap;
	struct isal_zstream deflate;
	uint8_t *level_buf;
	struct buf packed;
};

static void add(struct pdf_file *f, const void *data, size_t len)
{
	out_add(&f->out, data, len);
	f->at += (int64_t)len;
}

static void add_str(struct pdf_file *f, const char *s)
{
	add(f, s, strlen(s));
}

struct pdf_file *pdf_file_open(struct sink *sink)
{
	struct pdf_file *f = mem_zalloc(sizeof(*f));

	out_open(&f->out, sink);
	f->level_buf = mem_alloc(ISAL_DEF_LVL1_DEFAULT);
	buf_init(&f->packed, (size_t)1 << 30);
	/* Four bytes beyond ASCII tell programs that the file is not text. */
	add_str(f, "%PDF-1.7\n%\xE2\xE3\xCF\xD3\n");
	return f;
}

void pdf_file_free(struct pdf_file *f)
{
	if (f == NULL)
		return;
	out_close(&f->out);
	buf_free(&f->packed);
	free(f->level_buf);
	free(f->objects);
	free(f);
}

int pdf_file_number(struct pdf_file *f)
{
	if (f->count + 1 >= f->cap) {
		f->cap = f->cap ? f->cap * 2 : 256;
		f->objects = mem_realloc(
		    f->objects, (size_t)f->cap, sizeof(*f->objects));
	}
	f->objects[++f->count] = 0;
	return f->count;
}

static void begin(struct pdf_file *f, int number)
{
	char line[32];

	f->objects[number] = f->at;
	snprintf(line, sizeof(line), "%d 0 obj\n", number);
	add_str(f, line);
}

static int end(struct pdf_file *f, struct err *e)
{
	add_str(f, "\nendobj\n");
	if (f->at > FILE_MAX)
		return err_set(e, ERR_PERMANENT,
		    "PDF: a file cannot be larger than 10 GB");
	return out_check(&f->out, e);
}

int pdf_file_check(const struct pdf_file *f, struct err *e)
{
	return out_check(&f->out, e);
}

int pdf_file_object(
    struct pdf_file *f, int number, const struct buf *body, struct err *e)
{
	if (body->overflow)
		return err_set(e, ERR_PERMANENT, "PDF: an object is too large");
	begin(f, number);
	add(f, body->data, body->len);
	return end(f, e);
}

/* Compresses data into f->packed, in the format of zlib. */
static int pack(struct pdf_file *f, const void *data, size_t len, struct err *e)
{
	struct isal_zstream *s = &f->deflate;
	char *to;

	buf_clear(&f->packed);
	to = len > UINT32_MAX / 2
		 ? NULL
		 : buf_reserve(&f->packed, len + DEFLATE_MORE(len));
	if (to == NULL)
		return err_set(e, ERR_PERMANENT, "PDF: a stream is too large");
	isal_deflate_stateless_init(s);
	s->level = 1;
	s->level_buf = f->level_buf;
	s->level_buf_size = ISAL_DEF_LVL1_DEFAULT;
	s->gzip_flag = IGZIP_ZLIB;
	s->end_of_stream = 1;
	s->next_in = (uint8_t *)(uintptr_t)data;
	s->avail_in = (uint32_t)len;
	s->next_out = (uint8_t *)to;
	s->avail_out = (uint32_t)(len + DEFLATE_MORE(len));
	if (isal_deflate_stateless(s) != COMP_OK)
		return err_set(e, ERR_PERMANENT, "PDF: compression failed");
	f->packed.len = s->total_out;
	return 0;
}

int pdf_file_stream(struct pdf_file *f, int number, const char *dictionary,
    const void *data, size_t len, struct err *e)
{
	char text[96];

	if (pack(f, data, len, e) != 0)
		return -1;
	begin(f, number);
	add_str(f, "<<");
	add_str(f, dictionary);
	snprintf(text, sizeof(text),
	    "/Filter/FlateDecode/Length %zu>>\nstream\n", f->packed.len);
	add_str(f, text);
	add(f, f->packed.data, f->packed.len);
	add_str(f, "\nendstream");
	return end(f, e);
}

int pdf_file_finish(struct pdf_file *f, int root, int info, struct err *e)
{
	int64_t table = f->at;
	char line[128];

	snprintf(line, sizeof(line), "xref\n0 %d\n0000000000 65535 f \n",
	    f->count + 1);
	add_str(f, line);
	for (int i = 1; i <= f->count; i++) {
		snprintf(line, sizeof(line), "%010lld 00000 n \n",
		    (long long)f->objects[i]);
		add(f, line, 20);
	}
	snprintf(line, sizeof(line),
	    "trailer\n<</Size %d/Root %d 0 R/Info %d 0 R>>\n"
	    "startxref\n%lld\n%%%%EOF\n",
	    f->count + 1, root, info, (long long)table);
	add_str(f, line);
	return out_flush(&f->out, e);
}

void pdf_file_text(struct buf *b, const char *text, size_t len)
{
	const char *end_of_text = text + len;

	buf_str(b, "<FEFF");
	while (text < end_of_text) {
		uint32_t c = utf8_next(&text, end_of_text);

		if (c >= 0x10000)
			buf_printf(b, "%04X%04X", 0xD7C0 + (c >> 10),
			    0xDC00 + (c & 0x3FF));
		else
			buf_printf(b, "%04X", c);
	}
	buf_char(b, '>');
}
