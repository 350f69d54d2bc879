/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_PAGE_H
#define ENCODE_PDF_PAGE_H

#include "encode/pdf/text.h"
#include "encode/table/layout.h"

/* One page that is being filled. */
struct pdf_sheet {
	struct buf b;
	bool in_text, font;
	struct pdf_style style;
	int text_x, text_y;
};

/*
 * The pages of a PDF file. One is open at a time, or several side by side that
 * share one y: the columns of a table that is wider than the paper. They are
 * written, from left to right, when they are full. "Page 3 of 17" needs a number
 * that nobody knows yet: each page draws one and the same form, which is written
 * last, with the number in it.
 *
 * Lengths are hundredths of a point; x from the left, y from the top.
 */
struct pdf_pages {
	struct pdf_file *file;
	struct pdf_text *text;
	int width, height; /* of pages from the next on */
	int across;        /* as many pages side by side; 0 counts as 1 */
	/* Beside the number of each of these, such as "columns 9 to 16 of 40";
	 * the caller's. NULL: none. */
	char *const *marks;
	int margin;
	/* In one line each, see pdf_one_line; never NULL. */
	const char *header, *time; /* above each page, left and right */
	const char *footer;        /* below it, right */

	int y;           /* where the next thing goes */
	int top, bottom; /* of what is not header and footer */
	int count;       /* pages begun */
	int open;        /* pages side by side; 0: none is open */
	/* Header or footer had no room on some page and ends with an ellipsis. */
	bool short_header, short_footer;

	/* What follows is its own. */
	struct pdf_sheet *sheets, *at;
	int cap;
	int page_height, page_width;
	struct pdf_flow note;
	struct buf note_text;
	int resources, total, root; /* objects */
	int node, in_node;
	struct buf kids, nodes;
};

/* Of a struct with the first group filled. */
void pdf_pages_open(struct pdf_pages *p);
void pdf_pages_free(struct pdf_pages *p); /* accepts an all-zero one */

/* Ends what is open, begins the next page or pages; the first is drawn on. */
int pdf_pages_next(struct pdf_pages *p, struct err *e);
/* Draws on the i-th of the open pages from now on. */
void pdf_pages_select(struct pdf_pages *p, int i);
/* Refuses pages side by side that together take too much memory. */
int pdf_pages_check(const struct pdf_pages *p, struct err *e);

/* Colours are 0xRRGGBB. */
void pdf_page_rect(
    struct pdf_pages *p, int x, int y, int width, int height, int colour);
/* The flow's next line, aligned between x and x + width; y is its baseline. */
void pdf_page_show(struct pdf_pages *p, struct pdf_flow *f,
    struct pdf_style style, enum align align, const int at[3]);
/* For operators of the caller's own; q and Q around them are the caller's. */
struct buf *pdf_page_drawing(struct pdf_pages *p);

/* The last page, the page tree, fonts, the catalogue; its object. */
int pdf_pages_finish(struct pdf_pages *p, int *catalogue, struct err *e);

/* Appends 12.34 for 1234. */
void pdf_number(struct buf *b, int hundredths);

#endif
