/* SPDX-License-Identifier: MIT */
#include "encode/table/cell.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "encode/table/format.h"
#include "rows/moment.h"
#include "rows/number.h"

/* PostgreSQL limits a field to this many bytes. */
#define TEXT_MAX ((size_t)1 << 30)

struct cells {
	const struct layout *layout;
	const struct schema *schema;
	const char *null;
	struct format **formats; /* by column; NULL: shown without a format */
	struct buf *texts;       /* texts of values that need a change */
	struct value *row;
	struct buf total;
};

bool cell_as_is(const struct column *column)
{
	return column->kind != KIND_BOOLEAN &&
	       column->kind != KIND_TIMESTAMPTZ &&
	       (column->kind != KIND_DECIMAL || column->precision != 0);
}

int cell_plain(const struct column *column, enum column_kind kind,
    const struct value *v, struct value pieces[2])
{
	const char *rest;
	size_t len;

	pieces[0] = *v;
	if (kind == KIND_BOOLEAN && v->len == 1) {
		pieces[0] = *v->data == 't' ? (struct value){"true", 4}
					    : (struct value){"false", 5};
	} else if (kind == KIND_DECIMAL && column->precision == 0) {
		pieces[0].len = number_shown(v);
	} else if (kind == KIND_TIMESTAMPTZ) {
		/* The report names the time zone beside the table. */
		len = moment_without_offset(kind, v, &rest);
		pieces[0].len = (int32_t)len;
		pieces[1] =
		    (struct value){rest, (int32_t)(v->data + v->len - rest)};
		return 2;
	}
	return 1;
}

struct cells *cells_open(const struct layout *layout,
    const struct schema *schema, const char *null, struct err *e)
{
	struct cells *c = mem_zalloc(sizeof(*c));
	size_t count = (size_t)layout->count + 1;

	c->layout = layout;
	c->schema = schema;
	c->null = null;
	c->formats = mem_zalloc(count * sizeof(*c->formats));
	c->texts = mem_zalloc(count * sizeof(*c->texts));
	c->row = mem_zalloc(count * sizeof(*c->row));
	buf_init(&c->total, TEXT_MAX);
	for (int i = 0; i < layout->count; i++)
		buf_init(&c->texts[i], TEXT_MAX);
	for (int i = 0; i < layout->count; i++) {
		const char *code = layout->columns[i].format;

		if (code == NULL)
			continue;
		c->formats[i] = format_open(code, e);
		if (c->formats[i] == NULL ||
		    format_check_language(c->formats[i], e) != 0) {
			cells_free(c);
			return NULL;
		}
		format_set_money(c->formats[i], schema->columns[i].money);
	}
	return c;
}

void cells_free(struct cells *c)
{
	if (c == NULL)
		return;
	for (int i = 0; i < c->layout->count; i++) {
		format_close(c->formats[i]);
		buf_free(&c->texts[i]);
	}
	buf_free(&c->total);
	free(c->formats);
	free(c->texts);
	free(c->row);
	free(c);
}

/* Appends to the column's text the value as a reader sees it. */
static void add(struct cells *c, int i, enum column_kind kind,
    const struct value *v, bool formatted)
{
	struct buf *b = &c->texts[i];
	struct value pieces[2];
	int n;

	if (c->formats[i] != NULL && formatted) {
		format_add(c->formats[i], kind, v, b);
		return;
	}
	n = cell_plain(&c->schema->columns[i], kind, v, pieces);
	for (int k = 0; k < n; k++)
		buf_add(b, pieces[k].data, (size_t)pieces[k].len);
}

static int take(struct cells *c, int i, struct err *e)
{
	struct buf *b = &c->texts[i];

	if (b->overflow || b->len > INT32_MAX)
		return err_set(
		    e, ERR_PERMANENT, "PDF: a value does not fit into memory");
	c->row[i] = (struct value){b->data, (int32_t)b->len};
	return 0;
}

const struct value *cells_row(
    struct cells *c, const struct value *row, struct err *e)
{
	for (int i = 0; i < c->layout->count; i++) {
		const struct column *column = &c->schema->columns[i];
		enum column_kind kind = column->kind;
		struct value pieces[2];

		if (row[i].len < 0) {
			c->row[i] =
			    (struct value){c->null, (int32_t)strlen(c->null)};
		} else if (c->formats[i] == NULL &&
			   cell_plain(column, kind, &row[i], pieces) == 1) {
			c->row[i] = pieces[0];
		} else {
			buf_clear(&c->texts[i]);
			add(c, i, kind, &row[i], true);
			if (take(c, i, e) != 0)
				return NULL;
		}
	}
	return c->row;
}

static void add_total(struct cells *c, const struct totals *t, int i)
{
	enum total of = c->layout->columns[i].total;
	struct buf *b = &c->texts[i];
	enum column_kind kind;

	if (!totals_text(t, i, &c->total, &kind))
		return;
	if (b->len > 0)
		buf_char(b, ' ');
	if (*layout_total_word(of) != '\0')
		buf_printf(b, "%s ", layout_total_word(of));
	/* A format fits the values of the column; a count is not one of
	 * them. */
	add(c, i, kind, &(struct value){c->total.data, (int32_t)c->total.len},
	    of != TOTAL_COUNT);
}

const struct value *cells_totals(struct cells *c, const struct totals *t,
    const struct cells_label *label, struct err *e)
{
	for (int i = 0; i < c->layout->count; i++) {
		buf_clear(&c->texts[i]);
		buf_str(&c->texts[i], i == label->column ? label->text : "");
		add_total(c, t, i);
		if (take(c, i, e) != 0)
			return NULL;
	}
	return c->row;
}
