/* SPDX-License-Identifier: MIT */
#include "rows/money.h"

#include <string.h>

#define DIGITS "0123456789"

/* Returns the first digit of s; *end is set to the place after the last
 * digit. */
static const char *core(const char *s, size_t len, const char **end)
{
	const char *first = s, *last = s + len;

	while (first < last && strchr(DIGITS, *first) == NULL)
		first++;
	while (last > first && strchr(DIGITS, last[-1]) == NULL)
		last--;
	*end = last;
	return first;
}

/* Says whether the text around the digits is the same as in the sample. */
static bool looks_like(const char *sample, const struct value *v)
{
	const char *end, *sample_end, *v_end = v->data + v->len;
	const char *first = core(v->data, (size_t)v->len, &end);
	const char *sample_first = core(sample, strlen(sample), &sample_end);
	size_t before = (size_t)(sample_first - sample);
	size_t after = strlen(sample_end);

	return end > first && (size_t)(first - v->data) == before &&
	       (size_t)(v_end - end) == after &&
	       memcmp(v->data, sample, before) == 0 &&
	       memcmp(end, sample_end, after) == 0;
}

bool money_read(const struct money *m, const struct value *v,
    char to[MONEY_MAX], struct value *out)
{
	bool positive = looks_like(m->positive, v);
	char *p = to;
	int left = 0;

	if (v->len >= MONEY_MAX - 2 ||
	    (!positive && !looks_like(m->negative, v)))
		return false;
	for (int i = 0; i < v->len; i++)
		left += v->data[i] >= '0' && v->data[i] <= '9';
	if (left <= m->scale)
		return false;
	if (!positive)
		*p++ = '-';
	for (int i = 0; i < v->len; i++) {
		if (v->data[i] < '0' || v->data[i] > '9')
			continue;
		if (left-- == m->scale)
			*p++ = '.';
		*p++ = v->data[i];
	}
	*p = '\0';
	*out = (struct value){to, (int32_t)(p - to)};
	return true;
}

void money_write(const struct money *m, const char *decimal, struct buf *out)
{
	const char *sample = *decimal == '-' ? m->negative : m->positive;
	const char *at, *end;
	long ahead; /* digits of the number for which the sample has no place */

	decimal += *decimal == '-';
	ahead = (long)strcspn(decimal, ".") - (MONEY_DIGITS - m->scale);
	at = core(sample, strlen(sample), &end);
	buf_add(out, sample, (size_t)(at - sample));
	for (; ahead > 0; ahead--)
		buf_char(out, *decimal++);
	for (bool begun = ahead == 0; at < end; at++) {
		bool digit = strchr(DIGITS, *at) != NULL;

		if (digit && ahead < 0) {
			ahead++;
			continue;
		}
		if (digit) {
			decimal += *decimal == '.';
			buf_char(out, *decimal ? *decimal++ : '0');
			begun = true;
		} else if (begun) {
			buf_char(out, *at);
		}
	}
	buf_str(out, end);
}
