/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "encode/xlsx/sheet.h"

static int put_part(struct xlsx *x, const char *stem, int number, struct err *e)
{
	char name[64];

	snprintf(name, sizeof(name), "%s%d.xml%s", stem, number,
	    strstr(stem, "_rels") ? ".rels" : "");
	return zip_part(x->zip, name, &x->part, e);
}

/* Returns whether the chart has columns in which numbers had to be text. */
static bool has_strays(const struct xlsx *x)
{
	for (int i = 0; i < x->chart.count; i++) {
		if (x->columns[x->chart.values[i]].strays)
			return true;
	}
	return false;
}

static void add_numbers(struct buf *b, const struct xlsx_points *p, int count)
{
	for (uint32_t row = 0; row < p->rows; row++) {
		buf_printf(b, "<row r=\"%u\">", row + 2);
		for (int i = 0; i < count; i++) {
			double n =
			    p->values[row * (uint32_t)count + (uint32_t)i];
			char room[8];

			if (!isnan(n))
				buf_printf(b, "<c r=\"%s%u\"><v>%.17g</v></c>",
				    xlsx_letters(room, i), row + 2, n);
		}
		buf_str(b, "</row>");
	}
}

/* Appends the cells of a slice: its category, and its value in the look of the
 * column of values. */
static void add_slice(struct xlsx *x, int number, struct xlsx_column *c,
    const struct value *category, double value)
{
	struct xlsx_losses counted = {.cut = 0}; /* by the table already */
	struct xlsx_row row;

	xlsx_row_set(&row, (uint32_t)number);
	buf_printf(&x->part, "<row r=\"%d\">", number);
	xlsx_cell(&x->part, c, &row, category, &x->strings, &counted);
	buf_printf(&x->part, "<c r=\"B%d\" s=\"%d\"><v>%.17g</v></c></row>",
	    number, x->columns[x->chart.values[0]].look.usual, value);
}

/* Appends the slices of a pie, which end with "other". Values whose sum is no
 * double stay in XLSX_SLICE_UNIT: their shares are the same. */
static void add_slices(struct xlsx *x)
{
	const struct chart_slices *s = &x->points.slices;
	const struct xlsx_column *column = &x->columns[x->chart.category];
	const struct value other = {CHART_OTHER, sizeof(CHART_OTHER) - 1};
	struct xlsx_column category, word;
	double unit = XLSX_SLICE_UNIT, sum = s->rest;

	xlsx_column_init(&category, 0, &column->rule, &column->look);
	xlsx_column_init(&word, 0, &(struct xlsx_rule){.kind = KIND_TEXT},
	    &(struct xlsx_look){.scales = NULL});
	for (int i = 0; i < s->count; i++)
		sum += s->list[i].value;
	if (!isfinite(sum / unit))
		unit = 1;
	for (int i = 0; i < s->count; i++)
		add_slice(x, i + 2, &category,
		    &(struct value){
			s->list[i].category, s->list[i].category_len},
		    s->list[i].value / unit);
	add_slice(x, s->count + 2, &word, &other, s->rest / unit);
}

/* Writes a hidden sheet with the data of the chart: the slices of a pie, or its
 * numbers alone, with blanks where there is none. Returns its name; NULL with
 * *e when it cannot be written. */
static const char *put_data(struct xlsx *x, bool slices, struct err *e)
{
	struct buf *b = &x->part;

	xlsx_book_add(&x->book, "Chart data")->hidden = true;
	buf_str(b, XLSX_XML "<worksheet xmlns=\"" XLSX_MAIN "\"><sheetData>");
	if (slices)
		add_slices(x);
	else
		add_numbers(b, &x->points, x->chart.count);
	buf_str(b, "</sheetData></worksheet>");
	if (put_part(x, "xl/worksheets/sheet", x->book.count, e) != 0)
		return NULL;
	return x->book.sheets[x->book.count - 1].name;
}

/* Returns the number format of categories that are dates or times in all rows;
 * else NULL. */
static const char *times_of(const struct xlsx *x)
{
	int i = x->chart.category;
	const char *code =
	    xlsx_points_times(&x->points, x->schema->columns[i].kind);

	if (x->columns[i].strays || code == NULL)
		return NULL;
	return x->base.layout.columns[i].format
		   ? x->base.layout.columns[i].format
		   : code;
}

/* Returns the ends of the axis of values. Rows that only a spreadsheet can draw
 * are not held; then it chooses both. */
static struct chart_ends ends_of(const struct xlsx *x)
{
	struct chart_ends ends = {.min = ""};

	if (x->points.rows <= CHART_POINTS)
		chart_axis_ends(&ends, &x->chart, &x->base.layout,
		    x->points.values, (int)x->points.rows);
	return ends;
}

/* Writes the drawing that holds the chart of a sheet. */
static int put_drawing(struct xlsx *x, int number, struct err *e)
{
	xlsx_sheet_rels(&x->part, number);
	if (put_part(x, "xl/worksheets/_rels/sheet", number, e) != 0)
		return -1;
	xlsx_drawing(&x->part, x->schema->count);
	if (put_part(x, "xl/drawings/drawing", number, e) != 0)
		return -1;
	xlsx_drawing_rels(&x->part, number);
	return put_part(x, "xl/drawings/_rels/drawing", number, e);
}

int xlsx_sheet_chart(struct xlsx *x, int number, uint32_t last, struct err *e)
{
	const char *data = NULL;
	const char *code = x->base.layout.columns[x->chart.values[0]].format;
	bool strays = has_strays(x), slices;

	if (put_drawing(x, number, e) != 0)
		return -1;
	slices = chart_slices_end(&x->points.slices);
	if (slices || (strays && x->points.rows <= CHART_POINTS)) {
		data = put_data(x, slices, e);
		if (data == NULL)
			return -1;
	}
	x->zeros |= strays && data == NULL;
	chart_repeat_remark(&x->points.repeat,
	    x->schema->columns[x->chart.category].name, &x->remark);
	xlsx_chart(&x->part,
	    &(struct xlsx_plot){.chart = &x->chart,
		.layout = &x->base.layout,
		.sheet = x->book.sheets[number - 1].name,
		.last = slices ? CHART_SLICES + 2 : last,
		.data = data,
		.slices = slices,
		.times = slices ? NULL : times_of(x),
		.points = &x->points,
		.ends = ends_of(x),
		.code =
		    code ? code : xlsx_points_code(&x->points, x->chart.type),
		.empty = xlsx_points_empty(&x->points, x->chart.type)});
	return put_part(x, "xl/charts/chart", number, e);
}
