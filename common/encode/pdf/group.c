/* SPDX-License-Identifier: MIT */
#include "encode/pdf/group.h"

#include <string.h>

#include "rows/moment.h"

/* PostgreSQL's limit of a field. */
#define VALUE_MAX ((size_t)1 << 30)

void pdf_group_open(struct pdf_group *g)
{
	buf_init(&g->value, VALUE_MAX);
}

void pdf_group_close(struct pdf_group *g)
{
	buf_free(&g->value);
}

bool pdf_group_has(const struct pdf_group *g, const struct value *v)
{
	if (!g->in || g->null != (v->len < 0))
		return false;
	return v->len < 0 ||
	       (g->value.len == (size_t)v->len &&
		   memcmp(g->value.data, v->data, (size_t)v->len) == 0);
}

/* FNV-1a. */
static uint64_t hash_of(const struct value *v)
{
	uint64_t hash = UINT64_C(0xCBF29CE484222325);

	for (int i = 0; i < v->len; i++)
		hash = (hash ^ (unsigned char)v->data[i]) *
		       UINT64_C(0x100000001B3);
	return hash;
}

static bool was_seen(const struct pdf_group *g, uint64_t hash)
{
	int known =
	    g->count < PDF_GROUP_HEADINGS ? g->count : PDF_GROUP_HEADINGS;

	for (int i = 0; i < known; i++) {
		if (g->seen[i] == hash)
			return true;
	}
	return false;
}

/* The offset from UTC, which the table leaves out, or all of the value. */
static void tell_apart(const struct pdf_group *g, const struct value *v,
    const struct value *text, struct buf *heading)
{
	const char *rest;
	size_t shown = 0;

	if (g->kind == KIND_TIMESTAMPTZ)
		shown = moment_without_offset(g->kind, v, &rest);
	if (shown > (size_t)text->len ||
	    memcmp(text->data, v->data, shown) != 0)
		shown = 0;
	if (shown == (size_t)v->len ||
	    (v->len == text->len &&
		memcmp(text->data, v->data, (size_t)v->len) == 0))
		return;
	buf_str(heading, " (");
	buf_add(heading, v->data + shown, (size_t)v->len - shown);
	buf_str(heading, ")");
}

void pdf_group_begin(struct pdf_group *g, const struct value *v,
    const struct value *text, struct buf *heading)
{
	uint64_t hash = hash_of(text);

	buf_printf(heading, "%s: ", g->label);
	buf_add(heading, text->data, (size_t)text->len);
	if (v->len > 0 && was_seen(g, hash))
		tell_apart(g, v, text, heading);
	g->seen[g->count++ % PDF_GROUP_HEADINGS] = hash;
	g->in = true;
	g->null = v->len < 0;
	buf_clear(&g->value);
	if (v->len > 0)
		buf_add(&g->value, v->data, (size_t)v->len);
}
