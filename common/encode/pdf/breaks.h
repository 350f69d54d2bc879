/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_BREAKS_H
#define ENCODE_PDF_BREAKS_H

#include <stdint.h>

/* Says whether a line may end at a place. */
enum {
	NO_BREAK,
	WEAK, /* only if it can end nowhere else */
	STRONG,
};

#define PDF_BREAK_ALWAYS 1
/* The class of capital letters: a line may end between a small letter and a
 * capital one. */
#define PDF_BREAK_CAPITAL 6
extern const uint8_t pdf_breaks[128];

/* Returns the line break class of a character; 0, as for most: no line ends at
 * it. */
static inline int pdf_break_class(uint32_t c)
{
	if (c < 0x80)
		return pdf_breaks[c];
	return c == 0x2010 || c == 0x2013 || c == 0x2014 ? PDF_BREAK_ALWAYS : 0;
}

/* Returns NO_BREAK, WEAK or STRONG for a line end after a character of a class.
 * The character comes after `before` and precedes the text at `next`. */
int pdf_break_after(
    int class, uint32_t before, const char *next, const char *end);

#endif
