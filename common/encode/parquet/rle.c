/* SPDX-License-Identifier: MIT */
#include "encode/parquet/rle.h"

#include <stdbool.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

int rle_width(uint32_t max)
{
	return max < 2 ? 1 : 32 - __builtin_clz(max);
}

static void add_varint(struct buf *out, uint64_t n)
{
	for (; n >= 0x80; n >>= 7)
		buf_char(out, (char)(n | 0x80));
	buf_char(out, (char)n);
}

INLINE uint32_t at(const void *numbers, size_t i, bool levels)
{
	return levels ? ((const uint8_t *)numbers)[i]
		      : ((const uint32_t *)numbers)[i];
}

static void add_run(struct buf *out, uint32_t number, size_t n, int width)
{
	add_varint(out, (uint64_t)n << 1);
	for (int bits = 0; bits < width; bits += 8)
		buf_char(out, (char)(number >> bits));
}

/* Appends packed groups of 8 numbers, the last one filled up with zeros. */
INLINE void add_packed(struct buf *out, const void *numbers, size_t from,
    size_t to, int width, bool levels)
{
	size_t groups = (to - from + 7) / 8;
	uint64_t bits = 0;
	int have = 0;
	char *p, *end;

	add_varint(out, (uint64_t)groups << 1 | 1);
	p = buf_reserve(out, groups * (size_t)width + 8);
	if (p == NULL)
		return;
	for (size_t i = from; i < to; i++) {
		bits |= (uint64_t)at(numbers, i, levels) << have;
		have += width;
		if (have >= 32) {
			memcpy(p, &bits, 4);
			p += 4;
			bits >>= 32;
			have -= 32;
		}
	}
	end = out->data + out->len + groups * (size_t)width;
	memset(p, 0, (size_t)(end + 8 - p));
	memcpy(p, &bits, 8);
	out->len += groups * (size_t)width;
}

INLINE void add(
    struct buf *out, const void *numbers, size_t n, int width, bool levels)
{
	size_t packed = 0; /* first number not written yet */
	size_t i = 0;

	while (i < n) {
		uint32_t number = at(numbers, i, levels);
		size_t end = i + 1;

		while (end < n && at(numbers, end, levels) == number)
			end++;
		if (end - i < 8) {
			i = i + 8 < n ? i + 8 : n;
			continue;
		}
		if (i > packed)
			add_packed(out, numbers, packed, i, width, levels);
		add_run(out, number, end - i, width);
		packed = i = end;
	}
	if (n > packed)
		add_packed(out, numbers, packed, n, width, levels);
}

void rle_add(struct buf *out, const uint32_t *numbers, size_t n, int width)
{
	add(out, numbers, n, width, false);
}

void rle_add_levels(struct buf *out, const uint8_t *levels, size_t n, int width)
{
	add(out, levels, n, width, true);
}

void rle_add_bits(struct buf *out, const uint8_t *numbers, size_t n)
{
	char *p = buf_reserve(out, (n + 7) / 8);

	if (p == NULL)
		return;
	memset(p, 0, (n + 7) / 8);
	for (size_t i = 0; i < n; i++)
		p[i / 8] |= (char)(numbers[i] << (i % 8));
	out->len += (n + 7) / 8;
}
