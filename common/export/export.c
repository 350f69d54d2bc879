/* SPDX-License-Identifier: MIT */
#include "export/export.h"

#include "encode/charset.h"

/* A chunk for the sink; a row that is larger goes straight through. */
#define CHUNK (256u << 10)
/* The watch is asked every so many rows; a wait for the server asks anyway. */
#define WATCH_ROWS 1024

static int put(
    struct buf *b, struct sink *to, const char *data, size_t len, struct err *e)
{
	if (b->len + len > CHUNK) {
		if (sink_write(to, b->data, b->len, e) != 0)
			return -1;
		buf_clear(b);
	}
	if (len > CHUNK)
		return sink_write(to, data, len, e);
	buf_add(b, data, len);
	return 0;
}

/* o->rows counts what the sink has, as the progress tells bytes and rows. */
static int copy_rows(
    const struct export_options *o, struct buf *b, bool header, struct err *e)
{
	int64_t rows = header ? -1 : 0;
	const char *data;
	size_t len;
	int rc;

	while ((rc = source_copy_next(o->source, &data, &len, e)) == 1) {
		if (b->len + len > CHUNK && rows > 0)
			*o->rows = rows;
		if (put(b, o->sink, data, len, e) != 0)
			return -1;
		if (++rows % WATCH_ROWS == 0 && watch_check(o->watch, e) != 0)
			return -1;
	}
	*o->rows = rows > 0 ? rows : 0;
	return rc;
}

static int run_copy(const struct export_options *o, const char *with,
    const char *preamble, bool header, struct err *e)
{
	struct buf b;
	int rc = -1;

	buf_init(&b, CHUNK);
	buf_str(&b, preamble);
	if (source_copy_csv(o->source, o->sql, with, e) == 0 &&
	    copy_rows(o, &b, header, e) == 0)
		rc = sink_write(o->sink, b.data, b.len, e);
	buf_free(&b);
	return rc;
}

static int encode_rows(
    const struct export_options *o, struct encoder *enc, struct err *e)
{
	struct batch batch;
	int rc;

	while ((rc = source_next(o->source, &batch, e)) == 1) {
		if (encoder_rows(enc, &batch, e) != 0)
			return -1;
		*o->rows += batch.rows;
		if (watch_check(o->watch, e) != 0)
			return -1;
	}
	return rc;
}

static int run_typed(const struct export_options *o, struct err *e)
{
	struct encoder *enc = encoder_open(o->type,
	    &(struct encoder_options){.options = o->options, .sink = o->sink},
	    e);
	bool raw = charset_is_raw(json_str(o->options, "encoding", "UTF8"));
	struct schema schema = {0};
	int rc = -1;

	if (enc == NULL)
		return -1;
	if ((!raw || source_raw_text(o->source, e) == 0) &&
	    source_query(o->source, o->sql, &schema, e) == 0 &&
	    encoder_begin(enc, &(struct section){.schema = &schema}, e) == 0 &&
	    encode_rows(o, enc, e) == 0 && encoder_end(enc, e) == 0)
		rc = encoder_finish(enc, e);
	encoder_free(enc);
	schema_free(&schema);
	return rc;
}

int export_run(const struct export_options *o, struct err *e)
{
	const char *preamble;
	struct buf with;
	bool header;
	int rc;

	buf_init(&with, 64 << 10);
	*o->rows = 0;
	if (encoder_check_options(o->type, o->options, e) != 0)
		return -1;
	if (o->type->copy != NULL && source_can_copy(o->source, o->sql) &&
	    o->type->copy(o->options, &with, &preamble, &header))
		rc = run_copy(o, with.data, preamble, header, e);
	else
		rc = run_typed(o, e);
	buf_free(&with);
	if (rc == 0)
		source_query_end(o->source);
	return rc;
}
