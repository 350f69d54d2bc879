/* SPDX-License-Identifier: MIT */
#include "encode/text/copy.h"

#include <stdlib.h>

#include "base/mem.h"
#include "encode/text/out.h"
#include "rows/money.h"

struct copy {
	struct encoder base;
	struct out out;
	const struct schema *schema;
};

/* The characters that COPY reads as something else; see "File Formats" of COPY in
 * PostgreSQL's manual. */
static const struct escapes escapes = {.bytes = {'\\', '\\', '\\', '\\'},
    .below = 0x20,
    .text = {['\\'] = "\\\\",
	['\b'] = "\\b",
	['\f'] = "\\f",
	['\n'] = "\\n",
	['\r'] = "\\r",
	['\t'] = "\\t",
	['\v'] = "\\v"}};

static struct encoder *copy_open(const struct encoder_options *o, struct err *e)
{
	struct copy *c = mem_zalloc(sizeof(*c));

	(void)e;
	out_open(&c->out, o->sink);
	return &c->base;
}

static int copy_begin(
    struct encoder *enc, const struct section *section, struct err *e)
{
	if (enc->sections > 1)
		return err_set(e, ERR_PERMANENT,
		    "a table holds the result of one statement, and export_sql "
		    "has several");
	((struct copy *)enc)->schema = section->schema;
	return 0;
}

static void add_value(
    struct out *out, const struct column *column, const struct value *v)
{
	char number[MONEY_MAX];
	struct value amount;

	if (v->len < 0) {
		out_add(out, "\\N", 2);
		return;
	}
	if (column->kind == KIND_MONEY &&
	    money_read(column->money, v, number, &amount))
		v = &amount;
	out_escaped(out, &escapes, v->data, (size_t)v->len);
}

static int copy_rows(struct encoder *enc, const struct batch *b, struct err *e)
{
	struct copy *c = (struct copy *)enc;
	const struct value *v = b->values;

	for (int row = 0; row < b->rows; row++) {
		for (int i = 0; i < c->schema->count; i++) {
			if (i > 0)
				out_char(&c->out, '\t');
			add_value(&c->out, &c->schema->columns[i], v++);
		}
		out_char(&c->out, '\n');
	}
	return out_check(&c->out, e);
}

static int copy_end(struct encoder *enc, struct err *e)
{
	(void)enc;
	(void)e;
	return 0;
}

static int copy_finish(struct encoder *enc, struct err *e)
{
	return out_flush(&((struct copy *)enc)->out, e);
}

static void copy_free(struct encoder *enc)
{
	out_close(&((struct copy *)enc)->out);
	free(enc);
}

static bool copy_form(const json_t *options, struct csv_form *form)
{
	(void)options;
	*form = (struct csv_form){
	    .copy_text = true, .encoding = "UTF8", .before = ""};
	return true;
}

const struct encoder_type encoder_table = {
    .name = "TABLE",
    .extension = "table",
    .media_type = "application/octet-stream",
    .one_section = true,
    .options = {NULL},
    .open = copy_open,
    .begin = copy_begin,
    .rows = copy_rows,
    .end = copy_end,
    .finish = copy_finish,
    .free = copy_free,
    .form = copy_form,
};
