/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "input/whole_parts.h"

#define DEPTH_MAX 24

/* The types of thrift-compact-protocol.md. */
enum {
	STOP,
	YES,
	NO,
	I8,
	I16,
	I32,
	I64,
	DOUBLE,
	BINARY,
	LIST,
	SET,
	MAP,
	STRUCT
};

/* Reads within bounds: past the end, and for a value that makes no sense, `bad`
 * is set, and all further reads give 0. */
struct footer {
	const unsigned char *at, *end;
	int64_t data_end;
	bool bad;
	const char *fault;
};

static unsigned byte_of(struct footer *f)
{
	if (f->at < f->end)
		return *f->at++;
	f->bad = true;
	return 0;
}

static uint64_t varint(struct footer *f)
{
	uint64_t n = 0;
	unsigned b = 0x80;

	for (int shift = 0; shift < 64 && (b & 0x80) != 0; shift += 7) {
		b = byte_of(f);
		n |= (uint64_t)(b & 0x7F) << shift;
	}
	if ((b & 0x80) != 0)
		f->bad = true;
	return n;
}

static int64_t zigzag(struct footer *f)
{
	uint64_t n = varint(f);

	return (int64_t)(n >> 1) ^ -(int64_t)(n & 1);
}

static void skip_bytes(struct footer *f, uint64_t n)
{
	if (n <= (uint64_t)(f->end - f->at))
		f->at += n;
	else
		f->bad = true;
}

static void skip(struct footer *f, int type, int depth);

/* Reads the header of a list: the type and the number of its items, each of
 * which has a byte at least. */
static uint64_t list_header(struct footer *f, int *type)
{
	unsigned head = byte_of(f);
	uint64_t n = head >> 4;

	*type = (int)(head & 0x0F);
	if (n == 15)
		n = varint(f);
	if (n <= (uint64_t)(f->end - f->at))
		return n;
	f->bad = true;
	return 0;
}

static void skip_list(struct footer *f, int depth)
{
	int type;

	for (uint64_t n = list_header(f, &type); n > 0 && !f->bad; n--) {
		if (type == YES || type == NO)
			byte_of(f);
		else
			skip(f, type, depth + 1);
	}
}

/* Reads the header of a field; *field is that of the field before, and becomes
 * its own. Returns its type; STOP: the struct ends. */
static int next_field(struct footer *f, int64_t *field)
{
	unsigned head = byte_of(f);

	if (head == 0 || f->bad)
		return STOP;
	if (head >> 4 == 0)
		*field = (int16_t)zigzag(f);
	else
		*field = (*field + (head >> 4)) & INT16_MAX;
	return (int)(head & 0x0F);
}

static void skip_struct(struct footer *f, int depth)
{
	int64_t field = 0;
	int type;

	while ((type = next_field(f, &field)) != STOP && !f->bad)
		skip(f, type, depth + 1);
}

static void skip(struct footer *f, int type, int depth)
{
	if (depth > DEPTH_MAX) {
		f->bad = true;
		return;
	}
	switch (type) {
	case YES:
	case NO:
		break;
	case I8:
		byte_of(f);
		break;
	case I16:
	case I32:
	case I64:
		varint(f);
		break;
	case DOUBLE:
		skip_bytes(f, 8);
		break;
	case BINARY:
		skip_bytes(f, varint(f));
		break;
	case LIST:
	case SET:
		skip_list(f, depth);
		break;
	case STRUCT:
		skip_struct(f, depth);
		break;
	default: /* no map is in a footer */
		f->bad = true;
	}
}

/* ColumnMetaData: where the pages of a column lie. */
static void read_column_meta(struct footer *f)
{
	int64_t field = 0, size = 0, data = 0, dictionary = 0, begin;
	int type;

	while ((type = next_field(f, &field)) != STOP && !f->bad) {
		if (field == 7 && type == I64)
			size = zigzag(f);
		else if (field == 9 && type == I64)
			data = zigzag(f);
		else if (field == 11 && type == I64)
			dictionary = zigzag(f);
		else
			skip(f, type, 4);
	}
	begin = dictionary > 0 && dictionary < data ? dictionary : data;
	if (begin < 4 || size < 0 || begin > f->data_end ||
	    size > f->data_end - begin)
		f->fault = "a column lies outside of the file";
}

static void read_column(struct footer *f)
{
	int64_t field = 0;
	int type;

	while ((type = next_field(f, &field)) != STOP && !f->bad) {
		if (field == 1 && type == BINARY)
			f->fault = "a column lies in another file";
		if (field == 3 && type == STRUCT)
			read_column_meta(f);
		else
			skip(f, type, 3);
	}
}

/* Reads a list of structs. */
static void each_struct(struct footer *f, void (*read)(struct footer *f))
{
	int item;

	for (uint64_t n = list_header(f, &item); n > 0 && !f->bad; n--) {
		if (item == STRUCT)
			read(f);
		else
			f->bad = true;
	}
}

static void read_row_group(struct footer *f)
{
	int64_t field = 0;
	int type;

	while ((type = next_field(f, &field)) != STOP && !f->bad) {
		if (field == 1 && type == LIST)
			each_struct(f, read_column);
		else
			skip(f, type, 2);
	}
}

const char *parquet_footer_fault(
    const unsigned char *footer, size_t len, int64_t data_end, int64_t *rows)
{
	struct footer f = {
	    .at = footer, .end = footer + len, .data_end = data_end};
	bool schema = false, groups = false;
	int64_t field = 0;
	int type;

	*rows = -1;
	while ((type = next_field(&f, &field)) != STOP && !f.bad) {
		schema = schema || (field == 2 && type == LIST);
		groups = groups || (field == 4 && type == LIST);
		if (field == 3 && type == I64)
			*rows = zigzag(&f);
		else if (field == 4 && type == LIST)
			each_struct(&f, read_row_group);
		else
			skip(&f, type, 1);
	}
	if (f.bad || !schema || !groups)
		return "its footer cannot be read";
	return f.fault;
}

static int read_footer(struct whole *w, int64_t len,
    char reason[static WHOLE_REASON], struct err *e)
{
	int64_t at = w->reader->size - 8 - len, rows = -1;
	const char *fault = NULL;
	char *footer;
	int rc;

	if (len == 0 || at < 4) {
		snprintf(reason, WHOLE_REASON,
		    "it is no whole Parquet file: its footer would have %lld "
		    "bytes",
		    (long long)len);
		return 1;
	}
	if (len > WHOLE_FOOTER_MAX) {
		snprintf(reason, WHOLE_REASON,
		    "its footer has %lld bytes, and %lld are read at most; "
		    "larger row groups make it smaller",
		    (long long)len, (long long)WHOLE_FOOTER_MAX);
		w->wrong = true;
		return 1;
	}
	footer = mem_alloc((size_t)len);
	rc = place_read_at(w->reader, at, footer, (size_t)len, e);
	if (rc == 0)
		fault = parquet_footer_fault(
		    (const unsigned char *)footer, (size_t)len, at, &rows);
	free(footer);
	if (w->rows != NULL)
		*w->rows = rows;
	if (rc != 0 || fault == NULL)
		return rc;
	snprintf(
	    reason, WHOLE_REASON, "it is no whole Parquet file: %s", fault);
	return 1;
}

int parquet_check(
    struct whole *w, char reason[static WHOLE_REASON], struct err *e)
{
	int64_t size = w->reader->size;
	unsigned char head[4], tail[8];
	int rc;

	snprintf(reason, WHOLE_REASON,
	    "it is no whole Parquet file: it does not begin and end with PAR1");
	if (size < 12)
		return 1;
	rc = place_read_at(w->reader, 0, (char *)head, 4, e);
	if (rc == 0)
		rc = place_read_at(w->reader, size - 8, (char *)tail, 8, e);
	if (rc != 0)
		return rc;
	if (memcmp(head, "PAR1", 4) != 0 || memcmp(tail + 4, "PAR1", 4) != 0)
		return 1;
	return read_footer(w,
	    (int64_t)tail[0] | (int64_t)tail[1] << 8 | (int64_t)tail[2] << 16 |
		(int64_t)tail[3] << 24,
	    reason, e);
}
