/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_GROUP_H
#define ENCODE_PDF_GROUP_H

#include <stdbool.h>

#include "base/buf.h"
#include "rows/rows.h"

/* Headings whose like is recognised: those of this many groups before. */
#define PDF_GROUP_HEADINGS 512

/* The group that rows belong to: those one after another with the same value of
 * a column. */
struct pdf_group {
	int column; /* in the schema; -1: there are no groups */
	enum column_kind kind;
	const char *label;

	/* What follows is its own. */
	bool in, null;
	struct buf value;
	struct {
		uint64_t look, value; /* hashes of heading and value */
	} seen[PDF_GROUP_HEADINGS];
	int count;
	uint64_t *values; /* hashes of values, see value_again(); 0: free */
	size_t room, used;
	int64_t again; /* groups that begin again: rows are not sorted */
};

void pdf_group_open(struct pdf_group *g); /* with the first part filled */
void pdf_group_close(struct pdf_group *g);

/* Whether a row with this value belongs to the group that goes on. */
bool pdf_group_has(const struct pdf_group *g, const struct value *v);
/* Begins the group of a value, which the table shows as `text`, and appends its
 * heading. It tells the group from earlier ones of other values that look the same:
 * the hour that comes twice when a clock is put back, the same month of another
 * year, NULL and a text of nothing. */
void pdf_group_begin(struct pdf_group *g, const struct value *v,
    const struct value *text, struct buf *heading);

#endif
