/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_TABLE_H
#define ENCODE_PDF_TABLE_H

#include "encode/pdf/page.h"
#include "rows/rows.h"

/*
 * A table on pages: the header is repeated on each; a row goes onto the next page
 * when it does not fit, and over several when it fits on none. Columns for which
 * the paper is too narrow stand on further pages beside the first one, on which
 * rows have the same height, and the first columns are repeated.
 */
struct pdf_column {
	int index; /* in the schema */
	const char *label;
	enum align align;

	/* What pdf_table_fit shares the room out by, at the size that the table
	 * was given, without padding. */
	int natural;       /* of the widest value */
	int word;          /* of its longest word; all of a solid one */
	double squares;    /* of the widths of values, in all, ... */
	int values;        /* ... of this many */
	int label_natural; /* of the label in one line */
	int label_word;    /* of its longest word */
	int reserve;       /* for values that are not known yet */
	bool fixed;        /* the width is given: natural */
	bool solid;        /* values that should not be broken: numbers */

	/* What comes of it. */
	int width; /* with the padding */
	int x;
	struct pdf_flow flows[2]; /* of the header and of a row, which the
				   * header may interrupt */
	int shown; /* where the flow was before the first page showed it */
};

/* The columns on one of the pages side by side, beside the repeated ones. */
struct pdf_panel {
	int from, to;
	int width; /* with the repeated ones */
};

struct pdf_table {
	struct pdf_pages *pages;
	struct pdf_column *columns; /* those that are shown */
	int count;
	int full_size; /* of the text as it was asked for */
	int size;      /* of the text as it is, see pdf_table_fit */
	int widest;    /* room on the widest page that it may stand on */
	int repeat;    /* columns that stand on each of the pages across */
	int repeated;  /* as many of them as there is room for */
	int x;         /* of the table */
	struct pdf_panel *panels;
	int across;            /* panels; 1: the paper is wide enough */
	char **marks;          /* of the panels' pages */
	struct buf group;      /* heading of the group that goes on; or empty */
	struct pdf_flow title; /* of the group, of headings */
	struct pdf_flow again; /* "(continued)" */
	int header_lines;
};

struct pdf_row_style {
	enum pdf_weight weight;
	int fill;  /* 0xRRGGBB; -1: none */
	bool rule; /* a line above */
};

/* Words of text that are longer are broken, of a page's room. */
#define PDF_LONG_WORD(room) ((room) / 4)

/* Notes the width of a value and of its longest word in the column. */
void pdf_column_measured(
    const struct pdf_table *t, struct pdf_column *c, int width, int word);

/* What the columns would like, in all, at full size: no value is wrapped, and
 * no word of a label. */
int64_t pdf_table_natural(const struct pdf_table *t);
/*
 * Gives each column its width, out of `room`, which the table fills unless it is
 * far narrower. Values of text are wrapped when there is not room for all, the
 * longest ones most. If that is not enough, the text becomes smaller, down to
 * three quarters; if that is not enough either, the table goes over several
 * pages side by side.
 */
void pdf_table_fit(struct pdf_table *t, int room);
void pdf_table_unfit(struct pdf_table *t); /* frees what came of it */

/* Height of a row of one line. */
int pdf_table_line(const struct pdf_table *t);

/* Begins the table where the page is, or on the next when less than some rows
 * would fit or when it needs several side by side. */
int pdf_table_begin(struct pdf_table *t, struct err *e);
/* Texts by schema index; NULL values are empty. A number or word for which its
 * column proves too narrow begins a page on which that one is wide enough, unless
 * it needs too much of the page. */
int pdf_table_row(struct pdf_table *t, const struct value *texts,
    const struct pdf_row_style *style, struct err *e);
/* A heading of what follows, which stays in sight: t->group. */
int pdf_table_group(struct pdf_table *t, struct err *e);
/* The next page is a single one again. */
void pdf_table_end(struct pdf_table *t);

void pdf_table_free(struct pdf_table *t); /* accepts an all-zero one */

#endif
