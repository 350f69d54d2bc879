/* SPDX-License-Identifier: MIT */
#include "rows/dictionary.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define SLOTS_MIN 64
#define VALUES_MAX ((size_t)2 << 30)

__extension__ typedef unsigned __int128 uint128;

void dictionary_open(struct dictionary *d)
{
	*d = (struct dictionary){.mask = SLOTS_MIN - 1};
	d->slots = mem_zalloc(SLOTS_MIN * sizeof(*d->slots));
	buf_init(&d->values, VALUES_MAX);
	buf_init(&d->ends, VALUES_MAX);
}

void dictionary_close(struct dictionary *d)
{
	free(d->slots);
	buf_free(&d->values);
	buf_free(&d->ends);
}

void dictionary_clear(struct dictionary *d)
{
	if (d->count == 0)
		return;
	dictionary_close(d);
	dictionary_open(d);
}

/* Mixes two words by folded multiplication, as wyhash does. */
static inline uint64_t mix(uint64_t a, uint64_t b)
{
	uint128 r =
	    (uint128)(a ^ 0x9E3779B97F4A7C15u) * (b ^ 0xD6E8FEB86659FD93u);

	return (uint64_t)r ^ (uint64_t)(r >> 64);
}

static inline uint64_t load(const char *s, size_t n)
{
	uint64_t word = 0;

	memcpy(&word, s, n);
	return word;
}

static inline uint64_t hash_bytes(const char *s, size_t len)
{
	uint64_t h = len;

	if (len < 8) {
		uint64_t low = len >= 4  ? load(s, 4)
			       : len > 0 ? (unsigned char)s[0]
					 : 0;
		uint64_t high = len >= 4 ? load(s + len - 4, 4)
				: len > 0
				    ? (uint64_t)(unsigned char)s[len / 2] << 8 |
					  (unsigned char)s[len - 1]
				    : 0;

		return mix(low | high << 32, h);
	}
	for (size_t i = 0; i + 8 < len; i += 8)
		h = mix(load(s + i, 8), h);
	return mix(load(s + len - 8, 8), h);
}

static void grow(struct dictionary *d)
{
	size_t count = (d->mask + 1) * 2;
	uint64_t *old = d->slots;
	size_t n = d->mask + 1;

	d->slots = mem_zalloc(count * sizeof(*d->slots));
	d->mask = count - 1;
	for (size_t i = 0; i < n; i++) {
		size_t at = (size_t)(old[i] >> 32) & d->mask;

		if (old[i] == 0)
			continue;
		while (d->slots[at] != 0)
			at = (at + 1) & d->mask;
		d->slots[at] = old[i];
	}
	free(old);
}

/* Takes a free slot. The table grows when it would become more than half
 * full. */
static uint32_t take(struct dictionary *d, size_t at, uint64_t tag)
{
	d->slots[at] = tag | ++d->count;
	if (d->count * 2 > d->mask)
		grow(d);
	return (uint32_t)d->count - 1;
}

uint32_t dictionary_word(struct dictionary *d, int64_t word)
{
	uint64_t tag = mix((uint64_t)word, 8) & ~(uint64_t)UINT32_MAX;
	size_t at = (size_t)(tag >> 32) & d->mask;

	for (; d->slots[at] != 0; at = (at + 1) & d->mask) {
		uint32_t index = (uint32_t)d->slots[at] - 1;

		if (((d->slots[at] ^ tag) >> 32) == 0 &&
		    dictionary_word_at(d, index) == word)
			return index;
	}
	buf_add(&d->values, &word, sizeof(word));
	return take(d, at, tag);
}

/* Returns the slot of the value, or the free slot that it would take. */
static size_t slot_of(
    const struct dictionary *d, const struct value *v, uint64_t tag)
{
	size_t at = (size_t)(tag >> 32) & d->mask;

	for (; d->slots[at] != 0; at = (at + 1) & d->mask) {
		uint32_t index = (uint32_t)d->slots[at] - 1;
		struct value known;

		if (((d->slots[at] ^ tag) >> 32) != 0)
			continue;
		known = dictionary_bytes_at(d, index);
		if (known.len == v->len &&
		    memcmp(known.data, v->data, (size_t)v->len) == 0)
			break;
	}
	return at;
}

static uint64_t tag_of(const struct value *v)
{
	return hash_bytes(v->data, (size_t)v->len) & ~(uint64_t)UINT32_MAX;
}

uint32_t dictionary_bytes(struct dictionary *d, const struct value *v)
{
	uint64_t tag = tag_of(v);
	size_t at = slot_of(d, v, tag), end;

	if (d->slots[at] != 0)
		return (uint32_t)d->slots[at] - 1;
	buf_add(&d->values, v->data, (size_t)v->len);
	end = d->values.len;
	buf_add(&d->ends, &end, sizeof(end));
	return take(d, at, tag);
}

uint32_t dictionary_find(const struct dictionary *d, const struct value *v)
{
	uint64_t slot = d->slots[slot_of(d, v, tag_of(v))];

	return slot != 0 ? (uint32_t)slot - 1 : (uint32_t)d->count;
}

int64_t dictionary_word_at(const struct dictionary *d, size_t index)
{
	return ((const int64_t *)(const void *)d->values.data)[index];
}

struct value dictionary_bytes_at(const struct dictionary *d, size_t index)
{
	const size_t *ends = (const size_t *)(const void *)d->ends.data;
	size_t from = index > 0 ? ends[index - 1] : 0;

	return (struct value){
	    d->values.data + from, (int32_t)(ends[index] - from)};
}
