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

static inline char *xlsx_put_bytes(char *p, const char *s, size_t n)
{
	if (n > 16) {
		memcpy(p, s, n);
	} else if (n >= 8) {
		memcpy(p, s, 8);
		memcpy(p + n - 8, s + n - 8, 8);
	} else {
		for (size_t i = 0; i < n; i++)
			p[i] = s[i];
	}
	return p + n;
}

static inline char *xlsx_put_unsigned(char *p, uint64_t n)
{
	char digits[20], *d = digits + sizeof(digits);

	do
		*--d = (char)('0' + n % 10);
	while (n /= 10);
	return xlsx_put_bytes(p, d, (size_t)(digits + sizeof(digits) - d));
}

#endif
