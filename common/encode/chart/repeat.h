/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_CHART_REPEAT_H
#define ENCODE_CHART_REPEAT_H

#include <stdint.h>

#include "base/buf.h"
#include "rows/rows.h"

/* Counts the rows of a chart and their different categories, up to CHART_POINTS
 * rows. Begins all zero. */
struct chart_repeat {
	uint64_t *hashes; /* one for each row; NULL values have 0 */
	int rows, cap;
};
void chart_repeat_add(struct chart_repeat *r, const struct value *category);
/* Appends to the remark that rows have the same category, after "; " when the
 * remark is not empty; appends nothing when each row has its own. `category` is
 * the name of the column. */
void chart_repeat_remark(
    struct chart_repeat *r, const char *category, struct buf *remark);
/* Frees what it holds, and begins anew. */
void chart_repeat_clear(struct chart_repeat *r);

#endif
