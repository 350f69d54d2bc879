/* SPDX-License-Identifier: MIT */
#include "encode/chart/slices.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

/* Returns whether a slice goes to "other" before another one does: the smaller
 * one, or the later one of two that are equal. */
static bool yields(const struct chart_slice *a, const struct chart_slice *b)
{
	return a->value != b->value ? a->value < b->value : a->row > b->row;
}

static void find_least(struct chart_slices *s)
{
	s->least = 0;
	for (int i = 1; i < s->count; i++) {
		if (yields(&s->list[i], &s->list[s->least]))
			s->least = i;
	}
}

/* Moves the smallest slice into the rest; its place is free then. */
static struct chart_slice *merge_least(struct chart_slices *s)
{
	struct chart_slice *slice = &s->list[s->least];

	s->rest += slice->value;
	free(slice->category);
	slice->category = NULL;
	return slice;
}

void chart_slices_add(
    struct chart_slices *s, double value, const struct value *category)
{
	struct chart_slice slice = {
	    .value = isnan(value) ? 0 : value, .row = s->rows++};
	bool full = s->count > CHART_SLICES;

	if (full && yields(&slice, &s->list[s->least])) {
		s->rest += slice.value;
		return;
	}
	if (category != NULL) {
		slice.category_len = category->len;
		if (category->len >= 0)
			slice.category =
			    mem_strndup(category->data, (size_t)category->len);
	}
	*(full ? merge_least(s) : &s->list[s->count++]) = slice;
	if (s->count > CHART_SLICES)
		find_least(s);
}

static int earlier(const void *a, const void *b)
{
	const struct chart_slice *x = a, *y = b;

	return (x->row > y->row) - (x->row < y->row);
}

bool chart_slices_end(struct chart_slices *s)
{
	bool other = s->rows > CHART_SLICES + 1;

	if (other) {
		struct chart_slice *freed = merge_least(s);

		*freed = s->list[--s->count];
	}
	if (s->count > 1)
		qsort(s->list, (size_t)s->count, sizeof(*s->list), earlier);
	return other;
}

void chart_slices_clear(struct chart_slices *s)
{
	for (int i = 0; i < s->count; i++)
		free(s->list[i].category);
	*s = (struct chart_slices){0};
}
