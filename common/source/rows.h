/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_ROWS_H
#define SOURCE_ROWS_H

#include <stdint.h>

/*
 * What flows from a source to an encoder: a typed schema, then batches of rows.
 * Values are text in PostgreSQL's output form (DateStyle ISO, bytea hex): exact
 * for every type, the same from every source, and what most formats write.
 */
enum column_kind {
	KIND_TEXT,
	KIND_INTEGER,
	KIND_DECIMAL,
	KIND_FLOAT,
	KIND_BOOLEAN,
	KIND_DATE,
	KIND_TIME,
	KIND_TIMETZ,
	KIND_TIMESTAMP,
	KIND_TIMESTAMPTZ,
	KIND_INTERVAL,
	KIND_UUID,
	KIND_BYTES,
	KIND_JSON,
	KIND_ARRAY,
	KIND_OTHER, /* its text is all that is known */
};

struct column {
	char *name;
	enum column_kind kind;
	uint32_t type_oid; /* pg_type.oid */
	int precision;     /* DECIMAL: digits in all; 0: not limited */
	int scale;         /* DECIMAL: digits after the point */
};

struct schema {
	struct column *columns;
	int count;
};

struct value {
	const char *data; /* NUL-terminated by courtesy; len counts */
	int32_t len;      /* bytes; -1: NULL */
};

/* Row-major: values[row * schema->count + column]; valid until the next batch
 * is fetched. */
struct batch {
	const struct value *values;
	int rows;
};

void schema_free(struct schema *schema);

#endif
