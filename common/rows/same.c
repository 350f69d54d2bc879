/* SPDX-License-Identifier: MIT */
#include "rows/same.h"

#include <string.h>

#include "rows/interval.h"

/* Leaves out zeros at the end of the fraction, and the sign of 0. */
static struct value same_number(struct value v)
{
	const char *point = memchr(v.data, '.', (size_t)v.len);

	if (point != NULL && memchr(v.data, 'e', (size_t)v.len) == NULL) {
		while (v.data[v.len - 1] == '0')
			v.len--;
		if (v.data[v.len - 1] == '.')
			v.len--;
	}
	if (v.len == 2 && memcmp(v.data, "-0", 2) == 0)
		v = (struct value){v.data + 1, 1};
	return v;
}

/* Writes a length in microseconds as digits from the last to the first. */
static struct value same_interval(const struct value *v, char *room)
{
	struct interval i;
	interval_micros n;
	int len = 0;

	if (!interval_read(&i, v))
		return *v;
	n = interval_order(&i);
	if (n < 0)
		room[len++] = '-';
	do {
		room[len++] = (char)('0' + (int)(n % 10) * (n < 0 ? -1 : 1));
		n /= 10;
	} while (n != 0 && len < SAME_ROOM);
	return (struct value){room, len};
}

struct value value_same(
    enum column_kind kind, const struct value *v, char *room)
{
	if (v->len <= 0)
		return *v;
	switch (kind) {
	case KIND_DECIMAL:
	case KIND_FLOAT:
		return same_number(*v);
	case KIND_INTERVAL:
		return same_interval(v, room);
	default:
		return *v;
	}
}
