/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_FLOW_H
#define ENCODE_PDF_FLOW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

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

void pdf_flow_begin(struct pdf_flow *f, const char *text, size_t len);
void pdf_flow_free(struct pdf_flow *f);

/* Adds a line to the flow, which its caller fills in. */
struct pdf_line *pdf_flow_line(struct pdf_flow *f);

static inline int pdf_flow_ready(const struct pdf_flow *f)
{
	return f->count - f->first;
}

static inline bool pdf_flow_done(const struct pdf_flow *f)
{
	return f->first == f->count && f->next == f->len;
}

#endif
