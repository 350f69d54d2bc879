/* SPDX-License-Identifier: MIT */
#include "base/json.h"
#include "base/str.h"
#include "encode/text/json_rows.h"
#include "fuzz.h"

struct memory {
	struct sink base;
	struct buf bytes;
};

static int memory_write(
    struct sink *s, const void *data, size_t len, struct err *e)
{
	(void)e;
	buf_add(&((struct memory *)s)->bytes, data, len);
	return 0;
}

static const struct sink_type memory_type = {
    .name = "memory",
    .write = memory_write,
};

static int encode(struct memory *m, const json_t *options,
    const struct column *column, const struct value *v, struct err *e)
{
	struct schema schema = {(struct column *)(uintptr_t)column, 1};
	struct encoder *enc = encoder_open(&encoder_jsonl,
	    &(struct encoder_options){.options = options, .sink = &m->base}, e);
	int rc = -1;

	PROMISE(enc != NULL);
	if (encoder_begin(enc, &(struct section){.schema = &schema}, e) == 0 &&
	    encoder_rows(enc, &(struct batch){v, 1}, e) == 0 &&
	    encoder_end(enc, e) == 0)
		rc = encoder_finish(enc, e);
	encoder_free(enc);
	return rc;
}

/* A kind, an element's kind, options, and any value: what comes out is one line
 * of JSON, or the value is refused. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char strings[] =
	    "{\"big_integers\": \"string\", \"not_finite\": \"null\", "
	    "\"intervals\": \"text\", \"decimals\": \"string\"}";
	static const char arrays[] =
	    "{\"shape\": \"arrays\", \"bytes\": \"hex\"}";
	static const char *const options[] = {"{}", arrays, strings};
	struct column column = {.name = (char *)(uintptr_t) "x"};
	struct memory m = {.base = {.type = &memory_type}};
	struct err e = {.text = ""};
	struct value v;
	json_error_t error;
	json_t *o, *back;

	if (size < 3 || !str_is_utf8((const char *)data + 3, size - 3) ||
	    memchr(data + 3, '\0', size - 3) != NULL)
		return 0;
	column.kind = data[0] % (KIND_OTHER + 1);
	column.element = data[1] % (KIND_OTHER + 1);
	o = json_loads(options[data[2] % 3], 0, NULL);
	v = (struct value){(const char *)data + 3, (int32_t)(size - 3)};
	buf_init(&m.bytes, 64 << 20);
	if (encode(&m, o, &column, &v, &e) == 0) {
		const char *line = m.bytes.data, *rest;
		size_t len = m.bytes.len;

		if (data[2] % 3 == 1) { /* after the line of names */
			rest = memchr(line, '\n', len);
			PROMISE(rest != NULL);
			len -= (size_t)(rest + 1 - line);
			line = rest + 1;
		}
		PROMISE(memchr(line, '\n', len) == line + len - 1);
		/* Numbers may be of any size, which jansson's are not. */
		back = json_loadb(line, len,
		    JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &error);
		PROMISE(back != NULL ||
			json_error_code(&error) == json_error_numeric_overflow);
		json_decref(back);
	} else {
		bool json =
		    column.kind == KIND_JSON || column.element == KIND_JSON;

		PROMISE(column.kind == KIND_ARRAY || json);
		PROMISE(strstr(e.text, "not an array") != NULL ||
			(json && strstr(e.text, "json") != NULL));
	}
	buf_free(&m.bytes);
	json_decref(o);
	return 0;
}
