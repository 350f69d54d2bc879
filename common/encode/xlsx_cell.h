/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_XLSX_CELL_H
#define ENCODE_XLSX_CELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "source/rows.h"

/*
 * Cells of a sheet as XML. Numbers come straight from their text. These become
 * text, because Excel would change or refuse them: integers and decimals of
 * more than 15 significant digits, NaN and infinities, floats too small to be
 * normal, dates before March 1900 or after 9999, 24:00:00.
 */

#define XLSX_COLUMNS 16384
#define XLSX_TEXT_MAX 32767 /* UTF-16 units in a cell */
#define XLSX_NUMBER_MAX 40  /* bytes that xlsx_number writes at most */

/* The head of a cell, up to the row's number and from there on. Copied in whole
 * words: the arrays are longer than what they hold. */
struct xlsx_piece {
	char text[48];
	int len;
};

struct xlsx_column {
	enum column_kind kind;
	struct xlsx_piece place;    /* <c r="A */
	struct xlsx_piece number;   /* " s="1"><v> */
	struct xlsx_piece fraction; /* the same for seconds with a fraction */
	struct xlsx_piece string;   /* " s="1" t="inlineStr"><is><t> */
	bool strays; /* text was written where the kind wants numbers */
};

/* `style` and `fraction` are indexes of cell formats. */
void xlsx_column_init(struct xlsx_column *c, int index, enum column_kind kind,
    int style, int fraction);

/* "A", "Z", "AA": of column 0, 25, 26; in a buffer of 8. */
const char *xlsx_letters(char *to, int index);

/* The row's number, shared by its cells. */
struct xlsx_row {
	char digits[16];
	int len;
};
void xlsx_row_set(struct xlsx_row *row, uint32_t number);

/* Appends one cell, nothing for NULL. True when its text was cut. */
bool xlsx_cell(struct buf *b, struct xlsx_column *c, const struct xlsx_row *row,
    const struct value *v);

/* The value as a cell's number; the bytes written, 0 when it has to be text.
 * *fraction: it has parts of a second. */
int xlsx_number(
    char *to, enum column_kind kind, const struct value *v, bool *fraction);

#endif
