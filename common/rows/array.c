/* SPDX-License-Identifier: MIT */
#include "rows/array.h"

#include <string.h>

/* Most bytes of an element: a field of PostgreSQL holds at most 1 GB. */
#define ELEMENT_MAX ((size_t)1 << 30)

/* Returns the place after bounds such as [2:3][-1:0]=, or `at` when there are
 * none. */
static const char *skip_bounds(const char *at, const char *end)
{
	if (at == end || *at != '[')
		return at;
	while (at < end && *at != '=' && *at != '{')
		at++;
	return at < end && *at == '=' ? at + 1 : at;
}

void array_again(struct array_reader *r, const struct value *array)
{
	r->array = *array;
	r->end = array->data + array->len;
	r->at = skip_bounds(array->data, r->end);
	r->depth = 0;
	r->begun = r->first = false;
}

void array_open(struct array_reader *r, const struct value *array)
{
	buf_init(&r->text, ELEMENT_MAX);
	r->delimiter = ',';
	array_again(r, array);
}

void array_close(struct array_reader *r)
{
	buf_free(&r->text);
}

static int refuse(const struct array_reader *r, struct err *e)
{
	int shown = r->array.len < 60 ? r->array.len : 60;

	return err_set(e, ERR_PERMANENT, "not an array of PostgreSQL: %.*s%s",
	    shown, r->array.data, shown < r->array.len ? "..." : "");
}

/* Reads an element in quotes, which may hold backslashes; r->at is the byte
 * after the opening quote. */
static int quoted(struct array_reader *r, struct value *v, struct err *e)
{
	const char *from = r->at, *at = from;

	buf_clear(&r->text);
	for (;; at++) {
		if (at == r->end)
			return refuse(r, e);
		if (*at == '"')
			break;
		if (*at != '\\')
			continue;
		buf_add(&r->text, from, (size_t)(at - from));
		from = ++at; /* the next byte stands for itself */
		if (at == r->end)
			return refuse(r, e);
	}
	*v = (struct value){from, (int32_t)(at - from)};
	if (from != r->at) { /* the element held a backslash */
		buf_add(&r->text, from, (size_t)(at - from));
		if (r->text.overflow)
			return err_set(e, ERR_PERMANENT,
			    "an array's element does not fit into memory");
		*v = (struct value){r->text.data, (int32_t)r->text.len};
	}
	r->at = at + 1;
	return ARRAY_VALUE;
}

static int plain(struct array_reader *r, struct value *v, struct err *e)
{
	const char *from = r->at, *at = from;

	while (at < r->end && *at != r->delimiter && *at != '}' && *at != '{' &&
	       *at != '"')
		at++;
	if (at == from || at == r->end || *at == '{' || *at == '"')
		return refuse(r, e);
	r->at = at;
	*v = (struct value){from, (int32_t)(at - from)};
	/* Only the word without quotes is NULL; array_out always writes it in
	 * capitals. */
	if (v->len == 4 && memcmp(from, "NULL", 4) == 0)
		*v = (struct value){"", -1};
	return ARRAY_VALUE;
}

static int begin(struct array_reader *r, struct err *e)
{
	if (r->depth == ARRAY_DEPTH_MAX)
		return refuse(r, e);
	r->at++;
	r->depth++;
	r->begun = r->first = true;
	return ARRAY_BEGIN;
}

int array_next(struct array_reader *r, struct value *v, struct err *e)
{
	if (r->at == r->end)
		return r->begun && r->depth == 0 ? ARRAY_END : refuse(r, e);
	if (r->depth == 0)
		return r->begun || *r->at != '{' ? refuse(r, e) : begin(r, e);
	if (*r->at == '}') {
		r->at++;
		r->depth--;
		r->first = false;
		return ARRAY_FINISH;
	}
	if (!r->first) {
		if (*r->at != r->delimiter || ++r->at == r->end)
			return refuse(r, e);
	}
	r->first = false;
	if (*r->at == '{')
		return begin(r, e);
	if (*r->at != '"')
		return plain(r, v, e);
	r->at++;
	return quoted(r, v, e);
}
