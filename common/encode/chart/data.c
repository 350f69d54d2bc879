/* SPDX-License-Identifier: MIT */
#include "encode/chart/data.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "rows/money.h"

/* Bytes kept of a category. Longer texts would be cut in the drawing. */
#define CATEGORY_BYTES 1000
/* Series that a tip names, and bytes of each text in it. */
#define TIP_SERIES 20
#define TIP_BYTES 200

/* Opens the format of a column, whose code the layout has checked. */
static struct format *format_of(const struct column_layout *c)
{
	struct err e;

	return c->format ? format_open(c->format, &e) : NULL;
}

struct chart_data *chart_data_open(const struct chart_option *chart,
    const struct schema *schema, const struct layout *layout)
{
	struct chart_data *d = mem_zalloc(sizeof(*d));
	struct err unused; /* the layout has checked the formats */
	size_t count = (size_t)chart->count;

	d->type = chart->type;
	d->title = mem_strdup(chart->title);
	d->series = chart->count;
	d->category = chart->category;
	d->schema = schema;
	d->kind = schema->columns[chart->category].kind;
	d->label_format = format_of(&layout->columns[chart->category]);
	d->format = format_of(&layout->columns[chart->values[0]]);
	d->columns = mem_alloc(count * sizeof(*d->columns));
	d->names = mem_alloc(count * sizeof(*d->names));
	for (int i = 0; i < d->series; i++) {
		d->columns[i] = chart->values[i];
		d->names[i] =
		    mem_strdup(layout->columns[chart->values[i]].label);
	}
	if (chart->tips)
		d->cells = cells_open(layout, schema, "\u2013", &unused);
	return d;
}

void chart_data_free(struct chart_data *d)
{
	if (d == NULL)
		return;
	for (int i = 0; i < d->rows; i++)
		free(d->categories[i]);
	for (int i = 0; d->tips != NULL && i < d->rows; i++)
		free(d->tips[i]);
	for (int i = 0; i < d->series; i++)
		free(d->names[i]);
	free(d->categories);
	chart_repeat_clear(&d->repeat);
	free(d->tips);
	cells_free(d->cells);
	free(d->names);
	free(d->values);
	free(d->columns);
	free(d->title);
	format_close(d->format);
	format_close(d->label_format);
	free(d);
}

double chart_number(const struct column *column, const struct value *v)
{
	char decimal[MONEY_MAX], *copy;
	struct value amount;
	double n;

	if (v->len < 0)
		return NAN;
	if (column->kind == KIND_MONEY) {
		if (!money_read(column->money, v, decimal, &amount))
			return NAN;
		v = &amount;
	}
	copy = mem_strndup(v->data, (size_t)v->len);
	n = strtod(copy, NULL);
	free(copy);
	return isfinite(n) ? n : NAN;
}

bool chart_lacks_number(const struct column *column, const struct value *v)
{
	return v->len >= 0 && isnan(chart_number(column, v));
}

int64_t chart_data_left_out(const struct chart_data *d)
{
	return d == NULL ? 0 : d->left_out;
}

void chart_remark(int64_t left_out, struct buf *remark)
{
	if (left_out > 0)
		buf_printf(remark,
		    "%s%" PRId64 " value%s of the chart %s not drawn: NaN, "
		    "infinite, or larger than any float",
		    remark->len ? "; " : "", left_out, left_out == 1 ? "" : "s",
		    left_out == 1 ? "is" : "are");
}

void chart_data_remark(struct chart_data *d, struct buf *remark)
{
	if (d != NULL)
		chart_repeat_remark(
		    &d->repeat, d->schema->columns[d->category].name, remark);
}

/* Returns a copy of as much of the value as a label can show. */
static char *category_of(const struct value *v)
{
	if (v->len < 0)
		return NULL;
	return mem_strndup(
	    v->data, v->len < CATEGORY_BYTES ? (size_t)v->len : CATEGORY_BYTES);
}

static void add_tip(struct buf *tip, const char *text, size_t len)
{
	char cut[TIP_BYTES + 2]; /* room for a byte too many */

	snprintf(cut, sizeof(cut), "%.*s", (int)len, text);
	str_cut_utf8(cut, TIP_BYTES);
	buf_str(tip, cut);
}

/* Returns the tip of a row; NULL with *e when a text does not fit into
 * memory. */
static char *tip_of(
    const struct chart_data *d, const struct value *row, struct err *e)
{
	const struct value *shown = cells_row(d->cells, row, e);
	const struct value *v = shown ? &shown[d->category] : NULL;
	struct buf tip;

	if (shown == NULL)
		return NULL;
	buf_init(&tip, (size_t)TIP_SERIES * 4 * TIP_BYTES);
	add_tip(&tip, v->data, (size_t)v->len);
	for (int i = 0; i < d->series && i < TIP_SERIES; i++) {
		v = &shown[d->columns[i]];
		buf_char(&tip, '\n');
		add_tip(&tip, d->names[i], strlen(d->names[i]));
		buf_str(&tip, ": ");
		add_tip(&tip, v->data, (size_t)v->len);
	}
	if (d->series > TIP_SERIES)
		buf_printf(&tip, "\nand %d more", d->series - TIP_SERIES);
	return tip.data;
}

int chart_data_row(struct chart_data *d, const struct value *row, struct err *e)
{
	char *tip = NULL;

	if (d->rows == CHART_POINTS)
		return err_set(e, ERR_PERMANENT,
		    "chart: more than %d rows cannot be drawn; let the query "
		    "gather them into fewer",
		    CHART_POINTS);
	if (d->rows == d->cap) {
		d->cap = d->cap ? d->cap * 2 : 16;
		d->categories = mem_realloc(
		    d->categories, (size_t)d->cap, sizeof(*d->categories));
		if (d->cells != NULL)
			d->tips = mem_realloc(
			    d->tips, (size_t)d->cap, sizeof(*d->tips));
		d->values = mem_realloc(d->values,
		    (size_t)d->cap * (size_t)d->series, sizeof(*d->values));
	}
	for (int i = 0; i < d->series; i++) {
		const struct value *v = &row[d->columns[i]];

		const struct column *c = &d->schema->columns[d->columns[i]];

		if (chart_check_value(d->type, c, v, &row[d->category], e) != 0)
			return -1;
		d->values[d->rows * d->series + i] = chart_number(c, v);
		d->left_out += chart_lacks_number(c, v);
	}
	if (d->cells != NULL) {
		tip = tip_of(d, row, e);
		if (tip == NULL)
			return -1;
		d->tips[d->rows] = tip;
	}
	chart_repeat_add(&d->repeat, &row[d->category]);
	d->categories[d->rows++] = category_of(&row[d->category]);
	return 0;
}
