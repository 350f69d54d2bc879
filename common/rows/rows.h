/* SPDX-License-Identifier: MIT */
#ifndef ROWS_ROWS_H
#define ROWS_ROWS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What flows from a source to an encoder: a typed schema, then batches of rows.
 * Values are text in PostgreSQL's output form (DateStyle ISO, bytea hex): exact
 * for every type, the same from every source, and what most formats write. It
 * is valid UTF-8 without NUL, unless the encoder has asked for raw text.
 */
enum column_kind {
	KIND_TEXT, /* also an enum's, and of whatever is counted to strings */
	KIND_INTEGER,
	KIND_DECIMAL,
	KIND_FLOAT,
	KIND_BOOLEAN,     /* t or f */
	KIND_DATE,        /* 2026-03-01; also 0044-03-15 BC, infinity */
	KIND_TIME,        /* 09:30:00, 09:30:00.25; at most 24:00:00 */
	KIND_TIMETZ,      /* 09:30:00+01, also +05:30 */
	KIND_TIMESTAMP,   /* 2026-03-01 09:30:00.25; also BC, infinity */
	KIND_TIMESTAMPTZ, /* the same with +01 or +05:30 before BC */
	KIND_INTERVAL,    /* 1 year 2 mons 3 days 04:05:06.7 */
	KIND_MONEY,       /* $1,234.50, as `money` of its column has it */
	KIND_UUID,
	KIND_BYTES, /* \x and hex digits */
	KIND_JSON,
	KIND_ARRAY, /* {1,NULL,"a b"}, of `element` */
	KIND_OTHER, /* its text is all that is known */
};

/* The text of an amount of money is not longer, and has not more digits. */
#define MONEY_MAX 128
#define MONEY_DIGITS 19

/*
 * How a session shows amounts of money, by its lc_monetary: $1,234.50,
 * 1.234,50 €, ¥1,235, ($0.99). A database keeps whole cents and no currency, so
 * this is what tells how many of the digits are a fraction.
 */
struct money {
	/* 1 and 18 zeros, above and below zero. */
	char positive[MONEY_MAX], negative[MONEY_MAX];
	int scale; /* digits after the point */
};

struct column {
	char *name;
	enum column_kind kind;
	enum column_kind element; /* of ARRAY */
	/* Of ARRAY these are its elements'. */
	int size;            /* INTEGER, FLOAT: 2, 4, 8 bytes; else 0 */
	int precision;       /* DECIMAL: digits in all; 0: not limited */
	int scale;           /* DECIMAL: digits after the point */
	char delimiter;      /* ARRAY: between its elements; NUL: a comma */
	bool number;         /* OTHER: the catalogue counts it to the numbers */
	struct money *money; /* MONEY: how it looks; belongs to the schema */
	/* ARRAY of arrays, which a domain makes possible: what an element is;
	 * else NULL. It has no name and belongs to the schema. */
	struct column *of;
	bool nullable; /* true: the result of a query does not tell */
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
 * is fetched. Some hundred rows, fewer when they are large. */
struct batch {
	const struct value *values;
	int rows;
};

void schema_free(struct schema *schema);

/* The names of the columns for a message, "a, b, c": the first ones and how many
 * more there are, or "none". The caller frees it. */
char *schema_names(const struct schema *schema);

#endif
