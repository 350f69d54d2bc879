/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_FONT_H
#define ENCODE_PDF_FONT_H

#include <pango/pangocairo.h>

#include "encode/pdf/file.h"

/*
 * Holds the fonts of one PDF file. A glyph is written by its number in the
 * font, so that text can be written before the font's set of glyphs is known;
 * the subsets of glyphs that were used are written last. Glyphs that are
 * pictures (colour emoji) go into fonts of pictures, whose pictures are written
 * when they are first used.
 *
 * Widths are thousandths of the font's size.
 */
struct pdf_fonts;
struct pdf_font;

struct pdf_fonts *pdf_fonts_open(struct pdf_file *file);
void pdf_fonts_free(struct pdf_fonts *fonts); /* accepts NULL */

struct pdf_font *pdf_font_of(struct pdf_fonts *fonts, PangoFont *font);

/* A glyph to be shown. pdf_font_glyph notes that it is shown for the character
 * c, or with c = 0 for a part of several characters, and fills the struct. */
struct pdf_glyph {
	const struct pdf_font *font;
	int subfont; /* the font's name in the file is F{number}_{subfont} */
	int code;    /* code of the glyph in a string, of `bytes` bytes */
	int bytes;   /* 1 or 2 */
	int width;
	uint32_t means; /* character that the font has for the glyph; 0: none */
};
int pdf_font_glyph(struct pdf_font *font, unsigned int glyph, uint32_t c,
    struct pdf_glyph *out, struct err *e);

/* Appends the operator that selects a font, such as "/F0_0 8 Tf\n"; size in
 * hundredths of a point. */
void pdf_font_select(
    struct buf *b, const struct pdf_font *font, int subfont, int size);

/* Writes the glyphs that were used, and appends the entries for a Font
 * dictionary. */
int pdf_fonts_write(
    struct pdf_fonts *fonts, struct buf *resources, struct err *e);

#endif
