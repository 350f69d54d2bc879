/* SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "export/export_parts.h"

/* Bytes collected for one write to the sink; larger rows skip the buffer. */
#define CHUNK (256u << 10)
/* Rows between two checks of the watch; waits for the server check it, too. */
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

/* Passes up to max_rows rows from the server to the sink. *r->o->rows counts
 * the rows that the sink already has. */
static int pass_rows(struct run *r, struct export_output *output, struct buf *b,
    bool header, struct err *e)
{
	int64_t before = *r->o->rows, rows = header ? -1 : 0;
	int64_t most = r->plan->max_rows;
	bool cut = false;
	const char *data;
	size_t len;
	int rc;

	while ((rc = source_pass_next(r->o->source, &data, &len, e)) == 1) {
		if (rows == most) {
			cut = true;
			continue;
		}
		if (b->len + len > CHUNK && rows > 0)
			*r->o->rows = before + rows;
		if (put(b, output->sink, data, len, e) != 0)
			return -1;
		if (++rows % WATCH_ROWS == 0 &&
		    watch_check(r->o->watch, e) != 0)
			return -1;
	}
	if (cut && rc == 0)
		export_say_cut(r);
	r->rows = rows > 0 ? rows : 0;
	*r->o->rows = before + r->rows;
	return rc;
}

/* Passes all bytes from the server to the sink, unchanged. */
static int pass_bytes(
    struct run *r, struct export_output *output, struct buf *b, struct err *e)
{
	int64_t before = *r->o->rows;
	int rc;

	while ((rc = source_pass_read(r->o->source, b, e)) == 1) {
		*r->o->rows = before + source_pass_rows(r->o->source);
		if (sink_write(output->sink, b->data, b->len, e) != 0 ||
		    watch_check(r->o->watch, e) != 0)
			return -1;
		buf_clear(b);
	}
	r->rows = source_pass_rows(r->o->source);
	*r->o->rows = before + r->rows;
	return rc;
}

static int run_pass(struct run *r, struct export_output *output,
    const struct source_pass *pass, struct err *e)
{
	struct buf b;
	int rc = -1;

	buf_init(&b, CHUNK);
	buf_str(&b, pass->form->before);
	if (source_pass(r->o->source, pass, e) == 0 &&
	    (r->plan->max_rows > 0
		    ? pass_rows(r, output, &b, pass->form->header, e)
		    : pass_bytes(r, output, &b, e)) == 0)
		rc = sink_write(output->sink, b.data, b.len, e);
	buf_free(&b);
	output->rows = r->rows;
	return rc;
}

/* Writes only the header line, with the encoder, because the server does not
 * know the labels of the option "columns". */
static int write_header(struct run *r, int i, struct err *e)
{
	struct schema schema = {0};
	int rc = -1;

	r->encoders[i] = export_open_encoder(r, i, e);
	if (r->encoders[i] != NULL &&
	    source_describe(
		r->o->source, r->plan->statements[r->index], &schema, e) == 0 &&
	    encoder_begin(
		r->encoders[i], &(struct section){.schema = &schema}, e) == 0 &&
	    encoder_end(r->encoders[i], e) == 0)
		rc = export_finish_encoder(r, i, e);
	schema_free(&schema);
	return rc;
}

/* The index of the only output that takes this statement; -1: not just one. */
static int only_output(const struct run *r)
{
	int only = -1;

	for (int i = 0; i < r->plan->count; i++) {
		if (!export_takes(r, i))
			continue;
		if (only >= 0)
			return -1;
		only = i;
	}
	return only;
}

/* Says whether the server's text of every column is that of the form: an amount of
 * money is written in another one. */
static bool passes(const struct csv_form *form, const struct schema *schema)
{
	for (int i = 0; form->copy_text && i < schema->count; i++) {
		if (schema->columns[i].kind == KIND_MONEY)
			return false;
	}
	return true;
}

/* Opens an output that waited for the schema; 1: its bytes cannot pass. */
static int open_passed(struct run *r, struct export_output *o,
    const struct csv_form *form, struct err *e)
{
	struct schema schema = {0};
	int rc = source_describe(
	    r->o->source, r->plan->statements[r->index], &schema, e);

	if (rc == 0)
		rc = passes(form, &schema)
			 ? r->o->open(r->o->arg, o, NULL, &schema, e)
			 : 1;
	schema_free(&schema);
	return rc;
}

int export_try_pass(struct run *r, struct err *e)
{
	int i = only_output(r), rc = 0;
	struct export_output *o = i < 0 ? NULL : &r->plan->outputs[i];
	struct csv_form form;
	struct source_pass pass = {.sql = r->sql.data,
	    .form = &form,
	    .last = !r->o->goes_on && r->index == r->plan->statement_count - 1};

	if (o == NULL || o->partition_by != NULL || o->type->form == NULL ||
	    !o->type->form(o->options, &form) ||
	    (o->sink == NULL && !form.copy_text) ||
	    !source_can_pass(r->o->source, &pass))
		return 1;
	if (o->sink == NULL)
		rc = open_passed(r, o, &form, e);
	if (rc != 0)
		return rc;
	if (form.header &&
	    json_object_size(json_object_get(o->options, "columns")) > 0) {
		form.header = false;
		form.before = "";
		if (write_header(r, i, e) != 0)
			return -1;
	}
	return run_pass(r, o, &pass, e);
}
