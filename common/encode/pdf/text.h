/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_TEXT_H
#define ENCODE_PDF_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "encode/pdf/file.h"

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

enum pdf_weight {
	PDF_PLAIN,
	PDF_BOLD,
};

struct pdf_style {
	enum pdf_weight weight;
	int size;
};

struct pdf_text_options {
	const char *family;   /* in pango's form: "Noto Sans,sans-serif" */
	const char *language; /* guides the choice of fonts: "en", "zh-Hans" */
	bool replace; /* replace characters that no font has by a sign */
};
struct pdf_text *pdf_text_open(struct pdf_file *file,
    const struct pdf_text_options *options, struct err *e);
void pdf_text_free(struct pdf_text *t); /* accepts NULL */

/* Counts the characters that no font has and that were replaced. */
struct pdf_replaced {
	long count;
	uint32_t first;
};
struct pdf_replaced pdf_text_replaced(const struct pdf_text *t);
/* Sets the count back, after lines that were made to measure them. */
void pdf_text_set_replaced(struct pdf_text *t, struct pdf_replaced replaced);

/* Appends the entries of the Font dictionary. */
int pdf_text_write_fonts(
    struct pdf_text *t, struct buf *resources, struct err *e);

struct pdf_line {
	/* place in the text of the flow, or if shaped in its operators */
	size_t at, len;
	int width;
	/* percent of its own width that the line is squeezed to; 0: not
	 * squeezed */
	int squeeze;
	bool shaped;
};

#define PDF_SQUEEZE 50

/* A text of any length on its way onto pages. At a time no more lines of it are
 * made than were asked for, or than one piece of a paragraph has. The caller
 * zeroes it before use and frees it after. */
struct pdf_flow {
	const char *text; /* owned by the caller */
	size_t len, next;
	struct pdf_line *lines;
	int first, count, cap; /* first: the first line not yet shown */
	struct buf operators;
	size_t paragraph; /* end of the paragraph */
	bool shaped, rtl; /* properties of the paragraph */
	bool inside;      /* the next line begins inside of a word */
	/* The caller sets `solid` after pdf_flow_begin for numbers and the
	 * like: they are squeezed, down to PDF_SQUEEZE percent, before they are
	 * broken. Words of text are squeezed less, or become smaller. `wide` is
	 * the width that a broken one would have needed, 0 while none was
	 * broken. */
	bool solid;
	int wide;
};

/* A width at which nothing wraps. */
#define PDF_UNLIMITED (INT32_MAX / 1000)

void pdf_flow_begin(struct pdf_flow *f, const char *text, size_t len);
void pdf_flow_free(struct pdf_flow *f);

/* Makes lines until `want` are ready or the text ends. Returns -1 with an error
 * that names the character when no font has it. */
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
