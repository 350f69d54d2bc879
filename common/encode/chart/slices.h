/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_CHART_SLICES_H
#define ENCODE_CHART_SLICES_H

#include "rows/rows.h"

/*
 * Gathers the slices of a pie, in memory that does not grow with the rows. A pie
 * with many slices cannot be read: when there are more than CHART_SLICES + 1,
 * only the largest CHART_SLICES are kept, and "other" stands for the rest.
 * Begins all zero.
 */
#define CHART_SLICES 11
#define CHART_OTHER "other"
#define CHART_OTHER_COLOUR 0x999999 /* 0xRRGGBB */

struct chart_slice {
	double value;
	int64_t row;
	/* the category of the row, `category_len` bytes; NULL: none */
	char *category;
	int32_t category_len; /* below 0: the category is NULL */
};
struct chart_slices {
	struct chart_slice list[CHART_SLICES + 1];
	int count;    /* slices in the list */
	int least;    /* index of the smallest one of a full list */
	int64_t rows; /* rows added */
	double rest;  /* sum of the rows that are not in the list */
};

/* Adds a row. NAN counts as 0. `category` is copied when the row is kept; NULL:
 * the caller finds it by its row. */
void chart_slices_add(
    struct chart_slices *s, double value, const struct value *category);
/* Ends with the slices in the order of their rows. Returns whether a slice
 * "other", of the value `rest`, follows them. */
bool chart_slices_end(struct chart_slices *s);
/* Frees what it holds, and begins anew. */
void chart_slices_clear(struct chart_slices *s);

#endif
