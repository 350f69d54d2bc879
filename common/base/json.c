/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include <string.h>

#include "base/json_reader.h"

const char *json_str(const json_t *object, const char *key, const char *def)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : def;
}

int64_t json_int(const json_t *object, const char *key, int64_t def)
{
	const json_t *v = json_object_get(object, key);

	return json_is_integer(v) ? json_integer_value(v) : def;
}

bool json_bool(const json_t *object, const char *key, bool def)
{
	const json_t *v = json_object_get(object, key);

	return json_is_boolean(v) ? json_is_true(v) : def;
}

bool json_has_text(const json_t *texts, const char *text)
{
	const json_t *one;
	size_t i;

	json_array_foreach(texts, i, one)
	{
		if (strcmp(json_string_value(one), text) == 0)
			return true;
	}
	return false;
}

size_t json_index_of(const json_t *array, const char *key)
{
	size_t i = 0;

	while (i < json_array_size(array) &&
	       json_str(json_array_get(array, i), key, NULL) == NULL)
		i++;
	return i;
}

/* ---- parsing ---- */

/* Levels of objects and arrays; jansson, which writes such values, has the same
 * limit. */
#define DEPTH_MAX 2048

/* jansson's own parser needs some 200 instructions for each byte, which was most
 * of what a small report costs the supervisor. */
struct parser {
	struct json_reader r;
	struct buf text; /* the text or number at hand */
	int depth;
};

static json_t *parse_value(struct parser *p, struct err *e);

/* Reads an integer of up to 18 digits without a fraction or an exponent. */
static bool read_short(const struct buf *text, json_int_t *n)
{
	bool minus = text->data[0] == '-';
	size_t at = minus;

	*n = 0;
	if (text->len == at || text->len > at + 18 ||
	    (text->data[at] == '0' && text->len > at + 1))
		return false;
	for (; at < text->len; at++) {
		if (text->data[at] < '0' || text->data[at] > '9')
			return false;
		*n = *n * 10 + (text->data[at] - '0');
	}
	*n = minus ? -*n : *n;
	return true;
}

/* Makes a value of a number or of true or false, as jansson does. */
static json_t *parse_word(struct parser *p, struct err *e)
{
	json_error_t bad;
	json_int_t n;
	json_t *v;

	buf_clear(&p->text);
	if (json_reader_copy(&p->r, &p->text, e) != 0)
		return NULL;
	if (read_short(&p->text, &n))
		return json_integer(n);
	v = json_loadb(p->text.data, p->text.len, JSON_DECODE_ANY, &bad);
	if (v == NULL)
		err_set(e, ERR_PERMANENT, "%s", bad.text);
	return v;
}

static json_t *parse_text(struct parser *p, struct err *e)
{
	int rc;

	buf_clear(&p->text);
	rc = json_reader_text(&p->r, &p->text, e);
	if (rc < 0)
		return NULL;
	return rc == 0 ? json_null()
		       : json_stringn_nocheck(p->text.data, p->text.len);
}

static int parse_members(struct parser *p, json_t *to, struct err *e)
{
	struct buf name;
	int rc;

	buf_init(&name, p->text.max);
	rc = json_reader_object(&p->r, e);
	while (rc == 0 && (rc = json_reader_member(&p->r, &name, e)) == 1)
		rc = json_object_set_new_nocheck(
		    to, name.data, parse_value(p, e));
	buf_free(&name);
	return rc;
}

static int parse_elements(struct parser *p, json_t *to, struct err *e)
{
	int rc = json_reader_array(&p->r, e);

	while (rc == 0 && (rc = json_reader_element(&p->r, e)) == 1)
		rc = json_array_append_new(to, parse_value(p, e));
	return rc;
}

/* Parses an object or an array with everything in it. */
static json_t *parse_nest(struct parser *p, bool object, struct err *e)
{
	json_t *v = object ? json_object() : json_array();
	int rc;

	if (p->depth++ == DEPTH_MAX)
		rc =
		    err_set(e, ERR_PERMANENT, "more than %d levels", DEPTH_MAX);
	else if (object)
		rc = parse_members(p, v, e);
	else
		rc = parse_elements(p, v, e);
	p->depth--;
	if (rc == 0)
		return v;
	json_decref(v);
	return NULL;
}

static json_t *parse_value(struct parser *p, struct err *e)
{
	char c = 0;

	if (json_reader_peek(&p->r, &c, e) != 0)
		return NULL;
	switch (c) {
	case '{':
	case '[':
		return parse_nest(p, c == '{', e);
	case '"':
	case 'n':
		return parse_text(p, e);
	default:
		return parse_word(p, e);
	}
}

json_t *json_parse_object(const char *text, size_t len, struct err *e)
{
	struct parser p = {.r = {.at = text, .end = text + len, .ended = true}};
	/* jansson does not say why it can make no value. */
	struct err why = {.text = "out of memory"};
	json_t *v;

	buf_init(&p.text, len);
	v = parse_value(&p, &why);
	buf_free(&p.text);
	if (v != NULL && json_reader_end(&p.r, &why) != 0) {
		json_decref(v);
		v = NULL;
	}
	if (v == NULL) {
		err_set(e, ERR_PERMANENT, "not JSON: %s", why.text);
	} else if (!json_is_object(v)) {
		json_decref(v);
		v = NULL;
		err_set(e, ERR_PERMANENT, "not a JSON object");
	}
	return v;
}
