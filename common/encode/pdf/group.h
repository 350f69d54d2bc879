/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_GROUP_H
#define ENCODE_PDF_GROUP_H

#include <stdbool.h>

#include "base/buf.h"
#include "rows/rows.h"

/* The number of past groups whose headings are compared with a new heading. */
#define PDF_GROUP_HEADINGS 512

/* Follows the group of the rows: consecutive rows with the same value of a
 * column. */
struct pdf_group {
	int column; /* index in the schema; -1: there are no groups */
	enum column_kind kind;
	const char *label;

	/* The members below are private. */
	bool in, null;
	struct buf value;
	struct {
		uint64_t look, value; /* hashes of heading and value */
	} seen[PDF_GROUP_HEADINGS];
	int count;
	/* hash table of values, see value_again(); 0: free slot */
	uint64_t *values;
	size_t room, used;
	int64_t again; /* groups that begin again, as rows are not sorted */
};

/* The caller has filled the members above the private ones. */
void pdf_group_open(struct pdf_group *g);
void pdf_group_close(struct pdf_group *g);

/* Returns whether a row with this value belongs to the open group. */
bool pdf_group_has(const struct pdf_group *g, const struct value *v);
/* Begins the group of a value, which the table shows as `text`, and appends its
 * heading. When an earlier group of another value had the same look, the
 * heading tells the two apart: the hour that occurs twice when a clock is put
 * back, the same month of another year, NULL and an empty text. */
void pdf_group_begin(struct pdf_group *g, const struct value *v,
    const struct value *text, struct buf *heading);

#endif
