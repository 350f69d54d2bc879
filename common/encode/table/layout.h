/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_TABLE_LAYOUT_H
#define ENCODE_TABLE_LAYOUT_H

#include "base/err.h"
#include "base/option.h"
#include "rows/rows.h"

/*
 * How the columns of one section are shown: output_options' "columns" laid over
 * what the kind of a column suggests.
 *
 *	"columns": {"amount": {"label": "Amount", "format": "#,##0.00",
 *		"width": 12, "align": "right", "total": "sum"}}
 */
enum align {
	ALIGN_LEFT,
	ALIGN_CENTER,
	ALIGN_RIGHT,
};

enum total {
	TOTAL_NONE,
	TOTAL_SUM, /* numbers, intervals */
	TOTAL_AVG, /* numbers, intervals */
	TOTAL_COUNT,
	TOTAL_MIN, /* numbers, intervals, dates and times */
	TOTAL_MAX,
};

struct column_layout {
	const char *label;  /* the column's name when the options give none */
	const char *format; /* a number format code of Excel; NULL: by kind */
	double width;       /* in characters; 0: from the content */
	enum align align;   /* numbers and intervals right, booleans centred,
			     others left */
	enum total total;
};

struct layout {
	struct column_layout *columns; /* as many as the schema */
	int count;
	bool totals; /* there is at least one */
};

/* "title" and "columns" for the tables of formats that people look at. */
extern const struct option_owner layout_options;
/* "columns" for the formats of data, which take names from it and no more. */
extern const struct option_owner layout_label_options;

/*
 * Of checked options, which may be NULL and outlive the layout. A total that
 * the kind does not have is refused, and so is a format code that cannot be
 * read. Names that this section does not have are left to another one;
 * encoder.c refuses those that no section had.
 */
int layout_open(struct layout *layout, const json_t *options,
    const struct schema *schema, struct err *e);
void layout_free(struct layout *layout);

/* What stands in front of a total so that nobody takes it for a sum: "avg"; of a
 * sum itself, nothing. */
const char *layout_total_word(enum total total);
/* The column for the word "Total": the first one without a total, or else the first
 * one, in front of its own. */
int layout_total_place(const struct layout *layout);

#endif
