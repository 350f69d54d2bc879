/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_PAGE_H
#define ENCODE_PDF_PAGE_H

#include "encode/pdf/text.h"
#include "encode/table/layout.h"

/* A page that is being filled. */
struct pdf_sheet {
	struct buf b;
	bool in_text, font;
	struct pdf_style style;
	int text_x, text_y;
};

/*
 * Writes the pages of a PDF file. One page is open at a time, or several side
 * by side that share one y and hold the columns of a table wider than the
 * paper. Open pages are written from left to right when they are full. The
 * total in "Page 3 of 17" is not known until the end: all pages draw the same
 * form, which is written last with the total in it.
 *
 * Lengths are hundredths of a point; x counts from the left, y from the top.
 */
struct pdf_pages {
	struct pdf_file *file;
	struct pdf_text *text;
	int width, height; /* size of pages from the next one on */
	int across;        /* pages side by side; 0 counts as 1 */
	/* Texts beside the page numbers of pages side by side, such as "columns
	 * 9 to 16 of 40"; owned by the caller. NULL: none. */
	char *const *marks;
	int margin;
	/* Each is one line; never NULL. */
	const char *header, *time; /* shown above each page, left and right */
	const char *footer;        /* shown below each page, right */

	int y;           /* y of the next content */
	int top, bottom; /* bounds of the content, without header and footer */
	int count;       /* number of pages begun */
	int open;        /* number of open pages side by side; 0: none */
	/* The header or footer was too long for a page and was cut with an
	 * ellipsis. */
	bool short_header, short_footer;

	/* The members below are private. */
	struct pdf_sheet *sheets, *at;
	int cap;
	int page_height, page_width;
	struct pdf_flow note;
	struct buf note_text;
	int resources, total, root; /* object numbers */
	int node, in_node;
	struct buf kids, nodes;
};

/* Opens pages; the first group of members is filled by the caller. */
void pdf_pages_open(struct pdf_pages *p);
void pdf_pages_free(struct pdf_pages *p); /* accepts an all-zero one */

/* Ends the open pages and begins the next page or pages; drawing goes to the
 * first of them. */
int pdf_pages_next(struct pdf_pages *p, struct err *e);
/* Makes the i-th of the open pages the one that is drawn on. */
void pdf_pages_select(struct pdf_pages *p, int i);
/* Writes lines of text over the width of the page, from its y on. */
int pdf_pages_paragraph(struct pdf_pages *p, const char *text,
    struct pdf_style style, struct err *e);
/* Refuses pages side by side that together take too much memory. */
int pdf_pages_check(const struct pdf_pages *p, struct err *e);

/* Fills a rectangle; the colour is 0xRRGGBB. */
void pdf_page_rect(
    struct pdf_pages *p, int x, int y, int width, int height, int colour);
/* Shows the next line of the flow, aligned between x and x + width; y is its
 * baseline. `at` is {x, y, width}. */
void pdf_page_show(struct pdf_pages *p, struct pdf_flow *f,
    struct pdf_style style, enum align align, const int at[3]);
/* Returns the operators of the page, for the caller to append to. The caller
 * wraps its own in q and Q. */
struct buf *pdf_page_drawing(struct pdf_pages *p);

/* Writes the last page, the page tree, the fonts and the catalogue, and sets
 * *catalogue to its object number. */
int pdf_pages_finish(struct pdf_pages *p, int *catalogue, struct err *e);

/* Appends hundredths as a decimal number: 12.34 for 1234. */
void pdf_number(struct buf *b, int hundredths);

#endif
