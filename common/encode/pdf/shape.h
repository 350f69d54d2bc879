/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_SHAPE_H
#define ENCODE_PDF_SHAPE_H

#include <pango/pangocairo.h>

#include "encode/pdf/font.h"
#include "encode/pdf/style.h"

/* Lays out lines of text with pango and writes them as operators of a PDF
 * page. */
struct pdf_shape;

/* Returns NULL when none of the families is installed. */
struct pdf_shape *pdf_shape_open(struct pdf_fonts *fonts,
    const struct pdf_text_options *options, struct err *e);
void pdf_shape_free(struct pdf_shape *s); /* accepts NULL */
struct pdf_replaced *pdf_shape_replaced(struct pdf_shape *s);

/* Returns the first font of the family; the caller owns the reference. */
PangoFont *pdf_shape_font(
    struct pdf_shape *s, enum pdf_weight weight, struct err *e);

/* Returns whether a paragraph runs from right to left. */
bool pdf_shape_rtl(const char *text, size_t len);

struct pdf_shaped {
	/* text of one paragraph, from the start of a line on */
	const char *text;
	size_t len;
	/* pdf_shape_begin makes the size smaller, but not below `least`
	 * percent, when the longest word has no room; `word` is then the width
	 * that the word needs. */
	struct pdf_style style;
	int width, least;
	bool rtl;
	struct buf *out;

	int word;

	size_t taken; /* bytes of text in the lines so far */
	int line_width;

	PangoLayoutLine *line;
	int index, count;
};

/* pdf_shape_begin lays out the next piece of a paragraph. A long paragraph has
 * several pieces: each gives its lines but the last one, which may not be
 * complete. pdf_shape_next takes the next line. */
void pdf_shape_begin(struct pdf_shape *s, struct pdf_shaped *text);
bool pdf_shape_next(struct pdf_shape *s, struct pdf_shaped *text);
/* Appends the operators of the line to text->out. */
int pdf_shape_line(struct pdf_shape *s, struct pdf_shaped *text, struct err *e);

#endif
