/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_TABLE_LAYOUT_H
#define ENCODE_TABLE_LAYOUT_H

#include "base/err.h"
#include "base/option.h"
#include "rows/rows.h"

/*
 * The presentation of the columns of one section: "columns" of output_options
 * override the defaults of a column's kind.
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
	TOTAL_MIN, /* for numbers, intervals, dates and times */
	TOTAL_MAX,
};

struct column_layout {
	/* the name of the column when the options give no label */
	const char *label;
	const char *format; /* Excel number format code; NULL: by kind */
	double width;       /* in characters; 0: taken from the content */
	/* default: numbers and intervals right, booleans centred, others
	 * left */
	enum align align;
	enum total total;
};

struct layout {
	struct column_layout *columns; /* one for each column of the schema */
	int count;
	bool totals; /* a column has a total */
};

/* Owns "title" and "columns" for formats that show tables to people. */
extern const struct option_owner layout_options;
/* Owns "columns" for formats that carry data; they read only the labels. */
extern const struct option_owner layout_label_options;

/*
 * Fills the layout from checked options, which may be NULL and must outlive the
 * layout. Refuses a total that the kind of the column does not have, and a
 * format code that cannot be read. Ignores names that this section does not
 * have: encoder.c refuses a name that no section has.
 */
int layout_open(struct layout *layout, const json_t *options,
    const struct schema *schema, struct err *e);
void layout_free(struct layout *layout);

/* Returns the word shown before a total so that nobody takes it for a sum, such
 * as "avg"; an empty text for a sum. */
const char *layout_total_word(enum total total);
/* Returns the column for the word "Total": the first column without a total, or
 * else the first column, where the word precedes its total. */
int layout_total_place(const struct layout *layout);

#endif
