/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "base/mem.h"
#include "encode/parquet/chunk_parts.h"
#include "rows/array.h"

/* The size of a page and one row bound its buffers. */
#define PAGE_MAX ((size_t)INT32_MAX)

/* Definition levels of the elements of a list (LogicalTypes.md, "Lists"). */
enum {
	LIST_NULL,
	LIST_EMPTY,
	LIST_ELEMENT_NULL,
	LIST_ELEMENT,
};

static void restart(struct parquet_chunk *c)
{
	c->with_dictionary = c->type->physical != PARQUET_BOOLEAN;
	dictionary_clear(&c->dictionary);
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
	dictionary_open(&c->dictionary);
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
	dictionary_close(&c->dictionary);
	array_close(&c->array);
	buf_free(&c->repetition);
	buf_free(&c->levels);
	buf_free(&c->indices);
	buf_free(&c->plain);
	free(c);
}

/* ---- rows ---- */

/* Returns about how many rows fit into a page, at least one. */
static int slice(const struct parquet_chunk *c, const struct value *values,
    int step, int rows)
{
	size_t bytes = 0;
	int n = rows < PARQUET_SLICE ? rows : PARQUET_SLICE;

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
		if (parquet_chunk_values(c, &element, 1, 1, LIST_ELEMENT, e) !=
		    0)
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
		int rc = c->type->list
			     ? add_list(c, values, e)
			     : parquet_chunk_values(c, values, step, n, 1, e);

		if (rc != 0 || parquet_chunk_page_if_full(c, e) != 0)
			return -1;
		values += (ptrdiff_t)n * step;
		rows -= n;
	}
	return 0;
}

/* ---- the end ---- */

static int make_dictionary_page(struct parquet_chunk *c, struct err *e)
{
	const struct dictionary *d = &c->dictionary;
	struct buf *body = &c->pages->body;

	if (parquet_is_word(c->type) && c->type->width == 8) {
		buf_add(body, d->values.data, d->values.len);
	} else if (parquet_is_word(c->type)) {
		for (size_t i = 0; i < d->count; i++)
			buf_add(body, d->values.data + 8 * i, 4);
	} else {
		for (size_t i = 0; i < d->count; i++) {
			struct value v = dictionary_bytes_at(d, i);
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
	if (parquet_chunk_page(c, e) != 0)
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
