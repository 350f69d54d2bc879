/* SPDX-License-Identifier: MIT */
#include "encode/table/order.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rows/calendar.h"
#include "rows/interval.h"
#include "rows/moment.h"

__extension__ typedef __int128 wide;

enum order_rank order_rank(const struct value *v)
{
	if (v->len >= 3 && v->data[0] == 'N')
		return ORDER_NAN;
	if (v->len >= 8 && memcmp(v->data + v->len - 5, "inity", 5) == 0)
		return v->data[0] == '-' ? ORDER_MINUS : ORDER_PLUS;
	return ORDER_FINITE;
}

double order_float(const struct value *v)
{
	char text[64];

	snprintf(text, sizeof(text), "%.*s", (int)v->len, v->data);
	return strtod(text, NULL);
}

static int compare_decimals(const struct value *a, const struct value *b)
{
	const struct value *v[2] = {a, b};
	const char *at[2], *end[2];
	long whole[2];
	bool negative[2];
	int r = 0;

	for (int i = 0; i < 2; i++) {
		at[i] = v[i]->data;
		end[i] = at[i] + v[i]->len;
		negative[i] = *at[i] == '-';
		at[i] += negative[i];
		while (at[i] < end[i] && *at[i] == '0')
			at[i]++;
		whole[i] = 0;
		while (at[i] + whole[i] < end[i] && at[i][whole[i]] != '.')
			whole[i]++;
	}
	if (negative[0] != negative[1])
		return negative[0] ? -1 : 1;
	if (whole[0] != whole[1])
		r = whole[0] < whole[1] ? -1 : 1;
	while (r == 0 && (at[0] < end[0] || at[1] < end[1])) {
		char x = at[0] < end[0] ? *at[0]++ : '0';
		char y = at[1] < end[1] ? *at[1]++ : '0';

		/* the other value has no more digits */
		if (x == '.' || y == '.')
			continue;
		r = (x > y) - (x < y);
	}
	return negative[0] ? -r : r;
}

/* Returns the instant in microseconds, in UTC when the value has an offset. */
static wide instant(enum column_kind kind, const struct value *v)
{
	struct moment m;
	int64_t days = 0;

	if (!moment_read(kind, v, &m))
		return 0;
	if (kind != KIND_TIME && kind != KIND_TIMETZ)
		days = calendar_days(
		    m.year, (unsigned int)m.month, (unsigned int)m.day);
	return ((wide)days * 86400 + m.hour * 3600 + m.minute * 60 + m.second -
		   m.offset) *
		   1000000 +
	       m.micros;
}

static wide order(enum column_kind kind, const struct value *v)
{
	struct interval i;

	if (kind != KIND_INTERVAL)
		return instant(kind, v);
	return interval_read(&i, v) ? interval_order(&i) : 0;
}

int order_compare(
    enum column_kind kind, const struct value *a, const struct value *b)
{
	int ra = order_rank(a), rb = order_rank(b);

	if (ra != rb || ra != ORDER_FINITE)
		return (ra > rb) - (ra < rb);
	if (kind == KIND_INTEGER || kind == KIND_DECIMAL)
		return compare_decimals(a, b);
	if (kind == KIND_FLOAT) {
		double x = order_float(a), y = order_float(b);

		return (x > y) - (x < y);
	}
	wide x = order(kind, a), y = order(kind, b);

	return (x > y) - (x < y);
}
