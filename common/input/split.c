/* SPDX-License-Identifier: MIT */
#include "input/split.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "encode/text/json_check.h"

/* Levels of the rest. */
#define DEPTH_MAX 100
#define SEGMENTS_MAX 50
/* A number of any length is read as a number; a character may be U+0000. */
#define LOAD (JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL)

/* The rest is kept, and looked at byte by byte only as far as it needs to find
 * the array: brackets, strings and keys. jansson reads it when it is whole, and
 * json_check each element. */
struct split {
	char *pointer, *cut, *segments[SEGMENTS_MAX];
	int count;
	split_row *row_fn;
	void *arg;
	struct buf rest, row;

	bool in_string, escaped;
	bool objects[DEPTH_MAX]; /* which open levels are objects */
	int depth;
	int on;       /* this many of them lie on the way to the array */
	bool pending; /* the next value lies there, too */
	bool expects_key;
	size_t string_at; /* where the string begins in the rest */

	bool in_items;
	int inner;  /* open levels of the element */
	bool comma; /* an element must follow */
};

/* ---- pointers ---- */

/* Replaces ~1 and ~0 in place. */
static void unescape(char *segment)
{
	char *to = segment;

	for (const char *c = segment; *c != '\0'; c++) {
		if (c[0] == '~' && (c[1] == '0' || c[1] == '1')) {
			*to++ = c[1] == '0' ? '~' : '/';
			c++;
		} else {
			*to++ = *c;
		}
	}
	*to = '\0';
}

/* Cuts a copy of the pointer, which begins with a slash, into its segments. */
static int cut_pointer(char *pointer, char *segments[SEGMENTS_MAX])
{
	char *rest = *pointer == '/' ? pointer + 1 : NULL, *one;
	int n = 0;

	while (n < SEGMENTS_MAX && (one = strsep(&rest, "/")) != NULL) {
		unescape(one);
		segments[n++] = one;
	}
	return n;
}

const json_t *split_find(const json_t *document, const char *pointer)
{
	char *copy = mem_strdup(pointer), *segments[SEGMENTS_MAX];
	int n = cut_pointer(copy, segments);

	for (int i = 0; i < n; i++)
		document = json_object_get(document, segments[i]);
	free(copy);
	return document;
}

/* ---- life ---- */

struct split *split_open(const char *items, split_row *row, void *arg)
{
	struct split *s = mem_zalloc(sizeof(*s));

	s->pointer = mem_strdup(items);
	s->cut = mem_strdup(items);
	s->count = cut_pointer(s->cut, s->segments);
	s->row_fn = row;
	s->arg = arg;
	buf_init(&s->rest, SPLIT_REST_MAX);
	buf_init(&s->row, SPLIT_ROW_MAX);
	split_reset(s);
	return s;
}

void split_free(struct split *s)
{
	if (s == NULL)
		return;
	buf_free(&s->rest);
	buf_free(&s->row);
	free(s->pointer);
	free(s->cut);
	free(s);
}

void split_reset(struct split *s)
{
	buf_clear(&s->rest);
	buf_clear(&s->row);
	s->in_string = s->escaped = s->expects_key = false;
	s->in_items = s->comma = false;
	s->depth = s->on = s->inner = 0;
	s->pending = true;
}

/* ---- elements ---- */

static int refuse_row(struct err *e, const char *why)
{
	return err_set(e, ERR_TRANSIENT, "an item of the answer %s", why);
}

/* Takes out line breaks, which lie between tokens only. */
static void join_lines(struct buf *row)
{
	for (size_t i = 0; i < row->len; i++) {
		if (row->data[i] == '\n' || row->data[i] == '\r')
			row->data[i] = ' ';
	}
}

static int end_row(struct split *s, struct err *e)
{
	struct buf *row = &s->row;
	struct json_seen seen = {0};
	struct value text = {row->data, (int32_t)row->len};
	struct err why;
	int rc;

	while (row->len > 0 && strchr(" \t\r\n", row->data[row->len - 1]))
		row->len--;
	text.len = (int32_t)row->len;
	if (row->len == 0)
		return refuse_row(e, "is missing between two commas");
	if (row->data[0] != '{')
		return refuse_row(e, "is no object");
	if (!str_is_utf8(row->data, row->len))
		return refuse_row(e, "is no UTF-8");
	if (json_check(&text, &seen, &why) != 0)
		return refuse_row(e, "is no JSON");
	if (seen.halves > 0)
		json_mend(&text, row->data);
	if (seen.breaks)
		join_lines(row);
	rc = s->row_fn(s->arg, row->data, row->len, e);
	buf_clear(row);
	return rc;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Ends the array, whose closing bracket belongs to the rest. */
static int end_items(struct split *s, struct err *e)
{
	if ((s->comma || s->row.len > 0) && end_row(s, e) != 0)
		return -1;
	s->in_items = false;
	s->depth--;
	if (s->on > s->depth)
		s->on = s->depth;
	buf_char(&s->rest, ']');
	return 0;
}

/* Looks at a byte of an element that is in no string. */
static int see_inner(struct split *s, char c, struct err *e)
{
	if (s->inner == 0 && c == ']')
		return end_items(s, e);
	if (s->inner == 0 && c == ',') {
		s->comma = true;
		return end_row(s, e);
	}
	if (s->row.len == 0 && is_space(c))
		return 0;
	if (c == '{' || c == '[')
		s->inner++;
	else if ((c == '}' || c == ']') && s->inner > 0)
		s->inner--;
	s->in_string = c == '"';
	buf_char(&s->row, c);
	return 0;
}

/* ---- the rest ---- */

/* Says whether the string that has ended is the next key on the way. */
static bool is_next_key(const struct split *s)
{
	const char *text = s->rest.data + s->string_at;
	json_t *key;
	bool same;

	if (s->on != s->depth || s->depth > s->count)
		return false;
	key = json_loadb(text, s->rest.len - s->string_at,
	    JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	same = json_string_value(key) != NULL &&
	       json_string_length(key) == strlen(s->segments[s->depth - 1]) &&
	       strcmp(json_string_value(key), s->segments[s->depth - 1]) == 0;
	json_decref(key);
	return same;
}

static int open_level(struct split *s, char c, struct err *e)
{
	bool on_way = s->pending && s->on == s->depth;

	if (s->depth == DEPTH_MAX)
		return err_set(e, ERR_TRANSIENT,
		    "the answer has more than %d levels around its items",
		    DEPTH_MAX);
	if (on_way && s->depth == s->count && c == '[') {
		s->in_items = true;
		s->comma = false;
		s->inner = 0;
		buf_clear(&s->row);
	}
	if (on_way)
		s->on++;
	s->objects[s->depth++] = c == '{';
	s->pending = false;
	s->expects_key = c == '{';
	return 0;
}

static void close_level(struct split *s)
{
	if (s->depth > 0)
		s->depth--;
	if (s->on > s->depth)
		s->on = s->depth;
	s->expects_key = s->pending = false;
}

static int see_rest(struct split *s, char c, struct err *e)
{
	buf_char(&s->rest, c);
	switch (c) {
	case '{':
	case '[':
		return open_level(s, c, e);
	case '}':
	case ']':
		close_level(s);
		return 0;
	case ',':
		s->expects_key = s->depth > 0 && s->objects[s->depth - 1];
		s->pending = false;
		return 0;
	case '"':
		s->in_string = true;
		s->string_at = s->rest.len - 1;
		return 0;
	default:
		return 0;
	}
}

/* Ends a string of the rest. */
static void end_string(struct split *s)
{
	s->in_string = false;
	if (!s->in_items && s->expects_key) {
		s->pending = is_next_key(s);
		s->expects_key = false;
	}
}

/* Takes the bytes of a string up to its end; returns how many. */
static size_t take_string(struct split *s, const char *data, size_t len)
{
	struct buf *to = s->in_items ? &s->row : &s->rest;
	size_t n = 0;
	bool ends = false;

	while (n < len && !ends) {
		char c = data[n++];

		ends = !s->escaped && c == '"';
		s->escaped = !s->escaped && c == '\\';
	}
	buf_add(to, data, n);
	if (ends)
		end_string(s);
	return n;
}

int split_feed(struct split *s, const char *data, size_t len, struct err *e)
{
	size_t at = 0;

	while (at < len) {
		if (s->in_string)
			at += take_string(s, data + at, len - at);
		else if ((s->in_items ? see_inner(s, data[at], e)
				      : see_rest(s, data[at], e)) != 0)
			return -1;
		else
			at++;
		if (s->row.overflow)
			return refuse_row(e, "has more than 16 MB");
		if (s->rest.overflow)
			return err_set(e, ERR_TRANSIENT,
			    "the answer has more than 1 MB around its items; "
			    "is \"items\" right?");
	}
	return 0;
}

json_t *split_end(struct split *s, struct err *e)
{
	json_error_t why;
	json_t *rest;

	if (s->in_items) {
		err_set(e, ERR_TRANSIENT, "the answer ends within its items");
		return NULL;
	}
	rest = json_loadb(
	    s->rest.len > 0 ? s->rest.data : "", s->rest.len, LOAD, &why);
	if (rest == NULL) {
		err_set(
		    e, ERR_TRANSIENT, "the answer is no JSON: %s", why.text);
		return NULL;
	}
	if (json_is_array(split_find(rest, s->pointer)))
		return rest;
	err_set(e, ERR_TRANSIENT,
	    split_find(rest, s->pointer) != NULL
		? "\"items\" of the input leads to a value that is no array"
		: "the answer has no array where \"items\" of the input "
		  "says: an error in place of rows?");
	json_decref(rest);
	return NULL;
}
