/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_XLSX_TEXT_H
#define ENCODE_XLSX_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "encode/parquet/dictionary.h"
#include "rows/rows.h"

/* ---- text as a workbook's XML has it (ST_Xstring) ---- */

#define XLSX_TEXT_MAX 32767 /* UTF-16 units in a cell */
#define XLSX_ESCAPED 7      /* bytes that one may become: _x0001_ */

/* Writes up to XLSX_ESCAPED bytes for each and one more; the place after them. */
char *xlsx_put_text(char *p, const char *s, const char *end);
/* Whether a reader would take what is at the underscore s for an escape: _x0041_.
 * The underscore at its end may be one that only the escape of the next character
 * brings. */
bool xlsx_reads_as_escape(const char *s, const char *end);
/* Appends s so that what looks like _x0041_ is taken for text; nothing else is
 * escaped. */
void xlsx_text_guard(struct buf *b, const char *s);

/* How many bytes of the text are XLSX_TEXT_MAX units at most. */
size_t xlsx_text_fitting(const char *s, size_t len);
/* White space at an end, which a reader drops unless it is told not to. */
bool xlsx_text_has_spaces(const char *s, size_t len);

/*
 * The strings of a workbook that stand in a part of their own, where phones and
 * previews look for them. As many as memory has room for; others stand in their
 * cells.
 */
struct xlsx_strings {
	struct parquet_dictionary known;
};

void xlsx_strings_open(struct xlsx_strings *t);
void xlsx_strings_close(struct xlsx_strings *t);
/* Its number in the part; -1: there is no room for another one. */
int xlsx_strings_index(struct xlsx_strings *t, const struct value *v);
size_t xlsx_strings_count(const struct xlsx_strings *t);
/* <si> of one. */
void xlsx_strings_add(
    const struct xlsx_strings *t, size_t index, struct buf *b);

#endif
