/* SPDX-License-Identifier: MIT */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/*
 * FNV-1a, for tables and marks that nobody attacks: it is quick for short
 * texts, and has no secret. The draft of the IETF "The FNV Non-Cryptographic
 * Hash Algorithm" has the constants. A text in several pieces: the hash of one
 * piece is the start value for the next.
 */
#define HASH32_BEGIN UINT32_C(2166136261)
#define HASH64_BEGIN UINT64_C(0xCBF29CE484222325)

static inline uint32_t hash32(uint32_t begin, const void *data, size_t len)
{
	const unsigned char *at = data;

	for (size_t i = 0; i < len; i++)
		begin = (begin ^ at[i]) * UINT32_C(16777619);
	return begin;
}

static inline uint64_t hash64(uint64_t begin, const void *data, size_t len)
{
	const unsigned char *at = data;

	for (size_t i = 0; i < len; i++)
		begin = (begin ^ at[i]) * UINT64_C(0x100000001B3);
	return begin;
}

#endif
