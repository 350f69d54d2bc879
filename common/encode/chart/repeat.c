/* SPDX-License-Identifier: MIT */
#include "encode/chart/repeat.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "encode/chart/chart.h"

void chart_repeat_add(struct chart_repeat *r, const struct value *category)
{
	if (r->rows == CHART_POINTS)
		return;
	if (r->rows == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 64;
		r->hashes =
		    mem_realloc(r->hashes, (size_t)r->cap, sizeof(*r->hashes));
	}
	r->hashes[r->rows++] =
	    category->len < 0
		? 0
		: hash64(HASH64_BEGIN, category->data, (size_t)category->len);
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void chart_repeat_remark(
    struct chart_repeat *r, const char *category, struct buf *remark)
{
	int apart = r->rows > 0;

	if (r->rows > 1)
		qsort(r->hashes, (size_t)r->rows, sizeof(*r->hashes), compare);
	for (int i = 1; i < r->rows; i++)
		apart += r->hashes[i] != r->hashes[i - 1];
	if (apart < r->rows)
		buf_printf(remark,
		    "%s%d rows of the chart have %d different value%s of "
		    "\"%s\", and each row is drawn: let the query group by it",
		    remark->len ? "; " : "", r->rows, apart,
		    apart == 1 ? "" : "s", category);
}

void chart_repeat_clear(struct chart_repeat *r)
{
	free(r->hashes);
	*r = (struct chart_repeat){0};
}
