/* SPDX-License-Identifier: MIT */
#include "encode/xlsx/xlsx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "encode/xlsx/sheet.h"

#define BUF_MAX ((size_t)1 << 30)
#define PART_CHUNK ((size_t)256 << 10)
#define REMARK_MAX ((size_t)2000)

static const struct xlsx_limits excel = {
    .rows = 1048576,
    /* The rest has room for the XML around the rows. */
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
	buf_init(&x->remark, REMARK_MAX);
	x->info = o->info ? *o->info : nobody;
	x->autofilter = json_bool(o->options, "autofilter", true);
	x->zip = zip_open(o->sink);
	xlsx_styles_init(&x->styles);
	xlsx_strings_open(&x->strings);
	buf_init(&x->rows, BUF_MAX);
	buf_init(&x->part, BUF_MAX);
	buf_init(&x->scratch, BUF_MAX);
	/* The part of the relations comes first, where file(1) looks for the mark of a
	 * workbook. */
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

/* Returns the formats from which each number takes one by its decimals; NULL
 * for a column that needs none: one with a format of its own, or with a fixed
 * scale that Excel can show in full. */
static const int *scales_of(struct xlsx *x, const struct column *c, int column)
{
	const struct column_layout *l = &x->base.layout.columns[column];
	struct xlsx_side side = xlsx_side_of(&x->base.layout, column);
	int *set = x->scales[side.apart ? XLSX_SIDES - 1 : (int)l->align];

	if (l->format != NULL ||
	    (c->kind != KIND_FLOAT && c->kind != KIND_DECIMAL) ||
	    (c->precision > 0 && c->precision <= XLSX_DIGITS))
		return NULL;
	/* Format 0 is that of plain text, so 0 means "not made yet". General
	 * rounds to the width of the column, so it needs no shrinking. */
	if (set[0] == 0)
		set[0] = xlsx_style(&x->styles, XLSX_GENERAL, side, XLSX_BODY);
	for (int i = 1; i <= XLSX_SCALES && set[i] == 0; i++)
		set[i] = xlsx_style(
		    &x->styles, xlsx_scale_code(i - 1), side, XLSX_NUMBER);
	return set;
}

/* Returns how values become numbers under a code of the options; f is NULL
 * without a code: then by their kind. */
static struct xlsx_rule rule_of(const struct column *c, const struct format *f)
{
	struct xlsx_rule rule = {
	    .kind = c->kind, .unit = 1000, .rounds = f, .money = c->money};

	if (f == NULL)
		return rule;
	for (int i = format_second_digits(f); i < 3; i++)
		rule.unit *= 10;
	if (c->kind == KIND_TIMETZ && format_use(f) != FORMAT_ANY)
		rule.kind = KIND_TIME;
	return rule;
}

static void open_column(struct xlsx *x, int i)
{
	const struct column *c = &x->schema->columns[i];
	const struct column_layout *l = &x->base.layout.columns[i];
	struct xlsx_side side = xlsx_side_of(&x->base.layout, i);
	char room[XLSX_CODE_MAX];
	struct err e;
	struct format *f = l->format ? format_open(l->format, &e) : NULL;
	/* Under General a date would be shown as the number that it is in
	 * Excel. */
	bool own = f != NULL &&
		   (kind_is_number(c->kind) || format_use(f) != FORMAT_ANY ||
		       strcmp(xlsx_code(c, false, room), XLSX_GENERAL) == 0);
	const char *code = own ? l->format : xlsx_code(c, false, room);
	const char *fraction = own ? l->format : xlsx_code(c, true, room);
	struct xlsx_rule rule = rule_of(c, own ? f : NULL);
	enum xlsx_role role =
	    strcmp(code, XLSX_GENERAL) == 0 ? XLSX_BODY : XLSX_NUMBER;
	struct xlsx_look look = {
	    .usual = xlsx_style(&x->styles, code, side, role),
	    .fraction = xlsx_style(&x->styles, fraction, side, role),
	    .wrapped = xlsx_style(&x->styles, code, side, XLSX_WRAPPED),
	    .scales = scales_of(x, c, i),
	};

	if (look.scales != NULL && c->precision == 0)
		look.usual = look.scales[0];
	xlsx_column_init(&x->columns[i], i, &rule, &look);
	x->columns[i].fixed = c->precision > 0;
	if (xlsx_has_lines(c->kind))
		xlsx_column_wrap(&x->columns[i],
		    l->width > 0 ? (int)l->width : XLSX_LINE, false);
	format_close(f);
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
	x->section = mem_strdup(section->name);
	x->name = mem_strdup(section->name ? section->name : x->info.title);
	x->schema = section->schema;
	x->columns = mem_zalloc((size_t)count * sizeof(*x->columns) + 1);
	xlsx_widths_open(&x->widths, x->schema, &enc->layout);
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
		    chart_check_value(x->chart.type,
			&x->schema->columns[x->chart.values[0]],
			&v[x->chart.values[0]], &v[x->chart.category], e) != 0)
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
	x->left_out += x->points.left_out;
	xlsx_points_free(&x->points);
	free(x->columns);
	xlsx_widths_close(&x->widths);
	free(x->name);
	free(x->section);
	x->columns = NULL;
	x->name = x->section = NULL;
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

/* Adds an empty sheet, as a workbook must have one. */
static int empty_sheet(struct xlsx *x, struct err *e)
{
	static const struct schema nothing;

	x->schema = &nothing;
	x->sampling = true;
	x->has_chart = false;
	return xlsx_sheet_begin(x, e) == 0 ? xlsx_sheet_end(x, e) : -1;
}

static int put_strings(struct xlsx *x, struct err *e)
{
	struct buf *b = &x->part;

	zip_begin(x->zip, "xl/sharedStrings.xml");
	buf_printf(b,
	    XLSX_XML "<sst xmlns=\"" XLSX_MAIN "\" uniqueCount=\"%zu\">",
	    xlsx_strings_count(&x->strings));
	for (size_t i = 0; i < xlsx_strings_count(&x->strings); i++) {
		xlsx_strings_add(&x->strings, i, b);
		if (b->len > PART_CHUNK && zip_add(x->zip, b, e) != 0)
			return -1;
	}
	buf_str(b, "</sst>");
	return zip_add(x->zip, b, e) == 0 ? zip_end(x->zip, e) : -1;
}

static void add_losses(struct buf *b, const struct xlsx_losses *l)
{
	if (l->cut > 0)
		buf_printf(b,
		    "%s%lld %s cut at 32,767 characters, which is all that "
		    "Excel takes",
		    b->len ? "; " : "", (long long)l->cut,
		    l->cut == 1 ? "cell was" : "cells were");
	if (l->rounded > 0)
		buf_printf(b,
		    "%s%lld %s rounded to 15 digits, which is all that Excel "
		    "has",
		    b->len ? "; " : "", (long long)l->rounded,
		    l->rounded == 1 ? "number was" : "numbers were");
}

static void make_remark(struct xlsx *x)
{
	struct buf *b = &x->remark;

	add_losses(b, &x->losses);
	chart_remark(x->left_out, b);
	if (x->zeros)
		buf_printf(b,
		    "%sin charts of more than %d rows, numbers that had to be "
		    "text are drawn as 0",
		    b->len ? "; " : "", CHART_POINTS);
}

static int xlsx_finish(struct encoder *enc, struct err *e)
{
	struct xlsx *x = (struct xlsx *)enc;

	if (x->book.count == 0 && empty_sheet(x, e) != 0)
		return -1;
	x->book.strings = xlsx_strings_count(&x->strings) > 0;
	if (x->book.strings && put_strings(x, e) != 0)
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
	make_remark(x);
	return zip_finish(x->zip, e);
}

static const char *xlsx_remark(struct encoder *enc)
{
	struct xlsx *x = (struct xlsx *)enc;

	return x->remark.len > 0 ? x->remark.data : NULL;
}

static void xlsx_free(struct encoder *enc)
{
	struct xlsx *x = (struct xlsx *)enc;

	close_section(x);
	zip_free(x->zip);
	xlsx_styles_free(&x->styles);
	xlsx_strings_close(&x->strings);
	xlsx_book_free(&x->book);
	buf_free(&x->remark);
	buf_free(&x->rows);
	buf_free(&x->part);
	buf_free(&x->scratch);
	free(x);
}

static const struct option_rule xlsx_own[] = {
    {"autofilter", JSON_TRUE, NULL,
	"buttons in the header that filter and sort; default true", NULL},
    OPTION_END,
};
static const struct option_owner xlsx_options = {"XLSX", xlsx_own, NULL};

const struct encoder_type encoder_xlsx = {
    .name = "XLSX",
    .alias = "EXCEL",
    .extension = "xlsx",
    .media_type =
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    .options = {&layout_options, &chart_options, &xlsx_options},
    .open = xlsx_open,
    .begin = xlsx_begin,
    .rows = xlsx_rows,
    .end = xlsx_end,
    .finish = xlsx_finish,
    .free = xlsx_free,
    .remark = xlsx_remark,
};
