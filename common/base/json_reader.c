/* SPDX-License-Identifier: MIT */
#include "base/json_reader.h"

#include <stdint.h>
#include <string.h>

#include "base/str.h"

static int torn(struct err *e)
{
	return err_set(e, ERR_TRANSIENT,
	    "the JSON ends before it is complete: the answer was cut");
}

static int unexpected(const char *wanted, char got, struct err *e)
{
	if (got < ' ' || got > '~')
		return err_set(e, ERR_TRANSIENT,
		    "the JSON has a byte 0x%02x where %s must be",
		    (unsigned char)got, wanted);
	return err_set(e, ERR_TRANSIENT, "the JSON has \"%c\" where %s must be",
	    got, wanted);
}

/* Gets the next piece when there is no byte at hand: 1, 0 at the end, -1. */
static int get_piece(struct json_reader *r, struct err *e)
{
	size_t len = 0;
	int rc = 0;

	while (r->at == r->end && !r->ended) {
		rc = r->more(r->arg, &r->at, &len, e);
		r->end = rc == 1 ? r->at + len : r->at;
		r->ended = rc != 1;
		if (rc < 0)
			return -1;
	}
	return r->at < r->end;
}

static inline int refill(struct json_reader *r, struct err *e)
{
	return r->at < r->end ? 1 : get_piece(r, e);
}

/* Looks at the next byte that is not white space: 1, 0 at the end, -1. */
static int look(struct json_reader *r, char *c, struct err *e)
{
	int rc;

	while ((rc = refill(r, e)) == 1) {
		*c = *r->at;
		if (*c != ' ' && *c != '\n' && *c != '\r' && *c != '\t')
			return 1;
		r->at++;
	}
	return rc;
}

/* Looks at the next byte, as look() does, where the text must not end. */
static int must_look(struct json_reader *r, char *c, struct err *e)
{
	int rc = look(r, c, e);

	return rc == 0 ? torn(e) : rc;
}

static int take(
    struct json_reader *r, char wanted, const char *what, struct err *e)
{
	char c = 0;

	if (must_look(r, &c, e) < 0)
		return -1;
	if (c != wanted)
		return unexpected(what, c, e);
	r->at++;
	return 0;
}

/* Takes the next byte, whatever it is. */
static int take_byte(struct json_reader *r, char *c, struct err *e)
{
	int rc = refill(r, e);

	if (rc <= 0)
		return rc == 0 ? torn(e) : -1;
	*c = *r->at++;
	return 0;
}

/* ---- objects and arrays ---- */

int json_reader_object(struct json_reader *r, struct err *e)
{
	r->first = true;
	return take(r, '{', "an object", e);
}

int json_reader_array(struct json_reader *r, struct err *e)
{
	r->first = true;
	return take(r, '[', "an array", e);
}

/* Steps over the comma before the next part, or over the end. */
static int next_part(struct json_reader *r, char end, struct err *e)
{
	bool first = r->first;
	char c = 0;

	r->first = false;
	if (must_look(r, &c, e) < 0)
		return -1;
	if (c == end) {
		r->at++;
		return 0;
	}
	if (first)
		return 1;
	return take(r, ',', "a comma or the end", e) != 0 ? -1 : 1;
}

int json_reader_element(struct json_reader *r, struct err *e)
{
	return next_part(r, ']', e);
}

int json_reader_member(struct json_reader *r, struct buf *name, struct err *e)
{
	int rc = next_part(r, '}', e);

	if (rc != 1)
		return rc;
	buf_clear(name);
	rc = json_reader_text(r, name, e);
	if (rc == 0)
		return unexpected("a name", 'n', e);
	return rc < 0 || take(r, ':', "a colon", e) != 0 ? -1 : 1;
}

int json_reader_peek(struct json_reader *r, char *c, struct err *e)
{
	return must_look(r, c, e) < 0 ? -1 : 0;
}

int json_reader_is_array(struct json_reader *r, struct err *e)
{
	char c = 0;

	return must_look(r, &c, e) < 0 ? -1 : c == '[';
}

int json_reader_end(struct json_reader *r, struct err *e)
{
	char c = 0;
	int rc = look(r, &c, e);

	return rc == 1 ? unexpected("the end", c, e) : rc;
}

/* ---- strings ---- */

/* Reads the four digits of \uXXXX. */
static int read_unit(struct json_reader *r, uint32_t *unit, struct err *e)
{
	*unit = 0;
	for (int i = 0; i < 4; i++) {
		int digit;
		char c = 0;

		if (take_byte(r, &c, e) != 0)
			return -1;
		digit = str_hex_digit(c);
		if (digit < 0)
			return unexpected("a hexadecimal digit", c, e);
		*unit = *unit << 4 | (uint32_t)digit;
	}
	return 0;
}

static void put_utf8(uint32_t c, struct buf *to)
{
	if (c < 0x80) {
		buf_char(to, (char)c);
	} else if (c < 0x800) {
		buf_char(to, (char)(0xC0 | c >> 6));
		buf_char(to, (char)(0x80 | (c & 0x3F)));
	} else if (c < 0x10000) {
		buf_char(to, (char)(0xE0 | c >> 12));
		buf_char(to, (char)(0x80 | (c >> 6 & 0x3F)));
		buf_char(to, (char)(0x80 | (c & 0x3F)));
	} else {
		buf_char(to, (char)(0xF0 | c >> 18));
		buf_char(to, (char)(0x80 | (c >> 12 & 0x3F)));
		buf_char(to, (char)(0x80 | (c >> 6 & 0x3F)));
		buf_char(to, (char)(0x80 | (c & 0x3F)));
	}
}

static int half(struct err *e)
{
	return err_set(e, ERR_PERMANENT,
	    "a text holds half of a surrogate pair, which is no character");
}

static int read_escaped_unit(
    struct json_reader *r, struct buf *to, struct err *e)
{
	uint32_t c, low;
	char a = 0, b = 0;

	if (read_unit(r, &c, e) != 0)
		return -1;
	if (c >= 0xDC00 && c < 0xE000)
		return half(e);
	if (c >= 0xD800 && c < 0xDC00) {
		if (take_byte(r, &a, e) != 0 || take_byte(r, &b, e) != 0)
			return -1;
		if (a != '\\' || b != 'u')
			return half(e);
		if (read_unit(r, &low, e) != 0)
			return -1;
		if (low < 0xDC00 || low >= 0xE000)
			return half(e);
		c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
	}
	if (c == 0)
		return err_set(e, ERR_PERMANENT,
		    "a text holds a zero byte, which no text here may; remove "
		    "it in the query");
	put_utf8(c, to);
	return 0;
}

static int read_escape(struct json_reader *r, struct buf *to, struct err *e)
{
	static const char letters[] = "\"\\/bfnrt";
	static const char meant[] = "\"\\/\b\f\n\r\t";
	const char *at;
	char c = 0;

	if (take_byte(r, &c, e) != 0)
		return -1;
	if (c == 'u')
		return read_escaped_unit(r, to, e);
	at = c != '\0' ? strchr(letters, c) : NULL;
	if (at == NULL)
		return unexpected("an escape", c, e);
	buf_char(to, meant[at - letters]);
	return 0;
}

/* Returns the first byte that is no plain part of a string. */
static const char *plain_end(const char *at, const char *end)
{
	while (
	    at < end && *at != '"' && *at != '\\' && (unsigned char)*at >= ' ')
		at++;
	return at;
}

static int too_long(const struct buf *to, struct err *e)
{
	return err_set(e, ERR_PERMANENT,
	    "a value is longer than the %zu bytes that a row may have",
	    to->max);
}

static int read_string(struct json_reader *r, struct buf *to, struct err *e)
{
	size_t begin = to->len;
	char c = 0;
	int rc;

	for (;;) {
		const char *stop;

		/* A string that never ends is not waited for. */
		if (to->overflow)
			return too_long(to, e);
		if ((rc = refill(r, e)) <= 0)
			return rc == 0 ? torn(e) : -1;
		stop = plain_end(r->at, r->end);
		buf_add(to, r->at, (size_t)(stop - r->at));
		r->at = stop;
		if (stop == r->end)
			continue;
		c = *r->at++;
		if (c == '"')
			break;
		if (c != '\\')
			return unexpected("a part of a string", c, e);
		if (read_escape(r, to, e) != 0)
			return -1;
	}
	if (to->overflow)
		return too_long(to, e);
	if (!str_is_utf8(to->data + begin, to->len - begin))
		return err_set(e, ERR_PERMANENT, "a text is no valid UTF-8");
	return 1;
}

static int take_null(struct json_reader *r, struct err *e)
{
	static const char word[] = "null";
	char c = 0;

	for (size_t i = 0; i < sizeof(word) - 1; i++) {
		if (take_byte(r, &c, e) != 0)
			return -1;
		if (c != word[i])
			return unexpected("a text or null", c, e);
	}
	return 0;
}

int json_reader_text(struct json_reader *r, struct buf *to, struct err *e)
{
	char c = 0;

	if (must_look(r, &c, e) < 0)
		return -1;
	if (c == 'n')
		return take_null(r, e);
	if (c != '"')
		return unexpected("a text or null", c, e);
	r->at++;
	return read_string(r, to, e);
}

/* ---- values of any kind ---- */

/* Copies a string with its quotes and escapes as they are. */
static int copy_string(struct json_reader *r, struct buf *to, struct err *e)
{
	bool escaped = false;
	char c = 0;

	if (take_byte(r, &c, e) != 0)
		return -1;
	do {
		buf_char(to, c);
		escaped = !escaped && c == '\\';
		if (take_byte(r, &c, e) != 0)
			return -1;
	} while ((c != '"' || escaped) && !to->overflow);
	buf_char(to, c);
	return 0;
}

/* Says whether a byte belongs to a number or to a word such as true. */
static bool in_scalar(char c)
{
	switch (c) {
	case '{':
	case '}':
	case '[':
	case ']':
	case ',':
	case ':':
	case '"':
	case ' ':
	case '\n':
	case '\r':
	case '\t':
		return false;
	default:
		return true;
	}
}

/* Copies a number or a word whole, so that two of them do not become one;
 * first: nothing of the value comes before it. */
static int copy_scalar(
    struct json_reader *r, struct buf *to, bool first, struct err *e)
{
	int rc;

	if (!first && to->len > 0 && in_scalar(to->data[to->len - 1]))
		return unexpected("a comma or the end", *r->at, e);
	while ((rc = refill(r, e)) == 1 && in_scalar(*r->at) && !to->overflow) {
		const char *from = r->at;

		while (r->at < r->end && in_scalar(*r->at))
			r->at++;
		buf_add(to, from, (size_t)(r->at - from));
	}
	return rc == 0 ? torn(e) : rc;
}

/* Copies the next mark, string, number or word of a value. Returns 1 when it was the
 * last, 0 when more may follow, -1 on error. */
static int copy_part(
    struct json_reader *r, int *depth, struct buf *to, struct err *e)
{
	char c = 0;

	if (must_look(r, &c, e) < 0)
		return -1;
	if (in_scalar(c))
		return copy_scalar(r, to, *depth == 0, e) < 0 ? -1
							      : *depth == 0;
	if (*depth == 0 && strchr(",:]}", c) != NULL)
		return 1;
	if (c == '"')
		return copy_string(r, to, e) != 0 ? -1 : *depth == 0;
	r->at++;
	buf_char(to, c);
	if (c == '{' || c == '[')
		++*depth;
	else if (c == '}' || c == ']')
		return --*depth == 0;
	return 0;
}

int json_reader_copy(struct json_reader *r, struct buf *to, struct err *e)
{
	size_t begin = to->len;
	int depth = 0, rc;

	do {
		rc = copy_part(r, &depth, to, e);
		if (rc >= 0 && to->overflow)
			return err_set(e, ERR_TRANSIENT,
			    "a value of the JSON is longer than %zu bytes",
			    to->max);
	} while (rc == 0);
	if (rc == 1 && to->len == begin)
		return unexpected("a value", r->at < r->end ? *r->at : ',', e);
	return rc < 0 ? -1 : 0;
}
