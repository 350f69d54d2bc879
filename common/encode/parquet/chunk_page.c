/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "encode/parquet/chunk_parts.h"
#include "encode/parquet/rle.h"
#include "encode/parquet/text.h"

/* ---- values ---- */

static void add_plain_words(
    struct parquet_chunk *c, const int64_t *words, size_t n)
{
	size_t width = (size_t)c->type->width;
	char *p = buf_reserve(&c->plain, n * width);

	if (p == NULL)
		return;
	if (width == 8) {
		memcpy(p, words, n * 8);
	} else if (width == 4) {
		for (size_t i = 0; i < n; i++)
			memcpy(p + 4 * i, &words[i], 4);
	} else {
		for (size_t i = 0; i < n; i++)
			p[i] = (char)words[i];
	}
	c->plain.len += n * width;
}

static void add_plain_ref(struct parquet_chunk *c, const struct value *ref)
{
	uint32_t len = (uint32_t)ref->len;

	if (c->type->width == 0)
		buf_add(&c->plain, &len, 4);
	buf_add(&c->plain, ref->data, len);
}

/* Appends the indices of words. Neighbours are often equal, so the index before
 * is reused for an equal value. */
static void index_words(struct parquet_chunk *c, const int64_t *words, size_t n)
{
	char *p = buf_reserve(&c->indices, n * 4);
	uint32_t index = 0;

	if (p == NULL)
		return;
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || words[i] != words[i - 1])
			index = dictionary_word(&c->dictionary, words[i]);
		memcpy(p + 4 * i, &index, 4);
	}
	c->indices.len += n * 4;
}

static void index_refs(
    struct parquet_chunk *c, const struct value *refs, size_t n)
{
	char *p = buf_reserve(&c->indices, n * 4);

	if (p == NULL)
		return;
	for (size_t i = 0; i < n; i++) {
		size_t known = c->dictionary.count;
		uint32_t index = dictionary_bytes(&c->dictionary, &refs[i]);

		if (index == known)
			parquet_stats_ref(&c->stats, c->type, &refs[i]);
		memcpy(p + 4 * i, &index, 4);
	}
	c->indices.len += n * 4;
}

static int add_words(
    struct parquet_chunk *c, const struct parquet_cells *cells, struct err *e)
{
	int64_t *words = c->pages->words;
	int n = parquet_text_words(c->type, cells, words, e);

	if (n < 0)
		return -1;
	parquet_stats_words(&c->stats, c->type, words, n);
	if (c->with_dictionary)
		index_words(c, words, (size_t)n);
	else
		add_plain_words(c, words, (size_t)n);
	return n;
}

static int add_refs(
    struct parquet_chunk *c, const struct parquet_cells *cells, struct err *e)
{
	struct value *refs = c->pages->refs;
	int n = parquet_text_refs(c->type, cells, refs, &c->pages->scratch, e);

	if (n < 0)
		return -1;
	if (c->with_dictionary) {
		index_refs(c, refs, (size_t)n);
		return n;
	}
	for (int i = 0; i < n; i++) {
		parquet_stats_ref(&c->stats, c->type, &refs[i]);
		add_plain_ref(c, &refs[i]);
	}
	return n;
}

int parquet_chunk_values(struct parquet_chunk *c, const struct value *values,
    int step, int count, uint8_t present, struct err *e)
{
	struct parquet_cells cells = {values, step, count, NULL, present};
	int n;

	cells.levels = (uint8_t *)buf_reserve(&c->levels, (size_t)count);
	if (cells.levels == NULL)
		return err_set(e, ERR_PERMANENT,
		    "Parquet: column \"%s\": too many values in one row",
		    c->type->name);
	n = parquet_is_word(c->type) ? add_words(c, &cells, e)
				     : add_refs(c, &cells, e);
	if (n < 0)
		return -1;
	c->levels.len += (size_t)count;
	c->nulls += (size_t)(count - n);
	return 0;
}

/* ---- pages ---- */

static size_t indices_count(const struct parquet_chunk *c)
{
	return c->indices.len / 4;
}

static uint32_t index_at(const struct parquet_chunk *c, size_t i)
{
	return ((const uint32_t *)(const void *)c->indices.data)[i];
}

/* Returns whether the dictionary saves bytes: in the first page each distinct
 * value must stand for at least two. */
static bool pays(const struct parquet_chunk *c)
{
	return c->dictionary_pages > 0 ||
	       c->dictionary.count * 2 <= indices_count(c);
}

/* Returns whether the page uses the dictionary; a page of only NULLs does
 * not. */
static bool uses_dictionary(const struct parquet_chunk *c)
{
	return c->indices.len > 0;
}

/* Replaces the indices by the values and drops the dictionary, which no
 * finished page uses yet. */
static void make_plain(struct parquet_chunk *c)
{
	for (size_t i = 0; i < indices_count(c); i++) {
		uint32_t index = index_at(c, i);

		if (parquet_is_word(c->type)) {
			int64_t word =
			    dictionary_word_at(&c->dictionary, index);

			add_plain_words(c, &word, 1);
		} else {
			struct value ref =
			    dictionary_bytes_at(&c->dictionary, index);

			add_plain_ref(c, &ref);
		}
	}
	buf_free(&c->indices);
	dictionary_clear(&c->dictionary);
	c->with_dictionary = false;
}

/* Appends the levels of a version 1 page: their length, then the hybrid
 * encoding. */
static void add_levels(struct buf *body, const struct buf *levels, int width)
{
	size_t at = body->len + 4;
	uint32_t len = 0;

	buf_add(body, &len, 4);
	rle_add_levels(body, (const uint8_t *)levels->data, levels->len, width);
	if (body->overflow)
		return;
	len = (uint32_t)(body->len - at);
	memcpy(body->data + at - 4, &len, 4);
}

static void add_body(struct parquet_chunk *c, struct buf *body)
{
	if (c->type->list)
		add_levels(body, &c->repetition, 1);
	add_levels(body, &c->levels, c->type->list ? 2 : 1);
	if (uses_dictionary(c)) {
		int width = rle_width((uint32_t)c->dictionary.count - 1);

		buf_char(body, (char)width);
		rle_add(body, (const uint32_t *)(const void *)c->indices.data,
		    indices_count(c), width);
	} else if (c->type->physical == PARQUET_BOOLEAN) {
		rle_add_bits(
		    body, (const uint8_t *)c->plain.data, c->plain.len);
	} else {
		buf_add(body, c->plain.data, c->plain.len);
	}
}

/* Empties a buffer. The memory of one that held a huge value is freed. */
static void empty(struct buf *b, const struct parquet_pages *pages)
{
	if (b->cap > 4 * pages->page_bytes)
		buf_free(b);
	else
		buf_clear(b);
}

int parquet_chunk_page(struct parquet_chunk *c, struct err *e)
{
	struct buf *body = &c->pages->body;
	struct parquet_page *page;
	bool indexed;

	if (c->levels.len == 0)
		return 0;
	if (c->with_dictionary && !pays(c))
		make_plain(c);
	indexed = uses_dictionary(c);
	add_body(c, body);
	body->overflow |= c->plain.overflow || c->indices.overflow ||
			  c->repetition.overflow ||
			  c->dictionary.values.overflow;
	page = parquet_page_make(c->pages,
	    indexed ? PARQUET_RLE_DICTIONARY : PARQUET_PLAIN, c->levels.len,
	    false, &c->plain_bytes, e);
	if (page == NULL)
		return err_wrap(e, "column \"%s\"", c->type->name);
	*c->last = page;
	c->last = &page->next;
	c->bytes += (int64_t)page->len;
	*(indexed ? &c->dictionary_pages : &c->plain_pages) += 1;
	c->values += (int64_t)c->levels.len;
	c->all_nulls += (int64_t)c->nulls;
	c->nulls = 0;
	empty(&c->repetition, c->pages);
	empty(&c->levels, c->pages);
	empty(&c->indices, c->pages);
	empty(&c->plain, c->pages);
	empty(&c->pages->scratch, c->pages);
	return 0;
}

int parquet_chunk_page_if_full(struct parquet_chunk *c, struct err *e)
{
	const struct parquet_pages *p = c->pages;

	if (c->with_dictionary &&
	    c->dictionary.values.len + 4 * c->dictionary.count >
		p->dictionary_bytes) {
		if (pays(c) && parquet_chunk_page(c, e) != 0)
			return -1;
		if (c->dictionary_pages == 0)
			make_plain(c);
		c->with_dictionary = false;
	}
	if (c->levels.len < p->page_values && c->plain.len < p->page_bytes)
		return 0;
	return parquet_chunk_page(c, e);
}
