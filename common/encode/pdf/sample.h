/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_SAMPLE_H
#define ENCODE_PDF_SAMPLE_H

#include "base/buf.h"
#include "base/err.h"
#include "rows/rows.h"

/* The first rows of a section, which the widths of its columns are taken from:
 * they wait, in one piece, until there are enough. */
struct pdf_sample {
	int rows;

	/* What follows is its own. */
	int columns, cap;
	struct buf bytes;
	struct pdf_sample_value *values;
};

void pdf_sample_open(struct pdf_sample *s, int columns);
void pdf_sample_free(struct pdf_sample *s); /* accepts an all-zero one */

/* Keeps a row: 1 when there are enough now, 0 when not yet; -1 for one that does
 * not fit into memory. */
int pdf_sample_add(
    struct pdf_sample *s, const struct value *row, struct err *e);
/* The i-th row, into a value for each column; valid until the next call of add. */
void pdf_sample_row(const struct pdf_sample *s, int i, struct value *values);

#endif
