/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_TABLE_H
#define ENCODE_PDF_TABLE_H

#include "encode/pdf_page.h"
#include "source/rows.h"

/* A table on pages: the header is repeated on each; a row goes onto the next page
 * when it does not fit, and over several when it fits on none. */
struct pdf_column {
	int index; /* in the schema */
	const char *label;
	enum align align;
	/* For pdf_table_widths: what the content would like, and what it needs;
	 * fixed: the width is given, all three are the same. */
	int natural, least;
	bool fixed;
	bool solid; /* values that should not be broken, such as numbers */
	int width;  /* with the padding */
	int x;
	struct pdf_flow flows[2]; /* of the header and of a row, which the
				   * header may interrupt */
};

struct pdf_table {
	struct pdf_pages *pages;
	struct pdf_column *columns; /* those that are shown */
	int count;
	int size;              /* of the text */
	struct buf group;      /* heading of the group that goes on; or empty */
	struct pdf_flow title; /* of the group, of headings */
};

struct pdf_row_style {
	enum pdf_weight weight;
	int fill;  /* 0xRRGGBB; -1: none */
	bool rule; /* a line above */
};

/* The space left and right of a cell's text, both together. */
int pdf_table_padding(const struct pdf_table *t);
/* What the columns would like, in all. */
int pdf_table_natural(const struct pdf_table *t);
/* Gives each column its width, out of `room`. */
void pdf_table_widths(struct pdf_table *t, int room);

/* Height of a row of one line. */
int pdf_table_line(const struct pdf_table *t);

/* Begins the table where the page is, or on the next when less than some rows
 * would fit. */
int pdf_table_begin(struct pdf_table *t, struct err *e);
/* Texts by schema index; NULL values are empty. */
int pdf_table_row(struct pdf_table *t, const struct value *texts,
    const struct pdf_row_style *style, struct err *e);
/* A heading of what follows, which stays in sight: t->group. */
int pdf_table_group(struct pdf_table *t, struct err *e);

void pdf_table_free(struct pdf_table *t); /* accepts an all-zero one */

#endif
