/* SPDX-License-Identifier: MIT */
#ifndef ROWS_ROWS_H
#define ROWS_ROWS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The data that flows from a source to an encoder: a typed schema, then batches
 * of rows. Values are text in PostgreSQL's output form (DateStyle ISO, bytea
 * hex), which is exact for every type, the same from every source, and close to
 * what most formats write. The text is valid UTF-8 without NUL, unless the
 * encoder asked for raw text.
 */
enum column_kind {
	/* text, enums, and every type of the catalogue's string category */
	KIND_TEXT,
	KIND_INTEGER,
	KIND_DECIMAL,
	KIND_FLOAT,
	KIND_BOOLEAN,     /* t or f */
	KIND_DATE,        /* 2026-03-01; also 0044-03-15 BC, infinity */
	KIND_TIME,        /* 09:30:00, 09:30:00.25; at most 24:00:00 */
	KIND_TIMETZ,      /* 09:30:00+01, also +05:30 */
	KIND_TIMESTAMP,   /* 2026-03-01 09:30:00.25; also BC, infinity */
	KIND_TIMESTAMPTZ, /* like TIMESTAMP, with +01 or +05:30 before BC */
	KIND_INTERVAL,    /* 1 year 2 mons 3 days 04:05:06.7 */
	/* $1,234.50, in the form that `money` of its column describes */
	KIND_MONEY,
	KIND_UUID,
	KIND_BYTES, /* \x and hex digits */
	KIND_JSON,
	KIND_ARRAY, /* {1,NULL,"a b"}; its elements are of kind `element` */
	KIND_OTHER, /* only its text is known */
};

static inline bool kind_is_number(enum column_kind kind)
{
	return kind == KIND_INTEGER || kind == KIND_DECIMAL ||
	       kind == KIND_FLOAT || kind == KIND_MONEY;
}
static inline bool kind_has_date(enum column_kind kind)
{
	return kind == KIND_DATE || kind == KIND_TIMESTAMP ||
	       kind == KIND_TIMESTAMPTZ;
}
/* Says whether values are dates, times of day or both. */
static inline bool kind_is_moment(enum column_kind kind)
{
	return kind_has_date(kind) || kind == KIND_TIME || kind == KIND_TIMETZ;
}

/* Most bytes in the text of an amount of money, and most digits in it. */
#define MONEY_MAX 128
#define MONEY_DIGITS 19

/*
 * How a session writes amounts of money, by its lc_monetary: $1,234.50,
 * 1.234,50 €, ¥1,235, ($0.99). A database stores whole cents without a
 * currency, so only this tells how many of the digits are a fraction.
 */
struct money {
	/* Texts of the amount with the digits 1 and 18 zeros, above zero and
	 * below zero. */
	char positive[MONEY_MAX], negative[MONEY_MAX];
	int scale; /* digits after the point */
};

struct column {
	char *name;
	enum column_kind kind;
	enum column_kind element; /* kind of an ARRAY's elements */
	/* For ARRAY the following fields describe its elements. */
	int size;       /* INTEGER, FLOAT: 2, 4, 8 bytes; else 0 */
	int precision;  /* DECIMAL: digits in all; 0: no limit */
	int scale;      /* DECIMAL: digits after the point */
	char delimiter; /* ARRAY: separates its elements; NUL: a comma */
	bool number; /* OTHER: the catalogue puts its type among the numbers */
	struct money *money; /* MONEY: its form; belongs to the schema */
	/* ARRAY whose elements are arrays, which a domain makes possible:
	 * describes an element; else NULL. It has no name and belongs to the
	 * schema. */
	struct column *of;
	/* true: the source does not tell whether NULL can occur */
	bool nullable;
};

struct schema {
	struct column *columns;
	int count;
};

struct value {
	const char *data; /* a NUL follows, but len counts */
	int32_t len;      /* bytes; -1: NULL */
};

/* The rows lie one after the other: values[row * schema->count + column]. A
 * batch is valid until the next one is fetched. It has some hundred rows, fewer
 * when they are large. */
struct batch {
	const struct value *values;
	int rows;
};

void schema_free(struct schema *schema);

/* Returns the index of the first column of this name; -1: there is none. */
int schema_find(const struct schema *schema, const char *name);

/* Returns the names of the columns for a message, "a, b, c": the first ones and
 * the number of the others, or "none". The caller frees it. */
char *schema_names(const struct schema *schema);

#endif
