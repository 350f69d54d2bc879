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

/* Writes a hidden sheet that has only the numbers of the chart, with blanks
 * where there is none. */
static int put_numbers(struct xlsx *x, struct err *e)
{
	struct buf *b = &x->part;

	xlsx_book_add(&x->book, "Chart data")->hidden = true;
	buf_str(b, XLSX_XML "<worksheet xmlns=\"" XLSX_MAIN "\"><sheetData>");
	add_numbers(b, &x->points, x->chart.count);
	buf_str(b, "</sheetData></worksheet>");
	return put_part(x, "xl/worksheets/sheet", x->book.count, e);
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

int xlsx_sheet_chart(struct xlsx *x, int number, uint32_t last, struct err *e)
{
	const char *name = x->book.sheets[number - 1].name, *data = NULL;
	const char *code = x->base.layout.columns[x->chart.values[0]].format;
	bool strays = has_strays(x);

	xlsx_sheet_rels(&x->part, number);
	if (put_part(x, "xl/worksheets/_rels/sheet", number, e) != 0)
		return -1;
	xlsx_drawing(&x->part, x->schema->count);
	if (put_part(x, "xl/drawings/drawing", number, e) != 0)
		return -1;
	xlsx_drawing_rels(&x->part, number);
	if (put_part(x, "xl/drawings/_rels/drawing", number, e) != 0)
		return -1;
	if (strays && x->points.rows <= CHART_POINTS) {
		if (put_numbers(x, e) != 0)
			return -1;
		data = x->book.sheets[x->book.count - 1].name;
	}
	x->zeros |= strays && data == NULL;
	chart_repeat_remark(&x->points.repeat,
	    x->schema->columns[x->chart.category].name, &x->remark);
	xlsx_chart(&x->part,
	    &(struct xlsx_plot){.chart = &x->chart,
		.layout = &x->base.layout,
		.sheet = name,
		.last = last,
		.data = data,
		.times = times_of(x),
		.ends = ends_of(x),
		.code =
		    code ? code : xlsx_points_code(&x->points, x->chart.type),
		.empty = xlsx_points_empty(&x->points, x->chart.type)});
	return put_part(x, "xl/charts/chart", number, e);
}
