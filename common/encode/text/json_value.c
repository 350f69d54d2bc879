/* SPDX-License-Identifier: MIT */
#include "encode/text/json_value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encode/text/json_check.h"
#include "rows/moment.h"
#include "rows/number.h"

static const struct escapes escapes = {
    .bytes = {'"', '\\', '"', '\\'},
    .below = 0x20,
    .text = {"\\u0000", "\\u0001", "\\u0002", "\\u0003", "\\u0004", "\\u0005",
	"\\u0006", "\\u0007", "\\b", "\\t", "\\n", "\\u000b", "\\f", "\\r",
	"\\u000e", "\\u000f", "\\u0010", "\\u0011", "\\u0012", "\\u0013",
	"\\u0014", "\\u0015", "\\u0016", "\\u0017", "\\u0018", "\\u0019",
	"\\u001a", "\\u001b", "\\u001c", "\\u001d", "\\u001e",
	"\\u001f", ['"'] = "\\\"", ['\\'] = "\\\\"},
};

void json_text_add(struct out *out, const char *s, size_t len)
{
	out_char(out, '"');
	out_escaped(out, &escapes, s, len);
	out_char(out, '"');
}

static void add_text(struct out *out, const struct value *v)
{
	json_text_add(out, v->data, (size_t)v->len);
}

/* Writes bytes that need no escapes, in quotes. */
static void add_quoted(struct out *out, const char *s, size_t len)
{
	out_char(out, '"');
	out_add(out, s, len);
	out_char(out, '"');
}

/* Returns whether an integer is past 2^53 - 1, from where on a double cannot
 * tell neighbours apart. */
static bool is_big(const struct value *v)
{
	static const char most[] = "9007199254740991";
	const size_t digits = sizeof(most) - 1;
	const char *s = v->data;
	size_t len = (size_t)v->len;

	if (*s == '-') {
		s++;
		len--;
	}
	if (len < digits || memchr(s, '.', len) != NULL)
		return false;
	return len > digits || memcmp(s, most, digits) > 0;
}

static void add_number(struct out *out, const struct json_style *style,
    enum column_kind kind, const struct value *v)
{
	bool number = number_is_plain(v);

	if (!number && style->null_numbers)
		out_add(out, "null", 4);
	else if (!number || (kind == KIND_DECIMAL && style->text_decimals) ||
		 (kind != KIND_FLOAT && style->text_integers && is_big(v)))
		add_text(out, v);
	else
		out_add(out, v->data, (size_t)v->len);
}

/* Writes text with a space for each line break. A string of valid JSON has no
 * raw line break, so all of them are white space. */
static void add_line(struct out *out, const char *s, const char *end)
{
	while (s < end) {
		const char *stop = s;

		while (stop < end && *stop != '\n' && *stop != '\r')
			stop++;
		out_add(out, s, (size_t)(stop - s));
		if (stop < end)
			out_char(out, ' ');
		s = stop + 1;
	}
}

static int add_json(struct out *out, const struct json_style *style,
    const struct value *v, struct err *e)
{
	const char *text = v->data;
	struct json_seen seen;

	if (json_check(v, &seen, e) != 0)
		return -1;
	if (seen.halves > 0) {
		struct buf *b = &style->mended->text;

		buf_clear(b);
		text = buf_reserve(b, (size_t)v->len);
		if (text == NULL)
			return err_set(e, ERR_PERMANENT,
			    "a json value does not fit into memory");
		json_mend(v, b->data);
		style->mended->halves += (int64_t)seen.halves;
	}
	if (seen.breaks)
		add_line(out, text, text + v->len);
	else
		out_add(out, text, (size_t)v->len);
	return 0;
}

static void add_moment(
    struct out *out, enum column_kind kind, const struct value *v)
{
	char text[MOMENT_MAX];
	size_t len = moment_rfc3339(kind, v, text);

	if (len > 0)
		add_quoted(out, text, len);
	else
		add_text(out, v);
}

static void add_interval(struct out *out, const struct value *v)
{
	char text[MOMENT_MAX];
	size_t len = interval_iso8601(v, text);

	if (len > 0)
		add_quoted(out, text, len);
	else
		add_text(out, v);
}

static unsigned int nibble(char c)
{
	return (unsigned int)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10) & 15;
}

static char *base64(char *to, const char *hex, size_t digits)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"
				      "ghijklmnopqrstuvwxyz0123456789+/";

	/* Six hexadecimal digits are three bytes, which make four letters. */
	for (; digits >= 6; digits -= 6, hex += 6) {
		unsigned int x = 0;

		for (int i = 0; i < 6; i++)
			x = x << 4 | nibble(hex[i]);
		for (int shift = 18; shift >= 0; shift -= 6)
			*to++ = letters[x >> shift & 63];
	}
	if (digits >= 2) {
		unsigned int x = nibble(hex[0]) << 20 | nibble(hex[1]) << 16;

		if (digits >= 4)
			x |= nibble(hex[2]) << 12 | nibble(hex[3]) << 8;
		*to++ = letters[x >> 18 & 63];
		*to++ = letters[x >> 12 & 63];
		*to++ = digits >= 4 ? letters[x >> 6 & 63] : '=';
		*to++ = '=';
	}
	return to;
}

static void add_bytes(struct out *out, bool hex, const struct value *v)
{
	/* Each piece has whole groups of six digits. */
	const size_t piece = 6 * 4096;
	const char *s = v->data;
	size_t len = (size_t)v->len;

	if (len < 2 || memcmp(s, "\\x", 2) != 0) {
		add_text(out, v);
		return;
	}
	s += 2;
	len -= 2;
	if (hex) {
		json_text_add(out, s, len);
		return;
	}
	out_char(out, '"');
	while (len > 0) {
		size_t n = len < piece ? len : piece;

		out->at = base64(out_room(out, n), s, n);
		s += n;
		len -= n;
	}
	out_char(out, '"');
}

static int add_scalar(struct out *out, const struct json_style *style,
    enum column_kind kind, const struct value *v, struct err *e)
{
	if (v->len < 0) {
		out_add(out, "null", 4);
		return 0;
	}
	switch (kind) {
	case KIND_INTEGER:
	case KIND_DECIMAL:
	case KIND_FLOAT:
		add_number(out, style, kind, v);
		break;
	case KIND_BOOLEAN:
		out_str(out, v->len > 0 && *v->data == 't' ? "true" : "false");
		break;
	case KIND_TIMESTAMP:
	case KIND_TIMESTAMPTZ:
	case KIND_TIMETZ:
		add_moment(out, kind, v);
		break;
	case KIND_INTERVAL:
		if (style->text_intervals)
			add_text(out, v);
		else
			add_interval(out, v);
		break;
	case KIND_BYTES:
		add_bytes(out, style->hex, v);
		break;
	case KIND_JSON:
		return add_json(out, style, v, e);
	default:
		add_text(out, v);
	}
	return 0;
}

static int add_array(struct out *out, const struct json_style *style,
    struct array_reader *reader, const struct column *column,
    const struct value *array, struct err *e);

/* Writes an element that is itself an array type, which a domain over an array
 * makes possible. */
static int add_inside(struct out *out, const struct json_style *style,
    const struct column *column, const struct value *v, struct err *e)
{
	struct array_reader reader;
	int rc;

	array_open(&reader, v);
	rc = add_array(out, style, &reader, column, v, e);
	array_close(&reader);
	return rc;
}

static int add_element(struct out *out, const struct json_style *style,
    const struct column *array, const struct value *v, struct err *e)
{
	if (array->of != NULL && v->len >= 0)
		return add_inside(out, style, array->of, v, e);
	return add_scalar(out, style, array->element, v, e);
}

static int add_array(struct out *out, const struct json_style *style,
    struct array_reader *reader, const struct column *column,
    const struct value *array, struct err *e)
{
	struct value v;
	bool first = true; /* no element yet after the last [ */
	int event;

	array_again(reader, array);
	reader->delimiter = column->delimiter ? column->delimiter : ',';
	while ((event = array_next(reader, &v, e)) > 0) {
		if (event == ARRAY_FINISH) {
			out_char(out, ']');
			first = false;
			continue;
		}
		if (!first)
			out_char(out, ',');
		first = event == ARRAY_BEGIN;
		if (first)
			out_char(out, '[');
		else if (add_element(out, style, column, &v, e) != 0)
			return -1;
	}
	return event;
}

int json_value_add(struct out *out, const struct json_style *style,
    const struct column *column, const struct value *v, struct err *e)
{
	if (column->kind == KIND_ARRAY && v->len >= 0)
		return add_array(out, style, style->reader, column, v, e);
	return add_scalar(out, style, column->kind, v, e);
}
