/* SPDX-License-Identifier: MIT */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stdint.h>

/* Returns the character at *s, in valid UTF-8, and moves *s past it. A sequence
 * that `end` cuts off counts as one character. */
static inline uint32_t utf8_next(const char **s, const char *end)
{
	uint32_t c = (unsigned char)*(*s)++;
	int more = c < 0xC0 ? 0 : c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;

	if (more > 0)
		c &= 0x3Fu >> more;
	while (more-- > 0 && *s < end)
		c = c << 6 | ((unsigned char)*(*s)++ & 0x3F);
	return c;
}

/* Says whether the code has no visible form: control characters, except tabs
 * and line breaks, and codes that are not characters. UTF8_MARK is shown
 * instead. */
static inline bool utf8_is_control(uint32_t c)
{
	return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') ||
	       (c >= 0x7F && c < 0xA0) || (c & 0xFFFE) == 0xFFFE ||
	       (c >= 0xFDD0 && c <= 0xFDEF);
}
#define UTF8_MARK 0xFFFDu

#endif
