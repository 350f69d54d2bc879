/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PARQUET_THRIFT_H
#define ENCODE_PARQUET_THRIFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Writes Thrift's compact protocol (thrift-compact-protocol.md in Apache
 * Thrift), as much of it as Parquet's metadata takes. Fields must come in the
 * order of their numbers. Structs nest at most THRIFT_DEPTH deep.
 *
 *	thrift_open(&t, &out);
 *	thrift_i32(&t, 1, 5);
 *	thrift_struct(&t, 2);
 *	thrift_binary(&t, 1, "x", 1);
 *	thrift_end(&t);
 *	thrift_list(&t, 3, THRIFT_I32, 2);
 *	thrift_item(&t, 7);
 *	thrift_item(&t, 8);
 *	thrift_end(&t);
 */
enum thrift_type {
	THRIFT_TRUE = 1,
	THRIFT_FALSE = 2,
	THRIFT_I8 = 3,
	THRIFT_I16 = 4,
	THRIFT_I32 = 5,
	THRIFT_I64 = 6,
	THRIFT_BINARY = 8,
	THRIFT_LIST = 9,
	THRIFT_STRUCT = 12,
};

#define THRIFT_DEPTH 8
struct thrift {
	struct buf *out;
	int last[THRIFT_DEPTH]; /* number of the last field at each depth */
	int depth;
};

/* Begins the outermost struct. */
void thrift_open(struct thrift *t, struct buf *out);
/* Ends the innermost open struct, which may be the outermost one. */
void thrift_end(struct thrift *t);

void thrift_bool(struct thrift *t, int field, bool value);
void thrift_i8(struct thrift *t, int field, int value);
void thrift_i16(struct thrift *t, int field, int value);
void thrift_i32(struct thrift *t, int field, int32_t value);
void thrift_i64(struct thrift *t, int field, int64_t value);
void thrift_binary(struct thrift *t, int field, const void *data, size_t len);
void thrift_string(struct thrift *t, int field, const char *s);
void thrift_struct(struct thrift *t, int field);
/* Writes a struct without fields, which unions use as a mark. */
void thrift_empty(struct thrift *t, int field);

/* Begins a list. Its items follow: thrift_item for numbers,
 * thrift_item_string for THRIFT_BINARY, thrift_item_struct with fields and
 * thrift_end for structs. */
void thrift_list(
    struct thrift *t, int field, enum thrift_type type, size_t count);
void thrift_item(struct thrift *t, int64_t value);
void thrift_item_string(struct thrift *t, const char *s);
void thrift_item_struct(struct thrift *t);

#endif
