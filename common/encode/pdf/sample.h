/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_SAMPLE_H
#define ENCODE_PDF_SAMPLE_H

#include "base/buf.h"
#include "base/err.h"
#include "rows/rows.h"

/* Holds the first rows of a section, from which the widths of its columns are
 * taken, until there are enough of them. */
struct pdf_sample {
	int rows;

	/* The members below are private. */
	int columns, cap;
	struct buf bytes;
	struct pdf_sample_value *values;
};

void pdf_sample_open(struct pdf_sample *s, int columns);
void pdf_sample_free(struct pdf_sample *s); /* accepts an all-zero one */

/* Keeps a copy of a row. Returns 1 when there are enough rows, 0 when not; -1
 * with *e when the row does not fit into memory. */
int pdf_sample_add(
    struct pdf_sample *s, const struct value *row, struct err *e);
/* Copies the i-th row to `values`, one for each column; the bytes are valid
 * until the next call of pdf_sample_add. */
void pdf_sample_row(const struct pdf_sample *s, int i, struct value *values);

#endif
