/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PARQUET_RLE_H
#define ENCODE_PARQUET_RLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Packs small numbers as Parquet does ("RLE / Bit-Packing Hybrid" and PLAIN
 * booleans in Encodings.md of apache/parquet-format).
 */

/* Returns the number of bits that hold 0..max; at least 1. */
int rle_width(uint32_t max);

/* Appends numbers as runs of equal numbers and packed groups of 8, whichever is
 * shorter. The numbers are below 2^width. */
void rle_add(struct buf *out, const uint32_t *numbers, size_t n, int width);
/* Does the same for levels, which are bytes. */
void rle_add_levels(
    struct buf *out, const uint8_t *levels, size_t n, int width);

/* Appends numbers, which are 0 and 1, as one bit each, the lowest bit first. */
void rle_add_bits(struct buf *out, const uint8_t *numbers, size_t n);

#endif
