/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_SHAPE_H
#define ENCODE_PDF_SHAPE_H

#include <pango/pangocairo.h>

#include "encode/pdf/font.h"
#include "encode/pdf/text.h"

/* Lines of text that pango lays out, as operators of a PDF page. */
struct pdf_shape;

struct pdf_shape *pdf_shape_open(
    struct pdf_fonts *fonts, const struct pdf_text_options *options);
void pdf_shape_free(struct pdf_shape *s); /* accepts NULL */
struct pdf_replaced *pdf_shape_replaced(struct pdf_shape *s);

/* The first font of the family; the caller's reference. */
PangoFont *pdf_shape_font(
    struct pdf_shape *s, enum pdf_weight weight, struct err *e);

/* Whether a paragraph runs from right to left. */
bool pdf_shape_rtl(const char *text, size_t len);

struct pdf_shaped {
	const char *text; /* of one paragraph, from where a line begins */
	size_t len;
	/* The size becomes smaller, but not less than `least` percent, when the
	 * longest word has no room: `word` is the width that it needs. */
	struct pdf_style style;
	int width, least;
	bool rtl;
	struct buf *out;

	int word;

	size_t taken; /* bytes that the lines so far hold */
	int line_width;

	PangoLayoutLine *line;
	int index, count;
};

/* Of a long paragraph only some lines come at once: those of its next piece but
 * the last one, which may not be whole. */
void pdf_shape_begin(struct pdf_shape *s, struct pdf_shaped *text);
bool pdf_shape_next(struct pdf_shape *s, struct pdf_shaped *text);
/* Appends the line's operators. */
int pdf_shape_line(struct pdf_shape *s, struct pdf_shaped *text, struct err *e);

#endif
