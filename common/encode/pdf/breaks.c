/* SPDX-License-Identifier: MIT */
#include "encode/pdf/breaks.h"

#include <stdbool.h>

/* Line break classes of ASCII characters; letters but capitals, and digits,
 * have none. Digits after the character belong to the same number or date; "-"
 * is a sign unless it follows a letter or digit. */
enum {
	ALWAYS = PDF_BREAK_ALWAYS,
	UNLESS_DIGIT, /* weak before a digit, else strong */
	HYPHEN,       /* the same if after a letter or digit */
	WEAKLY,
	WEAKLY_UNLESS_DIGIT, /* no line end before a digit, else weak */
	CAPITAL =
	    /* line may end before it after a small letter: customerName */
	PDF_BREAK_CAPITAL,
};
#define SEVEN(c, of)                                                      \
	[c] = (of), [(c) + 1] = (of), [(c) + 2] = (of), [(c) + 3] = (of), \
	[(c) + 4] = (of), [(c) + 5] = (of), [(c) + 6] = (of)
const uint8_t pdf_breaks[128] = {
    [' '] = ALWAYS,
    ['\t'] = ALWAYS,
    ['_'] = ALWAYS,
    ['/'] = UNLESS_DIGIT,
    [','] = UNLESS_DIGIT,
    [';'] = UNLESS_DIGIT,
    ['-'] = HYPHEN,
    ['?'] = WEAKLY,
    ['&'] = WEAKLY,
    ['='] = WEAKLY,
    ['|'] = WEAKLY,
    ['@'] = WEAKLY,
    ['\\'] = WEAKLY,
    [')'] = WEAKLY,
    [']'] = WEAKLY,
    ['}'] = WEAKLY,
    ['>'] = WEAKLY,
    ['.'] = WEAKLY_UNLESS_DIGIT,
    [':'] = WEAKLY_UNLESS_DIGIT,
    SEVEN('A', CAPITAL),
    SEVEN('H', CAPITAL),
    SEVEN('O', CAPITAL),
    ['V'] = CAPITAL,
    ['W'] = CAPITAL,
    ['X'] = CAPITAL,
    ['Y'] = CAPITAL,
    ['Z'] = CAPITAL,
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(uint32_t c)
{
	return c >= 0x80 || is_digit((char)c) ||
	       ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

int pdf_break_after(
    int class, uint32_t before, const char *next, const char *end)
{
	bool digit = next < end && is_digit(*next);

	switch (class) {
	case ALWAYS:
		return STRONG;
	case HYPHEN:
		if (!is_word(before))
			return NO_BREAK;
		/* fall through */
	case UNLESS_DIGIT:
		return digit ? WEAK : STRONG;
	case WEAKLY:
		return WEAK;
	case WEAKLY_UNLESS_DIGIT:
		return digit ? NO_BREAK : WEAK;
	default:
		return NO_BREAK;
	}
}
