/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_TEXT_H
#define ENCODE_PDF_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "encode/pdf/file.h"
#include "encode/pdf/flow.h"
#include "encode/pdf/style.h"

/*
 * Breaks text into lines of a width, ready for a page. Plain text (Latin,
 * Greek, Cyrillic, numbers, signs) goes glyph by glyph with widths that are
 * looked up once. A paragraph with any other character is shaped by pango, with
 * other fonts for characters that the chosen font lacks.
 *
 * Lengths are hundredths of a point.
 */
struct pdf_text;
struct pdf_font;

struct pdf_text *pdf_text_open(struct pdf_file *file,
    const struct pdf_text_options *options, struct err *e);
void pdf_text_free(struct pdf_text *t); /* accepts NULL */

struct pdf_replaced pdf_text_replaced(const struct pdf_text *t);
/* Sets the count back, after lines that were made to measure them. */
void pdf_text_set_replaced(struct pdf_text *t, struct pdf_replaced replaced);

/* Appends the entries of the Font dictionary. */
int pdf_text_write_fonts(
    struct pdf_text *t, struct buf *resources, struct err *e);

/* Makes lines until `want` are ready or the text ends. Returns -1 with an error
 * that names the character when no font has it. */
int pdf_text_fill(struct pdf_text *t, struct pdf_flow *f,
    struct pdf_style style, int width, int want, struct err *e);

/* Appends the operators that show the next line of the flow, and removes the
 * line. *font says whether the font of the style is selected; it is updated. */
void pdf_text_show(struct pdf_text *t, struct buf *b, struct pdf_flow *f,
    struct pdf_style style, bool *font);

/* Returns the width of the longest paragraph without wrapping, and in *word
 * that of the longest word; both of the first 4096 bytes. Characters that no
 * font has are not added to pdf_text_replaced here. */
int pdf_text_measure(struct pdf_text *t, const char *text, size_t len,
    struct pdf_style style, int *word, struct err *e);

#endif
