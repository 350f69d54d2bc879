/* SPDX-License-Identifier: MIT */
#include "encode/parquet/thrift.h"

#include <assert.h>
#include <string.h>

static void varint(struct buf *b, uint64_t n)
{
	char bytes[10];
	size_t len = 0;

	for (; n >= 0x80; n >>= 7)
		bytes[len++] = (char)(n | 0x80);
	bytes[len++] = (char)n;
	buf_add(b, bytes, len);
}

static uint64_t zigzag(int64_t n)
{
	return n < 0 ? ~((uint64_t)n << 1) : (uint64_t)n << 1;
}

/* Writes the header of a field. Its number is written as the difference from
 * the field before. */
static void header(struct thrift *t, int field, enum thrift_type type)
{
	int step = field - t->last[t->depth];

	assert(step > 0 && step < 16);
	buf_char(t->out, (char)(step << 4 | (int)type));
	t->last[t->depth] = field;
}

static void down(struct thrift *t)
{
	assert(t->depth + 1 < THRIFT_DEPTH);
	t->last[++t->depth] = 0;
}

void thrift_open(struct thrift *t, struct buf *out)
{
	*t = (struct thrift){.out = out};
}

void thrift_end(struct thrift *t)
{
	buf_char(t->out, 0);
	t->depth--;
}

void thrift_bool(struct thrift *t, int field, bool value)
{
	header(t, field, value ? THRIFT_TRUE : THRIFT_FALSE);
}

void thrift_i8(struct thrift *t, int field, int value)
{
	header(t, field, THRIFT_I8);
	buf_char(t->out, (char)value);
}

void thrift_i16(struct thrift *t, int field, int value)
{
	header(t, field, THRIFT_I16);
	varint(t->out, zigzag(value));
}

void thrift_i32(struct thrift *t, int field, int32_t value)
{
	header(t, field, THRIFT_I32);
	varint(t->out, zigzag(value));
}

void thrift_i64(struct thrift *t, int field, int64_t value)
{
	header(t, field, THRIFT_I64);
	varint(t->out, zigzag(value));
}

void thrift_binary(struct thrift *t, int field, const void *data, size_t len)
{
	header(t, field, THRIFT_BINARY);
	varint(t->out, len);
	buf_add(t->out, data, len);
}

void thrift_string(struct thrift *t, int field, const char *s)
{
	thrift_binary(t, field, s, strlen(s));
}

void thrift_struct(struct thrift *t, int field)
{
	header(t, field, THRIFT_STRUCT);
	down(t);
}

void thrift_empty(struct thrift *t, int field)
{
	thrift_struct(t, field);
	thrift_end(t);
}

void thrift_list(
    struct thrift *t, int field, enum thrift_type type, size_t count)
{
	header(t, field, THRIFT_LIST);
	if (count < 15) {
		buf_char(t->out, (char)(count << 4 | type));
	} else {
		buf_char(t->out, (char)(0xF0 | type));
		varint(t->out, count);
	}
}

void thrift_item(struct thrift *t, int64_t value)
{
	varint(t->out, zigzag(value));
}

void thrift_item_string(struct thrift *t, const char *s)
{
	size_t len = strlen(s);

	varint(t->out, len);
	buf_add(t->out, s, len);
}

void thrift_item_struct(struct thrift *t)
{
	down(t);
}
