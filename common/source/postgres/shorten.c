/* SPDX-License-Identifier: MIT */
#include "source/postgres/shorten.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Numbers with at most this many digits are exact already: FLT_DIG, DBL_DIG. */
static int sure_digits(int size)
{
	return size == 4 ? FLT_DIG : DBL_DIG;
}

static bool same(const char *a, const char *b, int size)
{
	return size == 4 ? strtof(a, NULL) == strtof(b, NULL)
			 : strtod(a, NULL) == strtod(b, NULL);
}

void shorten_float(struct value *value, int size)
{
	char *text = (char *)(uintptr_t)value->data, shorter[32];
	int sure = sure_digits(size);

	/* NULL, short numbers, NaN and Infinity stay as they are. */
	if (value->len <= sure || strchr(text, 'n') != NULL)
		return;
	for (int digits = sure; digits < sure + 2; digits++) {
		int n = snprintf(shorter, sizeof(shorter), "%.*g", digits,
		    strtod(text, NULL));

		if (n > value->len)
			return;
		if (same(shorter, text, size)) {
			memcpy(text, shorter, (size_t)n + 1);
			value->len = n;
			return;
		}
	}
}
