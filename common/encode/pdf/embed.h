/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_EMBED_H
#define ENCODE_PDF_EMBED_H

#include <hb.h>
#include <pango/pangocairo.h>

#include "encode/pdf/file.h"

/* A font to embed in a PDF file; font.c chooses its glyphs. */
struct pdf_embed {
	struct pdf_file *file;
	hb_face_t *face;
	hb_font_t *font; /* scaled to 1000 units an em */
	const hb_set_t *used;
	const uint32_t *means; /* the character of each glyph, or 0 */
	const char *name;
};

/* A colour glyph. Lengths are thousandths of the font's size, from the origin
 * of the glyph. */
struct pdf_picture {
	int object; /* object number of the picture */
	double x, y, width, height, advance;
	unsigned int glyph;
};

/* Writes as `object` a font program that has the glyphs in `used`, under their
 * numbers in the font. */
int pdf_embed_font(const struct pdf_embed *font, int object, struct err *e);

/* Writes as `object` a font whose glyphs are pictures, at most 256. */
int pdf_embed_pictures(const struct pdf_embed *font, int object,
    const struct pdf_picture *pictures, int count, struct err *e);

/* Draws a colour glyph, writes it as a picture and fills `picture`. */
int pdf_embed_picture(struct pdf_file *file, PangoFont *font,
    unsigned int glyph, struct pdf_picture *picture, struct err *e);

#endif
