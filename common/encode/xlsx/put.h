/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_XLSX_PUT_H
#define ENCODE_XLSX_PUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Copy the parts of a cell in whole words. Each function returns the place
 * after the bytes it wrote, and may write up to 48 bytes beyond that place. */

/* Text that many cells share. The array is longer than the text in it. */
struct xlsx_piece {
	char text[48];
	int len;
};

static inline char *xlsx_put_piece(char *p, const struct xlsx_piece *piece)
{
	memcpy(p, piece->text, 32);
	if (piece->len > 32)
		memcpy(p + 32, piece->text + 32, 16);
	return p + piece->len;
}

#define XLSX_PUT(p, literal) \
	(memcpy((p), (literal), sizeof(literal)), (p) + sizeof(literal) - 1)

/* Copies short texts by two words that overlap. cppcheck takes the bound of each case
 * for a possible length, also with callers whose texts are shorter. */
static inline char *xlsx_put_bytes(char *p, const char *s, size_t n)
{
	if (n > 32) {
		memcpy(p, s, n);
	} else if (n > 16) {
		memcpy(p, s, 16);
		/* cppcheck-suppress pointerOutOfBoundsCond */
		memcpy(p + (n - 16), s + (n - 16), 16);
	} else if (n >= 8) {
		memcpy(p, s, 8);
		/* cppcheck-suppress pointerOutOfBoundsCond */
		memcpy(p + (n - 8), s + (n - 8), 8);
	} else if (n >= 4) {
		memcpy(p, s, 4);
		memcpy(p + (n - 4), s + (n - 4), 4);
	} else if (n > 0) {
		p[0] = s[0];
		p[n / 2] = s[n / 2];
		p[n - 1] = s[n - 1];
	}
	return p + n;
}

/* Writes each digit to its place. A copy of digits made elsewhere would be slow: a
 * processor waits when it reads in words what it has just stored in bytes. */
static inline char *xlsx_put_unsigned(char *p, uint32_t n)
{
	char *end = p + 1;

	for (uint64_t limit = 10; n >= limit; limit *= 10)
		end++;
	for (char *d = end; d > p; n /= 10)
		*--d = (char)('0' + n % 10);
	return end;
}

#endif
