/* SPDX-License-Identifier: MIT */
#include "encode/parquet/chunk.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "encode/parquet/dictionary.h"
#include "encode/parquet/rle.h"
#include "encode/parquet/stats.h"
#include "encode/parquet/text.h"
#include "rows/array.h"

#define SLICE PARQUET_SLICE
/* The size of a page and one row bound its buffers. */
#define PAGE_MAX ((size_t)INT32_MAX)

/* Definition levels of the elements of a list (LogicalTypes.md, "Lists"). */
enum {
	LIST_NULL,
	LIST_EMPTY,
	LIST_ELEMENT_NULL,
	LIST_ELEMENT,
};

struct parquet_chunk {
	const struct parquet_type *type;
	struct parquet_pages *pages;
	struct array_reader array;

	/* The page that is being filled: levels, and values either as indices
	 * into the dictionary or plain (booleans: a byte each). */
	struct buf repetition, levels;
	struct buf indices;
	struct buf plain;
	size_t nulls;

	bool with_dictionary; /* false once a dictionary saves nothing */
	struct parquet_dictionary dictionary;

	/* The finished pages. */
	struct parquet_page *first, **last, *dictionary_page;
	int dictionary_pages, plain_pages;
	int64_t values, all_nulls;
	int64_t bytes, plain_bytes;
	struct parquet_stats stats;
};

static void restart(struct parquet_chunk *c)
{
	c->with_dictionary = c->type->physical != PARQUET_BOOLEAN;
	parquet_dictionary_clear(&c->dictionary);
	c->first = c->dictionary_page = NULL;
	c->last = &c->first;
	c->dictionary_pages = c->plain_pages = 0;
	c->values = c->all_nulls = c->bytes = c->plain_bytes = 0;
	c->stats = (struct parquet_stats){0};
}

struct parquet_chunk *parquet_chunk_new(
    const struct parquet_type *type, struct parquet_pages *pages)
{
	struct parquet_chunk *c = mem_zalloc(sizeof(*c));

	c->type = type;
	c->pages = pages;
	array_open(&c->array, &(struct value){"{}", 2});
	c->array.delimiter = type->delimiter;
	buf_init(&c->repetition, PAGE_MAX);
	buf_init(&c->levels, PAGE_MAX);
	buf_init(&c->indices, PAGE_MAX);
	buf_init(&c->plain, PAGE_MAX);
	parquet_dictionary_open(&c->dictionary);
	restart(c);
	return c;
}

static void free_page(struct parquet_chunk *c, struct parquet_page *page)
{
	c->pages->held -= page->len;
	free(page);
}

static void free_pages(struct parquet_chunk *c)
{
	struct parquet_page *next;

	if (c->dictionary_page != NULL)
		free_page(c, c->dictionary_page);
	for (struct parquet_page *p = c->first; p != NULL; p = next) {
		next = p->next;
		free_page(c, p);
	}
}

void parquet_chunk_free(struct parquet_chunk *c)
{
	if (c == NULL)
		return;
	free_pages(c);
	parquet_dictionary_close(&c->dictionary);
	array_close(&c->array);
	buf_free(&c->repetition);
	buf_free(&c->levels);
	buf_free(&c->indices);
	buf_free(&c->plain);
	free(c);
}

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
			index =
			    parquet_dictionary_word(&c->dictionary, words[i]);
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
		uint32_t index =
		    parquet_dictionary_bytes(&c->dictionary, &refs[i]);

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

/* Adds at most SLICE values and a level for each. */
static int add_values(struct parquet_chunk *c, const struct value *values,
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
			    parquet_dictionary_word_at(&c->dictionary, index);

			add_plain_words(c, &word, 1);
		} else {
			struct value ref =
			    parquet_dictionary_bytes_at(&c->dictionary, index);

			add_plain_ref(c, &ref);
		}
	}
	buf_free(&c->indices);
	parquet_dictionary_clear(&c->dictionary);
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

static int end_page(struct parquet_chunk *c, struct err *e)
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

/* Ends a full page; called only between two rows. */
static int end_page_if_full(struct parquet_chunk *c, struct err *e)
{
	const struct parquet_pages *p = c->pages;

	if (c->with_dictionary &&
	    c->dictionary.values.len + 4 * c->dictionary.count >
		p->dictionary_bytes) {
		if (pays(c) && end_page(c, e) != 0)
			return -1;
		if (c->dictionary_pages == 0)
			make_plain(c);
		c->with_dictionary = false;
	}
	if (c->levels.len < p->page_values && c->plain.len < p->page_bytes)
		return 0;
	return end_page(c, e);
}

/* ---- rows ---- */

/* Returns about how many rows fit into a page, at least one. */
static int slice(const struct parquet_chunk *c, const struct value *values,
    int step, int rows)
{
	size_t bytes = 0;
	int n = rows < SLICE ? rows : SLICE;

	if (parquet_is_word(c->type))
		return n;
	for (int i = 0; i < n; i++, values += step) {
		bytes += values->len > 0 ? (size_t)values->len : 0;
		if (bytes > c->pages->page_bytes)
			return i > 0 ? i : 1;
	}
	return n;
}

static void add_list_level(struct parquet_chunk *c, int level)
{
	buf_char(&c->repetition, 0);
	buf_char(&c->levels, (char)level);
	c->nulls++;
}

static int refuse_list(
    const struct parquet_chunk *c, const struct value *value, struct err *e)
{
	return err_set(e, ERR_PERMANENT,
	    "Parquet: column \"%s\": the array %.*s has more than one "
	    "dimension; cast the column to text or use to_json() in the query",
	    c->type->name, value->len < 100 ? value->len : 100, value->data);
}

static int add_list(
    struct parquet_chunk *c, const struct value *value, struct err *e)
{
	struct value element;
	int event, count = 0;

	if (value->len < 0) {
		add_list_level(c, LIST_NULL);
		return 0;
	}
	array_again(&c->array, value);
	while ((event = array_next(&c->array, &element, e)) > 0) {
		if (event == ARRAY_BEGIN && c->array.depth > 1)
			return refuse_list(c, value, e);
		if (event != ARRAY_VALUE)
			continue;
		buf_char(&c->repetition, count++ > 0);
		if (add_values(c, &element, 1, 1, LIST_ELEMENT, e) != 0)
			return -1;
	}
	if (event < 0)
		return err_wrap(e, "Parquet: column \"%s\"", c->type->name);
	if (count == 0)
		add_list_level(c, LIST_EMPTY);
	return 0;
}

int parquet_chunk_add(struct parquet_chunk *c, const struct value *values,
    int step, int rows, struct err *e)
{
	while (rows > 0) {
		int n = c->type->list ? 1 : slice(c, values, step, rows);
		int rc = c->type->list ? add_list(c, values, e)
				       : add_values(c, values, step, n, 1, e);

		if (rc != 0 || end_page_if_full(c, e) != 0)
			return -1;
		values += (ptrdiff_t)n * step;
		rows -= n;
	}
	return 0;
}

/* ---- the end ---- */

static int make_dictionary_page(struct parquet_chunk *c, struct err *e)
{
	const struct parquet_dictionary *d = &c->dictionary;
	struct buf *body = &c->pages->body;

	if (parquet_is_word(c->type) && c->type->width == 8) {
		buf_add(body, d->values.data, d->values.len);
	} else if (parquet_is_word(c->type)) {
		for (size_t i = 0; i < d->count; i++)
			buf_add(body, d->values.data + 8 * i, 4);
	} else {
		for (size_t i = 0; i < d->count; i++) {
			struct value v = parquet_dictionary_bytes_at(d, i);
			uint32_t len = (uint32_t)v.len;

			if (c->type->width == 0)
				buf_add(body, &len, 4);
			buf_add(body, v.data, len);
		}
	}
	c->dictionary_page = parquet_page_make(
	    c->pages, PARQUET_PLAIN, d->count, true, &c->plain_bytes, e);
	if (c->dictionary_page == NULL)
		return -1;
	c->bytes += (int64_t)c->dictionary_page->len;
	return 0;
}

int parquet_chunk_finish(struct parquet_chunk *c, struct err *e)
{
	if (end_page(c, e) != 0)
		return -1;
	return c->dictionary_pages > 0 ? make_dictionary_page(c, e) : 0;
}

int64_t parquet_chunk_size(const struct parquet_chunk *c, int64_t *plain)
{
	*plain = c->plain_bytes;
	return c->bytes;
}

/* Writes PageEncodingStats, from which readers know that a dictionary holds all
 * values. */
static void add_page_counts(const struct parquet_chunk *c, struct thrift *t)
{
	const struct {
		int type, encoding, count;
	} kinds[] = {
	    {2, PARQUET_PLAIN, c->dictionary_page != NULL},
	    {0, PARQUET_RLE_DICTIONARY, c->dictionary_pages},
	    {0, PARQUET_PLAIN, c->plain_pages},
	};
	size_t n = 0;

	for (int i = 0; i < 3; i++)
		n += kinds[i].count > 0;
	thrift_list(t, 13, THRIFT_STRUCT, n);
	for (int i = 0; i < 3; i++) {
		if (kinds[i].count == 0)
			continue;
		thrift_item_struct(t);
		thrift_i32(t, 1, kinds[i].type);
		thrift_i32(t, 2, kinds[i].encoding);
		thrift_i32(t, 3, kinds[i].count);
		thrift_end(t);
	}
}

static void add_path(const struct parquet_chunk *c, struct thrift *t)
{
	thrift_list(t, 3, THRIFT_BINARY, c->type->list ? 3 : 1);
	thrift_item_string(t, c->type->name);
	if (c->type->list) {
		thrift_item_string(t, "list");
		thrift_item_string(t, "element");
	}
}

static void add_meta(
    const struct parquet_chunk *c, int64_t place, struct thrift *t)
{
	bool dictionary = c->dictionary_page != NULL;
	size_t size = dictionary ? c->dictionary_page->len : 0;

	thrift_item_struct(t);
	thrift_i64(t, 2, 0);
	thrift_struct(t, 3);
	thrift_i32(t, 1, c->type->physical);
	thrift_list(t, 2, THRIFT_I32, dictionary ? 3 : 2);
	thrift_item(t, PARQUET_PLAIN);
	thrift_item(t, PARQUET_RLE);
	if (dictionary)
		thrift_item(t, PARQUET_RLE_DICTIONARY);
	add_path(c, t);
	thrift_i32(t, 4, c->pages->codec);
	thrift_i64(t, 5, c->values);
	thrift_i64(t, 6, c->plain_bytes);
	thrift_i64(t, 7, c->bytes);
	thrift_i64(t, 9, place + (int64_t)size);
	if (dictionary)
		thrift_i64(t, 11, place);
	parquet_stats_add(&c->stats, c->type, c->all_nulls, t, 12);
	add_page_counts(c, t);
	thrift_end(t);
	thrift_end(t);
}

int parquet_chunk_write(struct parquet_chunk *c, struct sink *sink,
    int64_t place, struct thrift *t, struct err *e)
{
	const struct parquet_page *d = c->dictionary_page;

	add_meta(c, place, t);
	if (d != NULL && sink_write(sink, d->data, d->len, e) != 0)
		return -1;
	for (const struct parquet_page *p = c->first; p != NULL; p = p->next) {
		if (sink_write(sink, p->data, p->len, e) != 0)
			return -1;
	}
	free_pages(c);
	restart(c);
	return 0;
}
