/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_XLSX_TEXT_H
#define ENCODE_XLSX_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "rows/dictionary.h"
#include "rows/rows.h"

/* ---- text as a workbook's XML has it (ST_Xstring) ---- */

#define XLSX_TEXT_MAX 32767 /* UTF-16 units in a cell */
#define XLSX_ESCAPED 7      /* bytes that one byte may become: _x0001_ */

/* Writes the text from s to end, escaped: up to XLSX_ESCAPED bytes for each of
 * its bytes and one more. Returns the place after them. */
char *xlsx_put_text(char *p, const char *s, const char *end);
/* Returns whether a reader would take the text at the underscore s for an
 * escape such as _x0041_. The last underscore of it may come from the escape of
 * the next character. */
bool xlsx_reads_as_escape(const char *s, const char *end);
/* Appends s so that a part like _x0041_ is read as text; nothing else is
 * escaped. */
void xlsx_text_guard(struct buf *b, const char *s);

/* Returns how many bytes of the text have at most XLSX_TEXT_MAX units, in whole
 * characters. */
size_t xlsx_text_fitting(const char *s, size_t len);
/* Returns whether the text begins or ends with white space, which a reader
 * drops without xml:space. */
bool xlsx_text_has_spaces(const char *s, size_t len);

/* Returns the width of a text without line breaks, in tenths of the width of a
 * digit, as widths of columns are told in digits. Stops once it is above
 * `most`. */
long xlsx_text_width(const char *s, size_t len, long most);

/*
 * Holds the strings of a workbook that stand in a part of their own, where
 * phones and previews look for them: as many as memory has room for. Others
 * stand in their cells.
 */
struct xlsx_strings {
	struct dictionary known;
};

void xlsx_strings_open(struct xlsx_strings *t);
void xlsx_strings_close(struct xlsx_strings *t);
/* Returns the number of a string in the part, to which it is added; -1 when
 * there is no room for another one. */
int xlsx_strings_index(struct xlsx_strings *t, const struct value *v);
size_t xlsx_strings_count(const struct xlsx_strings *t);
/* Appends the element <si> of a string. */
void xlsx_strings_add(
    const struct xlsx_strings *t, size_t index, struct buf *b);

#endif
