/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_TABLE_H
#define ENCODE_PDF_TABLE_H

#include "encode/pdf/page.h"
#include "rows/rows.h"

/*
 * Writes a table on pages. The header is repeated on each page. A row goes onto
 * the next page when it does not fit, and over several pages when it fits on
 * none. Columns for which the paper is too narrow stand on further pages beside
 * the first one; there rows have the same height, and the first columns are
 * repeated.
 */
struct pdf_column {
	int index; /* index in the schema */
	const char *label;
	enum align align;

	/* pdf_table_fit shares out the room by these widths, which are at the
	 * size that the table was given, without padding. */
	int natural; /* width of the widest value */
	/* width of its longest word; of the whole value if solid */
	int word;
	double squares;    /* sum of the squares of the widths ... */
	int values;        /* ... of this many values */
	int label_natural; /* width of the label in one line */
	int label_word;    /* width of the longest word of the label */
	int reserve;       /* room for values that are not known yet */
	bool fixed;        /* the options give the width: natural */
	bool solid;        /* values should not be broken: numbers */

	/* pdf_table_fit sets the members below. */
	int width; /* with padding */
	int x;
	/* [0] of the header, [1] of a row, which the header may interrupt */
	struct pdf_flow flows[2];
	/* first line of the flow on the first of the pages side by side */
	int shown;
};

/* The columns on one of the pages side by side, besides the repeated ones. */
struct pdf_panel {
	int from, to;
	int width; /* width with the repeated columns */
};

struct pdf_table {
	struct pdf_pages *pages;
	struct pdf_column *columns; /* the columns that are shown */
	int count;
	int full_size; /* size of the text that was asked for */
	int size;      /* size of the text in use, see pdf_table_fit */
	int widest;    /* room on the widest page that the table may use */
	int repeat;    /* first columns to repeat on each page side by side */
	int repeated;  /* number of them that have room */
	int x;         /* x of the table */
	struct pdf_panel *panels;
	/* number of panels; 1: the paper is wide enough */
	int across;
	char **marks;          /* marks of the pages, one for each panel */
	struct buf group;      /* heading of the open group, or empty */
	struct pdf_flow title; /* flow of the heading */
	struct pdf_flow again; /* flow of "(continued)" */
	bool opening;          /* the heading was not shown yet */
	int header_lines;
	bool blank; /* the page has the header, but no row of the table */
};

struct pdf_row_style {
	enum pdf_weight weight;
	int fill;  /* colour of the ground, 0xRRGGBB; -1: none */
	bool rule; /* the row has a line above it */
};

/* The width of the widest word of text that is not broken into parts, where
 * `room` is the width of the page between its margins. */
#define PDF_LONG_WORD(room) ((room) / 4)

/* Notes the width of a value and of its longest word in the column. */
void pdf_column_measured(
    const struct pdf_table *t, struct pdf_column *c, int width, int word);

/* Returns the width of all columns at full size when no value is wrapped and no
 * word of a label is broken. */
int64_t pdf_table_natural(const struct pdf_table *t);
/*
 * Gives each column its width out of `room`, which the table fills unless it is
 * far narrower. When there is not room for all, values of text are wrapped, the
 * longest ones most. If that is not enough, the text becomes smaller, down to
 * three quarters of its size; if that is not enough either, the table goes over
 * several pages side by side.
 */
void pdf_table_fit(struct pdf_table *t, int room);
/* Frees the results of pdf_table_fit. */
void pdf_table_unfit(struct pdf_table *t);

/* Returns the height of a row of one line. */
int pdf_table_line(const struct pdf_table *t);

/* Sets *need to the height of the header and the first row, or of some lines of
 * a row that fits on no page; `first` is NULL when there is none. `grouped`: a
 * heading stands between the two. For a table that begins on an open page. */
int pdf_table_need(struct pdf_table *t, const struct value *first, bool grouped,
    int *need, struct err *e);
/* Begins the table at the y of the page, or on the next page when less than
 * some lines of a row would fit or when the table needs several pages side by
 * side. */
int pdf_table_begin(struct pdf_table *t, struct err *e);
/* Writes a row; `texts` has one text for each column of the schema, empty for
 * NULL values. When a column proves too narrow for a number or word, the row
 * begins a page on which that column is wide enough, unless it would take too
 * much of the page. */
int pdf_table_row(struct pdf_table *t, const struct value *texts,
    const struct pdf_row_style *style, struct err *e);
/* Begins a group, whose heading is t->group: it is written with the next row,
 * on a page that has room for both, and repeated on each page. */
void pdf_table_group(struct pdf_table *t);
/* Ends the table: the next page is a single one again. */
void pdf_table_end(struct pdf_table *t);

void pdf_table_free(struct pdf_table *t); /* accepts an all-zero one */

#endif
