/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_XLSX_CELL_H
#define ENCODE_XLSX_CELL_H

#include "encode/xlsx/number.h"
#include "encode/xlsx/put.h"
#include "encode/xlsx/text.h"

/*
 * Cells of a sheet as XML. Numbers come straight from their text; what has none
 * (see xlsx_number.h) is text.
 */

#define XLSX_COLUMNS 16384
#define XLSX_SCALES (XLSX_DIGITS + 1)

/* Indexes of cell formats. */
struct xlsx_look {
	int usual;
	int fraction; /* times that show parts of a second */
	int wrapped;  /* texts of several lines */
	/* By decimals, and General in front, for numbers each of which has its
	 * own; NULL: all have the usual. */
	const int *scales;
};

struct xlsx_column {
	struct xlsx_rule rule;
	struct xlsx_look look;
	struct xlsx_piece place;    /* <c r="A */
	struct xlsx_piece number;   /* " s="1"><v> */
	struct xlsx_piece fraction; /* the same for seconds with a fraction */
	struct xlsx_piece shared;   /* " s="1" t="s"><v> */
	struct xlsx_piece string;   /* " s="1" t="inlineStr"><is><t> */
	bool fixed;                 /* scales are for what is rounded only */
	int wrap;    /* characters in a line; longer texts are wrapped, but for
			those in place of numbers, which shrink */
	int misses;  /* texts in a row that were not among the shared ones */
	bool strays; /* text was written where the kind wants numbers */
};

void xlsx_column_init(struct xlsx_column *c, int index,
    const struct xlsx_rule *rule, const struct xlsx_look *look);

/* "A", "Z", "AA": of column 0, 25, 26; in a buffer of 8. */
const char *xlsx_letters(char *to, int index);

/* The row's number, shared by its cells, and how many lines they take. */
#define XLSX_LINES_MAX 27 /* in Excel's highest row */
struct xlsx_row {
	char digits[16];
	int len;
	int lines;
};
void xlsx_row_set(struct xlsx_row *row, uint32_t number);

/* How many lines a text takes when it is broken between words, each of `line`
 * characters at most. */
int xlsx_count_lines(const char *s, size_t len, int line);

/* What a reader should hear of. */
struct xlsx_losses {
	int64_t cut;     /* texts, at XLSX_TEXT_MAX */
	int64_t rounded; /* numbers, at XLSX_DIGITS */
};

/* Appends one cell, nothing for NULL, and counts what it lost. */
void xlsx_cell(struct buf *b, struct xlsx_column *c, struct xlsx_row *row,
    const struct value *v, struct xlsx_strings *strings,
    struct xlsx_losses *losses);

#endif
