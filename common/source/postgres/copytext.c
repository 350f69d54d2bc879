/* SPDX-License-Identifier: MIT */
#include "source/postgres/copytext.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static char unescaped(char c)
{
	switch (c) {
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	case 'v':
		return '\v';
	default:
		return c;
	}
}

/* Unescapes the field from its first backslash, at `from`, to `end`; returns
 * the new end. */
static char *unescape(char *from, const char *end)
{
	char *to = from;
	const char *s = from;

	while (s < end) {
		const char *next;

		/* The server never sends a lone backslash at the end of a
		 * field. */
		*to++ = unescaped(s + 1 < end ? s[1] : '\\');
		s += 2;
		if (s >= end)
			break;
		next = memchr(s, '\\', (size_t)(end - s));
		if (next == NULL)
			next = end;
		memmove(to, s, (size_t)(next - s));
		to += next - s;
		s = next;
	}
	return to;
}

/* Makes the value of the field from s to stop; `escape` is its first backslash,
 * or NULL. */
static struct value field(char *s, char *stop, char *escape)
{
	if (escape == s && stop - s == 2 && s[1] == 'N')
		return (struct value){"", -1};
	if (escape != NULL)
		stop = unescape(escape, stop);
	*stop = '\0';
	return (struct value){s, (int32_t)(stop - s)};
}

int copytext_row(
    char *row, size_t len, struct value *values, int columns, struct err *e)
{
	char *s = row, *end = row + len - (len > 0 && row[len - 1] == '\n');
	char *escape = memchr(s, '\\', (size_t)(end - s));

	for (int i = 0; i < columns; i++) {
		char *tab = memchr(s, '\t', (size_t)(end - s));
		char *stop = tab ? tab : end;

		if ((tab == NULL) != (i == columns - 1))
			return err_set(e, ERR_PERMANENT,
			    "COPY gave a row that has not %d columns", columns);
		if (stop - s > INT32_MAX)
			return err_set(e, ERR_PERMANENT,
			    "a value in column %d is larger than 2 GB", i + 1);
		if (escape == NULL || escape > stop) {
			values[i] = field(s, stop, NULL);
		} else {
			values[i] = field(s, stop, escape);
			escape = memchr(stop, '\\', (size_t)(end - stop));
		}
		s = stop + 1;
	}
	return 0;
}
