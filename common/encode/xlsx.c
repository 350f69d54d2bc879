/* SPDX-License-Identifier: MIT */
#include "encode/xlsx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "encode/xlsx_sheet.h"

#define BUF_MAX ((size_t)1 << 30)

static const struct xlsx_limits excel = {
    .rows = 1048576,
    /* What stands around the rows has room in the rest. */
    .bytes = ZIP_PART_MAX - (2u << 20),
};

struct encoder *xlsx_open_limited(const struct encoder_options *o,
    const struct xlsx_limits *limits, struct err *e)
{
	const struct report_info nobody = {
	    .title = json_str(o->options, "title", ""),
	    .author = "",
	    .time_zone = "",
	};
	struct xlsx *x = mem_zalloc(sizeof(*x));

	x->limits = *limits;
	x->info = o->info ? *o->info : nobody;
	x->autofilter = json_bool(o->options, "autofilter", true);
	x->zip = zip_open(o->sink);
	xlsx_styles_init(&x->styles);
	buf_init(&x->rows, BUF_MAX);
	buf_init(&x->part, BUF_MAX);
	buf_init(&x->scratch, BUF_MAX);
	/* In front, where file(1) looks for something to know a workbook by. */
	xlsx_root_rels(&x->part);
	if (zip_part(x->zip, "_rels/.rels", &x->part, e) == 0) {
		xlsx_core(&x->part, &x->info);
		if (zip_part(x->zip, "docProps/core.xml", &x->part, e) == 0)
			return &x->base;
	}
	encoder_xlsx.free(&x->base);
	return NULL;
}

static struct encoder *xlsx_open(const struct encoder_options *o, struct err *e)
{
	return xlsx_open_limited(o, &excel, e);
}

static void open_column(struct xlsx *x, int i)
{
	const struct column *c = &x->schema->columns[i];
	const struct column_layout *l = &x->base.layout.columns[i];
	const char *code = l->format ? l->format : xlsx_code(c, false);
	const char *fraction = l->format ? l->format : xlsx_code(c, true);

	int style = xlsx_style(&x->styles, code, l->align, XLSX_BODY);

	xlsx_column_init(&x->columns[i], i, c->kind, style,
	    xlsx_style(&x->styles, fraction, l->align, XLSX_BODY));
}

static int xlsx_begin(
    struct encoder *enc, const struct section *section, struct err *e)
{
	struct xlsx *x = (struct xlsx *)enc;
	int count = section->schema->count;
	int chart;

	if (count > XLSX_COLUMNS)
		return err_set(e, ERR_PERMANENT,
		    "a sheet has %d columns at most, not %d", XLSX_COLUMNS,
		    count);
	chart = chart_open(&x->chart, enc->options, section, e);
	if (chart < 0)
		return -1;
	x->has_chart = chart > 0;
	x->name = mem_strdup(section->name ? section->name : x->info.title);
	x->schema = section->schema;
	x->columns = mem_zalloc((size_t)count * sizeof(*x->columns) + 1);
	x->widths = mem_zalloc((size_t)count * sizeof(*x->widths) + 1);
	for (int i = 0; i < count; i++)
		open_column(x, i);
	if (enc->layout.totals) {
		x->totals = totals_open(&enc->layout, x->schema);
		x->all_totals = totals_open(&enc->layout, x->schema);
	}
	x->sampling = true;
	x->continued = x->last = false;
	return xlsx_sheet_begin(x, e);
}

static int xlsx_rows(struct encoder *enc, const struct batch *b, struct err *e)
{
	struct xlsx *x = (struct xlsx *)enc;
	const struct value *v = b->values;

	for (int i = 0; i < b->rows; i++, v += x->schema->count) {
		if (x->has_chart &&
		    chart_check_value(x->chart.type, &v[x->chart.values[0]],
			&v[x->chart.category], e) != 0)
			return -1;
		if (xlsx_sheet_row(x, v, e) != 0)
			return -1;
	}
	return 0;
}

static void close_section(struct xlsx *x)
{
	totals_free(x->totals);
	totals_free(x->all_totals);
	x->totals = x->all_totals = NULL;
	chart_close(&x->chart);
	x->chart = (struct chart_option){0};
	free(x->columns);
	free(x->widths);
	free(x->name);
	x->columns = NULL;
	x->widths = NULL;
	x->name = NULL;
}

static int xlsx_end(struct encoder *enc, struct err *e)
{
	struct xlsx *x = (struct xlsx *)enc;

	x->last = true;
	if (xlsx_sheet_end(x, e) != 0)
		return -1;
	close_section(x);
	return 0;
}

/* A workbook without a sheet is none. */
static int empty_sheet(struct xlsx *x, struct err *e)
{
	static const struct schema nothing;

	x->schema = &nothing;
	x->sampling = true;
	x->has_chart = false;
	return xlsx_sheet_begin(x, e) == 0 ? xlsx_sheet_end(x, e) : -1;
}

static int xlsx_finish(struct encoder *enc, struct err *e)
{
	struct xlsx *x = (struct xlsx *)enc;

	if (x->book.count == 0 && empty_sheet(x, e) != 0)
		return -1;
	xlsx_workbook(&x->part, &x->book);
	if (zip_part(x->zip, "xl/workbook.xml", &x->part, e) != 0)
		return -1;
	xlsx_workbook_rels(&x->part, &x->book);
	if (zip_part(x->zip, "xl/_rels/workbook.xml.rels", &x->part, e) != 0)
		return -1;
	xlsx_styles_xml(&x->styles, &x->part);
	if (zip_part(x->zip, "xl/styles.xml", &x->part, e) != 0)
		return -1;
	xlsx_theme_xml(&x->part);
	if (zip_part(x->zip, "xl/theme/theme1.xml", &x->part, e) != 0)
		return -1;
	xlsx_app(&x->part);
	if (zip_part(x->zip, "docProps/app.xml", &x->part, e) != 0)
		return -1;
	xlsx_content_types(&x->part, &x->book);
	if (zip_part(x->zip, "[Content_Types].xml", &x->part, e) != 0)
		return -1;
	return zip_finish(x->zip, e);
}

static const char *xlsx_remark(struct encoder *enc)
{
	struct xlsx *x = (struct xlsx *)enc;

	if (x->cut == 0)
		return NULL;
	snprintf(x->remark, sizeof(x->remark),
	    "%lld %s cut at 32,767 characters, which is all that Excel takes",
	    (long long)x->cut, x->cut == 1 ? "cell was" : "cells were");
	return x->remark;
}

static void xlsx_free(struct encoder *enc)
{
	struct xlsx *x = (struct xlsx *)enc;

	close_section(x);
	zip_free(x->zip);
	xlsx_styles_free(&x->styles);
	xlsx_book_free(&x->book);
	buf_free(&x->rows);
	buf_free(&x->part);
	buf_free(&x->scratch);
	free(x);
}

static const struct encoder_option xlsx_options[] = {
    LAYOUT_OPTIONS,
    CHART_OPTION,
    {"autofilter", JSON_TRUE, NULL,
	"buttons in the header that filter and sort; default true", NULL},
    COMMON_OPTIONS,
    SECTIONS_OPTION,
    {NULL, JSON_NULL, NULL, NULL, NULL},
};

const struct encoder_type encoder_xlsx = {
    .name = "XLSX",
    .alias = "EXCEL",
    .extension = "xlsx",
    .media_type =
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    .options = xlsx_options,
    .open = xlsx_open,
    .begin = xlsx_begin,
    .rows = xlsx_rows,
    .end = xlsx_end,
    .finish = xlsx_finish,
    .free = xlsx_free,
    .remark = xlsx_remark,
};
