/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_EMBED_H
#define ENCODE_PDF_EMBED_H

#include <hb.h>
#include <pango/pangocairo.h>

#include "encode/pdf/file.h"

/* What a PDF file holds of a font: pdf_font.c tells which glyphs. */
struct pdf_embed {
	struct pdf_file *file;
	hb_face_t *face;
	hb_font_t *font; /* scaled to 1000 */
	const hb_set_t *used;
	const uint32_t *means; /* by glyph: a character, or 0 */
	const char *name;
};

/* A colour glyph, in thousandths of the font's size from its origin. */
struct pdf_picture {
	int object; /* the picture's */
	double x, y, width, height, advance;
	unsigned int glyph;
};

/* The font program with the glyphs that are used, under their numbers. */
int pdf_embed_font(const struct pdf_embed *font, int object, struct err *e);

/* A font whose glyphs are pictures, at most 256. */
int pdf_embed_pictures(const struct pdf_embed *font, int object,
    const struct pdf_picture *pictures, int count, struct err *e);

/* Draws a colour glyph and writes it as a picture. */
int pdf_embed_picture(struct pdf_file *file, PangoFont *font,
    unsigned int glyph, struct pdf_picture *picture, struct err *e);

#endif
