/* SPDX-License-Identifier: MIT */
#include "encode/pdf/group.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "rows/moment.h"
#include "rows/same.h"

/* PostgreSQL limits a field to this many bytes. */
#define VALUE_MAX ((size_t)1 << 30)
/* Hashes kept to notice that rows are not sorted: one megabyte of memory. */
#define VALUES_MAX ((size_t)1 << 16)

void pdf_group_open(struct pdf_group *g)
{
	buf_init(&g->value, VALUE_MAX);
}

void pdf_group_close(struct pdf_group *g)
{
	free(g->values);
	buf_free(&g->value);
}

bool pdf_group_has(const struct pdf_group *g, const struct value *v)
{
	char room[SAME_ROOM];
	struct value same;

	if (!g->in || g->null != (v->len < 0))
		return false;
	same = value_same(g->kind, v, room);
	return same.len < 0 ||
	       (g->value.len == (size_t)same.len &&
		   memcmp(g->value.data, same.data, (size_t)same.len) == 0);
}

/* Returns the hash of a value, never 0; NULL is 1. */
static uint64_t value_hash(const struct value *v)
{
	return v->len < 0 ? 1
			  : hash64(HASH64_BEGIN, v->data, (size_t)v->len) | 1;
}

static uint64_t *place_of(const struct pdf_group *g, uint64_t hash)
{
	size_t i = (size_t)(hash & (g->room - 1));

	while (g->values[i] != 0 && g->values[i] != hash)
		i = (i + 1) & (g->room - 1);
	return &g->values[i];
}

static void make_room(struct pdf_group *g)
{
	uint64_t *old = g->values;
	size_t room = g->room;

	g->room = room ? 2 * room : 64;
	g->values = mem_zalloc(g->room * sizeof(*g->values));
	for (size_t i = 0; i < room; i++) {
		if (old[i] != 0)
			*place_of(g, old[i]) = old[i];
	}
	free(old);
}

/* Returns whether a group of this value began before. Only the first VALUES_MAX
 * values are kept: unsorted rows have few values, which begin often. */
static bool value_again(struct pdf_group *g, const struct value *v)
{
	uint64_t hash = value_hash(v), *place;

	if (g->used * 2 >= g->room && g->used < VALUES_MAX)
		make_room(g);
	place = place_of(g, hash);
	if (*place == hash)
		return true;
	if (g->used < VALUES_MAX) {
		*place = hash;
		g->used++;
	}
	return false;
}

/* Returns whether a character is invisible at the end of a heading: a space or
 * a line break. */
static bool is_blank(unsigned char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Returns a hash that is equal for texts that look equal on a page. */
static uint64_t look_of(const struct value *text)
{
	char *copy = mem_strndup(text->data, (size_t)text->len);
	int n = 0;
	uint64_t hash;

	for (int i = 0; i < text->len; i++) {
		unsigned char c = (unsigned char)copy[i];

		if (c == '\r' && i + 1 < text->len && copy[i + 1] == '\n')
			continue;
		if (c == '\r')
			c = '\n';
		else if (c != '\n' && (c < ' ' || c == 0x7F))
			c = c == '\t' ? ' ' : 1;
		copy[n++] = (char)c;
	}
	while (n > 0 && is_blank((unsigned char)copy[n - 1]))
		n--;
	hash = hash64(HASH64_BEGIN, copy, (size_t)n);
	free(copy);
	return hash;
}

/* Returns whether a group of another value had a heading of this look. */
static bool was_seen(const struct pdf_group *g, uint64_t look, uint64_t value)
{
	int known =
	    g->count < PDF_GROUP_HEADINGS ? g->count : PDF_GROUP_HEADINGS;

	for (int i = 0; i < known; i++) {
		if (g->seen[i].look == look && g->seen[i].value != value)
			return true;
	}
	return false;
}

/* Appends a value in quotes, with escapes for invisible characters. */
static void add_quoted(const struct value *v, struct buf *heading)
{
	buf_char(heading, '"');
	for (int i = 0; i < v->len; i++) {
		unsigned char c = (unsigned char)v->data[i];

		if (c == '\n' || c == '\r' || c == '\t')
			buf_printf(heading, "\\%c",
			    c == '\n'   ? 'n'
			    : c == '\r' ? 'r'
					: 't');
		else if (c < ' ' || c == 0x7F)
			buf_printf(heading, "\\x%02x", c);
		else
			buf_char(heading, (char)c);
	}
	buf_char(heading, '"');
}

/* Appends to the heading the offset from UTC, which the table leaves out, or
 * else the whole value. */
static void tell_apart(const struct pdf_group *g, const struct value *v,
    const struct value *text, struct buf *heading)
{
	const char *rest;
	size_t shown = 0;

	if (v->len < 0) {
		buf_str(heading, " (NULL)");
		return;
	}
	if (g->kind == KIND_TIMESTAMPTZ)
		shown = moment_without_offset(g->kind, v, &rest);
	if (shown > (size_t)text->len ||
	    memcmp(text->data, v->data, shown) != 0)
		shown = 0;
	if (shown == (size_t)v->len)
		shown = 0;
	buf_str(heading, " (");
	if (v->len == text->len &&
	    memcmp(text->data, v->data, (size_t)v->len) == 0)
		add_quoted(v, heading);
	else
		buf_add(heading, v->data + shown, (size_t)v->len - shown);
	buf_str(heading, ")");
}

void pdf_group_begin(struct pdf_group *g, const struct value *v,
    const struct value *text, struct buf *heading)
{
	char room[SAME_ROOM];
	struct value same = value_same(g->kind, v, room);
	uint64_t look = look_of(text), value = value_hash(&same);

	buf_printf(heading, "%s: ", g->label);
	buf_add(heading, text->data, (size_t)text->len);
	if (was_seen(g, look, value))
		tell_apart(g, v, text, heading);
	g->seen[g->count % PDF_GROUP_HEADINGS].look = look;
	g->seen[g->count++ % PDF_GROUP_HEADINGS].value = value;
	g->again += value_again(g, &same);
	g->in = true;
	g->null = v->len < 0;
	buf_clear(&g->value);
	if (same.len > 0)
		buf_add(&g->value, same.data, (size_t)same.len);
}
