/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_FACE_H
#define ENCODE_PDF_FACE_H

#include <stddef.h>
#include <stdint.h>

#include "encode/pdf/font.h"

/*
 * The plain characters of a font: those whose glyph does not depend on their
 * neighbours (Latin, Greek, Cyrillic, numbers, signs). Glyph and width of each are
 * looked up once.
 */

/* All plain characters are below this. */
#define PDF_PLAIN_MAX 0x2600

struct pdf_plain {
	uint16_t glyph;
	int16_t width;
	enum {
		PDF_PLAIN_NEW, /* not looked up yet */
		PDF_PLAIN_HAVE,
		PDF_PLAIN_HAVE_NOT, /* it must be shaped */
	} state : 8;
};

struct pdf_face {
	struct pdf_font *font;
	PangoFont *pango;
	struct pdf_plain plain[PDF_PLAIN_MAX];
};

/* Fills in the entry of a character below PDF_PLAIN_MAX. */
void pdf_face_look_up(struct pdf_face *f, uint32_t c);

/* Returns NULL for a character that must be shaped. */
static inline const struct pdf_plain *pdf_face_plain(
    struct pdf_face *f, uint32_t c)
{
	if (c >= PDF_PLAIN_MAX)
		return NULL;
	if (f->plain[c].state == PDF_PLAIN_NEW)
		pdf_face_look_up(f, c);
	return f->plain[c].state == PDF_PLAIN_HAVE ? &f->plain[c] : NULL;
}

#endif
