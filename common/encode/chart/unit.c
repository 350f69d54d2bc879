/* SPDX-License-Identifier: MIT */
#include "encode/chart/unit.h"

#include <string.h>

#include "rows/moment.h"

#define DATE_LEN 10 /* of 2026-03-29 */
#define TIME_LEN 8  /* of 14:00:00 */

/* Returns the offset of the time in a text of a kind. */
static size_t time_at(enum column_kind kind)
{
	return kind_has_date(kind) ? DATE_LEN + 1 : 0;
}

/* Returns whether a text has the shape of 2026-03-29 14:00:00, as far as its
 * kind has these parts. */
static bool is_plain(enum column_kind kind, const struct value *v)
{
	const char *s = v->data, *rest;
	size_t len = (size_t)v->len;

	if (kind == KIND_TIMESTAMPTZ || kind == KIND_TIMETZ)
		len = moment_without_offset(kind, v, &rest);
	if (kind_has_date(kind) &&
	    (len < DATE_LEN || s[4] != '-' || s[7] != '-'))
		return false;
	if (kind != KIND_DATE && len < time_at(kind) + TIME_LEN)
		return false;
	return v->len < 3 || memcmp(s + v->len - 3, " BC", 3) != 0;
}

void chart_unit_add(
    struct chart_unit *u, enum column_kind kind, const struct value *v)
{
	size_t time = time_at(kind);

	u->rows++;
	if (v->len < 0)
		return;
	u->any = true;
	if (!is_plain(kind, v)) {
		u->odd = true;
		return;
	}
	if (kind != KIND_DATE) {
		u->second |= memcmp(v->data + time + 5, ":00", 3) != 0;
		u->minute |= memcmp(v->data + time, "00:00", 5) != 0;
	}
	if (kind_has_date(kind)) {
		u->day |= memcmp(v->data + 7, "-01", 3) != 0;
		u->month |= memcmp(v->data + 4, "-01", 3) != 0;
	}
}

size_t chart_unit_length(const struct chart_unit *u, enum column_kind kind)
{
	size_t time = time_at(kind);

	if (!u->any || u->odd)
		return 0;
	if (u->second)
		return time + TIME_LEN;
	if (u->minute || !kind_has_date(kind))
		return time + 5;
	if (u->day || u->rows < 2)
		return DATE_LEN;
	return u->month ? 7 : 4;
}
