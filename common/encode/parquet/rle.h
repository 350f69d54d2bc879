/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PARQUET_RLE_H
#define ENCODE_PARQUET_RLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Small numbers as Parquet packs them ("RLE / Bit-Packing Hybrid" and PLAIN
 * booleans in Encodings.md of apache/parquet-format).
 */

/* Bits that hold 0..max; at least 1. */
int rle_width(uint32_t max);

/* Runs of equal numbers and packed groups of 8, whichever is shorter. The
 * numbers are below 2^width. */
void rle_add(struct buf *out, const uint32_t *numbers, size_t n, int width);
/* The same for levels. */
void rle_add_levels(
    struct buf *out, const uint8_t *levels, size_t n, int width);

/* One bit each, the lowest first; the numbers are 0 and 1. */
void rle_add_bits(struct buf *out, const uint8_t *numbers, size_t n);

#endif
