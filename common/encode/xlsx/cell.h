/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_XLSX_CELL_H
#define ENCODE_XLSX_CELL_H

#include "encode/xlsx/number.h"
#include "encode/xlsx/put.h"
#include "encode/xlsx/text.h"

/*
 * Writes the cells of a sheet as XML. A number is written from its text. A
 * value that cannot be a number in Excel (see number.h) is written as text.
 */

#define XLSX_COLUMNS 16384
#define XLSX_SCALES (XLSX_DIGITS + 1)

/* Indexes of cell formats, as xlsx_style returns them. */
struct xlsx_look {
	int usual;
	int fraction; /* for times that show parts of a second */
	int wrapped;  /* for texts of several lines */
	/* For numbers each of which has its own decimals: [0] is General, [1 +
	 * n] shows n decimals. NULL: all have the usual format. */
	const int *scales;
};

struct xlsx_column {
	struct xlsx_rule rule;
	struct xlsx_look look;
	struct xlsx_piece place; /* <c r="A */
	/* " s="1"><v> with the cell format `style`: that of the last number,
	 * which is likely that of the next one */
	struct xlsx_piece number;
	int style;
	struct xlsx_piece shared; /* " s="1" t="s"><v> */
	struct xlsx_piece string; /* " s="1" t="inlineStr"><is><t> */
	bool fixed;               /* `scales` is for rounded numbers only */
	/* characters in a line; longer texts are wrapped, except texts in place
	 * of numbers, which shrink */
	int wrap;
	int fits;   /* bytes of a text that fit into a line without measuring */
	int misses; /* consecutive texts that were not shared */
	bool strays; /* a number had to be written as text */
};

void xlsx_column_init(struct xlsx_column *c, int index,
    const struct xlsx_rule *rule, const struct xlsx_look *look);
/* Sets the width of the column, in characters. `measured`: it comes from texts
 * of the column, so one with as many bytes is taken to fit as well. */
void xlsx_column_wrap(struct xlsx_column *c, int width, bool measured);

/* Writes the letters of a column to a buffer of 8 bytes and returns it: "A",
 * "Z", "AA" for 0, 25, 26. */
const char *xlsx_letters(char *to, int index);

/* A row: the digits of its number, which all cells repeat, and how many lines
 * of text its highest cell takes. */
#define XLSX_LINES_MAX 27 /* lines in the highest row that Excel allows */
struct xlsx_row {
	char digits[16];
	int len;
	int lines;
};
void xlsx_row_set(struct xlsx_row *row, uint32_t number);

/* Returns how many lines a text takes when it is broken between words, with at
 * most `line` characters a line. */
int xlsx_count_lines(const char *s, size_t len, int line);

/* Counts the changes that a reader should be told of. */
struct xlsx_losses {
	int64_t cut;     /* texts cut at XLSX_TEXT_MAX */
	int64_t rounded; /* numbers rounded to XLSX_DIGITS */
};

/* Appends one cell, nothing for NULL, and adds its changes to `losses`. */
void xlsx_cell(struct buf *b, struct xlsx_column *c, struct xlsx_row *row,
    const struct value *v, struct xlsx_strings *strings,
    struct xlsx_losses *losses);

#endif
