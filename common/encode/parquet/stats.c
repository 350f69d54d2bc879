/* SPDX-License-Identifier: MIT */
#include "encode/parquet/stats.h"

#include <math.h>
#include <string.h>

static bool is_real(const struct parquet_type *type)
{
	return type->physical == PARQUET_FLOAT ||
	       type->physical == PARQUET_DOUBLE;
}

static double real_of(const struct parquet_type *type, int64_t word)
{
	uint32_t half = (uint32_t)word;
	double d;
	float f;

	if (type->physical == PARQUET_FLOAT) {
		memcpy(&f, &half, 4);
		return (double)f;
	}
	memcpy(&d, &word, 8);
	return d;
}

static void reals(struct parquet_stats *s, const struct parquet_type *type,
    const int64_t *words, int n)
{
	for (int i = 0; i < n; i++) {
		double d = real_of(type, words[i]);

		if (isnan(d)) {
			s->nans++;
			continue;
		}
		if (!s->any)
			s->min.real = s->max.real = d;
		s->any = true;
		s->min.real = d < s->min.real ? d : s->min.real;
		s->max.real = d > s->max.real ? d : s->max.real;
	}
}

void parquet_stats_words(struct parquet_stats *s,
    const struct parquet_type *type, const int64_t *words, int n)
{
	int64_t min, max;

	if (n == 0)
		return;
	if (is_real(type)) {
		reals(s, type, words, n);
		return;
	}
	min = s->any ? s->min.word : words[0];
	max = s->any ? s->max.word : words[0];
	for (int i = 0; i < n; i++) {
		min = words[i] < min ? words[i] : min;
		max = words[i] > max ? words[i] : max;
	}
	s->any = true;
	s->min.word = min;
	s->max.word = max;
}

static int compare(
    const struct parquet_bound *b, const unsigned char *data, size_t len)
{
	int order = memcmp(b->data, data, b->len < len ? b->len : len);

	return order != 0 ? order : (b->len > len) - (b->len < len);
}

static void set(
    struct parquet_bound *b, const unsigned char *data, size_t len, bool cut)
{
	memcpy(b->data, data, len);
	b->len = len;
	b->cut = cut;
}

void parquet_stats_ref(struct parquet_stats *s, const struct parquet_type *type,
    const struct value *ref)
{
	bool cut = ref->len > STATS_BYTES;
	size_t len = cut ? STATS_BYTES : (size_t)ref->len;
	const unsigned char *data = (const unsigned char *)ref->data;
	unsigned char signed_data[16];
	int order;

	/* With the sign bit flipped, negative decimals sort first. */
	if (type->kind == KIND_DECIMAL) {
		memcpy(signed_data, data, len);
		signed_data[0] ^= 0x80;
		data = signed_data;
	}
	if (!s->any || compare(&s->least, data, len) > 0)
		set(&s->least, data, len, cut);
	order = s->any ? compare(&s->greatest, data, len) : -1;
	if (order < 0)
		set(&s->greatest, data, len, cut);
	else if (order == 0)
		s->greatest.cut |= cut;
	s->any = true;
}

static bool is_text(const struct parquet_type *type)
{
	return type->physical == PARQUET_BYTE_ARRAY && type->kind != KIND_BYTES;
}

/* Cuts a bound to whole characters. */
static void cut_text(struct parquet_bound *b)
{
	size_t n = b->len, more;
	unsigned char lead;

	while (n > 0 && (b->data[n - 1] & 0xC0) == 0x80)
		n--;
	if (n == 0)
		return; /* not UTF-8 */
	lead = b->data[n - 1];
	more = lead < 0xC0 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
	if (n + more > b->len)
		b->len = n - 1;
}

/* Replaces the character at s, of len bytes, by the next greater one. Returns
 * false when there is none of the same length. */
static bool next_character(unsigned char *s, size_t len)
{
	if (len == 1)
		return s[0] < 0x7F && ++s[0];
	for (size_t i = len; i-- > 1;) {
		if (s[i] < 0xBF) {
			s[i]++;
			return true;
		}
		s[i] = 0x80;
	}
	/* Surrogates (ED A0..) and codes beyond U+10FFFF (F4 90..) are no
	 * characters. */
	if (s[0] == (len == 2 ? 0xDF : len == 3 ? 0xEF : 0xF4))
		return false;
	s[0]++;
	return true;
}

static bool valid_character(const unsigned char *s)
{
	return !(s[0] == 0xED && s[1] >= 0xA0) &&
	       !(s[0] == 0xF4 && s[1] >= 0x90);
}

/* Raises a bound that was cut above all strings that begin with it; false when
 * no string is. */
static bool raise_bound(struct parquet_bound *b, bool text)
{
	while (b->len > 0) {
		size_t at = b->len - 1;

		while (text && at > 0 && (b->data[at] & 0xC0) == 0x80)
			at--;
		if (text ? next_character(b->data + at, b->len - at) &&
			       valid_character(b->data + at)
			 : ++b->data[at] != 0)
			return true;
		b->len = at;
	}
	return false;
}

static void add_bound(struct thrift *t, int field,
    const struct parquet_type *type, struct parquet_bound b)
{
	if (type->kind == KIND_DECIMAL)
		b.data[0] ^= 0x80;
	thrift_binary(t, field, b.data, b.len);
}

static void add_refs(const struct parquet_stats *s,
    const struct parquet_type *type, struct thrift *t)
{
	struct parquet_bound least = s->least, greatest = s->greatest;
	bool known = true;

	if (least.cut && is_text(type))
		cut_text(&least);
	if (greatest.cut) {
		if (is_text(type))
			cut_text(&greatest);
		known = raise_bound(&greatest, is_text(type));
	}
	if (known)
		add_bound(t, 5, type, greatest);
	add_bound(t, 6, type, least);
	if (known)
		thrift_bool(t, 7, !greatest.cut);
	thrift_bool(t, 8, !least.cut);
}

/* Writes the bounds of floats. A zero gets the sign that keeps both zeros
 * inside of the bounds. With a NaN, which some readers order above all numbers,
 * there are no bounds that all readers understand alike. */
static void add_reals(const struct parquet_stats *s,
    const struct parquet_type *type, struct thrift *t)
{
	double min = s->min.real == 0 ? -0.0 : s->min.real;
	double max = s->max.real == 0 ? 0.0 : s->max.real;

	if (s->nans == 0 && type->physical == PARQUET_FLOAT) {
		float least = (float)min, greatest = (float)max;

		thrift_binary(t, 5, &greatest, 4);
		thrift_binary(t, 6, &least, 4);
	} else if (s->nans == 0) {
		thrift_binary(t, 5, &max, 8);
		thrift_binary(t, 6, &min, 8);
	}
}

void parquet_stats_add(const struct parquet_stats *s,
    const struct parquet_type *type, int64_t nulls, struct thrift *t, int field)
{
	thrift_struct(t, field);
	thrift_i64(t, 3, nulls);
	if (s->any && is_real(type)) {
		add_reals(s, type, t);
	} else if (s->any && parquet_is_word(type)) {
		/* Numbers are little-endian, so a short one is the front of a
		 * long one. */
		thrift_binary(t, 5, &s->max.word, (size_t)type->width);
		thrift_binary(t, 6, &s->min.word, (size_t)type->width);
	} else if (s->any) {
		add_refs(s, type, t);
	}
	if (is_real(type))
		thrift_i64(t, 9, s->nans);
	thrift_end(t);
}
