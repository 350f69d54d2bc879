/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_BREAKS_H
#define ENCODE_PDF_BREAKS_H

#include <stdint.h>

/* Where a line may end. */
enum {
	NO_BREAK,
	WEAK, /* when it can end nowhere else */
	STRONG,
};

#define PDF_BREAK_ALWAYS 1
/* A capital letter, in front of which a line may end after a small one. */
#define PDF_BREAK_CAPITAL 6
extern const uint8_t pdf_breaks[128];

/* What a character has to do with the ends of lines; 0, as most have: nothing. */
static inline int pdf_break_class(uint32_t c)
{
	if (c < 0x80)
		return pdf_breaks[c];
	return c == 0x2010 || c == 0x2013 || c == 0x2014 ? PDF_BREAK_ALWAYS : 0;
}

/* Whether a line may end after a character of a class, which comes after `before`
 * and in front of the text at `next`. */
int pdf_break_after(
    int class, uint32_t before, const char *next, const char *end);

#endif
