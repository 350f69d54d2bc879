/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_DUCKDB_CELL_H
#define SOURCE_DUCKDB_CELL_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "rows/rows.h"
#include "source/duckdb/library.h"
#include "source/instant.h"
#include "source/number.h"

/*
 * The values of a column. A cell has the column's type, with a cell for each
 * part of a type that is made of others, and points into the chunk at hand.
 */
struct cell {
	enum duck_type type;
	/* The values can be written: the type and its parts are known here. */
	bool known;
	enum duck_type stored; /* ENUM, DECIMAL: type of the stored numbers */
	int precision, scale;  /* DECIMAL: digits in all, after the point */
	bool json;             /* VARCHAR: its text is JSON */
	uint64_t width;        /* ARRAY: elements of each value */
	char **words;          /* ENUM: its texts */
	uint64_t word_count;
	/* LIST, ARRAY: the element; MAP: key and value; STRUCT, UNION: the
	 * members, after the tag of a UNION, each with its name */
	struct cell *parts;
	char *name;
	int count;
	/* of the present chunk */
	const void *data;
	const uint64_t *valid; /* NULL: all are valid */
};

/* The tools that write values. */
struct cell_tools {
	struct zone *zone;
	struct powers *powers;
	struct buf scratch;
};
int cell_tools_open(struct cell_tools *t, const char *time_zone, struct err *e);
void cell_tools_close(struct cell_tools *t); /* accepts an empty struct */

/* Makes the cell of a type, to be closed by the caller. Returns c->known. */
bool cell_open(struct cell *c, const struct library *l, duck type);
void cell_close(struct cell *c);
/* Says whether values are made of others and written as JSON. */
bool cell_nests(const struct cell *c);
/* Fills in everything but the column's name. */
void cell_describe(const struct cell *c, struct column *column);

/* Points the cell at a vector of the chunk at hand. */
void cell_load(struct cell *c, const struct library *l, duck vector);

static inline bool cell_is_null(const struct cell *c, uint64_t row)
{
	return c->valid != NULL && (c->valid[row / 64] >> (row % 64) & 1) == 0;
}

/* Appends the text of a value that is not NULL; values that are made of others
 * are written as JSON. */
void cell_write(
    const struct cell *c, uint64_t row, struct cell_tools *t, struct buf *out);

#endif
