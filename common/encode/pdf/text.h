/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_TEXT_H
#define ENCODE_PDF_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "encode/pdf/file.h"

/*
 * Text as lines of a width, ready for a page. Plain text (Latin, Greek,
 * Cyrillic, numbers, signs) goes glyph by glyph with widths that are looked up
 * once; a paragraph with anything else is shaped by pango, with other fonts for
 * what the own one lacks.
 *
 * Lengths are hundredths of a point.
 */
struct pdf_text;
struct pdf_font;

enum pdf_weight {
	PDF_PLAIN,
	PDF_BOLD,
};

struct pdf_style {
	enum pdf_weight weight;
	int size;
};

struct pdf_text_options {
	const char *family;   /* as pango takes it: "Noto Sans,sans-serif" */
	const char *language; /* "en", "zh-Hans": for the choice of fonts */
	bool replace; /* a sign stands for characters that no font has */
};
struct pdf_text *pdf_text_open(struct pdf_file *file,
    const struct pdf_text_options *options, struct err *e);
void pdf_text_free(struct pdf_text *t); /* accepts NULL */

/* Characters that no font has, for which another one stands. */
struct pdf_replaced {
	long count;
	uint32_t first;
};
struct pdf_replaced pdf_text_replaced(const struct pdf_text *t);

/* Appends the entries of the Font dictionary. */
int pdf_text_write_fonts(
    struct pdf_text *t, struct buf *resources, struct err *e);

struct pdf_line {
	size_t at, len; /* in the flow's text or, if shaped, operators */
	int width;
	int squeeze; /* to that many percent of its own width; 0: not at all */
	bool shaped;
};

#define PDF_SQUEEZE 50

/* A text on its way onto pages, of any length: never more lines of it are made
 * than were asked for, and a paragraph's piece. The caller zeroes it at first and
 * frees it at last. */
struct pdf_flow {
	const char *text; /* the caller's */
	size_t len, next;
	struct pdf_line *lines;
	int first, count, cap; /* first: not shown yet */
	struct buf operators;
	size_t paragraph; /* where it ends */
	bool shaped, rtl; /* the paragraph is */
	bool inside;      /* a word, which the line before has begun */
	/* The caller's word after pdf_flow_begin: numbers and the like are made
	 * narrower, down to PDF_SQUEEZE percent, before they are broken; words of text a bit
	 * less so, or smaller. `wide` is then the width that the broken one would have
	 * needed, 0 as long as none was broken. */
	bool solid;
	int wide;
};

/* A width that nothing wraps at. */
#define PDF_UNLIMITED (INT32_MAX / 1000)

void pdf_flow_begin(struct pdf_flow *f, const char *text, size_t len);
void pdf_flow_free(struct pdf_flow *f);

/* Makes lines until `want` are there or the text ends; -1 for a character that
 * no font has, naming it. */
int pdf_text_fill(struct pdf_text *t, struct pdf_flow *f,
    struct pdf_style style, int width, int want, struct err *e);

static inline int pdf_flow_ready(const struct pdf_flow *f)
{
	return f->count - f->first;
}

static inline bool pdf_flow_done(const struct pdf_flow *f)
{
	return f->first == f->count && f->next == f->len;
}

/* Appends the operators that show the flow's next line, which is taken off it;
 * `font` tells whether the style's font is selected, and becomes what is. */
void pdf_text_show(struct pdf_text *t, struct buf *b, struct pdf_flow *f,
    struct pdf_style style, bool *font);

/* The width of the longest paragraph when nothing is wrapped and, in *word, of
 * the longest word; of the first 4096 bytes. What is replaced does not count. */
int pdf_text_measure(struct pdf_text *t, const char *text, size_t len,
    struct pdf_style style, int *word, struct err *e);

#endif
