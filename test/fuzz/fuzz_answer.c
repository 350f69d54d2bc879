/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "base/json_reader.h"
#include "base/str.h"
#include "fuzz.h"
#include "source/snowflake/decode.h"

/*
 * An answer of Snowflake's SQL API: a byte for the size of its pieces, then JSON. The
 * values of its rows are taken for values of each type.
 */
static const char *const types[] = {"fixed", "real", "decfloat", "text",
    "boolean", "date", "time", "timestamp_ntz", "timestamp_ltz", "timestamp_tz",
    "binary", "variant", "new"};
#define TYPES (sizeof(types) / sizeof(*types))

struct pieces {
	const char *at, *end;
	size_t step;
};

static int more(void *arg, const char **data, size_t *len, struct err *e)
{
	struct pieces *p = arg;
	size_t left = (size_t)(p->end - p->at);

	(void)e;
	*len = left < p->step ? left : p->step;
	*data = p->at;
	p->at += *len;
	return *len > 0;
}

static void decode(const struct buf *raw)
{
	/* Made once: the powers take as long as a thousand runs. */
	static struct decode_tools tools;
	struct err e;

	if (tools.zone == NULL)
		tools.zone = zone_open("UTC", &e);
	for (size_t i = 0; i < TYPES; i++) {
		json_t *type = json_pack("{ss ss si si}", "name", "x", "type",
		    types[i], "precision", 30, "scale", (int)(i % 4));
		struct decoder d;
		struct column column;
		struct buf out;

		PROMISE(decoder_open(type, &d, &column, &e) == 0);
		buf_init(&out, 1 << 20);
		if (d.write(&tools, &d, raw->len > 0 ? raw->data : "", raw->len,
			&out, &e) == 0)
			PROMISE(out.len == 0 || str_is_utf8(out.data, out.len));
		buf_free(&out);
		free(column.name);
		json_decref(type);
	}
}

static int read_rows(struct json_reader *r, struct err *e)
{
	struct buf raw;
	int row, value = 0;

	buf_init(&raw, 1 << 16);
	if (json_reader_array(r, e) != 0)
		return -1;
	while ((row = json_reader_element(r, e)) == 1) {
		if (json_reader_array(r, e) != 0)
			break;
		while ((value = json_reader_element(r, e)) == 1) {
			buf_clear(&raw);
			value = json_reader_text(r, &raw, e);
			if (value < 0)
				break;
			if (value == 1)
				decode(&raw);
		}
		if (value < 0)
			break;
	}
	buf_free(&raw);
	return row == 0 ? 0 : -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pieces p = {(const char *)data + 1, (const char *)data + size,
	    size > 0 ? (size_t)data[0] + 1 : 1};
	struct json_reader r = {.more = more, .arg = &p, .at = "", .end = ""};
	struct buf name, value;
	struct err e;
	int rc;

	if (size == 0)
		return 0;
	r.end = r.at;
	buf_init(&name, 1 << 10);
	buf_init(&value, 1 << 16);
	rc = json_reader_object(&r, &e);
	while (rc == 0 && json_reader_member(&r, &name, &e) == 1) {
		buf_clear(&value);
		rc = json_reader_is_array(&r, &e);
		if (rc >= 0)
			rc = rc == 1 ? read_rows(&r, &e)
				     : json_reader_copy(&r, &value, &e);
	}
	buf_free(&name);
	buf_free(&value);
	return 0;
}
